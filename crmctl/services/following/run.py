"""One run over everybody who is in a sequence, and over those to stay in touch with: the inbox first, then decisions,
then what is done about them. It may be called in any pattern: nothing is done twice, and nothing in a burst."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.services.campaigns.desk import Desk
from crmctl.services.campaigns.desk import at_work
from crmctl.services.campaigns.sending import Way
from crmctl.services.following import cadence
from crmctl.services.following import deciding
from crmctl.services.following import drafts
from crmctl.services.following import enrolling
from crmctl.services.following import enrolments
from crmctl.services.following import everybody
from crmctl.services.following import outgoing
from crmctl.services.following import papers
from crmctl.services.following import pinning
from crmctl.services.following import recording
from crmctl.services.following.deciding import Decision
from crmctl.services.following.decisions import Decisions

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.book import Book
    from crmctl.services.campaigns.triage import Line
    from crmctl.services.following.enrolments import Sequence
    from crmctl.services.following.everybody import Case
    from crmctl.services.mailing.config import MailServer

STALE = timedelta(hours=2)
"""An inbox that was not read for so long may hold an answer that nobody has seen."""


class Outside(NamedTuple):
    """What a run needs of the outside: the way out and its settings (None: no mail server is set up), how to read the
    inbox (None: none is set up), waiting (None: the time stands still), whether somebody wants it to end."""

    transport: Transport | None = None
    mail: MailServer | None = None
    ingest: Callable[[], None] | None = None
    sleep: Callable[[float], None] | None = None
    interrupted: Callable[[], bool] = bool


class Report(NamedTuple):
    """What was decided and done. ``news`` are those that differ from the run before; ``complete``: nothing failed."""

    decisions: list[Decision]
    news: list[Decision]
    notes: list[str]
    complete: bool = True


def look(book: Book, *, catch_up: bool = False) -> list[Decision]:
    """What would be done now, and why nothing is done about the others; nothing is written, and nobody connected to."""
    rows = everybody.mails(book, Desk(book), tolerant=True)
    cases = everybody.decided(book, rows, catch_up=catch_up, stale="")
    return [*(case.decision for case in cases), *everybody.broken(book), *everybody.in_touch(book)]


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
        OutcomeLost, StorageFailed, LedgerDamaged: what is sent could not be known again; nothing more was sent.
    """
    with at_work(book, "followup run") as desk:
        return _Run(book, desk, outside, catch_up=catch_up).go()


