"""What is to be read for a choice of windows and features, and how the answer is taken apart."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from shopper_reader.catalogue import SESSION, Catalogue
from shopper_reader.errors import UnknownFeatureError, UnknownWindowError
from shopper_reader.specs import START, Fields, Spec, specs_of
from shopper_reader.verdicts import SAME_AS

Names = str | Iterable[str] | None
"""One name, several, or None: all."""
Reply = Sequence[bytes | None] | Mapping[bytes, bytes]
"""What Redis, or its client for clusters, answers to the command of a plan."""
META: Final = (SAME_AS, b"_v", b"_at", b"_next", b"_until", b"_gone", b"_capped", b"_owner")
POINTING: Final = 30
"""A row that points has no features, and no more fields than this: 26 where branches run apart."""
FEW: Final = 24
"""Up to so many fields are asked for by name: Redis looks each up from the beginning of the hash."""


@dataclass(frozen=True)
class WindowPlan:
    """How one window is read."""

    label: str
    specs: Mapping[str, Spec]
    names: tuple[str, ...]
    """The features that were asked for."""
    everything: bool
    reach: Callable[[Fields, int], int]
    """Back to which moment (epoch ms) the values depend on events."""
    wanted: tuple[bytes, ...]
    """Fields to be asked for by name; none: all of them."""

    @property
    def command(self) -> tuple[bytes, tuple[bytes, ...]]:
        """The command, and what follows the key."""
        return (b"HMGET", self.wanted) if self.wanted else (b"HGETALL", ())

    def may_point(self, reply: Reply) -> bool:
        """Whether it is worth looking if the reply points to a user; cheap, since nearly none does."""
        if self.wanted and not isinstance(reply, Mapping):
            return bool(reply) and reply[0] is not None
        return len(reply) <= 2 * POINTING and SAME_AS in reply

    def fields(self, reply: Reply) -> Fields:
        """The fields that Redis answered; a reply that is an error has none."""
        if isinstance(reply, Mapping):
            return reply
        if not self.wanted:
            pairs: Any = dict(zip(reply[::2], reply[1::2], strict=True))
            return pairs  # type: ignore[no-any-return]
        return {name: value for name, value in zip(self.wanted, reply, strict=False) if value is not None}


class Planner:
    """Makes plans, each once."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Prepare every window of the catalogue."""
        self._catalogue = catalogue
        self._specs = {label: specs_of(catalogue, label) for label in catalogue.labels}
        self._made: dict[tuple[tuple[str, ...] | None, ...], tuple[WindowPlan, ...]] = {}

    @property
    def names(self) -> set[str]:
        """Names of all features of all windows."""
        return {name for specs in self._specs.values() for name in specs}

    def plan(self, windows: Names, features: Names) -> tuple[WindowPlan, ...]:
        """The plans of the windows; without windows, of all that have one of the features.

        Raises:
            UnknownWindowError: if there is no such window.
            UnknownFeatureError: if none of the windows has the feature.
        """
        asked = _tuple(windows), _tuple(features)
        plans = self._made.get(asked)
        if plans is None:
            plans = self._made[asked] = self._plan(*asked)
        return plans

    def _plan(
        self, windows: tuple[str, ...] | None, features: tuple[str, ...] | None
    ) -> tuple[WindowPlan, ...]:
        labels = self._catalogue.labels if windows is None else windows
        if not labels or features == ():
            msg = "nothing is asked for: give a window and a feature, or None for all"
            raise UnknownWindowError(msg)
        for label in labels:
            if label not in self._specs:
                msg = f"there is no window {label!r}; the catalogue has {', '.join(self._catalogue.labels)}"
                raise UnknownWindowError(msg)
        for name in features or ():
            if not any(name in self._specs[label] for label in labels):
                raise self._unknown(name, labels)
        if windows is None and features is not None:
            labels = tuple(label for label in labels if not self._specs[label].keys().isdisjoint(features))
        return tuple(self._window(label, features) for label in labels)

    def _window(self, label: str, features: tuple[str, ...] | None) -> WindowPlan:
        all_specs = self._specs[label]
        names = tuple(all_specs) if features is None else tuple(n for n in features if n in all_specs)
        fields = dict.fromkeys(META + ((START.encode(),) if label == SESSION else ()))
        for name in names:
            fields |= dict.fromkeys(all_specs[name].fields)
        wanted = tuple(fields) if features is not None and len(fields) <= FEW else ()
        specs = all_specs if features is None else {name: all_specs[name] for name in names}
        return WindowPlan(label, specs, names, features is None, self._reach(label), wanted)

    def _reach(self, label: str) -> Callable[[Fields, int], int]:
        window = self._catalogue.window.get(label)
        if window is not None:
            return lambda _fields, now: window.start(now)
        gap = self._catalogue.session_gap_ms
        # A session may have begun before the first of its events that the job has read, by one pause.
        return lambda fields, now: _instant(fields.get(START.encode()), now) - gap

    def _unknown(self, name: str, labels: Sequence[str]) -> UnknownFeatureError:
        known = sorted({known for label in labels for known in self._specs[label]})
        close = get_close_matches(name, known, 3)
        meant = f"; did you mean {' or '.join(close)}?" if close else ""
        return UnknownFeatureError(f"no window of {', '.join(labels)} has a feature {name!r}{meant}")


def _instant(raw: bytes | None, otherwise: int) -> int:
    return int(raw) if raw is not None and raw.isdigit() else otherwise


def _tuple(names: Names) -> tuple[str, ...] | None:
    return (names,) if isinstance(names, str) else None if names is None else tuple(names)
