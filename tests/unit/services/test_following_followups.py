"""Follow-ups: done, put off, and the one that is meant."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from helpers.books import git

from crmctl import clock
from crmctl.errors import Ambiguous
from crmctl.errors import Conflict
from crmctl.errors import UsageProblem
from crmctl.services.book import Book
from crmctl.services.following import followups

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def book(sample_dir: Path) -> Book:
    clock.freeze(datetime.fromisoformat("2012-01-16T12:00:00-07:00"))
    return Book(sample_dir)


def _text(book: Book, handle: str) -> str:
    return (book.root / f"records/followups/{handle}.yaml").read_text()


def test_done_is_today_with_its_outcome(book: Book) -> None:
    written = followups.done(book, "new-clause-4", outcome="sent")
    assert 'done: "2012-01-16"\noutcome: sent\n' in _text(book, "new-clause-4")
    assert written.message == "followup: done new-clause-4"
    assert written.notes == ("done Mon 2012-01-16",)


def test_done_on_another_day_leans_to_the_past(book: Book) -> None:
    followups.done(book, "new-clause-4", on="fri")
    assert 'done: "2012-01-13"\n' in _text(book, "new-clause-4")


def test_what_is_done_keeps_its_day(book: Book) -> None:
    before = _text(book, "letter-to-kathy")
    written = followups.done(book, "letter-to-kathy")
    assert written.commit == ""
    assert written.notes == ("it was done on 2012-01-05",)
    assert _text(book, "letter-to-kathy") == before
    followups.done(book, "letter-to-kathy", outcome="she called")
    assert 'done: "2012-01-05"\noutcome: she called\n' in _text(book, "letter-to-kathy")


def test_nothing_is_done_in_the_future(book: Book) -> None:
    with pytest.raises(UsageProblem, match="lies ahead"):
        followups.done(book, "new-clause-4", on="2012-01-17")


def test_snooze_leans_to_the_future_and_changes_nothing_else(book: Book) -> None:
    before = _text(book, "new-clause-4")
    written = followups.snooze(book, "new-clause-4", "fri")
    assert _text(book, "new-clause-4") == before.replace("2012-01-16", "2012-01-20")
    assert written.notes == ("due Fri 2012-01-20",)


def test_snooze_asks_for_a_day_when_there_is_none(book: Book) -> None:
    with pytest.raises(UsageProblem, match="until when"):
        followups.snooze(book, "new-clause-4", "")


def test_snooze_refuses_a_day_that_is_over(book: Book) -> None:
    with pytest.raises(UsageProblem, match="Fri 2012-01-13 is over"):
        followups.snooze(book, "new-clause-4", "2012-01-13")


def test_what_is_done_cannot_be_put_off(book: Book) -> None:
    with pytest.raises(Conflict, match="was done on 2012-01-05"):
        followups.snooze(book, "letter-to-kathy", "fri")


def test_of_several_the_open_one_is_meant(book: Book) -> None:
    # "Send the notes of the meeting" is done, "Send the new clause 4 ..." and others are open.
    assert followups.find(book, "new-c") == "new-clause-4"
    (book.root / "records/followups/new-moon.yaml").write_text(
        'what: New moon\ndue: "2012-01-02"\ndone: "2012-01-03"\n'
    )
    book.refresh()
    assert followups.find(book, "new") == "new-clause-4"


def test_several_open_ones_are_all_named(book: Book) -> None:
    with pytest.raises(Ambiguous) as caught:
        followups.find(book, "send the")
    assert {handle for handle, _ in caught.value.candidates} == {
        "list-of-chicago-blues",
        "new-clause-4",
        "titles-for-the-carnival",
    }


@pytest.mark.parametrize("repeat", ["0d", "9000y", "99999d", "１m"])
def test_what_cannot_come_again_can_be_done_all_the_same(book: Book, repeat: str) -> None:
    path = book.root / "records/followups/new-clause-4.yaml"
    path.write_text(f"{path.read_text()}repeat: {repeat}\n")
    git(book.root, "commit", "-qam", "by hand")
    written = followups.done(book, "new-clause-4")
    assert written.notes[-1].startswith("it does not come again: ")
    assert 'done: "2012-01-16"' in _text(book, "new-clause-4")
