"""Where messages come from: Maildir, mbox, IMAP, one message. They are read; nothing in them is marked or moved."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.mail.inbound.reading import LARGEST
from crmctl.services.ingest.notebook import mark
from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Container
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from crmctl.mail.inbound.imap import Account
    from crmctl.services.ingest.notebook import Notebook

_LONGEST_LINE = 1 << 20
_HEADER = re.compile(rb"[!-9;-~]+:|>From ")


class Found(NamedTuple):
    """One message as it stands somewhere; ``whole`` is False when only its beginning was read. ``mark`` names it."""

    data: bytes
    mark: str
    whole: bool = True


def single(stream: BinaryIO) -> Found:
    """The one message in a stream."""
    data = stream.read(LARGEST + 1)
    return Found(without_envelope(data[:LARGEST]), mark(data), len(data) <= LARGEST)


def without_envelope(data: bytes) -> bytes:
    """A message without the line "From ..." that mbox and some delivery programs put above it."""
    return data.partition(b"\n")[2] if data.startswith(b"From ") else data


def maildir(folder: Path, seen: Container[str]) -> Iterator[Found]:
    """The messages in ``new`` and ``cur`` of a Maildir, by their names, without those whose mark is in ``seen``.

    A message is known by its name without the flags behind it, which change; it never changes itself.

    Raises:
        NotFound: there is no Maildir.
        StorageFailed: it cannot be read.
    """
    places = [folder / name for name in ("new", "cur")]
    if not any(place.is_dir() for place in places):
        raise NotFound(f"there is no Maildir at {folder}", hint="A Maildir is a folder with new, cur and tmp in it.")
    for place in places:
        for name in _names(place):
            known = mark("maildir", str(folder), name.partition(":")[0])
            if known in seen:
                continue
            read = _beginning(place / name)
            if read is not None:
                yield Found(read[:LARGEST], known, len(read) <= LARGEST)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208 - names only
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise storage_failed(str(folder), exc, "read") from exc


def _beginning(path: Path) -> bytes | None:
    """The bytes of a plain file, up to one more than the largest message; None when it has gone, or is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None  # A mail program has moved it to `cur`, or it is a link to somewhere else.
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - opened without following links
        try:
            # A reader sets aside as much as is asked for, which takes longer than to read a small file.
            return file.read(min(about.st_size, LARGEST) + 1)
        except OSError as exc:
            raise storage_failed(str(path), exc, "read") from exc


def mbox(path: Path, seen: Container[str]) -> Iterator[Found]:
    """The messages in an mbox file (RFC 4155), without those whose mark is in ``seen``.

    Raises:
        NotFound, UsageProblem: there is no such file, or it is no mbox.
        StorageFailed: it cannot be read.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except OSError as exc:
        raise storage_failed(str(path), exc, "read") from exc
    with file:
        for data, whole in _split(file, path):
            known = mark("message", data)
            if known not in seen:
                yield Found(data, known, whole)


def _split(file: BinaryIO, path: Path) -> Iterator[tuple[bytes, bool]]:
    """(message, whether it is all of it) of an mbox.

    Each begins with a line "From ", at the start or after a blank line, with a header below it.
    """
    lines: list[bytes] = []
    size, begun, blank = 0, False, True
    line = file.readline(_LONGEST_LINE)
    while line:
        below = file.readline(_LONGEST_LINE)
        if blank and line.startswith(b"From ") and (not begun or _HEADER.match(below)):
            if begun:
                yield b"".join(lines)[:LARGEST], size <= LARGEST
            lines, size, begun = [], 0, True
        elif begun:
            size += len(line)
            if size - len(line) <= LARGEST:
                lines.append(line)
        elif line.strip():
            raise UsageProblem(f"{path} is no mbox", hint='Its first line should begin with "From ".')
        blank = line in (b"\n", b"\r\n")
        line = below
    if begun:
        yield b"".join(lines)[:LARGEST], size <= LARGEST


def imap(
    account: Account, password: Callable[[], str], notebook: Notebook, *, again: bool = False
) -> tuple[Iterator[Found], Callable[[], None]]:
    """The new messages of an IMAP mailbox; and what notes, once they are filed, that these were read.

    Raises:
        ImapFailed: while they are read: the server or the connection failed.
        CrmError: the library is not installed.
    """
    from crmctl.mail.inbound import imap as mailbox

    mailbox.require()
    name = f"imap {account.user}@{account.host}:{account.port} {account.folder}"
    places = [notebook.place(name)]

    def read() -> Iterator[Found]:
        for one in mailbox.messages(account, password, "" if again else places[0]):
            yield Found(one.data, mark("message", one.data), one.whole)
            places.append(one.place)

    return read(), lambda: notebook.keep_place(name, places[-1])
