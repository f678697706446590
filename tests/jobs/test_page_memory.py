"""What the live page remembers: bounded, in order, and told in plain words."""

import threading
from collections import Counter

from events.event import PAGE_VIEW, PRODUCT_VIEW, TRANSACTION, Event, Product
from events.verdict import Dead, Filtered, Forget, Reason, Verdict
from jobs.page.happenings import Happenings
from jobs.page.kept import Arrival, Kept, about
from jobs.page.looked_at import LookedAt
from jobs.page.watch import Reported, branch_rates
from jobs.watching.progress import Progress

T = 1_709_640_000_000


def arrival(came: int, verdict: Verdict | str, partition: int = 0, offset: int = 0) -> Arrival:
    if isinstance(verdict, str):
        verdict = Event(verdict, f"{came} {partition} {offset}", T + came, PRODUCT_VIEW, "s")
    return Arrival(T + came, partition, offset, verdict)


def test_a_shoppers_events_are_told_in_the_order_in_which_they_came() -> None:
    kept = Kept()
    kept.add([arrival(20, "ann", 1, 5), arrival(10, "ann", 0, 9), arrival(15, "bob")])
    kept.add([arrival(12, "ann", 2, 1)])
    assert [each.came - T for each in kept.events("ann")] == [10, 12, 20]
    assert kept.events("eve") == []


def test_memory_is_bounded_by_shoppers_and_events() -> None:
    kept = Kept(most_shoppers=2, most_events=3)
    kept.add(arrival(i, "ann", offset=i) for i in range(5))
    assert [each.came - T for each in kept.events("ann")] == [2, 3, 4]
    kept.add([arrival(10, "bob"), arrival(11, "ann"), arrival(12, "eve")])
    assert kept.events("bob") == []
    assert len(kept.events("ann")) == 3


def test_what_a_device_did_becomes_its_users_at_the_login() -> None:
    kept = Kept(most_events=4)

    def done(came: int, user: str | None = None) -> Arrival:
        event = Event(
            user or "phone", str(came), T + came, PRODUCT_VIEW, "s", user_id=user, device_id="phone"
        )
        return Arrival(T + came, 0, came, event)

    kept.add([done(1), done(2), arrival(3, "ann")])
    assert [each.came - T for each in kept.events("phone")] == [1, 2]
    kept.add([done(4, "ann"), done(5)])
    assert kept.events("phone") == []
    assert [each.came - T for each in kept.events("ann")] == [2, 3, 4, 5]
    assert {each.event.shopper for each in kept.events("ann")} == {"ann"}
    assert [told.shopper for told in kept.since(0, 10)[0]] == ["phone", "phone", "ann", "ann", "ann"]
    assert kept.lively(T + 6, 4) == ["ann"]


def test_who_is_forgotten_is_not_remembered_here_either() -> None:
    kept = Kept()
    kept.add([arrival(1, "ann"), arrival(2, "bob"), arrival(3, Forget("ann")), arrival(4, "ann")])
    assert [each.came - T for each in kept.events("ann")] == [4]
    assert len(kept.events("bob")) == 1


def test_every_record_is_told_once_with_what_it_is() -> None:
    kept = Kept()
    dead = Dead("tsv", (Reason("price", "free", "a number"),))
    kept.add([arrival(1, "ann"), arrival(2, dead), arrival(3, Filtered("robot")), arrival(4, Forget("bob"))])
    told, number = kept.since(0, 10)
    assert [(each.kind, each.shopper, each.about) for each in told] == [
        (PRODUCT_VIEW, "ann", ""),
        ("dead", "", "price: expected a number"),
        ("filtered", "", "robot"),
        ("forget", "bob", ""),
    ]
    assert kept.since(number, 10) == ([], number)
    kept.add([arrival(5, "ann"), arrival(6, Dead("tsv", ()))])
    assert [each.kind for each in kept.since(number, 1)[0]] == ["dead"]


def test_lively_shoppers_stay_in_their_places() -> None:
    kept = Kept()
    kept.add([arrival(i, "ann", offset=i) for i in range(3)] + [arrival(5, "bob"), arrival(6, "eve")])
    assert kept.lively(T + 10, 2)[0] == "ann"
    first = kept.lively(T + 10, 2)
    kept.add(arrival(10 + i, "zoe", offset=i) for i in range(9))
    assert set(kept.lively(T + 20, 2)) & set(first)
    assert kept.lively(T + 20, 2) == kept.lively(T + 20, 2)
    assert kept.lively(T + 200_000, 2) == []


def test_pace_is_that_of_whole_seconds() -> None:
    kept = Kept()
    kept.add(arrival(i * 100, "ann", offset=i) for i in range(20))
    assert kept.per_second(T // 1000 + 2, 2) == 10


def test_an_event_is_about_its_order_its_products_or_its_page() -> None:
    bought = Event("ann", "1", T, TRANSACTION, transaction_id="T-1", products=(Product("p"),))
    assert about(bought) == "T-1"
    assert about(Event("ann", "1", T, PRODUCT_VIEW, products=(Product("p"),))) == "p"
    assert about(Event("ann", "1", T, PRODUCT_VIEW, products=(Product("p"), Product("q")))) == "p and 1 more"
    assert about(Event("ann", "1", T, PRODUCT_VIEW, products=(Product(None, "Shoes"),))) == "Shoes"
    assert about(Event("ann", "1", T, PAGE_VIEW, page="https://shop.example/a")) == "shop.example/a"


def progress(at: int, cart: int) -> Progress:
    return Progress(Counter(read=cart * 2), {"cart": Counter(applied=cart)}, at=T + at)


def test_rates_follow_the_reports() -> None:
    reported = Reported()
    assert reported.per_s("cart") == 0
    for at, cart in ((0, 0), (1000, 10), (1200, 11), (2000, 40), (9000, 40)):
        reported.add(progress(at, cart))
    assert reported.series("cart") == [10.0, 30.0, 0.0]
    assert reported.per_s("cart") == 0
    assert reported.series("read") == [20.0, 60.0, 0.0]
    (told,) = [each for each in branch_rates(reported, progress(9000, 40)) if each["name"] == "cart"]
    assert (told["applied"], told["per_s"]) == (40, 0)


def test_what_happens_to_the_job_is_told_from_the_break_to_the_recovery() -> None:
    happenings = Happenings()
    happenings.state("RUNNING")
    happenings.balance(5, 5, well=True)
    assert happenings.lines() == []
    happenings.say("TaskManager 0 was killed", "broke", restarts=True)
    for _ in range(3):  # until Flink notices, the job is said to run
        happenings.state("RUNNING")
        happenings.balance(9, 9, well=True)
    for state in ("RESTARTING", "RESTARTING", "CREATED"):
        happenings.state(state)
        happenings.balance(5, 9, well=True)
    happenings.state("RUNNING")
    happenings.balance(5, 12, well=True)
    happenings.balance(11, 14, well=True)
    assert [line.tone for line in happenings.lines()] == ["broke", "broke", "info"]
    happenings.balance(12, 15, well=False)
    happenings.balance(12, 15, well=True)
    happenings.balance(15, 17, well=True)
    last = happenings.lines()[-1]
    assert (last.tone, last.text) == ("well", "caught up: 15 records read, each accounted for, nothing lost")


def test_who_was_about_to_rest_when_all_ended_does_not_rest() -> None:
    looked_at = LookedAt()
    looked_at.wake()
    looked_at._woken.clear()  # as a thread does that has just found that nobody looks
    thread = threading.Thread(target=looked_at.rest, daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
