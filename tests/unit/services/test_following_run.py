"""Sequences, from enrolment to the last step: once each, in time, and stopped by whatever has to stop them."""

from __future__ import annotations

import shutil
from email import message_from_bytes
from typing import TYPE_CHECKING

import pytest
from helpers import following_book as books
from helpers.books import git
from helpers.books import write

from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem
from crmctl.services import interactions
from crmctl.services import records
from crmctl.services.book import Book
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.desk import SendingElsewhere
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.checking import checks
from crmctl.services.following import drafts
from crmctl.services.following import enrolling
from crmctl.services.following import enrolments
from crmctl.services.following import followups
from crmctl.services.following import recording
from crmctl.services.following import run as runs
from crmctl.services.following.course import Outside
from crmctl.services.following.decisions import Decisions
from crmctl.services.records import Assignment

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = "2027-03-01T09:00"
MAILS = "steps:\n" + "".join(f"- {{wait: 3d, what: Mail {n}, template: one}}\n" for n in range(4))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return books.make(tmp_path / "book")


def enroll(root: Path, customer: str = "kim", moment: str = MONDAY) -> str:
    return enrolling.enroll(books.at(moment, root), customer, "welcome").handles[0]


def set_(root: Path, kind: str, handle: str, *pairs: tuple[str, str]) -> None:
    book = Book(root)
    records.change(book, book.schema.require(kind), handle, [Assignment(*pair) for pair in pairs])


def by_hand(root: Path, files: dict[str, str]) -> None:
    write(root, files)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "by hand")


def commits(root: Path) -> int:
    return int(git(root, "rev-list", "--count", "HEAD"))


# From the first step to the last


def test_a_sequence_from_its_first_step_to_its_last(root: Path) -> None:
    told = books.Told()
    enroll(root)
    assert books.codes(books.act(root, "2027-03-01T09:05", told).decisions) == [("kim", "sent", 1)]
    assert books.codes(books.act(root, "2027-03-01T09:05", told).decisions) == [("kim", "not-due", 2)]
    assert books.codes(books.act(root, "2027-03-03T23:59", told).decisions) == [("kim", "not-due", 2)]
    assert books.codes(books.act(root, "2027-03-04T00:00", told).decisions) == [("kim", "sent", 2)]
    # Two working days after Thursday is Monday.
    assert books.codes(books.act(root, "2027-03-07T12:00", told).decisions) == [("kim", "not-due", 3)]
    assert books.codes(books.act(root, "2027-03-08T09:00", told).decisions) == [("kim", "task", 3)]
    assert books.codes(books.act(root, "2027-03-09T09:00", told).decisions) == [("kim", "open-task", 4)]
    (task,) = [str(row[0]) for row in Book(root).index.rows("SELECT handle FROM followups")]
    followups.done(books.at("2027-03-10T09:00", root), task)
    assert books.codes(books.act(root, "2027-03-10T10:00", told).decisions) == [("kim", "not-due", 4)]
    assert books.codes(books.act(root, "2027-03-11T09:00", told).decisions) == [("kim", "draft", 4)]
    assert books.codes(books.act(root, "2027-03-11T10:00", told).decisions) == [("kim", "draft", 4)]
    (draft,) = drafts.every(Book(root))
    assert draft.path.read_text() == "---\nsubject: Hello Kim\n---\nDear Kim\n"
    draft.path.write_text("---\nsubject: 'Own {words}'\n---\nDear Kim, {{ this }} is *mine*.\n")
    drafts.release(Book(root), "kim")
    # However long it lay there, a draft that was released is not too late.
    assert books.codes(books.act(root, "2027-03-30T10:00", told).decisions) == [("kim", "sent", 4)]
    assert books.one(root).state == "finished"
    assert drafts.every(Book(root)) == []
    assert told.sent == ["kim"] * 3
    assert message_from_bytes(told.data[2])["Subject"] == "Own {words}"
    assert "Dear Kim, {{ this }} is *mine*." in told.data[2].decode()
    assert "Dear Kim, {{ this }} is <em>mine</em>." in told.data[2].decode()
    assert checks.check_book(Book(root)).problems == []


def test_what_was_done_stands_in_the_book(root: Path) -> None:
    handle = enroll(root)
    books.act(root, "2027-03-01T09:05")
    enrolment = books.one(root)
    assert enrolment.handle == handle
    (did,) = enrolment.log
    assert (did.step, did.what, did.subject) == (1, "sent", "Hello Kim")
    rows = Book(root).index.rows("SELECT direction, source FROM interactions WHERE customer = 'kim'")
    assert rows == [("out", "sequence")]
    (mirror,) = (root / "records/sends/_welcome").iterdir()
    assert b'"ev":"accept"' in mirror.read_bytes()
    assert b"example.org" not in mirror.read_bytes().replace(b'"dom":"example.org"', b"")
    assert git(root, "status", "--porcelain") == ""


