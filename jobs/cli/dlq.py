"""`shopper dlq`: records that could not be used, why, and how to send them again."""

from collections.abc import Iterable
from itertools import islice
from typing import Annotated

import msgspec
import orjson
import typer

from jobs.cli.dlq_letters import dead_letters, named, now_ms, with_selection
from jobs.cli.dlq_replay import replay
from jobs.cli.dlq_screen import explanation, groups_table, letters_table, page
from jobs.cli.flags import KAFKA, MEANING, RECORDS, with_settings
from jobs.cli.group import EXIT_CODES
from jobs.cli.table import console
from jobs.dead_letters.judgement import Judge
from jobs.dead_letters.replaying import Options, Planner
from jobs.dead_letters.selection import Selection, summary
from jobs.dead_letters.topic import Found
from jobs.settings import Loaded
from sinks.dead_letters import masked

dlq = typer.Typer(name="dlq", add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")

Id = Annotated[str, typer.Argument(metavar="ID", help="`topic/partition/offset`, as the list shows it.")]
Unmasked = Annotated[bool, typer.Option("--unmasked", help="Show what may name a person, too.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@dlq.callback(epilog=EXIT_CODES)
def _group() -> None:
    """List, show, explain and replay dead letters: records that could not be used.

    Every such record lies in the dead-letter topic with its bytes and all reasons. Listings hide the record,
    and the values of fields that may name a person.

    Examples:
        shopper dlq list --summary

        shopper dlq explain snowplow-enriched-good/2/1234

        shopper dlq replay --kind bug --since 2h
    """


@dlq.command("list", epilog=EXIT_CODES)
@with_settings("dead_letter_topic", *KAFKA)
@with_selection
def list_(
    loaded: Loaded,
    selection: Selection,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest.")] = 20,
    by_cause: Annotated[bool, typer.Option("--summary", help="Count all by kind and cause instead.")] = False,
    unmasked: Unmasked = False,
    json: Json = False,
) -> None:
    """List the newest dead letters, each with its first reason.

    Examples:
        shopper dlq list --kind undecodable --since 2h

        shopper dlq list --summary
    """
    with dead_letters(loaded.settings) as topic:
        chosen = (found for found in topic.newest_first(selection.since) if selection.takes(found))
        if by_cause:
            groups = summary(chosen)
            if json:
                _lines(msgspec.to_builtins(group) for group in groups)
            else:
                console().print(groups_table(groups, now_ms()))
        else:
            shown = list(islice(chosen, limit))
            if json:
                _lines(_plain(found, unmasked=unmasked) for found in shown)
            else:
                console().print(letters_table(shown, now_ms(), unmasked=unmasked))
            if not shown:
                which = "no dead letters" if selection == Selection() else "none that the flags choose"
                typer.echo(f"{loaded.settings.dead_letter_topic}: {which}", err=True)
        if topic.unreadable:
            typer.echo(f"{topic.unreadable} records of the topic are no dead letters", err=True)


@dlq.command("show", epilog=EXIT_CODES)
@with_settings("dead_letter_topic", *KAFKA)
def show(
    loaded: Loaded,
    letter_id: Id,
    unmasked: Unmasked = False,
    raw: Annotated[bool, typer.Option("--raw", help="The record's bytes and nothing else.")] = False,
    json: Json = False,
) -> None:
    """Show one dead letter; the record itself only with --unmasked or --raw.

    Examples:
        shopper dlq show snowplow-enriched-good/2/1234 --unmasked

        shopper dlq show snowplow-enriched-good/2/1234 --raw > broken.tsv
    """
    with dead_letters(loaded.settings) as topic:
        (found,) = named(topic, [letter_id])
    if raw:
        if not found.letter.whole:
            typer.echo("cut: only the first 64 kB were kept", err=True)
        out = typer.get_binary_stream("stdout")
        out.write(found.letter.raw or b"")
        out.flush()
    elif json:
        _lines([_plain(found, unmasked=unmasked)])
    else:
        console().print(page(found, now_ms(), unmasked=unmasked))


@dlq.command("explain", epilog=EXIT_CODES)
@with_settings("dead_letter_topic", *KAFKA, *RECORDS, *MEANING)
def explain(loaded: Loaded, letter_id: Id, unmasked: Unmasked = False) -> None:
    """Judge a dead record again, by the present code and settings, and say in words what is wrong.

    Examples:
        shopper dlq explain snowplow-enriched-good/2/1234
    """
    settings = loaded.settings
    with dead_letters(settings) as topic:
        (found,) = named(topic, [letter_id])
        options = Options(from_topic=True)
        candidate = Planner(settings, Judge(settings), options, now_ms(), topic.kafka).candidate(found)
    console().print(explanation(candidate, now_ms(), unmasked=unmasked))


dlq.command("replay", epilog=EXIT_CODES)(replay)


def _plain(found: Found, *, unmasked: bool) -> dict[str, object]:
    letter = found.letter if unmasked else masked(found.letter)
    plain: dict[str, object] = orjson.loads(msgspec.json.encode(letter))
    if not unmasked:
        del plain["raw"]
    plain["reasons"] = [reason._asdict() for reason in letter.reasons]
    return plain | {"replayed": [{"at": each.at, "to": each.reasons[0].expected} for each in found.replays]}


def _lines(objects: Iterable[object]) -> None:
    for each in objects:
        typer.echo(orjson.dumps(each))
