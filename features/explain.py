"""Why a value is what it is: the events and panes behind it, by the same logic as the live job's. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, Literal, NamedTuple

from events.event import Event
from features.definition import Derived, FeatureView
from features.facts import cut
from features.logic import ShopperLogic
from features.row import Value
from features.settings import Definitions, Window
from features.state import FUTURE_MS, ShopperState
from features.views import views

SESSION: Final = "session"

Part = Literal["counts", "left", "duplicate", "future", "late"]
"""What became of an event: it counts; its pane has left the window; it was seen before; it was more than two
minutes ahead of the clock; it was older than all that is kept."""


class Heard(NamedTuple):
    """An event, and when it came."""

    event: Event
    came: int
    """The job's clock at that moment, epoch milliseconds; Kafka's timestamp comes close."""


class Step(NamedTuple):
    """One event that the value is about."""

    event: Event
    part: Part
    leaves: int
    """The moment (epoch ms) from which it no longer counts; in a session: at which the row expires."""
    value: Value | None
    """The value with this event and those that came before it, in the window as it is now."""


class Pane(NamedTuple):
    """A slice of a rolling window with events that the value is about; times are epoch milliseconds."""

    start: int
    end: int
    leaves: int
    events: int
    after: Value | None
    """The value once the pane has left, if nothing else comes."""


class Explanation(NamedTuple):
    """What is behind one value, as of one moment."""

    value: Value | None
    steps: tuple[Step, ...]
    """In the order in which the events came."""
    panes: tuple[Pane, ...]
    """In the order in which they leave; a session has none."""


class Sample(NamedTuple):
    """Values of one window at one moment."""

    at: int
    values: dict[str, Value]


class Explainer:
    """Explains values of shoppers whose events are at hand, all of them and in the order they came.

    >>> from events.event import PRODUCT_VIEW
    >>> seen = [Heard(Event("ann", str(i), 1_000 * i, PRODUCT_VIEW, "s"), 1_000 * i) for i in (1, 2, 12)]
    >>> why = Explainer().explain(seen, "5min", "product_view_count", at=20_000)
    >>> why.value, [step.value for step in why.steps]
    (3, [1, 2, 3])
    >>> [(pane.start, pane.end, pane.leaves, pane.events, pane.after) for pane in why.panes]
    [(0, 10000, 310000, 2, 1), (10000, 20000, 320000, 1, None)]
    """

    def __init__(self, definitions: Definitions | None = None) -> None:
        """Compile the catalogue's views with the shop's settings."""
        self.definitions = definitions or Definitions()
        self._logic = ShopperLogic(definitions=self.definitions)
        self._windows = {window.label: window for window in self.definitions.windows}
        self._views: dict[str, dict[str, FeatureView]] = {"rolling": {}, SESSION: {}}
        for view in views(self.definitions):
            self._views[view.scope].update({feature.name: view for feature in view.public()})

    def explain(self, heard: Iterable[Heard], window: str, feature: str, at: int) -> Explanation:
        """Tell what is behind a feature of a shopper's window, or of the current session.

        Args:
            heard: all events of the shopper, in the order in which they came.
            window: a window's label, or `session`.
            feature: the feature's name.
            at: as of when, epoch milliseconds.

        Raises:
            ValueError: if there is no such window or feature.
        """
        view = self._view(window, feature)
        kinds = _kinds(view, feature)
        all_heard = list(heard)
        # Which session the row shows is known once all events are applied.
        session = self._apply(all_heard, at)[1].get(SESSION, {}).get("session_id")
        state = self._logic.zero()
        steps: list[Step] = []
        value: Value | None = None
        for each in all_heard:
            event = each.event
            before, part = value, self._part(state, each, window, at)
            values = self._values(state, event.shopper)
            shown = values.get(window, {})
            value = shown.get(feature) if window != SESSION or shown.get("session_id") == session else None
            meant = (kinds is None or event.kind in kinds) and view.wants(event)
            if window == SESSION and cut(event.session_id) not in (session, None):
                meant = False
            if before not in (None, value) or (meant and part != "left"):
                steps.append(Step(event, part, self._leaves(window, event), value))
        if window == SESSION:
            until = max((step.leaves for step in steps), default=0)
            return Explanation(value, tuple(step._replace(leaves=until) for step in steps), ())
        panes = self._panes(state, steps, self._windows[window], feature)
        return Explanation(value, tuple(steps), tuple(panes))

    def values(self, heard: Iterable[Heard], at: int) -> dict[str, dict[str, Value]]:
        """Every value of the shopper as of `at` (epoch ms), by window and feature."""
        return self._apply(heard, at)[1]

    def history(self, heard: Iterable[Heard], window: str, moments: Sequence[int]) -> list[Sample]:
        """A window's values at rising moments (epoch ms); after the last event: if nothing else comes."""
        state, shopper = self._logic.zero(), ""
        samples: list[Sample] = []
        waiting = list(moments)
        for each in heard:
            while waiting and waiting[0] < each.came:
                samples.append(self._sample(state, shopper, window, waiting.pop(0)))
            shopper = each.event.shopper
            self._logic.apply(state, each.event, each.came)
        return samples + [self._sample(state, shopper, window, moment) for moment in waiting]

    def _view(self, window: str, feature: str) -> FeatureView:
        if window not in (*self._windows, SESSION):
            msg = f"window {window!r} is none of {', '.join(self._windows)} and {SESSION}"
            raise ValueError(msg)
        known = self._views[SESSION if window == SESSION else "rolling"]
        if feature not in known:
            msg = f"feature {feature!r} is none of window {window!r}: {', '.join(sorted(known))}"
            raise ValueError(msg)
        return known[feature]

    def _apply(self, heard: Iterable[Heard], at: int) -> tuple[ShopperState, dict[str, dict[str, Value]]]:
        state, shopper = self._logic.zero(), ""
        for each in heard:
            shopper = each.event.shopper
            self._part(state, each, SESSION, at)
        self._logic.advance(state, at)
        return state, self._values(state, shopper)

    def _part(self, state: ShopperState, heard: Heard, window: str, at: int) -> Part:
        """Apply an event as of `at`: an earlier moment would make no difference to what is inside then."""
        if heard.event.at > heard.came + FUTURE_MS:
            return "future"
        verdict = self._logic.apply(state, heard.event, at)
        if verdict != "applied":
            return verdict
        return "counts" if window == SESSION or self._leaves(window, heard.event) > at else "left"

    def _leaves(self, window: str, event: Event) -> int:
        if window == SESSION:
            return event.at + self.definitions.session_retention_ms
        rolling = self._windows[window]
        return rolling.leaves_at(event.at // rolling.pane_ms)

    def _values(self, state: ShopperState, shopper: str) -> dict[str, dict[str, Value]]:
        rows = self._logic.all_rows(state, shopper)
        return {row.window: row.values or {} for row in rows if row.entity == "user" and row.until > state.at}

    def _sample(self, state: ShopperState, shopper: str, window: str, at: int) -> Sample:
        self._logic.advance(state, at)
        return Sample(at, self._values(state, shopper).get(window, {}))

    def _panes(
        self, state: ShopperState, steps: Iterable[Step], window: Window, feature: str
    ) -> Iterator[Pane]:
        inside = sorted((step for step in steps if step.part == "counts"), key=lambda step: step.leaves)
        for leaves, group in groupby(inside, key=lambda step: step.leaves):
            members = list(group)
            start = leaves - window.size_ms - window.pane_ms
            self._logic.advance(state, leaves)
            after = self._values(state, members[0].event.shopper).get(window.label, {}).get(feature)
            yield Pane(start, start + window.pane_ms, leaves, len(members), after)


def _kinds(view: FeatureView, name: str) -> frozenset[str] | None:
    """The kinds of event that a feature counts; None: every one that its view wants."""
    feature = next(each for each in view.features if each.name == name)
    if not isinstance(feature, Derived):
        return frozenset(feature.on) if feature.on else None
    kinds: set[str] = set()
    for source in feature.inputs:
        some = _kinds(view, source)
        if some is None:
            return None
        kinds |= some
    return frozenset(kinds)
