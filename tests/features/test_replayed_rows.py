"""After a crash events may be met again in another order: what is shown in the end is what the state says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.event import ADD_TO_CART, PAGE_VIEW, PRODUCT_VIEW, Event, Product
from features.logic import ShopperLogic
from features.row import FeatureRow, Value

pytestmark = pytest.mark.property

MINUTE = 60_000
NOW = 1_700_000_000_000
LATER = 10_000
Key = tuple[str, str, str]


class FencedRows:
    """What a store holds that refuses what is older, as sinks/fence.lua does."""

    def __init__(self) -> None:
        self._rows: dict[Key, FeatureRow] = {}

    def write(self, rows: list[FeatureRow]) -> bool:
        """Take rows; whether some were refused."""
        behind = False
        for row in rows:
            key = row.entity, row.entity_id, row.window
            stored = self._rows.get(key)
            if row.if_there and (stored is None or stored.values is None):
                continue
            if stored is None or (stored.seen, stored.at) <= (row.seen, row.at):
                self._rows[key] = row
            else:
                behind = True
        return behind

    def shown(self, as_of: int) -> dict[Key, dict[str, Value]]:
        return {
            key: row.values for key, row in self._rows.items() if row.values is not None and as_of < row.until
        }


def made(number: int, minutes: int, kind: str, session: str | None) -> Event:
    products = (Product(f"p{number}"),) if kind != PAGE_VIEW else ()
    return Event("ann", str(number), NOW - minutes * MINUTE, kind, session_id=session, products=products)


minutes = st.integers(0, 200) | st.sampled_from([3, 4, 5, 59, 60, 61, 600])
parts = st.tuples(
    minutes, st.sampled_from([PAGE_VIEW, PRODUCT_VIEW, ADD_TO_CART]), st.sampled_from([None, None, "s", "t"])
)
sent_events = st.lists(parts, min_size=1, max_size=8).map(
    lambda told: [made(number, *part) for number, part in enumerate(told)]
)


@given(sent_events, st.data())
def test_a_replay_in_another_order_ends_with_the_rows_of_its_state(
    sent: list[Event], data: st.DataObject
) -> None:
    logic, store = ShopperLogic(whole=True), FencedRows()
    before = logic.zero()
    crashed_after = data.draw(st.integers(0, len(sent)))
    for event in data.draw(st.permutations(sent))[:crashed_after]:
        logic.apply(before, event, NOW)
        store.write(logic.rows(before, "ann"))
    state, now = logic.zero(), NOW
    for event in data.draw(st.permutations(sent)):
        now += 1
        logic.apply(state, event, now)
        if store.write(logic.rows(state, "ann")):
            logic.again(state, now + LATER)
            assert logic.next_of(logic.dump(state)) <= now + LATER
        state = logic.load(logic.dump(state))
    now += LATER
    logic.advance(state, now)
    assert not store.write(logic.rows(state, "ann"))
    rows = [row for row in logic.all_rows(state, "ann") if row.values is not None]
    held = {(row.entity, row.entity_id, row.window): row.values for row in rows}
    assert store.shown(now) == held
