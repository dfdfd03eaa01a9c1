"""Checking what is about to be committed: the staged content of record files, not what stands in the work tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import CrmError
from crmctl.errors import NoBook
from crmctl.errors import Problem
from crmctl.model import ids as identities
from crmctl.model.settings import FILE
from crmctl.services.checking import rules
from crmctl.services.checking import settings as checks_settings
from crmctl.services.checking import tracked
from crmctl.services.checking.contents import Ids
from crmctl.services.checking.contents import Report
from crmctl.services.checking.contents import check_content
from crmctl.services.checking.records import Checker
from crmctl.services.checking.staged_merge import is_merging
from crmctl.store import layout
from crmctl.store.layout import RECORDS
from crmctl.vcs import places
from crmctl.vcs.staged import Staged
from crmctl.vcs.trees import FILES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.model.settings import Settings
    from crmctl.services.book import Book
    from crmctl.vcs.staged import StagedFile

# What one changed record does not need is imported where it is used: git waits for this, at every commit.

_BACK = "Bring them back: git restore --staged --worktree {}"
_TEMPLATES = "templates"


def check_staged(here: Path, staged: Staged | None = None) -> Report:
    """Everything that is wrong with the record files that the next commit of the repository around ``here`` changes.

    A repository may hold several books, each in a folder of its own; problems have paths from its top. ``staged`` is
    its index, where git was asked for that already.

    Raises:
        NoBook, GitFailed: there is no repository, or it cannot be read.
    """
    found = places.find(here.absolute())
    top = found.top
    staged = staged or Staged(top, here.absolute())
    files = staged.files()
    roots = sorted(tracked.roots(files), reverse=True)
    changed, removed = staged.changed(), staged.removed()
    problems = [problem._replace(hint=_BACK.format(problem.path)) for problem in tracked.settings_gone(removed, files)]
    if roots:
        merging = is_merging(found)
        _read_all(staged, files, changed, roots, merging=merging)
        problems += _as_on_a_server(staged, files, changed, roots)
        if not merging:
            problems += _ids_stay(staged, [path for path in tracked.in_books(changed, roots) if path.endswith(".yaml")])
    count = 0
    for prefix in roots:
        mine = [path for path in changed if _is_of(path, prefix, roots)]
        gone = [path for path in removed if _is_of(path, prefix, roots)]
        if mine or gone:
            count += len(mine)
            wrong = _check_book(top / prefix, prefix, staged, files, mine, gone)
            problems += [problem._replace(path=prefix + problem.path) for problem in wrong]
    return Report(sorted(set(problems)), count)


def _read_all(
    staged: Staged, files: dict[str, StagedFile], changed: list[str], roots: list[str], *, merging: bool
) -> None:
    """Ask git once for all that one look at the changed files will ask for."""
    within = tracked.in_books(changed, roots)
    mine = [path for path in within if files[path].mode in FILES]
    settings = {root + FILE for root in within.values()}
    oids = [files[path].oid for path in [*mine, *settings] if files[path].mode in FILES]
    if not merging:
        versions = staged.versions()
        oids += [oid for path in mine if path.endswith(".yaml") for oid in versions[path]]
    staged.contents(oids)


def _as_on_a_server(
    staged: Staged, files: dict[str, StagedFile], changed: list[str], roots: list[str]
) -> Iterator[Problem]:
    """What a server would not take of any commit, told before there is one that would have to be made anew."""
    yield from rules.modules(changed, roots)
    for path in changed:
        yield from rules.mode(path, files[path].mode, roots)
    told = [path for path in changed if path.rpartition("/")[2] == rules.ATTRIBUTES and files[path].mode in FILES]
    if told:
        from crmctl.services.checking.attributes import rebinding

        contents = staged.contents(files[path].oid for path in told)
        for path in told:
            yield from rebinding(path, contents[files[path].oid], files, roots)
    yield from rules.collisions(files, set(changed))


def _ids_stay(staged: Staged, paths: list[str]) -> Iterator[Problem]:
    versions = {path: oids for path, oids in staged.versions().items() if len(oids) > 1} if paths else {}
    both = [path for path in paths if path in versions]
    contents = staged.contents(oid for path in both for oid in versions[path])
    for path in both:
        before, after = (contents[oid] for oid in versions[path])
        yield from rules.identity(path, after, [before])


def _is_of(path: str, prefix: str, roots: Iterable[str]) -> bool:
    """Whether crmctl reads the file at a path in the book at ``prefix``, and in none further in."""
    nearest = max((root for root in roots if path.startswith(root)), key=len, default="")
    inside = path.removeprefix(prefix)
    return nearest == prefix and (inside == FILE or inside.startswith(tracked.FOLDERS))


def _check_book(
    root: Path, prefix: str, staged: Staged, files: dict[str, StagedFile], changed: list[str], removed: list[str]
) -> Iterator[Problem]:
    told = files[prefix + FILE]
    if told.mode not in FILES:
        yield from rules.mode(FILE, told.mode, [""])
        return
    contents = staged.contents(files[path].oid for path in [*changed, prefix + FILE] if files[path].mode in FILES)
    try:
        settings, problems = _settings(contents[told.oid], changed=prefix + FILE in changed)
    except NoBook as exc:
        yield from exc.problems
        return
    yield from problems
    mine = {path.removeprefix(prefix): contents[files[path].oid] for path in changed if files[path].mode in FILES}
    yield from _commands(mine)
    inside = {path.removeprefix(prefix) for path in files if path.startswith(prefix)}
    handles = tracked.handles(inside, settings)
    checker = Checker(settings, handles, tracked.templates(inside), clock.now(settings.zone))
    ids = Ids()
    for path, data in mine.items():
        yield from _content(path, data, checker, ids, settings)
    versions = staged.versions()
    added = [full for full in changed if files[full].mode in FILES and len(versions.get(full, ())) < 2]
    gone = [full.removeprefix(prefix) for full in removed]
    if added or gone:
        from crmctl.services.checking import staged_places

        yield from staged_places.unread([full.removeprefix(prefix) for full in added], settings)
        yield from staged_places.left_behind(gone, inside, handles, settings)
    yield from _templates(staged, files, prefix, [*changed, *removed], settings)
    fresh = _fresh(staged, prefix, ids)
    if fresh.first or removed:
        yield from _by_index(root, fresh, set(gone), handles)


def _settings(data: bytes, *, changed: bool) -> checks_settings.Loaded:
    """The settings, and what is wrong in them where the commit has ``changed`` them."""
    return checks_settings.read(data) if changed else checks_settings.Loaded(checks_settings.used(data), [])


def _commands(contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """Keys that would name a program, in files that have any keys but those of a record."""
    others = {path: data for path, data in contents.items() if not path.startswith(f"{RECORDS}/")}
    if others:
        from crmctl.services.checking import commands

        for path, data in others.items():
            yield from commands.in_file(path, data)


def _content(path: str, data: bytes, checker: Checker, ids: Ids, settings: Settings) -> Iterator[Problem]:
    """What is wrong with a file of a book, whatever it is: a record, or another one."""
    place = layout.place_of(path, settings.schema)
    if place is None:
        if path != FILE:
            yield from tracked.unreadable(path, data)
        return
    wrong = identities.handle_problem(place.handle)
    if wrong:
        hint = "crmctl check says what to call it."
        yield Problem(path, 0, 0, "bad-handle", f"the file's name is not a handle: {wrong}", hint)
    yield from check_content(path, place, data, checker, ids)


def _fresh(staged: Staged, prefix: str, ids: Ids) -> Ids:
    """Those of ``ids`` that their files did not have before the commit: only these can be somebody else's."""
    versions = staged.versions()
    paths = {path: versions.get(prefix + path, ()) for path, _ in ids.first.values()}
    contents = staged.contents(oids[0] for oids in paths.values() if len(oids) > 1)
    before = {path: _ids_in(path, contents[oids[0]]) for path, oids in paths.items() if len(oids) > 1}
    fresh = Ids()
    fresh.first = {name: place for name, place in ids.first.items() if name not in before.get(place[0], ())}
    return fresh


