"""Times: every notation of an instant gives the same milliseconds, and nothing else is a time."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.decoder import Decoder
from events.instant import epoch_ms
from events.verdict import Dead
from tests.events.recorded import event_of, tsv_line

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def naive(first: str, last: str) -> st.SearchStrategy[datetime]:
    return st.datetimes(datetime.fromisoformat(first), datetime.fromisoformat(last))


@given(
    naive("0002-01-01", "9998-12-31"),
    zones,
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
@settings(deadline=None)
def test_rfc_3339_with_any_offset(local: datetime, zone: timezone, spec: str) -> None:
    at = local.replace(tzinfo=zone)
    written = at.isoformat(timespec=spec)
    assert epoch_ms(written) == (datetime.fromisoformat(written) - EPOCH) // timedelta(milliseconds=1)


@given(naive("0001-01-01", "9999-12-31T23:59:59.999999"))
@settings(deadline=None)
def test_tsv_python_and_go_write_the_same_instant(utc: datetime) -> None:
    text = utc.isoformat(" ", "milliseconds")
    at = (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
    go = text.replace(" ", "T").rstrip("0").rstrip(".") if text.endswith("0") and "." in text else text
    assert epoch_ms(text) == at
    assert epoch_ms(text.replace(" ", "T") + "Z") == at
    assert epoch_ms(go + "Z") == at


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01 00:00:00", 0),
        ("1970-01-01 00:00:00.001", 1),
        ("1970-01-01T00:00:00.1Z", 100),
        ("1970-01-01T00:00:00.123456789Z", 123),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:00:00.5-01:00", 500),
        ("9999-12-31 23:59:59.999", 253_402_300_799_999),
        ("2024-02-29 00:00:00.000", 1_709_164_800_000),
    ],
)
def test_notations(text: str, ms: int) -> None:
    assert epoch_ms(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "", "garbage", "2024-05-01", "2024-05-01 10:00", "20240501T100000Z", "2024-W18-3T10:00:00Z",
        "2024-02-30 10:00:00.000", "2023-02-29 10:00:00", "2024-13-01 10:00:00", "0000-01-01 00:00:00",
        "2024-05-01 24:00:00", "2024-05-01 10:60:00", "2024-05-01 10:00:60", "2024-05-01 10:00:00.",
        "2024-05-01 10:00:00.1234567890", "2024-05-01T10:00:00+24:00", "2024-05-01T10:00:00+01:60",
        "2024-05-01T10:00:00+0100", "2024-05-01T10:00:00ZZ", "2024-05-01T10:00:00.000Z\n", "\nZ",
        "٢٠٢٤-05-01 10:00:00", "2024-05-01 10:00:00.\u0660\u0660\u0660",
        "1714557601000", "99999-01-01 00:00:00",
        "2024-05-01_10:00:00", "2024-05-01 10:00:00.000 UTC", "x" * 1_000_000,
    ],
)  # fmt: skip
def test_anything_else_is_no_time(text: str) -> None:
    assert epoch_ms(text) is None


@given(st.text("0123456789-:.TtZz+ x\n٣", max_size=36))
@settings(deadline=None)
def test_no_text_breaks_the_parser(text: str) -> None:
    epoch_ms(text)


START = 1_714_557_601_000


@pytest.mark.parametrize(
    ("derived", "collector", "at"),
    [
        ("2024-05-01 10:00:01.000", "2024-05-01 10:00:01.250", START),
        (None, "2024-05-01 10:00:01.250", START + 250),
        ("2024-05-01 10:00:01.000", None, START),
        ("2024-05-01 10:01:01.250", "2024-05-01 10:00:01.250", START + 60_250),
        ("2024-05-01 10:01:01.251", "2024-05-01 10:00:01.250", START + 250),
        ("2014-05-01 10:00:01.000", "2024-05-01 10:00:01.250", 1_398_938_401_000),
        ("1970-01-01 00:00:00.000", None, 0),
    ],
)
def test_event_time_is_the_derived_one_unless_it_is_ahead_of_the_collector(
    derived: str | None, collector: str | None, at: int
) -> None:
    assert event_of(derived_tstamp=derived, collector_tstamp=collector).at == at


def test_an_event_without_any_time_is_dead() -> None:
    verdict = Decoder().decode(tsv_line(derived_tstamp=None, collector_tstamp=None))
    assert isinstance(verdict, Dead)
    assert [(r.field, r.value) for r in verdict.reasons] == [("derived_tstamp", "absent")]


@pytest.mark.parametrize("field", ["derived_tstamp", "collector_tstamp", "dvce_created_tstamp"])
def test_a_time_that_is_none_is_dead_though_others_would_do(field: str) -> None:
    changed: dict[str, Any] = {field: "yesterday"}
    verdict = Decoder().decode(tsv_line(**changed))
    assert isinstance(verdict, Dead)
    assert [(r.field, r.value) for r in verdict.reasons] == [(field, "text of 9 characters")]


def test_creation_time_is_kept_and_may_be_absent() -> None:
    assert event_of().created_at == START - 875
    assert event_of(dvce_created_tstamp=None).created_at is None
