"""Messages as bytes, from before the first attempt until nothing can be asked about them any more.

A message that is sent again has to be the same to the last byte, so the ledger keeps the digest of what was attempted,
and what comes out of the spool is compared with it. The files hold names and addresses: they are private, and never in
the book.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from crmctl.errors import NOT_SENT
from crmctl.errors import StorageFailed
from crmctl.mail.identifiers import is_send_id
from crmctl.mail.ledger.durable import failed
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import replace_many

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SPARE = 1 << 20
"""Bytes that stay free for the ledger, which has to be able to say what became of a message."""

_OPEN = 64
"""Files that are written at once."""


class SpoolDamaged(StorageFailed):
    """A message in the spool is gone, or is not what it was."""

    code = NOT_SENT


def digest(data: bytes) -> str:
    """What the ledger calls these bytes (``eml``): ``sha256:`` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def put(folder: Path, sid: str, data: bytes) -> str:
    """Keep the message of a send, in place of one that was there; gives its digest. It is on the disk then.

    Raises:
        StorageFailed: it cannot be written.
    """
    return put_many(folder, [(sid, data)])[0]


def put_many(folder: Path, messages: Iterable[tuple[str, bytes]]) -> list[str]:
    """Keep many messages, each as (sid, bytes); gives their digests. All are on the disk then.

    Raises:
        StorageFailed: one cannot be written; those before it may be there.
    """
    make_folder(folder)
    found = list(messages)
    for start in range(0, len(found), _OPEN):
        replace_many([(_path(folder, sid), data) for sid, data in found[start : start + _OPEN]])
    return [digest(data) for _, data in found]


def get(folder: Path, sid: str, eml: str) -> bytes:
    """The message of a send, which the ledger calls ``eml``.

    Raises:
        SpoolDamaged: it is not there, or it is another one.
        StorageFailed: the system refuses to read it.
    """
    path = _path(folder, sid)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SpoolDamaged(f"the message {sid} is not in the spool", hint=_GONE) from None
    except OSError as exc:
        raise failed(path, exc, "read") from exc
    if digest(data) != eml:
        raise SpoolDamaged(f"the message {sid} in the spool is not the one that the ledger names", hint=_GONE)
    return data


def remove(folder: Path, sid: str) -> None:
    """Take the message of a send away, if it is there.

    Raises:
        StorageFailed: the system refuses to.
    """
    path = _path(folder, sid)
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        raise failed(path, exc, "remove") from exc


def kept(folder: Path) -> list[str]:
    """The ids of all sends whose messages are in the spool."""
    return sorted(path.stem for path in folder.glob("*.eml") if is_send_id(path.stem))


def reserve(folder: Path, size: int) -> None:
    """See that there is room for messages of ``size`` bytes, twice, and for the ledger.

    Raises:
        StorageFailed: there is not; what cannot be recorded must not be sent.
    """
    make_folder(folder)
    try:
        state = os.statvfs(folder)
    except OSError as exc:
        raise failed(folder, exc, "ask for free space") from exc
    free, needed = state.f_bavail * state.f_frsize, 2 * size + SPARE
    if free <= needed:
        raise StorageFailed(
            f"{folder}: {free:,} bytes are free, more than {needed:,} are needed to send",
            hint="Make room before you go on; nothing was sent.",
        )


_GONE = (
    "If it was never tried, plan the campaign again. If it was, it cannot be sent again as it was: settle it with "
    "crmctl outbox resolve"
)


def _path(folder: Path, sid: str) -> Path:
    if not is_send_id(sid):
        raise ValueError(f"no id of a send: {sid!r}")
    return folder / f"{sid}.eml"
