"""One writer at a time: a lock that the kernel lets go when its holder dies, whatever the reason."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import Locked
from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from pathlib import Path

WAIT = 10.0
"""Seconds to wait for another crmctl before giving up."""

PATIENCE = 1.0
"""After so many seconds it is told who is waited for."""


@contextmanager
def locked(path: Path, purpose: str, wait: float = WAIT, tell: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock file at ``path``; who holds it and why is written inside, for others to read.

    ``tell`` gets the words for a person who has waited for a while.

    Raises:
        Locked: someone else held it for ``wait`` seconds.
        StorageFailed: the lock file cannot be made.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as exc:
        raise storage_failed(str(path), exc, "write the lock file") from exc
    try:
        _wait_for(descriptor, wait, tell)
        note = f"{os.getpid()} {_host()} {clock.now():%Y-%m-%dT%H:%M:%SZ} {purpose}\n"
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, note.encode(), 0)
        except OSError:
            pass  # The note is for people; the lock holds without it.
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, wait: float, tell: Callable[[str], None] | None) -> None:
    start = clock.monotonic()
    pause = 0.002
    while not _try(descriptor):
        waited = clock.monotonic() - start
        if tell is not None and min(waited, wait) >= PATIENCE:
            tell(f"Waiting for another crmctl ({_holder(descriptor)}), {wait:.0f} s at most.")
            tell = None
        if waited >= wait:
            raise Locked(
                f"another crmctl is writing to this book ({_holder(descriptor)})",
                hint="Wait for it to finish and run the command again.",
            )
        time.sleep(pause)
        pause = min(pause * 2, 0.1)


def _holder(descriptor: int) -> str:
    """Who holds the lock, by the note in it."""
    words = os.pread(descriptor, 400, 0).decode("utf-8", "replace").strip().split(" ", 3)
    if len(words) < 4:
        return "who, it does not say"
    pid, host, since, purpose = words
    return f"process {pid} on {host}, since {since}: {purpose}"


def _host() -> str:
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return "".join(name.split()) or "unknown"


def _try(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return _try_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _try_windows(descriptor: int) -> bool:
    import importlib

    msvcrt = importlib.import_module("msvcrt")
    try:
        # Far behind the note, because a locked range cannot be read by others there.
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True
