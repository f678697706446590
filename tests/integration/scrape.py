"""A Flink cluster with the metrics reporter of deploy/flink-conf, and what it answers to Prometheus."""

import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from jobs.local.flink import FlinkCluster
from jobs.local.process import HOST, free_port
from tests.harness import toolchain, wait_until

CONFIG = Path(__file__).resolve().parents[2] / "deploy/flink-conf/config.yaml"
PORTS = 20
ANSWERS_S = 30
CALL_S = 10


def reporter() -> dict[str, str]:
    """All options of metrics, as deployed."""
    return dict(_flat(yaml.safe_load(CONFIG.read_text())["metrics"], "metrics"))


def _flat(options: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{at}.{name}")
        else:
            yield f"{at}.{name}", str(value)


@contextmanager
def measured_cluster(folder: Path, taskmanagers: int) -> Iterator["MeasuredCluster"]:
    """A cluster whose processes can be scraped."""
    first = free_port()
    # Containers have a port 9249 each; processes of one machine take the next free one of a range.
    ports = {"metrics.reporter.prom.port": f"{first}-{first + PORTS}"}
    with FlinkCluster(toolchain(), folder, taskmanagers, reporter() | ports) as flink:
        yield MeasuredCluster(flink, range(first, first + PORTS + 1))


class MeasuredCluster:
    """The cluster, and where its processes answer."""

    def __init__(self, flink: FlinkCluster, ports: range) -> None:
        self.flink = flink
        self.processes = 1 + flink.taskmanagers
        self._ports = ports
        self._found: list[int] = []

    def scrape(self) -> list[Sample]:
        """What Prometheus would read now, of all processes.

        It raises ValueError for text that is not in Prometheus' format.
        """
        if not self._found:
            wait_until(self._all_answer, ANSWERS_S, f"{self.processes} processes answer in {self._ports}")
        texts = [_page(port) for port in self._found]
        return [
            s for text in texts for family in text_string_to_metric_families(text) for s in family.samples
        ]

    def _all_answer(self) -> bool:
        self._found = [port for port in self._ports if _answers(port)]
        return len(self._found) == self.processes


def _answers(port: int) -> bool:
    try:
        return "flink_" in _page(port)
    except OSError:
        return False


def _page(port: int) -> str:
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=CALL_S) as answer:
        return str(answer.read().decode())
