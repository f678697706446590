"""What a shop may set about entities beyond the shopper. A value here changes values in Redis."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from events.money import DIGITS

SCORED: Final = ("view", "click", "add_to_cart", "purchase")
"""The kinds of interaction that weigh in `score` and `popularity`."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much an interaction of each kind weighs; whole numbers, so that sums are exact in any order."""

    view: int = 1
    click: int = 2
    add_to_cart: int = 3
    purchase: int = 5

    def of(self, view: int, click: int, add_to_cart: int, purchase: int) -> int:
        """The weight of so many of each.

        >>> Weights().of(1, 1, 1, 2)
        16
        """
        return (
            self.view * view + self.click * click + self.add_to_cart * add_to_cart + self.purchase * purchase
        )


@dataclass(frozen=True, slots=True)
class SellerWeights:
    """The same of interactions with a seller."""

    like: int = 2
    view: int = 1
    purchase: int = 5
    other: int = 0


@dataclass(frozen=True, slots=True)
class EntitySettings:
    """Which entity views run, and what they mean; the defaults are those of the catalogue.

    Raises:
        ValueError: if a view is named twice, a weight is negative, the currency is none of ISO 4217, the
            bounds of prices do not rise or there is no room for a ranking.
    """

    views: tuple[str, ...] = ()
    """Names of `features.entities.views`; none: nothing is derived, and the job is that of shoppers alone."""
    weights: Weights = field(default_factory=Weights)
    seller_weights: SellerWeights = field(default_factory=SellerWeights)
    currency: str = "EUR"
    """That of purchase prices; others are left out."""
    price_bounds: tuple[int, int, int] = (500, 1000, 5000)
    """Mean purchase prices (major units) below which a shopper is budget, mid and high; else luxury."""
    ranking_most: int = 100
    """Members of a sorted set."""
    pair_expiry: timedelta = timedelta(days=30)
    """How long a pair's row and state outlive its last interaction."""
    expiry: timedelta = timedelta(days=365)
    """The same of shoppers and products."""

    def __post_init__(self) -> None:
        """Check what the views rely on."""
        weights = [getattr(self.weights, kind) for kind in SCORED]
        weights += [getattr(self.seller_weights, kind) for kind in ("like", "view", "purchase", "other")]
        if any(type(weight) is not int or weight < 0 for weight in weights):
            msg = f"weights of entities are {weights}; give whole numbers from 0 on"
            raise ValueError(msg)
        if len(set(self.views)) < len(self.views):
            msg = f"entities are {', '.join(self.views)}; name each view once"
            raise ValueError(msg)
        if self.currency not in DIGITS:
            msg = f"the currency of entities is {self.currency!r}; give a code of ISO 4217 such as EUR"
            raise ValueError(msg)
        if list(self.price_bounds) != sorted(set(self.price_bounds)) or self.price_bounds[0] <= 0:
            msg = f"price bounds are {self.price_bounds}; give three that rise, from 1 on"
            raise ValueError(msg)
        if not 1 <= self.ranking_most <= 1000:  # noqa: PLR2004  what one call to Redis may take
            msg = f"a ranking has room for {self.ranking_most}; give 1 to 1000 members"
            raise ValueError(msg)
