"""Tokens by which people say no, or yes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmctl.mail import tokens
from crmctl.mail.identifiers import send_id
from crmctl.model.ids import new_id

KEY, OTHER = bytes(range(32)), bytes(32)
SID = send_id("01J", "01K", "email")
SCOPES = ("newsletter", "offers", "service")
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def test_what_was_made_is_read_again() -> None:
    token = tokens.make(KEY, SID, "newsletter")
    assert tokens.check(KEY, token, SCOPES) == (SID, "newsletter")
    assert tokens.check(KEY, token.upper(), SCOPES) == (SID, "newsletter")
    assert tokens.check(KEY, f" {token}\n", SCOPES) == (SID, "newsletter")


def test_the_id_of_a_record_does_as_well() -> None:
    identity = new_id()
    assert tokens.check(KEY, tokens.make(KEY, identity, "offers"), SCOPES) == (identity, "offers")


def test_it_fits_an_address_and_a_link() -> None:
    token = tokens.make(KEY, SID, "a purpose with a very long name that nobody would want in an address")
    assert len(f"unsubscribe+{token}") <= 64
    assert token.isalnum()
    assert token.isascii()
    assert token == token.lower()


def test_it_tells_nothing_of_its_scope() -> None:
    assert "newsletter" not in tokens.make(KEY, SID, "newsletter")
    one, other = tokens.make(KEY, SID, "newsletter"), tokens.make(OTHER, SID, "newsletter")
    assert one[27:31] != other[27:31]


def test_a_scope_that_is_gone_is_told_as_all() -> None:
    assert tokens.check(KEY, tokens.make(KEY, SID, "old-name"), SCOPES) == (SID, "all")


def test_another_book_s_token_is_refused() -> None:
    assert tokens.check(OTHER, tokens.make(KEY, SID, "newsletter"), SCOPES) is None


def test_a_token_to_confirm_unsubscribes_nobody() -> None:
    token = tokens.make(KEY, SID, "newsletter", use=tokens.CONFIRM)
    assert tokens.check(KEY, token, SCOPES) is None
    found = tokens.read(KEY, token)
    assert found is not None
    assert (found.use, found.subject) == ("c", SID)
    assert tokens.read(KEY, "u" + token[1:]) is None


@given(st.integers(0, tokens.LENGTH - 1), st.sampled_from(LETTERS + "018-_ ="))
def test_one_letter_changed_makes_it_worthless(place: int, letter: str) -> None:
    token = tokens.make(KEY, SID, "newsletter")
    forged = token[:place] + letter + token[place + 1 :]
    assert (tokens.read(KEY, forged) is None) == (forged != token)


@given(st.integers(0, tokens.LENGTH - 1))
def test_a_cut_one_is_refused(length: int) -> None:
    token = tokens.make(KEY, SID, "newsletter")
    assert tokens.read(KEY, token[:length]) is None
    assert tokens.read(KEY, token[length:] + "a" if length else token + "a") is None


@given(st.text(max_size=60))
def test_any_other_text_is_none(text: str) -> None:
    assert tokens.read(KEY, text) is None


def test_tokens_are_found_where_they_travel() -> None:
    token = tokens.make(KEY, SID, "newsletter")
    for text in (f"unsub+{token}@example.com", f"/u/{token}?x=1", f"Re: Please confirm: {token.upper()}", f"<{token}>"):
        assert tokens.find(text) == [token]
    assert tokens.find(f"{token} {token.upper()}") == [token]
    assert tokens.find(f"x{token}") == []
    assert tokens.find(token[:-1]) == []


@pytest.mark.parametrize("subject", ["", "short", SID.lower(), f"{SID}A", SID[:-1] + "-"])
def test_only_ids_can_be_subjects(subject: str) -> None:
    with pytest.raises(ValueError, match="no id of 26 letters"):
        tokens.make(KEY, subject, "newsletter")
