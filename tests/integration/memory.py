"""What a Flink process holds: resident memory, and the records that are on their way inside a job."""

from pathlib import Path
from typing import Any

from jobs.local.flink import FlinkCluster
from tests.integration.live_job import LiveJob

MB = 1 << 20


def resident(flink: FlinkCluster) -> int:
    """Resident memory of all TaskManagers, bytes."""
    total = 0
    for number in flink.running():
        # The launcher's shell and the JVM are one process group; only the JVM is large.
        group = flink.taskmanager(number).pid
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group:
                total += int(fields[21]) * 4096
    return total


def heap(flink: FlinkCluster) -> int:
    """Heap in use of all TaskManagers, bytes; 0 for one that has not told yet."""
    managers = [manager["id"] for manager in flink.get("/taskmanagers")["taskmanagers"]]
    name = "Status.JVM.Memory.Heap.Used"
    told = [metric for m in managers for metric in flink.get(f"/taskmanagers/{m}/metrics?get={name}")]
    return sum(int(float(metric["value"])) for metric in told)


def under_way(job: LiveJob) -> int:
    """Records that left the source and are not yet accounted for."""
    vertices: list[dict[str, Any]] = job.around.flink.get(f"/jobs/{job.id}")["vertices"]
    source = next(vertex for vertex in vertices if vertex["name"].startswith("Source"))
    return int(source["metrics"]["write-records"]) - job.counts()["read"]
