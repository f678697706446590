"""What a shard counts and knows of time, as Flink gauges."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from pyflink.datastream import RuntimeContext

from events.sides.row import PRODUCTS
from features.views import BRANCHES
from operators.bucket import LOOK_MS
from operators.ledger import OF_A_TABLE, VERDICTS

PERIOD_MS: Final = 1000
SETTLE_MS: Final = LOOK_MS + 1000
"""Within `LOOK_MS` of a restore every bucket that has a state is met."""
NAMES: Final = (
    "read",
    "applied",
    "filtered",
    "duplicate",
    "late",
    "dead",
    "dead.undecodable",
    "dead.future",
    "dead.bug",
    "woken",
    "wake_bugs",
    "rows.written",
    "rows.refused",
    "rows.foreign",
    "rows.missed",
    "rows.behind",
    "rows.capped",
    "losses",
    "rewritten",
    "rewriting",
    "forgotten",
    "forgotten.keys",
    "handed_on",
    "moves",
    "moved",
    "identity.lost",
    "facts.lost",
    "told_ms",
    "delay_ms",
    "event_time_ms",
    "kafka_time_ms",
)
WORK: Final = frozenset(
    {
        "dead.bug",
        "woken",
        "wake_bugs",
        "rows.written",
        "rows.refused",
        "rows.foreign",
        "rows.missed",
        "rows.behind",
        "rows.capped",
        "losses",
        "rewritten",
        "rewriting",
        "forgotten.keys",
        "identity.lost",
        "facts.lost",
        "told_ms",
        "delay_ms",
    }
)
"""What each operator does by itself. The others are of every record and told by the accounting operator
alone, so that all may be added up over operators. Of what is called `…_ms` the greatest or least counts."""
OF_A_BRANCH: Final = ("applied", "duplicate", "late", "dead.bug")
"""Told once more with the label `branch` by an operator that hosts one branch."""

COMPLETED: Final = ("completed", "uncompleted")
"""Events that lacked what the catalogue knows, where there is one: it had all of it, or not."""


class Gauges:
    """Gauges `shopper.<name>`, and `shopper.<name>` of each branch, told anew once a second.

    A Python gauge would be asked by the reporter's thread, in which the interpreter has no business; a
    PyFlink "distribution" is a gauge in Java that holds the number it was told last.

    They are registered `SETTLE_MS` after the first bucket was met. After a restore the buckets are met one by
    one, so numbers told at once would climb from nought to what they were, and Prometheus would take that for
    as many new records, losses or defects.
    """

    def __init__(
        self,
        runtime_context: RuntimeContext,
        told: Callable[[], Mapping[str, int]],
        branch: str = "",
        accounts: bool = True,
        sources: Mapping[int, str] | None = None,
        tables: Sequence[str] = (),
    ) -> None:
        """Those of an operator that hosts all branches, or one `branch`.

        `sources` are the topics of declared sources, by their numbers, `tables` those of side inputs.
        """
        self._group = runtime_context.get_metrics_group()
        self._names = [name for name in NAMES if accounts or name in WORK]
        self._branch = branch
        self._sources = (sources or {}) if accounts else {}
        self._tables = tables if accounts else ()
        self._gauges: list[tuple[str, Any]] = []
        self._numbers = told
        self._told: dict[int, int] = {}
        self._next = 0

    def tell(self, now: int) -> None:
        """Say the numbers that changed, if a period has passed; `now` is epoch ms."""
        if now < self._next:
            return
        if not self._next:
            self._next = now + SETTLE_MS
            return
        if not self._gauges:
            self._gauges = list(self._registered())
        self._next = now + PERIOD_MS
        numbers = self._numbers()
        for i, (name, gauge) in enumerate(self._gauges):
            number = numbers.get(name, 0)
            if number != self._told.get(i):
                gauge.update(number)
                self._told[i] = number

    def _registered(self) -> Iterator[tuple[str, Any]]:
        group = self._group.add_group("shopper")
        for name in self._names:
            yield name, group.distribution(name)
        for name in COMPLETED if PRODUCTS in self._tables else ():
            yield name, group.distribution(name)
        for of, name, counter in branch_gauges(self._branch):
            yield counter, group.add_group("branch", of).distribution(name)
        for number, topic in self._sources.items():
            for name in ("read", *VERDICTS):
                yield f"source.{number}.{name}", group.add_group("source", topic).distribution(name)
        for table in self._tables:
            for name in OF_A_TABLE:
                yield f"side.{table}.{name}", group.add_group("side", table).distribution(name)


def branch_gauges(branch: str) -> list[tuple[str, str, str]]:
    """Branch, name and counter of the gauges with a label: of one branch, or what one host tells of all.

    >>> branch_gauges("cart")[0], branch_gauges("")[2]
    (('cart', 'applied', 'applied'), ('cart', 'applied', 'applied.cart'))
    """
    if branch:
        return [(branch, name, name) for name in OF_A_BRANCH]
    return [(each, "applied", f"applied.{each}") for each in BRANCHES]
