"""A shard's counters as Flink gauges."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pyflink.datastream import RuntimeContext

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
)


class Gauges:
    """Gauges `shopper.<name>` of one operator instance, told anew once a second.

    A Python gauge would be asked by the reporter's thread, in which the interpreter has no business; a
    PyFlink "distribution" is a gauge in Java that holds the number it was told last.
    """

    def __init__(self, runtime_context: RuntimeContext, counts: Callable[[], Mapping[str, int]]) -> None:
        """Register them."""
        group = runtime_context.get_metrics_group().add_group("shopper")
        self._gauges: dict[str, Any] = {name: group.distribution(name) for name in NAMES}
        self._counts = counts
        self._told: dict[str, int] = {}
        self._next = 0

    def tell(self, now: int) -> None:
        """Say the numbers that changed, if a period has passed; `now` is epoch ms."""
        if now < self._next:
            return
        self._next = now + PERIOD_MS
        counts = self._counts()
        for name, gauge in self._gauges.items():
            number = counts.get(name, 0)
            if number != self._told.get(name):
                gauge.update(number)
                self._told[name] = number
