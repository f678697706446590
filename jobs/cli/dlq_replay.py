"""`shopper dlq replay`: send dead records back to the topic."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from jobs.cli.dlq_letters import dead_letters, kafka_errors, named, now_ms, with_selection
from jobs.cli.flags import KAFKA, MEANING, RECORDS, with_settings
from jobs.cli.gathered import gathered
from jobs.cli.outcome import CommandError, Exit
from jobs.dead_letters.judgement import Judge
from jobs.dead_letters.replaying import Candidate, Options, Planner, counted, send
from jobs.dead_letters.selection import Selection
from jobs.dead_letters.topic import DeadLetterTopic, Found
from jobs.recorded.recording import RecordingError, records
from jobs.settings import Loaded, Settings

SHOWN: Final = 10
"""Letters that are not sent, of which it is said why."""


def _flags(
    from_topic: Annotated[
        bool, typer.Option("--from-topic", help="Read records over 64 kB again from where they came from.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Also what was replayed before.")] = False,
    hopeless: Annotated[bool, typer.Option("--hopeless", help="Also what would not be accepted.")] = False,
) -> None:
    """Flags that say what is replayed all the same."""


@with_settings("dead_letter_topic", *KAFKA, *RECORDS, *MEANING)
@with_selection
@gathered("options", Options, _flags)
def replay(
    loaded: Loaded,
    selection: Selection,
    options: Options,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="These letters.")] = None,
    letter_ids: Annotated[list[str] | None, typer.Option("--id", metavar="ID", help="The same.")] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Send this one record in place of the letter's.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; say what would be.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
) -> None:
    """Send dead records back to the topic: those of the ids, or all that the flags choose.

    What the job would not accept stays where it is. Letters stay too, marked as replayed; a record that was
    sent twice counts once, by its event id (the job remembers a shopper's last 1,024).

    Examples:
        shopper dlq replay --kind bug --since 2h --dry-run

        shopper dlq replay --waiting

        shopper dlq replay --file repaired.tsv --id snowplow-enriched-good/2/1234
    """
    settings, wanted = loaded.settings, [*(ids or []), *(letter_ids or [])]
    repaired = _repaired(file, wanted)
    if bool(wanted) == (selection != Selection()):
        msg = "name letters by their ids, or choose them by --kind, --since and so on (--waiting: all)"
        raise typer.BadParameter(msg)
    with dead_letters(settings) as topic:
        planner = Planner(settings, Judge(settings), options, now_ms(), topic.kafka)
        letters = named(topic, wanted) if wanted else _chosen(topic, selection, options)
        candidates = [planner.candidate(found, repaired) for found in letters]
    _announce(candidates)
    going = [candidate for candidate in candidates if not candidate.refusal]
    if dry_run:
        typer.echo("nothing was sent (--dry-run)", err=True)
    elif going:
        _send(settings, going, confirmed=bool(wanted) or yes)
    if candidates and not going:
        raise typer.Exit(Exit.FAILURE)


def _send(settings: Settings, going: list[Candidate], *, confirmed: bool) -> None:
    if not (confirmed or typer.confirm(f"Send {len(going)} to {_topics(going)}?", err=True)):
        msg = "not confirmed, so nothing was sent; --yes answers the question"
        raise CommandError(msg)
    with kafka_errors():
        send(settings, going, now_ms(), lambda each, place: typer.echo(f"{each.found.letter.id} → {place}"))


def _topics(going: list[Candidate]) -> str:
    return ", ".join(sorted({candidate.found.letter.topic for candidate in going}))


def _announce(candidates: list[Candidate]) -> None:
    typer.echo(counted(candidates), err=True)
    refused = [candidate for candidate in candidates if candidate.refusal]
    for candidate in refused[:SHOWN]:
        typer.echo(f"  not {candidate.found.letter.id}: {candidate.refusal}", err=True)
        for reason in candidate.judgement.reasons if candidate.judgement else ():
            typer.echo(f"      {reason.field}: expected {reason.expected}", err=True)
    if len(refused) > SHOWN:
        typer.echo(
            f"  … and {len(refused) - SHOWN} more; shopper dlq list --summary has the causes", err=True
        )


def _repaired(file: Path | None, wanted: list[str]) -> bytes | None:
    if file is None:
        return None
    if len(wanted) != 1:
        msg = f"--file repairs one letter, and {len(wanted)} ids are given; name the one by --id"
        raise typer.BadParameter(msg)
    try:
        found = list(records([file]))
    except RecordingError as error:
        raise CommandError(str(error)) from None
    if len(found) != 1:
        msg = f"{file} holds {len(found)} records, one a line; expected the one that replaces the letter's"
        raise typer.BadParameter(msg)
    return found[0]


def _chosen(topic: DeadLetterTopic, selection: Selection, options: Options) -> list[Found]:
    """The oldest first, so that they are sent in the order in which they came."""
    chosen = replace(selection, waiting=not options.again)
    return [found for found in topic.newest_first(selection.since) if chosen.takes(found)][::-1]
