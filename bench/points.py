"""What a job had done and used at two moments, and what that makes an event."""

from typing import Final, NamedTuple, Self

COLUMNS: Final = ("events_per_s", "flink_us", "kafka_us", "redis_us", "records_a_batch", "rows")


class Point(NamedTuple):
    """What the job had done, and what that had cost, at one moment."""

    at: float
    """By the clock of the job's own account, s."""
    read: int
    batches: int
    rows: int
    """Rows written: fewer an event, the more events of a shopper are applied together."""
    flink_s: float
    """CPU of the TaskManagers, Python in it."""
    kafka_s: float
    redis_s: float

    def figures(self, end: Self) -> dict[str, float | int | None]:
        """The rate from here to `end`, and microseconds of CPU an event."""
        records, seconds = end.read - self.read, end.at - self.at
        if records <= 0 or seconds <= 0:
            return dict.fromkeys(COLUMNS, None)
        costs = [(b - a) / records * 1e6 for a, b in zip(self[4:], end[4:], strict=True)]
        size = records / max(1, end.batches - self.batches)
        rows = (end.rows - self.rows) / records
        return dict(zip(COLUMNS, [round(records / seconds), *costs, size, rows], strict=True))


def warm(points: list[Point], records: int) -> tuple[Point, Point]:
    """The first account after a quarter of the records, and the last one before all were read.

    Where the job was so quick that these are one, the end is the end, and then the beginning the one before.

    Raises:
        ValueError: if there are no two.
    """
    first = next(i for i, point in enumerate(points) if point.read >= records // 4)
    begin = points[first]
    end = next((point for point in reversed(points) if begin.read < point.read < records), points[-1])
    if begin is end:
        if not first:
            msg = f"all of {records} records were read before the first account of them; give more events"
            raise ValueError(msg)
        begin = points[first - 1]
    return begin, end
