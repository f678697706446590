"""A visit to the synthetic shop, step by step: look, search, fill the cart, log in, pay or leave."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jobs.shop.assortment import Assortment, Product
from jobs.shop.people import happens
from jobs.shop.record import SNOWPLOW, Draft
from jobs.shop.tracker import Tracker, entity

_TERMS: Final = ("sneakers", "red dress", "tent", "rain jacket", "lamp", "gift", "größe 42")
_CAMPAIGNS: Final = (
    ("google", "cpc", "winter-sale", "https://www.google.com/", "search", "Google"),
    ("newsletter", "email", "weekly-42", "", "email", ""),
    ("instagram", "paid-social", "lookbook", "https://www.instagram.com/", "social", "Instagram"),
    ("", "", "", "https://www.google.com/", "search", "Google"),
    ("", "", "", "https://blog.example/best-tents?ref=17", "unknown", ""),
    ("", "", "", "", "", ""),
)
_CAMPAIGN_WEIGHTS: Final = (16, 9, 8, 27, 6, 34)
_STEPS: Final = ("browse", "look", "search", "promote", "add", "remove", "log_in", "check_out", "leave")
_WEIGHTS: Final = (12, 30, 6, 6, 24, 4, 4, 9, 5)


@dataclass(slots=True)
class Visit(Tracker):
    """One shopper on one device, from landing to leaving; `events` yields what the tracker would send."""

    shop: Assortment
    looked_at: Product | None = None

    def events(self) -> Iterator[Draft]:
        """Yield the visit's events in their order."""
        yield self._land()
        if self.shopper.orders and happens(self.rng, 0.04):
            yield self._refund()
        while True:
            step = self.rng.choices(_STEPS, _WEIGHTS)[0]
            if step == "leave":
                return
            yield from getattr(self, "_" + step)()

    def _land(self) -> Draft:
        source, medium, campaign, referrer, kind, refr_source = self.rng.choices(
            _CAMPAIGNS, _CAMPAIGN_WEIGHTS
        )[0]
        query = f"utm_source={source}&utm_medium={medium}&utm_campaign={campaign}" if source else ""
        marketing = f"{medium}\t{source}\t\t\t{campaign}"
        return self.open("/", "Home", query, referrer, f"{kind}\t{refr_source}\t\t{marketing}")

    def _browse(self) -> Iterator[Draft]:
        category = self.rng.choice(self.shop.categories)
        yield self.open("/c/" + category.replace(" ", "-").lower(), category)
        yield from self._list(category, self.shop.shelf(self.rng, category, 6))

    def _list(self, name: str, products: list[Product]) -> Iterator[Draft]:
        yield self._act("list_view", *(self.product(product) for product in products), name=name)
        if products and happens(self.rng, 0.45):
            self.looked_at = self.rng.choice(products)
            yield self._act("list_click", self.product(self.looked_at), name=name)
            yield from self._look(self.looked_at)

    def _look(self, product: Product | None = None) -> Iterator[Draft]:
        self.looked_at = product or self.shop.pick(self.rng)
        yield self.open(f"/p/{self.looked_at.id}", self.looked_at.name)
        yield self._act("product_view", self.product(self.looked_at))
        for number in range(self.rng.choices((0, 1, 2, 4), (45, 30, 17, 8))[0]):
            yield self._ping(number)
        if product is None and happens(self.rng, 0.2):
            yield from self._list(
                "You may also be interested in", [self.shop.pick(self.rng) for _ in range(4)]
            )

    def _search(self) -> Iterator[Draft]:
        term = self.rng.choice(_TERMS)
        yield self.open("/search", "Search", "q=" + term.replace(" ", "+"))
        found = [self.shop.pick(self.rng) for _ in range(self.rng.randrange(6))]
        if happens(self.rng, 0.5):
            data = f'{{"terms":["{term}"],"totalResults":{len(found)}}}'
            schema = f"iglu:{SNOWPLOW}/site_search/jsonschema/1-0-0"
            yield self.unstruct("site_search", SNOWPLOW, f'{{"schema":"{schema}","data":{data}}}')
        yield from self._list("Search results", found)

    def _promote(self) -> Iterator[Draft]:
        number = self.rng.randrange(8)
        promotion = entity("promotion", f'"id":"promo-{number}","name":"Banner {number}","slot":"hero"')
        yield self._act("promo_view", promotion)
        if happens(self.rng, 0.2):
            yield self._act("promo_click", promotion)

    def _add(self) -> Iterator[Draft]:
        if self.looked_at is None:
            return
        quantity = self.rng.choices((1, 2, 3), (85, 12, 3))[0]
        self.cart[self.looked_at] = self.cart.get(self.looked_at, 0) + quantity
        yield self._act("add_to_cart", self.product(self.looked_at, quantity), self.cart_entity())

    def _remove(self) -> Iterator[Draft]:
        if self.cart:
            product = self.rng.choice(list(self.cart))
            quantity = self.cart.pop(product)
            yield self._act("remove_from_cart", self.product(product, quantity), self.cart_entity())

    def _log_in(self) -> Iterator[Draft]:
        if not self.device.user_id:
            yield self.open("/login", "Log in")
            self.device.user_id = self.shopper.account
            yield self.open("/account", "Your account")
        elif happens(self.rng, 0.2):
            self.device.user_id = ""
            yield self.open("/", "Home")

    def _check_out(self) -> Iterator[Draft]:
        if not self.cart:
            return
        yield self.open("/checkout", "Checkout")
        for step in (1, 2, 3, 4):
            yield self._act("checkout_step", entity("checkout_step", f'"step":{step}'))
            if happens(self.rng, 0.1):
                return
        yield from self._pay()

    def _pay(self) -> Iterator[Draft]:
        if happens(self.rng, 0.06):
            yield self._act(
                "trns_error", entity("transaction_error", '"error_code":"E402","error_type":"soft"')
            )
            return
        order = f"T-{self.rng.getrandbits(40):010x}"
        total = self.total()
        products = [self.product(product, quantity) for product, quantity in self.cart.items()]
        paid = (
            f'"transaction_id":"{order}","revenue":{self.amount(total)},"currency":"{self.shopper.currency}",'
            f'"payment_method":"card","total_quantity":{sum(self.cart.values())}'
        )
        self.cart.clear()
        self.shopper.orders = [*self.shopper.orders[-3:], (order, total)]
        yield self.open("/thanks", "Thank you")
        for _ in range(2 if happens(self.rng, 0.04) else 1):  # some reload the page: the same order once more
            yield self._act("transaction", entity("transaction", paid), *products)

    def _refund(self) -> Draft:
        order, total = self.shopper.orders.pop()
        amount_ = self.amount(total if happens(self.rng, 0.5) else max(1, total // 2))
        refund = f'"transaction_id":"{order}","currency":"{self.shopper.currency}","refund_amount":{amount_}'
        return self._act("refund", entity("refund", refund))

    def _ping(self, number: int) -> Draft:
        if self.device.platform != "web":
            return self._act("product_view", self.product(self.looked_at or self.shop.pick(self.rng)))
        reached = f"0\t0\t0\t{number * 240 + 180}"
        return Draft("page_ping", "page_ping", SNOWPLOW, self.page, self.page_entity, ping=reached)

    def _act(self, kind: str, *entities: str, name: str = "") -> Draft:
        return self.action(kind, *entities, name=name, typed=not happens(self.rng, 0.01))
