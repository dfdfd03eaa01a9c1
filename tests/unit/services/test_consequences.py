"""A consent given anew names the withdrawal it follows, so that a merge does not take it for an older one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh

from crmctl.services import consequences
from crmctl.services import records
from crmctl.services.records import Assignment
from crmctl.store.merging import merge_file
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.model.raw import RawMap

ADA = "records/customers/ada.yaml"


def ada(entry: str) -> str:
    return f"id: 01J9ZK3T8QWERTYPASDFGHJKMN\nname: Ada\nconsent:\n  post: {{state: withdrawn}}\n  news: {entry}\n"


def change(root: Path, *sets: str) -> RawMap:
    """Ada's consents after `set`."""
    book = fresh(root)
    pairs = [Assignment(*text.split("=", 1)) for text in sets]
    records.change(book, book.schema.require("customer"), "ada", pairs)
    consent = read_yaml((root / ADA).read_bytes(), ADA).data["consent"]
    assert isinstance(consent, dict)
    return consent


@pytest.mark.parametrize(
    ("before", "sets", "follows"),
    [
        ("{state: withdrawn, date: '2026-03-01'}", ["state=granted", "date=2026-04-01"], "withdrawn 2026-03-01"),
        ("{state: Objected, date: '2026-03-01'}", ["state=granted"], "objected 2026-03-01"),
        ("{state: erased}", ["state=granted"], "erased"),
        ("{state: withdrawn, date: '2026-03-01'}", ["state=granted", "follows=a letter"], "a letter"),
        (
            "{state: withdrawn, date: '2026-03-01', follows: 'withdrawn 2020-01-01'}",
            ["state=granted"],
            "withdrawn 2026-03-01",
        ),
        ("{state: withdrawn, date: '2026-03-01'}", ["state=objected"], None),
        ("{state: withdrawn, date: '2026-03-01'}", ["how=phone"], None),
        ("{state: granted, date: '2026-03-01'}", ["date=2026-04-01"], None),
        ("{date: '2026-03-01'}", ["state=granted"], None),
        ("[withdrawn]", [], None),
    ],
)
def test_a_grant_names_the_withdrawal_it_follows(
    book_dir: Path, before: str, sets: list[str], follows: str | None
) -> None:
    commit(book_dir, {"customers/ada.yaml": ada(before)})
    consent = change(book_dir, "role=boss", *(f"consent.news.{text}" for text in sets))
    news = consent["news"]
    assert (news.get("follows") if isinstance(news, dict) else None) == follows
    assert consent["post"] == {"state": "withdrawn"}


def test_a_new_consent_follows_nothing(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": ada("{state: granted}")})
    assert change(book_dir, "consent.sms.state=granted")["sms"] == {"state": "granted"}
    commit(book_dir, {"customers/ada.yaml": "id: 01J9ZK3T8QWERTYPASDFGHJKMN\nname: Ada\n"})
    assert change(book_dir, "consent.sms.state=granted") == {"sms": {"state": "granted"}}


def test_a_record_without_consents_stays_as_it_is(book_dir: Path) -> None:
    book = fresh(book_dir)
    before: RawMap = {"name": "A", "consent": {"news": {"state": "withdrawn"}}}
    others: list[RawMap] = [{"name": "B"}, {"name": "A", "consent": "granted"}, before]
    for after in others:
        assert consequences.follow(book, book.schema.require("customer"), before, after) is after
    assert consequences.follow(book, book.schema.require("member"), {"name": "A"}, before) is before


def test_a_grant_written_by_crmctl_is_not_lost_in_a_merge(book_dir: Path) -> None:
    granted = ada("{state: granted, date: '2026-01-01'}").encode()
    commit(book_dir, {"customers/ada.yaml": ada("{state: withdrawn, date: '2026-03-01'}")})
    theirs = (book_dir / ADA).read_bytes()
    change(book_dir, "consent.news.state=granted", "consent.news.date=2026-04-01")
    merged = merge_file(ADA, granted, (book_dir / ADA).read_bytes(), theirs)
    assert merged.clean
    consent = read_yaml(merged.data, ADA).data["consent"]
    assert consent == {
        "post": {"state": "withdrawn"},
        "news": {"state": "granted", "date": "2026-04-01", "follows": "withdrawn 2026-03-01"},
    }