class _Run:
    """The parts of a run, one after the other."""

    def __init__(self, book: Book, desk: Desk, outside: Outside, *, catch_up: bool) -> None:
        self._book = book
        self._desk = desk
        self._outside = outside
        self._catch_up = catch_up
        self._notes: list[str] = list(desk.ledger.notes)
        self._complete = True
        self._unread = ""

    def go(self) -> Report:
        stale = self._read_inbox()
        self._book.refresh()
        rows = everybody.mails(self._book, self._desk, tolerant=False)
        cases = everybody.decided(self._book, rows, catch_up=self._catch_up, stale=stale)
        broken = everybody.broken(self._book)
        faulty = any(case.decision.code in _FAULTS for case in cases)
        self._complete = self._complete and not broken and not faulty
        found = [*self._written(cases), *broken, *everybody.in_touch(self._book)]
        self._keep_in_touch([one for one in found if one.sequence == everybody.CADENCE])
        found = [one for one in found if one.what != deciding.SEND]
        try:
            found += self._mail([case for case in cases if case.decision.what == deciding.SEND])
        finally:
            if self._outside.transport is not None:
                self._outside.transport.close()
        self._cancel(cases)
        return self._report(found)

    def _read_inbox(self) -> str:
        """Read it; why steps that an answer would stop must wait, "" when they need not."""
        if self._outside.ingest is None:
            return ""
        from crmctl.services.ingest.run import last_success

        try:
            self._outside.ingest()
        except CrmError as error:
            self._unread = f"The inbox could not be read: {error.message}"
            self._complete = False
        last = last_success(self._book)
        if last is not None and self._book.now() - last <= STALE:
            return ""
        when = f"since {last:%Y-%m-%d %H:%M}" if last is not None else "yet"
        return f"the inbox was not read {when}, and an answer may be in it"

    # What stands in the book

    def _written(self, cases: list[Case]) -> list[Decision]:
        """Do what is done in the book alone, as one commit; the decisions, as they came out."""
        found = []
        plans: list[Case] = []
        for case in cases:
            decision = self._with_files(case)
            found.append(decision)
            plans.append(case._replace(decision=decision))
        wanted = [case for case in plans if case.decision.what in _IN_BOOK]
        if wanted:
            with self._book.write("followup run") as tx:
                for case in wanted:
                    self._put(tx, case)
                counts = Counter(case.decision.what for case in wanted)
                words = ", ".join(f"{count} {_NOUNS[what]}" for what, count in sorted(counts.items()))
                tx.commit(f"followup: run, {words}")
            self._book.refresh()
        gone: dict[str, list[Case]] = {}
        for case in plans:
            if case.decision.what == deciding.RECORD and case.sequence is not None:
                gone.setdefault(case.sequence.handle, []).append(case)
        for several in gone.values():
            self._record(several)
        return found

    def _with_files(self, case: Case) -> Decision:
        """Write the files that a decision asks for; it fails for one without holding up the others."""
        decision, sequence = case.decision, case.sequence
        try:
            if decision.what == deciding.PAPER and sequence is not None:
                path = papers.write(self._book, sequence, case.enrolment, decision.step)
                return decision._replace(reason=f"{decision.reason} ({path})")
            if decision.what == deciding.DRAFT and sequence is not None:
                return self._draft(case, sequence)
        except CrmError as error:
            self._complete = False
            return decision._replace(what=deciding.HOLD, code="cannot-render", reason=error.message)
        return decision

    def _draft(self, case: Case, sequence: Sequence) -> Decision:
        decision = case.decision
        mail = outgoing.mail_of(self._book, sequence, case.enrolment, decision.step)
        renderer = outgoing.renderer_for(self._book, sequence, mail.step.template, self._outside.mail, {})
        made = renderer.made(mail)
        if made.code:
            self._complete = False
            return decision._replace(what=deciding.HOLD, code=made.code, reason=made.reason)
        path = drafts.put(self._book, decision.enrolment, decision.step, outgoing.as_draft(made))
        return decision._replace(reason=f"a draft to read and release: {path}")

    def _put(self, tx: object, case: Case) -> None:
        from crmctl.store.transaction import Transaction

        assert isinstance(tx, Transaction)
        book, one, decision = self._book, case.enrolment, case.decision
        now = book.now()
        if decision.what == deciding.STOP:
            enrolling.put(book, tx, one, {"state": enrolments.STOPPED, "reason": decision.reason})
            with suppress(OSError):
                drafts.remove(book, one.handle)
        elif decision.what == deciding.FINISH:
            enrolling.put(book, tx, one, {"state": enrolments.FINISHED, "reason": decision.reason})
        elif decision.what == deciding.SKIP:
            recording.took(book, tx, one, decision.step, enrolments.SKIPPED, "", now)
        else:
            handle = recording.task(book, tx, one, decision.step, now)
            what = decision.code if decision.what == deciding.PAPER else "task"
            recording.took(book, tx, one, decision.step, what, handle, now)

    def _record(self, cases: list[Case]) -> None:
        """Tell the book of mails that went out in a run that died before it could."""
        sequence = cases[0].sequence
        assert sequence is not None
        rows = self._desk.rows(sequence.id)
        gone = []
        for case in cases:
            mail = outgoing.mail_of(self._book, sequence, case.enrolment, case.decision.step)
            gone.append(recording.Gone(case.enrolment, case.decision.step, rows[mail.sid]))
        recording.sent(self._book, self._desk, sequence, gone)

    def _keep_in_touch(self, found: list[Decision]) -> None:
        if not found:
            return
        today = self._book.now().date()
        cold = {one.handle: one for one in cadence.due(self._book, self._book.now())}
        with self._book.write("followup run") as tx:
            for decision in found:
                if decision.what == deciding.TASK and decision.enrolment in cold:
                    cadence.put(self._book, tx, cold[decision.enrolment], today)
                elif decision.what == deciding.FINISH:
                    cadence.put_done(self._book, tx, decision.enrolment, decision.reason.rpartition(" ")[2])
            if tx.paths:
                tx.commit(f"followup: run, {len(found)} by cadence")
        self._book.refresh()

    # What goes out

    def _mail(self, cases: list[Case]) -> list[Decision]:
        by_sequence: dict[str, list[Case]] = {}
        for case in cases:
            by_sequence.setdefault(case.decision.sequence, []).append(case)
        found: list[Decision] = []
        for several in by_sequence.values():
            if self._outside.transport is None or self._outside.mail is None:
                self._complete = False
                words = "no mail server is set up: docs/mail-setup.md"
                found += [
                    case.decision._replace(what=deciding.HOLD, code="no-server", reason=words) for case in several
                ]
            else:
                found += self._mail_of(several, self._outside.transport, self._outside.mail)
        return found

    def _mail_of(self, cases: list[Case], transport: Transport, server: MailServer) -> list[Decision]:
        sequence = cases[0].sequence
        assert sequence is not None
        way = Way(
            transport=transport,
            mail=server,
            moment=self._book.now,
            sleep=self._outside.sleep,
            stopped=lambda: "interrupted" if self._outside.interrupted() else "",
            told=lambda _line: None,
            mirror=lambda: None,
        )
        found, mails, by_sid = [], [], {}
        for case in cases:
            try:
                draft = self._released(case)
            except CrmError as error:
                self._complete = False
                found.append(case.decision._replace(what=deciding.HOLD, code="draft", reason=error.message))
                continue
            mail = outgoing.mail_of(self._book, sequence, case.enrolment, case.decision.step, draft)
            mails.append(mail)
            by_sid[mail.sid] = case
        if not mails:
            return found
        lines = outgoing.Outgoing(self._book, self._desk, sequence, way).send(mails)
        rows = self._desk.rows(sequence.id)
        gone = [
            recording.Gone(case.enrolment, case.decision.step, rows[sid])
            for sid, case in by_sid.items()
            if rows[sid].state == ACCEPTED
        ]
        if gone:
            try:
                recording.sent(self._book, self._desk, sequence, gone)
            except CrmError as error:
                words = f"The book could not be brought up to date ({error.message}); the next run does it."
                self._notes.append(words)
                self._complete = False
        return found + [self._told(by_sid[line.entry.sid].decision, line) for line in lines]

    def _released(self, case: Case) -> outgoing.Draft | None:
        for one in drafts.every(self._book):
            if (one.enrolment, one.step) == (case.enrolment.handle, case.decision.step) and one.released:
                return drafts.read(one.path)
        return None

    def _told(self, decision: Decision, line: Line) -> Decision:
        if line.state == ACCEPTED:
            return decision._replace(what="sent", code="sent", reason=f"step {decision.step} went out")
        what = {"out": deciding.HOLD, "bad": deciding.HOLD}.get(line.state, line.state)
        self._complete = self._complete and line.state == "wait"
        return decision._replace(what=what, code=line.code or line.state, reason=line.reason, until=line.until)

    # The end

    def _cancel(self, cases: list[Case]) -> None:
        """What waited in the ledger for somebody who is not in a sequence any more will not go out."""
        wanted: dict[str, set[str]] = {}
        for case in cases:
            over = case.decision.what in (deciding.STOP, deciding.FINISH) or case.enrolment.next is None
            if case.sequence is not None and not over:
                mail = outgoing.mail_of(self._book, case.sequence, case.enrolment, case.decision.step)
                wanted.setdefault(case.sequence.id, set()).add(mail.sid)
        clone = pinning.here(self._book)
        for handle, identity, sender in self._book.index.rows("SELECT handle, id, sender FROM sequences"):
            if sender != clone:
                continue
            camp = str(identity or handle)
            rows = [row for row in self._desk.rows(camp).values() if row.sid not in wanted.get(camp, set())]
            recording.cancel(self._desk, camp, [row for row in rows if set(row.claimed_by) <= {self._desk.host}])

    def _report(self, found: list[Decision]) -> Report:
        notes = Decisions(self._book)
        inbox = Decision(_INBOX, "", "", 0, deciding.HOLD if self._unread else deciding.DONE, _INBOX, self._unread)
        if self._unread and notes.is_news(inbox):
            self._notes.append(self._unread)  # Once, until it could be read again: cron would mail it all day.
        of_people = [one for one in found if one.sequence != everybody.CADENCE]
        done = ("sent", *deciding.ACTS)
        news = [one for one in found if one.what in done or (_matters(one) and notes.is_news(one))]
        handles = [str(handle) for (handle,) in self._book.index.rows("SELECT handle FROM enrolments")]
        of_people = of_people if self._outside.ingest is None else [*of_people, inbox]
        notes.note(of_people, self._book.now(), [*handles, _INBOX])
        return Report(found, news, self._notes, self._complete)


def _matters(decision: Decision) -> bool:
    """Whether a person has to know that nothing was done; that something is not due yet, they need not."""
    return decision.what != deciding.WAIT or decision.code in _TOLD


_INBOX = "inbox"
_FAULTS = frozenset({"unreadable", "no-template"})
_TOLD = frozenset({"clock", "draft", "not-synced", "stale-inbox"})
_IN_BOOK = frozenset({deciding.STOP, deciding.FINISH, deciding.SKIP, deciding.TASK, deciding.PAPER})
_NOUNS = {
    deciding.STOP: "stopped",
    deciding.FINISH: "finished",
    deciding.SKIP: "skipped",
    deciding.TASK: "for us to do",
    deciding.PAPER: "on paper",
}
