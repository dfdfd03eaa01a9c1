"""What ``doctor`` finds of writes: who is at it, and what one that died has left."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from crmctl.errors import Locked
from crmctl.services.finding import OK
from crmctl.services.finding import WARN
from crmctl.services.finding import Finding
from crmctl.store import journal
from crmctl.store import lock as locks
from crmctl.vcs import locks as git_locks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crmctl.services.book import Book


def held(book: Book, *, fix: bool) -> Iterator[Finding]:
    """Who holds the book's lock, and git's."""
    lock = book.places.shared / "lock"
    with contextlib.ExitStack() as stack:
        if lock.exists():
            try:
                stack.enter_context(locks.locked(lock, "doctor", 0))
            except Locked as exc:
                yield Finding(WARN, "lock", exc.message, exc.hint)
                return
        yield Finding(OK, "lock", "nobody is writing")
        yield from _git_locks(book, fix=fix)


def _git_locks(book: Book, *, fix: bool) -> Iterator[Finding]:
    """git's locks; what a killed git left is taken away when asked, under our own lock."""
    found = git_locks.found_locks(book.places)
    if not found:
        return
    if fix:
        for lock in found:
            git_locks.clear(book.places, lock)
            yield Finding(OK, "git's lock", f"{lock} was left by a git that was killed; it is gone now")
        return
    who = git_locks.holders(book.places)
    if who:
        processes = ", ".join(f"process {number} ({command})" for number, command in who)
        yield Finding(WARN, "git's lock", f"git is at work: {processes}")
        return
    for lock in found:
        hint = "crmctl doctor --fix takes it away."
        yield Finding(WARN, "git's lock", f"{lock} was left by a git that was killed", hint)


def leftovers(book: Book, *, fix: bool) -> Iterator[Finding]:
    """What an interrupted write left: the note of how to finish it, and half-written files."""
    note = journal.read(book.places.own) or journal.read(book.places.git_dir / "crmctl")
    files = _half_written(book.root)
    if note is None and not files:
        yield Finding(OK, "writes", "all finished")
        return
    if fix:
        # Taking the lock and beginning a transaction finishes what was begun.
        with book.write("doctor --fix"):
            for file in files:
                file.unlink(missing_ok=True)
        yield Finding(OK, "writes", "finished what an interrupted write had left")
        return
    hint = "The next write finishes it; crmctl doctor --fix does it now."
    if note is not None:
        paths = len(note.steps)
        yield Finding(WARN, "writes", f"a write of {paths:,} file(s) was interrupted and is not finished", hint)
    if files:
        yield Finding(
            WARN, "writes", f"{len(files):,} half-written file(s): {files[0]}", "crmctl doctor --fix removes them."
        )


def _half_written(root: Path) -> list[Path]:
    """Files as ``store.files`` calls them while it writes: ``.NAME.PID.crmctl``."""
    return sorted(file for file in (root / "records").glob("**/.*.crmctl") if file.is_file())


def drafts(book: Book) -> Iterator[Finding]:
    """Texts that were typed in an editor and could not be saved."""
    try:
        found = sorted((book.places.own / "tmp").iterdir())
    except FileNotFoundError:
        return
    if found:
        hint = "Remove them when you do not need the texts any more."
        yield Finding(WARN, "drafts", f"{len(found):,} text(s) that were not saved: {found[0]}", hint)
