"""Which branches an event belongs to, decided once, after decoding."""

from typing import NamedTuple

from events.event import UNTYPED_ACTION, Event
from features.plan import ViewPlan
from features.row import Value
from features.settings import Definitions
from features.views import BRANCHES, branch_views


class BranchFields(NamedTuple):
    """What one branch writes into a window's row."""

    names: tuple[str, ...]
    """Every field that it may write."""
    zeros: dict[str, Value]
    """What it says while it has nothing inside."""


class Split:
    """Splits events into branches by what the views want.

    >>> Split().of(Event("ann", "1", 0, "product_view", session_id="s"))
    ('product', 'category', 'session')
    >>> Split().of(Event("ann", "1", 0, "page_view", session_id="s"))
    ('session',)
    """

    def __init__(self, definitions: Definitions | None = None) -> None:
        """Take the views that these definitions make."""
        self._definitions = definitions or Definitions()
        self._views = {branch: branch_views(branch, self._definitions) for branch in BRANCHES}

    def of(self, event: Event) -> tuple[str, ...]:
        """The branches that the event is a fact of; the session branch wants every event."""
        if event.kind == UNTYPED_ACTION:
            return ("session",)
        return tuple(
            [branch for branch, views in self._views.items() if any(view.wants(event) for view in views)]
        )

    def fields(self, branch: str) -> BranchFields:
        """What the branch writes into a window's row, and its zeros."""
        plans = [ViewPlan(v, self._definitions) for v in self._views[branch] if v.scope == "rolling"]
        zeros: dict[str, Value] = {}
        for plan in plans:
            zeros.update(plan.empty)
        names = tuple(feature.name for plan in plans for feature in plan.view.public())
        return BranchFields(names, zeros)
