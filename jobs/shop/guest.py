"""A shopper whom somebody steers: each deed gives the records that a tracker would send."""

from collections.abc import Callable
from random import Random
from typing import Final

from jobs.shop.assortment import Assortment, Product
from jobs.shop.flaws import poisoned
from jobs.shop.people import Shopper, guest, touch_session, uuid
from jobs.shop.record import Draft, tsv
from jobs.shop.tracker import Tracker, entity

SHELF: Final = 6
MOST_OF_A_PRODUCT: Final = 50


class CannotError(Exception):
    """The deed makes no sense now; the message says why and what to do first."""


class Guest:
    """One visitor of the shop, whose deeds give enriched events. Not thread-safe."""

    def __init__(self, rng: Random, shop: Assortment, account: str) -> None:
        """Arrive anonymously; `account` is the user id after logging in."""
        self._rng = rng
        self._shopper: Shopper = guest(rng, account)
        self._device = self._shopper.devices[0]
        self._tracker = Tracker(rng, self._shopper, self._device)
        self.shelf: tuple[Product, ...] = _shelf(shop)
        """What can be looked at and bought, cheap ones first."""
        self._deeds: dict[str, Callable[[Product], list[Draft]]] = {
            "view": self._view,
            "add": self._add,
            "remove": self._remove,
            "buy": self._buy,
            "login": self._log_in,
        }

    @property
    def shopper(self) -> str:
        """The id under which features are kept now."""
        return self._device.user_id or self._device.anonymous_id

    @property
    def logged_in(self) -> bool:
        """Whether records carry the account."""
        return bool(self._device.user_id)

    @property
    def cart(self) -> dict[str, int]:
        """Quantity by product id."""
        return {product.id: quantity for product, quantity in self._tracker.cart.items()}

    def price(self, product: Product) -> str:
        """A product's price, in major units and with the currency."""
        currency = self._shopper.currency
        return f"{self._tracker.amount(product.minor(currency))} {currency}"

    def act(self, deed: str, product_id: str, now_ms: int) -> list[bytes]:
        """Return the records of `view`, `add`, `remove`, `buy` or `login`, sent at `now_ms` (epoch ms).

        Raises:
            CannotError: if there is nothing to remove or to buy, or no such product.
            KeyError: if there is no such deed.
        """
        do, product = self._deeds[deed], self._product(product_id)
        return [self._record(draft, now_ms) for draft in (*self._land(), *do(product))]

    def poison(self, now_ms: int) -> bytes:
        """Return the record of putting something into the cart whose price is no number."""
        self._land()
        product = self._tracker.product(self.shelf[0], 1)
        return poisoned(self._record(self._tracker.action("add_to_cart", product), now_ms))

    def _record(self, draft: Draft, now_ms: int) -> bytes:
        touch_session(self._rng, self._device, now_ms)
        return tsv(self._rng, draft, self._device, now_ms, promptly=True)

    def _land(self) -> list[Draft]:
        """Every event is one of a page: open the first."""
        return [] if self._tracker.page_entity else [self._tracker.open("/", "Home")]

    def _product(self, product_id: str) -> Product:
        for product in self.shelf:
            if product.id == product_id:
                return product
        msg = f"no product {product_id!r} is on the shelf: {', '.join(each.id for each in self.shelf)}"
        raise CannotError(msg)

    def _view(self, product: Product) -> list[Draft]:
        page = self._tracker.open(f"/p/{product.id}", product.name)
        return [page, self._tracker.action("product_view", self._tracker.product(product))]

    def _add(self, product: Product) -> list[Draft]:
        cart = self._tracker.cart
        if cart.get(product, 0) >= MOST_OF_A_PRODUCT:
            msg = f"{MOST_OF_A_PRODUCT} of {product.name} are in the cart: remove or buy them first"
            raise CannotError(msg)
        cart[product] = cart.get(product, 0) + 1
        added = self._tracker.product(product, 1)
        return [self._tracker.action("add_to_cart", added, self._tracker.cart_entity())]

    def _remove(self, product: Product) -> list[Draft]:
        cart = self._tracker.cart
        if product not in cart:
            msg = f"{product.name} is not in the cart: add it first"
            raise CannotError(msg)
        cart[product] -= 1
        if not cart[product]:
            del cart[product]
        removed = self._tracker.product(product, 1)
        return [self._tracker.action("remove_from_cart", removed, self._tracker.cart_entity())]

    def _buy(self, _product: Product) -> list[Draft]:
        cart = self._tracker.cart
        if not cart:
            msg = "the cart is empty: add something first"
            raise CannotError(msg)
        paid = (
            f'"transaction_id":"T-{uuid(self._rng)}","revenue":{self._tracker.amount(self._tracker.total())},'
            f'"currency":"{self._shopper.currency}","payment_method":"card","total_quantity":{sum(cart.values())}'
        )
        products = [self._tracker.product(product, quantity) for product, quantity in cart.items()]
        cart.clear()
        page = self._tracker.open("/thanks", "Thank you")
        return [page, self._tracker.action("transaction", entity("transaction", paid), *products)]

    def _log_in(self, _product: Product) -> list[Draft]:
        if self.logged_in:
            msg = f"already logged in as {self._device.user_id}"
            raise CannotError(msg)
        self._device.user_id = self._shopper.account
        return [self._tracker.open("/account", "Your account")]


def _shelf(shop: Assortment) -> tuple[Product, ...]:
    """The most popular product of some categories."""
    first = {product.category: product for product in reversed(shop.products)}
    by_price = sorted(first.values(), key=lambda product: product.cents)
    return tuple(by_price[:: max(1, len(by_price) // SHELF)][:SHELF])