def test_a_threaded_step_answers_the_one_before_and_no_other_claims_to(root: Path) -> None:
    told = books.Told()
    enroll(root)
    books.act(root, "2027-03-01T09:05", told)
    books.act(root, "2027-03-04T09:05", told)
    first, second = (message_from_bytes(data) for data in told.data)
    assert (first["Subject"], first["In-Reply-To"]) == ("Hello Kim", None)
    assert second["Subject"] == "Re: Hello Kim"
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"] != second["Message-ID"]


def test_a_first_mail_that_claims_to_be_an_answer_does_not_go_out(root: Path) -> None:
    by_hand(root, {"/templates/one.md": "---\nsubject: 'Re: your order'\n---\nDear\n"})
    told = books.Told()
    enroll(root)
    report = books.act(root, "2027-03-01T09:05", told)
    assert books.codes(report.decisions) == [("kim", "hold", 1)]
    assert "claim" in report.decisions[0].reason or "answers" in report.decisions[0].reason
    assert not report.complete
    assert told.sent == []


def test_a_dry_run_writes_nothing_and_sees_the_future(root: Path) -> None:
    enroll(root)
    before = commits(root)
    assert books.codes(books.look(root, "2027-03-01T09:05")) == [("kim", "send", 1)]
    assert books.codes(books.look(root, "2027-02-01T09:05")) == [("kim", "begins", 1)]
    assert commits(root) == before
    assert not (Desk(Book(root)).state / "following").exists()


# Enrolling


def test_who_is_in_it_stays_where_they_are_and_who_was_needs_again(root: Path) -> None:
    first = enroll(root)
    assert enroll(root) == first
    enrolling.stop(books.at(MONDAY, root), "kim")
    with pytest.raises(Conflict, match="was in welcome already"):
        enroll(root)
    again = enrolling.enroll(books.at("2027-04-01T09:00", root), "kim", "welcome", again=True).handles[0]
    assert again != first
    assert books.one(root).place == 1


def test_a_sequence_is_exclusive_unless_both_say_otherwise(root: Path) -> None:
    by_hand(root, {"sequences/other.yaml": f"id: 01HXXXXXXXXXXXXXXXXXXXXXXX\nname: O\npurpose: newsletter\n{MAILS}"})
    enroll(root)
    with pytest.raises(Conflict, match="is in sequence welcome"):
        enrolling.enroll(books.at(MONDAY, root), "kim", "other")
    for handle in ("welcome", "other"):
        set_(root, "sequence", handle, ("exclusive", "no"))
    enrolling.enroll(books.at(MONDAY, root), "kim", "other")
    assert len(enrolments.every(Book(root), customer="kim", active=True)) == 2


def test_nobody_is_enrolled_who_may_not_be_written_to(root: Path) -> None:
    set_(root, "customer", "kim", ("consent.newsletter.state", "withdrawn"))
    with pytest.raises(Conflict, match="may not be written to"):
        enroll(root)


def test_a_sequence_without_steps_or_with_mail_for_no_purpose_is_refused(root: Path) -> None:
    with pytest.raises(NotFound):
        enrolling.enroll(books.at(MONDAY, root), "kim", "none")
    set_(root, "sequence", "welcome", ("purpose", ""))
    with pytest.raises(UsageProblem, match="does not say what it is for"):
        enroll(root)
    by_hand(root, {"sequences/empty.yaml": "name: Empty\n"})
    with pytest.raises(UsageProblem, match="has no steps"):
        enrolling.enroll(books.at(MONDAY, root), "kim", "empty")


def test_later_edits_do_not_leak_in_until_they_are_asked_to(root: Path) -> None:
    enroll(root)
    books.act(root, "2027-03-01T09:05")
    path = root / "records/sequences/welcome.yaml"
    by_hand(root, {"sequences/welcome.yaml": path.read_text().partition("steps:")[0] + MAILS})
    assert [step.what for step in books.one(root).steps][:2] == ["Greet", "Ask again"]
    written = enrolling.migrate(books.at("2027-03-02T09:00", root), "welcome")
    assert written.message == "sequence: migrate welcome, 1 of 1"
    assert [step.what for step in books.one(root).steps][:2] == ["Mail 0", "Mail 1"]
    # The first step was taken, whatever it is called now.
    assert books.one(root).place == 2
    assert enrolling.migrate(books.at("2027-03-02T09:00", root), "welcome").commit == ""


