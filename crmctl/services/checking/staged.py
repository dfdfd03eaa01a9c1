"""Checking what is about to be committed: the staged content of record files, not what stands in the work tree."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import CrmError
from crmctl.errors import NoBook
from crmctl.errors import Problem
from crmctl.model import ids as identities
from crmctl.model.settings import FILE
from crmctl.services.book import Book
from crmctl.services.checking import settings as checks_settings
from crmctl.services.checking.checks import Ids
from crmctl.services.checking.checks import Report
from crmctl.services.checking.checks import check_content
from crmctl.services.checking.checks import others_with_ids
from crmctl.services.checking.pushed import settings_gone
from crmctl.services.checking.records import Checker
from crmctl.store import layout
from crmctl.vcs import places
from crmctl.vcs.staged import Staged

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from pathlib import Path

    from crmctl.model.settings import Settings
    from crmctl.vcs.staged import StagedFile

_PLAIN = ("100644", "100755")
_BACK = "Bring them back: git restore --staged --worktree {}"


def check_staged(here: Path) -> Report:
    """Everything that is wrong with the record files that the next commit of the repository around ``here`` changes.

    A repository may hold several books, each in a folder of its own; problems have paths from its top.

    Raises:
        NoBook, GitFailed: there is no repository, or it cannot be read.
    """
    top = places.find(here.absolute()).top
    staged = Staged(top, here.absolute())
    files = staged.files()
    roots = sorted((path.removesuffix(FILE) for path in files if PurePosixPath(path).name == FILE), reverse=True)
    changed, removed = staged.changed(), staged.removed()
    problems = [problem._replace(hint=_BACK.format(problem.path)) for problem in settings_gone(removed, files)]
    count = 0
    for prefix in roots:
        mine = [path for path in changed if _is_of(path, prefix, roots)]
        gone = [path for path in removed if _is_of(path, prefix, roots)]
        if mine or gone:
            count += len(mine)
            found = _check_book(top / prefix, prefix, staged, files, mine, gone)
            problems += [problem._replace(path=prefix + problem.path) for problem in found]
    return Report(sorted(set(problems)), count)


def _is_of(path: str, prefix: str, roots: Iterable[str]) -> bool:
    """Whether a path is a record or the settings of the book at ``prefix``, and of none further in."""
    nearest = max((root for root in roots if path.startswith(root)), key=len, default="")
    inside = path.removeprefix(prefix)
    return nearest == prefix and (inside == FILE or inside.startswith(f"{layout.RECORDS}/"))


def _check_book(
    root: Path, prefix: str, staged: Staged, files: dict[str, StagedFile], changed: list[str], removed: list[str]
) -> Iterator[Problem]:
    contents = staged.contents(
        files[path].oid for path in [*changed, prefix + FILE] if path in files and files[path].mode in _PLAIN
    )
    try:
        settings, problems = checks_settings.read(contents[files[prefix + FILE].oid])
    except NoBook as exc:
        yield from exc.problems
        return
    if prefix + FILE in changed:
        yield from problems
    inside = {path.removeprefix(prefix) for path in files if path.startswith(prefix)}
    handles = _handles(inside, settings)
    checker = Checker(settings, handles, _templates(inside), clock.now(settings.zone))
    ids = Ids()
    for full in changed:
        path = full.removeprefix(prefix)
        place = layout.place_of(path, settings.schema)
        if place is None:
            continue
        if files[full].mode not in _PLAIN:
            message, hint = "a link or a folder stands where a record should be", "Put a plain file there."
            yield Problem(path, 0, 0, "not-a-file", message, hint)
            continue
        wrong = identities.handle_problem(place.handle)
        if wrong:
            hint = "crmctl check says what to call it."
            yield Problem(path, 0, 0, "bad-handle", f"the file's name is not a handle: {wrong}", hint)
        yield from check_content(path, place, contents[files[full].oid], checker, ids)
    yield from _by_index(root, ids, {path.removeprefix(prefix) for path in removed}, handles)


def _handles(inside: Iterable[str], settings: Settings) -> dict[str, set[str]]:
    handles: dict[str, set[str]] = {kind.name: set() for kind in settings.schema.kinds if kind.storage == "yaml"}
    for path in inside:
        place = layout.place_of(path, settings.schema)
        if place is not None and place.kind.storage == "yaml":
            handles[place.kind.name].add(place.handle)
    return handles


def _templates(inside: Iterable[str]) -> set[str]:
    names = {path.removeprefix("templates/") for path in inside if path.startswith("templates/")}
    return names | {name.rpartition(".")[0] for name in names}


def _by_index(root: Path, ids: Ids, removed: Iterable[str], handles: dict[str, set[str]]) -> Iterator[Problem]:
    """What only the rest of the book can tell: ids that others have, and records that name one that goes."""
    book = Book(root)
    try:
        yield from others_with_ids(book, ids)
        for path in removed:
            place = layout.place_of(path, book.schema)
            if place is not None and place.handle not in handles.get(place.kind.name, (place.handle,)):
                yield from _still_named(book, path, place, handles)
    except CrmError:
        return  # The work tree is in no state to be asked; check tells more.
    finally:
        book.refresh()


def _still_named(book: Book, path: str, place: layout.Place, handles: dict[str, set[str]]) -> Iterator[Problem]:
    from crmctl.services.records import naming_records

    naming = sorted(
        {
            f"{kind} {handle}"
            for kind, handle in naming_records(book, place.kind, place.handle)
            if handle in handles.get(kind, (handle,))
        }
    )
    if naming:
        shown = ", ".join(naming[:3]) + (f" and {len(naming) - 3} more" if len(naming) > 3 else "")
        message = f"{place.kind.name} {place.handle} goes, and others still name it: {shown}"
        yield Problem(path, 0, 0, "unknown-reference", message, "Change or remove those in the same commit.")
