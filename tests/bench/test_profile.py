"""From samples to microseconds by step."""

import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from bench.breakdown import between, step_of, steps, top
from bench.sampler import FOREIGN, OUTSIDE, Sampler, location, thread_cpu
from events.decoder import Decoder

ROOT = Path(__file__).parents[2]


def line(at: float, cpu: int) -> dict[str, Any]:
    return {
        "at": at,
        "places": {"events/tsv.py:read": [cpu, 3 * cpu, 1], OUTSIDE: [cpu, 9 * cpu, 1]},
        "threads": {"features": 2 * cpu, "C2 CompilerThre": cpu, "flink-metrics": cpu},
        "python": ["features"],
        "own": cpu // 10,
    }


LINES = [line(100.0, 1_000_000), line(101.0, 2_000_000), line(102.0, 5_000_000)]


def test_only_what_lies_between_two_moments_counts() -> None:
    used = between(LINES, 101.1, 101.8)
    assert used["places"]["events/tsv.py:read"] == [3_000_000, 9_000_000, 0]
    assert used["threads"]["C2 CompilerThre"] == 3_000_000
    assert used["seconds"] == 1.0


def test_steps_are_microseconds_an_event_and_threads_add_up_to_all() -> None:
    rows = steps(between(LINES, 101.0, 102.0), events=1000)
    assert rows["decode"]["cpu_us"] == 3.0
    assert rows["decode"]["wait_us"] == 6.0
    assert rows["java"] == {"cpu_us": 3.0, "wait_us": None, "share": "25%"}
    assert rows["jit*"]["cpu_us"] == 3.0
    assert rows["all threads"]["cpu_us"] == 12.0
    stars = ("jit*", "rest*", "decode", "java")
    assert sum(float(rows[name]["cpu_us"] or 0) for name in stars) == pytest.approx(12.0)


def test_places_come_with_the_costliest_first() -> None:
    used = between([line(0.0, 0), line(1.0, 1000)], 0.0, 1.0)
    used["places"]["sinks/text.py:clean"] = [5000, 5000, 1]
    assert next(iter(top(used, 1.0))) == "sinks/text.py:clean"


@pytest.mark.parametrize("package", ["events", "features", "sinks", "operators"])
def test_every_module_of_the_job_has_a_step_of_its_own(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        place = f"{path.relative_to(ROOT).as_posix()}:run"
        assert step_of(place) not in ("pyflink", "java"), place


def test_a_place_is_the_innermost_function_of_this_project() -> None:
    found: list[str] = []

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "c_call":
            found.append(location(frame))

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        Decoder().decode(b"no event")
    finally:
        sys.setprofile(before)
    assert any(place.startswith("events/tsv.py:") for place in found)
    assert location(None) == FOREIGN


def test_a_sampler_puts_cpu_down_to_the_threads_that_used_it(tmp_path: Path) -> None:
    ended = threading.Event()
    busy = threading.Thread(target=lambda: [None for _ in iter(ended.is_set, True)], daemon=True)
    sampler = Sampler(tmp_path)
    busy.start()
    try:
        sampler.sample()
        until = time.monotonic() + 30
        while sampler.snapshot()["places"][FOREIGN][0] < 1_000_000 and time.monotonic() < until:
            sampler.sample()
    finally:
        ended.set()
        busy.join()
    cpu, wall, samples = sampler.snapshot()["places"][FOREIGN]
    assert cpu >= 1_000_000
    assert wall > 0
    assert samples > 1


def test_threads_of_a_process_have_names_without_numbers() -> None:
    assert thread_cpu()
    assert all(not name[-1:].isdigit() for name in thread_cpu())
