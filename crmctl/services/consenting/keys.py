"""The key of a book: what addresses are hashed and tokens are made with, kept outside of every repository.

The book names its keys (``records/suppressions/keys.jsonl``) and holds none. A key that the book names and this
machine lacks stops whatever needs it: without it nobody can tell who opted out. Two machines that both made a key
before they met are no harm: addresses are looked up by all keys the book names, and the first one is used from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import UsageProblem
from crmctl.mail import keyed
from crmctl.model import ids
from crmctl.services.consenting import key_names
from crmctl.services.consenting import keyrings
from crmctl.services.consenting import suppression_files

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.consenting.keyrings import Ring
    from crmctl.store.transaction import Transaction


def all_named(book: Book) -> list[str]:
    """The ids of all keys of a book, the one for new things first: those that it names, or that entries were made with.

    Raises:
        InvalidData: the list of suppressions cannot be read.
    """
    return suppression_files.everything(book).keys


def existing(book: Book) -> Ring:
    """The keys of the book; none when nothing has needed one yet.

    Raises:
        KeyMissing, StorageFailed: one of them is not here, is another one, or cannot be read.
    """
    return keyrings.ring_of(all_named(book))


def load(book: Book, tx: Transaction | None = None) -> Ring:
    """The keys of the book, at least one: it is made on first need, and named in the book by a commit.

    Inside of a transaction ``tx`` has to be given; the name of a new key then goes along with it.

    Raises:
        KeyMissing, StorageFailed: as ``existing``.
    """
    ring = existing(book)
    if ring.keys:
        return ring
    if tx is not None:
        return _made(tx)
    with book.write("key") as own:
        ring = _made(own)
        own.commit("suppressions: name this book's key")
        return ring


def _made(tx: Transaction) -> Ring:
    there = key_names.named(tx.read(key_names.FILE) or b"")
    if there:  # Somebody was faster.
        return keyrings.ring_of(there)
    key = clock.randomness(keyed.KEY_BYTES)
    name = keyrings.keep(key)
    _name(tx, name)
    return keyrings.Ring(((name, key),))


def _name(tx: Transaction, name: str) -> None:
    from crmctl.store.jsonl import write_line

    line = {"id": ids.new_id(), "key": name, "at": clock.now().isoformat()}
    tx.put(key_names.FILE, (tx.read(key_names.FILE) or b"") + write_line(line))


def import_line(book: Book, text: str) -> str:
    """Take in a key that another machine exported; its id. A book that names no key yet names this one from then on.

    Raises:
        UsageProblem: it is no such line, or it is damaged.
        KeyMissing: the book names other keys, and not this one.
    """
    key = keyrings.key_in(text)
    if key is None:
        raise UsageProblem("this is no key, or part of it is lost", hint="It is what crmctl key export prints, whole.")
    wanted = all_named(book)
    name = keyed.key_id(key)
    if wanted and name not in wanted:
        message = f"this is the key {name}, and the book names {', '.join(wanted)}"
        raise keyrings.KeyMissing(message, hint="It is another book's. Export it where this book's mail is sent from.")
    keyrings.keep(key)
    if not wanted:
        with book.write("key import") as tx:
            _name(tx, name)
            tx.commit("suppressions: name this book's key")
    return name
