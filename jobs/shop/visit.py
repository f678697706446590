"""A visit to the synthetic shop, step by step: look, search, fill the cart, log in, pay or leave."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

from jobs.shop.assortment import ECOMMERCE, Assortment, Product, amount, product_entity
from jobs.shop.people import Device, Shopper, happens, uuid
from jobs.shop.record import ACTION_VENDOR, SNOWPLOW, Draft

MOBILE: Final = "com.snowplowanalytics.mobile"
_HOST: Final = "https://shop.example"
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
_UNSTRUCT: Final = (
    '{{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":{}}}'
)
_ACTION: Final = f"iglu:{ACTION_VENDOR}/snowplow_ecommerce_action/jsonschema/1-0-2"


@dataclass(slots=True)
class Visit:
    """One shopper on one device, from landing to leaving; `events` yields what the tracker would send."""

    rng: Random
    shop: Assortment
    shopper: Shopper
    device: Device
    page: str = ""
    page_entity: str = ""
    url: str = ""
    looked_at: Product | None = None
    cart: dict[Product, int] = field(default_factory=dict)

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
        return self._open("/", "Home", query, referrer, f"{kind}\t{refr_source}\t\t{marketing}")

    def _browse(self) -> Iterator[Draft]:
        category = self.rng.choice(self.shop.categories)
        yield self._open("/c/" + category.replace(" ", "-").lower(), category)
        yield from self._list(category, self.shop.shelf(self.rng, category, 6))

    def _list(self, name: str, products: list[Product]) -> Iterator[Draft]:
        yield self._action("list_view", *(self._product(product) for product in products), name=name)
        if products and happens(self.rng, 0.45):
            self.looked_at = self.rng.choice(products)
            yield self._action("list_click", self._product(self.looked_at), name=name)
            yield from self._look(self.looked_at)

    def _look(self, product: Product | None = None) -> Iterator[Draft]:
        self.looked_at = product or self.shop.pick(self.rng)
        yield self._open(f"/p/{self.looked_at.id}", self.looked_at.name)
        yield self._action("product_view", self._product(self.looked_at))
        for number in range(self.rng.choices((0, 1, 2, 4), (45, 30, 17, 8))[0]):
            yield self._ping(number)
        if product is None and happens(self.rng, 0.2):
            yield from self._list(
                "You may also be interested in", [self.shop.pick(self.rng) for _ in range(4)]
            )

    def _search(self) -> Iterator[Draft]:
        term = self.rng.choice(_TERMS)
        yield self._open("/search", "Search", "q=" + term.replace(" ", "+"))
        found = [self.shop.pick(self.rng) for _ in range(self.rng.randrange(6))]
        if happens(self.rng, 0.5):
            data = f'{{"terms":["{term}"],"totalResults":{len(found)}}}'
            schema = f"iglu:{SNOWPLOW}/site_search/jsonschema/1-0-0"
            yield self._unstruct("site_search", SNOWPLOW, f'{{"schema":"{schema}","data":{data}}}')
        yield from self._list("Search results", found)

    def _promote(self) -> Iterator[Draft]:
        number = self.rng.randrange(8)
        promotion = _entity("promotion", f'"id":"promo-{number}","name":"Banner {number}","slot":"hero"')
        yield self._action("promo_view", promotion)
        if happens(self.rng, 0.2):
            yield self._action("promo_click", promotion)

    def _add(self) -> Iterator[Draft]:
        if self.looked_at is None:
            return
        quantity = self.rng.choices((1, 2, 3), (85, 12, 3))[0]
        self.cart[self.looked_at] = self.cart.get(self.looked_at, 0) + quantity
        yield self._action("add_to_cart", self._product(self.looked_at, quantity), self._cart())

    def _remove(self) -> Iterator[Draft]:
        if self.cart:
            product = self.rng.choice(list(self.cart))
            quantity = self.cart.pop(product)
            yield self._action("remove_from_cart", self._product(product, quantity), self._cart())

    def _log_in(self) -> Iterator[Draft]:
        if not self.device.user_id:
            yield self._open("/login", "Log in")
            self.device.user_id = self.shopper.account
            yield self._open("/account", "Your account")
        elif happens(self.rng, 0.2):
            self.device.user_id = ""
            yield self._open("/", "Home")

    def _check_out(self) -> Iterator[Draft]:
        if not self.cart:
            return
        yield self._open("/checkout", "Checkout")
        for step in (1, 2, 3, 4):
            yield self._action("checkout_step", _entity("checkout_step", f'"step":{step}'))
            if happens(self.rng, 0.1):
                return
        yield from self._pay()

    def _pay(self) -> Iterator[Draft]:
        if happens(self.rng, 0.06):
            yield self._action(
                "trns_error", _entity("transaction_error", '"error_code":"E402","error_type":"soft"')
            )
            return
        order = f"T-{self.rng.getrandbits(40):010x}"
        total = self._total()
        products = [self._product(product, quantity) for product, quantity in self.cart.items()]
        paid = (
            f'"transaction_id":"{order}","revenue":{self._amount(total)},"currency":"{self.shopper.currency}",'
            f'"payment_method":"card","total_quantity":{sum(self.cart.values())}'
        )
        self.cart.clear()
        self.shopper.orders = [*self.shopper.orders[-3:], (order, total)]
        yield self._open("/thanks", "Thank you")
        for _ in range(2 if happens(self.rng, 0.04) else 1):  # some reload the page: the same order once more
            yield self._action("transaction", _entity("transaction", paid), *products)

    def _refund(self) -> Draft:
        order, total = self.shopper.orders.pop()
        amount_ = self._amount(total if happens(self.rng, 0.5) else max(1, total // 2))
        refund = f'"transaction_id":"{order}","currency":"{self.shopper.currency}","refund_amount":{amount_}'
        return self._action("refund", _entity("refund", refund))

    def _open(
        self, path: str, title: str, query: str = "", referrer: str = "", came_by: str = "\t\t\t\t\t\t\t"
    ) -> Draft:
        before, self.url = self.url, f"{_HOST}{path}" + (f"?{query}" if query else "")
        referrer = referrer or before
        host = referrer.split("/")[2] if referrer else ""
        kind = "internal" + came_by if host and came_by.startswith("\t") else came_by
        self.page = (
            f"{self.url}\t{title}\t{referrer}\thttps\tshop.example\t443\t{path}\t{query}\t"
            f"\t{'https' if host else ''}\t{host}\t\t\t\t\t{kind}"
        )
        self.page_entity = _entity_of(f"{SNOWPLOW}/web_page", f'"id":"{uuid(self.rng)}"')
        if self.device.platform == "web":
            return Draft("page_view", "page_view", SNOWPLOW, self.page, self.page_entity)
        self.page, self.page_entity = "\t" * 22, _entity_of(f"{MOBILE}/screen", f'"name":"{title}"')
        view = _entity_of(f"{MOBILE}/screen_view", f'"id":"{uuid(self.rng)}","name":"{title}"')
        return self._unstruct("screen_view", MOBILE, view)

    def _ping(self, number: int) -> Draft:
        if self.device.platform != "web":
            return self._action("product_view", self._product(self.looked_at or self.shop.pick(self.rng)))
        reached = f"0\t0\t0\t{number * 240 + 180}"
        return Draft("page_ping", "page_ping", SNOWPLOW, self.page, self.page_entity, ping=reached)

    def _action(self, kind: str, *entities: str, name: str = "") -> Draft:
        if happens(self.rng, 0.01):
            data = '"type":null'  # a tag that was set up wrongly
        else:
            data = f'"type":"{kind}"' + (f',"name":"{name}"' if name else "")
        action = f'{{"schema":"{_ACTION}","data":{{{data}}}}}'
        return self._unstruct("snowplow_ecommerce_action", ACTION_VENDOR, action, *entities)

    def _unstruct(self, name: str, vendor: str, data: str, *entities: str) -> Draft:
        contexts = ",".join((self.page_entity, *entities))
        return Draft("unstruct", name, vendor, self.page, contexts, _UNSTRUCT.format(data))

    def _product(self, product: Product, quantity: int = 0) -> str:
        return product_entity(product, self.shopper.currency, quantity)

    def _cart(self) -> str:
        return _entity(
            "cart", f'"total_value":{self._amount(self._total())},"currency":"{self.shopper.currency}"'
        )

    def _total(self) -> int:
        return sum(product.minor(self.shopper.currency) * quantity for product, quantity in self.cart.items())

    def _amount(self, minor: int) -> str:
        return amount(minor, self.shopper.currency)


def _entity(name: str, data: str) -> str:
    return f'{{"schema":"{ECOMMERCE.format(name)}","data":{{{data}}}}}'


def _entity_of(path: str, data: str) -> str:
    return f'{{"schema":"iglu:{path}/jsonschema/1-0-0","data":{{{data}}}}}'
