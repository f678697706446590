"""What a tracker makes of what a shopper does: pages, actions and their entities, as drafts of events."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from jobs.shop.assortment import ECOMMERCE, Product, amount, product_entity
from jobs.shop.people import Device, Shopper, uuid
from jobs.shop.record import ACTION_VENDOR, SNOWPLOW, Draft

MOBILE: Final = "com.snowplowanalytics.mobile"
HOST: Final = "https://shop.example"
_UNSTRUCT: Final = (
    '{{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":{}}}'
)
_ACTION: Final = f"iglu:{ACTION_VENDOR}/snowplow_ecommerce_action/jsonschema/1-0-2"


@dataclass(slots=True)
class Tracker:
    """One shopper on one device: the page that is open, and the cart."""

    rng: Random
    shopper: Shopper
    device: Device
    page: str = field(default="", kw_only=True)
    page_entity: str = field(default="", kw_only=True)
    url: str = field(default="", kw_only=True)
    cart: dict[Product, int] = field(default_factory=dict, kw_only=True)

    def open(
        self, path: str, title: str, query: str = "", referrer: str = "", came_by: str = "\t\t\t\t\t\t\t"
    ) -> Draft:
        """Open a page, or a screen in an app."""
        before, self.url = self.url, f"{HOST}{path}" + (f"?{query}" if query else "")
        referrer = referrer or before
        host = referrer.split("/")[2] if referrer else ""
        kind = "internal" + came_by if host and came_by.startswith("\t") else came_by
        self.page = (
            f"{self.url}\t{title}\t{referrer}\thttps\tshop.example\t443\t{path}\t{query}\t"
            f"\t{'https' if host else ''}\t{host}\t\t\t\t\t{kind}"
        )
        self.page_entity = entity_of(f"{SNOWPLOW}/web_page", f'"id":"{uuid(self.rng)}"')
        if self.device.platform == "web":
            return Draft("page_view", "page_view", SNOWPLOW, self.page, self.page_entity)
        self.page, self.page_entity = "\t" * 22, entity_of(f"{MOBILE}/screen", f'"name":"{title}"')
        view = entity_of(f"{MOBILE}/screen_view", f'"id":"{uuid(self.rng)}","name":"{title}"')
        return self.unstruct("screen_view", MOBILE, view)

    def action(self, kind: str, *entities: str, name: str = "", typed: bool = True) -> Draft:
        """Do something that shops do; an untyped one comes of a tag that was set up wrongly."""
        data = f'"type":"{kind}"' + (f',"name":"{name}"' if name else "")
        data = data if typed else '"type":null'
        action = f'{{"schema":"{_ACTION}","data":{{{data}}}}}'
        return self.unstruct("snowplow_ecommerce_action", ACTION_VENDOR, action, *entities)

    def unstruct(self, name: str, vendor: str, data: str, *entities: str) -> Draft:
        """An event of a schema of its own, with the page that is open."""
        contexts = ",".join((self.page_entity, *entities))
        return Draft("unstruct", name, vendor, self.page, contexts, _UNSTRUCT.format(data))

    def product(self, product: Product, quantity: int = 0) -> str:
        """A product as an entity, at the shopper's price."""
        return product_entity(product, self.shopper.currency, quantity)

    def cart_entity(self) -> str:
        """The cart as an entity."""
        return entity(
            "cart", f'"total_value":{self.amount(self.total())},"currency":"{self.shopper.currency}"'
        )

    def total(self) -> int:
        """Value of the cart, minor units."""
        return sum(product.minor(self.shopper.currency) * quantity for product, quantity in self.cart.items())

    def amount(self, minor: int) -> str:
        """An amount in the shopper's currency, as the tracker writes it."""
        return amount(minor, self.shopper.currency)


def entity(name: str, data: str) -> str:
    """An entity of the e-commerce vendor."""
    return f'{{"schema":"{ECOMMERCE.format(name)}","data":{{{data}}}}}'


def entity_of(path: str, data: str) -> str:
    """An entity of any vendor."""
    return f'{{"schema":"iglu:{path}/jsonschema/1-0-0","data":{{{data}}}}}'
