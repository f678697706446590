"""What a running job does and uses while some seconds pass."""

import time
from typing import Final

from bench.live import Job
from bench.report import Figures, cores, load

COLUMNS: Final = (
    "events_per_s",
    "departures_per_s",
    "rows_per_s",
    "flink_cores",
    "kafka_cores",
    "redis_cores",
    "of_machine",
    "load",
)


def pace(job: Job, seconds: float, parts: int = 1) -> Figures:
    """Watch for so long; rates by the job's own account, and CPU as a share of a core.

    `departures_per_s` counts shoppers looked at because panes left their windows, or sessions ended, with no
    event of theirs at that moment. `of_machine` is the share of all cores that may be used, `flink_first` and
    `flink_last` are the cores of Flink in the first and the last of so many parts of the time.
    """
    before, costs, begun = job.counts(), job.costs(), time.monotonic()
    told = job.point().at
    of_flink = []
    for _ in range(parts):
        used, since = job.costs()[0], time.monotonic()
        time.sleep(seconds / parts)
        of_flink.append((job.costs()[0] - used) / (time.monotonic() - since))
    after, spent, ended = job.counts(), job.costs(), time.monotonic()
    counted = max(0.001, job.point().at - told)
    flink, kafka, redis = ((b - a) / (ended - begun) for a, b in zip(costs, spent, strict=True))
    return {
        "flink_first": of_flink[0],
        "flink_last": of_flink[-1],
        "events_per_s": (after["read"] - before["read"]) / counted,
        "departures_per_s": (after["woken"] - before["woken"]) / counted,
        "rows_per_s": (after["rows.written"] - before["rows.written"]) / counted,
        "flink_cores": flink,
        "kafka_cores": kafka,
        "redis_cores": redis,
        "of_machine": f"{(flink + kafka + redis) / cores():.0%}",
        "load": load(),
    }
