"""Follow-ups: promised in the same breath as an interaction, done, put off, and due again where they repeat."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Ambiguous
from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.model import ids
from crmctl.services import records
from crmctl.services import refs
from crmctl.services.following import repeats
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

    One that is done already keeps its day unless another is given. One that repeats makes the next one.
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
        again = None
        if before.get("repeat") and not before.get("done"):
            try:
                again = _again(handle, before, after)
            except (InvalidData, ValueError) as error:
                # What was done is done, whatever is wrong with the next one.
                notes = [*notes, f"it does not come again: {error}"]
        records.save(book, tx, kind, path, after, [name.name for name in assignments])
        if again is not None:
            notes += _put_again(book, tx, *again)
        message = f"followup: done {handle}"
        return Written((handle,), message, tx.commit(message), tuple(notes))


def snooze(book: Book, handle: str, until: str, *, adopt: bool = False) -> Written:
    """Put a follow-up off to the day that the words ``until`` (leaning to the future) mean.

    Raises:
        Conflict: it is done.
        UsageProblem: the day is over, or none was told.
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
        names = ["due"]
        if before.get("repeat") and not before.get("anchor"):
            # Put off is only this one: the next ones come when they always would.
            after = {**after, "anchor": before["due"]}
            names.append("anchor")
        records.save(book, tx, kind, path, after, names)
        message = f"followup: snooze {handle}"
        return Written((handle,), message, tx.commit(message), (f"due {due:%a %Y-%m-%d}",))


_CARRIED = ("what", "repeat", "leap", "customer", "template", "deal", "case", "promised", "owner", "tags", "notes")


def _again(handle: str, before: RawMap, after: RawMap) -> tuple[str, RawMap]:
    """The handle and the record of the next one of a follow-up that repeats.

    Both are told from the first one's, so that two clones in which it was done make the same.
    """
    anchor = date.fromisoformat(str(before.get("anchor") or before["due"]))
    due, day = (date.fromisoformat(str(text)) for text in (before["due"], after["done"]))
    leap = str(before.get("leap") or "")
    following = repeats.following(anchor, repeats.parse(str(before["repeat"])), max(due, day), leap).isoformat()
    first = _first(handle, before)
    data: RawMap = {name: before[name] for name in _CARRIED if name in before}
    data |= {"due": following, "anchor": anchor.isoformat()}
    identity = ids.id_from(f"followup {first} {before.get('id') or ''} {following}")
    return f"{first}-on-{following.replace('-', '')}", {**data, "id": identity}


_ROOM = ids.MAX_HANDLE - len("-on-20270401")


def _first(handle: str, data: RawMap) -> str:
    """What the handles of all repeats begin with: the first one's; a long one is cut so that no other is cut to it."""
    stem, _, tail = handle.rpartition("-on-")
    if stem and data.get("anchor") and len(tail) == 8 and tail.isdecimal():
        handle = stem
    if len(handle) <= _ROOM:
        return handle
    return f"{handle[: _ROOM - 7]}-{sha256(handle.encode()).hexdigest()[:6]}"


def _put_again(book: Book, tx: Transaction, handle: str, data: RawMap) -> list[str]:
    """Put the next one into a transaction, unless another clone has made it; words about it."""
    kind = book.schema.require("followup")
    path = records.path_of(book, kind, handle)
    due = date.fromisoformat(str(data["due"]))
    if tx.read(path) is not None and records.load(tx, path).get("anchor") != data["anchor"]:
        handle = f"{handle[: ids.MAX_HANDLE - 7]}-{sha256(str(data['id']).encode()).hexdigest()[:6]}"
        path = records.path_of(book, kind, handle)  # Of another promise, whoever gave it that name.
    if tx.read(path) is None:
        try:
            records.save(book, tx, kind, path, data)
        except InvalidData as error:
            return [f"it does not come again: {error.message}"]
    return [f"again {due:%a %Y-%m-%d} ({handle})"]


def _not_over(book: Book, data: RawMap) -> date:
    """The day a follow-up is due; refused when it is over, or none is told."""
    if not data.get("due"):
        raise UsageProblem("until when?", hint="A follow-up is due today or later: fri, 3d, 2w, eom.")
    due = date.fromisoformat(str(data["due"]))
    if due < book.now().date():
        raise UsageProblem(f"{due:%a %Y-%m-%d} is over", hint="A follow-up is due today or later: fri, 3d, 2w, eom.")
    return due
