"""FRESH, STALE, PARTIAL and MISSING, each at its border, and what clocks that differ do to them."""

from typing import Any

import pytest

from shopper_reader import Row, Verdict
from shopper_reader.verdicts import SILENT_AFTER_MS, STALE_AFTER_MS
from tests.reader.answers import BUCKETS, NOW, REPORTS, hashed, read, report
from tests.sinks import rows

WINDOW, PANE, GAP = 300_000, 10_000, 1_800_000


def row(now: int = NOW, reports: Any = REPORTS, **changes: Any) -> Row:
    """A row that is right at `NOW`, with what the test wants changed."""
    made = rows.row(**({"at": NOW - 100, "next": NOW + 5_000, "until": NOW + 60_000} | changes))
    return read(hashed(made), made.window, now, reports)


def told(**changes: Any) -> dict[str, str]:
    """Reports that all say the same."""
    return {str(bucket): report(**changes) for bucket in range(BUCKETS)}


def test_a_row_whose_pipeline_reports_is_fresh():
    fresh = row()
    assert fresh.verdict is Verdict.FRESH
    assert (fresh.at, fresh.next, fresh.until) == (NOW - 100, NOW + 5_000, NOW + 60_000)
    assert fresh.age_ms == 100
    assert fresh.why == "right as of 100 ms ago and until the next change"


@pytest.mark.parametrize(
    ("late", "verdict"), [(STALE_AFTER_MS, Verdict.FRESH), (STALE_AFTER_MS + 1, Verdict.STALE)]
)
def test_a_row_is_stale_two_seconds_after_it_was_to_change(late, verdict):
    late_row = row(next=NOW - late)
    assert late_row.verdict is verdict
    assert (late_row.why == f"the values were to change {late} ms ago") == (verdict is Verdict.STALE)


@pytest.mark.parametrize(
    ("silence", "verdict"), [(SILENT_AFTER_MS, Verdict.FRESH), (SILENT_AFTER_MS + 1, Verdict.STALE)]
)
def test_a_row_is_stale_when_its_pipeline_is_silent(silence, verdict):
    quiet = row(reports=told(at=NOW - silence))
    assert quiet.verdict is verdict
    assert quiet.pipeline.silent == (verdict is Verdict.STALE)
    assert quiet.pipeline.heard == NOW - silence
    if verdict is Verdict.STALE:
        assert quiet.why == f"the job last reported {silence} ms ago"


def test_a_row_is_stale_when_no_job_reports():
    unheard = row(reports={})
    assert unheard.verdict is Verdict.STALE
    assert unheard.why == "no job reports under this name"


@pytest.mark.parametrize(("left", "verdict"), [(1, Verdict.FRESH), (0, Verdict.MISSING)])
def test_a_row_is_missing_from_the_moment_at_which_it_expires(left, verdict):
    assert row(until=NOW + left).verdict is verdict


def test_of_a_row_that_is_over_nothing_is_shown():
    over = row(until=NOW)
    assert (dict(over), over.texts, over.at, over.next, over.until, over.age_ms) == (
        {},
        {},
        *(None,) * 4,
    )
    assert over.why == "there is no row"
    assert row(until=NOW, reports={}).why == "there is no row, and the pipeline is silent"


@pytest.mark.parametrize(("covers_after_start", "verdict"), [(0, Verdict.FRESH), (1, Verdict.PARTIAL)])
def test_a_row_is_partial_while_its_window_reaches_before_what_was_read(covers_after_start, verdict):
    # The window is inside from the beginning of a pane on.
    start = (NOW - WINDOW) // PANE * PANE
    covered = row(now=NOW + 7, reports=told(covers_from=start + covers_after_start, at=NOW))
    assert covered.verdict is verdict
    assert covered.pipeline.covers_from == start + covers_after_start
    assert covered.why.startswith(f"the window reaches back before {start + 1},") == (
        verdict is Verdict.PARTIAL
    )


def test_a_row_becomes_whole_by_the_passing_of_time_alone():
    start = (NOW - WINDOW) // PANE * PANE
    there = {"next": NOW + 2 * PANE, "reports": told(covers_from=start + PANE, at=NOW + PANE - 1)}
    assert row(now=NOW + PANE - 1, **there).verdict is Verdict.PARTIAL
    assert row(now=NOW + PANE, **there).verdict is Verdict.FRESH


@pytest.mark.parametrize(("pause", "verdict"), [(GAP, Verdict.FRESH), (GAP - 1, Verdict.PARTIAL)])
def test_a_session_is_partial_if_it_may_have_begun_before_what_was_read(pause, verdict):
    begun = {"session_start": NOW - 7}
    made = rows.row(begun, window="session", at=NOW, next=NOW + 9, until=NOW + 99)
    reports = told(covers_from=NOW - 7 - pause)
    assert read(hashed(made), "session", reports=reports).verdict is verdict
    assert read(hashed(made), "session", features="event_count", reports=reports).verdict is verdict


