"""The kind of device behind an event, and whether it is a robot.

The best evidence wins: YAUAA's class, ua-parser's entity, the user agent parsed here, the tracker's platform.
"""

from functools import lru_cache
from typing import Any, Final

from events.device_tables import (
    ANDROID,
    FAMILIES,
    MOBILE,
    PLATFORMS,
    PROGRAMS,
    SYSTEMS,
    TELEVISION,
    WATCH,
    YAUAA_CLASSES,
)
from events.record import Entities

_LONGEST_AGENT: Final = 1_000
_AGENTS_KEPT: Final = 4_096


def device_of(entities: Entities, agent: str | None, platform: str | None) -> str | None:
    """One of `DEVICES`, or None where nothing tells.

    The user agent of a server-side tracker (`platform` is `srv`) is that of a program on a server and says
    nothing of the shopper.
    """
    if platform == "srv":
        agent = None
    elif agent is not None:
        agent = agent[:_LONGEST_AGENT]
    if "yauaa_context" in entities:
        device_class = _field(entities, "yauaa_context", "deviceClass")
        if (device := YAUAA_CLASSES.get(device_class)) is not None:
            return device
    if "ua_parser_context" in entities:
        family = _field(entities, "ua_parser_context", "deviceFamily")
        system = _field(entities, "ua_parser_context", "osFamily")
        program = _field(entities, "ua_parser_context", "useragentFamily")
        if (device := _classified(agent or "", family, system, program)) is not None:
            return device
    if agent is not None and (device := device_of_agent(agent)) is not None:
        return device
    return None if platform is None else PLATFORMS.get(platform)


def is_robot(entities: Entities, device: str | None) -> bool:
    """Whether anything says that the event is a robot's."""
    return (
        device == "robot"
        or _flag(entities, "spiders_and_robots", "spiderOrRobot")
        or _flag(entities, "bot_detection", "bot")
    )


@lru_cache(maxsize=_AGENTS_KEPT)
def device_of_agent(agent: str) -> str | None:
    """Kind of device by its user agent, None where it does not tell.

    >>> device_of_agent("Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148")
    'tablet'
    """
    # Its regular expressions take 0.2 s to load: only where a user agent must be parsed.
    import ua_parser  # noqa: PLC0415

    found = ua_parser.parse(agent)
    return _classified(
        agent,
        found.device.family if found.device else "",
        found.os.family if found.os else "",
        found.user_agent.family if found.user_agent else "",
    )


def _classified(agent: str, family: str, system: str, program: str) -> str | None:  # noqa: PLR0911 - rules in order
    if family == "Spider" or program in PROGRAMS:
        return "robot"
    if TELEVISION.search(agent) or TELEVISION.search(family):
        return "tv"
    if WATCH.search(agent) or WATCH.search(family):
        return "watch"
    if (device := FAMILIES.get(family) or SYSTEMS.get(system)) is not None:
        return device
    if system.startswith("Windows"):
        return "desktop"
    if system == "Android" or ANDROID.search(agent):
        # Only browsers keep the rule; an app's own text ("snowplow/andr-5.0.0 android/11") says neither.
        return "tablet" if agent.startswith("Mozilla/") and not MOBILE.search(agent) else "phone"
    return None if family in ("", "Other") else "other"


def _field(entities: Entities, name: str, field: str) -> str:
    """A text of the first entity of that name; what enrichments write is no reason to lose an event."""
    value = _first(entities, name).get(field)
    return value if isinstance(value, str) else ""


def _flag(entities: Entities, name: str, field: str) -> bool:
    return _first(entities, name).get(field) is True


def _first(entities: Entities, name: str) -> dict[str, Any]:
    found = entities.get(name)
    return found[0] if found and isinstance(found[0], dict) else {}
