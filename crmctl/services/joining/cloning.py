"""``clone``: a copy of a team's book, looked over before anybody works in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import NoBook
from crmctl.errors import Problem
from crmctl.errors import UsageProblem
from crmctl.model.settings import FILE
from crmctl.services.book import Book
from crmctl.services.checking import checks
from crmctl.services.clone import githooks
from crmctl.services.clone import mergedriver
from crmctl.services.joining import seen
from crmctl.vcs import cloning as vcs_cloning
from crmctl.vcs import health
from crmctl.vcs import remotes

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 20


class Cloned(NamedTuple):
    """A new clone: where, whose book, how many of what (noun, number), problems in it, and what did not work out."""

    book: Book
    folder: Path
    name: str
    counts: tuple[tuple[str, int], ...]
    problems: int
    notes: tuple[str, ...]


def clone(url: str, folder: str = "") -> Cloned:
    """Clone ``url`` into ``folder`` (by default a new one here, named by the address); nothing stays when it fails.

    Raises:
        UsageProblem: the address names no folder to make.
        Conflict: something stands there already.
        InvalidData: there are links, executables or other repositories in it; all are named.
        NoBook: there is no ``crm.yaml`` in it, or nothing at all.
        Offline, GitFailed: the address cannot be reached, or git refuses.
    """
    target = Path(os.path.abspath(folder or _name(url)))  # noqa: PTH100 - takes ".." out, but keeps links
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise Conflict(f"{target} is there already", hint="Name another folder: crmctl clone URL DIR")
    there = target.exists()
    if os.path.exists(url):  # noqa: PTH110 - an address, most of the time
        url = os.path.abspath(url)  # noqa: PTH100 - git does not look at it from here
    try:
        vcs_cloning.clone(target.parent if target.parent.is_dir() else Path.cwd(), url, target)
        root = _looked_over(url, target)
    except BaseException:
        _take_away(target, keep=there)
        raise
    book = Book(root)
    notes = tuple(_set_up(book))
    problems = len(checks.check_book(book).problems)
    return Cloned(book, root, book.settings.name, _counts(book), problems, notes)


def _name(url: str) -> str:
    """The folder that git would make: the last part of the address, without ``.git``."""
    last = remotes.shown(url).rstrip("/").removesuffix("/.git").replace(":", "/").rpartition("/")[2]
    name = last.removesuffix(".git").removesuffix(".bundle")
    if not name or name in (".", "..") or not name.isprintable():
        raise UsageProblem(f"{remotes.shown(url)!r} does not say what to call the folder", hint="crmctl clone URL DIR")
    return name


def _looked_over(url: str, target: Path) -> Path:
    """The folder of the book in a clone, after a look at what else is in it."""
    if not vcs_cloning.checked_out(target):
        hint = "Make a book (crmctl init DIR), add that address (git remote add origin URL), and crmctl sync."
        raise NoBook(f"{remotes.shown(url)} is empty", hint=hint)
    odd = vcs_cloning.odd_files(target)
    if odd:
        hint = "A book has plain files only. Have whoever made it take these out, or look at it with git clone."
        problems = [Problem(path, 0, 0, "not-a-file", f"this is {what}", hint) for path, what in odd[:_SHOWN]]
        raise InvalidData(f"{len(odd):,} file(s) in it are no plain files; the clone was taken away", problems=problems)
    found = [path.parent for path in (target / FILE, *sorted(target.glob(f"*/{FILE}"))) if path.is_file()]
    if not found:
        hint = f"A book has a {FILE} at its top, or in a folder there. To look at it all the same: git clone URL"
        raise NoBook(f"{remotes.shown(url)} is a repository, but no book: there is no {FILE} in it", hint=hint)
    return found[0]


def _take_away(target: Path, *, keep: bool) -> None:
    """Remove what there is of the clone; a folder that was there (empty) stays."""
    if not target.is_dir() or target.is_symlink():
        return
    for entry in target.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    if not keep:
        target.rmdir()


def _set_up(book: Book) -> Iterator[str]:
    """Have git know the merge driver and the hooks, and note what came; what does not work out, in words."""
    for install in (mergedriver.install, githooks.install, lambda _: _note_seen(book)):
        try:
            install(book.places)
        except CrmError as exc:
            yield f"{exc.message}. {exc.hint}" if exc.hint else exc.message


def _note_seen(book: Book) -> None:
    """Note where the branch stands on the remote, by which a rewind of it is known."""
    remote = remotes.choose(book.places, health.branch(book.places))
    if remote is not None:
        seen.remember(book, remote)


def _counts(book: Book) -> tuple[tuple[str, int], ...]:
    found = []
    for kind in book.schema.kinds:
        row = book.index.row(f"SELECT COUNT(*) FROM {kind.plural}")
        if row and row[0]:
            found.append((kind.plural if row[0] != 1 else kind.name, int(row[0])))
    return tuple(found)
