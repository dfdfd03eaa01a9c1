"""Writing down what happened, and reading it back."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.services import interactions
from crmctl.services.book import Book
from crmctl.services.following.followups import Promise
from crmctl.services.interactions import Line
from crmctl.services.records import Assignment

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = datetime.fromisoformat("2026-03-02T10:00:00+01:00")


@pytest.fixture
def book(book_dir: Path) -> Book:
    """A small book: a customer, somebody else's deal, two products, one member of the team."""
    clock.freeze(MONDAY)
    records = {
        "customers/ada": "name: Ada Lovelace",
        "customers/bo": "name: Bo",
        "deals/engine": "name: Engine\ncustomer: bo\nstage: lead",
        "products/tea": 'name: Tea\nprice: "2.50"',
        "products/mug": 'name: Mug\nprice: "8.00"\ncurrency: USD',
        "products/talk": "name: Talk",
        "members/ann": "name: Ann\nemail: Ann@Example.com",
    }
    for name, text in records.items():
        path = book_dir / "records" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    _git(book_dir, "add", "-A")
    _git(book_dir, "commit", "-qm", "records")
    return Book(book_dir)


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True).stdout


def _last(book: Book, customer: str = "ada") -> dict[str, object]:
    text = (book.root / f"records/interactions/{customer}.jsonl").read_text()
    found: dict[str, object] = json.loads(text.splitlines()[-1])
    return found


def test_an_interaction_is_one_line_now_in_the_book_s_zone(book: Book) -> None:
    written = interactions.log(book, "ada", "call", "  wants tea\r\nsoon \n")
    assert _last(book) == {
        "id": written.handles[0],
        "at": "2026-03-02T10:00:00+01:00",
        "type": "call",
        "by": "ann",
        "text": "wants tea\nsoon",
    }
    assert written.message == "log: call with ada"
    assert written.notes == ()


def test_interaction_and_follow_up_are_one_commit_and_nothing_else(book: Book) -> None:
    (book.root / "notes.txt").write_text("mine")
    (book.root / "records/customers/bo.yaml").write_text("name: Bob\n")
    _git(book.root, "add", "notes.txt")
    before = _git(book.root, "rev-parse", "HEAD").strip()
    promise = Promise("Send offer", "fri", promised=True)
    fields = [Assignment("deal", "engine")]
    written = interactions.log(book, "ada", "call", "hello", assignments=fields, promise=promise)
    assert written.handles[1] == "send-offer"
    assert _git(book.root, "rev-parse", "HEAD^").strip() == before
    assert _git(book.root, "log", "-1", "--format=%s").strip() == "log: call with ada, followup send-offer"
    changed = _git(book.root, "diff-tree", "-r", "--name-only", "--no-commit-id", "HEAD").split()
    assert changed == ["records/followups/send-offer.yaml", "records/interactions/ada.jsonl"]
    text = (book.root / "records/followups/send-offer.yaml").read_text()
    assert text.splitlines()[1:] == [
        "what: Send offer",
        'due: "2026-03-06"',
        "customer: ada",
        "deal: engine",
        'promised: "yes"',
        "owner: ann",
    ]
    assert written.notes == ("deal engine is with bo", "due Fri 2026-03-06")


def test_a_follow_up_of_which_no_day_is_said_is_due_in_a_week(book: Book) -> None:
    written = interactions.log(book, "ada", "call", promise=Promise("Ask again"))
    assert written.notes == ("due Mon 2026-03-09",)


def test_two_follow_ups_of_one_name_get_two_handles(book: Book) -> None:
    interactions.log(book, "ada", "call", promise=Promise("Ask"))
    book.refresh()
    written = interactions.log(book, "ada", "call", promise=Promise("Ask"))
    assert written.handles[1] == "ask-2"


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        ("fri 9:30", "2026-02-27T09:30:00+01:00"),
        ("yesterday", "2026-03-01T12:00:00+01:00"),
        ("2026-03-01T22:00:00Z", "2026-03-01T23:00:00+01:00"),
    ],
)
def test_the_moment_leans_to_the_past_and_is_echoed(book: Book, typed: str, at: str) -> None:
    written = interactions.log(book, "ada", "note", "x", at=typed)
    assert _last(book)["at"] == at
    assert written.notes[0] == f"at {datetime.fromisoformat(at):%a %Y-%m-%d %H:%M}"


@pytest.mark.parametrize("typed", ["tomorrow", "2026-03-03"])
def test_what_lies_ahead_has_not_happened(book: Book, typed: str) -> None:
    with pytest.raises(UsageProblem, match="lies ahead"):
        interactions.log(book, "ada", "note", "x", at=typed)
    assert not (book.root / "records/interactions").exists()


def test_a_follow_up_that_does_not_fit_stops_the_interaction_too(book: Book) -> None:
    with pytest.raises(UsageProblem, match="is over"):
        interactions.log(book, "ada", "note", "x", promise=Promise("Ask", "yesterday"))
    assert not (book.root / "records/interactions").exists()


