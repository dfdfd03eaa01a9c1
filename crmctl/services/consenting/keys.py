"""The key of a book: what addresses are hashed and tokens are made with, kept outside of every repository.

The book names its keys (``records/suppressions/keys.jsonl``) and holds none. A key that the book names and this
machine lacks stops whatever needs it: without it nobody can tell who opted out. Two machines that both made a key
before they met are no harm: addresses are looked up by all keys the book names, and the first one is used from then on.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.errors import CrmError
from crmctl.errors import Problem
from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem
from crmctl.mail import keyed
from crmctl.mail import tokens
from crmctl.model import ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmctl.services.book import Book
    from crmctl.store.transaction import Transaction

FILE = "records/suppressions/keys.jsonl"
KEY_ID = re.compile(r"[0-9a-f]{8}")
_LINE = re.compile(r"crmctl-key ([0-9a-f]{8}) ([0-9a-f]{64})")


class KeyMissing(CrmError):
    """The book names a key that is not on this machine, or is another one here."""


class Ring(NamedTuple):
    """The keys of a book: (id, key) pairs, the one that is used for new things first; none before the first need."""

    keys: tuple[tuple[str, bytes], ...]

    @property
    def id(self) -> str:
        """The id of the key for new things."""
        return self.keys[0][0]

    @property
    def key(self) -> bytes:
        """The key for new things."""
        return self.keys[0][1]

    def keyed(self, address: str) -> str:
        """The hash of an address, by the key for new things."""
        return keyed.keyed(self.key, address)

    def hashes(self, address: str) -> list[str]:
        """The hashes of an address by every key."""
        return [keyed.keyed(key, address) for _, key in self.keys]

    def token(self, subject: str, scope: str, *, use: str = tokens.UNSUBSCRIBE) -> str:
        """A token, see ``mail.tokens.make``."""
        return tokens.make(self.key, subject, scope, use=use)

    def read(self, text: str, scopes: Iterable[str]) -> tuple[tokens.Token, str] | None:
        """A token that one of the keys has made, and which of ``scopes`` it is about ("" for none of them)."""
        for _, key in self.keys:
            token = tokens.read(key, text)
            if token is not None:
                return token, tokens.scope_of(key, token, scopes)
        return None


def folder() -> Path:
    """Where keys are kept: with the user's own settings, by the XDG base directories."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "crmctl" / "keys"


def named(data: bytes) -> list[str]:
    """The ids in the file that names the keys, in the order in which they were first named: by the lines' ULIDs.

    So it is the same order on every machine. Lines that name none are passed over.
    """
    return _named(data)[0]


def all_named(book: Book) -> list[str]:
    """The ids of all keys of a book, the one for new things first: those that it names, or that entries were made with.

    Raises:
        InvalidData: the list of suppressions cannot be read.
    """
    from crmctl.services.consenting import suppression_files

    return suppression_files.everything(book).keys


def existing(book: Book) -> Ring:
    """The keys of the book; none when nothing has needed one yet.

    Raises:
        KeyMissing, StorageFailed: one of them is not here, is another one, or cannot be read.
    """
    return ring_of(all_named(book))


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
    there = named(tx.read(FILE) or b"")
    if there:  # Somebody was faster.
        return ring_of(there)
    key = clock.randomness(keyed.KEY_BYTES)
    name = keep(key)
    _name(tx, name)
    return Ring(((name, key),))


def _name(tx: Transaction, name: str) -> None:
    from crmctl.store.jsonl import write_line

    line = {"id": ids.new_id(), "key": name, "at": clock.now().isoformat()}
    tx.put(FILE, (tx.read(FILE) or b"") + write_line(line))


def keep(key: bytes) -> str:
    """Put a key into this machine's keeping; its id.

    Raises:
        StorageFailed: the system refuses.
    """
    name = keyed.key_id(key)
    target = folder() / f"{name}.key"
    temporary = target.with_name(f".{name}.{os.getpid()}")
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - opened with its rights
            file.write(export_line(key) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as exc:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StorageFailed(f"{target}: cannot write: {(exc.strerror or str(exc)).lower()}") from exc
    return name


def export_line(key: bytes) -> str:
    """A key as one line, as ``import_line`` takes it."""
    return f"crmctl-key {keyed.key_id(key)} {key.hex()}"


def import_line(book: Book, text: str) -> str:
    """Take in a key that another machine exported; its id. A book that names no key yet names this one from then on.

    Raises:
        UsageProblem: it is no such line, or it is damaged.
        KeyMissing: the book names other keys, and not this one.
    """
    match = _LINE.fullmatch(text.strip())
    if match is None or keyed.key_id(bytes.fromhex(match[2])) != match[1]:
        raise UsageProblem("this is no key, or part of it is lost", hint="It is what crmctl key export prints, whole.")
    wanted = all_named(book)
    if wanted and match[1] not in wanted:
        message = f"this is the key {match[1]}, and the book names {', '.join(wanted)}"
        raise KeyMissing(message, hint="It is another book's. Export it where this book's mail is sent from.")
    name = keep(bytes.fromhex(match[2]))
    if not wanted:
        with book.write("key import") as tx:
            _name(tx, name)
            tx.commit("suppressions: name this book's key")
    return name


def lacking(name: str) -> CrmError | None:
    """Why a key cannot be used on this machine; None when it is in its keeping, whole."""
    try:
        _read(name)
    except CrmError as error:
        return error
    return None


def ring_of(names: Iterable[str]) -> Ring:
    """The keys of these ids.

    Raises:
        KeyMissing, StorageFailed: as ``existing``.
    """
    return Ring(tuple((name, _read(name)) for name in dict.fromkeys(names)))


def _read(name: str) -> bytes:
    target = folder() / f"{name}.key"
    try:
        with target.open("rb") as file:
            if hasattr(os, "getuid") and os.fstat(file.fileno()).st_mode & 0o077:
                raise KeyMissing(f"{target} can be read by others", hint=f"chmod 600 {target}")
            text = file.read(4096).decode("ascii", "replace").strip()
    except FileNotFoundError:
        message = f"the book's key {name} is not on this machine, so nobody can tell who opted out"
        hint = "Where it is: crmctl key export > key.txt; here: crmctl key import key.txt"
        raise KeyMissing(message, hint=hint) from None
    except OSError as exc:
        raise StorageFailed(f"{target}: cannot read: {(exc.strerror or str(exc)).lower()}") from exc
    match = _LINE.fullmatch(text)
    if match is None or match[1] != name or keyed.key_id(bytes.fromhex(match[2])) != name:
        raise KeyMissing(f"{target} does not hold the key {name}", hint="crmctl key import takes in a good copy.")
    return bytes.fromhex(match[2])


def problems(data: bytes) -> list[Problem]:
    """What is wrong in the file that names the keys."""
    return _named(data)[1]


def _named(data: bytes) -> tuple[list[str], list[Problem]]:
    from crmctl.store.jsonl import read_lines

    lines, wrong = read_lines(data, FILE)
    hint = "Until it can be read nothing is sent. crmctl history shows who changed it."
    bad = [line.number for line in lines if not KEY_ID.fullmatch(str(line.value.get("key", "")))]
    wrong += [Problem(FILE, number, 1, "bad-suppression", "this line names no key", hint) for number in bad]
    good = [line.value for line in lines if line.number not in bad and not line.value.get("to")]
    ordered = sorted(good, key=lambda value: str(value.get("id", "")))
    return list(dict.fromkeys(str(value["key"]) for value in ordered)), wrong
