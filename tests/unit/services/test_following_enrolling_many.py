"""Many people put into a sequence at once: who, who not and why, and one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers import following_book as books
from helpers.books import git
from helpers.books import write

from crmctl.errors import UsageProblem
from crmctl.query import BadFilter
from crmctl.services import records
from crmctl.services.book import Book
from crmctl.services.checking import checks
from crmctl.services.following import enrolling
from crmctl.services.following import enrolling_many as many
from crmctl.services.following import enrolments

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

NOW = "2027-03-01T09:00"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A book with kim, bob, ann who gave no consent, and a segment of all three."""
    folder = books.make(tmp_path / "book")
    files = {
        "customers/ann.yaml": "id: 01HZZZZZZZZZZZZZZZZZZZZ009\nname: Ann\nemails: [ann@example.org]\n",
        "segments/all.yaml": "name: All\ncustomers: [ann, bob, gone, kim]\n",
    }
    write(folder, files)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "more")
    return folder


def considered(root: Path, *customers: str, again: bool = False) -> dict[str, tuple[str, str]]:
    found = many.considered(books.at(NOW, root), "welcome", customers, again=again)
    return {one.customer: (one.what, one.reason) for one in found}


def test_each_is_told_and_those_who_can_be_are_enrolled_as_one_commit(root: Path) -> None:
    book = books.at(NOW, root)
    asked = many.wanted(book, ["kim"], "all", ["name:Bob"])
    assert asked == ["kim", "ann", "bob", "gone"]
    found = considered(root, *asked)
    assert {who: what for who, (what, _) in found.items()} == {
        "kim": "enroll",
        "ann": "refused",
        "bob": "enroll",
        "gone": "refused",
    }
    assert found["ann"][1] == "may not be written to for newsletter: no consent for newsletter"
    assert "there is no customer 'gone'" in found["gone"][1]
    before = git(root, "rev-list", "--count", "HEAD")
    written = many.enroll(book, "welcome", many.considered(book, "welcome", asked))
    assert len(written.handles) == 2
    assert int(git(root, "rev-list", "--count", "HEAD")) == int(before) + 1
    assert {one.customer for one in enrolments.every(Book(root), active=True)} == {"bob", "kim"}
    assert git(root, "status", "--porcelain") == ""
    assert not [one for one in checks.check_book(Book(root)).problems if "enrolments" in one.path]


def test_again_changes_nothing_for_those_who_are_in_it(root: Path) -> None:
    book = books.at(NOW, root)
    many.enroll(book, "welcome", many.considered(book, "welcome", ["kim"]))
    assert considered(root, "kim") == {"kim": ("in", "is in it already")}
    assert many.enroll(book, "welcome", many.considered(book, "welcome", ["kim"])).commit == ""
    enrolling.stop(book, "kim")
    assert considered(root, "kim") == {"kim": ("refused", "was in welcome already (stopped)")}
    assert considered(root, "kim", again=True) == {"kim": ("enroll", "")}


def test_one_and_many_make_the_same_record(root: Path, tmp_path: Path) -> None:
    other = books.make(tmp_path / "other")
    one = enrolling.enroll(books.at(NOW, other), "kim", "welcome").handles
    book = books.at(NOW, root)
    assert many.enroll(book, "welcome", many.considered(book, "welcome", ["kim"])).handles == one
    name = f"records/enrolments/{one[0]}.yaml"
    assert (root / name).read_text() == (other / name).read_text()


def test_a_filter_that_cannot_be_read_is_told(root: Path) -> None:
    with pytest.raises(BadFilter):
        many.wanted(books.at(NOW, root), [], "", ["nofield:3"])


def test_a_step_whose_condition_cannot_be_read_lets_nobody_in(root: Path) -> None:
    path = root / "records/sequences/welcome.yaml"
    path.write_text(path.read_text().replace("what: Greet,", 'what: Greet, when: "nofield:3",'))
    git(root, "commit", "-qam", "by hand")
    with pytest.raises(UsageProblem, match=r"when of step 1: .*there is no field"):
        considered(root, "kim")


# On the command line


def test_several_are_listed_and_asked_about(root: Path, run: Run) -> None:
    crm = ("-C", root, "--now", NOW, "sequence", "enroll", "welcome")
    dry = run(*crm, "--segment", "all", "--dry-run")
    assert dry.code == 0
    assert "ann" in dry.out
    assert dry.err == "2 to enroll in welcome, 0 in it already, 2 cannot be.\nNothing was done.\n"
    asked = run(*crm, "--segment", "all")
    assert (asked.code, "Enroll 2 customers in welcome?" in asked.err) == (2, True)
    done = run(*crm, "--segment", "all", "--yes")
    assert (done.code, "sequence: enroll 2 in welcome" in done.err) == (0, True)
    again = run(*crm, "--filter", "name:kim", "--yes")
    assert again.err == "0 to enroll in welcome, 1 in it already, 0 cannot be.\nNothing to change.\n"


def test_the_sequence_comes_first_or_last(root: Path, run: Run) -> None:
    crm = ("-C", root, "--now", NOW, "sequence", "enroll")
    assert run(*crm, "kim", "welcome").code == 0
    assert run(*crm, "welcome", "kim", "bob", "-y").code == 0
    assert {one.customer for one in enrolments.every(Book(root), active=True)} == {"bob", "kim"}
    assert run(*crm).code == 2
    assert run(*crm, "welcome").code == 2
    assert run(*crm, "nothing", "kim").code == 3


def test_who_cannot_be_enrolled_any_more_when_it_comes_to_it_is_left_out(root: Path) -> None:
    book = books.at(NOW, root)
    found = many.considered(book, "welcome", ["kim", "bob"])
    other = Book(root)
    records.change(
        other, other.schema.require("customer"), "kim", [records.Assignment("consent.newsletter.state", "withdrawn")]
    )
    written = many.enroll(book, "welcome", found)
    assert [one.customer for one in enrolments.every(Book(root))] == ["bob"]
    assert (written.message, written.notes) == (
        "sequence: enroll 1 in welcome",
        ("kim was left out: may not be written to for newsletter: consent withdrawn",),
    )
    assert many.enroll(book, "welcome", found).commit == ""  # Bob is in it by now.


def test_those_who_were_left_out_are_counted_when_they_are_many(root: Path) -> None:
    book = books.at(NOW, root)
    write(root, {f"customers/p{number}.yaml": f"name: P{number}\n" for number in range(5)})
    gone = [many.Candidate(f"p{number}", many.ENROLL) for number in range(5)]
    notes = many.enroll(book, "welcome", gone).notes
    assert (len(notes), notes[-1]) == (4, "and 2 more were")