@pytest.mark.parametrize(("word", "hint"), [("cal", "Did you mean call?"), ("qqq", "It is one of call, email")])
def test_a_type_that_is_none_is_refused_with_the_nearest(book: Book, word: str, hint: str) -> None:
    with pytest.raises(UsageProblem, match="is not a type") as caught:
        interactions.log(book, "ada", word)
    assert caught.value.hint.startswith(hint)


def test_a_text_that_would_steer_a_terminal_is_refused(book: Book) -> None:
    with pytest.raises(InvalidData, match="control character"):
        interactions.log(book, "ada", "note", "a\x1b[2J")


def test_fields_are_set_and_references_found(book: Book) -> None:
    names = {"amount": "12,5", "currency": "usd", "deal": "eng", "tags+": "a,b", "external.till": "7", "by": "Ann"}
    interactions.log(book, "bo", "payment", assignments=[Assignment(*pair) for pair in names.items()])
    found = _last(book, "bo")
    assert found["amount"] == "12.50"
    assert found["currency"] == "USD"
    assert found["deal"] == "engine"
    assert found["tags"] == ["a", "b"]
    assert found["external"] == {"till": "7"}
    assert found["by"] == "ann"


def test_nobody_writes_who_is_not_of_the_team(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "GIT_AUTHOR_EMAIL", "stranger@example.com")
    interactions.log(book, "ada", "note", "x")
    assert "by" not in _last(book)


def test_a_book_without_members_has_nobody_to_name(book_dir: Path) -> None:
    assert interactions.author(Book(book_dir)) == ""


def test_a_purchase_is_priced_from_its_products(book: Book) -> None:
    bought = [Line("tea", "3"), Line("tea", "1.5", "1.01"), Line("tea")]
    interactions.log(book, "ada", "purchase", bought=bought)
    found = _last(book)
    assert found["lines"] == [
        {"product": "tea", "quantity": "3", "price": "2.50"},
        {"product": "tea", "quantity": "1.5", "price": "1.01"},
        {"product": "tea", "price": "2.50"},
    ]
    assert found["amount"] == "11.52"  # 7.50 + 1.515 + 2.50, half up
    assert "currency" not in found


def test_a_purchase_has_its_products_currency_and_the_amount_that_was_said(book: Book) -> None:
    interactions.log(book, "ada", "purchase", bought=[Line("mug")], assignments=[Assignment("amount", "7")])
    found = _last(book)
    assert (found["amount"], found["currency"]) == ("7.00", "USD")


@pytest.mark.parametrize(
    ("bought", "currency", "message"),
    [
        ([Line("mug"), Line("tea")], "", "priced in EUR and USD"),
        ([Line("talk")], "", "has no price"),
        ([Line("mug")], "EUR", "priced in USD, not EUR"),
    ],
)
def test_prices_that_cannot_be_added_are_refused(book: Book, bought: list[Line], currency: str, message: str) -> None:
    with pytest.raises(UsageProblem, match=message):
        interactions.log(book, "ada", "purchase", bought=bought, assignments=[Assignment("currency", currency)])


def test_a_price_that_is_no_amount_is_refused(book: Book) -> None:
    with pytest.raises(InvalidData, match="line tea"):
        interactions.log(book, "ada", "purchase", bought=[Line("tea", "x")])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tea", Line("tea")),
        ("tea * 3", Line("tea", "3")),
        ("tea@1,50", Line("tea", "", "1,50")),
        ("tea*3@1.50", Line("tea", "3", "1.50")),
    ],
)
def test_a_line_is_read(text: str, line: Line) -> None:
    assert interactions.parse_line(text) == line


@pytest.mark.parametrize("text", ["", "*3", "tea*", "tea@", "tea*@1"])
def test_a_line_with_a_part_missing_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem, match="not a line"):
        interactions.parse_line(text)


def test_the_timeline_is_newest_first_and_in_the_book_s_time(sample_dir: Path) -> None:
    events = interactions.timeline(Book(sample_dir), "luis-goncalves")
    assert len(events) == 12
    assert [event.at for event in events] == sorted((event.at for event in events), reverse=True)
    first = events[0]
    assert (first.type, first.direction, first.minutes, first.outcome) == ("call", "out", 9, "reached")
    assert f"{first.local:%Y-%m-%d %H:%M}" == "2012-01-12 11:20"
    assert events[-1].amount == "3.98"
    assert events[-1].currency == "USD"


def test_the_timeline_keeps_what_matches_the_newest_of_it_and_turns_round(sample_dir: Path) -> None:
    book = Book(sample_dir)
    calls = interactions.timeline(book, "luis-goncalves", ["type:call"])
    assert [event.type for event in calls] == ["call", "call"]
    assert interactions.timeline(book, "luis-goncalves", ["type:call"], limit=1) == calls[:1]
    assert interactions.timeline(book, "luis-goncalves", ["type:call"], oldest_first=True) == calls[::-1]


def test_the_gist_falls_back_to_what_was_bought_then_to_the_outcome(book: Book) -> None:
    interactions.log(book, "ada", "purchase", bought=[Line("tea", "3"), Line("mug", "1", "2")], at="9:00")
    interactions.log(book, "ada", "call", assignments=[Assignment("outcome", "voicemail")], at="9:30")
    book.refresh()
    assert [event.gist for event in interactions.timeline(book, "ada")] == ["voicemail", "tea × 3, mug"]
