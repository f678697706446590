"""Rows that point to a user: followed once, row by row, and judged as the user's."""

import json
from typing import Any

import pytest

from shopper_reader import Row, Shopper, Verdict
from shopper_reader.asking import Asker, joined
from shopper_reader.keys import bucket_of
from tests.reader.answers import (
    BUCKETS,
    NOW,
    REPORTS,
    asker,
    encoded,
    flat,
    hashed,
    read,
    report,
    time_of,
)
from tests.sinks import rows

REPORTED = flat(encoded(REPORTS))
DAY = 24 * rows.HOUR


def pointer(user: str = "ann", **changes: Any) -> dict[bytes, bytes]:
    """The hash of a device whose rows point."""
    return hashed(rows.row({}, **({"at": NOW - 9, "until": NOW + DAY, "same_as": user} | changes)))


def alive(count: int, **changes: Any) -> dict[bytes, bytes]:
    """The hash of a row that holds."""
    given = {"at": NOW - 100, "next": NOW + 5_000, "until": NOW + 60_000} | changes
    return hashed(rows.row({"cart_add_count": count}, **given))


def answered(
    one: Asker,
    held: dict[str, dict[bytes, bytes]],
    shoppers: list[str],
    reports: list[bytes] = REPORTED,
    features: Any = None,
) -> tuple[list[Row], list[str]]:
    """Rows of five minutes as a reader gives them of what Redis holds, and the keys of the second asking."""
    asking = one.shoppers(shoppers, "5min", features)

    def replies(asked: Any) -> list[Any]:
        found: list[Any] = []
        for question in asked.questions:
            fields, wanted = held.get(question.key.decode(), {}), question.plan.wanted
            found.append([fields.get(name) for name in wanted] if wanted else flat(fields))
        return [*found, *([] if asked.progress is None else [reports]), time_of(NOW)]

    found = one.rows(asking, replies(asking))
    further = one.further(found)
    if further is None:
        return found, []
    keys = [question.key.decode() for question in further.questions]
    return joined(found, one.rows(further, replies(further))), keys


@pytest.mark.parametrize("features", [None, "cart_add_count", ["cart_add_count", "top_category"]])
def test_the_row_that_is_pointed_to_is_given(features: Any):
    held = {"user:dev:features:5min": pointer("a:b"), "user:a%3Ab:features:5min": alive(7)}
    (row,), keys = answered(asker(), held, ["dev"], features=features)
    assert keys == ["user:a%3Ab:features:5min"]
    assert (row["cart_add_count"], row.verdict) == (7, Verdict.FRESH)
    assert (row.shopper, row.same_as, row.points_to) == ("a:b", "a:b", "")


def test_a_shopper_says_whose_the_first_row_is_that_was_found_elsewhere():
    held = {"user:dev:features:5min": pointer("ann"), "user:ann:features:5min": alive(7)}
    found, _ = answered(asker(), held, ["dev"])
    (own,) = answered(asker(), held, ["ann"])[0]
    assert Shopper("dev", {"1h": own, "5min": found[0]}).same_as == "ann"
    assert Shopper("ann", {"5min": own}).same_as == ""


def test_who_points_to_nobody_costs_no_second_asking():
    held = {"user:ann:features:5min": alive(7)}
    (row, nobody), keys = answered(asker(), held, ["ann", "nobody"])
    assert keys == []
    assert (row.shopper, row.same_as, nobody.shopper, nobody.same_as) == ("ann", "", "nobody", "")


def test_all_that_point_are_asked_for_together_and_each_row_once():
    held = {
        "user:phone:features:5min": pointer("ann"),
        "user:laptop:features:5min": pointer("ann"),
        "user:tablet:features:5min": pointer("bob"),
        "user:ann:features:5min": alive(1),
        "user:bob:features:5min": alive(2),
        "user:eve:features:5min": alive(3),
    }
    found, keys = answered(asker(), held, ["phone", "eve", "laptop", "tablet", "bob"])
    assert keys == ["user:ann:features:5min", "user:bob:features:5min"]
    assert [row["cart_add_count"] for row in found] == [1, 3, 1, 2, 2]
    assert [row.same_as for row in found] == ["ann", "", "ann", "bob", ""]


def test_a_second_pointer_is_not_followed():
    held = {"user:dev:features:5min": pointer("ann"), "user:ann:features:5min": pointer("bob")}
    (row,), _ = answered(asker(), held, ["dev"])
    assert (row.verdict, dict(row), row.at, row.texts) == (Verdict.MISSING, {}, None, {})
    assert (row.shopper, row.same_as, row.points_to) == ("ann", "ann", "bob")


def test_a_user_without_a_row_is_missing_under_the_users_id():
    (row,), _ = answered(asker(), {"user:dev:features:5min": pointer("ann")}, ["dev"])
    assert (row.verdict, row.same_as, row.version) == (Verdict.MISSING, "ann", "")


