"""Countries by any name, phone numbers in any notation."""

from __future__ import annotations

import pytest

from crmctl.model import countries
from crmctl.model import iso
from crmctl.model import phones


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DE", "DE"),
        ("de", "DE"),
        ("DEU", "DE"),
        ("Germany", "DE"),
        ("  united  KINGDOM ", "GB"),
        ("uk", "GB"),
        ("U.S.A.", "US"),
        ("Türkiye", "TR"),
        ("Turkiye", "TR"),
        ("Côte", ""),
        ("Ivory Coast", "CI"),
        ("Iran, Islamic Republic of", "IR"),
        ("Curacao", "CW"),
        ("Deutschland", ""),
        ("", ""),
    ],
)
def test_countries_by_code_or_name(text: str, code: str) -> None:
    assert countries.code_of(text) == code


def test_every_country_is_found_by_its_codes_and_its_name() -> None:
    for code, (code3, name) in iso.COUNTRIES.items():
        assert {countries.code_of(text) for text in (code, code3, name)} == {code}
        assert countries.name_of(code) == name


def test_the_lists_are_whole() -> None:
    assert len(iso.COUNTRIES) == 249
    assert len({code3 for code3, _ in iso.COUNTRIES.values()}) == 249
    assert all(len(code) == 2 and len(code3) == 3 for code, (code3, _) in iso.COUNTRIES.items())
    assert {len(code) for code in iso.LANGUAGES} == {2}
    assert set(iso.COUNTRY_SYNONYMS.values()) <= iso.COUNTRIES.keys()


def test_a_code_that_is_nobodys_stands_for_itself() -> None:
    assert countries.name_of("ZZ") == "ZZ"


@pytest.mark.parametrize(
    ("text", "region", "digits"),
    [
        ("+49 30 901820", "", "4930901820"),
        ("030 / 90 18 20", "DE", "4930901820"),
        ("0049 30 901820", "DE", "4930901820"),
        ("+1 (780) 428-9482", "DE", "17804289482"),
        ("030 901820", "", ""),
        ("call me", "DE", ""),
    ],
)
def test_phone_numbers_as_digits(text: str, region: str, digits: str) -> None:
    assert phones.digits(text, region) == digits


def test_good_phone_numbers_pass() -> None:
    phones.check("+44 20 7946 0958", "")
    phones.check("020 7946 0958", "GB")


@pytest.mark.parametrize(
    ("text", "region", "message"),
    [
        ("020 7946 0958", "", "has no country code"),
        ("call me", "GB", "is not a phone number"),
        ("+1 555 12", "", "is not a possible phone number"),
    ],
)
def test_what_no_phone_could_be_called_by_is_refused(text: str, region: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        phones.check(text, region)
