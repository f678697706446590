"""The decoder of a side input: a record's key and value to a row, or to why there is none."""

from dataclasses import dataclass, field
from typing import Any, Final

from events.event import Money
from events.hashing import stored_id
from events.masking import sized
from events.money import money
from events.personal import without_email
from events.sides.categories import LONGEST, categories
from events.sides.declaration import SideInput
from events.sides.keys import RECORD_KEY, record_key
from events.sides.row import PROFILES, SideRow
from events.sides.targets import CURRENCY, KEY, ROW
from events.sources.fields import FieldReader
from events.sources.formats import FORMATS
from events.sources.paths import OwnWords
from events.values import key, text
from events.verdict import Dead, Reason

WIRE_PREFIX: Final = "side."
_TWO_DIGITS: Final = "EUR"
"""Stands for a currency that cannot be used, of which the reason is told: the price is still looked at."""


@dataclass(frozen=True, slots=True)
class SideDecoder:
    """Decodes the records of one side input.

    What values mean (amounts, ids, what is personal) is the same as for events, so that rows and events meet.
    """

    side: SideInput
    id_key: bytes = field(default=b"", repr=False)
    """Where given, ids of users become hashes by this key (`events.hashing`), as those of events do."""
    _readers: dict[str, FieldReader] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sorts = ROW[self.side.table]
        readers = {name: FieldReader(name, each, sorts[name]) for name, each in self.side.fields.items()}
        object.__setattr__(self, "_readers", readers)

    @property
    def wire_format(self) -> str:
        """What dead letters call such records: no declared source can have a name with a dot."""
        return f"{WIRE_PREFIX}{self.side.table}"

    def decode(self, key: bytes, value: bytes) -> SideRow | Dead:
        """The row that a record tells, or why there is none; never raises.

        An empty value is a tombstone. All reasons come at once, in the declaration's own words.
        """
        try:
            reasons: list[Reason] = []
            row = self._row(key, value, reasons)
        except Exception as error:  # noqa: BLE001 - no record may stop the job, whatever is in it
            reasons = [Reason("record", type(error).__name__[:40], "a record that the decoder can read")]
        if reasons:
            # Dead letters are encoded, which a text of a type of its own cannot be.
            plain = (reason._replace(field=str(reason.field)) for reason in reasons)
            return Dead(self.wire_format, tuple(dict.fromkeys(plain)))
        return row

    def _row(self, raw_key: bytes, value: bytes, reasons: list[Reason]) -> SideRow:
        named = record_key(raw_key, self._readers.get(KEY), reasons)
        if not value:
            if named is None and not reasons:
                reasons.append(Reason(RECORD_KEY, "absent", "the id of the row that is gone"))
            return SideRow(self.side.table, self._stored(named), gone=True)
        fields = FORMATS[self.side.format](value)
        if isinstance(fields, Reason):
            reasons.append(fields)
            return SideRow(self.side.table, "")
        return SideRow(
            self.side.table,
            self._stored(self._key(fields, named, reasons)),
            name=self._text("name", fields, reasons),
            category=self._text("category", fields, reasons),
            price=self._price(fields, reasons),
            categories=self._categories(fields, reasons),
        )

    def _stored(self, named: str | None) -> str:
        # The record is dead without a key; the reason is told already.
        return stored_id(named or "", self.id_key if self.side.table == PROFILES else b"")

    def _read(self, name: str, fields: dict[str, Any], reasons: list[Reason], currency: object = None) -> Any:
        reader = self._readers.get(name)
        return None if reader is None else reader.read(fields, reasons, currency)

    def _words(self, name: str) -> OwnWords:
        reader = self._readers.get(name)
        return OwnWords(reader.words if reader else name)

    def _key(self, fields: dict[str, Any], named: str | None, reasons: list[Reason]) -> str | None:
        """The id of the value, else of the record's key; where both tell one, it is the same."""
        told = key(self._read(KEY, fields, reasons), self._words(KEY), reasons)
        if told is not None and named is not None and told != named:
            expected = f"the same as {RECORD_KEY} ({sized(named)})"
            reasons.append(Reason(self._words(KEY), sized(told), expected))
        elif told is None and named is None and not reasons:
            words = f"{self._words(KEY)} or {RECORD_KEY}" if KEY in self._readers else RECORD_KEY
            reasons.append(Reason(OwnWords(words), "absent", "the id of the row"))
        return named if told is None else told

    def _text(self, name: str, fields: dict[str, Any], reasons: list[Reason]) -> str | None:
        found = without_email(text(self._read(name, fields, reasons), self._words(name), reasons))
        return found if found is None else found[:LONGEST]

    def _price(self, fields: dict[str, Any], reasons: list[Reason]) -> Money | None:
        of_currency: list[Reason] = []
        currency = self._read(CURRENCY, fields, of_currency)
        since = len(reasons)
        amount = self._read("price", fields, reasons, _TWO_DIGITS if of_currency else currency)
        if amount is None and len(reasons) == since:
            return None
        reasons += of_currency
        price = money(amount, _TWO_DIGITS if of_currency else currency, self._words("price"), reasons)
        for index in range(since, len(reasons)):
            if reasons[index].field == CURRENCY:
                reasons[index] = reasons[index]._replace(field=self._words(CURRENCY))
        return price

    def _categories(self, fields: dict[str, Any], reasons: list[Reason]) -> tuple[str, ...]:
        value = self._read("categories", fields, reasons)
        return categories(value, self._words("categories"), reasons)
