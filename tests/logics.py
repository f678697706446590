"""Logics that tests share: to compile one takes longer than most of what is done with it."""

from functools import cache

from features.logic import ShopperLogic
from features.settings import Definitions
from features.views import branch_views


def logic_of(definitions: Definitions | None = None, branch: str = "") -> ShopperLogic:
    """The logic of all branches or of one: always the same object, since it keeps nothing of a shopper."""
    return _logic_of(definitions or Definitions(), branch)


@cache
def _logic_of(definitions: Definitions, branch: str) -> ShopperLogic:
    return ShopperLogic(branch_views(branch, definitions) if branch else None, definitions)
