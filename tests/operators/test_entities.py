"""Entities in a shard: told by shoppers' shards, combined, guarded, forgotten, restored; who leads."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from events.event import ADD_TO_CART, PRODUCT_VIEW, TRANSACTION, Event, Product
from features.entities.aggregates import Count, Last
from features.entities.definition import EntityFeature, EntityView
from features.entities.logic import EntityLogic
from features.entities.rankings import RankingLogic
from features.entities.rankings import told as ranked
from features.entities.settings import EntitySettings
from features.entities.sides import Pull
from features.entities.state import Combined, EntityState, entry_of
from features.entities.views import VIEWS
from operators.batch import Batch, Forgetting, Stage, decode, encode
from operators.cache import CachedStore
from operators.combining import Combining
from operators.devices import Devices
from operators.entities import Entities
from operators.routed import ENTITIES, RANKINGS
from operators.shard import Shard, ShardOptions
from operators.users import Users
from sinks.keys import key_of
from tests.operators.fakes import NOW, Instance, MapOfBuckets, SinkThatRemembers, record, view

SETTINGS = EntitySettings(tuple(VIEWS))


class Telling(Instance):
    """Shoppers, or devices, whose shard tells entities."""

    def restart(self) -> None:
        super().restart()
        store = CachedStore(self.store, self.cached)
        kind: Any = Devices if self.devices else Users
        items = (store.items,) if self.devices else ()
        self.shard._applier = kind(self.logic, store.get, *items, tells=True)
        self.shard.combining = Combining(EntityLogic(SETTINGS), self.buckets)


class Beyond:
    """An instance of entities, or of rankings; everything in one bucket."""

    def __init__(self, logic: Any = None, beyond: str = ENTITIES) -> None:
        self.logic, self.beyond, self.now = logic or EntityLogic(SETTINGS), beyond, NOW
        self.store, self.waiting, self.sink = MapOfBuckets(), MapOfBuckets(), SinkThatRemembers()
        self.sink._take = self._take  # type: ignore[method-assign]
        self.keys: dict[str, Any] = {}
        self.restart()

    def restart(self) -> None:
        options = ShardOptions(
            "job", "topic", life=NOW, covers_from=0, accounts=False, beyond=self.beyond, leaders=2
        )
        applier = Entities(self.logic, self.store.get, self.store.items)
        self.shard = Shard(options, applier, self.sink, self.store, self.waiting, lambda: self.now)

    def _take(self, row: Any) -> bool:
        self.keys[key_of(row)] = row
        self.sink.rows.append(row)
        return True

    def give(self, told: list[tuple[int, bytes]]) -> None:
        for _, payload in told:
            self.shard.take(payload)

    def add(self, *added: Combined, forgotten: tuple[str, ...] = ()) -> None:
        stage = Stage(list(forgotten), list(added))
        self.shard.take(encode(Batch(0, self.now, stages=[stage])))

    def values(self, key: str) -> dict[str, Any]:
        return dict(self.keys[key].values or {})


def bought(event_id: str, order: str) -> Event:
    product = (Product("hat"),)
    return Event("ann", event_id, NOW, TRANSACTION, "s", products=product, transaction_id=order)


def test_only_events_that_are_applied_count_and_each_once() -> None:
    one, entities = Telling(), Beyond()
    late = view("late", shopper="eve", at=NOW - 20 * 86_400_000)
    one.take(view("a"), view("a"), view("b", shopper="bob"), replace_at(view("f"), NOW + 10**6), late)
    one.take(view("a"))
    entities.give(one.shard.told_beyond())
    assert one.shard.told_beyond() == []
    stats = entities.values("product:hat:stats")
    # What is late for windows and sessions is not applied.
    assert (stats["total_views"], stats["unique_users"]) == (2, 2)
    assert entities.values("user:ann:item:hat")["views"] == 1


def replace_at(event: Event, at: int) -> Event:
    return Event(event.shopper, event.event_id, at, event.kind, event.session_id, products=event.products)


def test_an_order_that_is_sent_again_is_no_second_purchase() -> None:
    one, entities = Telling(), Beyond()
    one.take(bought("a", "o1"), bought("b", "o1"))
    one.take(bought("c", "o1"), bought("d", "o2"))
    entities.give(one.shard.told_beyond())
    entities.now += 1_000
    entities.shard.wake(0)
    assert entities.values("user:ann:item:hat")["purchases"] == 2
    assert entities.values("user:ann:lifetime")["total_interactions"] == 2


def test_a_product_with_all_the_traffic_costs_a_batch_one_addition() -> None:
    one = Telling()
    one.take(*[view(f"e{number}", shopper=f"u{number}") for number in range(300)])
    ((_, payload),) = one.shard.told_beyond()
    (stage,) = decode(payload).stages
    hot = [more for more in stage.added if more.entry == entry_of("product", ("hat",))]
    assert [(more.seen, len(more.accs)) for more in hot] == [(300, 5)]


def test_devices_tell_as_shoppers_do_and_what_goes_on_to_users_is_told_there() -> None:
    one, entities = Telling(devices=True), Beyond()
    product = (Product("hat"),)
    anonymous = Event("dev", "a", NOW, PRODUCT_VIEW, "s", products=product, device_id="dev")
    user = Event("ann", "b", NOW, ADD_TO_CART, "s", products=product, device_id="dev", user_id="ann")
    one.take(anonymous, user, batch=Batch(0, NOW, {0: (2, 1)}))
    entities.give(one.shard.told_beyond())
    assert set(entities.keys) >= {"user:dev:item:hat", "product:hat:stats"}
    assert not [key for key in entities.keys if key.startswith("user:ann:")]
    ((_, payload),) = one.shard.handed_on()
    users = Telling()
    users.give(payload)
    entities.give(users.shard.told_beyond())
    assert entities.values("user:ann:item:hat")["add_to_cart"] == 1


@pytest.mark.parametrize("devices", [False, True])
def test_who_is_forgotten_is_forgotten_here_and_what_comes_after_counts(devices: bool) -> None:
    one, entities = Telling(devices=devices), Beyond()

    def seen(event_id: str) -> Event:
        made = Event("ann", event_id, NOW, PRODUCT_VIEW, "s", products=(Product("hat", "hats"),))
        return msgspec.structs.replace(made, device_id="ann") if devices else made

    one.take(seen("a"), seen("b"))
    entities.give(one.shard.told_beyond())
    forget = Forgetting(0, 5, "ann", 1)
    batch = Batch(0, NOW, records=[record(seen("c"), 4), record(seen("d"), 6)])
    (batch.unlinks if devices else batch.forgets).append(forget)
    one.take(batch=batch)
    entities.sink.rows.clear()
    entities.give(one.shard.told_beyond())
    gone = {key_of(row) for row in entities.sink.rows if row.forgotten}
    assert gone >= {"user:ann:item:hat", "user:ann:categories", "user:ann:lifetime", "user:ann:favourites"}
    assert entities.values("user:ann:item:hat")["views"] == 1
    entities.now += 1_000
    entities.shard.wake(0)
    # Nobody is named there.
    assert entities.values("product:hat:stats")["total_views"] == 4


def test_who_has_no_state_any_more_is_forgotten_here_all_the_same() -> None:
    one, entities = Telling(), Beyond()
    one.take(view("a"))
    entities.give(one.shard.told_beyond())
    one.store.entries.clear()
    one.restart()
    one.take(batch=Batch(0, NOW, forgets=[Forgetting(0, 5, "ann", 0)]))
    entities.give(one.shard.told_beyond())
    left = [entry for entry in entities.store.entries[0] if entry and "ann" in entry.split("\x1f")]
    assert left == []


def test_a_restart_on_the_state_goes_on_where_it_was() -> None:
    one, entities = Telling(), Beyond()
    one.take(view("a"), view("b"))
    entities.give(one.shard.told_beyond())
    told = entities.shard.told_beyond()
    entities.restart()
    one.take(view("c"))
    entities.give(one.shard.told_beyond())
    entities.now += 1_000
    entities.shard.wake(0)
    assert entities.values("user:ann:item:hat")["views"] == 3
    assert len(told) == 1


def test_a_restart_reads_no_states_but_of_those_who_may_lead() -> None:
    entities = Beyond()
    product = entry_of("product", ("hat",))
    others = [entry_of("item", ("ann", "hat")), entry_of("lifetime", ("ann",))]
    entities.add(*[Combined(entry, 1, NOW, {}) for entry in (product, *others)])
    read: list[bytes] = []

    class Watched(EntityLogic):
        def load(self, data: bytes, /) -> EntityState:  # type: ignore[override]
            read.append(data)
            return EntityLogic.load(data)

    entities.logic = Watched(SETTINGS)
    entities.restart()
    entities.shard._bucket(0)
    assert read == [entities.store.entries[0][product]]


def test_a_defect_costs_what_a_batch_adds_to_one_entity_and_is_counted() -> None:
    class Defective(EntityLogic):
        def add(self, state: EntityState, more: Combined, as_of: int) -> None:
            super().add(state, more, as_of)
            if more.entry == entry_of("item", ("ann", "bad")):
                raise ZeroDivisionError

    one, entities = Telling(), Beyond(Defective(SETTINGS))
    one.take(view("a", product="bad"), view("b", product="bad"), view("c"))
    entities.give(one.shard.told_beyond())
    assert entities.shard.counts()["facts.lost"] == 2
    assert "user:ann:item:bad" not in entities.keys
    assert entities.values("user:ann:item:hat")["views"] == 1


def test_a_defect_in_what_an_event_says_costs_that_and_not_the_event() -> None:
    class Defective(EntityLogic):
        def combine(self, into: dict[str, Combined], event: Event, order: bool) -> None:
            if event.event_id == "bad":
                raise ZeroDivisionError
            super().combine(into, event, order)

    one, entities = Telling(), Beyond()
    one.shard.combining = Combining(Defective(SETTINGS), 1)
    one.take(view("bad"), view("a"))
    one.take(view("b"))
    entities.give(one.shard.told_beyond())
    assert entities.values("user:ann:item:hat")["views"] == 2
    counts = one.counts()
    assert (counts["facts.lost"], counts["applied"]) == (1, 3)


def test_who_is_forgotten_loses_every_key_also_of_a_state_that_cannot_be_read() -> None:
    entities = Beyond()
    bad, good = entry_of("item", ("ann", "hat")), entry_of("item", ("ann", "cap"))
    entities.add(Combined(bad, 1, NOW, {}), Combined(good, 1, NOW, {}))
    entities.store.entries[0][bad] = b"\xc1"
    entities.sink.rows.clear()
    entities.add(forgotten=("ann",))
    assert {key_of(row) for row in entities.sink.rows if row.forgotten} == {
        "user:ann:item:hat",
        "user:ann:item:cap",
    }
    assert not {bad, good} & entities.store.entries[0].keys()
    assert entities.shard.counts()["facts.lost"] == 1


def test_a_defect_in_forgetting_an_entity_or_in_what_it_gives_does_not_stop_the_job() -> None:
    class Defective(EntityLogic):
        def forgotten(self, state: EntityState, entry: str, as_of: int) -> Any:
            raise ZeroDivisionError

        def owed(self, state: EntityState, entry: str) -> Any:
            if entry.endswith("bad"):
                raise ZeroDivisionError
            return super().owed(state, entry)

    entities = Beyond(Defective(SETTINGS))
    bad, good = entry_of("time", ("ann", "bad")), entry_of("item", ("ann", "hat"))
    entities.add(Combined(bad, 3, NOW, {}), Combined(good, 1, NOW, {}))
    assert entities.shard.counts()["facts.lost"] == 3
    assert entities.values("user:ann:item:hat")["views"] == 0
    entities.add(forgotten=("ann",))
    assert not {bad, good} & entities.store.entries[0].keys()


def test_a_defect_in_a_wake_up_puts_the_entity_off() -> None:
    class Defective(EntityLogic):
        broken = False

        def rows(
            self, state: EntityState, entry: str, *, whole: bool = False, pull: Pull | None = None
        ) -> Any:
            if self.broken:
                raise ZeroDivisionError
            return super().rows(state, entry, whole=whole, pull=pull)

    logic = Defective(EntitySettings(("product",)))
    entities = Beyond(logic)
    accs = {feature.slot: 1 for feature in VIEWS["product"](SETTINGS).accumulated()[:1]}
    more = Combined(entry_of("product", ("hat",)), 1, NOW, accs)
    entities.add(more)
    logic.broken = True
    entities.add(more)
    assert entities.shard.counts()["facts.lost"] == 1
    logic.broken = False
    entities.add(more)
    logic.broken = True
    entities.now += 1_000
    entities.shard.wake(0)
    assert entities.shard.counts()["wake_bugs"] == 1


def test_a_refused_row_is_given_again() -> None:
    entities = Beyond()
    entry = entry_of("item", ("ann", "hat"))
    entities.sink.refuses = {entry}
    entities.add(Combined(entry, 1, NOW, {}))
    assert entities.sink.rows == []
    assert entities.shard.counts()["rows.behind"] == 1
    entities.sink.refuses.clear()
    entities.now += 10_000
    entities.shard.wake(0)
    assert [key_of(row) for row in entities.sink.rows] == ["user:ann:item:hat"]


def test_a_view_that_runs_no_more_leaves_its_entities_to_be_dropped() -> None:
    entities = Beyond()
    entry = entry_of("item", ("ann", "hat"))
    entities.add(Combined(entry, 1, NOW, {}))
    entities.logic = EntityLogic(EntitySettings(("product",)))
    entities.restart()
    entities.add(Combined(entry, 1, NOW, {}), Combined(entry_of("product", ("hat",)), 1, NOW, {}))
    assert entities.shard.counts()["rows.written"] == 2
    entities.now += 40 * 86_400_000
    entities.shard.wake(0)
    assert entry not in entities.store.entries[0]


@pytest.mark.parametrize("view_name", ["item", "product"])
def test_a_view_that_runs_again_goes_on_above_the_rows_that_it_left(view_name: str) -> None:
    entities = Beyond()
    parts = ("ann", "hat") if view_name == "item" else ("hat",)
    more = Combined(entry_of(view_name, parts), 1, NOW, {})
    entities.add(more, more)
    entities.logic = EntityLogic(EntitySettings(("lifetime",)))
    entities.restart()
    entities.shard._bucket(0)
    for _ in range(3):  # rows are written again, and moments of what is left come
        entities.now += 2_000
        entities.shard.wake(0)
    assert more.entry in entities.store.entries[0]
    entities.logic = EntityLogic(SETTINGS)
    entities.restart()
    entities.add(more)
    entities.now += 2_000
    entities.shard.wake(0)
    assert entities.sink.rows[-1].seen == 3


def test_a_row_that_would_outlive_its_entity_is_deleted_with_it() -> None:
    entities, entry = Beyond(), entry_of("item", ("ann", "hat"))
    entities.add(Combined(entry, 2, NOW, {}))
    entities.logic = EntityLogic(replace(SETTINGS, pair_expiry=timedelta(days=1)))
    entities.restart()
    entities.shard._bucket(0)
    for _ in range(2):
        entities.now += 2 * 86_400_000
        entities.shard.wake(0)
    assert entry not in entities.store.entries[0]
    last = entities.sink.rows[-1]
    assert (key_of(last), last.forgotten, last.values) == ("user:ann:item:hat", True, None)


def test_a_sorted_set_that_no_view_leads_to_any_more_is_dropped() -> None:
    rankings, name = Beyond(RankingLogic(SETTINGS), RANKINGS), "products:trending:1h"
    rankings.add(ranked(name, 0, [("hat", 1)], NOW))
    rankings.logic = RankingLogic(EntitySettings(("item",)))
    rankings.restart()
    rankings.now += 2 * 3_600_000
    rankings.shard.wake(0)
    assert name not in rankings.store.entries[0]


def test_buckets_tell_who_leads_and_the_owner_writes_the_sorted_set() -> None:
    one, entities = Telling(), Beyond()
    rankings = Beyond(RankingLogic(SETTINGS), RANKINGS)
    shown = [("a", "hat"), ("b", "hat"), ("c", "cap"), ("d", "bag"), ("e", "hat")]
    one.take(*[view(event_id, product=product) for event_id, product in shown])
    entities.give(one.shard.told_beyond())
    rankings.give(entities.shard.told_beyond())
    assert list(rankings.values("products:trending:1h").items()) == [("hat", 3), ("bag", 1)]
    # A restart knows them from the state, and an hour later nobody leads.
    entities.restart()
    entities.now = rankings.now = NOW + 2 * 3_600_000
    entities.shard._bucket(0)
    for _ in range(3):
        entities.now += 2_000
        entities.shard.wake(0)
        rankings.now = entities.now
        rankings.give(entities.shard.told_beyond())
    # No record has come for long: what is told of them looks late, and waits for a moment.
    rankings.now += 5_000
    rankings.shard.wake(0)
    assert rankings.values("products:trending:1h") == {}


def test_a_pair_is_added_by_declaration_alone() -> None:
    pair = EntityView(
        name="category_seller",
        key=("category", "seller"),
        of="category",
        row=("shelf", "seller"),
        expiry=timedelta(days=3),
        features=(
            EntityFeature("looks", Count("view"), "Views.", unit="events"),
            EntityFeature("latest", Last(), "The latest.", "seconds", "s", "epoch s"),
        ),
    )
    logic = EntityLogic(replace(SETTINGS, views=()), [pair])
    one, entities = Telling(), Beyond(logic)
    one.shard.combining = Combining(logic, 1)
    hats = (Product("hat", "hats"), Product("cap", "hats"))
    one.take(
        *[
            Event(f"u{n}", f"e{n}", NOW + n, PRODUCT_VIEW, "s", products=hats, seller_id="s1")
            for n in range(3)
        ]
    )
    entities.give(one.shard.told_beyond())
    assert {key: dict(row.values or {}) for key, row in entities.keys.items()} == {
        "shelf:hats:seller:s1": {"looks": 3, "latest": NOW // 1000}
    }