def _ids_in(path: str, data: bytes) -> set[str]:
    if path.endswith(".yaml"):
        return {rules.identity_in(data) or ""}
    from crmctl.store.jsonl import read_lines

    return {str(line.value.get("id", "")) for line in read_lines(data, path)[0]}


def _templates(
    staged: Staged, files: dict[str, StagedFile], prefix: str, changed: list[str], settings: Settings
) -> Iterator[Problem]:
    """What is wrong with the templates that change, and with those that name them."""
    folder = f"{prefix}{_TEMPLATES}/"
    if not any(path.startswith(folder) for path in changed):
        return
    from crmctl.services.checking import templates

    there = [path for path in files if path.startswith(folder) and files[path].mode in FILES]
    contents = staged.contents(files[path].oid for path in there)
    texts = {path.removeprefix(prefix): contents[files[path].oid] for path in there}
    yield from templates.problems_of(texts, [path.removeprefix(prefix) for path in changed], settings)


def _by_index(root: Path, ids: Ids, removed: Iterable[str], handles: dict[str, set[str]]) -> Iterator[Problem]:
    """What only the rest of the book can tell: ids that others have, and records that name one that goes."""
    from crmctl.services.book import Book
    from crmctl.services.checking.contents import others_with_ids

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
    from crmctl.services.naming import naming_records

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
