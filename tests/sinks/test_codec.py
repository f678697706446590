"""Values, metadata and the fence as text."""

import json
import math
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.event import Money
from features.row import MeanMoney
from sinks.codec import (
    Fence,
    Stored,
    decode,
    fence,
    fence_of,
    fields_of,
    meta_of,
    money_of,
    pointed_to,
    text_of,
)
from sinks.text import PARSERS
from tests.sinks.rows import HOUR, LIFE, NOW, row, session

DIGITS = {"EUR": 2, "JPY": 0, "BHD": 3, "CLF": 4}
currencies = st.sampled_from(sorted(DIGITS))
amounts = st.integers(-(10**18), 10**18)
instants = st.integers(0, 10**14 - 1)
fences = st.tuples(instants, st.integers(0, 10**12 - 1), instants)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-3, "-3"),
        (True, "1"),
        (False, "0"),
        ("Home/Garden", "Home/Garden"),
        ("größe €", "größe €"),
        ("broken \ud800", "broken ?"),
        (["b", "a \"'é"], '["b","a \\"\'é"]'),
        (0.5, "0.5"),
        (1.0, "1.0"),
        (1 / 3, "0.3333333333333333"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (Money(2600, "EUR"), "26.00"),
        (Money(5, "EUR"), "0.05"),
        (Money(-5, "EUR"), "-0.05"),
        (Money(1500, "JPY"), "1500"),
        (Money(1500, "BHD"), "1.500"),
        (MeanMoney(5200, 2, "EUR"), "26.0000"),
        (MeanMoney(100, 3, "EUR"), "0.3333"),
        (MeanMoney(200, 3, "EUR"), "0.6667"),
        (MeanMoney(1, 3, "JPY"), "0.3333"),
        (MeanMoney(1, 160, "EUR"), "0.0001"),
        (MeanMoney(1, 200, "EUR"), "0.0000"),
        (MeanMoney(3, 200, "EUR"), "0.0002"),
    ],
)
def test_a_value_is_written_so(value, text):
    assert text_of(value) == text


@given(amounts, currencies)
def test_money_reads_back(minor, currency):
    text = text_of(Money(minor, currency))
    assert money_of(text, currency) == Money(minor, currency)
    assert Decimal(text) == Decimal(minor).scaleb(-DIGITS[currency])
    assert len(text.partition(".")[2]) == DIGITS[currency]


@given(amounts, st.integers(1, 10**6), currencies)
def test_a_mean_is_the_exact_quotient_rounded_half_even_once(minor, count, currency):
    with localcontext(prec=80):
        exact = Decimal(minor) / (count * 10 ** DIGITS[currency])
        expected = exact.quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
    assert Decimal(text_of(MeanMoney(minor, count, currency))) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_back_and_has_no_exponent(number):
    text = text_of(number)
    assert "e" not in text.lower()
    assert float(text) == number
    assert math.copysign(1, float(text)) == math.copysign(1, number)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_a_list_reads_back_and_is_compact(values):
    assert PARSERS["list"](text_of(values)) == values
    assert json.loads(text_of(values)) == values
    assert '", "' not in text_of(["a", "b"])


@given(fences, fences)
def test_fences_compare_bytewise_as_their_numbers_do(left, right):
    a, b = fence(*left), fence(*right)
    assert len(a) == len(b)
    assert (a.encode() < b.encode()) == (left < right)
    assert fence_of(a) == Fence(*left)


@pytest.mark.parametrize("parts", [(-1, 0, 0), (0, -1, 0), (0, 10**12, 0), (10**14, 0, 0), (0, 0, 10**17)])
def test_a_fence_that_would_not_compare_is_not_made(parts):
    with pytest.raises(ValueError, match="epoch milliseconds"):
        fence(*parts)


def test_a_row_becomes_a_hash_and_reads_back():
    made = row(
        {"cart_add_count": 2, "cart_value": Money(2600, "EUR"), "promo_click_rate": 0.5}, seen=7, capped=True
    )
    hashed = meta_of(made, LIFE) | fields_of(made)
    assert hashed == {
        "_v": f"0{LIFE}.000000000007.0{NOW}",
        "_at": str(NOW),
        "_next": str(NOW + 10_000),
        "_until": str(NOW + HOUR),
        "_seen": "7",
        "_capped": "1",
        "cart_add_count": "2",
        "cart_value": "26.00",
        "promo_click_rate": "0.5",
    }
    features = {"cart_add_count": "2", "cart_value": "26.00", "promo_click_rate": "0.5"}
    assert decode(hashed) == Stored(features, NOW, NOW + 10_000, NOW + HOUR, 7, LIFE, True)


def test_a_session_row_says_whose_it_is():
    meta = meta_of(session(owner="bob", start=17), LIFE)
    assert (meta["_owner"], meta["_start"]) == ("bob", "17")


def test_a_tombstone_reads_as_missing():
    gone = session()
    gone.values = None
    assert meta_of(gone, LIFE)["_gone"] == "1"
    assert fields_of(gone) == {}
    assert decode(meta_of(gone, LIFE)) is None


def test_a_row_that_points_is_no_row_and_says_where():
    points = meta_of(row({}, same_as="a:b"), LIFE)
    assert list(points) == ["_v", "_at", "_next", "_until", "_seen", "_same_as"]
    assert (decode(points), pointed_to(points)) == (None, "a:b")
    assert [pointed_to(fields) for fields in ({}, meta_of(row(), LIFE), {"_same_as": "ann"})] == [""] * 3


def test_a_session_that_moved_says_so():
    assert meta_of(session(moved=True), LIFE)["_moved"] == "1"
    assert "_moved" not in meta_of(session(), LIFE) | meta_of(row(moved=True), LIFE)


@pytest.mark.parametrize("fields", [{}, {"a": "1"}, {"_v": "x"}, {"_v": "1.2.3", "_at": "now"}])
def test_what_is_no_row_of_ours_reads_as_missing(fields):
    assert decode(fields) is None


def test_parsers_read_what_the_catalogue_types_say():
    assert PARSERS["money"]("26.00") == Decimal("26.00")
    assert PARSERS["bool"]("1") is True
    assert PARSERS["int"]("3") == 3
