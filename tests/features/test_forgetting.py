"""What is deleted of a shopper who is forgotten: every key that may be there."""

from events.event import PAGE_VIEW, PRODUCT_VIEW, Event
from features.forgetting import forgotten_rows
from features.logic import ShopperLogic
from features.replay import Replay
from features.row import FeatureRow
from features.views import branch_views
from tests.features.one_shopper import T


def places(rows: list[FeatureRow]) -> list[tuple[str, str, str]]:
    assert all(row.forgotten and row.values is None for row in rows)
    return [(row.entity, row.entity_id, row.window) for row in rows]


USER = [("user", "ann", "5min"), ("user", "ann", "1h"), ("user", "ann", "24h")]
SESSION = ("user", "ann", "session")


def test_all_keys_of_the_shopper_and_of_the_sessions_in_the_state() -> None:
    logic = ShopperLogic()
    state = logic.zero()
    for number, session in enumerate(("s1", "s2", None)):
        logic.apply(state, Event("ann", str(number), T + number, PRODUCT_VIEW, session), T)
    rows = forgotten_rows(logic, state, "ann", T)
    sessions = [("session", key, "session") for key in ("s1", "s2", f"ann~{T + 2}")]
    assert places(rows) == [*USER, SESSION, *sessions]
    assert [row.owner for row in rows[4:]] == ["ann"] * 3
    assert {row.seen for row in rows} == {3}


def test_of_an_unknown_shopper_the_keys_that_the_store_may_hold() -> None:
    assert places(forgotten_rows(ShopperLogic(), ShopperLogic().zero(), "ann", T)) == [*USER, SESSION]


def test_each_branch_deletes_what_it_writes() -> None:
    cart, session = (ShopperLogic(branch_views(branch)) for branch in ("cart", "session"))
    assert places(forgotten_rows(cart, cart.zero(), "ann", T)) == USER
    assert SESSION in places(forgotten_rows(session, session.zero(), "ann", T))


def test_a_replay_forgets_too() -> None:
    replay = Replay(ShopperLogic())
    replay.feed([Event("ann", "1", T, PAGE_VIEW, "s"), Event("bob", "2", T, PAGE_VIEW, "t")])
    replay.forget("ann")
    replay.forget("nobody")
    assert {row.owner for row in replay.rows() if row.entity == "session"} == {"bob"}
    assert replay.verdicts["applied"] == 4
