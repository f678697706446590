"""With identity on: which events go to devices and which to users, and who is told of a login."""

import json
from typing import Any

import pytest

from events.bucket import bucket_of
from events.decoder import Decoder
from features.split import Split
from features.views import BRANCHES
from operators.batch import Batch, Login, decode
from operators.routed import ACCOUNTANT, devices_of
from operators.routing import Router
from operators.settled import SETTLE_MS
from tests.operators.fakes import NOW

BUCKETS = 16
AT = 1_709_640_000_000


def sdk(user: str | None, device: str | None, number: int = 0, **more: object) -> bytes:
    fields = {
        "event_id": f"e{number}",
        "event_name": "page_view",
        "collector_tstamp": f"2024-03-05T12:00:00.{number:03}Z",
        "user_id": user,
        "domain_userid": device,
        "domain_sessionid": "s",
    }
    return json.dumps(fields | more).encode()


def routed(router: Router, *raws: bytes, at: int = NOW) -> dict[tuple[str, int], Batch]:
    made = router.route([0] * len(raws), list(range(len(raws))), raws, NOW, at)
    return {(host, bucket): decode(payload) for host, bucket, payload in made}


def router(split: Split | None = None) -> Router:
    return Router(Decoder(), "topic", BUCKETS, split, identity=True)


def home(device: str) -> tuple[str, int]:
    return "devices", bucket_of(device, BUCKETS)


def user(name: str) -> tuple[str, int]:
    return "", bucket_of(name, BUCKETS)


def offsets(batch: Batch) -> list[int]:
    return [record.offset for record in batch.records]


def test_what_nobody_is_logged_in_for_goes_to_the_device() -> None:
    made = routed(router(), sdk(None, "phone"), sdk("ann", None), sdk(None, None))
    assert offsets(made[home("phone")]) == [0]
    assert offsets(made[user("ann")]) == [1]
    assert sum(sum(batch.filtered.values()) for batch in made.values()) == 1
    assert sum(read for batch in made.values() for read, _ in batch.reads.values()) == 3


def test_a_new_login_goes_by_way_of_the_device_and_a_settled_one_straight() -> None:
    one = router()
    made = routed(one, sdk("ann", "phone"))
    assert set(made) == {home("phone")}
    made = routed(
        one, sdk("ann", "phone", 1), sdk("ann", "phone", 2), sdk(None, "phone", 3), at=NOW + SETTLE_MS
    )
    assert offsets(made[user("ann")]) == [0, 1]
    devices = made[home("phone")]
    assert devices.logins == [Login("phone", "ann", AT + 1, AT + 2, 0)]
    assert offsets(devices) == [2]
    assert devices.reads == {0: (1, 2)}
    assert made[user("ann")].reads == {0: (2, 1)}
    made = routed(one, sdk("bob", "phone", 4), at=NOW + 2 * SETTLE_MS)
    assert offsets(made[home("phone")]) == [0], "another user's first event is a login of its own"


def test_logins_keep_their_place_among_the_records() -> None:
    one = router()
    routed(one, sdk("ann", "phone"), sdk("bob", "pad"))
    raws = sdk(None, "phone", 1), sdk("ann", "phone", 3), sdk("ann", "phone", 2), sdk(None, "phone", 4)
    made = routed(one, *raws, sdk("ann", "phone", 5), at=NOW + SETTLE_MS)
    told = made[home("phone")].logins
    assert told == [Login("phone", "ann", AT + 2, AT + 3, 1), Login("phone", "ann", AT + 5, AT + 5, 2)]


def test_a_bucket_of_devices_knows_how_far_it_was_told_of_logins() -> None:
    one = router()
    routed(one, sdk("ann", "phone"))
    made = routed(one, sdk(None, "phone"), sdk("ann", "phone", 1), at=NOW + SETTLE_MS)
    assert made[home("phone")].reads == {0: (1, 1)}


def test_a_control_record_reaches_every_bucket_of_devices_and_is_accounted_for_once() -> None:
    forget = json.dumps({"shopper_features_control": {"action": "forget", "shopper": "ann"}}).encode()
    made = routed(router(), sdk(None, "phone"), forget.replace(b": ", b":"))
    assert [each.shopper for each in made[user("ann")].forgets] == ["ann"]
    for bucket in range(BUCKETS):
        (unlink,) = made["devices", bucket].unlinks
        assert (unlink.shopper, unlink.offset) == ("ann", 1)
        assert unlink.before == len(made["devices", bucket].records)
    assert sum(read for batch in made.values() for read, _ in batch.reads.values()) == 2


@pytest.mark.parametrize("who", [None, "ann"])
def test_ids_that_were_merged_are_as_if_logged_in(who: str | None) -> None:
    key = "unstruct_event_com_snowplowanalytics_snowplow_identity_merge_2"
    merge: Any = {"event_name": "identity_merge", key: {"snowplow_id": "s1", "merged": ["s2"]}}
    made = routed(router(), sdk(who, "phone", **merge))
    into = who or "s1"
    assert [(each.device, each.user) for each in made[home("s2")].logins] == [("s2", into)]
    told = [(each.device, each.user) for batch in made.values() for each in batch.logins]
    assert sorted(told) == sorted([("s2", into), *([] if who else [("s1", "s1")])])
    assert sum(read for batch in made.values() for read, _ in batch.reads.values()) == 1


def test_where_branches_run_apart_each_has_its_devices_and_all_hear_of_a_login() -> None:
    one = router(Split())
    routed(one, sdk("ann", "phone"))
    for straight in (False, True):
        made = routed(one, sdk("ann", "phone", 1), sdk(None, "phone", 2), at=NOW + SETTLE_MS * straight)
        heard = set()
        for (host, bucket), batch in made.items():
            if host not in BRANCHES:
                assert bucket == bucket_of("phone", BUCKETS)
                if batch.logins or any(record.event.user_id for record in batch.records):
                    heard.add(host)
        assert heard == {devices_of(branch) for branch in BRANCHES}
        assert (ACCOUNTANT, bucket_of("ann", BUCKETS)) in made or not straight
        read = {host for (host, _), batch in made.items() for n, _ in batch.reads.values() if n}
        assert read == {ACCOUNTANT, devices_of(ACCOUNTANT)} if straight else {devices_of(ACCOUNTANT)}


def test_with_identity_off_a_device_is_a_shopper_like_any_other() -> None:
    made = routed(Router(Decoder(), "topic", BUCKETS), sdk("ann", "phone"), sdk(None, "phone"))
    assert set(made) == {user("ann"), user("phone")}
