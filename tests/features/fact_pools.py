"""Facts of every kind that a view makes, few values each, so that they meet often."""

from random import Random
from typing import Any

from events.event import Money
from features.digest import digest
from features.facts import CartFact, ContextFact, PurchaseFact, SessionFact

POOL = 256
LAST = 24_000
"""Event times are multiples of 400 ms below this."""

_RNG = Random(20_240_305)
_CURRENCIES = ("EUR", "EUR", "USD", "JPY", "GBP", "CHF", "PLN")
_AMOUNTS = [Money(minor, currency) for currency in _CURRENCIES for minor in (0, 250, 1_000, 1_000, 4_299)]
_NAMES = ("ash", "birch", "cedar", "dogwood", "elm")


def _pick(*values: Any) -> Any:
    return _RNG.choice(values)


def _money() -> tuple[Money, ...]:
    return tuple(_RNG.choices(_AMOUNTS, k=_pick(0, 1, 1, 2, 3)))


def _currencies(amounts: tuple[Money, ...]) -> dict[str, Any]:
    known = tuple(dict.fromkeys(money.currency for money in amounts))
    return {"currency": known[0] if known else None, "currencies": known}


def _moment(number: int) -> dict[str, Any]:
    # The ids of 0 … 255 in another order, and two events at the same moment now and then.
    return {"at": _RNG.randrange(0, LAST, 400), "event_id": f"{number * 7 % POOL:03d}"}


def _cart(number: int) -> CartFact:
    change, values = _pick(1, 1, -1, 0), _money()
    total = _RNG.choice([*_AMOUNTS, None, None]) if change else None
    return CartFact(**_moment(number), change=change, values=values if change else (), total=total)


def _purchase(number: int) -> PurchaseFact:
    change, order, moved = _pick(0, 0, 1, 1, -1), _pick(True, False), _money()
    revenue = moved[:1] if order else ()
    return PurchaseFact(
        **_moment(number),
        **_currencies(revenue),
        session=_pick(None, *[name.encode() for name in _NAMES]),
        order=order,
        revenue=revenue,
        items=_pick(0, 1, 3) if order else 0,
        categories=tuple(_weighed()),
        step=None if change else _pick(None, 1, 2, 2, 3),
        transacted=not change and _pick(True, False, False),
        change=change,
        moved=moved if change else (),
        quantity=_pick(0, 1, 2) if change else 0,
    )


def _weighed() -> list[tuple[str, int]]:
    return [(_pick(*_NAMES), _pick(0, 1, 1, 2)) for _ in range(_pick(0, 1, 2))]


def _context(number: int) -> ContextFact:
    location = _pick(None, *_NAMES)
    places = (location,) if location else ()
    return ContextFact(**_moment(number), location=location, places=places, devices=(_pick(*_NAMES),))


def _session(number: int) -> SessionFact:
    page_key = _pick(None, *(digest(page) for page in ("w1", "w2", "w3")))
    return SessionFact(
        **_moment(number),
        page_event=_pick(True, False),
        viewed=_pick(True, False),
        page_key=page_key,
        page_keys=(page_key,) if page_key else (),
        beat=_pick(None, 0, 1, 2) if page_key else None,
        page=_pick(None, "/", "/shoes"),
        source=_pick(None, "mail"),
        device=_pick(None, "phone", "desktop"),
    )


CARTS = [_cart(number) for number in range(POOL)]
PURCHASES = [_purchase(number) for number in range(POOL)]
CONTEXTS = [_context(number) for number in range(POOL)]
SESSIONS = [_session(number) for number in range(POOL)]
