"""When a shopper counts as forgotten, by what the job's operators tell."""

from collections import Counter
from typing import Final

import pytest

from events.bucket import bucket_of
from features.views import BRANCHES
from jobs.forgetting import Sent, done, wait
from jobs.settings import Settings
from jobs.watching.progress import Progress
from jobs.watching.tellers import Teller

SETTINGS: Final = Settings(buckets=4)
SENT: Final[Sent] = {"phone": {0: 6, 1: 8}, "ann": {0: 7, 1: 9}}
CARRIED_OUT: Final = {0: 7, 1: 9}


def told(topology: str, *, devices: bool = True, given: int = 2, taken: int = 2) -> Progress:
    """All that is to be told before both are forgotten."""
    branches = BRANCHES if topology == "branches" else ("",)
    controls = {
        Teller(str(bucket_of(shopper, 4)), branch, devices=False).field: dict(CARRIED_OUT)
        for shopper in SENT
        for branch in branches
    }
    if devices:
        every = [Teller(str(bucket), branch, devices=True) for bucket in range(4) for branch in branches]
        controls |= {teller.field: dict(CARRIED_OUT) for teller in every}
    counts = Counter({"unlinks.given": given, "unlinks.taken": taken})
    return Progress(
        controls=controls,
        counts=counts,
        branches=dict.fromkeys(BRANCHES, counts if topology == "branches" else Counter[str]()),
        apart=topology == "branches",
    )


@pytest.mark.parametrize("topology", ["fused", "branches"])
@pytest.mark.parametrize("devices", [True, False])
def test_it_is_done_when_everybody_who_may_hold_something_has_carried_it_out(topology, devices) -> None:
    assert done(told(topology, devices=devices), SETTINGS, SENT)


@pytest.mark.parametrize("topology", ["fused", "branches"])
def test_it_is_not_done_while_anybody_is_behind_in_any_partition(topology) -> None:
    for field in told(topology).controls:
        for late in ({}, {0: 7}, {0: 5, 1: 9}):
            progress = told(topology)
            progress.controls[field] = late
            assert not done(progress, SETTINGS, SENT), (field, late)


@pytest.mark.parametrize("topology", ["fused", "branches"])
def test_it_is_not_done_while_something_is_on_its_way_from_devices_to_users(topology) -> None:
    assert not done(told(topology, given=3), SETTINGS, SENT)


def test_a_bucket_of_devices_that_has_not_told_anything_is_waited_for() -> None:
    progress = told("fused")
    del progress.controls["3/devices"]
    assert not done(progress, SETTINGS, SENT)


def test_waiting_ends_with_what_was_told_or_with_nothing() -> None:
    last = told("fused")
    answers = iter([told("fused", taken=1), last])
    assert wait(SETTINGS, SENT, 60, lambda: next(answers)) is last
    assert wait(SETTINGS, SENT, 0, lambda: told("fused", taken=1)) is None
