"""Members of the team add to the list of suppressions, ask it, and take back what they added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.errors import NotFound
from crmctl.services.consenting import addresses
from crmctl.services.consenting import consents
from crmctl.services.consenting import keys
from crmctl.services.consenting import suppression
from crmctl.services.consenting import unsubscribing
from crmctl.services.consenting.suppression import ALL
from crmctl.services.consenting.suppression import REMOVABLE
from crmctl.services.consenting.suppression import New
from crmctl.services.records import Written

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.consenting.suppression import Entry


def add(
    book: Book, address: str, *, purpose: str = "", channel: str = "", why: str = "manual", source: str = ""
) -> Written:
    """Put an address onto the list; nothing changes when it is there already, for the same reason.

    Raises:
        UsageProblem: it is no address, or the purpose is none.
        KeyMissing, InvalidData: the list cannot be used.
    """
    scope = consents.purpose_of(book, purpose).name if purpose else ALL
    normal = addresses.typed(address, book.context)
    with book.write("suppress add") as tx:
        ring = keys.load(book, tx)
        known = suppression.load(book)
        suppression.add(tx, known, ring, [New(normal, why, scope, channel, source)], book.now())
        message = f"suppress: add an address ({why}, {scope})"
        return Written((), message, tx.commit(message))


def has_customer(book: Book, address: str) -> bool:
    """Whether a customer has the address, however they write it.

    Raises:
        UsageProblem: it is no address.
    """
    return bool(unsubscribing.holders(book, addresses.typed(address, book.context)))


def check(book: Book, address: str) -> list[Entry]:
    """The entries that stand against an address.

    Raises:
        UsageProblem, KeyMissing, InvalidData: as ``add``.
    """
    normal = addresses.typed(address, book.context)
    return suppression.load(book).of(normal)


def remove(book: Book, address: str, reason: str) -> Written:
    """Take back what the team put onto the list, by lines that say so.

    Raises:
        NotFound: nothing stands against the address.
        Conflict: they said so themselves.
    """
    found = check(book, address)
    if not found:
        raise NotFound("nothing stands against this address")
    own = [entry for entry in found if entry.why in REMOVABLE]
    if not own:
        hint = "When they come back on their own: crmctl consent grant, or crmctl consent request."
        raise Conflict(f"they said so themselves, so it stays: {found[0].words}", hint=hint)
    with book.write("suppress rm") as tx:
        suppression.lift(tx, own, "lifted", reason, book.now())
        message = f"suppress: lift {len(own)} {'entry' if len(own) == 1 else 'entries'}"
        notes = [f"stays: {entry.words}" for entry in found if entry not in own]
        return Written((), message, tx.commit(message), tuple(notes))
