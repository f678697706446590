"""Files into the topics of side inputs, once or whenever they change."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import orjson
import typer

from events.sides.declaration import SideInput
from jobs.cli.outcome import CommandError
from jobs.cli.side_inputs import kafka_errors
from jobs.settings import Settings
from jobs.side_inputs.loading import Plan, plan
from jobs.side_inputs.sheet import Refused, Sheet, SheetError, read_sheet, stamp
from jobs.side_inputs.topic import Rows, create, exists, is_compacted, read_rows, send

SHOWN: Final = 20
"""So many refused lines are told; JSON tells all."""
SETTLE_S: Final = 0.5
"""A file that was just written is looked at again after so long, in case it is still being written."""


class Done(NamedTuple):
    """What one load did."""

    side: SideInput
    file: Path
    plan: Plan
    refused: list[Refused]

    def as_json(self) -> dict[str, Any]:
        """The load as JSON has it."""
        return {
            "table": self.side.table,
            "topic": self.side.topic,
            "file": str(self.file),
            **self.counts(),
            "refused": [
                {"line": each.number, "key": each.key, "reasons": [r._asdict() for r in each.reasons]}
                for each in self.refused
            ],
        }

    def counts(self) -> dict[str, int]:
        """How many rows the file says, and what became of them and of the topic's."""
        return {
            "rows": len(self.plan.upserts) + self.plan.unchanged,
            "sent": len(self.plan.upserts),
            "unchanged": self.plan.unchanged,
            "gone": len(self.plan.gone),
            "withheld": self.plan.withheld,
        }


@dataclass
class FileLoader:
    """Loads one file into one topic."""

    settings: Settings
    side: SideInput
    file: Path
    keep: bool = False
    allow_empty: bool = False
    _compared: bool = field(default=False, init=False)
    """Whether the topic was looked after already."""

    def load(self) -> Done:
        """Make the topic what the file says.

        Raises:
            CommandError: if the file cannot be used, or Kafka fails.
        """
        try:
            sheet = read_sheet(self.file, self.side)
        except SheetError as error:
            raise CommandError(str(error)) from None
        with kafka_errors():
            rows = self._rows()
            self._refuse_nothing(sheet, rows)
            planned = plan(sheet, rows, keep=self.keep)
            if planned.changes:
                send(self.settings, self.side.topic, planned.changes)
        return Done(self.side, self.file, planned, sheet.refused)

    def _rows(self) -> Rows:
        topic, broker = self.side.topic, self.settings.kafka_bootstrap
        if not exists(self.settings, topic):
            create(self.settings, topic)
            typer.echo(f"created the compacted topic {topic} at {broker}", err=True)
        elif not self._compared and is_compacted(self.settings, topic) is False:
            typer.echo(
                f"the topic {topic} at {broker} is not compacted: rows older than its retention get lost; "
                "set its cleanup.policy to compact",
                err=True,
            )
        self._compared = True
        return read_rows(self.settings, self.side)

    def _refuse_nothing(self, sheet: Sheet, rows: Rows) -> None:
        """Refuse a file without rows: it is far more often a mistake than the end of a table."""
        if sheet.rows or self.allow_empty:
            return
        line = f" (line {sheet.refused[0].number}: {reasons(sheet.refused[0])})" if sheet.refused else ""
        which = "no row that can be used" if sheet.refused else "no rows"
        there = f"{self.side.topic} has {len(rows.records)}"
        msg = f"{self.file} has {which}{line}, but {there}; nothing was sent. --allow-empty takes it as it is"
        raise CommandError(msg)


def watched(loader: FileLoader, every_s: float, *, json: bool) -> NoReturn:
    """Load the file, and again whenever it has changed.

    Raises:
        CommandError: if the first load fails; later failures are told, and the next look tries again.
    """
    seen = _stamp(loader.file)
    tell(loader.load(), json=json)
    while True:
        time.sleep(every_s)
        now = _stamp(loader.file)
        if now == seen:
            continue
        time.sleep(min(SETTLE_S, every_s))
        if _stamp(loader.file) != now:
            continue
        try:
            tell(loader.load(), json=json)
            seen = now
        except CommandError as error:
            typer.echo(f"shopper: {error}", err=True)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        return stamp(file)
    except OSError:
        return None


def tell(done: Done, *, json: bool) -> None:
    """Say what a load did, on a line, and what it refused."""
    if json:
        typer.echo(orjson.dumps(done.as_json()))
        return
    counts = done.counts()
    withheld = f", {counts['withheld']} that it does not have stay" if counts["withheld"] else ""
    typer.echo(
        f"{done.side.topic}: {done.file} has {counts['rows']} rows: {counts['sent']} sent, "
        f"{counts['unchanged']} unchanged; {counts['gone']} gone{withheld}; {len(done.refused)} lines refused"
    )
    for each in done.refused[:SHOWN]:
        typer.echo(f"  {done.file}, line {each.number}: {reasons(each)}", err=True)
    if len(done.refused) > SHOWN:
        typer.echo(f"  … and {len(done.refused) - SHOWN} more; --json tells all", err=True)
    if any(each.key is None for each in done.refused) and done.plan.withheld:
        typer.echo("  lines that do not say whose row they are: no row was ended", err=True)


def reasons(refused: Refused) -> str:
    """Why a line was refused."""
    return "; ".join(f"{each.field} is {each.value}, expected {each.expected}" for each in refused.reasons)
