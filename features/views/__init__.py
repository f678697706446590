"""The catalogue: every feature in one place, one view module a branch (session has two).

A feature is one line in its view; the operators, the Redis codec, the documentation and the oracle test read it from
there.
"""

from features.definition import FeatureView
from features.settings import Definitions
from features.views import cart, category, context, product, purchase, session

BRANCHES = ("product", "category", "cart", "purchase", "session")


def views(definitions: Definitions | None = None) -> tuple[FeatureView, ...]:
    """Every view, with the shop's settings."""
    modules = (product, category, cart, purchase, context, session)
    return tuple(module.view(definitions or Definitions()) for module in modules)


def branch_views(branch: str, definitions: Definitions | None = None) -> tuple[FeatureView, ...]:
    """The views of one branch.

    Raises:
        ValueError: if there is no such branch.
    """
    if branch not in BRANCHES:
        msg = f"branch {branch!r} is none of {', '.join(BRANCHES)}"
        raise ValueError(msg)
    return tuple(view for view in views(definitions) if view.branch == branch)


VIEWS = views()
