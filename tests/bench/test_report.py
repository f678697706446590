"""What a benchmark says beside its figures."""

import argparse
import json
import math
from pathlib import Path

import pytest

from bench.report import Report, medians, percentile


def test_a_report_prints_its_rows_and_writes_them_with_their_conditions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = argparse.Namespace(json=tmp_path / "out.json", seed=7, runs=3)
    with Report("speed", ("us",), options) as report:
        report.add("one", {"us": 3.0}, {"us": 1.0}, {"us": 2.0})
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["rows"] == {"one": {"us": 2.0}}
    assert told["runs"] == {"one": [{"us": 3.0}, {"us": 1.0}, {"us": 2.0}]}
    assert told["seed"] == 7
    assert {"processor", "cores", "memory_gb", "system"} == set(told["machine"])
    assert {"code", "python", "java", "kafka", "apache-flink", "redis"} <= set(told["versions"])
    assert {"before", "after"} == set(told["load_average"])
    assert capsys.readouterr().out.splitlines()[-1].split() == ["one", "2"]


def test_what_was_measured_before_an_error_is_written(tmp_path: Path) -> None:
    options = argparse.Namespace(json=tmp_path / "out.json", seed=7, runs=1)

    def fail() -> None:
        with Report("speed", ("us",), options) as report:
            report.add("one", {"us": 3.0})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert json.loads((tmp_path / "out.json").read_text())["rows"] == {"one": {"us": 3.0}}


def test_a_median_needs_a_figure_of_every_run() -> None:
    assert medians([{"us": 1.0}, {"us": None}]) == {"us": None}


def test_percentiles_are_samples() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 0.999) == 3.0
    assert percentile([1.0], 0.01) == 1.0
    assert math.isnan(percentile([], 0.5))
