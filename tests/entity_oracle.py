"""What rows of entities must say, reckoned anew from all interactions; no code under test is used.

Amounts are `Decimal`, values the text that Redis must hold.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
WEIGHTS: Final = {"view": 1, "click": 2, "add_to_cart": 3, "purchase": 5}
SELLER_WEIGHTS: Final = {"like": 2, "view": 1, "purchase": 5}


@dataclass(frozen=True)
class Line:
    """A product of an interaction."""

    product: str | None = None
    category: str | None = None
    price: Decimal | None = None
    currency: str = "EUR"


@dataclass(frozen=True)
class Seen:
    """One interaction: a kind of `WEIGHTS`, `like`, `other`, or `line` of an order."""

    shopper: str
    kind: str
    at: int
    lines: tuple[Line, ...] = ()
    seller: str = ""
    page: str = ""
    beat: int | None = None
    """Of a `ping`, which is no interaction."""


@dataclass
class Tables:
    """What the shop's tables say now, by id; who has no row there is not in them."""

    products: dict[str, tuple[str | None, str | None, Decimal | None]] = field(default_factory=dict)
    """Name, category and price, in euros."""
    sellers: dict[str, list[str]] = field(default_factory=dict)
    profiles: dict[str, list[str]] = field(default_factory=dict)


Rows = dict[str, dict[str, str]]
Sets = dict[str, list[tuple[str, int]]]


def rows(seen: Iterable[Seen], as_of: int, tables: Tables | None = None) -> tuple[Rows, Sets]:
    """Every hash by its key, and every sorted set, the greatest first."""
    tables = tables or Tables()
    everything = list(seen)
    seen = [each for each in everything if each.kind != "ping"]
    hashes: Rows = {}
    sets: Sets = {}
    _products(seen, as_of, hashes, sets, tables)
    _items(seen, hashes)
    _times(everything, hashes)
    _categories(seen, hashes, sets)
    _sellers(seen, hashes, sets, tables)
    _lifetimes(seen, hashes)
    return hashes, sets


def _part(each: Seen) -> str:
    return "purchase" if each.kind == "line" else each.kind


def _by(seen: Iterable[Seen], named: Callable[[Line], str | None]) -> dict[str, list[Seen]]:
    found = defaultdict(list)
    for each in seen:
        if each.kind != "other":
            for name in {name for line in each.lines if (name := named(line))}:
                found[name].append(each)
    return found


def _number(kind: str, seen: Iterable[Seen]) -> int:
    return sum(_part(each) == kind for each in seen)


def _score(seen: Iterable[Seen]) -> int:
    return sum(WEIGHTS.get(_part(each), 0) for each in seen)


def _quotient(fields: dict[str, str], name: str, part: int, whole: int) -> None:
    if whole:
        fields[name] = repr(part / whole)


