"""The log of this host taken by one process and put in order, and the moments that its lines name."""

from __future__ import annotations

import os
from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import Locked
from crmctl.mail.ledger.durable import FLAGS
from crmctl.mail.ledger.durable import PRIVATE
from crmctl.mail.ledger.durable import failed
from crmctl.mail.ledger.durable import sync_folder
from crmctl.mail.ledger.durable import write_all

if TYPE_CHECKING:
    from pathlib import Path


def open_locked(path: Path) -> int:
    """A descriptor to append to the log at ``path``, which no other process has as long as it is open.

    Raises:
        Locked: another process has it.
        StorageFailed: it cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | FLAGS, PRIVATE)
    except OSError as exc:
        raise failed(path, exc, "open") from exc
    try:
        import fcntl
    except ImportError:  # Windows; the lock of the run has to do
        return descriptor
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(descriptor)
        message = f"{path}: another crmctl is writing to this ledger"
        raise Locked(message, hint="Wait for it to finish and run the command again.") from exc
    return descriptor


def move_torn(descriptor: int, path: Path, tail: bytes) -> str:
    """Keep the unfinished last line of the log at ``path`` in another file, on the disk, before it is cut off here; in
    words, what was done."""
    torn = path.with_suffix(".torn")
    kept = os.open(torn, os.O_WRONLY | os.O_APPEND | os.O_CREAT | FLAGS, PRIVATE)
    try:
        write_all(kept, tail + b"\n")
        os.fsync(kept)
    finally:
        os.close(kept)
    sync_folder(path.parent)
    os.ftruncate(descriptor, os.fstat(descriptor).st_size - len(tail))
    return f"The last line of {path.name} was not finished; it was moved to {torn.name}."


def boot() -> str:
    """Some letters that change when this machine starts again, where the system tells."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123
            return file.read(8)
    except OSError:
        return ""


def stamp() -> str:
    """The present moment in UTC, to the millisecond."""
    seconds, rest = divmod(clock.milliseconds(), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest:03d}Z"
