from __future__ import annotations

from datetime import UTC
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmctl.model.fields import Field
from crmctl.model.values import Context
from crmctl.render.rows import inert
from crmctl.services.importing.cells import CellReader
from crmctl.services.importing.cells import Refused
from crmctl.services.importing.cells import same
from crmctl.services.importing.cells import typed
from crmctl.services.importing.cells import unmark

CONTEXT = Context("EUR", "DE", ZoneInfo("Europe/Berlin"))
NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


def read(field: Field, text: str, *, order: str = "", currency: str = "") -> object:
    return CellReader(field.name, field, CONTEXT, NOW, order)(text, currency)


DAY = Field("birthday", "date")
MOMENT = Field("at", "datetime")
AMOUNT = Field("amount", "money", currency="currency")
TAGS = Field("tags", shape="list")


@given(st.text())
def test_a_mark_that_export_made_is_taken_away_again(text: str) -> None:
    assert unmark(inert(text)) == text


@pytest.mark.parametrize("text", ["'Tis", "'", "", "O'Brien", "-12.50"])
def test_other_quotes_stay(text: str) -> None:
    assert unmark(text) == text


def test_a_cell_is_read_without_white_space_and_marks() -> None:
    assert typed(" '=1+1 ") == "=1+1"
    assert typed("a\r\nb\rc") == "a\nb\nc"


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("1997-12-11", "", "1997-12-11"),
        ("19971211", "", "1997-12-11"),
        ("11.12.1997", "", "1997-12-11"),
        ("11.12.1997", "mdy", "1997-12-11"),
        ("11/12/1997", "dmy", "1997-12-11"),
        ("11/12/1997", "mdy", "1997-11-12"),
        ("1-2-1997", "mdy", "1997-01-02"),
        ("2002-08-14T00:00:00Z", "", "2002-08-14"),
        ("2002-08-14 00:00", "", "2002-08-14"),
    ],
)
def test_days(text: str, order: str, day: str) -> None:
    assert read(DAY, text, order=order) == day


@pytest.mark.parametrize(
    ("text", "order", "words"),
    [
        ("11/12/1997", "", "1997-11-12 for 12 November or 1997-12-11 for 11 December"),
        ("12/31/1997", "", "Write 1997-12-31 for 31 December"),
        ("31/12/1997", "mdy", "no month 31"),
        ("1/2/97", "dmy", "two digits"),
        ("today", "", "not a date"),
        ("fri", "", "not a date"),
        ("2002-08-14T10:00:00Z", "", "not a date"),
        ("45123", "", "spreadsheet's day number"),
    ],
)
def test_days_that_are_none_or_two_are_refused(text: str, order: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        read(DAY, text, order=order)
    assert str(caught.value).startswith("birthday: ")


@pytest.mark.parametrize(
    ("text", "order", "moment"),
    [
        ("1997-01-12", "", "1997-01-12T00:00:00+01:00"),
        ("1997-07-12 14:30", "", "1997-07-12T14:30:00+02:00"),
        ("1997-07-12T14:30:05-05:00", "", "1997-07-12T14:30:05-05:00"),
        ("7/12/1997 14:30", "mdy", "1997-07-12T14:30:00+02:00"),
        ("12.7.1997 14:30", "", "1997-07-12T14:30:00+02:00"),
    ],
)
def test_moments_are_in_the_zone_of_the_book(text: str, order: str, moment: str) -> None:
    assert read(MOMENT, text, order=order) == moment


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("11.77", "", "11.77"),
        ("12", "", "12.00"),
        ("1.234,50", "", "1234.50"),
        ("1,234.50", "USD", "1234.50"),
        ("1200", "JPY", "1200"),
        ("1.234", "KWD", "1.234"),
    ],
)
def test_amounts(text: str, currency: str, amount: str) -> None:
    assert read(AMOUNT, text, currency=currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "words"),
    [("1.234", "", "can be 1234 or 1.234"), ("12.345,678", "", "more decimals"), ("$5", "", "not an amount")],
)
def test_amounts_that_are_none_or_two_are_refused(text: str, currency: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        read(AMOUNT, text, currency=currency)


def test_the_currency_is_part_of_what_is_remembered() -> None:
    reader = CellReader("amount", AMOUNT, CONTEXT, NOW)
    assert (reader("12", "EUR"), reader("12", "JPY"), reader("12", "EUR")) == ("12.00", "12", "12.00")


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("vip; cold", ["vip", "cold"]),
        ("vip,cold,vip", ["vip", "cold"]),
        ('["a, b", "c"]', ["a, b", "c"]),
        ("[draft", ["[draft"]),
        ("[1]", ["[1]"]),
    ],
)
def test_several_values_in_one_cell(text: str, items: list[str]) -> None:
    assert read(TAGS, text) == items


def test_values_with_parts_are_json() -> None:
    lines = Field("lines", "group", shape="list")
    assert read(lines, '[{"quantity": 1.50, "gift": true, "text": null}]') == [
        {"quantity": "1.50", "gift": "true", "text": ""}
    ]
    with pytest.raises(Refused, match="lines: it has parts of its own"):
        read(lines, "two apples")


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        (Field("type", "choice", choices=("person", "organization")), "persn", "Did you mean person"),
        (Field("email", "email"), "ada@", "email is not an address"),
        (Field("name"), "two\nlines", "line break"),
    ],
)
def test_the_checks_of_the_types_hold(field: Field, text: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        read(field, text)


@pytest.mark.parametrize(
    ("field", "old", "new", "equal"),
    [
        (Field("email", "email"), "Ada@Example.com", "ada@example.com", True),
        (Field("phone", "phone"), "030 1234567", "+49 30 1234567", True),
        (Field("country", "country"), "Germany", "DE", True),
        (AMOUNT, "12", "12.00", True),
        (MOMENT, "2026-01-01T12:00:00+01:00", "2026-01-01T11:00:00+00:00", True),
        (Field("notes", "note"), "text\n", "text", True),
        (Field("name"), "ada", "Ada", False),
        (DAY, "someday", "2026-01-01", False),
        (TAGS, ["a"], "a", False),
    ],
)
def test_values_that_mean_the_same_are_the_same(field: Field, old: object, new: object, equal: bool) -> None:
    assert same(field, old, new, CONTEXT) is equal  # type: ignore[arg-type]