# What ends it, what holds it up


def log(root: Path, moment: str, type_: str, *pairs: tuple[str, str]) -> None:
    book = books.at(moment, root)
    interactions.log(book, "kim", type_, "words", assignments=[Assignment(*pair) for pair in pairs])


@pytest.mark.parametrize(
    ("type_", "pairs", "code"),
    [
        ("email", [("direction", "in")], "reply"),
        ("call", [("direction", "in")], "reply"),
        ("meeting", [], "meeting"),
        ("purchase", [], "purchase"),
        ("note", [("outcome", "hard bounce"), ("direction", "in")], "bounce"),
        ("note", [("outcome", "complaint"), ("direction", "in")], "complaint"),
        ("email", [("outcome", "opt-out"), ("direction", "in")], "opt-out"),
        ("note", [("outcome", "auto-reply, has left"), ("direction", "in")], "left"),
    ],
)
def test_what_happens_ends_it(root: Path, type_: str, pairs: list[tuple[str, str]], code: str) -> None:
    told = books.Told()
    enroll(root)
    log(root, "2027-03-01T10:00", type_, *pairs)
    (decision,) = books.act(root, "2027-03-01T11:00", told).decisions
    assert (decision.what, decision.code) == ("stop", code)
    assert (books.one(root).state, books.one(root).reason) == ("stopped", f"{code}: {decision.reason}")
    assert books.act(root, "2027-03-04T11:00", told).decisions == []
    assert told.sent == []


@pytest.mark.parametrize(
    ("type_", "pairs"),
    [
        ("email", [("direction", "out")]),
        ("note", []),
        ("note", [("outcome", "auto-reply, back 2027-02-20"), ("direction", "in"), ("external.back", "2027-02-20")]),
        ("note", [("outcome", "mailing list"), ("direction", "in")]),
    ],
)
def test_what_is_no_answer_ends_nothing(root: Path, type_: str, pairs: list[tuple[str, str]]) -> None:
    enroll(root)
    log(root, "2027-03-01T10:00", type_, *pairs)
    assert books.codes(books.act(root, "2027-03-01T11:00").decisions) == [("kim", "sent", 1)]


def test_what_happened_before_ends_nothing(root: Path) -> None:
    log(root, "2027-03-01T08:00", "email", ("direction", "in"))
    enroll(root)
    assert books.codes(books.look(root, "2027-03-01T11:00")) == [("kim", "send", 1)]


def test_a_sequence_may_leave_a_purchase_be_but_never_an_opt_out(root: Path) -> None:
    set_(root, "sequence", "welcome", ("stop_on", "reply"))
    enroll(root)
    log(root, "2027-03-01T10:00", "purchase")
    assert books.codes(books.look(root, "2027-03-01T11:00")) == [("kim", "send", 1)]
    set_(root, "customer", "kim", ("consent.newsletter.state", "withdrawn"))
    (decision,) = books.look(root, "2027-03-01T11:00")
    assert (decision.what, decision.code) == ("stop", "opt-out")


def test_deals_members_and_do_not_contact_end_it(root: Path) -> None:
    enroll(root)
    by_hand(root, {"deals/d.yaml": "name: D\ncustomer: kim\nstage: won\nclosed: 2027-03-02\n"})
    (decision,) = books.look(root, "2027-03-02T11:00")
    assert (decision.what, decision.code) == ("stop", "won")
    (root / "records/deals/d.yaml").unlink()
    by_hand(root, {"members/max.yaml": "name: Max\nended: 2027-03-02\n"})
    set_(root, "customer", "kim", ("owner", "max"))
    assert books.codes(books.look(root, "2027-03-01T11:00")) == [("kim", "send", 1)]
    (decision,) = books.look(root, "2027-03-02T11:00")
    assert (decision.what, decision.code) == ("stop", "owner")
    set_(root, "customer", "kim", ("owner", ""), ("do_not_contact", "all"))
    (decision,) = books.look(root, "2027-03-02T11:00")
    assert (decision.what, decision.code) == ("stop", "opt-out")
    (root / "records/customers/kim.yaml").unlink()
    (decision,) = books.look(root, "2027-03-02T11:00")
    assert (decision.what, decision.code) == ("stop", "erased")


def test_a_colleague_s_answer_ends_it_where_that_is_asked_for(root: Path) -> None:
    for handle in ("kim", "bob"):
        set_(root, "customer", handle, ("organization", "kim"))
    enroll(root)
    book = books.at("2027-03-01T10:00", root)
    interactions.log(book, "bob", "email", "words", assignments=[Assignment("direction", "in")])
    assert books.codes(books.look(root, "2027-03-01T11:00")) == [("kim", "send", 1)]
    set_(root, "sequence", "welcome", ("stop_on", "colleague"))
    (decision,) = books.look(root, "2027-03-01T11:00")
    assert (decision.what, decision.code) == ("stop", "colleague")


