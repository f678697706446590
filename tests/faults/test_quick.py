"""Every fault once, one after the other on one cluster, while a known stream goes through the job."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.faults.__main__ import run, shoppers_for
from tests.faults.drill import Plan
from tests.faults.faults import FAULTS

EVENTS = 20_000
RATE_PER_S = 120.0


@pytest.mark.timeout(1_800)
def test_nothing_is_lost_nothing_is_twice_and_nothing_goes_back() -> None:
    plan = Plan(seed=11, events=EVENTS, rate_per_s=RATE_PER_S, rounds=1, shoppers=shoppers_for(EVENTS))
    # In a process of its own: kafka-python 3.0 drops a socket for each connection that a dead broker refuses.
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        report = process.submit(run, plan).result()
    assert [outcome.fault for outcome in report.outcomes] == [fault.name for fault in FAULTS]
    assert min(outcome.keys for outcome in report.outcomes) > 100
    assert report.snapshots > 100
    assert report.logins > 50
    assert not report.failed, "\n".join(report.lines())
