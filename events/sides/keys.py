"""The key of a Kafka record, which says whose row a record tells, and all that a tombstone has."""

from typing import Any, Final

import orjson

from events.masking import sized
from events.sources.fields import FieldReader
from events.sources.paths import OwnWords
from events.values import key
from events.verdict import Reason

RECORD_KEY: Final = OwnWords("the record's key")
_JSON: Final = ('"', "{")
"""What JSON begins with that does not stand for itself."""


def record_key(raw: bytes, reader: FieldReader | None, reasons: list[Reason]) -> str | None:
    """The id that a record's key names, None where it is empty or cannot be used (then with its reasons).

    It is UTF-8 text. A JSON string stands for what it quotes, a JSON object for what `reader`, that of the
    declared key, finds in it; all else stands for itself, a number for its digits.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        reasons.append(Reason(RECORD_KEY, f"{len(raw)} bytes", "text in UTF-8, or JSON"))
        return None
    named: Any = text
    if text.lstrip()[:1] in _JSON:
        try:
            named = orjson.loads(text)
        except orjson.JSONDecodeError:
            named = text
    if isinstance(named, dict):
        return _within(named, reader, reasons)
    return key(named, RECORD_KEY, reasons)


def key_record(named: str) -> bytes:
    r"""The record's key that names an id: its text, in quotes where the text alone would be read as JSON.

    >>> key_record("hat-1"), key_record('{"id":1}')
    (b'hat-1', b'"{\\"id\\":1}"')
    """
    return orjson.dumps(named) if named.lstrip()[:1] in _JSON else named.encode()


def _within(named: dict[str, Any], reader: FieldReader | None, reasons: list[Reason]) -> str | None:
    if reader is None:
        reasons.append(
            Reason(RECORD_KEY, sized(named), "a text or a number, for no path of the key is declared")
        )
        return None
    since = len(reasons)
    value = reader.read(named, reasons)
    inside = None if len(reasons) > since else key(value, OwnWords(reader.words), reasons)
    if inside is None and len(reasons) == since:
        reasons.append(Reason(OwnWords(reader.words), "absent", "an id"))
    for index in range(since, len(reasons)):
        words = OwnWords(f"{reasons[index].field} in {RECORD_KEY}")
        reasons[index] = reasons[index]._replace(field=words)
    return inside