@pytest.mark.parametrize("start", ["", "-1", "soon"])
def test_a_session_without_a_start_is_as_old_as_now(start):
    made = rows.row({}, window="session", at=NOW, next=NOW + 9, until=NOW + 99)
    fields = hashed(made, **({"session_start": start} if start else {}))
    assert read(fields, "session", reports=told(covers_from=NOW - GAP)).verdict is Verdict.FRESH
    assert read(fields, "session", reports=told(covers_from=NOW - GAP + 1)).verdict is Verdict.PARTIAL


def test_of_several_reasons_the_worst_is_told():
    reports = told(at=NOW - 60_000, covers_from=NOW)
    assert row(until=NOW, next=NOW - 9_999, reports=reports).verdict is Verdict.MISSING
    assert row(reports=reports).verdict is Verdict.STALE
    assert row(reports=told(covers_from=NOW)).verdict is Verdict.PARTIAL


# Clocks


@pytest.mark.parametrize("ahead", [0, 700, 90_000])
def test_a_job_whose_clock_is_ahead_of_redis_is_judged_by_its_own(ahead):
    now, reports = NOW - ahead, told(at=NOW)
    assert row(now, reports).verdict is Verdict.FRESH
    assert row(now, reports).age_ms == 100
    assert row(now, reports, next=NOW - STALE_AFTER_MS).verdict is Verdict.FRESH
    assert row(now, reports, next=NOW - STALE_AFTER_MS - 1).verdict is Verdict.STALE
    assert row(now, reports, until=NOW).verdict is Verdict.MISSING


def test_a_row_newer_than_the_last_report_and_than_redis_is_as_old_as_nothing():
    newer = row(now=NOW - 5_000, reports=told(at=NOW - 400), at=NOW)
    assert (newer.age_ms, newer.now, newer.verdict) == (0, NOW, Verdict.FRESH)


def test_a_job_whose_clock_is_behind_redis_is_late_by_that():
    behind = SILENT_AFTER_MS
    assert row(reports=told(at=NOW - behind), next=NOW - 1).verdict is Verdict.FRESH
    assert row(reports=told(at=NOW - behind - 1), next=NOW - 1).verdict is Verdict.STALE


# Which part of the pipeline


def test_only_the_shoppers_own_bucket_counts():
    # md5 puts the address into bucket 0 of 16.
    reports = REPORTS | {"0": report(at=NOW - 9_000, rewriting=True)}
    made = hashed(rows.row(at=NOW, next=NOW + 9, until=NOW + 99))
    hit = read(made, reports=reports, shopper="shopper@example.com")
    assert (hit.verdict, hit.pipeline.rewriting) == (Verdict.STALE, True)
    other = read(made, reports=reports, shopper="ada")
    assert (other.verdict, other.pipeline.rewriting) == (Verdict.FRESH, False)


def test_where_branches_run_apart_the_slowest_of_a_bucket_counts():
    apart = {"0/session": report(), "0/cart": report(at=NOW - 6_000), "0/product": report(covers_from=5)}
    made = hashed(rows.row(at=NOW, next=NOW + 9, until=NOW + 99))
    hit = read(made, reports=apart, shopper="shopper@example.com")
    assert (hit.verdict, hit.pipeline.heard, hit.pipeline.covers_from) == (Verdict.STALE, NOW - 6_000, 5)


def test_what_the_other_topology_left_behind_does_not_count():
    reports = REPORTS | {f"{n}/cart": report(at=NOW - 999_999, buckets=64) for n in range(64)}
    assert row(reports=reports).verdict is Verdict.FRESH


def test_a_bucket_that_never_had_anything_to_report_is_judged_by_the_newest():
    made = hashed(rows.row(at=NOW, next=NOW + 9, until=NOW + 99))
    assert read(made, reports={"0": report()}).verdict is Verdict.FRESH


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"at": "x"}', '{"at": 1, "covers_from": 0, "buckets": 0}', "7"]
)
def test_what_is_no_report_is_passed_over(text):
    assert row(reports={"0": text}).why == "no job reports under this name"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {b"cart_add_count": b"1"},
        {b"_v": b"1", b"_at": b"1"},
        {b"_v": b"1", b"_at": b"x", b"_next": b"1", b"_until": b"1"},
        hashed(rows.row(at=NOW, next=NOW, until=NOW + 99), _gone="1"),
    ],
)
def test_what_is_no_row_of_ours_or_a_tombstone_is_missing(fields):
    assert read(fields).verdict is Verdict.MISSING


def test_a_verdict_is_its_name():
    assert f"{Verdict.FRESH}" == str(Verdict.FRESH) == Verdict.FRESH == "FRESH"
