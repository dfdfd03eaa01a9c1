"""Which machine this is, and where it keeps the mail of a book.

A campaign names the machine that sends it. The id is made from a random number in the user's state folder and from the
machine's own id, so that neither a copied home folder nor a copied book makes a second sender.
"""

from __future__ import annotations

import os
import re
from base64 import b32encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from crmctl.services.book import Book

PREFIX = "lap-"
MACHINE_ID = Path("/etc/machine-id")
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?\Z")
_SEED = re.compile(r"seed ([0-9a-f]{32})\n(?:adopted ([a-z0-9-]{1,32}) by ([a-z0-9-]{1,32})\n)?\Z")


class Host(NamedTuple):
    """This machine: the id that counts, its own id (another one, when that of a former machine was adopted), and the
    file that says so."""

    id: str
    own: str
    path: Path

    @property
    def adopted(self) -> bool:
        """Whether the id is that of another machine."""
        return self.id != self.own


def state_path() -> Path:
    """The file with the random number, by the XDG base directories."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "crmctl" / "host"


def host_id(machine: Path = MACHINE_ID) -> str:
    """The id of this machine, such as ``lap-k3qf7ab2``.

    Raises:
        InvalidData: the file with the random number is damaged.
        StorageFailed: it cannot be read or made.
    """
    return host(machine).id


def host(machine: Path = MACHINE_ID) -> Host:
    """This machine; its random number is made when it is first asked for. Errors as for ``host_id``."""
    path = state_path()
    seed, adopted, by = _seed(path)
    words = f"{seed}\0{_machine_words(machine)}\0{os.getuid() if hasattr(os, 'getuid') else ''}"
    own = PREFIX + b32encode(sha256(words.encode()).digest()).decode("ascii")[:8].lower()
    # What was adopted on another machine, by a file that was copied here, does not count.
    return Host(adopted if adopted and by == own else own, own, path)


def adopt(name: str, machine: Path = MACHINE_ID) -> Host:
    """Make this machine the one called ``name``: the former one is gone, or will not send any more.

    Raises:
        UsageProblem: that is no name of a machine.
        InvalidData, StorageFailed: as for ``host_id``.
    """
    if not _ID.match(name) or name == "any":
        raise UsageProblem(f"{name!r} is not the id of a machine", hint="crmctl host show prints one: lap-k3qf7ab2")
    own = host(machine)
    seed = _seed(own.path)[0]
    text = f"seed {seed}\n" + (f"adopted {name} by {own.own}\n" if name != own.own else "")
    _write(own.path, text)
    return own._replace(id=name)


def mail_state(book: Book) -> Path:
    """The folder in which this clone keeps what is being sent for ``book``: ledger, plans, spool. It may not be there.

    In the common git folder, so that no checkout, reset or clean takes it away.
    """
    places = book.places
    folder = places.shared / "mail"
    return folder / "books" / places.prefix if places.prefix else folder


def _machine_words(machine: Path) -> str:
    try:
        return machine.read_text(encoding="ascii", errors="replace").strip() or os.uname().nodename
    except OSError:
        return os.uname().nodename if hasattr(os, "uname") else ""


def _seed(path: Path) -> tuple[str, str, str]:
    """(random number, adopted id, by whom) from the file, which is made when it is not there."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        seed = clock.randomness(16).hex()
        if _write(path, f"seed {seed}\n", new=True):
            return seed, "", ""
        text = path.read_text(encoding="ascii", errors="replace")  # Another crmctl was quicker.
    except OSError as exc:
        raise _failed(path, exc) from None
    found = _SEED.match(text)
    if found is None:
        hint = "Remove it, then say which machine this is: crmctl host adopt ID (the sender: of its campaigns)."
        raise InvalidData(f"{path} is damaged", hint=hint)
    return found[1], found[2] or "", found[3] or ""


def _write(path: Path, text: str, *, new: bool = False) -> bool:
    """Write the file, for the user alone; with ``new`` only if there is none yet. Whether it was written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - made for the user alone
            file.write(text.encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        if not new:
            temporary.replace(path)
            return True
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
    except OSError as exc:
        raise _failed(path, exc) from None
    return True


def _failed(path: Path, exc: OSError) -> StorageFailed:
    reason = (exc.strerror or str(exc)).lower()
    return StorageFailed(f"{path}: cannot use the file: {reason}", hint="Check who owns that folder (ls -ld).")
