"""Finds the pieces of a declared source's records, as the modules of the wire formats do of theirs."""

import re
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from events import event as kinds
from events.commerce import LISTS, WITH_CART, WITH_PRODUCTS
from events.masking import sized
from events.record import Entities, Record, Wire
from events.sources.conversions import as_word
from events.sources.declaration import Filter, Source
from events.sources.fields import FieldReader
from events.sources.paths import OwnWords, Steps, found, steps_of, worded
from events.sources.targets import EVENT, POSITION, PRODUCT
from events.values import EpochMs
from events.verdict import Reason

_PLACES: Final = {
    "user_id": "user_id",
    "domain_userid": "device_id",
    "domain_sessionid": "session_id",
    "derived_tstamp": "at",
    "collector_tstamp": "received_at",
    "dvce_created_tstamp": "created_at",
    "event_id": "event_id",
    "app_id": "app_id",
    "unstruct_event.name": "list_name",
    "contexts.web_page[0].id": "page_id",
    "page_url": "page",
    "page_referrer": "referrer",
    "mkt_campaign": "campaign",
    "mkt_source": "source",
    "mkt_medium": "medium",
    "platform": "platform",
    "useragent": "useragent",
    "geo_country": "country",
    "geo_region": "region",
    "contexts.cart[0].total_value": "cart_total",
    "contexts.cart[0].currency": "currency",
    "contexts.checkout_step[0].step": "step",
    "contexts.transaction[0].transaction_id": "transaction_id",
    "contexts.transaction[0].revenue": "revenue",
    "contexts.transaction[0].currency": "currency",
    "contexts.transaction[0].total_quantity": "total_quantity",
    "contexts.refund[0].refund_amount": "refund",
    "contexts.refund[0].currency": "currency",
    "seller_id": "seller_id",
    "interaction": "interaction",
}
"""By the name that all sources share, the field of the declaration."""
_TWO_DIGITS: Final = "EUR"
"""Stands for a currency that cannot be used, of which the reason is told: amounts are still looked at."""
_PRODUCT: Final = re.compile(r"contexts\.product\[(\d+)\](?:\.(\w+))?")


class Position(NamedTuple):
    """Where a record lies in Kafka, and the timestamp (epoch ms) that Kafka keeps with it."""

    topic: str
    partition: int
    offset: int
    at: int | None = None


