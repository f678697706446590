"""What sessions tell beside the catalogue where the layout `live-shopper` is on."""

from events.event import PAGE_VIEW, TRANSACTION
from features.logic import ShopperLogic
from features.settings import Definitions
from features.state import ShopperState
from sinks.codec import fields_of
from tests.golden.stories import T, at

VISIT = (
    at("5:00", PAGE_VIEW, device="tv", platform="app"),
    at("4:00", PAGE_VIEW, device="desktop", platform="web"),
    at("2:00", TRANSACTION, platform="mob"),
    at("3:00", PAGE_VIEW, device="phone", platform="web"),
    at("1:00", PAGE_VIEW),
)


def told(logic: ShopperLogic, state: ShopperState) -> list[str | None]:
    fields = next(fields_of(row) for row in logic.rows(state, "ann") if row.entity == "session")
    return [fields.get(name) for name in ("device_types", "latest_platform", "device_type")]


def test_a_session_tells_every_device_type_and_the_latest_platform() -> None:
    logic = ShopperLogic(definitions=Definitions(live_shopper=True))
    state = logic.zero()
    for event in VISIT:
        assert logic.apply(state, event, T) == "applied"
    assert told(logic, state) == ['["desktop","phone","tv"]', "mob", "tv"]


def test_without_the_layout_it_does_not() -> None:
    logic = ShopperLogic()
    state = logic.zero()
    for event in VISIT:
        logic.apply(state, event, T)
    assert told(logic, state) == [None, None, "tv"]


def test_who_turns_the_layout_on_or_off_gets_every_row_again() -> None:
    """The catalogues differ, by which a bucket knows that its rows hold other features."""
    own, layout = ShopperLogic(), ShopperLogic(definitions=Definitions(live_shopper=True))
    assert own.catalogue != layout.catalogue
    state = own.zero()
    for event in VISIT[:2]:
        own.apply(state, event, T)
    own.rows(state, "ann")
    taken_over = layout.load(own.dump(state))
    for event in VISIT[2:]:
        layout.apply(taken_over, event, T)
    rows = layout.rows(taken_over, "ann")
    assert all(row.base is None for row in rows)
    back = own.load(layout.dump(taken_over))
    assert {row.base for row in own.all_rows(back, "ann")} == {None}
    assert back.edition == own.catalogue
