"""Making a topic what a file says: what has to be sent."""

from dataclasses import dataclass

import orjson

from jobs.side_inputs.sheet import Sheet
from jobs.side_inputs.topic import Change, Rows, tombstones, upsert


@dataclass(frozen=True, slots=True)
class Plan:
    """The records that make the topic what the file says, and what they leave as it is."""

    upserts: tuple[Change, ...]
    gone: tuple[str, ...]
    """Ids whose rows end."""
    tombstones: tuple[Change, ...]
    unchanged: int
    withheld: int
    """Ids that the file does not have, but whose rows stay."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """All that is sent."""
        return self.upserts + self.tombstones


def plan(sheet: Sheet, rows: Rows, *, keep: bool) -> Plan:
    """Compare what a file and a topic say.

    A line that cannot be used says nothing: the row that it is about stays as it is, and where it cannot be
    told which that is, all rows that the file does not have stay.

    Args:
        sheet: the file.
        rows: the topic.
        keep: end no rows.
    """
    upserts = []
    for named, line in sheet.rows.items():
        kept = rows.latest(named)
        if kept is None or not _same(kept.value, line.value):
            upserts.append(upsert(named, orjson.dumps(line.value), rows))
    spared = {refused.key for refused in sheet.refused}
    absent = [named for named in rows.records if named not in sheet.rows and named not in spared]
    gone = () if keep or None in spared else tuple(absent)
    ends = [change for named in gone for change in tombstones(named, rows)]
    return Plan(tuple(upserts), gone, tuple(ends), len(sheet.rows) - len(upserts), len(absent) - len(gone))


def _same(raw: bytes, value: object) -> bool:
    try:
        return bool(orjson.loads(raw) == value)
    except orjson.JSONDecodeError:
        return False
