"""One shopper and a clock, for tests that tell the logic a story and look at what it shows."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from events.event import PRODUCT_VIEW, Event, Product
from features.logic import ShopperLogic, Verdict
from features.row import FeatureRow
from features.state import ShopperState
from tests.logics import logic_of

T = 1_709_640_000_000
"""5 March 2024, 12:00 UTC: the edge of a pane of every width."""
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Place = tuple[str, str, str]


class Shown:
    """What a store would show: the rows as they were written, until they expire or are deleted."""

    def __init__(self) -> None:
        self.rows: dict[Place, FeatureRow] = {}
        self.deleted: list[str] = []

    def write(self, rows: list[FeatureRow]) -> None:
        for row in rows:
            place = (row.entity, row.entity_id, row.window)
            former = self.rows.pop(place, None)
            if row.values is None:
                if former is not None or not row.if_there:
                    self.deleted.append(row.entity_id)
            elif row.until > row.at:
                self.rows[place] = row if row.base is None else applied(former, row)

    def at(self, as_of: int) -> dict[Place, dict[str, Any]]:
        """Values of the rows that have not expired."""
        return {place: dict(row.values or {}) for place, row in self.rows.items() if as_of < row.until}


def applied(former: FeatureRow | None, row: FeatureRow) -> FeatureRow:
    """A partial row on top of the one that is stored, which must be its base."""
    assert former is not None, f"{row} is to be applied on top of nothing"
    assert (former.seen, former.at) == row.base, (former, row)
    assert row.at < former.until, f"{former} has expired before {row}"
    assert former.values is not None
    assert row.values is not None
    assert row.values.keys().isdisjoint(row.absent)
    values = {name: value for name, value in former.values.items() if name not in row.absent} | row.values
    return replace(row, values=values, base=None, absent=())


class OneShopper:
    """Ann, whose state goes through a logic; wake-ups happen when the state asks for them."""

    def __init__(self, logic: ShopperLogic | None = None, packed: bool = False) -> None:
        self.logic = logic or logic_of()
        self.state: ShopperState = self.logic.zero()
        self.shown = Shown()
        self.now = T
        self._packed = packed
        self._events = 0

    def tell(self, kind: str, at: int = 0, *products: Product, **fields: Any) -> Verdict:
        """Apply an event at `T + at`, as of that moment or the latest one."""
        self._events += 1
        fields = {"event_id": f"e{self._events}", "session_id": "s"} | fields
        return self.apply(Event("ann", at=T + at, kind=kind, products=products, **fields), T + at)

    def view(self, at: int = 0, product: str = "hat", **fields: Any) -> Verdict:
        """Apply a product view."""
        return self.tell(PRODUCT_VIEW, at, Product(product), **fields)

    def apply(self, event: Event, as_of: int) -> Verdict:
        """Apply any event; time passes first."""
        self.wait(as_of - T)
        verdict = self.logic.apply(self.state, event, as_of)
        self._write()
        return verdict

    def feed(self, events: Iterable[Event]) -> None:
        """Apply many events, each at its own time, and look once, at the end."""
        for event in events:
            self.logic.apply(self.state, event, event.at)
        self.now = max(self.now, self.state.at)
        self._write()

    def wait(self, until: int) -> None:
        """Let time pass to `T + until`, waking up at each moment that the state names."""
        while self.state.next <= T + until and self.state.seen and not self.state.gone(self.state.at):
            self.now = max(self.now, self.state.next)
            self.logic.advance(self.state, self.now)
            self._write()
        self.now = max(self.now, T + until)

    def window(self, label: str = "5min") -> dict[str, Any] | None:
        """The shown values of a window, None where its row is gone."""
        return self.shown.at(self.now).get(("user", "ann", label))

    def session(self, session_id: str = "") -> dict[str, Any] | None:
        """The shown values of a session, by default the current one."""
        place = ("session", session_id) if session_id else ("user", "ann")
        return self.shown.at(self.now).get((*place, "session"))

    def row(self, label: str = "5min") -> FeatureRow:
        """The row as it was written last."""
        return self.shown.rows["user", "ann", label]

    def _write(self) -> None:
        if self._packed:
            self.state = self.logic.load(self.logic.dump(self.state))
        self.shown.write(self.logic.rows(self.state, "ann"))
        if self._packed:
            self.state = self.logic.load(self.logic.dump(self.state))
