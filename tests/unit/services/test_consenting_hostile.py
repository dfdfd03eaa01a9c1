"""A no outlives what people do to a book: renamed purposes, entries typed by hand, a grant in another clone."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh

from crmctl import clock
from crmctl.services.consenting import consents
from crmctl.services.consenting import keys
from crmctl.services.consenting import listing
from crmctl.services.consenting import postlog
from crmctl.services.consenting import suppression
from crmctl.services.consenting import unsubscribing
from crmctl.services.consenting.gate import Gate
from crmctl.services.consenting.suppression import New
from crmctl.services.consenting.unsubscribing import Asked

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.book import Book

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SETTINGS = (
    "name: Test\ntimezone: Europe/Berlin\n"
    "purposes:\n  {name}: {basis}\n  birthday: legitimate-interest\n  bills: contract\n"
)
ADA = "01J0000000000000000000000A"


@pytest.fixture(autouse=True)
def today() -> None:
    clock.freeze(NOW)


def made(root: Path, record: str = "", name: str = "newsletter", basis: str = "legitimate-interest") -> Book:
    ada = f"name: Ada\nid: {ADA}\nemails: [ada@example.com]\n{record}"
    commit(root, {"/crm.yaml": SETTINGS.format(name=name, basis=basis), "customers/ada.yaml": ada})
    return fresh(root)


def asked(book: Book, purpose: str, channel: str = "email") -> str:
    """The code of the refusal, "" for none."""
    data = book.index.data(book.schema.require("customer"), "ada") or {}
    found = Gate(book).refusal(data, "ada@example.com", purpose, channel, book.now(), handle="ada")
    return found[0] if found else ""


def test_a_renamed_purpose_opens_no_address(book_dir: Path) -> None:
    book = made(book_dir)
    listing.add(book, "ada@example.com", purpose="newsletter", why="unsubscribed")
    book = made(book_dir, name="news")
    assert (asked(book, "news"), asked(book, "birthday"), asked(book, "bills")) == ("suppressed", "suppressed", "")
    consents.grant(book, "ada", book.settings.purposes["news"], consents.Terms("2027-03-01", ("email",)))
    assert asked(fresh(book_dir), "news") == ""


def test_what_was_withdrawn_under_another_name_is_withdrawn(book_dir: Path) -> None:
    no = "consent: {newsletter: {state: withdrawn, date: 2026-01-01}}\n"
    book = made(book_dir, no, name="news")
    assert (asked(book, "news"), asked(book, "bills")) == ("withdrawn", "")
    yes = no.replace("}}", "}, news: {state: granted, date: 2026-02-01}}")
    assert asked(made(book_dir, yes, name="news"), "news") == ""


def test_a_channel_that_is_none_means_all_of_them(book_dir: Path) -> None:
    book = made(book_dir)
    listing.add(book, "ada@example.com", channel="email")
    (path,) = (book_dir / "records/suppressions").glob("20*.jsonl")
    path.write_text(path.read_text().replace('"channel": "email"', '"channel": "e-mail"'))
    (book_dir / ".git/crmctl/mail/suppressions.jsonl").unlink(missing_ok=True)
    assert "e-mail" in path.read_text()
    assert asked(fresh(book_dir), "newsletter") == "suppressed"


def test_a_second_no_counts_beside_a_grant_that_another_clone_made_in_between(book_dir: Path) -> None:
    book = made(book_dir)
    token = keys.load(book).token(ADA, "newsletter")
    unsubscribing.honour_all(fresh(book_dir), [Asked(token, datetime(2027, 1, 1, tzinfo=UTC), "mail")])
    (first,) = suppression.load(fresh(book_dir)).active
    unsubscribing.honour_all(fresh(book_dir), [Asked(token, datetime(2027, 2, 1, tzinfo=UTC), "mail")])
    unsubscribing.honour_all(fresh(book_dir), [Asked(token, datetime(2027, 2, 1, 9, tzinfo=UTC), "mail")])
    # Meanwhile in the other clone, joined only now:
    book = fresh(book_dir)
    with book.write("join") as tx:
        suppression.lift(tx, [first], "granted", "a grant after the withdrawal", datetime(2027, 1, 15, tzinfo=UTC))
        tx.commit("joined")
    (left,) = suppression.load(fresh(book_dir)).active
    assert left.at.startswith("2027-02-01")


def test_the_same_no_twice_is_one_entry(book_dir: Path) -> None:
    book = made(book_dir)
    with book.write("twice") as tx:
        ring = keys.load(book, tx)
        known = suppression.load(book)
        news = [New("ada@example.com", "unsubscribed", at="2027-02-01T10:00:00+00:00")] * 2
        assert len(suppression.add(tx, known, ring, news, NOW)) == 1
        tx.commit("two")
    known = suppression.load(fresh(book_dir))
    assert known.covers(news[0])
    assert known.covers(news[0]._replace(at=""))
    assert not known.covers(news[0]._replace(at="2027-02-20T10:00:00+00:00"))


def test_a_line_of_a_log_that_is_nested_without_end_stops_nothing() -> None:
    log = postlog.read(['{"a":' * 100_000, "x"], "a.log", NOW)
    assert log.unread == [1, 2]
