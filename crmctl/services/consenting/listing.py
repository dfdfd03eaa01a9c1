"""Members of the team add to the list of suppressions, ask it, and take back what they added."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.services.consenting import addresses
from crmctl.services.consenting import consents
from crmctl.services.consenting import keys
from crmctl.services.consenting import suppression
from crmctl.services.consenting import unsubscribing
from crmctl.services.consenting.suppression import REMOVABLE
from crmctl.services.consenting.suppression import New
from crmctl.services.consenting.suppression_entry import ALL
from crmctl.services.records import Written

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.consenting.suppression_entry import Entry

LONGEST_REASON = 100
_SHORTEST_NAME = 3


def add(
    book: Book, address: str, *, purpose: str = "", channel: str = "", why: str = "manual", reason: str = ""
) -> Written:
    """Put an address onto the list; nothing changes when it is there already, for the same cause (``why``).

    ``reason`` says in words how it is known; it stands in the list for ever, and for everybody to read.

    Raises:
        UsageProblem: it is no address, the purpose is none, or the reason may name somebody.
        KeyMissing, InvalidData: the list cannot be used.
    """
    scope = consents.purpose_of(book, purpose).name if purpose else ALL
    normal = addresses.typed(address, book.context)
    reason = _naming_nobody(book, reason, normal)
    with book.write("suppress add") as tx:
        ring = keys.load(book, tx)
        known = suppression.load(book)
        suppression.add(tx, known, ring, [New(normal, why, scope, channel, reason)], book.now())
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
        UsageProblem: the reason may name somebody.
        NotFound: nothing stands against the address.
        Conflict: they said so themselves.
    """
    reason = _naming_nobody(book, reason, addresses.typed(address, book.context))
    found = check(book, address)
    if not found:
        hint = (
            "crmctl suppress list has the entries that count; crmctl consent show REF tells what else may stop a mail."
        )
        raise NotFound("nothing stands against this address", hint=hint)
    own = [entry for entry in found if entry.why in REMOVABLE]
    if not own:
        hint = "When they come back on their own: crmctl consent grant, or crmctl consent request."
        raise Conflict(f"they said so themselves, so it stays: {found[0].words}", hint=hint)
    with book.write("suppress rm") as tx:
        suppression.lift(tx, own, "lifted", reason, book.now())
        message = f"suppress: lift {len(own)} {'entry' if len(own) == 1 else 'entries'}"
        notes = [f"stays: {entry.words}" for entry in found if entry not in own]
        return Written((), message, tx.commit(message), tuple(notes))


def _naming_nobody(book: Book, text: str, normal: str) -> str:
    """A reason as it may stand in a list that outlives everybody's erasure: words that say nothing about anybody.

    Raises:
        UsageProblem: it holds an address or a number, or a word of the address or of the names of whoever has it.
    """
    text = " ".join(text.split())
    hint = "Say what happened and not to whom: typed by mistake, asked at the fair, bounced."
    if len(text) > LONGEST_REASON:
        raise UsageProblem(f"a reason has {LONGEST_REASON} characters at most", hint=hint)
    if "@" in text or any(character.isnumeric() for character in text):
        raise UsageProblem("a reason holds no address and no digits: it stays when they are erased", hint=hint)
    names = [name for handle in unsubscribing.holders(book, normal) for name in (handle, _name(book, handle))]
    theirs = {word for name in (normal, *names) for word in _words(name) if len(word) >= _SHORTEST_NAME}
    named = next((word for word in _words(text) if word in theirs), "")
    if named:
        raise UsageProblem(f"a reason names nobody, and {named!r} does: it stays when they are erased", hint=hint)
    return text


def _name(book: Book, handle: str) -> str:
    row = book.index.row("SELECT name FROM customers WHERE handle = ?", (handle,))
    return str(row[0]) if row else ""


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.casefold())
