"""Whatever a file says, the topic says it after one load, and a second load sends nothing."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.sides.decoder import SideDecoder
from events.sides.row import SideRow
from jobs.side_inputs import shipped, side_inputs
from jobs.side_inputs.loading import plan
from jobs.side_inputs.sheet import Sheet, SheetError, key_decoder, read_sheet
from jobs.side_inputs.topic import Change, Kept, Rows
from tests.jobs.test_side_sheet import KEYLESS, NESTED

pytestmark = pytest.mark.property

SIDES = [*side_inputs(shipped()), NESTED, KEYLESS]
NAMES = ["product_id", "id", "key", "ids.sku", '"unit.price".cents', "price", "categories", "currency", "x"]
cells = st.one_of(st.text('ab1.,;|"{}\n é', max_size=5), st.integers(0, 3).map(str), st.just("EUR"))
tables = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True).flatmap(
    lambda names: st.lists(st.lists(cells, min_size=len(names), max_size=len(names)), max_size=6).map(
        lambda rows: [names, *rows]
    )
)


def read(raw: bytes, number: int) -> Sheet | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file.csv"
        file.write_bytes(raw)
        try:
            return read_sheet(file, SIDES[number])
        except SheetError as error:
            assert "othing was sent" in str(error)  # noqa: PT017
            return None


def taken(rows: Rows, changes: tuple[Change, ...], number: int) -> Rows:
    """What the topic says once it has the changes."""
    decoder = key_decoder(SIDES[number])
    records = {named: dict(kept) for named, kept in rows.records.items()}
    for offset, change in enumerate(changes, 100):
        place = (change.key, change.partition or 0)
        row = decoder.decode(change.key, change.value or b"")
        assert isinstance(row, SideRow), row
        records.setdefault(row.key, {}).pop(place, None)
        if change.value:
            records[row.key][place] = Kept(change.key, change.value, place[1], offset, offset)
    return Rows({named: kept for named, kept in records.items() if kept})


@given(st.integers(0, len(SIDES) - 1), st.lists(tables, min_size=2, max_size=3))
@settings(max_examples=300, deadline=None)
def test_a_load_is_whole_and_settles(number: int, files: list[list[list[str]]]) -> None:
    rows = Rows()
    for table in files:
        text = io.StringIO()
        csv.writer(text).writerows(table)
        sheet = read(text.getvalue().encode(), number)
        if sheet is None:
            continue
        before = set(rows.records)
        rows = taken(rows, plan(sheet, rows, keep=False).changes, number)
        again = plan(sheet, rows, keep=False)
        assert (again.upserts, again.tombstones) == ((), ())
        spared = {refused.key for refused in sheet.refused}
        assert set(rows.records) - sheet.rows.keys() <= (before if None in spared else before & spared)
        decoder = SideDecoder(SIDES[number])
        for named in sheet.rows:
            kept = rows.latest(named)
            assert kept is not None
            row = decoder.decode(kept.key, kept.value)
            assert isinstance(row, SideRow)
            assert row.key == named


@given(st.integers(0, len(SIDES) - 1), st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_sheet_or_told_to_be_none(number: int, raw: bytes) -> None:
    read(b"product_id,id,key\n" + raw, number)
    read(raw, number)
