"""The screen of `shopper status`."""

from datetime import UTC, datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from jobs.durations import span
from jobs.watching.status import Status
from operators.ledger import VERDICTS

MOST_PARTITIONS: Final = 12
BRANCH_COUNTERS: Final = ("applied", "duplicate", "late", "dead.bug", "dead.future")
DEAD_KINDS: Final = ("undecodable", "future", "bug")


def draw(status: Status, before: Status | None = None) -> Group:
    """Lay the status out for a terminal of 80 columns or more; `before` gives the pace."""
    parts: list[RenderableType] = [_head(status), Text(), _facts(status, before), Text(), _branches(status)]
    if status.topics:
        parts += [Text(), _sources(status)]
    if status.lag:
        parts += [Text(), _partitions(status)]
    problems, remarks = status.problems(), status.remarks()
    if problems or remarks:
        parts.append(Text())
    parts += [Text(f"WRONG  {problem}", "bold red") for problem in problems]
    parts += [Text(f"note   {remark}", "yellow") for remark in remarks]
    return Group(*parts)


def _head(status: Status) -> Text:
    word, style = ("something is wrong", "bold red") if status.problems() else ("healthy", "bold green")
    return Text.assemble(
        (status.job, "bold"),
        f" (topology {status.topology}, {status.progress.buckets} buckets): ",
        (word, style),
    )


def _facts(status: Status, before: Status | None) -> Table:
    told, counts = status.progress, status.progress.counts
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    table.add_row("accounting", _accounting(status))
    kinds = ", ".join(f"{kind} {counts[f'dead.{kind}']:,}" for kind in DEAD_KINDS)
    table.add_row("dead letters", f"{counts['dead']:,}: {kinds}")
    if before is not None:
        seconds = max(1, told.at - before.progress.at) / 1000
        table.add_row("pace", f"{(counts['read'] - before.progress.counts['read']) / seconds:,.0f} records/s")
    table.add_row("began", f"{instant(told.life)}, without state")
    table.add_row("reads since", instant(told.covers_from))
    table.add_row("core", "compiled" if told.compiled else "interpreted")
    table.add_row("last word", f"{span(status.now - told.at)} ago")
    table.add_row("last event", f"{instant(told.event_time)}, {span(status.now - told.event_time)} ago")
    table.add_row("last record", f"{instant(told.kafka_time)}, {span(status.now - told.kafka_time)} ago")
    rows = ", ".join(f"{name} {counts[f'rows.{name}']:,}" for name in ("written", "refused", "foreign"))
    table.add_row("rows", rows)
    if counts["losses"]:
        again = f"{counts['rewritten']:,} shoppers were written again"
        table.add_row("redis lost", f"writes of {counts['losses']:,} buckets; {again}")
    table.add_row("wake-ups", f"{counts['woken']:,} shoppers, {counts['wake_bugs']:,} failed")
    if counts["handed_on"] or counts["moves"]:
        moved = f"{counts['moves']:,} histories, {counts['handed_on']:,} records"
        table.add_row("to users", f"{moved} of devices, {counts['identity.lost']:,} lost")
    for side, numbers in status.sides().items():
        table.add_row(side, ", ".join(f"{number:,} {name}" for name, number in numbers.items()))
    if counts["completed"] or counts["uncompleted"]:
        lacked = f"{counts['uncompleted']:,} had no row"
        table.add_row("catalogue", f"{counts['completed']:,} events completed, {lacked}")
    table.add_row("forgotten", f"{counts['forgotten']:,} records, {counts['forgotten.keys']:,} keys")
    return table


def _accounting(status: Status) -> Text:
    if status.progress.unbalanced:
        return Text(f"{status.equation()}, which does NOT add up", "bold red")
    return Text(f"{status.equation()}, which adds up")


def _branches(status: Status) -> Table:
    names = BRANCH_COUNTERS if status.progress.apart else ("applied",)
    table = Table("branch", box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, justify="right")
    for branch, counts in status.progress.branches.items():
        table.add_row(branch, *(f"{counts[name]:,}" for name in names))
    return table


def _sources(status: Status) -> Table:
    table = Table("source", box=None, header_style="bold", pad_edge=False)
    for name in ("read", *VERDICTS):
        table.add_column(name, justify="right")
    for topic, counts in status.sources().items():
        table.add_row(topic, *(f"{number:,}" for number in counts.values()))
    return table


def _partitions(status: Status) -> RenderableType:
    table = Table("partition", box=None, header_style="bold", pad_edge=False)
    for name in ("next", "end", "lag", "oldest unread"):
        table.add_column(name, justify="right")
    worst = sorted(status.lag, key=lambda partition: -status.lag[partition].records)[:MOST_PARTITIONS]
    for partition in sorted(worst):
        lag = status.lag[partition]
        age = span(status.now - lag.oldest_unread) if lag.oldest_unread else ""
        table.add_row(status.named(partition), f"{lag.next:,}", f"{lag.end:,}", f"{lag.records:,}", age)
    total = sum(lag.records for lag in status.lag.values())
    table.add_row(f"all {len(status.lag)}", "", "", f"{total:,}", "", style="bold")
    if len(status.lag) > len(worst):
        return Group(table, Text(f"the {len(worst)} with the greatest lag; --json has all", "dim"))
    return table


def instant(ms: int) -> str:
    """Say an instant, UTC; a dash where there is none.

    >>> instant(1_700_000_000_000), instant(0)
    ('2023-11-14 22:13:20 UTC', '–')
    """
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC" if ms else "–"
