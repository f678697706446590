"""The check against slow changes: work an event is counted, so that no other work on the machine matters."""

import sys

from bench.work import COUNTS, Counter, counted, differences, python, recorded


def test_an_event_is_as_much_work_as_recorded() -> None:
    told = differences(counted(seed=7), python(), recorded())
    assert not told, "; ".join(told) + ". If that is meant: python -m bench.work --renew"


def test_figures_are_recorded_for_some_version_of_python() -> None:
    assert recorded()
    for figures in recorded().values():
        assert set(figures) == set(COUNTS)


def test_less_work_than_recorded_is_told_too() -> None:
    kept = {"3.11": {"calls": 100.0}}
    assert differences({"calls": 96.0}, "3.11", kept)
    assert not differences({"calls": 98.0}, "3.11", kept)


def test_another_python_may_need_other_byte_code_but_not_other_rows() -> None:
    kept = {"3.11": {"calls": 100.0, "rows": 100.0}}
    (told,) = differences({"calls": 120.0, "rows": 120.0}, "3.12", kept)
    assert told.startswith("rows")


def test_the_counter_counts_every_call_and_leaves_the_trace_function_as_it_was() -> None:
    def once() -> int:
        return 1

    before, counter = sys.gettrace(), Counter()
    counter.during(lambda: [once() for _ in range(10)])
    ten, calls = counter.instructions, counter.calls
    counter.during(lambda: [once() for _ in range(20)])
    assert sys.gettrace() is before
    assert counter.calls - calls - calls == 10
    assert counter.instructions > 2 * ten
