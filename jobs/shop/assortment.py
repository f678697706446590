"""What the synthetic shop sells: products in categories, some popular, in four currencies."""

from functools import cache
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

ECOMMERCE: Final = "iglu:com.snowplowanalytics.snowplow.ecommerce/{}/jsonschema/1-0-0"
CURRENCIES: Final = {"EUR": (1.0, 2), "GBP": (0.86, 2), "USD": (1.08, 2), "JPY": (162.0, 0)}
"""What one euro is worth, and the digits after the point."""

_DEPARTMENTS: Final = {
    "Shoes": ("Women/Sneakers", "Men/Running", "Kids/Boots", "Women/Sandals"),
    "Clothes": ("Women/Dresses", "Men/Shirts", "Kids/Jackets", "Men/Jeans", "Women/Knitwear"),
    "Home": ("Kitchen/Pans", "Bedroom/Linen", "Living room/Lamps"),
    "Sports": ("Cycling/Helmets", "Yoga/Mats", "Outdoor/Tents"),
    "Books": ("Novels", "Cooking"),
}
_BRANDS: Final = ("Fjällgrün", "Nordlys", "Tamarind & Co", "Åkerö", "Solana", "Kestrel", "Ōmori", "Plain")
_ADJECTIVES: Final = ("Light", "Classic", "Soft", "Bold", "Everyday", "Alpine", "Urban", "Summer")


class Product(NamedTuple):
    """A product; `cents` is its price in euro cents."""

    id: str
    name: str
    category: str
    brand: str
    cents: int

    def minor(self, currency: str) -> int:
        """Price in minor units of `currency`."""
        rate, digits = CURRENCIES[currency]
        return max(1, round(self.cents * rate * (1.0 if digits else 0.01)))


class Assortment:
    """The shop's products; `pick` prefers the popular ones (Zipf)."""

    def __init__(self, rng: Random, size: int = 400) -> None:
        """Make `size` products."""
        self.categories: list[str] = [
            f"{department}/{shelf}" for department, shelves in _DEPARTMENTS.items() for shelf in shelves
        ]
        self.products = [self._product(rng, number) for number in range(size)]
        self._cumulated = list(accumulate(1 / (rank + 3) for rank in range(size)))
        self._shelves: dict[str, list[Product]] = {category: [] for category in self.categories}
        for product in self.products:
            self._shelves[product.category].append(product)

    def pick(self, rng: Random) -> Product:
        """Return one product, the popular ones more often."""
        return rng.choices(self.products, cum_weights=self._cumulated)[0]

    def shelf(self, rng: Random, category: str, most: int) -> list[Product]:
        """Return up to `most` products of a category, in the order shown."""
        products = self._shelves[category]
        first = int(rng.random() * max(1, len(products) - most))
        return products[first : first + most]

    def _product(self, rng: Random, number: int) -> Product:
        category = self.categories[number % len(self.categories)]
        brand = rng.choice(_BRANDS)
        name = f"{brand} {rng.choice(_ADJECTIVES)} {category.rpartition('/')[2]}"
        cents = int(rng.lognormvariate(3.7, 0.7) * 20) * 5
        return Product(f"SKU-{10_000 + number}", name, category, brand, max(cents, 195))


def amount(minor: int, currency: str) -> str:
    """Write an amount as the tracker does: a JSON number in major units.

    >>> amount(2600, "EUR"), amount(1500, "JPY")
    ('26.00', '1500')
    """
    digits = CURRENCIES[currency][1]
    if not digits:
        return str(minor)
    return f"{minor // 10**digits}.{minor % 10**digits:0{digits}d}"


@cache
def product_entity(product: Product, currency: str, quantity: int = 0) -> str:
    """Return the product as a self-describing entity; a quantity of 0 is left out, as on a product's page."""
    price = amount(product.minor(currency), currency)
    counted = f',"quantity":{quantity}' if quantity else ""
    return (
        f'{{"schema":"{ECOMMERCE.format("product")}","data":{{"id":"{product.id}","name":"{product.name}",'
        f'"category":"{product.category}","price":{price},"currency":"{currency}","brand":"{product.brand}"{counted}}}}}'
    )
