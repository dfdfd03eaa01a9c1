"""git's lock files: taking the one of its index, telling whose one is, and taking away what a dead writer left.

git never takes a lock away that it finds. Neither does crmctl, but for those that are provably its own: it holds the
lock of the book, so another crmctl that made them is dead.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import Locked
from crmctl.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.vcs.places import Places

WAIT = 5.0
"""Seconds to wait for a git that is at work; editors and prompts hold its lock for moments."""

BUILDING = "refs/crmctl"
"""Where the references of commits stand that are being built, one a process, for a moment each."""

_MARK = b"crmctl "


def index_lock(places: Places) -> Path:
    """The file that git has while it changes its index."""
    return places.git_dir / "index.lock"


def wait_for_index(places: Places) -> None:
    """Wait until nobody changes git's index.

    Raises:
        Locked: somebody has for some seconds.
    """
    lock = index_lock(places)
    deadline = clock.monotonic() + WAIT
    while lock.exists():
        _wait_or_give_up(places, deadline)


@contextlib.contextmanager
def index_held(places: Places) -> Iterator[None]:
    """Have git's index to ourselves: between moving HEAD and telling the index, a commit by hand would undo ours.

    Raises:
        Locked: somebody else has had it for some seconds.
        StorageFailed: the lock file cannot be made.
    """
    lock = index_lock(places)
    deadline = clock.monotonic() + WAIT
    while not _make(places):
        _wait_or_give_up(places, deadline)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()


def _make(places: Places) -> bool:
    """Whether the lock could be made. It is linked into place, so that it is never seen without our mark in it."""
    lock, mark = index_lock(places), places.own / "index.newlock"
    try:
        places.own.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.write_bytes(_MARK + b"%d\n" % os.getpid())
        os.link(mark, lock)
    except FileExistsError:
        return False
    except OSError as exc:
        raise StorageFailed(f"{lock}: cannot write: {(exc.strerror or str(exc)).lower()}") from exc
    finally:
        with contextlib.suppress(OSError):
            mark.unlink()
    return True


def _wait_or_give_up(places: Places, deadline: float) -> None:
    if clock.monotonic() >= deadline:
        raise _exists(places, index_lock(places))
    time.sleep(0.02)


def _exists(places: Places, lock: Path) -> Locked:
    """The error for a lock that is there: who has it, or that nobody has."""
    found = holders(places)
    if found:
        who = ", ".join(f"process {number}: {command}" for number, command in found)
        hint = "Wait until it is done, and run the command again."
        return Locked(f"{lock} exists: git is at work here ({who})", hint=hint)
    hint = "crmctl doctor --fix takes it away."
    return Locked(f"{lock} exists: a git that was killed left it, for no git is at work here", hint=hint)


def in_the_way(places: Places, words: bytes) -> Locked | None:
    """The error for a git that could not move HEAD, and said ``words``, if that was for a lock which is there."""
    if b".lock': File exists" not in words:
        return None
    return next((_exists(places, lock) for lock in _reference_locks(places) if lock.exists()), None)


def sweep(places: Places, since: int | None = None) -> None:
    """Take away what a crmctl that was killed left among git's files. The lock of the book must be held.

    ``since`` is when it began to move HEAD (nanoseconds since 1970), if it had: locks of references that are not older
    are its own too, unless a git is at work here.
    """
    lock = index_lock(places)
    with contextlib.suppress(OSError):
        if lock.read_bytes()[: len(_MARK)] == _MARK:
            lock.unlink()
    for leftover in (*(places.common_dir / BUILDING).glob("*"), *places.own.glob("index.new*")):
        with contextlib.suppress(OSError):
            leftover.unlink()
    if since is not None:
        clear_reference_locks(places, since)


def clear_reference_locks(places: Places, since: int) -> None:
    """Take away the locks that our own moving of HEAD left, which began at ``since`` (nanoseconds since 1970).

    A git that is at work here is given some seconds to end: it may be one that was killed just now, and is still dying.
    """
    deadline = clock.monotonic() + WAIT
    for path in _reference_locks(places):
        with contextlib.suppress(OSError):
            while path.stat().st_mtime_ns >= since:
                if not holders(places):
                    path.unlink()
                    break
                if clock.monotonic() >= deadline:
                    break
                time.sleep(0.02)


def _reference_locks(places: Places) -> Iterator[Path]:
    yield places.git_dir / "HEAD.lock"
    with contextlib.suppress(OSError):
        head = (places.git_dir / "HEAD").read_text(encoding="utf-8", errors="replace").strip()
        if head.startswith("ref: refs/"):
            yield places.common_dir / (head.removeprefix("ref: ") + ".lock")


def found_locks(places: Places) -> list[Path]:
    """The locks of git's that are there now and keep us from writing: of its index, of HEAD and of HEAD's branch."""
    return [lock for lock in (index_lock(places), *_reference_locks(places)) if lock.exists()]


def clear_index_lock(places: Places) -> bool:
    """See ``clear``: the lock of git's index."""
    return clear(places, index_lock(places))


def clear(places: Places, lock: Path) -> bool:
    """Take away the lock of a git that was killed; whether there was one. The lock of the book must be held.

    What git was doing is lost with it; the index, or the reference, is as it was before.

    Raises:
        Locked: a git is at work there, or might be, or the lock came back.
    """
    try:
        before = lock.lstat()
        if holders(places):
            raise _exists(places, lock)
        now = lock.lstat()
        if (before.st_ino, before.st_mtime_ns) != (now.st_ino, now.st_mtime_ns):
            raise Locked(f"{lock} has just been made anew: git is at work here", hint="Try again in a moment.")
        lock.unlink()
    except FileNotFoundError:
        return False
    return True


def holders(places: Places) -> list[tuple[int, str]]:
    """The processes, as (number, command), that have a lock of git's open, or are a git at work in this repository.

    Every process of this machine is looked at, as far as the system shows them (Linux); an empty list elsewhere says
    nothing.
    """
    locks = {os.path.realpath(lock) for lock in (index_lock(places), *_reference_locks(places))}
    folders = tuple(os.path.realpath(folder) for folder in (places.top, places.git_dir, places.common_dir))
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        number = int(process.name)
        if number == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
            here = os.path.realpath(process / "cwd")
            at_work = command.startswith("git") and any(here == one or here.startswith(f"{one}/") for one in folders)
            if at_work or any(os.path.realpath(descriptor) in locks for descriptor in (process / "fd").iterdir()):
                found.append((number, command))
    return found
