"""Follow-ups: promised in the same breath as an interaction, done, put off."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Ambiguous
from crmctl.errors import Conflict
from crmctl.errors import UsageProblem
from crmctl.services import records
from crmctl.services import refs
from crmctl.services.records import Assignment
from crmctl.services.records import Written
from crmctl.store import layout

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.store.transaction import Transaction

USUAL_WAIT = "1w"
"""When something is due of which nothing was said."""


class Promise(NamedTuple):
    """A follow-up as typed: ``due`` are date words that lean to the future; ``promised`` if the customer was told."""

    what: str
    due: str = ""
    promised: bool = False


def put(book: Book, tx: Transaction, promise: Promise, customer: str, reason: RawMap) -> tuple[str, str]:
    """Add a follow-up to the transaction; its handle, and when it is due, for telling.

    It takes its deal, case and owner from the interaction that is its ``reason``.
    """
    kind = book.schema.require("followup")
    assignments = [
        Assignment("what", promise.what),
        Assignment("due", promise.due or USUAL_WAIT),
        Assignment("promised", "yes" if promise.promised else ""),
        *(Assignment(name, str(reason.get(name, ""))) for name in ("deal", "case")),
        Assignment("owner", str(reason.get("by", ""))),
    ]
    data, _ = records.assign_all(book, kind, {"customer": customer}, assignments)
    due = _not_over(book, data)
    handle = records.free_handle(book, tx, kind, promise.what, "")
    records.save(book, tx, kind, layout.path_of(kind, handle, sharded=book.sharded), data)
    return handle, f"due {due:%a %Y-%m-%d}"


def find(book: Book, ref: str) -> str:
    """The handle of the follow-up that ``ref`` means; of several, those that are still open count.

    Raises:
        NotFound, Ambiguous: as ``refs.find``.
    """
    kind = book.schema.require("followup")
    try:
        return refs.find(book, kind, ref)
    except Ambiguous as error:
        is_open = "SELECT 1 FROM followups WHERE handle = ? AND done IS NULL"
        still = [found for found in error.candidates if book.index.row(is_open, (found[0],))]
        if len(still) == 1:
            return still[0][0]
        raise Ambiguous(error.message, still or error.candidates, hint=error.hint) from None


def done(book: Book, handle: str, *, on: str = "", outcome: str = "", adopt: bool = False) -> Written:
    """Mark a follow-up as done: today, or on the day that the words ``on`` (leaning to the past) mean.

    One that is done already keeps its day unless another is given.
    """
    now = book.now()
    kind = book.schema.require("followup")
    path = records.path_of(book, kind, handle)
    with book.write(f"followup done {handle}", adopt=adopt) as tx:
        before = records.load(tx, path)
        assignments = [Assignment("outcome", outcome)] if outcome.strip() else []
        if on.strip() or not before.get("done"):
            assignments.append(Assignment("done", on or "today"))
        after, notes = records.assign_all(book, kind, before, assignments)
        day = str(after["done"])
        if on.strip() and day > now.date().isoformat():
            raise UsageProblem(f"{day} lies ahead", hint=f"To put it off: crmctl followup snooze {handle} {day}")
        if not assignments:
            notes = [f"it was done on {day}"]
        records.save(book, tx, kind, path, after, [name.name for name in assignments])
        message = f"followup: done {handle}"
        return Written((handle,), message, tx.commit(message), tuple(notes))


def snooze(book: Book, handle: str, until: str, *, adopt: bool = False) -> Written:
    """Put a follow-up off to the day that the words ``until`` (leaning to the future) mean.

    Raises:
        Conflict: it is done.
        UsageProblem: the day is over.
    """
    kind = book.schema.require("followup")
    path = records.path_of(book, kind, handle)
    with book.write(f"followup snooze {handle}", adopt=adopt) as tx:
        before = records.load(tx, path)
        if before.get("done"):
            hint = f"To open it again: crmctl followup set {handle} done="
            raise Conflict(f"followup {handle} was done on {before['done']}", hint=hint)
        after, _ = records.assign_all(book, kind, before, [Assignment("due", until)])
        due = _not_over(book, after)
        records.save(book, tx, kind, path, after, ["due"])
        message = f"followup: snooze {handle}"
        return Written((handle,), message, tx.commit(message), (f"due {due:%a %Y-%m-%d}",))


def _not_over(book: Book, data: RawMap) -> date:
    """The day a follow-up is due; refused when it is over."""
    due = date.fromisoformat(str(data["due"]))
    if due < book.now().date():
        raise UsageProblem(f"{due:%a %Y-%m-%d} is over", hint="A follow-up is due today or later: fri, 3d, 2w, eom.")
    return due
