"""How a job that was submitted begins: Flink takes it first, and looks at the state to begin from later."""

import time
from typing import Final

from jobs.cluster.flink_rest import ENDED, FlinkRest, root_cause

BEGIN_S: Final = 30.0
"""A job that waits for slots may do so for longer; it has been submitted all the same."""
TOLD_S: Final = 10.0
"""Flink's REST API shows a job as it was some seconds ago."""
_POLL_S: Final = 0.2
_WAITING: Final = frozenset({"INITIALIZING", "CREATED"})
_UNCLAIMED: Final = "is not available in the new program"
"""What Flink says of state that no operator of the job claims."""


class JobNotBegunError(Exception):
    """The job has ended before it began; the message says why, and the way out."""


def see_it_begin(flink: FlinkRest, job_id: str, restore_from: str) -> None:
    """Wait until Flink has looked at the state to begin from.

    Raises:
        JobNotBegunError: if the state does not fit, or cannot be read.
        FlinkRestError: if Flink does not answer any more.
    """
    until = time.monotonic() + BEGIN_S
    while (state := flink.state(job_id)) in _WAITING and time.monotonic() < until:
        time.sleep(_POLL_S)
    if state in ENDED:
        msg = f"job {job_id} could not go on from {restore_from}: {why_ended(flink, job_id)}"
        raise JobNotBegunError(msg)


def why_ended(flink: FlinkRest, job_id: str) -> str:
    """Say why a job has ended, in words that help.

    Raises:
        FlinkRestError: if Flink does not answer.
    """
    until = time.monotonic() + TOLD_S
    while not (cause := flink.cause(job_id)) and time.monotonic() < until:
        time.sleep(_POLL_S)
    if _UNCLAIMED not in cause:
        return root_cause(cause) or "no exception is known"
    return (
        "the state does not fit: it is also that of an operator that this job does not have. Either the query"
        " that gathers the micro-batches is another (another release, topic or version of Flink): then let"
        " the release that wrote it go on once more, and run `shopper migrate` of this one, which loses"
        " nothing. Or the topology is another: that takes a new life (--new-life; `shopper run --fresh`)"
    )