@pytest.mark.parametrize("left", [1, 0])
def test_a_pointer_is_over_at_its_moment(left: int):
    held = {"user:dev:features:5min": pointer("ann", until=NOW + left), "user:ann:features:5min": alive(7)}
    (row,), keys = answered(asker(), held, ["dev"])
    assert (row.verdict is Verdict.FRESH, len(keys)) == (bool(left), left)


@pytest.mark.parametrize(
    "fields",
    [
        {b"_same_as": b"ann"},
        pointer("ann") | {b"_gone": b"1"},
        pointer("ann") | {b"_until": b"soon"},
        hashed(rows.row({}, at=NOW, until=NOW + DAY), _same_as=""),
    ],
)
def test_what_is_no_pointer_of_ours_is_missing_and_leads_nowhere(fields: dict[bytes, bytes]):
    held = {"user:dev:features:5min": fields, "user:ann:features:5min": alive(7)}
    (row,), keys = answered(asker(), held, ["dev"])
    assert (row.verdict, keys) == (Verdict.MISSING, [])


def test_a_value_that_reads_like_the_field_is_no_pointer():
    held = {"user:dev:features:5min": alive(7) | {b"top_category": b"_same_as"}}
    (row,), keys = answered(asker(), held, ["dev"])
    assert (row["top_category"], keys) == ("_same_as", [])


def test_a_session_by_its_id_leads_nowhere():
    one = asker()
    asking = one.session("s1", None)
    found = one.rows(asking, [flat(pointer()), REPORTED, time_of(NOW)])
    assert (one.further(found), found[0].verdict) == (None, Verdict.MISSING)


def test_a_client_that_gives_mappings_is_followed_as_well():
    one = asker()
    asking = one.shoppers(["dev"], "5min", None)
    further = one.further(one.rows(asking, [pointer(), encoded(REPORTS), time_of(NOW)]))
    assert further is not None
    assert further.keyed == [(b"HGETALL", b"user:ann:features:5min")]
    assert one.further(one.rows(asking, [alive(1), encoded(REPORTS), time_of(NOW)])) is None


def test_a_row_is_judged_by_the_bucket_of_the_user():
    user, device = "shopper@example.com", "dev"
    assert bucket_of(user, BUCKETS) == "0" != bucket_of(device, BUCKETS)
    held = {"user:dev:features:5min": pointer(user), f"user:{user}:features:5min": alive(7)}
    for reports, verdict in (
        ({"0": report(at=NOW - 9_000)}, Verdict.STALE),
        ({bucket_of(device, BUCKETS): report(at=NOW - 9_000)}, Verdict.FRESH),
    ):
        (row,), _ = answered(asker(), held, [device], flat(encoded(REPORTS | reports)))
        assert row.verdict is verdict


# What two operators tell of a bucket


def of_bucket(reports: dict[str, str]) -> Row:
    """The row of a shopper of bucket 0."""
    return read(alive(1), reports=reports, shopper="shopper@example.com")


def test_the_worst_of_users_and_devices_counts():
    late, short = report(at=NOW - 6_000), report(covers_from=5, rewriting=True)
    assert of_bucket({"0": report(), "0/devices": late}).verdict is Verdict.STALE
    assert of_bucket({"0": late, "0/devices": report()}).verdict is Verdict.STALE
    told = of_bucket({"0": report(), "0/devices": short, "1/devices": late}).pipeline
    assert (told.covers_from, told.rewriting, told.silent) == (5, True, False)
    assert of_bucket({"0/devices": report(at=NOW - 6_000), "1": report()}).pipeline.silent


def test_the_worst_counts_where_branches_run_apart_as_well():
    apart = {f"0/{kind}{branch}": report() for kind in ("", "devices-") for branch in ("cart", "session")}
    assert of_bucket(apart).verdict is Verdict.FRESH
    for operator in apart:
        assert of_bucket(apart | {operator: report(at=NOW - 6_000)}).verdict is Verdict.STALE


def test_what_the_other_topology_left_behind_does_not_count_whoever_told_it():
    old = report(at=NOW - 60_000)
    left = {"0/cart": old, "0/devices-cart": old, "0/devices-session": old}
    assert of_bucket({"0": report(), "0/devices": report()} | left).verdict is Verdict.FRESH
    left = {"0": old, "0/devices": old}
    assert of_bucket({"0/cart": report(), "0/devices-cart": report()} | left).verdict is Verdict.FRESH


@pytest.mark.parametrize("operator", ["", "/devices"])
def test_an_operator_that_has_nothing_of_the_bucket_since_a_restart_is_not_silent(operator: str):
    """It tells nothing of a bucket before something comes; what it told before the restart is old."""
    before, now = json.loads(report(at=NOW - 60_000)), json.loads(report())
    told = {"0": now, "0/devices": now} | {f"0{operator}": before}
    runs = {name: json.dumps(each | {"run": f"job:{each is now:d}"}) for name, each in told.items()}
    assert of_bucket(runs).verdict is Verdict.FRESH
    same = {name: json.dumps(each | {"run": "job:1"}) for name, each in told.items()}
    assert of_bucket(same).verdict is Verdict.STALE
