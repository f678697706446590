"""Money, quantities, steps, ids and texts: what is accepted, and as what."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.event import Money
from events.money import DIGITS, GREATEST, minor_units, money
from events.values import key, text, whole
from events.verdict import Reason


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (42.99, "EUR", 4299),
        (12, "EUR", 1200),
        (12.0, "EUR", 1200),
        ("12.50", "EUR", 1250),
        (".5", "EUR", 50),
        ("1e3", "EUR", 100_000),
        ("+7", "EUR", 700),
        (0, "EUR", 0),
        (-0.0, "EUR", 0),
        (1500, "JPY", 1500),
        (1.2345, "BHD", 1234),
        (1.2355, "BHD", 1236),
        (0.125, "EUR", 12),
        (0.135, "EUR", 14),
        (1.005, "EUR", 100),
        (1.015, "EUR", 102),
        ("2.5149999999999999999999999999999999999", "EUR", 251),
        (1234567.89, "EUR", 123_456_789),
        (1e12, "CLF", 10**16),
        (999_999_999_999.99, "EUR", 99_999_999_999_999),
        ("1e-400", "EUR", 0),
    ],
)
def test_amounts_are_exact_minor_units(amount: object, currency: str, minor: int) -> None:
    reasons: list[Reason] = []
    assert money(amount, currency, "price", reasons) == Money(minor, currency)
    assert reasons == []


@pytest.mark.parametrize(
    "amount",
    [
        -0.01,
        -1,
        "-1",
        1e13,
        10**13,
        "1e13",
        float("nan"),
        float("inf"),
        "NaN",
        "Infinity",
        "1e999",
        True,
        "12,50",
        "1_000",
        " 1",
        "٣",
        "1" * 50,
        [],
        {},
        "0x10",
        ".",
        "EUR 5",
    ],
)
def test_what_is_no_amount_is_a_reason(amount: object) -> None:
    reasons: list[Reason] = []
    assert money(amount, "EUR", "price", reasons) is None
    assert [reason.field for reason in reasons] == ["price"]


@pytest.mark.parametrize(
    "currency", [None, "", "EURO", "EU", "XXX", "XAU", "ZZZ", "€", 978, ["EUR"], "EUR ", "EURX"]
)
def test_an_amount_needs_a_currency_that_has_minor_digits(currency: object) -> None:
    reasons: list[Reason] = []
    assert money(5, currency, "price", reasons) is None
    assert [reason.field for reason in reasons] == ["currency"]


def test_both_the_amount_and_its_currency_are_told() -> None:
    reasons: list[Reason] = []
    assert money(-5, "ZZZ", "price", reasons) is None
    assert [(r.field, r.value) for r in reasons] == [("currency", "ZZZ"), ("price", "-5")]


@pytest.mark.parametrize("absent", [None, ""])
def test_an_absent_amount_needs_no_currency(absent: object) -> None:
    reasons: list[Reason] = []
    assert money(absent, "nonsense", "price", reasons) is None
    assert reasons == []


def test_currencies_are_written_in_capitals() -> None:
    assert money(1, "eur", "price", []) == Money(100, "EUR")


@given(
    st.floats(min_value=0, max_value=GREATEST) | st.integers(0, 10**14).map(lambda cents: cents / 100),
    st.sampled_from([0, 2, 3, 4]),
)
@settings(deadline=None)
def test_a_float_is_the_decimal_it_is_written_as(amount: float, digits: int) -> None:
    exact = Decimal(repr(amount)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
    assert minor_units(amount, digits) == int(exact.scaleb(digits))


@given(st.decimals(min_value=0, max_value=GREATEST, places=6))
@settings(deadline=None)
def test_a_text_and_a_number_of_the_same_digits_are_the_same_amount(amount: Decimal) -> None:
    assert minor_units(str(amount), 2) == int(amount.quantize(Decimal("0.01"), ROUND_HALF_EVEN) * 100)


def test_the_table_of_currencies_knows_their_digits() -> None:
    assert {code: DIGITS[code] for code in ("EUR", "JPY", "KWD", "CLF")} == {
        "EUR": 2,
        "JPY": 0,
        "KWD": 3,
        "CLF": 4,
    }


@pytest.mark.parametrize(
    ("value", "number"), [(3, 3), (3.0, 3), ("3", 3), ("3.0", 3), ("+3", 3), (0, 0), (None, None), ("", None)]
)
def test_whole_numbers(value: object, number: int | None) -> None:
    reasons: list[Reason] = []
    assert whole(value, 0, 90, "quantity", reasons) == number
    assert reasons == []


@pytest.mark.parametrize(
    "value", [-1, 91, 1.5, float("nan"), float("inf"), True, "two", "1e1", "1.5", [], "9" * 30]
)
def test_what_is_no_whole_number_within_bounds_is_a_reason(value: object) -> None:
    reasons: list[Reason] = []
    assert whole(value, 0, 90, "quantity", reasons) is None
    assert [reason.field for reason in reasons] == ["quantity"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [("a", "a"), (" a ", " a "), ("", None), ("  ", None), (None, None), (7, "7"), (7.0, "7"), (7.5, "7.5"),
     (1e300, "1e+300")],
)  # fmt: skip
def test_texts_are_kept_as_sent(value: object, kept: str | None) -> None:
    reasons: list[Reason] = []
    assert text(value, "id", reasons) == kept
    assert key(value, "id", reasons) == kept
    assert reasons == []


@pytest.mark.parametrize("value", [True, [], {}, ["a"]])
def test_what_is_no_text_is_a_reason(value: object) -> None:
    reasons: list[Reason] = []
    assert text(value, "id", reasons) is None
    assert key(value, "id", reasons) is None
    assert [reason.field for reason in reasons] == ["id", "id"]


def test_ids_that_become_keys_have_a_longest() -> None:
    reasons: list[Reason] = []
    assert key("x" * 1000, "user_id", reasons) == "x" * 1000
    assert key("x" * 1001, "user_id", reasons) is None
    assert [reason.value for reason in reasons] == ["text of 1001 characters"]
