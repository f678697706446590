"""A shard's counters as Flink gauges."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pyflink.datastream import RuntimeContext

from features.views import BRANCHES

PERIOD_MS: Final = 1000
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
    "losses",
    "rewritten",
    "forgotten",
    "forgotten.keys",
)
WORK: Final = frozenset(
    {
        "dead.bug",
        "woken",
        "wake_bugs",
        "rows.written",
        "rows.refused",
        "rows.foreign",
        "losses",
        "rewritten",
        "forgotten.keys",
    }
)
"""What each operator does by itself. The others are of every record and told by the accounting operator
alone, so that all may be added up over operators."""
OF_A_BRANCH: Final = ("applied", "duplicate", "late", "dead.bug")
"""Told once more with the label `branch` by an operator that hosts one branch."""


class Gauges:
    """Gauges `shopper.<name>`, and `shopper.<name>` of each branch, told anew once a second.

    A Python gauge would be asked by the reporter's thread, in which the interpreter has no business; a
    PyFlink "distribution" is a gauge in Java that holds the number it was told last.
    """

    def __init__(
        self,
        runtime_context: RuntimeContext,
        counts: Callable[[], Mapping[str, int]],
        branch: str = "",
        accounts: bool = True,
    ) -> None:
        """Register those of an operator that hosts all branches, or one `branch`."""
        group = runtime_context.get_metrics_group().add_group("shopper")
        names = [name for name in NAMES if accounts or name in WORK]
        self._gauges: list[tuple[str, Any]] = [(name, group.distribution(name)) for name in names]
        for of, name, counter in branch_gauges(branch):
            labelled = group.add_group("branch", of)
            self._gauges.append((counter, labelled.distribution(name)))
        self._counts = counts
        self._told: dict[int, int] = {}
        self._next = 0

    def tell(self, now: int) -> None:
        """Say the numbers that changed, if a period has passed; `now` is epoch ms."""
        if now < self._next:
            return
        self._next = now + PERIOD_MS
        counts = self._counts()
        for i, (name, gauge) in enumerate(self._gauges):
            number = counts.get(name, 0)
            if number != self._told.get(i):
                gauge.update(number)
                self._told[i] = number


def branch_gauges(branch: str) -> list[tuple[str, str, str]]:
    """Branch, name and counter of the gauges with a label: of one branch, or what one host tells of all.

    >>> branch_gauges("cart")[0], branch_gauges("")[2]
    (('cart', 'applied', 'applied'), ('cart', 'applied', 'applied.cart'))
    """
    if branch:
        return [(branch, name, name) for name in OF_A_BRANCH]
    return [(each, "applied", f"applied.{each}") for each in BRANCHES]