class RecordReader:
    """Reads the records of one source."""

    def __init__(self, source: Source) -> None:
        """Prepare what the declaration says."""
        self._source = source
        self._fields = {name: FieldReader(name, each, EVENT[name]) for name, each in source.fields.items()}
        products = source.products
        declared = {} if products is None else products.fields
        self._product = {name: FieldReader(name, each, PRODUCT[name]) for name, each in declared.items()}
        self._list = steps_of(products.path) if products and products.path else None
        self._filters = [(each, _steps(each.path), *_listed(each)) for each in source.filters]
        made = source.fields["event_id"].made_from
        self._hashed = None if isinstance(made, str) else tuple(_steps(path) for path in made)
        self._by_position = made == POSITION
        self._wire = Wire(source.name, self.words)
        self._screen_wire = Wire(source.name, self._words_of_screens)
        self._scope = f"/{source.name}"

    def left_out(self, record: dict[str, Any]) -> str | None:
        """Name of the filter that leaves the record out, None where none does."""
        for declared, steps, when, unless in self._filters:
            word = as_word(found(record, steps, []))
            if word in when or (unless and word not in unless):
                return declared.name
        return None

    def record_of(self, fields: dict[str, Any], position: Position) -> Record:
        """Find the pieces of a record; what cannot be used is among its faults."""
        faults: list[Reason] = []

        def read(name: str) -> Any:
            reader = self._fields.get(name)
            return None if reader is None else reader.read(fields, faults)

        kind = read("kind") or kinds.OTHER
        entities = self._entities(kind, fields, faults)
        if (page_id := read("page_id")) is not None:
            entities["web_page"] = [{"id": page_id}]
        name = read("screen") if kind == kinds.SCREEN_VIEW else read("list_name") if kind in LISTS else None
        event_id, scope = self._event_id(fields, position, faults)
        wire = self._screen_wire if kind == kinds.SCREEN_VIEW else self._wire
        return Record(
            wire, kind, name, entities, faults, read("app_id"), read("platform"), read("received_at"),
            read("created_at"), event_id, read("user_id"), read("device_id"), read("country"), read("region"),
            read("page"), read("referrer"), read("medium"), read("source"), read("campaign"),
            read("useragent"), read("session_id"), self._at(fields, position, faults),
            read("device"), read("seller_id"), read("interaction"), scope,
        )  # fmt: skip

    def words(self, field: str) -> str:
        """The source's own words for a field."""
        if type(field) is OwnWords:
            return str(field)
        if match := _PRODUCT.fullmatch(field):
            return self._product_words(int(match[1]), match[2])
        name = _PLACES.get(field, field)
        reader = self._fields.get(name)
        return reader.words if reader else name

    def _words_of_screens(self, field: str) -> str:
        return self._fields["screen"].words if field == "unstruct_event.name" else self.words(field)

    def _product_words(self, index: int, name: str | None) -> str:
        if name == "currency" and name not in self._product:
            return self.words("contexts.cart[0].currency")
        place = "" if self._list is None else f"{worded(self._list)}[{index}]"
        if name is None:
            return place
        words = self._product[name].words
        return f"{place}.{words}" if place else words

    def _at(self, fields: dict[str, Any], position: Position, faults: list[Reason]) -> EpochMs:
        reader = self._fields["at"]
        since = len(faults)
        at = reader.read(fields, faults)
        if at is None and len(faults) == since:
            at = None if position.at is None else EpochMs(position.at)
            if at is None:
                faults.append(
                    Reason(OwnWords(reader.words), "absent", "a time, here or in Kafka's timestamp")
                )
        # The record is dead without one; the reason is told already.
        return EpochMs(0) if at is None else at

    def _event_id(self, fields: dict[str, Any], position: Position, faults: list[Reason]) -> tuple[Any, str]:
        """The id, and what follows it so that ids of two sources never meet."""
        reader = self._fields["event_id"]
        since = len(faults)
        sent = reader.read(fields, faults)
        if sent is not None:
            return sent, self._scope
        if len(faults) == since and self._by_position:
            # The offset first, with leading zeros: of two events at one millisecond the later is the later.
            return f"{position.offset:012}/{position.partition}/{position.topic}", ""
        if len(faults) == since and self._hashed:
            told = [found(fields, steps, faults) for steps in self._hashed]
            if all(value is None for value in told) and len(faults) == since:
                words = ", ".join(map(worded, self._hashed))
                faults.append(Reason(OwnWords(words), "absent", "one of them at least, to make an id of"))
            text = orjson.dumps([self._source.name, *told], option=orjson.OPT_SORT_KEYS)
            return blake2b(text, digest_size=16).hexdigest(), ""
        return "-", ""

    def _entities(self, kind: str, fields: dict[str, Any], faults: list[Reason]) -> Entities:
        """What the kind reads of products, cart, checkout and order; the rest is not looked at."""
        if kind == kinds.CHECKOUT_STEP:
            return {"checkout_step": [{"step": self._told("step", fields, faults)}]}
        if kind not in WITH_PRODUCTS:
            return {}
        currency = self._currency(self._fields, fields, faults)
        entities: Entities = {"product": self._products(fields, currency, faults)}
        if kind in WITH_CART:
            total = self._told("cart_total", fields, faults, currency)
            entities["cart"] = [{"total_value": total, "currency": currency}]
        elif kind == kinds.TRANSACTION:
            told = {n: self._told(n, fields, faults) for n in ("transaction_id", "total_quantity")}
            revenue = self._told("revenue", fields, faults, currency)
            entities["transaction"] = [told | {"revenue": revenue, "currency": currency}]
        elif kind == kinds.REFUND:
            refund = self._told("refund", fields, faults, currency)
            entities["refund"] = [{"refund_amount": refund, "currency": currency}]
        return entities

    @staticmethod
    def _currency(readers: dict[str, FieldReader], fields: dict[str, Any], faults: list[Reason]) -> Any:
        since = len(faults)
        told = readers["currency"].read(fields, faults) if "currency" in readers else None
        return _TWO_DIGITS if len(faults) > since else told

    def _told(self, name: str, fields: dict[str, Any], faults: list[Reason], currency: object = None) -> Any:
        reader = self._fields.get(name)
        return None if reader is None else reader.read(fields, faults, currency)

    def _products(self, fields: dict[str, Any], currency: object, faults: list[Reason]) -> list[object]:
        if not self._product:
            return []
        if self._list is None:
            product = self._one(fields, currency, faults)
            return (
                [product]
                if any(product.get(name) is not None for name in ("id", "category", "price"))
                else []
            )
        items = found(fields, self._list, faults)
        if items is None:
            return []
        if type(items) is not list:
            faults.append(Reason(OwnWords(worded(self._list)), sized(items), "a list"))
            return []
        products: list[object] = []
        for index, item in enumerate(items):
            since = len(faults)
            products.append(self._one(item, currency, faults) if type(item) is dict else item)
            for place in range(since, len(faults)):
                words = f"{worded(self._list)}[{index}].{faults[place].field}"
                faults[place] = faults[place]._replace(field=OwnWords(words))
        return products

    def _one(self, item: dict[str, Any], currency: object, faults: list[Reason]) -> dict[str, Any]:
        currency = self._currency(self._product, item, faults) or currency
        product = {
            name: reader.read(item, faults, currency)
            for name, reader in self._product.items()
            if name != "currency"
        }
        return product | {"currency": currency}


def _steps(path: str) -> Steps:
    return steps_of(path) or ()


def _listed(declared: Filter) -> tuple[frozenset[str | None], frozenset[str | None]]:
    return frozenset(map(as_word, declared.when)), frozenset(map(as_word, declared.unless))
