"""Files of this clone that must outlive a crash: private, never through a link, on the disk before anything goes on."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack
from contextlib import suppress
from typing import TYPE_CHECKING

from crmctl.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    replace_many([(path, data)])


def replace_many(files: Sequence[tuple[Path, bytes]]) -> None:
    """Put files of one folder in their places; all are on the disk when this returns. There are to be some dozens at
    most, for all are open at once; their folder is waited for once.

    Raises:
        StorageFailed: one cannot be written; each stands as it was, or new.
    """
    with ExitStack() as stack:
        _prepare(files, stack)
        path = files[0][0]
        try:
            for path, _ in files:
                temporary_of(path).replace(path)
            sync_folder(path.parent)
        except OSError as exc:
            raise failed(path, exc, "write") from exc
        stack.pop_all()


def prepare(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path``, under ``temporary_of(path)``, and have it on the disk.

    Raises:
        StorageFailed: it cannot be written; nothing is left behind.
    """
    with ExitStack() as stack:
        _prepare([(path, data)], stack)
        stack.pop_all()


def _prepare(files: Sequence[tuple[Path, bytes]], undoing: ExitStack) -> None:
    """Write files beside their paths, on the disk; ``undoing`` takes them away again."""
    path = files[0][0]
    try:
        with ExitStack() as closing:
            opened = []
            for path, data in files:
                temporary = temporary_of(path)
                # One writer at a time holds the lock of the run: what stands there already is left from a crash.
                temporary.unlink(missing_ok=True)
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | FLAGS, PRIVATE)
                closing.callback(os.close, descriptor)
                undoing.callback(_unlink, temporary)
                write_all(descriptor, data)
                opened.append((path, descriptor))
            for path, descriptor in opened:  # noqa: B007 - the error names it
                os.fsync(descriptor)
    except OSError as exc:
        raise failed(path, exc, "write") from exc


def _unlink(path: Path) -> None:
    with suppress(OSError):  # What went wrong before is what has to be told.
        path.unlink(missing_ok=True)


def read(path: Path) -> bytes:
    """What a file holds, nothing where there is none.

    Raises:
        StorageFailed: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as exc:
        raise failed(path, exc, "read") from exc


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
