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
        self._known: dict[tuple[str, bool], tuple[str, ...]] = {}

    def of(self, event: Event) -> tuple[str, ...]:
        """The branches that the event is a fact of; the session branch wants every event."""
        return self.by_kind(event.kind, event.session_id is None)

    def by_kind(self, kind: str, sessionless: bool) -> tuple[str, ...]:
        """The same by all of an event that a view looks at: its kind, and whether it has no session id."""
        found = self._known.get((kind, sessionless))
        if found is None:
            event = Event("", "", 0, kind, session_id=None if sessionless else "s")
            wanted = [branch for branch, views in self._views.items() if any(v.wants(event) for v in views)]
            found = ("session",) if kind == UNTYPED_ACTION else tuple(wanted)
            self._known[kind, sessionless] = found
        return found

    def fields(self, branch: str) -> BranchFields:
        """What the branch writes into a window's row, and its zeros."""
        plans = [ViewPlan(v, self._definitions) for v in self._views[branch] if v.scope == "rolling"]
        zeros: dict[str, Value] = {}
        for plan in plans:
            zeros.update(plan.empty())
        names = tuple(feature.name for plan in plans for feature in plan.view.public())
        return BranchFields(names, zeros)
