"""The name under which a clone keeps its ledger: one that no other clone has, on this machine or another.

The first clone on a machine has the id of the machine (``host``), each further one that and some letters. The name
stands beside the ledger, and outside of every book stands which clone has it: a copy of the whole folder finds there
that its name belongs to another one, and takes a name of its own. So a copy is not the sender of what the original was
planned to send, and no two of them ever write lines of one name.

A clone that was moved keeps its name, as where it stood nobody has that name any more; so does a copy whose original is
gone. Whether such a copy is an old one, what was tried shows (``campaigns.running.witness``). Linked work trees share
the git folder, and so the name.
"""

from __future__ import annotations

from base64 import b32encode
from pathlib import Path
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import read
from crmctl.mail.ledger.durable import replace
from crmctl.services.mailing import host as hosts
from crmctl.services.mailing.host import mail_state
from crmctl.store.lock import locked

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.mailing.host import Host

FOLDER = "clones"
"""Beside the id of the machine: for each name, the folders of the clones that have it (one a line)."""

INBOX = "-inbox"
"""How the log of what comes in is called, behind the name of the clone."""

_NAME = "name"
_WAL = "wal"


def name_of(book: Book) -> str:
    """The name of this clone, for whoever writes; it is its own from now on.

    Raises:
        InvalidData, StorageFailed: as ``host.host_id``, or the name cannot be written down.
        Locked: another crmctl finds out its own, and does not come to an end.
    """
    host, state = hosts.host(), _state(book)
    place = _register()
    with locked(place.parent / f"{FOLDER}.lock", "a name for a clone"):
        name = _known(host, state)
        if not name:
            name = host.id if _is_free(book, host, state) else f"{host.id}-{_letters()}"
        _note(host, state, name)
    return name


def name_perhaps(book: Book) -> str:
    """The same for whoever only reads: nothing is written; a clone that would be given letters has an x for them."""
    host, state = hosts.host(), _state(book)
    return _known(host, state) or (host.id if _is_free(book, host, state) else f"{host.id}-x")


def _known(host: Host, state: Path) -> str:
    """The name that this clone has already; "" when it has none, or another one has it by rights."""
    name = _names(state).get(host.id, "") or _noted(host, state)
    if name:
        return "" if any(_may_be_copies(state, other, name) for other in _others(host, state, name)) else name
    # Before clones had names, they wrote under the id of the machine.
    first = _first_line(state, host.id)
    copied = any(_first_line(other, host.id) == first for other in _others(host, state, host.id))
    return host.id if first and not copied else ""


def _noted(host: Host, state: Path) -> str:
    """The name of a clone that has lost all that it kept about mail."""
    files = (file for file in sorted(_register().glob(f"{host.id}*")) if str(state) in _lines(file))
    return next((file.name for file in files if file.name == host.id or file.name.startswith(f"{host.id}-")), "")


def _may_be_copies(one: Path, other: Path, name: str) -> bool:
    """Whether two clones that have one name may be of one book; of two that are not, both ledgers begin differently."""
    first, second = _first_line(one, name), _first_line(other, name)
    return not (first and second and first != second)


def _is_free(book: Book, host: Host, state: Path) -> bool:
    """Whether this clone can have the id of the machine for its name: no other has it, and nobody ever wrote by it,
    unless this machine is to go on in the place of one that is gone."""
    if any(_others(host, state, host.id)):
        return False
    sent = (book.root / "records" / "sends").glob(f"*/{host.id}*.jsonl")
    return host.adopted or not any(path.stem in (host.id, f"{host.id}{INBOX}") for path in sent)


def _others(host: Host, state: Path, name: str) -> list[Path]:
    """The other clones that are there and have ``name``."""
    places = (Path(line) for line in _lines(_register() / name))
    return [place for place in places if not _is_same(place, state) and _names(place).get(host.id) == name]


def _note(host: Host, state: Path, name: str) -> None:
    names = _names(state)
    if names.get(host.id) != name:
        make_folder(state)
        text = "".join(f"{of} {called}\n" for of, called in sorted({**names, host.id: name}.items()))
        replace(state / _NAME, text.encode("ascii"))
    register = _register()
    lines = _lines(register / name)
    if str(state) not in lines:
        make_folder(register)
        kept = [line for line in lines if _names(Path(line)).get(host.id) == name and not _is_same(Path(line), state)]
        replace(register / name, "".join(f"{line}\n" for line in (*kept, state)).encode("utf-8", "surrogateescape"))


def _names(state: Path) -> dict[str, str]:
    """By machine, as a folder can be carried from one to another, the name that a clone has there."""
    pairs = (line.split(" ") for line in _lines(state / _NAME))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _lines(path: Path) -> list[str]:
    return read(path).decode("utf-8", "surrogateescape").splitlines()


def _first_line(state: Path, name: str) -> bytes:
    for log in (name, f"{name}{INBOX}"):
        if line := read(state / _WAL / f"{log}.jsonl").partition(b"\n")[0]:
            return line
    return b""


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other


def _state(book: Book) -> Path:
    state = mail_state(book)
    return state.parent.resolve() / state.name


def _register() -> Path:
    return hosts.state_path().parent / FOLDER


def _letters() -> str:
    return b32encode(clock.randomness(5)).decode("ascii")[:5].lower()
