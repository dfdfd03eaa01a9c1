"""What texts mean by the type of their field, and what is refused on writing."""

from __future__ import annotations

from datetime import UTC
from datetime import date
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from crmctl.model import values
from crmctl.model.fields import Field
from crmctl.model.values import Context
from crmctl.model.values import Normal

BERLIN = ZoneInfo("Europe/Berlin")
CONTEXT = Context("EUR", "DE", BERLIN)


def normal(type_name: str, text: str, context: Context = CONTEXT) -> Normal:
    return values.normal(Field("f", type_name), text, context)


def check(type_name: str, text: str, context: Context = CONTEXT) -> None:
    values.check(Field("f", type_name), text, context)


@pytest.mark.parametrize(
    ("type_name", "text", "value"),
    [
        ("text", " As it is ", " As it is "),
        ("note", "a\nb", "a\nb"),
        ("choice", "Won", "won"),
        ("ref", "ada", "ada"),
        ("id", "01arz3ndektsv4rrffq69g5fav", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("date", "2026-02-28", date(2026, 2, 28)),
        ("datetime", "2026-02-28T09:30:00+02:00", datetime(2026, 2, 28, 7, 30, tzinfo=UTC)),
        ("datetime", "2026-07-01T12:00:00", datetime(2026, 7, 1, 10, 0, tzinfo=UTC)),
        ("datetime", "2026-01-01 12:00Z", datetime(2026, 1, 1, 12, 0, tzinfo=UTC)),
        ("money", "120.00", Decimal(120)),
        ("currency", "eur", "EUR"),
        ("country", "de", "DE"),
        ("country", "Germany", "DE"),
        ("country", "ZZ", "ZZ"),
        ("language", "pt_br", "pt-BR"),
        ("language", "DE", "de"),
        ("timezone", "Europe/Berlin", "Europe/Berlin"),
        ("email", " Ada@Example.COM ", "ada@example.com"),
        ("phone", "+49 (0)30 901820", "4930901820"),
        ("phone", "030 901820", "4930901820"),
        ("url", "https://x.example", "https://x.example"),
        ("integer", "-12", -12),
        ("number", "2.125", Decimal("2.125")),
        ("percent", "25 %", 25),
        ("percent", "0", 0),
        ("boolean", "Yes", True),
        ("boolean", "off", False),
        ("days", "30", 30),
        ("days", "2w", 14),
        ("days", "3 Months", 90),
        ("days", "1 year", 365),
        ("filter", "tag:vip", "tag:vip"),
        ("template", "hello", "hello"),
    ],
)
def test_texts_mean_something(type_name: str, text: str, value: Normal) -> None:
    found = normal(type_name, text)
    assert found == value
    assert type(found) is type(value)


def test_phones_without_a_country_are_compared_by_their_digits() -> None:
    assert normal("phone", "(030) 90-18", Context()) == "0309018"
    assert normal("phone", "7", CONTEXT) == "7"


@pytest.mark.parametrize(
    ("type_name", "text", "message"),
    [
        ("date", "1.2.2026", "is not a date (write it as 2026-12-31)"),
        ("date", "2026-02-30", "is no day of the calendar"),
        ("date", "20260228", "is not a date"),
        ("datetime", "soon", "is not a time"),
        ("datetime", "0001-01-01T00:00:00Z", "is too far away"),
        ("datetime", "9999-12-31T00:00:00Z", "is too far away"),
        ("money", "1,50", "is not an amount"),
        ("currency", "€", "is not a currency"),
        ("country", "Atlantis", "is not a country"),
        ("country", "中国", "is not a country"),
        ("language", "german", "is not a language"),
        ("phone", "call me", "is not a phone number"),
        ("integer", "1.0", "is not a whole number"),
        ("integer", "٣", "is not a whole number"),
        ("number", "١.٥", "is not a number"),
        ("date", "٢٠٢٦-٠١-٠١", "is not a date"),
        ("money", "١٢", "is not an amount"),
        ("number", "1.2345", "is not a number"),
        ("number", "1e3", "is not a number"),
        ("percent", "101", "is not between 0 and 100"),
        ("percent", "-1", "is not between 0 and 100"),
        ("percent", "many", "is not a whole number"),
        ("boolean", "maybe", "is neither yes nor no"),
        ("days", "soon", "is not a span of days"),
        ("days", "2 decades", "is not a span of days"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_text(type_name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        normal(type_name, text)
    assert message in str(caught.value)
    assert repr(text.removesuffix("%").rstrip()) in str(caught.value)


@pytest.mark.parametrize(
    ("type_name", "text"),
    [
        ("text", "Zoë\u00a0O’Neill"),
        ("note", "two\nlines\tand a tab"),
        ("email", "zoë@example.com"),
        ("email", "ada+crm@example.test"),
        ("phone", "+44 20 7946 0958"),
        ("phone", "030 901820"),
        ("currency", "eur"),
        ("country", "Viet Nam"),
        ("language", "de-CH"),
        ("timezone", "America/Argentina/Buenos_Aires"),
        ("id", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("url", "example.com/a?b=c"),
        ("url", "HTTPS://example.com"),
        ("ref", "ada-lovelace"),
        ("choice", "anything"),
        ("filter", "a\nb"),
    ],
)
def test_good_values_pass(type_name: str, text: str) -> None:
    check(type_name, text)


@pytest.mark.parametrize(
    ("type_name", "text", "message"),
    [
        ("email", "ada@", "email is not an address: 'ada@'"),
        ("email", "ada@@example.com", "email is not an address"),
        ("phone", "+1 555 12", "is not a possible phone number"),
        ("currency", "EUX", "is not a currency of ISO 4217"),
        ("country", "ZZ", "is not a country of ISO 3166"),
        ("language", "qq", "is not a language of ISO 639"),
        ("timezone", "Mars/Olympus", "is not a time zone"),
        ("id", "x1", "is not a ULID"),
        ("url", "not a page", "is not a web address"),
        ("url", "nodots", "is not a web address"),
        ("ref", "Ada", "is not a handle"),
        ("ref", "../../x", "is not a handle"),
        ("text", "a\nb", "there is a line break at position 2"),
        ("text", "a\x1b[31m", "there is a control character (U+001B) at position 2"),
        ("text", "\u202eabc", "there is a character that nobody sees (U+202E) at position 1"),
        ("text", "a\u2028b", "there is a character that nobody sees (U+2028) at position 2"),
        ("text", "a\u200cb", "there is a character that nobody sees (U+200C) at position 2"),
        ("text", "\u0645\u200c", "there is a character that nobody sees (U+200C) at position 2"),
        ("note", "\U000e0041", "there is a character that nobody sees (U+E0041) at position 1"),
        ("note", "x\ud800", "there is a character that nobody sees (U+D800) at position 2"),
        ("note", "a\x00b", "there is a control character (U+0000) at position 2"),
        ("note", "a\rb", "there is a control character (U+000D) at position 2"),
        ("date", "2026-02-30", "is no day of the calendar"),
    ],
)
def test_bad_values_are_refused(type_name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        check(type_name, text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "علی\u200cرضا",  # A Persian name has a joiner inside.
        "👨\u200d👩\u200d👧",
        "\U0001fae8",  # Of Unicode 15: Python 3.11 does not know it.
        "\U000323af",
        "a\u00a0b",
        "\ue000",
    ],
)
def test_what_people_write_is_taken_whatever_unicode_this_python_knows(text: str) -> None:
    check("text", text)
    check("note", text)


def test_a_choice_is_one_of_its_words_in_any_case() -> None:
    field = Field("stage", "choice", choices=("lead", "won"))
    values.check(field, "WON", CONTEXT)
    with pytest.raises(ValueError, match="'win' is not one of lead, won"):
        values.check(field, "win", CONTEXT)


def test_texts_are_sorted_without_case_and_accents_and_addresses_with_accents() -> None:
    assert values.sort_key(Field("f"), " Éclair ") == "eclair"
    assert values.sort_key(Field("f", "email"), " É@Example.com") == "é@example.com"
