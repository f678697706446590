"""Tables that a shop keeps beside its events, as views of entities read them. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from events.event import Money
from events.sides.row import PRODUCTS, PROFILES, SELLERS, SideRow
from features.entities.interaction import Fact
from features.entities.state import EntityState, entry_of, parts_of
from features.facts import cut

FAVOURITES: Final = "favourites"
"""No table of the shop's: what the view of this name tells of a shopper (`EntityView.tells`)."""
PART: Final = {PRODUCTS: "product", SELLERS: "seller", PROFILES: "shopper", FAVOURITES: "shopper"}
"""Which part of an entity's key a table's rows go by."""
EVERYWHERE: Final = frozenset({SELLERS})
"""Small tables: each bucket has a copy of theirs, so that entities read them whatever bucket holds these."""
MOST_CATEGORIES: Final = 1_000
"""Categories that are kept of one row."""
EVERY_MS: Final = 1_000
"""Who reads a row is told of it at most so often."""
NEVER: Final = 2**62
"""The next moment of what waits for no moment."""
_MARK: Final = "side:"

Pull = Callable[[str, str], Any]
"""Gives what is kept of a row, by table and key; None: there is none."""


@dataclass(frozen=True)
class Side:
    """The row of a side input, by that part of the entity's key which the table goes by.

    It is no aggregate over facts: the latest word replaces what was said before. Where the part is the whole
    key, the row is kept with the entity; else it is looked up whenever a row of the entity is made.
    """

    table: str
    beside: str = field(default="", repr=False)
    """It is read only in a job that has this side input, too: without it nobody would ask."""

    def __post_init__(self) -> None:
        """Check the table.

        Raises:
            ValueError: if there is none of the name.
        """
        if self.table not in PART:
            msg = f"side input {self.table!r} is none of {sorted(PART)}"
            raise ValueError(msg)

    @property
    def part(self) -> str:
        """The part of the key that its rows go by."""
        return PART[self.table]

    def lift(self, fact: Fact) -> None:
        """Nothing: no fact tells it."""

    def merge(self, left: Any, right: Any) -> Any:
        """The latest."""
        return right

    def result(self, acc: list[Any] | None) -> bool:
        """Whether there is a row."""
        return acc is not None

    def name(self, acc: list[Any] | None) -> str | None:
        """A product's name."""
        return acc[0] if acc else None

    def category(self, acc: list[Any] | None) -> str | None:
        """A product's category."""
        return acc[1] if acc else None

    def price(self, acc: list[Any] | None) -> Money | None:
        """What one of a product costs."""
        return Money(*acc[2]) if acc and acc[2] else None

    def currency(self, acc: list[Any] | None) -> str | None:
        """That of the price."""
        return acc[2][1] if acc and acc[2] else None

    def categories(self, acc: list[Any] | None) -> list[str] | None:
        """Those of a seller or a user, each once."""
        return acc[3] if acc else None


def kept(row: SideRow) -> list[Any] | None:
    """What is kept of a row: plain data; None of a tombstone.

    >>> kept(SideRow("profiles", "ann", categories=("hats", "bags", "hats")))
    [None, None, None, ['hats', 'bags']]
    >>> kept(SideRow("profiles", "ann", gone=True)) is None
    True
    """
    if row.gone:
        return None
    price = [row.price.minor, row.price.currency] if row.price is not None else None
    categories = list(dict.fromkeys([str(cut(each)) for each in row.categories]))[:MOST_CATEGORIES]
    return [cut(row.name), cut(row.category), price, categories]


def kept_names(names: list[str] | None) -> list[Any] | None:
    """The same of what a view tells, in the order of the alphabet: another order is no change.

    >>> kept_names(["hats", "bags"]), kept_names(None)
    ([None, None, None, ['bags', 'hats']], None)
    """
    return [None, None, None, sorted(names)] if names else None


def side_entry(table: str, key: str, bucket: int) -> str:
    r"""Name of the entry in a bucket's map that holds a row for entities to look up.

    Of a table that every bucket has the name tells the bucket, too: no two buckets have entries of one name.

    >>> side_entry("sellers", "s1", 7).split("\x1f"), side_entry("profiles", "ann", 7).split("\x1f")
    (['side:sellers', 's1', '7'], ['side:profiles', 'ann'])
    """
    return entry_of(f"{_MARK}{table}", (key, str(bucket)) if table in EVERYWHERE else (key,))


def table_of(entry: str) -> str | None:
    """Which table's row an entry holds; None: it is an entity.

    >>> table_of(side_entry("profiles", "ann", 7)), table_of(entry_of("sellers", ("ann",)))
    ('profiles', None)
    """
    return parts_of(entry)[0].removeprefix(_MARK) if entry.startswith(_MARK) else None


def replace(state: EntityState, accs: dict[int, Any], as_of: int) -> bool:
    """Take over what is kept of rows; whether that is anything new."""
    before = {slot: state.accs.get(slot) for slot in accs}
    state.at = max(state.at, as_of)
    if before == accs:
        return False
    state.accs = {slot: acc for slot, acc in (state.accs | accs).items() if acc is not None}
    return True
