"""What an e-commerce action says: products, cart, checkout step, order, refund.

Each kind reads its own entities and no others, so a fault in an entity that a kind does not need costs
nothing.
"""

from typing import Any, Final, NamedTuple

from events import event as kinds
from events.event import Money, Product
from events.masking import sized
from events.money import money
from events.personal import without_email
from events.record import Entities
from events.values import GREATEST_COUNT, key, placed, text, whole
from events.verdict import Reason

LAST_STEP: Final = 90
WITH_PRODUCTS: Final = frozenset(
    {
        kinds.PRODUCT_VIEW,
        kinds.LIST_VIEW,
        kinds.LIST_CLICK,
        kinds.ADD_TO_CART,
        kinds.REMOVE_FROM_CART,
        kinds.TRANSACTION,
        kinds.REFUND,
        kinds.TRANSACTION_ITEM,
        kinds.LIKE,
    }
)
WITH_CART: Final = frozenset({kinds.ADD_TO_CART, kinds.REMOVE_FROM_CART})
LISTS: Final = frozenset({kinds.LIST_VIEW, kinds.LIST_CLICK})


class Commerce(NamedTuple):
    """The part of an `Event` that only e-commerce actions have."""

    products: tuple[Product, ...] = ()
    list_name: str | None = None
    cart_total: Money | None = None
    step: int | None = None
    transaction_id: str | None = None
    revenue: Money | None = None
    total_quantity: int | None = None
    refund: Money | None = None


NOTHING: Final = Commerce()


def commerce_of(  # noqa: PLR0911 - one return a kind
    kind: str, name: object, entities: Entities, reasons: list[Reason]
) -> Commerce:
    """Read the entities that `kind` needs; an absent one leaves its values None."""
    if kind == kinds.CHECKOUT_STEP:
        return Commerce(step=_step(entities, reasons))
    if kind not in WITH_PRODUCTS:
        return NOTHING
    products = _products(entities, reasons) if "product" in entities else ()
    if kind in WITH_CART:
        return Commerce(products, cart_total=_amount(entities, "cart", "total_value", reasons))
    if kind in LISTS:
        return Commerce(products, without_email(text(name, "unstruct_event.name", reasons)))
    if kind == kinds.TRANSACTION:
        return _order(products, entities, reasons)
    if kind == kinds.TRANSACTION_ITEM:
        return Commerce(products, transaction_id=_order((), entities, reasons).transaction_id)
    if kind == kinds.REFUND:
        return Commerce(products, refund=_amount(entities, "refund", "refund_amount", reasons))
    return Commerce(products)


def first(entities: Entities, name: str, reasons: list[Reason]) -> dict[str, Any] | None:
    """The first entity of that name, None where there is none; several are a tracker's mistake."""
    found = entities.get(name)
    if not found:
        return None
    entity = found[0]
    if isinstance(entity, dict):
        return entity
    reasons.append(Reason(f"contexts.{name}[0]", sized(entity), "an object"))
    return None


def _products(entities: Entities, reasons: list[Reason]) -> tuple[Product, ...]:
    products = []
    for index, entity in enumerate(entities["product"]):
        since = len(reasons)
        if type(entity) is not dict:
            reasons.append(Reason(f"contexts.product[{index}]", sized(entity), "an object"))
            continue
        get = entity.get
        quantity = get("quantity")
        products.append(
            Product(
                text(get("id"), "id", reasons),
                without_email(text(get("category"), "category", reasons)),
                money(get("price"), get("currency"), "price", reasons),
                1 if quantity is None else _quantity(quantity, reasons),
            )
        )
        if len(reasons) > since:
            placed(reasons, since, f"contexts.product[{index}]")
    return tuple(products)


def _quantity(value: object, reasons: list[Reason]) -> int:
    quantity = whole(value, 0, GREATEST_COUNT, "quantity", reasons)
    return 1 if quantity is None else quantity


def _amount(entities: Entities, name: str, field: str, reasons: list[Reason]) -> Money | None:
    entity = first(entities, name, reasons)
    if entity is None:
        return None
    since = len(reasons)
    amount = money(entity.get(field), entity.get("currency"), field, reasons)
    if len(reasons) > since:
        placed(reasons, since, f"contexts.{name}[0]")
    return amount


def _step(entities: Entities, reasons: list[Reason]) -> int | None:
    entity = first(entities, "checkout_step", reasons)
    if entity is None:
        return None
    return whole(entity.get("step"), 1, LAST_STEP, "contexts.checkout_step[0].step", reasons)


def _order(products: tuple[Product, ...], entities: Entities, reasons: list[Reason]) -> Commerce:
    entity = first(entities, "transaction", reasons)
    if entity is None:
        return Commerce(products)
    since = len(reasons)
    order = Commerce(
        products,
        transaction_id=key(entity.get("transaction_id"), "transaction_id", reasons),
        revenue=money(entity.get("revenue"), entity.get("currency"), "revenue", reasons),
        total_quantity=whole(entity.get("total_quantity"), 0, GREATEST_COUNT, "total_quantity", reasons),
    )
    placed(reasons, since, "contexts.transaction[0]")
    return order
