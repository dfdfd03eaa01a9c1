"""What the outbox has to know of the mails of sequences: whose they are, whether they are ours to settle, and telling
the book."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.services.following import enrolments
from crmctl.services.following import pinning
from crmctl.services.following import recording

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.campaigns.running.desk import Desk


class Place(NamedTuple):
    """Whose mail it is (a handle), and of which step."""

    customer: str = ""
    step: str = ""


def places(book: Book) -> dict[str, Place]:
    """The mails that the enrolments of the book can have, by the ids of their sends."""
    sequences = {str(handle): str(identity or handle) for handle, identity in book.index.rows(_SEQUENCES)}
    people = {str(handle): str(identity or handle) for handle, identity in book.index.rows(_CUSTOMERS)}
    found = {}
    for one in enrolments.every(book):
        sequence, person = sequences.get(one.sequence, one.sequence), people.get(one.customer, one.customer)
        for number in range(1, len(one.steps) + 1):
            found[enrolments.sid_of(sequence, one, person, number)] = Place(one.customer, str(number))
    return found


_SEQUENCES = "SELECT handle, id FROM sequences"
_CUSTOMERS = "SELECT handle, id FROM customers"


def require_here(book: Book, handle: str) -> None:
    """Refuse unless this clone takes the steps of a sequence.

    Raises:
        Conflict: another one does.
    """
    sequence, clone = enrolments.sequence(book, handle), pinning.here(book)
    sender = sequence.text("sender") if sequence is not None else ""
    if sender and sender != clone:
        raise Conflict(
            f"the mails of sequence {handle} are sent by {sender}, and this clone is {clone}",
            hint=f"Settle it there. If that clone is gone: crmctl sync, then crmctl sequence adopt {handle}",
        )


def tell(book: Book, desk: Desk, handle: str) -> str:
    """Put this machine's lines about a sequence into the book; the commit.

    Raises:
        CrmError: the book cannot be written now; the next run does it.
    """
    sequence = enrolments.sequence(book, handle)
    if sequence is None:
        return ""
    with book.write(f"outbox resolve, sequence {handle}") as tx:
        recording.mirror(book, tx, desk, sequence)
        commit = tx.commit(f"sequence: {handle}, settled by hand") if tx.paths else ""
    book.refresh()
    return commit
