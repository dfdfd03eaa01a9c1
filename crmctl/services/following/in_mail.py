"""The part of a run that goes out by mail, and what is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import REJECTED
from crmctl.services.campaigns.running.sending import Way
from crmctl.services.following import deciding
from crmctl.services.following import drafts
from crmctl.services.following import messages
from crmctl.services.following import outgoing
from crmctl.services.following import pinning
from crmctl.services.following import recording

if TYPE_CHECKING:
    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.campaigns.running.triage import Line
    from crmctl.services.following.course import Course
    from crmctl.services.following.deciding import Decision
    from crmctl.services.following.everybody import Case
    from crmctl.services.mailing.config import MailServer


def sent(course: Course, cases: list[Case]) -> list[Decision]:
    """Send the mails that are due, sequence after sequence, and tell the book of them; what became of each.

    Raises:
        OutcomeLost, StorageFailed, LedgerDamaged: what is sent could not be known again; nothing more was sent.
    """
    by_sequence: dict[str, list[Case]] = {}
    for case in cases:
        by_sequence.setdefault(case.decision.sequence, []).append(case)
    found: list[Decision] = []
    for several in by_sequence.values():
        if course.outside.transport is None or course.outside.mail is None:
            course.fail()
            words = "no mail server is set up: docs/mail-setup.md"
            found += [case.decision._replace(what=deciding.HOLD, code="no-server", reason=words) for case in several]
        else:
            found += _sent_of(course, several, course.outside.transport, course.outside.mail)
    return found


def _sent_of(course: Course, cases: list[Case], transport: Transport, server: MailServer) -> list[Decision]:
    sequence = cases[0].sequence
    assert sequence is not None
    way = Way(
        transport=transport,
        mail=server,
        moment=course.book.now,
        sleep=course.outside.sleep,
        stopped=lambda: "interrupted" if course.outside.interrupted() else "",
        told=lambda _line: None,
        mirror=lambda: None,
    )
    found, mails, by_sid = [], [], {}
    released = {(one.enrolment, one.step): one.path for one in drafts.every(course.book) if one.released}
    for case in cases:
        path = released.get((case.enrolment.handle, case.decision.step))
        try:
            draft = drafts.read(path) if path is not None else None
        except CrmError as error:
            course.fail()
            found.append(case.decision._replace(what=deciding.HOLD, code="draft", reason=error.message))
            continue
        mail = messages.mail_of(course.book, sequence, case.enrolment, case.decision.step, draft)
        mails.append(mail)
        by_sid[mail.sid] = case
    if not mails:
        return found
    lines = outgoing.Outgoing(course.book, course.desk, sequence, way).send(mails)
    rows = course.desk.rows(sequence.id)
    gone = [
        recording.Gone(case.enrolment, case.decision.step, rows[sid])
        for sid, case in by_sid.items()
        if rows[sid].state == ACCEPTED
    ]
    if gone or any(rows[sid].state == REJECTED for sid in by_sid):
        try:
            recording.sent(course.book, course.desk, sequence, gone)
        except CrmError as error:
            words = f"The book could not be brought up to date ({error.message}); the next run does it."
            course.fail(words)
    return found + [_told(course, by_sid[line.entry.sid].decision, line) for line in lines]


def _told(course: Course, decision: Decision, line: Line) -> Decision:
    if line.state == ACCEPTED:
        return decision._replace(what="sent", code="sent", reason=f"step {decision.step} went out")
    what = {"out": deciding.HOLD, "bad": deciding.HOLD}.get(line.state, line.state)
    if line.state != "wait":
        course.fail()
    return decision._replace(what=what, code=line.code or line.state, reason=line.reason, until=line.until)


def cancel(course: Course, cases: list[Case]) -> None:
    """What waited in the ledger for somebody who is not in a sequence any more will not go out."""
    wanted: dict[str, set[str]] = {}
    for case in cases:
        over = case.decision.what in (deciding.STOP, deciding.FINISH) or case.enrolment.next is None
        if case.sequence is not None and not over:
            mail = messages.mail_of(course.book, case.sequence, case.enrolment, case.decision.step)
            wanted.setdefault(case.sequence.id, set()).add(mail.sid)
    clone = pinning.here(course.book)
    for handle, identity, sender in course.book.index.rows("SELECT handle, id, sender FROM sequences"):
        if sender != clone:
            continue
        camp = str(identity or handle)
        rows = [row for row in course.desk.rows(camp).values() if row.sid not in wanted.get(camp, set())]
        recording.cancel(course.desk, camp, [row for row in rows if set(row.claimed_by) <= {course.desk.host}])
