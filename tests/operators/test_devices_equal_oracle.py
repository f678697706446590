"""Devices and users in operators of their own say what the oracle says, whenever one restarts or crashes."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.identity import FORWARD, MERGE
from features.row import FeatureRow
from features.settings import Definitions
from tests.operators.network import Network
from tests.oracle import Oracle, OracleDefinitions
from tests.shown import Rows, differences, hold, shown
from tests.strategies import Arrival, people, random_people, telling_moments

pytestmark = pytest.mark.property

ON, RESTART, CRASH = "on", "restart", "crash"


def rows(network: Network, as_of: int) -> Rows:
    """What the states have to say."""
    held: dict[str, FeatureRow] = {}
    for (_, shopper), state in network.states().items():
        network.logic.advance(state, as_of)
        hold(held, network.logic.all_rows(state, shopper), state.at)
    return shown(held.values())


def assert_equal(arrived: Sequence[Arrival], happens: Sequence[str], identity: str, looks: int) -> None:
    network, oracle = Network(Definitions(identity=identity)), Oracle(OracleDefinitions(identity=identity))
    as_of = 0
    for number, (event, moment) in enumerate(arrived):
        as_of = max(as_of, moment)  # the clock of all buckets
        happening = happens[number % len(happens)] if happens else ON
        if happening == CRASH:
            checkpoint, read = network.checkpoint(), network.read
            network.take([event], as_of)
            network.restore(checkpoint)
            network.read = read
        network.take([event], as_of)
        if happening == RESTART:
            network.restart()
        oracle.arrive(event, as_of)
    moments = telling_moments(arrived)
    for moment in [max(moment for _, moment in arrived), *moments[:: max(1, len(moments) // looks)]]:
        found = differences(rows(network, moment), oracle.rows(moment))
        # A device counts one more record where its rows are to point to somebody else.
        assert [each for each in found if each[1] != "_seen"] == [], moment
    for instance in network.hosts.values():
        for bucket in range(4):
            instance.wake(bucket)
    counts = network.counts()
    assert counts["read"] == len(arrived)
    assert "identity.lost" not in counts


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    people(),
    st.lists(st.sampled_from([ON, ON, RESTART, CRASH]), max_size=9),
    st.sampled_from([MERGE, FORWARD]),
)
def test_any_events_and_any_failures(arrived: list[Arrival], happens: list[str], identity: str) -> None:
    if arrived:
        assert_equal(arrived, happens, identity, 4)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pace", ["calm", "rush"])
def test_long_streams(seed: int, pace: str) -> None:
    arrived = random_people(seed + 50, 300, devices=3, pace=pace)
    assert_equal(arrived, [ON, ON, CRASH, ON, RESTART], MERGE, 3)
