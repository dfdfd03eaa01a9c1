"""The part of a run that is done in the book: tasks, drafts to read, who is through or stopped."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.services.campaigns.campaign import BY_HAND
from crmctl.services.following import cadence
from crmctl.services.following import deciding
from crmctl.services.following import drafts
from crmctl.services.following import enrolling
from crmctl.services.following import enrolments
from crmctl.services.following import messages
from crmctl.services.following import recording
from crmctl.services.following import ways

if TYPE_CHECKING:
    from crmctl.services.following.course import Course
    from crmctl.services.following.deciding import Decision
    from crmctl.services.following.enrolments import Sequence
    from crmctl.services.following.everybody import Case
    from crmctl.store.transaction import Transaction

_IN_BOOK = frozenset({deciding.STOP, deciding.FINISH, deciding.SKIP, deciding.TASK})
_NOUNS = {
    deciding.STOP: "stopped",
    deciding.FINISH: "finished",
    deciding.SKIP: "skipped",
    deciding.TASK: "for us to do",
}


def written(course: Course, cases: list[Case]) -> list[Decision]:
    """Do what is done in the book alone, as one commit; the decisions, as they came out."""
    found = []
    plans: list[Case] = []
    scripts: dict[str, str] = {}
    for case in cases:
        decision = _with_files(course, case, scripts)
        found.append(decision)
        plans.append(case._replace(decision=decision))
    wanted = [case for case in plans if case.decision.what in _IN_BOOK]
    if wanted:
        with course.book.write("followup run") as tx:
            for case in wanted:
                _put(course, tx, case, scripts.get(case.enrolment.handle, ""))
            counts = Counter(case.decision.what for case in wanted)
            words = ", ".join(f"{count} {_NOUNS[what]}" for what, count in sorted(counts.items()))
            tx.commit(f"followup: run, {words}")
        course.book.refresh()
    gone: dict[str, list[Case]] = {}
    for case in plans:
        if case.decision.what == deciding.RECORD and case.sequence is not None:
            gone.setdefault(case.sequence.handle, []).append(case)
    for several in gone.values():
        record(course, several)
    return found


def _with_files(course: Course, case: Case, scripts: dict[str, str]) -> Decision:
    """Write the files that a decision asks for, and what is to be said into ``scripts``, by enrolment; it fails for one
    without holding up the others."""
    decision, sequence = case.decision, case.sequence
    try:
        if decision.what == deciding.DRAFT and sequence is not None:
            return _draft(course, case, sequence)
        if decision.what == deciding.TASK and sequence is not None:
            return _script(course, case, sequence, scripts)
    except CrmError as error:
        course.fail()
        return decision._replace(what=deciding.HOLD, code="cannot-render", reason=error.message)
    return decision


def _script(course: Course, case: Case, sequence: Sequence, scripts: dict[str, str]) -> Decision:
    """Make what is to be said on the phone, or at the door, as campaigns do."""
    decision, step = case.decision, case.enrolment.steps[case.decision.step - 1]
    known = sequence.text("purpose").lower() in course.book.settings.purposes
    if not (step.template and step.channel in BY_HAND and known):
        return decision
    mail = messages.mail_of(course.book, sequence, case.enrolment, decision.step)
    made = messages.renderer_for(course.book, sequence, step.template, None, {}, step.channel).made(mail)
    if made.code:
        course.fail()
        return decision._replace(what=deciding.HOLD, code=made.code, reason=made.reason)
    scripts[decision.enrolment] = made.content.decode().strip()
    return decision


def _draft(course: Course, case: Case, sequence: Sequence) -> Decision:
    decision = case.decision
    mail = messages.mail_of(course.book, sequence, case.enrolment, decision.step)
    renderer = messages.renderer_for(course.book, sequence, mail.step.template, course.outside.mail, {})
    made = renderer.made(mail)
    if made.code:
        course.fail()
        return decision._replace(what=deciding.HOLD, code=made.code, reason=made.reason)
    path = drafts.put(course.book, decision.enrolment, decision.step, renderer.draft(mail), mail.step)
    return decision._replace(reason=f"a draft to read and release: {path}")


def _put(course: Course, tx: Transaction, case: Case, script: str) -> None:
    book, one, decision = course.book, case.enrolment, case.decision
    now = book.now()
    if decision.what == deciding.STOP:
        enrolling.put(book, tx, one, {"state": enrolments.STOPPED, "reason": f"{decision.code}: {decision.reason}"})
        with suppress(OSError):
            drafts.remove(book, one.handle)
    elif decision.what == deciding.FINISH:
        enrolling.put(
            book, tx, one, {"state": enrolments.FINISHED, "reason": f"{enrolments.FINISHED}: {decision.reason}"}
        )
    elif decision.what == deciding.SKIP:
        recording.took(book, tx, one, decision.step, enrolments.SKIPPED, "", now)
    else:
        handle = recording.task(book, tx, one, decision.step, now, script)
        recording.took(book, tx, one, decision.step, "task", handle, now)


def record(course: Course, cases: list[Case]) -> None:
    """Tell the book of what went out in a run that died before it could."""
    sequence = cases[0].sequence
    assert sequence is not None
    rows = course.desk.rows(sequence.id)
    gone = []
    for case in cases:
        mail = messages.mail_of(course.book, sequence, case.enrolment, case.decision.step)
        row = rows[mail.sid]
        by_hand = ways.by_hand(row.ch, course.outside)
        gone.append(recording.Gone(case.enrolment, case.decision.step, row, by_hand))
    recording.sent(course.book, course.desk, sequence, gone)


def keep_in_touch(course: Course, found: list[Decision]) -> None:
    """Make the follow-ups of those to get in touch with, and close those after which there was a contact."""
    if not found:
        return
    today = course.book.now().date()
    cold = {one.handle: one for one in cadence.due(course.book, course.book.now())}
    with course.book.write("followup run") as tx:
        for decision in found:
            if decision.what == deciding.TASK and decision.enrolment in cold:
                cadence.put(course.book, tx, cold[decision.enrolment], today)
            elif decision.what == deciding.FINISH:
                cadence.put_done(course.book, tx, decision.enrolment, decision.reason.rpartition(" ")[2])
        if tx.paths:
            tx.commit(f"followup: run, {len(found)} by cadence")
    course.book.refresh()
