"""Who comes to the synthetic shop: shoppers, their devices, and what all records of a device repeat."""

from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Final

NAMELESS: Final = 0.003
"""Share of devices that send no id at all: cookies and storage are switched off."""
SESSION_PAUSE_MS: Final = 30 * 60_000
"""The tracker's rule: after this long without an event a new session begins."""

_TRIES: Final = 8
_PLACES: Final = (
    ("DE", "BE", "Berlin", "10115", "52.52", "13.40", "Land Berlin", "Europe/Berlin"),
    ("DE", "HH", "Hamburg", "20095", "53.55", "9.99", "Free and Hanseatic City of Hamburg", "Europe/Berlin"),
    ("FR", "IDF", "Paris", "75001", "48.86", "2.35", "Île-de-France", "Europe/Paris"),
    ("NL", "NH", "Amsterdam", "1012", "52.37", "4.90", "North Holland", "Europe/Amsterdam"),
    ("GR", "I", "Athens", "105 52", "37.98", "23.73", "Attica", "Europe/Athens"),
    ("ES", "MD", "Madrid", "28001", "40.42", "-3.70", "Madrid", "Europe/Madrid"),
    ("GB", "ENG", "London", "EC1A", "51.51", "-0.13", "England", "Europe/London"),
    ("US", "NY", "New York", "10001", "40.71", "-74.01", "New York", "America/New_York"),
    ("JP", "13", "Tokyo", "100-0001", "35.69", "139.69", "Tokyo", "Asia/Tokyo"),
)
_PLACE_WEIGHTS: Final = (26, 14, 15, 14, 9, 9, 6, 5, 2)
_CURRENCY_OF: Final = {"GB": "GBP", "US": "USD", "JP": "JPY"}
_KIT: Final = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_CHROME: Final = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0"
_AGENTS: Final = (
    ("web", "Desktop", f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36"),
    (
        "web",
        "Desktop",
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_KIT} Version/17.6 Safari/605.1.15",
    ),
    (
        "web",
        "Phone",
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {_KIT} Mobile/15E148 Safari/604.1",
    ),
    ("web", "Phone", f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {_CHROME} Mobile Safari/537.36"),
    ("web", "Tablet", f"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) {_KIT} Mobile/15E148 Safari/604.1"),
    ("mob", "Phone", "ShopApp/4.2.0 (iPhone; iOS 17.5; Scale/3.00)"),
    ("web", "Robot", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
)
_AGENT_WEIGHTS: Final = (28, 16, 20, 18, 6, 11, 1)


_YAUAA: Final = (
    '{"schema":"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1","data":[{"schema":"iglu:nl.basjes/'
    'yauaa_context/jsonschema/1-0-4","data":{"deviceClass":"KIND","agentClass":"Browser"}}]}'
)


@dataclass(slots=True, eq=False)
class Device:
    """One browser or app: its ids, its session, and what every record of it repeats."""

    platform: str
    anonymous_id: str
    head: str
    """Fields 13 and 14: address, fingerprint."""
    place: str
    """Fields 17 to 28: server cookie and place."""
    tail: str
    """Fields 77 to 118: user agent, screen, zone."""
    derived: str
    """Field 122: what the enrichments made of the user agent."""
    sends_client_session: bool
    clock_off_ms: int
    """How far the device's own clock is ahead."""
    session_id: str = ""
    session_index: int = 0
    event_index: int = 0
    last_ms: int = -(10**15)
    user_id: str = ""
    in_use: bool = False


@dataclass(slots=True, eq=False)
class Shopper:
    """A person with an account, one to three devices and one currency."""

    account: str
    currency: str
    devices: list[Device]
    orders: list[tuple[str, int]] = field(default_factory=list)
    """Id and value in minor units of the last orders: what may be sent back."""


class People:
    """All who may come; `draw` prefers the regulars (Zipf) and makes a shopper at the first visit."""

    def __init__(self, rng: Random, shoppers: int) -> None:
        """Know how often each of `shoppers` comes."""
        self._rng = rng
        self._known: dict[int, Shopper] = {}
        self._numbers = range(shoppers)
        self._cumulated = list(accumulate((rank + 1) ** -0.9 for rank in self._numbers))

    def draw(self) -> tuple[Shopper, Device]:
        """Return a shopper and a device that is not in use, as far as a few tries find one."""
        shopper, device = self._anybody()
        for _ in range(_TRIES):
            if not device.in_use:
                break
            shopper, device = self._anybody()
        device.in_use = True
        return shopper, device

    def _anybody(self) -> tuple[Shopper, Device]:
        number = self._rng.choices(self._numbers, cum_weights=self._cumulated)[0]
        shopper = self._known.get(number)
        if shopper is None:
            shopper = self._known[number] = _shopper(self._rng, number)
        return shopper, self._rng.choice(shopper.devices)


def guest(rng: Random, account: str) -> Shopper:
    """A person with a desktop browser in Berlin, whose own clock is right; not logged in."""
    device = Device(
        platform="web",
        anonymous_id=uuid(rng),
        head="192.0.2.7\t",
        place="\t".join((uuid(rng), *_PLACES[0][:7], "", "", "", "")),
        tail=_screen(_AGENTS[0][2], "Desktop", _PLACES[0][7]),
        derived=_YAUAA.replace("KIND", "Desktop"),
        sends_client_session=True,
        clock_off_ms=0,
    )
    return Shopper(account, "EUR", [device])


def touch_session(rng: Random, device: Device, now_ms: int) -> None:
    """Begin a session of the device if its last event is long ago; count the event."""
    if now_ms - device.last_ms > SESSION_PAUSE_MS:
        device.session_id = uuid(rng)
        device.session_index += 1
        device.event_index = 0
    device.last_ms = now_ms
    device.event_index += 1


def happens(rng: Random, share: float) -> bool:
    """Throw the dice."""
    return rng.random() < share


def uuid(rng: Random) -> str:
    """Return a random UUID of version 4 that depends on nothing but `rng`."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _shopper(rng: Random, number: int) -> Shopper:
    place = rng.choices(_PLACES, _PLACE_WEIGHTS)[0]
    devices = [_device(rng, place) for _ in range(rng.choices((1, 2, 3), (62, 29, 9))[0])]
    return Shopper(f"customer-{number:06d}", _CURRENCY_OF.get(place[0], "EUR"), devices)


def _device(rng: Random, home: tuple[str, ...]) -> Device:
    platform, kind, agent = rng.choices(_AGENTS, _AGENT_WEIGHTS)[0]
    place = rng.choice(_PLACES) if happens(rng, 0.1) else home
    address = f"{rng.randrange(11, 223)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
    nameless = happens(rng, NAMELESS)
    return Device(
        platform=platform,
        anonymous_id="" if nameless else uuid(rng),
        head=f"{address}\t",
        place="\t".join((uuid(rng), *place[:7], "", "", "", "")),
        tail=_screen(agent, kind, place[7]),
        derived=_YAUAA.replace("KIND", kind) if happens(rng, 0.6) else "",
        sends_client_session=not nameless and (platform == "mob" or happens(rng, 0.5)),
        clock_off_ms=rng.choice((-3_600_000, 7_200_000)) if happens(rng, 0.03) else round(rng.gauss(0, 900)),
    )


def _screen(agent: str, kind: str, zone: str) -> str:
    """Return fields 77 to 118: agent, language, colours, view, zone, screen, document, zone of the place."""
    width, height = (1920, 1080) if kind == "Desktop" else (390, 844)
    return (
        f"{agent}\t\t\t\t\t\ten-GB\t\t\t\t\t\t\t\t\t\t1\t24\t{width}\t{height - 120}\t\t\t\t{zone}\t\t"
        f"\t{width}\t{height}\tUTF-8\t{width}\t4210\t\t\t\t\t\t\t\t{zone}\t\t\t"
    )
