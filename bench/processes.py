"""What processes of this machine use, from Linux' /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

from jobs.local.process import LocalProcess


def cpu_s(*processes: LocalProcess) -> float:
    """CPU of the processes and their groups so far."""
    ticks = sum(int(fields[11]) + int(fields[12]) for _, fields in members(*processes))
    return ticks / os.sysconf("SC_CLK_TCK")


def members(*processes: LocalProcess) -> Iterator[tuple[int, list[str]]]:
    """Each process of the groups: its id, and what Linux' /proc/<id>/stat has after its name."""
    groups = {process.pid for process in processes}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) in groups:
            yield int(stat.parent.name), fields


def rss(process: LocalProcess) -> int:
    """Bytes of main memory that a process and its group hold."""
    total = 0
    for pid, _ in members(process):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
    return total
