"""What is asked of a running Flink cluster: which jobs it knows, how far they are, to stop one."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

CALL_S: Final = 10.0
STOP_S: Final = 600.0
"""A savepoint of many millions of shoppers takes minutes."""
RUNNING_S: Final = 60.0
_POLL_S: Final = 0.2
_LONGEST: Final = 1000
_NAMES: Final = re.compile(r"^(?:[\w$]+(?:\.[\w$]+)+: |<class '[\w.]+'>: )+")
ENDED: Final = frozenset({"FAILED", "CANCELED", "FINISHED"})


def root_cause(trace: str, *, named: bool = True) -> str:
    r"""What a Java stack trace says came first, in one line; `named` with the class of the exception.

    >>> trace = "a.B: it failed\n\tat a.B.c\nCaused by: p.E: <class 'x.Y'>: Redis refused\n\tat x.Y.z"
    >>> root_cause(trace)
    "p.E: <class 'x.Y'>: Redis refused"
    >>> root_cause(trace, named=False)
    'Redis refused'
    """
    cause = trace.rpartition("\nCaused by: ")[2].partition("\n")[0][:_LONGEST]
    return cause if named else _NAMES.sub("", cause).strip()


class FlinkRestError(Exception):
    """The cluster did not answer, or did not do what was asked; the message has its words."""


class JobSeen(NamedTuple):
    """A job that the JobManager remembers."""

    id: str
    state: str
    started: int
    """Epoch milliseconds."""


class FlinkRest:
    """The REST API at `address` (host:port).

    Raises:
        FlinkRestError: from every method, if it does not answer.
    """

    def __init__(self, address: str) -> None:
        """Remember where; nothing is asked yet."""
        self._address = address

    def jobs(self, name: str) -> list[JobSeen]:
        """Jobs of that name, the newest first; those that ended are forgotten after an hour or a restart."""
        found = self._call("/jobs/overview")["jobs"]
        own = [JobSeen(job["jid"], job["state"], job["start-time"]) for job in found if job["name"] == name]
        return sorted(own, key=lambda job: -job.started)

    def running(self, name: str) -> JobSeen | None:
        """The job of that name that has not ended."""
        return next((job for job in self.jobs(name) if job.state not in ENDED), None)

    def state(self, job_id: str) -> str:
        """`RUNNING` and the like."""
        return str(self._call(f"/jobs/{job_id}")["state"])

    def cause(self, job_id: str) -> str:
        """Why a job has failed, as Java tells it; empty where it has not, or it is not known yet."""
        told = self._call(f"/jobs/{job_id}/execution-result")
        return str(told.get("job-execution-result", {}).get("failure-cause", {}).get("stack-trace", ""))

    def checkpoints(self, job_id: str) -> int:
        """How many checkpoints it has completed."""
        return int(self._call(f"/jobs/{job_id}/checkpoints")["counts"]["completed"])

    def newest_state(self, job_id: str) -> str:
        """URI of the newest complete checkpoint or savepoint; empty without one."""
        latest = self._call(f"/jobs/{job_id}/checkpoints")["latest"]
        known = [latest[kind] for kind in ("completed", "savepoint") if latest.get(kind)]
        newest = max(known, key=lambda each: int(each["trigger_timestamp"]), default=None)
        return str(newest["external_path"]) if newest else ""

    def stop(self, job_id: str, target: str) -> str:
        """Stop a job with a savepoint below `target`, without draining; return the savepoint's URI.

        Raises:
            FlinkRestError: if there is no savepoint; the job then runs on.
        """
        self._wait_all_run(job_id)
        asked = self._call(f"/jobs/{job_id}/stop", {"targetDirectory": target, "drain": False})
        path = f"/jobs/{job_id}/savepoints/{asked['request-id']}"
        until = time.monotonic() + STOP_S
        while time.monotonic() < until:
            told = self._call(path)
            if told["status"]["id"] == "COMPLETED":
                return self._stopped(job_id, told["operation"], until)
            time.sleep(_POLL_S)
        msg = f"job {job_id} has no savepoint after {STOP_S:g} s; it may still stop. See Flink's page"
        raise FlinkRestError(msg)

    def _wait_all_run(self, job_id: str) -> None:
        """Wait until every task runs: before, there is nobody to write a savepoint."""
        until = time.monotonic() + RUNNING_S
        while True:
            waiting = [v for v in self._call(f"/jobs/{job_id}")["vertices"] if v["status"] != "RUNNING"]
            if not waiting:
                return
            if time.monotonic() > until:
                msg = f"job {job_id} cannot be stopped: {waiting[0]['name']} is {waiting[0]['status']}"
                raise FlinkRestError(msg)
            time.sleep(_POLL_S)

    def _stopped(self, job_id: str, operation: Mapping[str, Any], until: float) -> str:
        if "location" not in operation:
            trace = str(operation.get("failure-cause", {}).get("stack-trace", operation))
            msg = f"job {job_id} wrote no savepoint and runs on: {root_cause(trace)}"
            raise FlinkRestError(msg)
        while self.state(job_id) not in ENDED and time.monotonic() < until:
            time.sleep(_POLL_S)
        return str(operation["location"])

    def _call(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        url = f"http://{self._address}{path}"
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=CALL_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(1000).decode(errors="replace")
            msg = f"Flink at {self._address} refuses {path} ({error.code}): {said}"
            raise FlinkRestError(msg) from None
        except OSError as error:
            msg = f"Flink at {self._address} does not answer ({error}); is that the address of its REST API?"
            raise FlinkRestError(msg) from None
