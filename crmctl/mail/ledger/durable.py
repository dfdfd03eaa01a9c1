"""Files of this clone that must outlive a crash: private, never through a link, on the disk before anything goes on."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from crmctl.errors import StorageFailed

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
PRIVATE = 0o600

_HINTS = {
    errno.ENOSPC: "The disk is full; make room before you go on.",
    errno.EDQUOT: "Your disk quota is used up; make room before you go on.",
    errno.EIO: "The disk has a fault; look at it (dmesg) and at your backups before you go on.",
    errno.EROFS: "The file system is read-only.",
    errno.EACCES: "Check who owns the file and its folder (ls -l).",
    errno.EPERM: "Check who owns the file and its folder (ls -l).",
    errno.ELOOP: "A link stands where a file should be; crmctl writes through no links.",
}


def failed(path: Path, exc: OSError, what: str, kind: type[StorageFailed] = StorageFailed) -> StorageFailed:
    """What the system refused, in words, as an error of ``kind``."""
    reason = (exc.strerror or str(exc)).lower()
    return kind(f"{path}: cannot {what}: {reason}", hint=_HINTS.get(exc.errno or 0, ""))


def make_folder(folder: Path) -> None:
    """Have a private folder there.

    Raises:
        StorageFailed: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise failed(folder, exc, "make the folder") from exc


def write_all(descriptor: int, data: bytes) -> None:
    """Write ``data`` whole; a full disk shows as a short count first, and only then as an error."""
    view = memoryview(data)
    while view:
        count = os.write(descriptor, view)
        if count == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view = view[count:]


def replace(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``, old content or new whatever happens meanwhile; on the disk when this returns.

    Raises:
        StorageFailed: it cannot be written; the old file stands as it was.
    """
    prepare(path, data)
    try:
        temporary_of(path).replace(path)
        sync_folder(path.parent)
    except OSError as exc:
        raise failed(path, exc, "write") from exc


def prepare(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path``, under ``temporary_of(path)``, and have it on the disk.

    Raises:
        StorageFailed: it cannot be written; nothing is left behind.
    """
    temporary = temporary_of(path)
    try:
        # One writer at a time holds the lock of the run, so that what stands there already is left from a crash.
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | FLAGS, PRIVATE)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise failed(path, exc, "write") from exc


def temporary_of(path: Path) -> Path:
    """The name under which a file is written before it takes its place."""
    return path.with_name(f".{path.name}.tmp")


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