def _inside(seen: Iterable[Seen], as_of: int, size: int, pane: int) -> list[Seen]:
    return [each for each in seen if (each.at // pane + 1) * pane + size > as_of]


def _products(seen: list[Seen], as_of: int, hashes: Rows, sets: Sets, tables: Tables) -> None:
    trending = []
    for name, own in _by(seen, lambda line: line.product).items():
        views, clicks, carts = _number("view", own), _number("click", own), _number("add_to_cart", own)
        hour, day = _score(_inside(own, as_of, HOUR, MINUTE)), _score(_inside(own, as_of, DAY, 15 * MINUTE))
        fields = {
            "total_views": str(views),
            "clicks": str(clicks),
            "carts": str(carts),
            "total_purchases": str(_number("purchase", own)),
            "unique_users": str(len({each.shopper for each in own})),
            "last_interaction": str(max(each.at for each in own)),
            "popularity": str(_score(own)),
            "trending_1h": str(hour),
            "trending_24h": str(day),
        }
        _quotient(fields, "click_through_rate", clicks, views)
        _quotient(fields, "add_to_cart_rate", carts, views)
        _quotient(fields, "purchase_rate", _number("purchase", own), views)
        title, category, price = tables.products.get(name, (None, None, None))
        listed = {"product_name": title, "category": category}
        if price is not None:
            listed |= {"price": str(price), "price_currency": "EUR"}
        fields |= {each: text for each, text in listed.items() if text is not None}
        hashes[f"product:{name}:stats"] = fields
        if hour:
            trending.append((name, hour))
    if trending:
        sets["products:trending:1h"] = sorted(trending, key=lambda each: (-each[1], each[0]))[:100]


def _counted(own: list[Seen]) -> dict[str, str]:
    return {
        "views": str(_number("view", own)),
        "clicks": str(_number("click", own)),
        "add_to_cart": str(_number("add_to_cart", own)),
        "purchases": str(_number("purchase", own)),
        "last_interaction": str(max(each.at for each in own)),
        "score": str(_score(own)),
    }


def _of_shoppers(seen: Iterable[Seen]) -> dict[str, list[Seen]]:
    found = defaultdict(list)
    for each in seen:
        found[each.shopper].append(each)
    return found


def _items(seen: list[Seen], hashes: Rows) -> None:
    for shopper, all_of_hers in _of_shoppers(seen).items():
        for name, own in _by(all_of_hers, lambda line: line.product).items():
            hashes[f"user:{shopper}:item:{name}"] = _counted(own) | {"likes": str(_number("like", own))}


def _times(everything: list[Seen], hashes: Rows) -> None:
    for shopper, hers in _of_shoppers(everything).items():
        for name, own in _by(hers, lambda line: line.product).items():
            views = [each for each in own if each.kind == "view"]
            pages = {each.page for each in views if each.page}
            beats = {(each.page, each.beat) for each in hers if each.kind == "ping" and each.page in pages}
            if beats:
                hashes[f"user:{shopper}:item:{name}"]["avg_time_seconds"] = repr(10 * len(beats) / len(views))


def _by_weight(found: dict[str, list[Seen]]) -> list[str]:
    return sorted(found, key=lambda name: (-_score(found[name]), -max(e.at for e in found[name]), name))


def _categories(seen: list[Seen], hashes: Rows, sets: Sets) -> None:
    for shopper, all_of_hers in _of_shoppers(seen).items():
        found = _by(all_of_hers, lambda line: line.category)
        if not found:
            continue
        for name, own in found.items():
            hashes[f"user:{shopper}:category:{name}"] = _counted(own)
        order = _by_weight(found)
        hashes[f"user:{shopper}:favourites"] = {
            "favourite_categories": json.dumps(order[:3], separators=(",", ":"), ensure_ascii=False),
            "category_diversity": str(len(found)),
        }
        sets[f"user:{shopper}:categories"] = [(name, _score(found[name])) for name in order[:100]]


def _sellers(seen: list[Seen], hashes: Rows, sets: Sets, tables: Tables) -> None:
    for shopper, all_of_hers in _of_shoppers(seen).items():
        found = defaultdict(list)
        for each in all_of_hers:
            if each.seller and each.kind != "line":
                found[each.seller].append(each)
        if not found:
            continue
        looked_at = _by_weight(_by(all_of_hers, lambda line: line.category))[:3]
        scores = {n: sum(SELLER_WEIGHTS.get(e.kind, 0) for e in own) for n, own in found.items()}
        for name, own in found.items():
            by_kind = {kind: _number(kind, own) for kind in SELLER_WEIGHTS}
            hashes[f"user:{shopper}:seller:{name}"] = {
                "number_of_interactions": str(len(own)),
                **{f"{kind}_count": str(number) for kind, number in by_kind.items()},
                "other_count": str(len(own) - sum(by_kind.values())),
                "first_interaction": str(min(each.at for each in own)),
                "last_interaction": str(max(each.at for each in own)),
                "score": str(scores[name]),
            }
            liked = tables.profiles.get(shopper) or looked_at
            if name in tables.sellers and liked:
                match = any(each in liked for each in tables.sellers[name])
                hashes[f"user:{shopper}:seller:{name}"]["favorites_match"] = str(int(match))
        order = sorted(found, key=lambda name: (-scores[name], -max(e.at for e in found[name]), name))
        hashes[f"user:{shopper}:favourite_sellers"] = {
            "favourite_sellers": json.dumps(order[:3], separators=(",", ":"), ensure_ascii=False),
            "seller_diversity": str(len(found)),
        }
        sets[f"user:{shopper}:sellers"] = [(name, scores[name]) for name in order[:100]]


def _lifetimes(seen: list[Seen], hashes: Rows) -> None:
    for shopper, own in _of_shoppers(seen).items():
        number = {kind: sum(each.kind == kind for each in own) for kind in WEIGHTS}
        interactions = sum(each.kind != "line" for each in own)
        fields = {
            "total_interactions": str(interactions),
            "views": str(number["view"]),
            "clicks": str(number["click"]),
            "add_to_cart": str(number["add_to_cart"]),
            "purchases": str(number["purchase"]),
            "first_interaction": str(min(each.at for each in own)),
            "last_interaction": str(max(each.at for each in own)),
            "days_active": str(len({each.at // DAY for each in own})),
            "user_segment": _segment(number["purchase"], interactions),
        }
        _quotient(fields, "view_to_click_rate", number["click"], number["view"])
        _quotient(fields, "click_to_cart_rate", number["add_to_cart"], number["click"])
        _quotient(fields, "cart_to_purchase_rate", number["purchase"], number["add_to_cart"])
        prices = [
            line.price
            for each in own
            if each.kind in ("purchase", "line")
            for line in each.lines
            if line.price is not None and line.currency == "EUR"
        ]
        if prices:
            mean = sum(prices, Decimal()) / len(prices)
            fields["avg_purchase_price"] = str(mean.quantize(Decimal("0.0001"), ROUND_HALF_EVEN))
            fields["min_purchase_price"] = str(min(prices))
            fields["max_purchase_price"] = str(max(prices))
            fields["price_preference"] = _preference(mean)
        hashes[f"user:{shopper}:lifetime"] = fields


def _segment(purchases: int, interactions: int) -> str:
    if purchases == 0:
        return "browser" if interactions >= 100 else "casual"
    if purchases == 1:
        return "one_time_buyer"
    return "regular_buyer" if purchases <= 4 else "power_buyer"


def _preference(mean: Decimal) -> str:
    for bound, name in ((500, "budget"), (1000, "mid"), (5000, "high")):
        if mean < bound:
            return name
    return "luxury"
