"""Putting people into a sequence, taking them out, and moving them to its new steps."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from crmctl import query
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.model import ids
from crmctl.services import records
from crmctl.services.checking.files import templates
from crmctl.services.following import drafts
from crmctl.services.following import enrolments
from crmctl.services.following import facts
from crmctl.services.following import pinning
from crmctl.services.records import Written

if TYPE_CHECKING:
    from collections.abc import Sequence as Many

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.following.enrolments import Enrolment
    from crmctl.services.following.enrolments import Sequence
    from crmctl.services.following.enrolments import Step
    from crmctl.store.transaction import Transaction


def require(book: Book, handle: str) -> Sequence:
    """The sequence, with steps that can be understood.

    Raises:
        NotFound, UsageProblem, InvalidData: there is none, or it has no steps, or mail without a purpose, or names a
            template that is not there.
    """
    found = enrolments.sequence(book, handle)
    if found is None:
        raise NotFound(f"there is no sequence {handle!r}", hint="crmctl sequence list")
    steps = enrolments.steps_of(found.data.get("steps"), f"sequence {handle}")
    if not steps:
        raise UsageProblem(f"sequence {handle} has no steps", hint=f"crmctl sequence edit {handle}")
    lacking = sorted({step.template for step in steps if step.template} - templates(book.files))
    if lacking:
        raise UsageProblem(f"there is no template {lacking[0]!r}", hint=f"crmctl sequence edit {handle}")
    wrong = enrolments.fault(found) or _bad_filter(book, steps)
    if wrong:
        raise UsageProblem(f"sequence {handle}: {wrong}", hint=f"crmctl sequence edit {handle}")
    if any(step.is_mail or step.is_paper for step in steps):
        name = found.text("purpose").lower()
        if name not in book.settings.purposes:
            known = ", ".join(book.settings.purposes)
            said = f"has the purpose {name!r}, which crm.yaml does not know" if name else "does not say what it is for"
            hint = f"Purposes of this book: {known}. crmctl sequence set {handle} purpose=NAME"
            raise UsageProblem(f"sequence {handle} {said}", hint=hint)
    return found


def _bad_filter(book: Book, steps: Many[Step]) -> str:
    """Why the condition of one of the steps cannot be understood, "" when all can be."""
    kind = book.schema.require("customer")
    for number, step in enumerate(steps, 1):
        try:
            if step.when:
                query.compile_filter(query.parse(step.when), kind, book.context, book.now())
        except CrmError as error:
            return f"when of step {number}: {error.message}"
    return ""


def enroll(book: Book, customer: str, sequence: str, *, again: bool = False) -> Written:
    """Put a customer into a sequence. Whoever is in it already stays where they are.

    Raises:
        Conflict: they were in it before and ``again`` is not said, or they are in another one and it is exclusive, or
            may not be written to.
    """
    wanted = require(book, sequence)
    before = enrolments.every(book, customer=customer, sequence=sequence)
    running = next((one for one in before if one.state == enrolments.ACTIVE), None)
    message = f"sequence: enroll {customer} {sequence}"
    if running is not None:
        return Written((running.handle,), message, "", ("is in it already",))
    refuse(book, wanted, customer, before, facts.Facts(book, book.now()), again=again)
    with book.write(f"sequence enroll {customer} {sequence}") as tx:
        clone = pin(book, tx, wanted)
        handle = put_new(book, tx, wanted, customer, len(before) + 1)
        commit = tx.commit(message)
    book.refresh()
    return Written((handle,), message, commit, sender_note(wanted, clone))


def sender_note(wanted: Sequence, clone: str) -> tuple[str, ...]:
    """A word for it when another clone than this one takes the steps."""
    sender = wanted.text("sender") or clone
    return () if sender == clone else (f"{sender} takes its steps, and this clone is {clone}",)


def refuse(
    book: Book, wanted: Sequence, customer: str, before: Many[Enrolment], known: facts.Facts, *, again: bool
) -> None:
    """Refuse to enroll a customer who cannot be; ``before`` are the enrolments in this sequence that they had.

    Raises:
        NotFound, Conflict: as ``enroll``.
    """
    data = known.data(customer)
    if data is None:
        raise NotFound(f"there is no customer {customer!r}", hint="crmctl customer list")
    if before and not again:
        hint = f"crmctl sequence enroll {wanted.handle} {customer} --again"
        raise Conflict(f"{customer} was in {wanted.handle} already ({before[-1].state})", hint=hint)
    for other in enrolments.every(book, customer=customer, active=True):
        theirs = enrolments.sequence(book, other.sequence)
        if wanted.exclusive or theirs is None or theirs.exclusive:
            hint = f"crmctl sequence stop {customer} {other.sequence}, or set exclusive=no for both sequences"
            raise Conflict(f"{customer} is in sequence {other.sequence}", hint=hint)
    steps = enrolments.steps_of(wanted.data.get("steps"), wanted.handle)
    refused = known.refusal(wanted, customer, data) if any(step.is_mail for step in steps) else None
    if refused is not None:
        hint = f"crmctl consent show {customer}"
        raise Conflict(f"{customer} may not be written to for {wanted.text('purpose')}: {refused[1]}", hint=hint)


def put_new(book: Book, tx: Transaction, wanted: Sequence, customer: str, number: int) -> str:
    """Put somebody's ``number``-th enrolment in a sequence into a transaction; its handle.

    Raises:
        Conflict: there is a record of that name which cannot be understood.
    """
    owner_id, sequence_id = (
        _with_id(book, tx, *pair) for pair in (("customer", customer), ("sequence", wanted.handle))
    )
    identity = enrolments.identity(sequence_id, owner_id, number)
    handle = enrolments.handle_of(identity)
    new: RawMap = {
        "id": identity,
        "customer": customer,
        "sequence": wanted.handle,
        "state": enrolments.ACTIVE,
        "steps": wanted.data["steps"],
        "log": [_begun(book, customer)],
    }
    kind = book.schema.require("enrolment")
    path = records.path_of(book, kind, handle)
    if tx.read(path) is not None:
        raise Conflict(f"{customer} is in {wanted.handle} already, by {path}, which cannot be understood")
    records.save(book, tx, kind, path, new)
    return handle


def _begun(book: Book, customer: str) -> RawMap:
    """The first line of a log: when somebody was enrolled, and the deals that were closed already on that day, which
    may be why they were."""
    now = book.now()
    sql = "SELECT handle FROM deals WHERE customer = ? AND status IN ('won', 'lost') AND closed = ? ORDER BY handle"
    day = now.astimezone(book.settings.zone).date().isoformat()
    closed = " ".join(str(handle) for (handle,) in book.index.rows(sql, (customer, day)))
    begun: RawMap = {"step": "0", "at": now.isoformat(), "what": enrolments.ENROLLED}
    return {**begun, "ref": closed} if closed else begun


def _with_id(book: Book, tx: Transaction, kind_name: str, handle: str) -> str:
    """The id of a record; one that was written by hand without any gets the one that every clone would give it."""
    kind = book.schema.require(kind_name)
    path = records.path_of(book, kind, handle)
    data = records.load(tx, path)
    if not data.get("id"):
        data = {**data, "id": records.first_id(book, path)}
        records.save(book, tx, kind, path, data, ["id"])
    return str(data["id"])


def pin(book: Book, tx: Transaction, wanted: Sequence) -> str:
    """Have this clone take the steps of a sequence that nobody takes yet; the name of this clone."""
    clone = pinning.here(book)
    if wanted.text("sender"):
        return clone
    kind = book.schema.require("sequence")
    path = records.path_of(book, kind, wanted.handle)
    data = records.load(tx, path)
    if not data.get("sender"):
        records.save(book, tx, kind, path, {**data, "sender": clone}, ["sender"])
    return clone


def adopt(book: Book, sequence: str) -> Written:
    """Let this clone take the steps of a sequence from now on, in place of one that is gone."""
    clone = pinning.here(book)
    kind = book.schema.require("sequence")
    path = records.path_of(book, kind, sequence)
    message = f"sequence: adopt {sequence}"
    with book.write(f"sequence adopt {sequence}") as tx:
        data = records.load(tx, path)
        records.save(book, tx, kind, path, {**data, "sender": clone}, ["sender"])
        commit = tx.commit(message)
    book.refresh()
    return Written((sequence,), message, commit, (f"{clone} takes its steps",))


def stop(book: Book, customer: str, sequence: str = "", reason: str = "") -> Written:
    """Take a customer out of a sequence, or of all of them.

    Raises:
        NotFound: they are in none.
    """
    found = enrolments.every(book, customer=customer, sequence=sequence, active=True)
    if not found:
        where = f"sequence {sequence}" if sequence else "any sequence"
        raise NotFound(f"{customer} is not in {where}", hint="crmctl sequence status")
    message = f"sequence: stop {customer} {' '.join(one.sequence for one in found)}"
    with book.write(f"sequence stop {customer}") as tx:
        for one in found:
            put(book, tx, one, {"state": enrolments.STOPPED, "reason": reason or "stopped by hand"})
        commit = tx.commit(message)
    book.refresh()
    for one in found:
        with suppress(OSError):
            drafts.remove(book, one.handle)
    return Written(tuple(one.handle for one in found), message, commit)


def migrate(book: Book, sequence: str, customer: str = "") -> Written:
    """Move those who are in a sequence to the steps it has now; steps that were taken stay taken, by their number."""
    wanted = require(book, sequence)
    found = enrolments.every(book, customer=customer, sequence=sequence, active=True)
    moved = [one for one in found if one.data.get("steps") != wanted.data.get("steps")]
    message = f"sequence: migrate {sequence}, {len(moved)} of {len(found)}"
    if not moved:
        return Written((), message, "", (f"{len(found)} in {sequence}, all with its present steps",))
    with book.write(f"sequence migrate {sequence}") as tx:
        for one in moved:
            put(book, tx, one, {"steps": wanted.data["steps"]})
        commit = tx.commit(message)
    book.refresh()
    return Written(tuple(one.handle for one in moved), message, commit)


def put(book: Book, tx: Transaction, enrolment: Enrolment, fields: RawMap) -> None:
    """Put fields of an enrolment into a transaction, on top of what stands in its file now."""
    kind = book.schema.require("enrolment")
    path = records.path_of(book, kind, enrolment.handle)
    data = records.load(tx, path)
    if not data.get("id"):
        data = {**data, "id": ids.id_from(enrolment.handle)}
    records.save(book, tx, kind, path, {**data, **fields}, list(fields))