def test_somebody_who_is_away_is_written_to_when_they_are_back(root: Path) -> None:
    enroll(root)
    back = ("outcome", "auto-reply, back 2027-03-15"), ("direction", "in"), ("external.back", "2027-03-15")
    log(root, "2027-03-01T10:00", "note", *back)
    (decision,) = books.look(root, "2027-03-14T23:59")
    assert (decision.code, f"{decision.until:%Y-%m-%d}") == ("away", "2027-03-14")  # UTC
    # The time away does not count as being late.
    assert books.codes(books.look(root, "2027-03-15T00:00")) == [("kim", "send", 1)]


def test_who_was_away_already_when_it_began_is_written_to_when_they_are_back(root: Path) -> None:
    back = ("outcome", "auto-reply, back 2027-03-15"), ("direction", "in"), ("external.back", "2027-03-15")
    log(root, "2027-02-28T10:00", "note", *back)
    long_ago = ("outcome", "auto-reply, back 2027-02-01"), ("direction", "in"), ("external.back", "2027-02-01")
    log(root, "2027-01-20T10:00", "note", *long_ago)
    log(root, "2027-02-28T10:05", "note", ("outcome", "auto-reply"), ("direction", "in"))
    enroll(root)
    assert [decision.code for decision in books.look(root, "2027-03-14T23:59")] == ["away"]
    assert books.codes(books.look(root, "2027-03-15T00:00")) == [("kim", "send", 1)]


def test_without_a_date_it_waits_for_some_days(root: Path) -> None:
    enroll(root)
    log(root, "2027-03-01T10:00", "note", ("outcome", "auto-reply"), ("direction", "in"))
    assert books.codes(books.look(root, "2027-03-04T09:59")) == [("kim", "away", 1)]
    assert books.codes(books.look(root, "2027-03-04T10:00")) == [("kim", "send", 1)]


def test_an_open_complaint_and_a_tag_hold_it_up(root: Path) -> None:
    enroll(root)
    by_hand(root, {"cases/c.yaml": "name: C\ncustomer: kim\ntype: complaint\nstatus: open\n"})
    assert books.codes(books.look(root, "2027-03-01T11:00")) == [("kim", "open-complaint", 1)]
    set_(root, "case", "c", ("status", "solved"))
    set_(root, "customer", "kim", ("tags", "dunning"))
    assert books.codes(books.look(root, "2027-03-01T11:00")) == [("kim", "sensitive", 1)]


def test_a_step_for_those_who_match_is_skipped_by_the_others(tmp_path: Path) -> None:
    steps = "steps:\n- {wait: 0d, what: A, template: one, when: 'tag:vip'}\n- {wait: 1d, what: B, template: one}\n"
    root = books.make(tmp_path / "book", steps)
    enroll(root)
    assert books.codes(books.act(root, "2027-03-01T11:00").decisions) == [("kim", "skip", 1)]
    # A step that was skipped is no contact: the next one need not keep its distance.
    assert books.codes(books.act(root, "2027-03-02T00:00").decisions) == [("kim", "sent", 2)]


# Never twice, never in a burst


