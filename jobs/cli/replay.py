"""`shopper replay`: recorded events through the same logic as the live job, without Flink, Kafka or Redis."""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count as counting
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Annotated

import orjson
import typer

from events.event import Event
from events.sources.decoder import SourceDecoder
from events.sources.problems import SourceError
from events.sources.reader import Position
from events.verdict import Filtered, Forget, Verdict
from features.logic import ShopperLogic
from features.replay import Replay
from features.row import FeatureRow
from jobs.cli.flags import KAFKA, MEANING, RECORDS, with_settings
from jobs.cli.outcome import CommandError, accounting
from jobs.cli.table import console, shopper_table
from jobs.inputs import sources
from jobs.recorded.recording import STANDARD_INPUT, RecordingError, records
from jobs.settings import Loaded, Settings
from jobs.settings.parse import instant_ms
from sinks.codec import fields_of, key_of, meta_of

SHOWN_REASONS = 5
TURN = 2000


def _instant(text: str) -> int:
    try:
        return instant_ms(text)
    except ValueError:
        msg = f"{text!r} is no instant; write 2026-01-31T08:00:00Z"
        raise typer.BadParameter(msg) from None


@with_settings("redis_prefix", *RECORDS, *MEANING, *KAFKA)
def replay(  # noqa: PLR0913, PLR0917  one an option
    loaded: Loaded,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="One record a line; `-`: standard input.",
        ),
    ],
    as_of: Annotated[
        int | None,
        typer.Option(
            "--as-of",
            metavar="INSTANT",
            parser=_instant,
            help="Leave out later events, read the values then; default: the latest event time.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help='One line a key: {"key":…,"fields":{…}}.')] = False,
    shoppers: Annotated[
        int, typer.Option(min=1, help="Shoppers to show in the table (not with --json).")
    ] = 2,
    source: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Declared source whose records they are: a shipped one's name, or a file."
        ),
    ] = "",
    to_kafka: Annotated[
        bool, typer.Option("--to-kafka", help="Send the records to the topic instead, moved to now.")
    ] = False,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="With --to-kafka: play this many times as fast as it happened."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="With --to-kafka: records a second, ending now.")
    ] = None,
) -> None:
    """Compute the features of recorded events, as the live job would.

    Reads enriched TSV, Analytics-SDK JSON and Live Shopper JSON, or with --source what that declares, gzipped
    or not; the records arrive in the order of the lines. A last line on standard error accounts for every
    record. A record whose time is that of its Kafka record has none in a file.

    As live, what a device did before its user logged in counts for the user; rows that only point from the
    device to the user are left out. `--identity off` keeps the two apart.

    Examples:
        shopper replay events.tsv.gz

        shopper replay events.tsv.gz --identity off

        shopper replay events.tsv --as-of 2022-10-25T08:00:00Z --json

        shopper replay events.jsonl --source clickstream-events

        shopper replay events.tsv --to-kafka --rate 50
    """
    _check(files)
    if to_kafka and source:
        msg = "--to-kafka moves Snowplow's events to now; leave --source away, or send such records yourself"
        raise typer.BadParameter(msg)
    decode = _decode(loaded.settings, source)
    if to_kafka:
        from jobs.cli.to_kafka import send  # noqa: PLC0415 - Kafka's library takes 0.15 s to import

        send(loaded.settings, files, speed=speed, rate=rate)
        return
    if speed is not None or rate is not None:
        msg = "--speed and --rate pace what --to-kafka sends; add --to-kafka or leave them away"
        raise typer.BadParameter(msg)
    with _without_collector():
        player, rejected = _play(loaded.settings, files, as_of, decode)
        rows = player.rows()
        if json:
            _write_json(rows, loaded.settings.redis_prefix)
        else:
            _write_tables(rows, shoppers, loaded.settings)
    _account(player, rejected)
    if rejected and not player.verdicts.total():
        what = f"records of the source {source}" if source else "enriched events"
        msg = f"none of the records gave an event; are they {what}, one a line?"
        raise CommandError(msg)


