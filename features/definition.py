"""The vocabulary in which features are declared: feature, derived feature, view."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Literal, Protocol
from zlib import crc32

from events.event import Event
from features.aggregates.base import Aggregate
from features.settings import Definitions

Scope = Literal["rolling", "session"]
FactMaker = Callable[[Event, bool, Definitions], Any]
"""Makes a view's fact of an event; the flag says whether a transaction is an order (its id is new)."""

TYPES = frozenset({"int", "float", "money", "str", "bool", "list", "ms", "s"})


@dataclass(frozen=True)
class Feature:
    """One value that a view gives for each window or session: an aggregate over the view's facts.

    Two features of a view with the same aggregate over the same kinds share one accumulator. A name that
    begins with `_` is an ingredient of derived features and is not written.

    Raises:
        ValueError: if the type is unknown or `read` is no read-out of the aggregate.
    """

    name: str
    aggregate: Aggregate
    doc: str
    on: tuple[str, ...] = ()
    """Kinds of event that it counts; none given: every fact of the view."""
    read: str = "result"
    """Which read-out of the aggregate gives the value."""
    type: str = "int"
    unit: str = ""
    formerly: tuple[str, ...] = ()
    """The kinds that it counted before others were added: what was counted then goes on to count."""

    def __post_init__(self) -> None:
        """Check type and read-out at import time rather than at the first event."""
        if self.type not in TYPES:
            msg = f"feature {self.name!r}: type {self.type!r} is none of {sorted(TYPES)}"
            raise ValueError(msg)
        if not callable(getattr(self.aggregate, self.read, None)):
            msg = f"feature {self.name!r}: {type(self.aggregate).__name__} has no read-out {self.read!r}"
            raise ValueError(msg)  # noqa: TRY004 (the declaration is wrong, not its type)


@dataclass(frozen=True)
class Derived:
    """A value computed from other features of the same view: the function's parameters name them.

    A parameter is None where its feature has no value.
    """

    name: str
    function: Callable[..., Any]
    doc: str
    type: str = "int"
    unit: str = ""
    inputs: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Read the inputs off the function's signature."""
        object.__setattr__(self, "inputs", tuple(inspect.signature(self.function).parameters))

    @property
    def identity(self) -> str:
        """What the value depends on beside what it reads."""
        # As compiled, and so the same for the same source and Python; names inside are those of globals.
        code = self.function.__code__
        made_of = [repr(each) for each in code.co_consts if not isinstance(each, CodeType)]
        told = (self.inputs, code.co_code, code.co_names, made_of)
        return f"{self.name} {self.type} {crc32(repr(told).encode())}"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def check_names(view: str, features: Iterable[_Named]) -> None:
    """Check that each name comes once, and each derived feature after what it reads.

    Raises:
        ValueError: naming the view and the first feature of which that is not so.
    """
    known: set[str] = set()
    for feature in features:
        missing = set(getattr(feature, "inputs", ())) - known
        if missing or feature.name in known:
            fault = f"reads {sorted(missing)}, which come later or never" if missing else "comes twice"
            msg = f"view {view!r}: feature {feature.name!r} {fault}; known so far: {sorted(known)}"
            raise ValueError(msg)
        known.add(feature.name)


@dataclass(frozen=True)
class FeatureView:
    """Features of the shopper (or of a session) computed from one branch of the event stream.

    Raises:
        ValueError: if a derived feature reads what the view does not define before it, a name comes twice, or
            two accumulators would share a slot.
    """

    name: str
    branch: str
    """The branch of the job that computes it: product, category, cart, purchase or session."""
    fact: FactMaker
    features: tuple[Feature | Derived, ...]
    kinds: frozenset[str] | None = None
    """Kinds of event that the view wants; None: all but untyped actions."""
    sessionless: bool = False
    """Whether it also wants every event that has no session id."""
    scope: Scope = "rolling"
    currency: tuple[str, ...] = ()
    """The features that choose the currency of its money, first with a value wins; they come first."""
    mixed: str = ""
    """The feature that remembers the currencies: amounts in others than it has room for are left out."""

    def __post_init__(self) -> None:
        """Check the view's own consistency."""
        check_names(self.name, self.features)
        slots = {(self.slot(f), repr(f.aggregate), f.on) for f in self.accumulated()}
        if len({slot for slot, _, _ in slots}) < len(slots):
            msg = f"view {self.name!r}: two accumulators share a slot; rename the view"
            raise ValueError(msg)

    def accumulated(self) -> list[Feature]:
        """The features that are not derived."""
        return [feature for feature in self.features if isinstance(feature, Feature)]

    def slot(self, feature: Feature) -> int:
        """Where the feature's accumulator lies in the state: a number made of what it accumulates.

        A changed definition gets another slot, so that it starts empty instead of misreading old state; a
        renamed feature keeps its own, and so does one that counts further kinds and names its former ones.
        """
        on = feature.formerly or feature.on
        return crc32(f"{self.name}|{feature.aggregate!r}|{','.join(on)}".encode()) & 0xFFFF

    def identity(self, feature: Feature | Derived) -> str:
        """What a value depends on beside the state: where it changes, rows are to be made anew."""
        if isinstance(feature, Feature):
            return f"{feature.name} {feature.type} {self.slot(feature)} {feature.read}"
        return feature.identity

    def wants(self, event: Event) -> bool:
        """Whether the event is a fact of this view."""
        if self.kinds is None or event.kind in self.kinds:
            return True
        return self.sessionless and event.session_id is None

    def public(self) -> Iterable[Feature | Derived]:
        """The features that are written."""
        return (feature for feature in self.features if not feature.name.startswith("_"))
