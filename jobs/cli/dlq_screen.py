"""How `shopper dlq` shows dead letters."""

from collections.abc import Iterable
from typing import Final

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from events.verdict import Reason
from jobs.cli.status_screen import instant
from jobs.dead_letters.judgement import way_out
from jobs.dead_letters.replaying import Candidate
from jobs.dead_letters.selection import Group as Cause
from jobs.dead_letters.topic import Found
from jobs.durations import span
from sinks.dead_letters import DeadLetter, masked

HEX_WIDTH: Final = 16
HEX_BYTES: Final = 1024


def letters_table(letters: Iterable[Found], now: int, *, unmasked: bool) -> Table:
    """A line a letter."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("id", "age", "kind", "format"):
        table.add_column(name, overflow="fold")
    table.add_column("first reason", overflow="fold", ratio=1)
    table.add_column("bytes", justify="right", no_wrap=True)
    for found in letters:
        letter = found.letter if unmasked else masked(found.letter)
        state = f"{letter.kind}, replayed" if found.replays else letter.kind
        cells = letter.id, span(now - letter.at), state, letter.wire_format, first_reason(letter)
        table.add_row(*map(Text, (*cells, f"{letter.size:,}")), style="dim" if found.replays else "")
    return table


def groups_table(groups: Iterable[Cause], now: int) -> Table:
    """A line a cause; first and last are ages."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("letters", justify="right")
    table.add_column("replayed", justify="right")
    table.add_column("kind", no_wrap=True)
    table.add_column("cause", overflow="fold", ratio=2)
    for name in ("first", "last"):
        table.add_column(name, no_wrap=True)
    table.add_column("the newest", overflow="fold", ratio=1)
    for group in groups:
        replayed = f"{group.replayed:,}" if group.replayed else ""
        ages = span(now - group.first), span(now - group.last)
        cells = f"{group.count:,}", replayed, group.kind, group.cause, *ages, group.example
        table.add_row(*map(Text, cells))
    return table


def page(found: Found, now: int, *, unmasked: bool) -> Group:
    """One letter whole."""
    letter = found.letter if unmasked else masked(found.letter)
    parts: list[RenderableType] = [_head(found, now), Text(), _reasons(letter.reasons)]
    if letter.bug is not None:
        parts.append(Text(f"{letter.bug.exception} at {letter.bug.place or 'an unknown place'}"))
    parts.append(Text())
    if letter.raw is None:
        parts.append(Text("the record is hidden, since it may name a person: --unmasked shows it", "dim"))
    else:
        parts.append(Text(readable(letter.raw)))
        if not letter.whole:
            parts.append(Text(f"… cut: {len(letter.raw):,} of {letter.size:,} bytes were kept", "dim"))
    return Group(*parts)


def explanation(candidate: Candidate, now: int, *, unmasked: bool) -> Group:
    """What is wrong with a record, then and now, and the way out."""
    found, judgement = candidate.found, candidate.judgement
    letter = found.letter if unmasked else masked(found.letter)
    parts: list[RenderableType] = [_head(found, now), Text(), Text("as the job found it", "bold")]
    parts.append(_reasons(letter.reasons) if letter.reasons else Text(first_reason(letter)))
    parts += [Text(), Text("by the present code and settings", "bold")]
    if judgement is None:
        return Group(*parts, Text(f"cannot be judged: {candidate.refusal}"))
    parts.append(Text(judgement.words, "green" if judgement.accepted else "red"))
    now_reasons = judgement.reasons if unmasked else masked(_with(letter, judgement.reasons)).reasons
    if now_reasons and tuple(now_reasons) != tuple(letter.reasons):
        parts.append(_reasons(now_reasons))
    parts += [Text(), Text("the way out", "bold")]
    parts += [Text(f"{reason.field}: {way_out(reason, letter.wire_format)}") for reason in now_reasons]
    if judgement.accepted:
        parts.append(Text(f"shopper dlq replay {letter.id}"))
    elif now_reasons:
        parts.append(Text(f"shopper dlq show {letter.id} --raw > repaired"))
        parts.append(Text(f"shopper dlq replay --file repaired --id {letter.id}"))
    else:
        parts.append(Text("none by a repair of the record"))
    return Group(*parts)


def first_reason(letter: DeadLetter) -> str:
    """The first reason on one line, and how many more there are."""
    if letter.bug is not None:
        return f"{letter.bug.exception} at {letter.bug.place or 'an unknown place'}"
    if not letter.reasons:
        return ""
    reason, more = letter.reasons[0], len(letter.reasons) - 1
    said = f"{reason.field}: {reason.value}; expected {reason.expected}"
    return f"{said} (and {more} more)" if more else said


def readable(raw: bytes) -> str:
    r"""Text as it is, with visible tabs and control characters; what is no text in hexadecimal.

    >>> readable(b"a\tb"), readable(b"\x00\xff")
    ('a→b', '00000000  00 ff                                            ..')
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return hexadecimal(raw)
    shown = text.replace("\t", "→")
    return "".join(each if each.isprintable() or each == "\n" else f"\\x{ord(each):02x}" for each in shown)


def hexadecimal(raw: bytes) -> str:
    """Offset, bytes and what is ASCII of them."""
    lines = []
    for at in range(0, min(len(raw), HEX_BYTES), HEX_WIDTH):
        part = raw[at : at + HEX_WIDTH]
        ascii_ = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)  # noqa: PLR2004
        lines.append(f"{at:08x}  {part.hex(' '):{HEX_WIDTH * 3}} {ascii_}")
    if len(raw) > HEX_BYTES:
        lines.append(f"… and {len(raw) - HEX_BYTES:,} bytes more: --raw gives them all")
    return "\n".join(lines)


def _head(found: Found, now: int) -> Table:
    letter = found.letter
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    table.add_row("id", Text(letter.id))
    table.add_row("kind", letter.kind)
    table.add_row("found dead", f"{instant(letter.at)}, {span(now - letter.at)} ago")
    table.add_row("format", Text(letter.wire_format or "–"))
    table.add_row("record", f"{letter.size:,} bytes, SHA-256 {letter.sha256}")
    for mark in found.replays:
        reason = mark.reasons[0]
        table.add_row("replayed", Text(f"{instant(mark.at)}, {reason.value}, to {reason.expected}"))
    return table


def _reasons(reasons: Iterable[Reason]) -> Table:
    table = Table("field", "found", "expected", box=None, header_style="bold", pad_edge=False)
    for reason in reasons:
        table.add_row(*(Text(text, overflow="fold") for text in reason))
    return table


def _with(letter: DeadLetter, reasons: tuple[Reason, ...]) -> DeadLetter:
    return msgspec.structs.replace(letter, reasons=reasons)
