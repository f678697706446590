"""How a shopper's headline values were, and what becomes of them if nothing else comes."""

import threading
from collections import OrderedDict
from typing import Any, Final

from features.explain import Explainer
from features.settings import Definitions
from jobs.page.kept import Kept

HEADLINES: Final = (
    ("product_view_count", "product views"),
    ("cart_add_count", "put into the cart"),
    ("cart_value", "value of the cart"),
    ("order_value", "spent"),
)
"""The features that are drawn, and what they are called."""
PAST: Final = 40
FUTURE: Final = 30
"""Points of a chart before and after now."""
MOST: Final = 64

Points = dict[str, list[tuple[int, float]]]
"""By feature: epoch milliseconds and height."""


class Charts:
    """Draws the shortest window from the events that are kept. Thread-safe."""

    def __init__(self, definitions: Definitions, kept: Kept) -> None:
        """Compile the views."""
        self._explainer = Explainer(definitions)
        self._kept = kept
        self._window = definitions.windows[0]
        # On whole steps, so that a point stays where it is from frame to frame.
        self._step = max(1, self._window.size_ms // FUTURE)
        self._lock = threading.Lock()
        self._drawn: OrderedDict[tuple[str, int, int], Points] = OrderedDict()

    def of(self, shopper: str, seen: int, now: int) -> dict[str, Any]:
        """The charts at `now` (epoch ms), without points if not all `seen` events are kept."""
        middle = now // self._step * self._step
        with self._lock:
            heard = self._kept.events(shopper)
            key = shopper, len(heard), middle
            if not seen or len(heard) < seen:
                points: Points = {}
            elif (known := self._drawn.get(key)) is not None:
                points = known
            else:
                points = self._drawn[key] = self._points(shopper, middle, now)
            while len(self._drawn) > MOST:
                self._drawn.popitem(last=False)
        return {"window": self._window.label, "now": now, "points": points}

    def _points(self, shopper: str, middle: int, now: int) -> Points:
        past = [middle + self._step * number for number in range(-PAST, 1)]
        future = [middle + self._step * number for number in range(1, FUTURE + 2)]
        heard = self._kept.events(shopper)
        samples = self._explainer.history(heard, self._window.label, [*past, now, *future])
        return {
            name: [(each.at, _height(each.values.get(name))) for each in samples] for name, _ in HEADLINES
        }


def _height(value: Any) -> float:
    """A value as a height; money in minor units."""
    return float(getattr(value, "minor", value) or 0)
