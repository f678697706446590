"""What a job told of itself: whether another can go on with its state, and from which records."""

import json
from typing import Any

import pytest

from features.settings import Definitions
from jobs.cluster.standing import Standing, StandingError
from jobs.job_config import JobConfig
from jobs.pipeline import _options

JOB = "0123456789abcdef0123456789abcdef"


def field(run: str, offsets: dict[int, int], **more: Any) -> str:
    told = {
        "life": 5,
        "covers_from": 3,
        "partitions": {str(p): {"read": 1, "offset": offset} for p, offset in offsets.items()},
        "topic": "events",
        "buckets": 16,
        "run": run,
        "counts": {"read": 1},
    }
    return json.dumps(told | more)


def config(**more: Any) -> JobConfig:
    given: dict[str, Any] = {"topic": "events", "buckets": 16, "topology": "fused"}
    return JobConfig(
        kafka_bootstrap="k:1", redis_url="redis://r:1/0", checkpoint_dir="file:///c", life=9, **given | more
    )


def test_the_place_to_read_on_is_behind_the_greatest_offset_of_any_bucket() -> None:
    run = f"{JOB}:0"
    standing = Standing({"0": field(run, {0: 10, 1: 7}), "5": field(run, {0: 12}), "7": field(run, {2: 0})})
    assert standing.positions(JOB) == {0: 13, 1: 8, 2: 1}


def test_devices_are_no_branch_and_have_read_as_well() -> None:
    run = f"{JOB}:0"
    fused = Standing(
        {"0": field(run, {0: 10}), "0/devices": field(run, {0: 12, 1: 3}, life=7, covers_from=2)}
    )
    assert fused.positions(JOB) == {0: 13, 1: 4}
    assert (fused.apart, fused.life, fused.covers_from) == (False, 7, 2)
    fused.check_fits(config())
    told = {"0/session": {0: 1}, "0/cart": {0: 9}, "0/devices-session": {0: 2}, "0/devices-cart": {0: 9}}
    apart = Standing({name: field(run, offsets) for name, offsets in told.items()})
    assert (apart.apart, apart.positions(JOB)) == (True, {0: 3})


def test_what_was_told_before_a_restart_may_be_ahead_and_is_not_trusted() -> None:
    standing = Standing({"0": field(f"{JOB}:1", {0: 10}), "1": field(f"{JOB}:0", {0: 99, 1: 4})})
    assert standing.positions(JOB) == {0: 11}
    assert standing.positions("another") == {}


def test_attempts_are_numbers() -> None:
    standing = Standing({"0": field(f"{JOB}:9", {0: 99}), "1": field(f"{JOB}:10", {0: 10})})
    assert standing.positions(JOB) == {0: 11}


def test_of_branches_that_run_apart_the_accountant_speaks() -> None:
    run = f"{JOB}:0"
    standing = Standing({"0/session": field(run, {0: 3}), "0/cart": field(run, {0: 50}, life=70)})
    assert standing.positions(JOB) == {0: 4}
    assert (standing.life, standing.covers_from) == (5, 3)
    standing.check_fits(config(topology="branches"))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"topic": "others"}, "topic is others, but the job 'shopper-features' ran with events"),
        ({"buckets": 32}, "buckets is 32, but the job 'shopper-features' ran with 16"),
        ({"topology": "branches"}, "topology is branches, but the job 'shopper-features' ran with fused"),
    ],
)
def test_what_the_state_cannot_go_on_with_is_refused(more: dict[str, Any], words: str) -> None:
    standing = Standing({"0": field(f"{JOB}:0", {0: 1})})
    standing.check_fits(config())
    with pytest.raises(StandingError, match=words):
        standing.check_fits(config(**more))


def test_a_job_that_never_lived_fits_everything() -> None:
    standing = Standing({})
    standing.check_fits(config())
    assert (standing.life, standing.covers_from, standing.positions(JOB)) == (0, 0, {})


def test_devices_account_too_and_cannot_be_left_behind() -> None:
    run = f"{JOB}:0"
    standing = Standing({"0": field(run, {0: 3}), "0/devices": field(run, {0: 50})})
    assert standing.positions(JOB) == {0: 51}
    assert not standing.apart
    standing.check_fits(config())
    with pytest.raises(StandingError, match="identity is off, but the job 'shopper-features' ran with it"):
        standing.check_fits(config(definitions=Definitions(identity="off")))
    apart = Standing(
        {
            "0/session": field(run, {0: 3}),
            "0/devices-session": field(run, {0: 9}),
            "0/devices-cart": field(run, {0: 99}),
        }
    )
    assert apart.positions(JOB) == {0: 10}
    assert apart.apart


def test_what_has_no_state_yet_lives_as_long_as_what_has() -> None:
    run = f"{JOB}:0"
    off = Definitions(identity="off")
    before = Standing({"0": field(run, {0: 3})})
    assert before.life_for(config(definitions=off)) == 5
    assert before.life_for(config()) == 9, "the first devices stand above the rows they had before"
    assert Standing({"0/devices": field(run, {0: 3})}).life_for(config()) == 5
    assert Standing({}).life_for(config()) == 9


def test_what_came_before_the_first_devices_is_not_covered() -> None:
    run, off = f"{JOB}:0", Definitions(identity="off")
    users = Standing({"0": field(run, {0: 3})})
    with_devices = Standing({"0": field(run, {0: 3}), "0/devices": field(run, {0: 3})})
    first = users.gone_on(config())
    assert (first.life, first.devices_since) == (9, 9)
    for standing, given in ((users, off), (with_devices, Definitions()), (Standing({}), Definitions())):
        assert standing.gone_on(config(definitions=given)).devices_since == 0
    assert _options(first, "", devices=True).shard.covers_from == 9
    assert _options(first, "").shard.covers_from == first.covers_from < 9
    assert _options(with_devices.gone_on(config()), "", devices=True).shard.covers_from < 9
