"""Reasons name no one."""

from typing import Any

import pytest

from events.masking import SHOWN_CHARS, shown_currency, shown_number, shown_time, sized
from events.verdict import Dead
from tests.events.recorded import ECOMMERCE, decode

PERSONAL = [
    "ann@example.com",
    "192.168.65.1",
    "https://shop.example/me?t=1",
    "+49 170 1234567",
    "Mozilla/5.0 (X11)",
    "67430c52-68fb-4277-baeb-b6033403094a",
    "Ann Müller",
    "DE89 3704 0044 0532 0130 00",
]
MONEY_AND_COUNTS = (
    *("price", "currency", "quantity", "total_value", "step"),
    *("revenue", "refund_amount", "total_quantity"),
)


@pytest.mark.parametrize("secret", PERSONAL)
def test_reasons_carry_no_personal_data(secret: str) -> None:
    fields = dict.fromkeys(
        ("collector_tstamp", "derived_tstamp", "dvce_created_tstamp", "unstruct_event"), secret
    )
    odd: dict[str, Any] = {"id": [secret], "transaction_id": {secret: secret}, "category": [secret]}
    data = dict.fromkeys(MONEY_AND_COUNTS, secret) | odd
    names = ("product", "cart", "transaction", "refund", "checkout_step")
    entities = [(ECOMMERCE.format(name), data) for name in names]
    for kind in ("add_to_cart", "transaction", "refund", "checkout_step"):
        for verdict in (
            decode(*entities, action={"type": kind}),
            decode(*entities, **fields, user_id=secret * 100, contexts=secret),
        ):
            assert isinstance(verdict, Dead)
            assert secret not in str(verdict)
            assert all(len(reason.value) <= SHOWN_CHARS for reason in verdict.reasons)


def test_shown_values() -> None:
    assert shown_number(1e-300) == "1e-300"
    assert shown_number("1" * 30 + "." + "1" * 30) == "1" * 30 + "." + "1" * 8 + "…"
    assert shown_number(None) == "null"
    assert shown_time("2024-99-99T00:00:00") == "2024-99-99T00:00:00"
    assert shown_time(1714557601000) == "a number"
    assert shown_currency("eur") == "eur"
    assert shown_currency("Anna Karenina") == "text of 13 characters"
    assert sized(False) == "false"
