"""What is wrong with the steps of a sequence is told where it is written, and by ``check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers import following_book as books
from helpers.books import git

from crmctl.errors import InvalidData
from crmctl.services import editing
from crmctl.services import records
from crmctl.services.book import Book
from crmctl.services.checking import checks
from crmctl.services.records import Assignment

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "{wait: 0d, what: Greet, template: one, when: 'name:kim'}"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("{wait: 0d, what: A, when: 'nofield:3'}", 'there is no field "nofield" for customers'),
        ("{wait: 0d, what: A, when: 'tag:('}", '"(" cannot follow here'),
        ("{wait: 0d, what: A, template: nix}", "there is no template 'nix'"),
        ("{wait: 0d, what: A, channel: email}", "step 1 goes by email and names no template"),
        ("{wait: 0d, what: A, channel: letter}", "step 1 goes by letter and names no template"),
        ("{wait: 0d, what: A, channel: fax}", "'fax' is not one of"),
        ("{wait: soon, what: A}", "'soon' is not a span of days"),
        ("{what: A}", "steps has no wait"),
        ("{wait: 0d, what: A, approval: maybe}", "'maybe' is not one of auto, draft"),
    ],
)
def test_a_step_that_cannot_be_is_told_by_check_and_by_edit(tmp_path: Path, step: str, words: str) -> None:
    root = books.make(tmp_path / "book", f"steps:\n- {GOOD}\n")
    book = Book(root)
    draft = editing.start(book, book.schema.require("sequence"), "welcome")
    text = draft.text.partition("steps:")[0] + f"steps:\n- {step}\n"
    assert any(words in problem.message for problem in editing.review(book, draft, text))
    path = root / "records/sequences/welcome.yaml"
    path.write_text(path.read_text().partition("steps:")[0] + f"steps:\n- {step}\n")
    assert any(words in problem.message for problem in checks.check_book(Book(root)).problems)


def test_good_steps_have_nothing_to_tell(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", f"steps:\n- {GOOD}\n- {{wait: 1d, what: Call, channel: phone}}\n")
    assert checks.check_book(Book(root)).problems == []


def test_mail_needs_a_purpose_and_calls_do_not(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", f"steps:\n- {GOOD}\n")
    path = root / "records/sequences/welcome.yaml"
    path.write_text(path.read_text().replace("purpose: newsletter\n", ""))
    (problem,) = checks.check_book(Book(root)).problems
    assert problem.message == "it writes to people and does not say what it is for"
    path.write_text(path.read_text().partition("steps:")[0] + "steps:\n- {wait: 1d, what: Call, channel: phone}\n")
    assert checks.check_book(Book(root)).problems == []


@pytest.mark.parametrize("text", ["0d", "0 weeks", "-3d", "99999y", "every 0 weeks", "soon"])
def test_a_promise_that_comes_again_without_end_is_refused(tmp_path: Path, text: str) -> None:
    root = books.make(tmp_path / "book")
    book = books.at("2027-03-01T09:00", root)
    kind = book.schema.require("followup")
    asked = [Assignment("due", "2027-04-01"), Assignment("repeat", text)]
    with pytest.raises(InvalidData, match="repeat"):
        records.add(book, kind, "Rent", asked)
    records.add(book, kind, "Rent", [*asked[:1], Assignment("repeat", "1m")])
    with pytest.raises(InvalidData, match="repeat"):
        records.change(Book(root), kind, "rent", [Assignment("repeat", text)])
    path = root / "records/followups/rent.yaml"
    path.write_text(path.read_text().replace("repeat: 1m", f"repeat: {text}"))
    assert any("repeat" in problem.message for problem in checks.check_book(Book(root)).problems)
    assert git(root, "log", "--format=%s", "-1").strip() == "followup: add rent"
