"""Addresses by their keyed hashes."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmctl.mail.keyed import canonical
from crmctl.mail.keyed import key_id
from crmctl.mail.keyed import keyed

KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        (" ada@example.com\n", "ada@example.com"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@BÜCHER.example", "info@xn--bcher-kva.example"),
        ("info@faß.de", "info@xn--fa-hia.de"),
        ("a.da+news@gmail.com", "ada@googlemail.com"),
        ("jos\u00e9@example.com", "jose\u0301@example.com"),
        ("J\u00d6RG@example.com", "jo\u0308rg@example.com"),
        ("\u212bsa@example.com", "a\u030asa@example.com"),
        ("+49 (30) 123-456", "+4930123456"),
        ("Main  Street 1,\nBerlin", "main street 1, berlin"),
    ],
)
def test_two_writings_of_one_address_are_one(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)
    assert keyed(KEY, one) == keyed(KEY, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ada+news@example.com"),
        ("a.da@example.com", "ada@example.com"),
        ("ada@example.com", "ada@example.org"),
        ("+4930123456", "+4930123457"),
        ("+@gmail.com", "ada@gmail.com"),
    ],
)
def test_different_addresses_stay_apart(one: str, other: str) -> None:
    assert keyed(KEY, one) != keyed(KEY, other)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_canonical_form_stays_what_it_is(text: str) -> None:
    for address in (text, f"{text}@example.com"):
        found = canonical(address)
        assert canonical(found) == found
        assert canonical(normalize("NFD", address)) == canonical(normalize("NFC", address))


def test_a_hash_needs_the_key_and_tells_nothing() -> None:
    found = keyed(KEY, "ada@example.com")
    assert found.startswith("h:")
    assert len(found) == 34
    assert "ada" not in found
    assert found != keyed(bytes(32), "ada@example.com")


def test_it_is_the_same_hash_for_ever() -> None:
    """Lists that were written with it must work in later versions."""
    assert keyed(KEY, "ada@example.com") == "h:3a1c6d483fa759698912b360ef294e1b"
    assert key_id(KEY) == "afd62710"
    assert key_id(bytes(32)) != key_id(KEY)
