"""The part of a run that goes out, by mail, on paper or as a text message, and what is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import REJECTED
from crmctl.services.campaigns.running import handing_over
from crmctl.services.campaigns.running.sending import Way
from crmctl.services.following import deciding
from crmctl.services.following import drafts
from crmctl.services.following import enrolments
from crmctl.services.following import messages
from crmctl.services.following import outgoing
from crmctl.services.following import pinning
from crmctl.services.following import recording
from crmctl.services.following import ways
from crmctl.services.mailing.config import MailServer

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.campaigns.running.triage import Line
    from crmctl.services.following.course import Course
    from crmctl.services.following.deciding import Decision
    from crmctl.services.following.enrolments import Sequence
    from crmctl.services.following.everybody import Case


UNREACHED = frozenset({"connect", "helo", "tls", "auth", "folder"})
"""Where a way out ends that cannot be gone at all."""


def sent(course: Course, cases: list[Case]) -> list[Decision]:
    """Send what is due, sequence after sequence and channel by channel, and tell the book; what became of each.

    Raises:
        OutcomeLost, StorageFailed, LedgerDamaged: what is sent could not be known again; nothing more was sent.
    """
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        channel = case.enrolment.steps[case.decision.step - 1].channel
        groups.setdefault((case.decision.sequence, channel), []).append(case)
    found: list[Decision] = []
    for (_, channel), several in groups.items():
        sequence, outside = several[0].sequence, course.outside
        assert sequence is not None
        if channel != enrolments.EMAIL:
            found += _handed_over(course, sequence, several, channel)
        elif outside.transport is None or outside.mail is None:
            course.fail()
            words = "no mail server is set up: docs/mail-setup.md"
            found += [case.decision._replace(what=deciding.HOLD, code="no-server", reason=words) for case in several]
        else:
            found += _sent_of(course, sequence, several, _way(course, outside.transport, outside.mail), channel)
    return found


def _handed_over(course: Course, sequence: Sequence, cases: list[Case], channel: str) -> list[Decision]:
    """Put letters into a folder, and text messages there or where a program takes them."""
    transport = ways.transport(course.book, messages.as_campaign(course.book, sequence, "", channel), course.outside)
    try:
        found = _sent_of(course, sequence, cases, _way(course, transport, MailServer()), channel)
    except handing_over.FolderAway as error:
        course.fail()
        words = f"{error.message} ({error.hint})"
        return [case.decision._replace(what=deciding.HOLD, code="elsewhere", reason=words) for case in cases]
    course.bound += handing_over.bind(transport, course.book.now())
    return found


def _sent_of(course: Course, sequence: Sequence, cases: list[Case], way: Way, channel: str) -> list[Decision]:
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
    lines = outgoing.Outgoing(course.book, course.desk, sequence, way, channel).send(mails)
    rows = course.desk.rows(sequence.id)
    files = {sid: ways.file_of(way.transport, sid) for sid in by_sid if rows[sid].state == ACCEPTED}
    by_hand = ways.by_hand(channel, course.outside)
    gone = [
        recording.Gone(case.enrolment, case.decision.step, rows[sid], by_hand)
        for sid, case in by_sid.items()
        if rows[sid].state == ACCEPTED
    ]
    if gone or any(rows[sid].state == REJECTED for sid in by_sid):
        try:
            recording.sent(course.book, course.desk, sequence, gone)
        except CrmError as error:
            words = f"The book could not be brought up to date ({error.message}); the next run does it."
            course.fail(words)
    return found + [_told(course, by_sid[line.entry.sid].decision, line, files.get(line.entry.sid)) for line in lines]


def _way(course: Course, transport: Transport, server: MailServer) -> Way:
    return Way(
        transport=transport,
        mail=server,
        moment=course.book.now,
        sleep=course.outside.sleep,
        stopped=lambda: "interrupted" if course.outside.interrupted() else "",
        told=lambda _line: None,
        mirror=lambda: None,
    )


def _told(course: Course, decision: Decision, line: Line, file: Path | None) -> Decision:
    if line.state == ACCEPTED:
        if decision.what == deciding.PAPER and ways.by_hand(decision.code, course.outside):
            return decision._replace(reason=f"{decision.reason} ({file})" if file is not None else decision.reason)
        code = "sent" if decision.what == deciding.SEND else decision.code
        return decision._replace(what="sent", code=code, reason=f"step {decision.step} went out")
    what = {"out": deciding.HOLD, "bad": deciding.HOLD}.get(line.state, line.state)
    if line.state != "wait" or line.code in UNREACHED:
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
