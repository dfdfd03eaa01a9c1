"""Money, days, names and lists in the customer's language."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crmctl.model import iso
from crmctl.render import filters
from crmctl.render import languages
from crmctl.render.filters import Setting
from crmctl.render.lacking import Lacking

SPACES = str.maketrans("\u00a0\u202f", "  ")
ADA: dict[str, Any] = {"name": "Ada Lovelace", "first_name": "Ada", "last_name": "Lovelace"}


@pytest.mark.parametrize(
    ("tag", "amount", "currency", "expected"),
    [
        ("en", "1234.50", "EUR", "€1,234.50"),
        ("en", "-1234.50", "EUR", "-€1,234.50"),
        ("en", 7, "GBP", "£7.00"),
        ("en", "0.005", "EUR", "€0.005"),
        ("en", "1234567.8", "CHF", "CHF 1,234,567.80"),
        ("en-US", "5", "USD", "$5.00"),
        ("en-CA", "5", "USD", "US$5.00"),
        ("en-CA", "5", "CAD", "$5.00"),
        ("en", "5", "CAD", "CAD 5.00"),
        ("de", "1234567.8", "EUR", "1.234.567,80 €"),
        ("de-AT", "1234.50", "EUR", "€ 1 234,50"),
        ("de_CH", "1234.50", "CHF", "CHF 1’234.50"),
        ("fr", "1234.50", "EUR", "1 234,50 €"),
        ("es", "1234.50", "EUR", "1234,50 €"),
        ("es", "12345.50", "EUR", "12.345,50 €"),
        ("it", "1234.50", "EUR", "1.234,50 €"),
        ("nl", "1234.50", "EUR", "€ 1.234,50"),
        ("pt", "1234.50", "BRL", "R$ 1.234,50"),
        ("pt-PT", "12345.50", "EUR", "12 345,50 €"),
        ("pl", "12345.50", "PLN", "12 345,50 zł"),
        ("sv", "1234.50", "SEK", "1 234,50 kr"),
        ("da", "1234.50", "DKK", "1.234,50 kr."),
        ("no", "1234.50", "NOK", "1 234,50 kr"),
        ("fi", "1234.50", "EUR", "1 234,50 €"),
        ("cs", "1234.50", "CZK", "1 234,50 Kč"),
        ("hu", "1234", "HUF", "1 234,00 Ft"),
        ("de", "1234", "JPY", "1.234 ¥"),
        ("de", "1.5", "KWD", "1,500 KWD"),
        ("xx", "1234.5", "EUR", "EUR 1234.50"),
    ],
)
def test_money(tag: str, amount: object, currency: str, expected: str) -> None:
    assert filters.money(Setting(tag), amount, currency).translate(SPACES) == expected


def test_money_takes_the_currency_of_the_book_and_knows_its_country() -> None:
    assert filters.money(Setting("en", "GBP"), "5") == "£5.00"
    assert filters.money(Setting("en", "USD", country="CA"), "5") == "US$5.00"
    assert filters.money(Setting("en", "GBP"), "5", "eur", language="de") == "5,00\u00a0€"
    with pytest.raises(ValueError, match="needs a currency"):
        filters.money(Setting("en"), "5")


@pytest.mark.parametrize("amount", ["", "1,5", "five", None, True, 1.5, ["5"], "1e400"])
def test_money_refuses_what_is_no_amount(amount: object) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        filters.money(Setting("en"), amount, "EUR")


def test_numbers_keep_their_decimals() -> None:
    assert filters.number(Setting("de"), "1234567.125") == "1.234.567,125"
    assert filters.number(Setting("en"), Decimal("-1500")) == "-1,500"
    assert filters.number(Setting("en"), 3, language="de") == "3"


@pytest.mark.parametrize(
    ("tag", "long", "medium", "short", "day"),
    [
        ("en", "1 March 2026", "1 Mar 2026", "1 Mar 2026", "1 March"),
        ("en-GB", "1 March 2026", "1 Mar 2026", "01/03/2026", "1 March"),
        ("en-US", "March 1, 2026", "Mar 1, 2026", "3/1/2026", "March 1"),
        ("de", "1. März 2026", "1. März 2026", "01.03.2026", "1. März"),
        ("fr", "1er mars 2026", "1er mars 2026", "01/03/2026", "1er mars"),
        ("es", "1 de marzo de 2026", "1 mar. 2026", "01/03/2026", "1 de marzo"),
        ("it", "1 marzo 2026", "1 mar 2026", "01/03/2026", "1 marzo"),
        ("nl", "1 maart 2026", "1 mrt. 2026", "01-03-2026", "1 maart"),
        ("pt", "1 de março de 2026", "1 mar. 2026", "01/03/2026", "1 de março"),
        ("pl", "1 marca 2026", "1 mar 2026", "01.03.2026", "1 marca"),
        ("sv", "1 mars 2026", "1 mars 2026", "2026-03-01", "1 mars"),
        ("da", "1. marts 2026", "1. mar. 2026", "01.03.2026", "1. marts"),
        ("nb", "1. mars 2026", "1. mars 2026", "01.03.2026", "1. mars"),
        ("fi", "1. maaliskuuta 2026", "1. maalisk. 2026", "1.3.2026", "1. maaliskuuta"),
        ("cs", "1. března 2026", "1. bře 2026", "01.03.2026", "1. března"),
        ("hu", "2026. március 1.", "2026. márc. 1.", "2026. 03. 01.", "március 1."),
        ("xx", "2026-03-01", "2026-03-01", "2026-03-01", "03-01"),
    ],
)
def test_dates(tag: str, long: str, medium: str, short: str, day: str) -> None:
    setting = Setting(tag)
    written = [filters.date(setting, "2026-03-01", style) for style in filters.STYLES]
    assert written == [long, medium, short, day]


def test_a_date_in_a_time_is_the_day_as_written() -> None:
    assert filters.date(Setting("en"), "2012-01-11T23:30:00-07:00") == "11 January 2012"
    assert filters.date(Setting("en"), "2012-01-11", language="de") == "11. Januar 2012"


@pytest.mark.parametrize("day", ["", "2026", "2026-02-30", "tomorrow, maybe", None, 20260301])
def test_what_is_no_date_is_refused(day: object) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        filters.date(Setting("en"), day)


def test_there_are_no_other_styles() -> None:
    with pytest.raises(ValueError, match="long, medium, short, day"):
        filters.date(Setting("en"), "2026-03-01", "full")


@pytest.mark.parametrize("tag", languages.names())
def test_every_language_is_complete(tag: str) -> None:
    forms = languages.language(tag)
    assert len(set(forms.months)) == 12
    assert len(forms.short_months) == 12
    assert {forms.money.count("#"), forms.money.count("$"), forms.code.count("#")} == {1}
    assert tag[:2] in iso.LANGUAGES
    assert all((forms.decimal, forms.conjunction, forms.neutral, forms.formal, forms.man, forms.woman))
    for pattern in (forms.formal, forms.friendly, forms.man, forms.woman):
        assert pattern.format(name="A B", first="A", last="B") or pattern == ""


@pytest.mark.parametrize(
    ("day", "today", "years", "days"),
    [
        ("2000-11-02", "2026-11-02", 26, 9496),
        ("2000-11-03", "2026-11-02", 25, 9495),
        ("2000-02-29", "2025-02-28", 24, 9131),
        ("2000-02-29", "2025-03-01", 25, 9132),
        ("2026-11-05", "2026-11-02", -1, -3),
    ],
)
def test_years_and_days_since(day: str, today: str, years: int, days: int) -> None:
    setting = Setting("en", today=today)
    assert filters.years_since(setting, day) == years
    assert filters.days_since(setting, day) == days


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        (ADA, "Ada"),
        ({"name": "Karl Heinz Meyer"}, "Karl"),
        ({"name": "Dr. Ada Lovelace"}, "Ada"),
        ({"name": "Lovelace, Ada"}, "Ada"),
        ({"name": "Meyer,"}, "Meyer"),
        ({"name": "Kovács János", "language": "hu"}, "János"),
        ({"name": "Kovács, János", "language": "hu"}, "János"),
        ({"name": "Cher"}, "Cher"),
        ("Grace Hopper", "Grace"),
    ],
)
def test_first_name(customer: object, expected: str) -> None:
    assert filters.first_name(Setting("en"), customer) == expected


def test_no_first_name() -> None:
    with pytest.raises(Lacking):
        filters.first_name(Setting("en"), {"email": "x"})
    with pytest.raises(ValueError, match="organisation"):
        filters.first_name(Setting("en"), {"name": "Acme", "type": "organization"})
    with pytest.raises(ValueError, match=r"no name in 'Dr\.'"):
        filters.first_name(Setting("en"), {"name": "Dr."})


@pytest.mark.parametrize(
    ("tag", "salutation", "formal"),
    [
        ("en", "Ms", "Dear Ms Lovelace"),
        ("en-US", "Mr.", "Dear Mr. Lovelace"),
        ("de", "Frau", "Sehr geehrte Frau Lovelace"),
        ("de", "Herr", "Sehr geehrter Herr Lovelace"),
        ("fr", "Mme", "Madame Lovelace"),
        ("hu", "Mr", "Tisztelt Lovelace Úr"),
        ("fr", "Chère Ada", "Chère Ada"),
        ("de", "", "Guten Tag Ada Lovelace"),
        ("fr", "", "Bonjour Ada Lovelace"),
        ("pl", "", "Dzień dobry"),
        ("xx", "", "Ada Lovelace"),
    ],
)
def test_greeting(tag: str, salutation: str, formal: str) -> None:
    assert filters.greeting(Setting(tag), {**ADA, "salutation": salutation}) == formal


def test_a_friendly_greeting_uses_the_first_name_where_the_language_lets_it() -> None:
    assert filters.greeting(Setting("de"), ADA, "friendly") == "Hallo Ada"
    assert filters.greeting(Setting("cs"), ADA, "friendly") == "Dobrý den"
    assert filters.greeting(Setting("en"), ADA, style="friendly", language="fr") == "Bonjour Ada"
    assert filters.greeting(Setting("en"), {**ADA, "salutation": "Dear Countess"}, "friendly") == "Dear Countess"


def test_an_organisation_is_greeted_without_a_name() -> None:
    for style in ("formal", "friendly"):
        assert filters.greeting(Setting("de"), {"name": "Acme AG", "type": "organization"}, style) == "Guten Tag"
    assert filters.greeting(Setting("de"), {}) == "Guten Tag"


def test_a_title_alone_takes_the_last_word_of_the_name() -> None:
    assert filters.greeting(Setting("en"), {"name": "Ada Lovelace", "salutation": "Ms"}) == "Dear Ms Lovelace"


def test_greeting_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="is for a customer"):
        filters.greeting(Setting("en"), "Ada")
    with pytest.raises(ValueError, match="formal and friendly"):
        filters.greeting(Setting("en"), ADA, "rude")


@pytest.mark.parametrize(
    ("tag", "items", "expected"),
    [
        ("en", [], ""),
        ("en", ["a"], "a"),
        ("en", ["a", "b"], "a and b"),
        ("de", ["a", "b", 3], "a, b und 3"),
        ("es", ["té", "infusión"], "té e infusión"),
        ("es", ["té", "hielo"], "té y hielo"),
        ("xx", ["a", "b"], "a, b"),
    ],
)
def test_listed(tag: str, items: list[object], expected: str) -> None:
    assert filters.listed(Setting(tag), items) == expected


@pytest.mark.parametrize("items", ["abc", {"a": 1}, 5])
def test_listed_is_for_lists(items: object) -> None:
    with pytest.raises(ValueError, match="is for a list"):
        filters.listed(Setting("en"), items)


def test_oneline() -> None:
    assert filters.oneline(Setting(), " 12 High St,\n\n Vienna \n") == "12 High St, Vienna"


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({"postal_code": "1010", "city": "Vienna", "country": "AT", "region": "W"}, "1010 Vienna|AUSTRIA"),
        ({"postal_code": "89501", "city": "Reno", "country": "US", "region": "NV"}, "Reno, NV 89501|UNITED STATES"),
        ({"postal_code": "T2P 1J9", "city": "Calgary", "country": "CA", "region": "AB"}, "Calgary AB T2P 1J9"),
        ({"postal_code": "SW1A 2AA", "city": "London", "country": "gb"}, "London|SW1A 2AA|UNITED KINGDOM"),
        ({"postal_code": "00184", "city": "Roma", "country": "IT", "region": "RM"}, "00184 Roma RM|ITALY"),
        ({"city": "Reno"}, "Reno"),
        ({"postal_code": "1", "city": "Town"}, "Town 1"),
        ({"city": "Town", "country": "ZZ"}, "Town|ZZ"),
    ],
)
def test_address(fields: dict[str, str], lines: str) -> None:
    written = filters.address(Setting(country="CA"), {"street": "1 Lane\nFlat 2", **fields})
    assert written.split("\n") == ["1 Lane", "Flat 2", *lines.split("|")]


def test_an_address_needs_a_street_and_a_city() -> None:
    with pytest.raises(Lacking) as caught:
        filters.address(Setting(), {"postal_code": "1"})
    assert caught.value.names == ("street", "city")
    with pytest.raises(ValueError, match="is for an address"):
        filters.address(Setting(), "1 Lane")
