"""Why a value is what it is: Redis' row, explained by the events that Kafka had for it."""

import threading
import time
from typing import Any, Final

from events.event import Event
from features.explain import Explainer, Heard, Step
from features.row import Value
from jobs.page.kept import Kept, about
from jobs.page.watch import TIMEOUT_S
from jobs.settings import Settings
from serving.page.service import RefusedError
from serving.redis_reader import RedisReader, RedisUnreachableError
from serving.shoppers import Hashes
from sinks.codec import decode, pointed_to
from sinks.keys import encode_id, key_name
from sinks.text import text_of

MOST_STEPS: Final = 100
_TRIES: Final = 15
_PAUSE_S: Final = 0.1

_SAME: Final = "Computed anew from these events: the same value as in Redis."
_GONE: Final = "There is no row in Redis, so there is no value: nothing of this shopper is inside the window."


class Why:
    """Explains values by the events that are kept. Thread-safe."""

    def __init__(self, settings: Settings, kept: Kept) -> None:
        """Compile the views; Redis is read at the first question."""
        self._settings = settings
        self._kept = kept
        self._explainer = Explainer(settings.definitions())
        self._reader = RedisReader(settings.redis_url, TIMEOUT_S)
        self._lock = threading.Lock()

    def explain(self, shopper: str, window: str, feature: str) -> dict[str, Any]:
        """Tell value, version, events and panes of a value as JSON.

        Raises:
            RefusedError: if there is no such feature, or Redis does not answer.
        """
        with self._lock:
            try:
                fields, heard = self._together(shopper, window)
                stored = decode(fields)
                if stored is None:
                    return {"there": False, "value": None, "same": False, "said": _GONE}
                why = self._explainer.explain(heard[: stored.seen], window, feature, stored.at)
            except RedisUnreachableError as error:
                raise RefusedError(str(error)) from None
            except ValueError as error:
                raise RefusedError(str(error)) from None
        value, computed = stored.features.get(feature), _text(why.value)
        same = value == computed
        return {
            "there": True,
            "value": value,
            "computed": computed,
            "same": same,
            "said": _SAME if same else self._doubt(computed, len(heard), stored.seen),
            "version": fields["_v"],
            "at": stored.at,
            "until": stored.until,
            "steps": [_step(step) for step in why.steps[-MOST_STEPS:]],
            "left_out": max(0, len(why.steps) - MOST_STEPS),
            "panes": [pane._replace(after=_text(pane.after))._asdict() for pane in why.panes],
        }

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()

    def _together(self, shopper: str, window: str) -> tuple[dict[str, str], list[Heard]]:
        """The row, and the events that were there when it was written; one may be a moment behind.

        Where the row points, they are the user's.
        """
        whose = pointed_to(self._row(shopper, window)) or shopper
        for tried in range(_TRIES):
            heard = self._kept.events(whose)
            fields = self._row(whose, window)
            if fields.get("_seen") == str(len(heard)):
                break
            if tried:
                time.sleep(_PAUSE_S)
        return fields, heard

    def _row(self, shopper: str, window: str) -> dict[str, str]:
        prefix, cluster = self._settings.redis_prefix, self._reader.cluster
        (fields,) = self._reader.hashes([key_name("user", encode_id(shopper), window, prefix, cluster)])
        return fields

    def _doubt(self, computed: str | None, kept: int, seen: int) -> str:
        told = f"Computed anew from the events at hand it is {'absent' if computed is None else computed}, "
        if kept < seen:
            return f"{told}but of the shopper's {seen} events only the last {kept} are kept here."
        return f"{told}with {kept} events at hand and {seen} in Redis: ask again in a moment."


def rows_now(hashes: Hashes) -> dict[str, dict[str, str]]:
    """A shopper's rows as they are shown: those that are there."""
    return {label: dict(fields) for label, fields in hashes.items() if decode(fields) is not None}


def _text(value: Value | None) -> str | None:
    return None if value is None else text_of(value)


def _device(event: Event) -> str:
    """Of an event without a user that counts for one: the device; else empty."""
    if event.user_id is not None or event.device_id in (event.shopper, None):
        return ""
    return event.device_id or ""


def _step(step: Step) -> dict[str, Any]:
    event = step.event
    return {
        "id": event.event_id,
        "at": event.at,
        "kind": event.kind,
        "about": about(event),
        "device": _device(event),
        "part": step.part,
        "leaves": step.leaves,
        "value": _text(step.value),
    }
