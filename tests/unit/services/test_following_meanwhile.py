"""What changes while a run is under way, or between two: nothing goes out that should not, and nobody is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers import following_book as books
from helpers.books import git
from helpers.books import write

from crmctl.services.book import Book
from crmctl.services.following import drafts
from crmctl.services.following import enrolling
from crmctl.services.following import enrolments
from crmctl.services.records import Assignment
from crmctl.services.records import change

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crmctl.mail.transport.outcomes import Outcome

MONDAY = "2027-03-01T09:00"
DRAFTS = "steps:\n- {wait: 0d, what: A, template: one, approval: draft}\n- {wait: 2d, what: B, template: two}\n"


class Meanwhile(books.Told):
    """A transport by whose first message something happens."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens: Callable[[], object] | None = happens

    def send(self, *arguments: object, **options: object) -> Outcome:
        happens, self._happens = self._happens, None
        if happens is not None:
            happens()
        return super().send(*arguments, **options)  # type: ignore[arg-type]


def make(folder: Path, steps: str = books.STEPS) -> Path:
    root = books.make(folder, steps)
    for who in ("kim", "bob"):
        enrolling.enroll(books.at(MONDAY, root), who, "welcome")
    return root


def by_hand(root: Path, *arguments: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "by hand", *arguments)


def stopped(root: Path) -> None:
    enrolling.stop(Book(root), "kim")


def answered(root: Path) -> None:
    line = '{"id":"01","at":"2027-03-01T09:01:00+01:00","type":"email","direction":"in"}\n'
    write(root, {"interactions/kim.jsonl": line})


def away(root: Path) -> None:
    line = '{"id":"01","at":"2027-03-01T09:01:00+01:00","type":"note","outcome":"auto-reply"}\n'
    write(root, {"interactions/kim.jsonl": line})
    by_hand(root)


def adopted(root: Path) -> None:
    book = Book(root)
    change(book, book.schema.require("sequence"), "welcome", [Assignment("sender", "another")])


def unreadable(root: Path) -> None:
    path = root / f"records/enrolments/{books.one(root).handle}.yaml"
    path.write_text(path.read_text().replace("wait: 3d", "wait: soon"))
    by_hand(root)


def removed(root: Path) -> None:
    (root / f"records/enrolments/{books.one(root).handle}.yaml").unlink()
    by_hand(root)


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (stopped, "changed"),
        (removed, "changed"),
        (adopted, "changed"),
        (answered, "reply"),
        (away, "away"),
        (unreadable, "unreadable"),
    ],
)
def test_the_mail_of_who_drops_out_while_a_run_is_under_way_is_not_sent(
    tmp_path: Path, happens: Callable[[Path], None], code: str
) -> None:
    root = make(tmp_path / "book")
    told = Meanwhile(lambda: happens(root))
    report = books.act(root, "2027-03-01T09:05", told)
    assert told.sent == ["bob"]
    assert [(one.customer, one.code) for one in report.decisions] == [("bob", "sent"), ("kim", code)]


def test_what_else_changes_meanwhile_holds_up_nobody(tmp_path: Path) -> None:
    root = make(tmp_path / "book")

    def happens() -> None:
        write(root, {"/notes.txt": "x\n"})
        by_hand(root)

    told = Meanwhile(happens)
    books.act(root, "2027-03-01T09:05", told)
    assert told.sent == ["bob", "kim"]


def test_a_released_draft_that_is_taken_away_while_a_run_is_under_way_is_not_replaced_by_the_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path / "book", DRAFTS)
    books.act(root, MONDAY)
    drafts.release(Book(root), "all")
    every = drafts.every
    seen: list[list[drafts.Waiting]] = []

    def gone_the_second_time(book: Book) -> list[drafts.Waiting]:
        seen.append(every(book) if not seen else [])
        return seen[-1]

    monkeypatch.setattr(drafts, "every", gone_the_second_time)
    told = books.Told()
    report = books.act(root, "2027-03-01T09:05", told)
    assert told.sent == []
    assert books.codes(report.decisions) == [("bob", "draft", 1), ("kim", "draft", 1)]
    assert report.complete


