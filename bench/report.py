"""What every benchmark says beside its figures: the machine, the versions, the seed and the load average.

A benchmark makes a `Report`, adds a row when it has one (it is printed at once), and the report writes the
JSON. `medians` makes one row of several runs.
"""

import argparse
import json
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Self

from features.identity import MERGE, MODES
from jobs.local.jars import WANTED
from jobs.local.toolchain import find_java
from operators.release import FINGERPRINT

Figure = float | int | str | None
Figures = dict[str, Figure]

PACKAGES: Final = ("apache-flink", "msgspec", "orjson", "redis", "hiredis", "kafka-python", "zstandard")
NAME_WIDTH: Final = 34
COLUMN_WIDTH: Final = 11


def arguments(doc: str | None, runs: int = 1, seed: int = 7) -> argparse.ArgumentParser:
    """A parser with what every benchmark takes: `--runs`, `--seed` and `--json`."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=runs, help=f"the table shows medians (default {runs})")
    parser.add_argument("--seed", type=int, default=seed, help=f"of the events (default {seed})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures and their conditions")
    return parser


def of_the_job(parser: argparse.ArgumentParser) -> None:
    """Let a benchmark that starts the job take `--identity` and `--compiled`, the settings of that name."""
    parser.add_argument("--identity", choices=MODES, default=MERGE, help=f"the setting (default {MERGE})")
    parser.add_argument("--compiled", action="store_true", help="the core as machine code")


def machine() -> dict[str, Any]:
    """The machine as far as it matters: processor, cores that may be used, memory, system."""
    cpuinfo, meminfo = Path("/proc/cpuinfo"), Path("/proc/meminfo")
    model = re.search(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    memory = re.search(r"MemTotal:\s*(\d+)", meminfo.read_text()) if meminfo.exists() else None
    return {
        "processor": model[1] if model else platform.processor(),
        "cores": cores(),
        "memory_gb": round(int(memory[1]) / 1e6, 1) if memory else None,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Of Python, Java, Kafka, the libraries, and of this project's code (the fingerprint that jobs check)."""
    release = find_java() / "release"
    java = re.search(r'JAVA_VERSION="(.+)"', release.read_text()) if release.is_file() else None
    found = {"code": FINGERPRINT, "python": platform.python_version(), "java": java[1] if java else "unknown"}
    found["kafka"] = WANTED["kafka"].rpartition(":")[2]
    return found | {name: version(name) for name in PACKAGES}


def load() -> float:
    """The load average of the last minute: other work on the machine changes rates."""
    return round(os.getloadavg()[0], 1)


def medians(runs: Sequence[Mapping[str, Figure]]) -> Figures:
    """The median of each figure over the runs; of what is no number, the last.

    >>> medians([{"us": 3.0, "held": "yes"}, {"us": 1.0, "held": "no"}, {"us": 2.0, "held": "yes"}])
    {'us': 2.0, 'held': 'yes'}
    """
    found: Figures = {}
    for name in runs[0]:
        numbers = [figure for run in runs if isinstance(figure := run[name], int | float)]
        found[name] = statistics.median(numbers) if len(numbers) == len(runs) else runs[-1][name]
    return found


def percentile(samples: Iterable[float], share: float) -> float:
    """The least sample that `share` of the samples do not exceed; NaN without samples.

    >>> percentile(range(1, 101), 0.99)
    99
    """
    ordered = sorted(samples)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else float("nan")


def shown(figure: Figure) -> str:
    """A figure as the table has it: three significant digits below a thousand.

    >>> shown(12345.6), shown(12.345), shown(0.01234), shown(None)
    ('12,346', '12.3', '0.0123', '-')
    """
    if figure is None:
        return "-"
    if isinstance(figure, float) and figure == figure and abs(figure) < 1000:  # noqa: PLR0124, PLR2004  not NaN
        return f"{figure:.3g}"
    return f"{figure:,.0f}" if isinstance(figure, int | float) else figure


@dataclass
class Report:
    """One benchmark's rows and the conditions under which they were measured.

    Use it in a `with` block: rows are printed as they come, and the JSON is written however the block ends.
    """

    question: str
    columns: Sequence[str]
    options: argparse.Namespace
    rows: dict[str, Figures] = field(default_factory=dict)
    runs: dict[str, list[Figures]] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    """Whatever else belongs into the JSON."""
    _begun: str = field(init=False)
    _load: float = field(init=False)

    def __enter__(self) -> Self:
        """Print the head of the table."""
        self._begun, self._load = time.strftime("%Y-%m-%dT%H:%M:%S%z"), load()
        print(f"{self.question} ({machine()['processor']}, {cores()} cores, load {self._load})")
        print(f"{'':{NAME_WIDTH}}" + "".join(f"{name:>{_width(name)}}" for name in self.columns), flush=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Write the JSON if it is wanted."""
        if self.options.json:
            self.options.json.write_text(json.dumps(self.told(), indent=1, default=str) + "\n")

    def add(self, name: str, *runs: Figures) -> None:
        """Print a row, the medians of its runs, and keep both."""
        row = self.rows[name] = medians(runs)
        self.runs[name] = list(runs)
        told = "".join(f"{shown(row.get(column)):>{_width(column)}}" for column in self.columns)
        print(f"{name or 'default':{NAME_WIDTH}}{told}", flush=True)

    def told(self) -> dict[str, Any]:
        """All of it, for the JSON."""
        options = {name: value for name, value in vars(self.options).items() if name != "json"}
        return {
            "question": self.question,
            "command": " ".join(["python", "-m", _module(), *sys.argv[1:]]),
            "begun": self._begun,
            "load_average": {"before": self._load, "after": load()},
            "seed": self.options.seed,
            "options": options,
            "machine": machine(),
            "versions": versions(),
            "rows": self.rows,
            "runs": self.runs,
            **self.notes,
        }


def _width(column: str) -> int:
    return max(COLUMN_WIDTH, len(column) + 2)


def _module() -> str:
    return f"bench.{Path(sys.argv[0]).stem}"
