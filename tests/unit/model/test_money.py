"""Amounts: exact, in whole minor units, and never guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crmctl.model import iso
from crmctl.model import money


@pytest.mark.parametrize(
    ("text", "amount"),
    [("120.00", "120.00"), ("0", "0"), ("-3.5", "-3.5"), ("+7", "7"), ("9999999999999.99", "9999999999999.99")],
)
def test_amounts_in_files_are_plain_numbers(text: str, amount: str) -> None:
    assert money.parse_amount(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "1,5", "1 000", "1e5", "NaN", "Infinity", ".5", "5.", "12 EUR", "0x10", "--1"])
def test_anything_else_in_a_file_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        money.parse_amount(text)


def test_amounts_have_an_end() -> None:
    with pytest.raises(ValueError, match="too large"):
        money.parse_amount("-10000000000000")


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("1234.5", "1234.5"),
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1 234", "1234"),
        ("1'234'567,8", "1234567.8"),
        ("1\u202f234,5", "1234.5"),
        ("12,50", "12.50"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("0.125", "0.125"),
        ("-1,234,567.89", "-1234567.89"),
        (" 7 ", "7"),
    ],
)
def test_people_write_amounts_in_many_ways(typed: str, amount: str) -> None:
    assert money.read_amount(typed) == Decimal(amount)


@pytest.mark.parametrize(
    ("typed", "readings"),
    [
        ("1.234", "'1.234' can be 1234 or 1.234"),
        ("-12,345", "'-12,345' can be -12345 or -12.345"),
    ],
)
def test_an_amount_with_two_readings_is_refused_with_both(typed: str, readings: str) -> None:
    with pytest.raises(ValueError, match=readings):
        money.read_amount(typed)


@pytest.mark.parametrize("typed", ["1,23,4", "1.2.3", "abc", "12€", ""])
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        money.read_amount(typed)


@pytest.mark.parametrize(
    ("amount", "currency", "units", "text"),
    [
        ("1.5", "EUR", 150, "1.50"),
        ("-0.05", "EUR", -5, "-0.05"),
        ("120", "JPY", 120, "120"),
        ("1.234", "TND", 1234, "1.234"),
        ("1.2345", "CLF", 12345, "1.2345"),
        ("0", "EUR", 0, "0.00"),
    ],
)
def test_minor_units_there_and_back(amount: str, currency: str, units: int, text: str) -> None:
    assert money.to_minor(Decimal(amount), currency) == units
    assert money.minor_units(amount, currency) == units
    assert money.from_minor(units, currency) == text


@pytest.mark.parametrize(
    ("text", "currency"), [("12.", "JPY"), (".50", "EUR"), ("1.5٣", "EUR"), ("", "JPY"), ("1.5", "JPY")]
)
def test_what_is_no_amount_has_no_minor_units(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"is not an amount|more decimals"):
        money.minor_units(text, currency)


def test_more_decimals_than_the_currency_has_are_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.5 has more decimals than JPY has \(0\)"):
        money.to_minor(Decimal("0.5"), "JPY")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1.5", "EUR", "1.50"),
        ("1.500", "EUR", "1.50"),
        ("7", "JPY", "7"),
        ("7.0", "JPY", "7"),
        ("1.005", "EUR", "1.005"),
    ],
)
def test_amounts_are_written_with_the_decimals_of_their_currency(amount: str, currency: str, text: str) -> None:
    assert money.amount_text(Decimal(amount), currency) == text


def test_only_currencies_of_the_list_have_an_exponent_of_their_own() -> None:
    assert money.exponents().keys() <= iso.CURRENCIES
    assert {money.exponent(code) for code in iso.CURRENCIES} == {0, 2, 3, 4}
    changed = money.exponents()
    changed["EUR"] = 9
    assert money.exponent("EUR") == 2