def test_a_draft_that_was_tried_once_goes_out_as_it_was_though_its_file_is_gone(tmp_path: Path) -> None:
    root = make(tmp_path / "book", DRAFTS)
    books.act(root, MONDAY)
    for one in drafts.every(Book(root)):
        one.path.write_text("---\nsubject: Mine\n---\nAs I wrote it.\n")
    drafts.release(Book(root), "all")
    books.act(root, "2027-03-01T09:05", books.Told(kim=books.LATER))
    for one in drafts.every(Book(root)):
        one.path.unlink()
    told = books.Told()
    books.act(root, "2027-03-01T15:05", told)
    assert told.sent == ["kim"]
    assert b"As I wrote it." in told.data[0]


def test_a_sequence_whose_file_was_renamed_goes_on_where_it_was(tmp_path: Path) -> None:
    root = make(tmp_path / "book")
    told = books.Told()
    books.act(root, MONDAY, told)
    git(root, "mv", "records/sequences/welcome.yaml", "records/sequences/hello.yaml")
    by_hand(root)
    assert books.codes(books.act(root, "2027-03-02T09:05", told).decisions) == [
        ("bob", "not-due", 2),
        ("kim", "not-due", 2),
    ]
    books.act(root, "2027-03-04T09:05", told)
    assert told.sent == ["bob", "kim"] * 2
    git(root, "rm", "-q", "records/sequences/hello.yaml")
    by_hand(root)
    assert books.codes(books.act(root, "2027-03-05T09:05", told).decisions) == [("bob", "stop", 3), ("kim", "stop", 3)]


@pytest.mark.parametrize(("name", "said"), [("weekdays", "[mon, xx]"), ("stop_on", "repply"), ("stop_on", "[[a]]")])
def test_a_slip_in_a_sequence_holds_up_that_one_and_no_other(tmp_path: Path, name: str, said: str) -> None:
    root = make(tmp_path / "book")
    other = books.SEQUENCE.replace("YYY\n", "YYZ\n") + "steps:\n- {wait: 0d, what: A, template: one}\n"
    write(root, {"sequences/other.yaml": other})
    by_hand(root)
    enrolling.stop(Book(root), "bob")
    enrolling.enroll(books.at(MONDAY, root), "bob", "other")
    path = root / "records/sequences/welcome.yaml"
    path.write_text(f"{path.read_text()}{name}: {said}\n")
    by_hand(root)
    told = books.Told()
    report = books.act(root, MONDAY, told)
    (held,) = [one for one in report.decisions if one.customer == "kim"]
    assert (held.what, held.code, f"{name}: " in held.reason) == ("hold", "unreadable", True)
    assert told.sent == ["bob"]
    assert not report.complete


def test_a_deal_that_was_won_before_somebody_was_enrolled_that_day_does_not_end_it_and_a_later_one_does(
    tmp_path: Path,
) -> None:
    root = books.make(tmp_path / "book")
    deal = "name: {0}\ncustomer: kim\nstage: won\nopened: 2027-02-01\nclosed: 2027-03-01\n"
    write(root, {"deals/before.yaml": deal.format("Before")})
    by_hand(root)
    enrolling.enroll(books.at(MONDAY, root), "kim", "welcome")
    assert books.one(root).closed == {"before"}
    assert books.codes(books.act(root, "2027-03-01T09:05").decisions) == [("kim", "sent", 1)]
    write(root, {"deals/after.yaml": deal.format("After")})
    by_hand(root)
    books.act(root, "2027-03-01T18:00")
    one = books.one(root)
    assert (one.state, one.reason) == (enrolments.STOPPED, "won: deal after was won")