def test_three_weeks_of_downtime_do_not_fire_four_mails(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", MAILS)
    told = books.Told()
    enroll(root)
    books.act(root, "2027-03-04T09:00", told)
    assert told.sent == ["kim"]
    for _ in range(4):
        (decision,) = books.act(root, "2027-03-28T09:00", told).decisions
        assert (decision.what, decision.step) == ("missed", 2)
    assert told.sent == ["kim"]
    for _ in range(4):
        books.act(root, "2027-03-28T09:00", told, catch_up=True)
    assert told.sent == ["kim", "kim"]
    # The others come at their distance, from the mail that really went out.
    assert books.codes(books.act(root, "2027-03-30T23:00", told).decisions) == [("kim", "not-due", 3)]
    assert books.codes(books.act(root, "2027-03-31T00:00", told).decisions) == [("kim", "sent", 3)]


def test_nobody_gets_two_steps_in_one_run_or_two_within_a_day(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", "steps:\n- {wait: 0d, what: A, template: one}\n", "exclusive: 'no'\n")
    other = "id: 01HXXXXXXXXXXXXXXXXXXXXXXX\nname: O\npurpose: newsletter\nexclusive: 'no'\n"
    by_hand(root, {"sequences/other.yaml": f"{other}steps:\n- {{wait: 0d, what: B, template: two}}\n"})
    enroll(root)
    enrolling.enroll(books.at(MONDAY, root), "kim", "other")
    told = books.Told()
    assert sorted(what for _, what, _ in books.codes(books.act(root, "2027-03-01T10:00", told).decisions)) == [
        "one-step",
        "sent",
    ]
    assert books.codes(books.act(root, "2027-03-01T12:00", told).decisions) == [("kim", "gap", 1)]
    assert books.codes(books.act(root, "2027-03-02T10:00", told).decisions) == [("kim", "sent", 1)]
    assert told.sent == ["kim", "kim"]


@pytest.mark.parametrize("moment", ["2027-03-04T10:00", "1970-01-01T12:00"])
def test_a_clock_that_was_put_back_sends_nothing(root: Path, moment: str) -> None:
    told = books.Told()
    enroll(root)
    books.act(root, "2027-03-01T09:05", told)
    books.act(root, "2027-03-04T12:00", told)
    for _ in range(2):
        assert books.codes(books.act(root, moment, told).decisions) == [("kim", "clock", 3)]
    assert told.sent == ["kim", "kim"]
    assert books.codes(books.act(root, "2027-03-08T12:00", told).decisions) == [("kim", "task", 3)]


def test_the_night_of_the_turn_of_the_clock_is_one_night(tmp_path: Path) -> None:
    steps = "steps:\n- {wait: 0d, what: A, template: one}\n- {wait: 1d, what: B, template: one}\n"
    root = books.make(tmp_path / "book", steps, "max_lateness: 1d\n")
    told = books.Told()
    enroll(root, moment="2027-10-30T02:30")
    books.act(root, "2027-10-30T02:30", told)
    for moment in ("2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+01:00"):  # The hour comes twice.
        books.act(root, moment, told)
    assert told.sent == ["kim", "kim"]


def test_a_run_that_died_before_it_told_the_book_does_not_send_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = books.Told()
    enroll(root)

    def fails(*_: object) -> str:
        raise StorageFailed("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(recording, "sent", fails)
        report = books.act(root, "2027-03-01T09:05", told)
    assert not report.complete
    assert books.one(root).log == ()
    assert books.codes(books.act(root, "2027-03-01T09:06", told).decisions) == [("kim", "record", 1)]
    assert told.sent == ["kim"]
    assert books.one(root).log[0].subject == "Hello Kim"


def test_an_answer_that_was_lost_is_held_a_refusal_ends_it_and_a_delay_waits(root: Path) -> None:
    enroll(root)
    told = books.Told(kim=books.LATER)
    (decision,) = books.act(root, "2027-03-01T09:05", told).decisions
    assert decision.what == "deferred"
    assert books.codes(books.act(root, "2027-03-01T09:06", told).decisions) == [("kim", "deferred", 1)]
    assert books.codes(books.act(root, "2027-03-01T12:00", told).decisions) == [("kim", "sent", 1)]
    told = books.Told(kim=books.LOST)
    books.act(root, "2027-03-04T12:00", told)
    assert books.codes(books.act(root, "2027-03-04T13:00", told).decisions) == [("kim", "hold", 2)]
    assert told.sent == ["kim"]
    enroll(root, "bob")
    books.act(root, "2027-03-01T13:00", books.Told(bob=books.GONE))
    decisions = {one.customer: one for one in books.act(root, "2027-03-01T14:00", told).decisions}
    assert (decisions["bob"].what, decisions["bob"].code) == ("stop", "bounce")


def test_who_is_stopped_gets_nothing_that_still_waited(root: Path) -> None:
    enroll(root)
    books.act(root, "2027-03-01T09:05", books.Told(kim=books.LATER))
    enrolling.stop(books.at("2027-03-01T09:06", root), "kim")
    told = books.Told()
    books.act(root, "2027-03-01T12:00", told)
    rows = Desk(Book(root)).rows("01HYYYYYYYYYYYYYYYYYYYYYYY")
    assert [row.state for row in rows.values()] == ["cancelled"]
    assert told.sent == []


def test_a_second_run_leaves_it_to_the_first(root: Path) -> None:
    enroll(root)
    with at_work(books.at(MONDAY, root), "another"), pytest.raises(SendingElsewhere):
        books.act(root, "2027-03-01T09:05")


# The inbox, the window, the purpose


def test_the_inbox_is_read_before_anything_is_decided(root: Path) -> None:
    from crmctl.services.ingest.notebook import Notebook

    told = books.Told()
    enroll(root)

    def ingest() -> None:
        log(root, "2027-03-01T10:30", "email", ("direction", "in"))
        book = books.at("2027-03-01T11:00", root)
        Notebook(book).done(book.now())

    report = books.act(root, "2027-03-01T11:00", told, ingest=ingest)
    assert [(one.what, one.code) for one in report.decisions] == [("stop", "reply")]
    assert told.sent == []


def test_an_inbox_that_cannot_be_read_holds_mail_back_but_no_call(tmp_path: Path) -> None:
    steps = "steps:\n- {wait: 0d, what: A, template: one}\n- {wait: 0d, what: B}\n"
    root = books.make(tmp_path / "book", steps)

    def ingest() -> None:
        raise CrmError("no route to host")

    told = books.Told()
    enroll(root)
    report = books.act(root, "2027-03-01T11:00", told, ingest=ingest)
    assert books.codes(report.decisions) == [("kim", "stale-inbox", 1)]
    assert not report.complete
    assert "no route to host" in report.notes[0]
    set_(root, "sequence", "welcome", ("stop_on", "purchase"))
    report = books.act(root, "2027-03-01T11:00", told, ingest=ingest)
    assert books.codes(report.decisions) == [("kim", "sent", 1)]


def test_mail_goes_out_in_the_window_of_the_recipient(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", more="window: 09:00-17:00\nweekdays: [mon, tue]\n")
    set_(root, "customer", "kim", ("timezone", "America/New_York"))
    enroll(root)
    (decision,) = books.look(root, "2027-03-01T11:00")
    assert (decision.code, f"{decision.until:%Y-%m-%d %H:%M %z}") == ("window", "2027-03-01 09:00 -0500")
    assert books.codes(books.look(root, "2027-03-01T15:00")) == [("kim", "send", 1)]
    (decision,) = books.look(root, "2027-03-03T15:00")
    assert (decision.code, f"{decision.until:%Y-%m-%d}") == ("window", "2027-03-08")


def test_the_limit_of_a_purpose_counts_each_mail_of_a_sequence_once(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", MAILS)
    by_hand(root, {"/crm.yaml": (root / "crm.yaml").read_text() + "pressure:\n  newsletter: 2 in 30d\n"})
    told = books.Told()
    enroll(root)
    for day in ("04", "07"):
        books.act(root, f"2027-03-{day}T09:00", told)
    assert told.sent == ["kim", "kim"]
    (decision,) = books.act(root, "2027-03-10T09:00", told).decisions
    assert (decision.what, decision.code) == ("wait", "pressure")
    assert f"{decision.until:%Y-%m-%d %H:%M}" == "2027-04-03 10:00"  # Summer time has begun.
    assert told.sent == ["kim", "kim"]


def test_nothing_is_done_while_the_limits_cannot_be_read(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", MAILS)
    enroll(root)
    text = (root / "crm.yaml").read_text()
    by_hand(root, {"/crm.yaml": text + "pressure:\n  newsletter: two a month\n"})
    told = books.Told()
    with pytest.raises(InvalidData, match="nothing is sent: crm"):
        books.act(root, "2027-03-04T09:00", told)
    by_hand(root, {"/crm.yaml": text})
    books.act(root, "2027-03-04T09:00", told)
    assert told.sent == ["kim"]


def test_without_a_mail_server_calls_are_still_made(tmp_path: Path) -> None:
    steps = "steps:\n- {wait: 0d, what: B}\n- {wait: 0d, what: A, template: one}\n"
    root = books.make(tmp_path / "book", steps)
    enroll(root)
    report = runs.act(books.at("2027-03-01T11:00", root), Outside())
    assert books.codes(report.decisions) == [("kim", "task", 1)]
    (task,) = [str(row[0]) for row in Book(root).index.rows("SELECT handle FROM followups")]
    followups.done(books.at("2027-03-01T12:00", root), task)
    report = runs.act(books.at("2027-03-02T13:00", root), Outside())
    assert [(one.what, one.code) for one in report.decisions] == [("hold", "no-server")]


def test_an_enrolment_that_cannot_be_understood_is_told_and_holds_up_nobody_else(root: Path) -> None:
    handle = enroll(root)
    enroll(root, "bob")
    path = root / f"records/enrolments/{handle}.yaml"
    by_hand(root, {f"enrolments/{handle}.yaml": path.read_text().replace("wait: 3d", "wait: some time")})
    told = books.Told()
    report = books.act(root, "2027-03-01T09:05", told)
    assert sorted(books.codes(report.decisions)) == [("bob", "sent", 1), ("kim", "hold", 0)]
    assert not report.complete
    assert told.sent == ["bob"]


# Several clones


def test_two_clones_make_one_enrolment_and_one_step(root: Path, tmp_path: Path) -> None:
    remote = tmp_path / "team.git"
    git(tmp_path, "clone", "-q", "--bare", str(root), str(remote))
    clones = [tmp_path / "a", tmp_path / "b"]
    for folder in clones:
        git(tmp_path, "clone", "-q", str(remote), str(folder))
    handles = {enroll(folder, moment=f"2027-03-01T09:0{n}") for n, folder in enumerate(clones)}
    assert len(handles) == 1
    told = books.Told()
    # Nobody goes on before the others know who does.
    for folder in clones:
        assert books.codes(books.act(folder, "2027-03-01T10:00", told).decisions) == [("kim", "not-synced", 1)]
    git(clones[0], "push", "-q")
    git(clones[1], "fetch", "-q")
    for _ in range(2):
        for folder in clones:
            books.act(folder, "2027-03-01T10:00", told)
    assert told.sent == ["kim"]
    assert books.one(clones[0]).place == 2
    assert books.one(clones[1]).place == 1


def test_a_copied_book_takes_no_steps_until_it_is_told_to(root: Path, tmp_path: Path) -> None:
    enroll(root)
    shutil.copytree(root, tmp_path / "copy", symlinks=True)
    told = books.Told()
    assert books.codes(books.act(tmp_path / "copy", "2027-03-01T10:00", told).decisions) == [("kim", "elsewhere", 1)]
    enrolling.adopt(books.at("2027-03-01T10:00", tmp_path / "copy"), "welcome")
    assert books.codes(books.act(tmp_path / "copy", "2027-03-01T10:00", told).decisions) == [("kim", "sent", 1)]


# Staying in touch, and telling why


def test_whoever_was_not_in_touch_for_their_cadence_becomes_one_follow_up(root: Path) -> None:
    set_(root, "customer", "kim", ("cadence", "30d"))
    assert books.look(root, MONDAY) == []  # Never in touch: nothing to keep up.
    log(root, "2027-01-30T09:00", "call")
    log(root, "2027-02-20T09:00", "note")  # No contact.
    assert books.look(root, "2027-02-28T09:00") == []
    for _ in range(2):
        books.act(root, "2027-03-01T09:00")
    (handle,) = [str(row[0]) for row in Book(root).index.rows("SELECT handle FROM followups")]
    log(root, "2027-03-02T09:00", "email", ("direction", "in"))
    books.act(root, "2027-03-02T10:00")
    assert Book(root).index.rows("SELECT handle, done FROM followups") == [(handle, "2027-03-02")]
    assert books.look(root, "2027-03-31T09:00") == []
    (why,) = runs.about(books.at("2027-03-31T09:00", root), "kim")
    assert (why.code, why.reason) == ("not-due", "last real contact on 2027-03-02, so it is due on Thu 2027-04-01")
    assert [one.customer for one in books.look(root, "2027-04-01T09:00")] == ["kim"]


def test_every_decision_is_kept_with_its_reason_and_told_once(root: Path) -> None:
    handle = enroll(root)
    books.act(root, "2027-03-01T09:05")
    for hour in range(3):
        assert books.act(root, f"2027-03-02T1{hour}:00").news == []
    noted = Decisions(Book(root)).of(handle)
    assert [(one.what, one.code, one.step) for one in noted] == [("sent", "sent", 1), ("wait", "not-due", 2)]
    assert (noted[1].first[:16], noted[1].last[:16]) == ("2027-03-02T10:00", "2027-03-02T12:00")
    set_(root, "customer", "kim", ("emails", ""))
    assert [one.code for one in books.act(root, "2027-03-04T09:00").news] == ["no-address"]
    assert books.act(root, "2027-03-04T09:15").news == []


# Records that are not as they should be


@pytest.mark.parametrize("fault", ["window: early", "max_lateness: soon"])
def test_a_sequence_that_cannot_be_gone_by_holds_up_nobody_else(tmp_path: Path, fault: str) -> None:
    root = books.make(tmp_path / "book")
    other = "id: 01HXXXXXXXXXXXXXXXXXXXXXXX\nname: O\npurpose: newsletter\n"
    by_hand(root, {"sequences/other.yaml": other + MAILS.replace("3d", "0d")})
    enroll(root)
    enrolling.enroll(books.at(MONDAY, root), "bob", "other")
    path = root / "records/sequences/other.yaml"
    by_hand(root, {"sequences/other.yaml": f"{path.read_text()}{fault}\n"})
    told = books.Told()
    report = books.act(root, "2027-03-01T09:05", told)
    assert sorted(books.codes(report.decisions)) == [("bob", "hold", 1), ("kim", "sent", 1)]
    assert not report.complete
    assert told.sent == ["kim"]
    with pytest.raises(UsageProblem, match="other: "):
        enrolling.migrate(books.at(MONDAY, root), "other")


@pytest.mark.parametrize("path", ["customers/kim.yaml", "sequences/welcome.yaml"])
def test_a_slip_of_the_pen_in_a_record_holds_up_and_ends_nothing(root: Path, path: str) -> None:
    enroll(root)
    right = (root / "records" / path).read_text()
    by_hand(root, {path: f"{right}name: twice\n"})
    told = books.Told()
    (decision,) = books.act(root, "2027-03-01T09:05", told).decisions
    assert (decision.what, decision.code, told.sent) == ("hold", "unreadable", [])
    by_hand(root, {path: right})
    assert books.codes(books.act(root, "2027-03-01T09:06", told).decisions) == [("kim", "sent", 1)]


def test_a_template_that_is_gone_is_told_before_anything_is_sent(root: Path) -> None:
    enroll(root)
    (root / "templates/one.md").unlink()
    (decision,) = books.look(root, "2027-03-01T09:05")
    assert (decision.what, decision.code) == ("hold", "no-template")
    assert not books.act(root, "2027-03-01T09:05").complete
    with pytest.raises(UsageProblem, match="no template 'one'"):
        enroll(root, "bob")


def test_fewer_steps_than_were_taken_are_no_reason_to_fail_in_another_clone(root: Path, tmp_path: Path) -> None:
    enroll(root)
    books.act(root, "2027-03-01T09:05")
    books.act(root, "2027-03-04T09:05")
    shorter = books.SEQUENCE + "sender: other\nsteps:\n- {wait: 0d, what: Greet, template: one}\n"
    by_hand(root, {"sequences/welcome.yaml": shorter})
    enrolling.migrate(books.at("2027-03-04T10:00", root), "welcome")
    assert books.codes(books.act(root, "2027-03-04T11:00").decisions) == [("kim", "elsewhere", 3)]


def test_why_nothing_is_done_about_a_record_that_cannot_be_understood_is_explained(root: Path) -> None:
    handle = enroll(root)
    path = root / f"records/enrolments/{handle}.yaml"
    by_hand(root, {f"enrolments/{handle}.yaml": path.read_text().replace("wait: 3d", "wait: some time")})
    (decision,) = runs.about(books.at(MONDAY, root), "kim")
    assert (decision.code, decision.enrolment) == ("unreadable", handle)
    with pytest.raises(Conflict, match="cannot be understood"):
        enroll(root)


def test_who_withdrew_is_not_called_by_a_sequence_of_mails_either(tmp_path: Path) -> None:
    steps = "steps:\n- {wait: 0d, what: A, template: one}\n- {wait: 1d, what: Ring them, channel: phone}\n"
    root = books.make(tmp_path / "book", steps)
    enroll(root)
    books.act(root, "2027-03-01T09:05")
    set_(root, "customer", "kim", ("consent.newsletter.state", "withdrawn"))
    (decision,) = books.act(root, "2027-03-02T09:05").decisions
    assert (decision.what, decision.code) == ("stop", "opt-out")


def test_an_inbox_that_cannot_be_read_is_told_once_until_it_could_be_read_again(root: Path) -> None:
    def fails() -> None:
        raise CrmError("no route to host")

    for ingest, told in ((fails, 1), (fails, 0), (lambda: None, 0), (fails, 1)):
        report = books.act(root, "2027-03-01T11:00", ingest=ingest)
        assert (len(report.notes), report.complete) == (told, ingest is not fails)


def test_who_is_stopped_leaves_no_draft_to_read(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", "steps:\n- {wait: 0d, what: A, template: one, approval: draft}\n")
    enroll(root)
    books.act(root, "2027-03-01T09:05")
    assert len(drafts.every(Book(root))) == 1
    enrolling.stop(books.at(MONDAY, root), "kim")
    assert drafts.every(Book(root)) == []


def test_a_server_that_loses_every_answer_gets_the_same_mail_a_few_times_only(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", MAILS.replace("3d", "0d"))
    set_(root, "sequence", "welcome", ("purpose", "service"))
    enroll(root)
    told = books.Told()
    for hour in range(10, 24):
        told.outcomes["kim"] = books.LOST
        books.act(root, f"2027-03-01T{hour}:00", told)
    assert len(set(told.data)) == 1
    assert len(told.sent) == 3
    assert books.codes(books.look(root, "2027-03-02T10:00")) == [("kim", "hold", 1)]
