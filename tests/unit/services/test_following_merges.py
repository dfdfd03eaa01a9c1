"""What two clones did about the same person or promise comes together without a question."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from helpers import following_book as books
from helpers.books import git
from helpers.books import write

from crmctl.merge.records import merge_record
from crmctl.services import records
from crmctl.services.book import Book
from crmctl.services.following import enrolling
from crmctl.services.following import followups
from crmctl.services.records import Assignment

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.model.raw import RawMap

NOW = "2027-03-01T09:00"


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Path, Path]:
    """Two clones of a book with a promise, in which kim is in a sequence."""
    folder = books.make(tmp_path / "one")
    write(folder, {"followups/call.yaml": "id: 01HQQQQQQQQQQQQQQQQQQQQQQQ\nwhat: Call\ndue: 2027-03-01\n"})
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "more")
    enrolling.enroll(books.at(NOW, folder), "kim", "welcome")
    shutil.copytree(folder, tmp_path / "two")
    return folder, tmp_path / "two"


def data(root: Path, kind: str, handle: str) -> RawMap:
    book = Book(root)
    found = book.index.data(book.schema.require(kind), handle)
    assert found is not None
    return found


def merged(clones: tuple[Path, Path], base: RawMap, kind: str, handle: str) -> RawMap:
    """What comes of both; the same whichever side is ours, and nothing is asked."""
    ours, theirs = (data(root, kind, handle) for root in clones)
    schema = Book(clones[0]).schema.require(kind)
    one, other = merge_record(schema, base, ours, theirs), merge_record(schema, base, theirs, ours)
    assert (one.clashes, one.data) == ((), other.data)
    return one.data


def test_a_reply_and_a_stop_by_hand_end_an_enrolment_once(clones: tuple[Path, Path]) -> None:
    one, two = clones
    handle = books.one(one).handle
    base = data(one, "enrolment", handle)
    write(one, {"interactions/kim.jsonl": '{"id":"01","at":"2027-03-01T10:00","type":"email","direction":"in"}\n'})
    git(one, "add", "-A")
    git(one, "commit", "-qm", "a reply")
    assert books.codes(books.act(one, "2027-03-01T11:00").decisions) == [("kim", "stop", 1)]
    enrolling.stop(books.at("2027-03-01T11:00", two), "kim", reason="asked on the phone")
    found = merged(clones, base, "enrolment", handle)
    assert (found["state"], found["reason"]) == ("stopped", "reply: wrote on 2027-03-01")


def test_an_opt_out_beats_an_end(tmp_path: Path) -> None:
    one = books.make(tmp_path / "one", "steps:\n- {wait: 0d, what: A, template: one}\n")
    enrolling.enroll(books.at(NOW, one), "kim", "welcome")
    two = tmp_path / "two"
    shutil.copytree(one, two)
    handle = books.one(one).handle
    base = data(one, "enrolment", handle)
    books.act(one, "2027-03-01T09:05")
    assert data(one, "enrolment", handle)["reason"] == "finished: all steps were taken"
    book = books.at("2027-03-01T11:00", two)
    records.change(book, book.schema.require("customer"), "kim", [Assignment("consent.newsletter.state", "withdrawn")])
    enrolling.adopt(books.at("2027-03-01T11:00", two), "welcome")
    books.act(two, "2027-03-01T11:00")
    found = merged((one, two), base, "enrolment", handle)
    assert found["state"] == "stopped"
    assert str(found["reason"]).startswith("opt-out: ")
    assert [step["what"] for step in found["log"]] == ["enrolled", "sent"]  # type: ignore[index, call-overload]


def test_a_follow_up_that_both_closed_keeps_the_first_day_and_both_outcomes(clones: tuple[Path, Path]) -> None:
    base = data(clones[0], "followup", "call")
    followups.done(books.at("2027-03-03T09:00", clones[0]), "call", outcome="signed")
    followups.done(books.at("2027-03-02T09:00", clones[1]), "call", outcome="no answer")
    found = merged(clones, base, "followup", "call")
    assert (found["done"], found["outcome"]) == ("2027-03-02", "no answer; signed")