def _check(files: list[Path]) -> None:
    """Refuse what cannot be read, before anything is."""
    for file in files:
        if file != STANDARD_INPUT and not file.is_file():
            fault = "is a directory" if file.is_dir() else "does not exist"
            msg = f"{file} {fault}; name files of one record a line, or - for standard input"
            raise typer.BadParameter(msg)


def _decode(settings: Settings, name: str) -> Callable[[bytes], Verdict]:
    """What reads a record: Snowplow's decoder, or that of a declared source, for which lines are offsets."""
    shop = settings.decoder()
    if not name:
        return shop.decode
    try:
        (declared,) = sources([name])
    except SourceError as error:
        raise CommandError(str(error)) from None
    decode = SourceDecoder(declared, shop.app_ids, shop.exclude_robots, shop.search, shop.id_key).decode
    lines = counting()
    return lambda raw: decode(raw, Position(declared.topic, 0, next(lines)))


def _play(
    settings: Settings, files: list[Path], as_of: int | None, decode: Callable[[bytes], Verdict]
) -> tuple[Replay, Counter[str]]:
    """Return the replay, and why how many records gave no event."""
    rejected: Counter[str] = Counter()
    player = Replay(ShopperLogic(definitions=settings.definitions()), as_of)
    recorded = records(files)
    try:
        # In turns of one record, decoding and logic would evict each other from the processor's caches.
        while batch := list(islice(recorded, TURN)):
            _feed(player, map(decode, batch), rejected)
    except RecordingError as error:
        raise CommandError(str(error)) from None
    return player, rejected


def _feed(player: Replay, verdicts: Iterable[Verdict], rejected: Counter[str]) -> None:
    events: list[Event] = []
    for verdict in verdicts:
        if isinstance(verdict, Event):
            events.append(verdict)
        elif isinstance(verdict, Forget):
            player.feed(events)
            events.clear()
            player.forget(verdict.shopper)
        elif isinstance(verdict, Filtered):
            rejected[f"filtered: {verdict.reason}"] += 1
        else:
            rejected[f"dead: {verdict.reasons[0].field}: expected {verdict.reasons[0].expected}"] += 1
    player.feed(events)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Spare a third of the time: events and states have no cycles for the collector to find."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _write_json(rows: list[FeatureRow], prefix: str) -> None:
    out = typer.get_binary_stream("stdout")
    for key, row in sorted(((key_of(row, prefix), row) for row in rows), key=itemgetter(0)):
        fields = fields_of(row) | meta_of(row, life=0)
        out.write(orjson.dumps({"key": key, "fields": fields}, option=orjson.OPT_APPEND_NEWLINE))
    out.flush()


def _write_tables(rows: list[FeatureRow], most: int, settings: Settings) -> None:
    screen = console()
    definitions = settings.definitions()
    columns: dict[str, dict[str, dict[str, str]]] = {}
    seen: Counter[str] = Counter()
    for row in rows:
        if row.entity == "user":
            columns.setdefault(row.entity_id, {})[row.window] = fields_of(row)
            seen[row.entity_id] = row.seen
    for shopper, count in seen.most_common(most):
        screen.print(shopper_table(f"{shopper}: {count} records", columns[shopper], definitions), "")
    if len(seen) > most:
        screen.print(f"… and {len(seen) - most} more shoppers: --shoppers N, or --json for all", style="dim")


def _account(player: Replay, rejected: Counter[str]) -> None:
    verdicts, reasons = player.verdicts, rejected.copy()
    reasons["dead: event time more than two minutes ahead"] += verdicts["future"]
    counts = Counter(verdicts)
    for reason, count in reasons.items():
        counts[reason.partition(":")[0]] += count
    left_out = f"; left out, after --as-of: {verdicts['left out']}" if verdicts["left out"] else ""
    typer.echo(accounting(counts) + left_out, err=True)
    for reason, count in (+reasons).most_common(SHOWN_REASONS):
        typer.echo(f"  {count} {reason}", err=True)
