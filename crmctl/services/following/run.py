"""One run over everybody who is in a sequence, and over those to stay in touch with: the inbox first, then decisions,
then what is done about them. It may be called in any pattern: nothing is done twice, and nothing in a burst."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.consenting import rules
from crmctl.services.following import cadence
from crmctl.services.following import deciding
from crmctl.services.following import drafts
from crmctl.services.following import everybody
from crmctl.services.following import in_book
from crmctl.services.following import in_mail
from crmctl.services.following import ways
from crmctl.services.following.course import Course
from crmctl.services.following.deciding import Decision
from crmctl.services.following.decisions import Decisions

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.book import Book
    from crmctl.services.following.course import Outside

STALE = timedelta(hours=2)
"""An inbox that was not read for so long may hold an answer that nobody has seen."""


class Report(NamedTuple):
    """What was decided and done. ``news`` are those that differ from the run before; ``complete``: nothing failed.
    ``bound`` are the files to print."""

    decisions: list[Decision]
    news: list[Decision]
    notes: list[str]
    complete: bool = True
    bound: tuple[Path, ...] = ()


def look(book: Book, *, catch_up: bool = False) -> list[Decision]:
    """What would be done now, and why nothing is done about the others; nothing is written, and nobody connected to."""
    rows = everybody.mails(book, Desk(book), tolerant=True)
    cases = everybody.decided(book, rows, catch_up=catch_up, stale="")
    return _in_order([*(case.decision for case in cases), *everybody.broken(book), *everybody.in_touch(book)])


def about(book: Book, customer: str) -> list[Decision]:
    """The same for one customer, those included who are through."""
    rows = everybody.mails(book, Desk(book), tolerant=True)
    cases = everybody.decided(book, rows, catch_up=False, stale="", customer=customer)
    touch = [one for one in everybody.in_touch(book) if one.customer == customer]
    touch += [one for one in everybody.broken(book) if one.customer == customer]
    why = cadence.standing(book, customer, book.now())
    if why is not None and not touch:
        touch.append(Decision(everybody.CADENCE, customer, everybody.CADENCE, 0, deciding.WAIT, *why))
    return [*(case.decision for case in cases), *touch]


def act(book: Book, outside: Outside, *, catch_up: bool = False) -> Report:
    """Read the inbox, decide, and do what is due.

    Raises:
        SendingElsewhere: another process is at it.
        InvalidData: the book does not say clearly when or how often people may be written to; the inbox was read.
        OutcomeLost, StorageFailed, LedgerDamaged: what is sent could not be known again; nothing more was sent.
    """
    with at_work(book, "followup run") as desk:
        return _Run(book, desk, outside, catch_up=catch_up).go()


class _Run:
    """The parts of a run, one after the other."""

    def __init__(self, book: Book, desk: Desk, outside: Outside, *, catch_up: bool) -> None:
        self._book = book
        self._course = Course(book, desk, outside)
        self._catch_up = catch_up
        self._unread = ""

    def go(self) -> Report:
        stale = self._read_inbox()
        self._book.refresh()
        rules.require(self._book)
        course, outside = self._course, self._course.outside
        self._tidy()
        course.bound += ways.settle(self._book, course.desk)
        rows = everybody.mails(self._book, course.desk, tolerant=False)
        cases = everybody.decided(self._book, rows, catch_up=self._catch_up, stale=stale)
        broken = everybody.broken(self._book)
        if broken or any(case.decision.code in _FAULTS for case in cases):
            course.fail()
        found = [*in_book.written(course, cases), *broken, *everybody.in_touch(self._book)]
        in_book.keep_in_touch(course, [one for one in found if one.sequence == everybody.CADENCE])
        found = [one for one in found if one.what not in _GOES_OUT]
        try:
            found += in_mail.sent(course, [case for case in cases if case.decision.what in _GOES_OUT])
        finally:
            if outside.transport is not None:
                outside.transport.close()
        in_mail.cancel(course, cases)
        return self._report(_in_order(found))

    def _tidy(self) -> None:
        """Take away the drafts that nobody will send, and tell of those that are made anew."""
        for one in drafts.tidy(self._book):
            step = f"step {one.step} of {one.enrolment}"
            self._course.notes.append(f"The draft of {step} is gone: the step was changed since, and has another mail.")

    def _read_inbox(self) -> str:
        """Read it; why steps that an answer would stop must wait, "" when they need not."""
        ingest = self._course.outside.ingest
        if ingest is None:
            return ""
        from crmctl.services.ingest.run import last_success

        try:
            ingest()
        except CrmError as error:
            self._unread = f"The inbox could not be read: {error.message}"
            self._course.fail()
        last = last_success(self._book)
        if last is not None and self._book.now() - last <= STALE:
            return ""
        when = f"since {last:%Y-%m-%d %H:%M}" if last is not None else "yet"
        return f"the inbox was not read {when}, and an answer may be in it"

    def _report(self, found: list[Decision]) -> Report:
        notes = Decisions(self._book)
        inbox = Decision(_INBOX, "", "", 0, deciding.HOLD if self._unread else deciding.DONE, _INBOX, self._unread)
        if self._unread and notes.is_news(inbox):
            self._course.notes.append(self._unread)  # Once, until it could be read again: cron would mail it all day.
        of_people = [one for one in found if one.sequence != everybody.CADENCE]
        done = ("sent", *deciding.ACTS)
        news = [one for one in found if one.what in done or (_matters(one) and notes.is_news(one))]
        handles = [str(handle) for (handle,) in self._book.index.rows("SELECT handle FROM enrolments")]
        of_people = of_people if self._course.outside.ingest is None else [*of_people, inbox]
        notes.note(of_people, self._book.now(), [*handles, _INBOX])
        return Report(found, news, self._course.notes, self._course.complete, tuple(self._course.bound))


def _in_order(found: list[Decision]) -> list[Decision]:
    """As they are shown: customer by customer, and those to stay in touch with at the end."""
    return sorted(found, key=lambda one: (one.sequence == everybody.CADENCE, one.customer, one.sequence))


def _matters(decision: Decision) -> bool:
    """Whether a person has to know that nothing was done; that something is not due yet, they need not."""
    return decision.what != deciding.WAIT or decision.code in _TOLD


_GOES_OUT = frozenset({deciding.SEND, deciding.PAPER})
_INBOX = "inbox"
_FAULTS = frozenset({"unreadable", "no-template"})
_TOLD = in_mail.UNREACHED | {"clock", "draft", "not-synced", "stale-inbox"}
