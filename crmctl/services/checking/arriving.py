"""What is wrong in commits that are to go from one repository to another, each of them and the state at their end.

The same is asked before a push and on a server: what a hook there refuses, one here says earlier. Only git's objects
are read; the repository needs no files, no index and no settings of its own.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.errors import NoBook
from crmctl.errors import Problem
from crmctl.model import ids as identities
from crmctl.model.settings import FILE
from crmctl.services.checking import attributes
from crmctl.services.checking import commands
from crmctl.services.checking import rules
from crmctl.services.checking import settings as checks_settings
from crmctl.services.checking import templates
from crmctl.services.checking import tracked
from crmctl.services.checking.contents import Ids
from crmctl.services.checking.contents import Report
from crmctl.services.checking.contents import check_content
from crmctl.services.checking.records import Checker
from crmctl.store import layout
from crmctl.vcs.trees import FILES

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.settings import Settings
    from crmctl.vcs.pushed import Change
    from crmctl.vcs.pushed import File
    from crmctl.vcs.pushed import Pushed

_GONE = "000000"
# What only the book as a whole can tell is asked of the last commit of a push: on the way there, much may be half done.
_BY_THE_WHOLE = frozenset({"unknown-reference", "unknown-template"})
_PART = 200
"""So many commits are asked for their contents at once."""


def check(repository: Pushed, tips: Iterable[str], commits: Sequence[tuple[str, Sequence[str]]]) -> Report:
    """Everything that is wrong in ``commits`` (oldest first, each with its parents) and in the books at ``tips``.

    In every commit: changed records that cannot be read or are wrong by the settings of that commit, or that change
    their id; links and programs; keys that would name a program or a host; attributes by which git would join records
    otherwise; submodules; settings of a book that go. At the tips: what records refer to, ids that stand twice among
    what the commits changed, names that differ in capitals alone, and templates that are no good.

    Raises:
        GitFailed: the repository cannot be read.
    """
    looking = _Looking(repository)
    problems = [*looking.commits(commits)]
    for tip in dict.fromkeys(tips):
        problems += looking.tip(tip)
    return Report(sorted(set(problems)), len(looking.touched))


class _Step(NamedTuple):
    """A commit: what it changes, the files of it that are there then, the books with the blobs of their settings.

    ``wanted`` are those files that crmctl would read, each with the root of its book; ``old`` their blobs before.
    """

    commit: str
    changed: list[str]
    now: dict[str, Change]
    books: dict[str, str]
    wanted: dict[str, str]
    old: dict[str, list[str]]

    def oids(self) -> Iterator[str]:
        """The blobs that have to be read to say what is wrong."""
        yield from (self.now[path].oid for path in self.wanted if self.now[path].mode in FILES)
        yield from (oid for oids in self.old.values() for oid in oids)


class _Looking:
    """The commits of one push, looked at one after the other, each content once."""

    def __init__(self, repository: Pushed) -> None:
        self.touched: set[str] = set()
        self._changed: set[str] = set()
        self._repository = repository
        self._settings: dict[str, Settings | None] = {}
        self._seen: set[tuple[str, str, str]] = set()
        self._books: dict[str, dict[str, str]] = {}
        self._last: tuple[str, dict[str, File]] = ("", {})

    def commits(self, commits: Iterable[tuple[str, Sequence[str]]]) -> Iterator[Problem]:
        """What is wrong in what each commit changes."""
        rest = iter(commits)
        while part := list(islice(rest, _PART)):
            changes = self._repository.each(part)
            steps = [self._step(commit, parents, changes[commit]) for commit, parents in part]
            contents = self._repository.contents(oid for step in steps for oid in step.oids())
            for step in steps:
                where = f" (in commit {step.commit[:10]})"
                for problem in self._wrong(step, contents):
                    yield problem._replace(message=problem.message + where)

    def _step(self, commit: str, parents: Sequence[str], parts: Sequence[Mapping[str, Change]]) -> _Step:
        """What there is to look at in a commit. A merge changes only what differs from all that it joins."""
        changed = [path for path in parts[0] if all(path in part for part in parts[1:])]
        now = {path: parts[0][path] for path in changed if parts[0][path].mode != _GONE}
        self.touched.update(now)
        self._changed.update(changed)
        books = self._books_in(commit, parents, parts[0])
        wanted = tracked.in_books(now, books)
        left = _left(parts, books) if len(parts) > 1 else {}
        old = {
            path: [part[path].old for part in parts if part[path].old_mode in FILES] + left.get(_flat(path, prefix), [])
            for path, prefix in wanted.items()
            if path.endswith(".yaml")
        }
        return _Step(commit, changed, now, books, wanted, old)

    def _wrong(self, step: _Step, contents: Mapping[str, bytes]) -> Iterator[Problem]:
        yield from self._of_the_whole(step)
        for path, change in step.now.items():
            yield from rules.mode(path, change.mode, step.books)
            if path in step.wanted and change.mode in FILES:
                prefix, data = step.wanted[path], contents[change.oid]
                yield from self._content(path, prefix, change.oid, data, step.books[prefix])
                yield from rules.identity(path, data, [contents[oid] for oid in step.old.get(path, ())])

    def _of_the_whole(self, step: _Step) -> Iterator[Problem]:
        """What a commit changes in how a repository is read: settings that go, attributes, modules of git's."""
        gone = [path for path in step.changed if path not in step.now]
        if tracked.roots(gone):
            yield from tracked.settings_gone(gone, self._files(step.commit))
        yield from rules.modules(step.now, step.books)
        for path in (path for path in step.now if step.books and path.rpartition("/")[2] == rules.ATTRIBUTES):
            oid = step.now[path].oid
            if step.now[path].mode in FILES:
                data = self._repository.contents([oid])[oid]
                yield from attributes.rebinding(path, data, self._files(step.commit), step.books)

    def _files(self, commit: str) -> dict[str, File]:
        """Every file of a commit; those of the last one that was asked for are remembered."""
        if commit != self._last[0]:
            self._last = (commit, self._repository.files(commit))
        return self._last[1]

    def _books_in(self, commit: str, parents: Sequence[str], changes: Mapping[str, Change]) -> dict[str, str]:
        """The books in a commit: where each stands, and the blob of its settings ("" for what is no plain file)."""
        known = self._books.get(parents[0]) if parents else None
        if known is None or tracked.roots(changes):
            files = self._files(commit)
            known = {prefix: _settings_in(files, prefix) for prefix in tracked.roots(files)}
        self._books[commit] = known
        return known

    def _content(self, path: str, prefix: str, oid: str, data: bytes, by: str) -> Iterator[Problem]:
        """What is wrong with a content at a place by those settings, told once."""
        if (path, oid, by) not in self._seen:
            self._seen.add((path, oid, by))
            for problem in _in_file(path.removeprefix(prefix), data, self._settings_of(by)):
                yield problem._replace(path=path)

    def _settings_of(self, oid: str) -> Settings | None:
        """The settings in a blob; None when they cannot be read, which their own file is blamed for."""
        if oid not in self._settings:
            try:
                data = self._repository.contents([oid])[oid] if oid else b""
                self._settings[oid] = checks_settings.read(data).settings
            except NoBook:
                self._settings[oid] = None
        return self._settings[oid]

    def tip(self, commit: str) -> Iterator[Problem]:
        """What is wrong with the book as it stands at the end of a branch, as far as this push has touched it."""
        files = self._files(commit)
        yield from rules.collisions(files, self.touched)
        prefixes = tracked.roots(files)
        touched = sorted(path for path in self.touched if path in files and files[path].mode in FILES)
        wanted = tracked.in_books(touched, prefixes)
        contents = self._repository.contents(files[path].oid for path in wanted)
        for prefix in prefixes:
            settings = self._settings_of(_settings_in(files, prefix))
            if settings is None:
                continue
            for problem in self._templates(files, prefix, settings):
                yield problem._replace(path=prefix + problem.path)
            if prefix not in wanted.values():
                continue
            inside = [path.removeprefix(prefix) for path in files if path.startswith(prefix)]
            checker = _checker(settings, tracked.handles(inside, settings), tracked.templates(inside))
            ids = Ids()
            for path in (path for path, of in wanted.items() if of == prefix):
                place = layout.place_of(path.removeprefix(prefix), settings.schema)
                if place is not None:
                    for problem in check_content(path, place, contents[files[path].oid], checker, ids):
                        if problem.code in _BY_THE_WHOLE or problem.code == "duplicate-id":
                            yield problem

    def _templates(self, files: Mapping[str, File], prefix: str, settings: Settings) -> list[Problem]:
        """What is wrong with the templates of a book that this push has touched, and with those that name them."""
        folder = f"{prefix}{templates.FOLDER}/"
        if not any(path.startswith(folder) for path in self._changed):
            return []
        there = [path for path in files if path.startswith(folder) and files[path].mode in FILES]
        contents = self._repository.contents(files[path].oid for path in there)
        texts = {path.removeprefix(prefix): contents[files[path].oid] for path in there}
        changed = [path.removeprefix(prefix) for path in self._changed if path.startswith(folder)]
        return templates.problems_of(texts, changed, settings)


def _left(parts: Sequence[Mapping[str, Change]], books: Mapping[str, str]) -> dict[str, list[str]]:
    """The blobs of the files that a merge does not have where its parents have them, by their flat paths.

    A record that came to its place in the other layout was there before.
    """
    found: dict[str, list[str]] = {}
    for part in parts:
        gone = [path for path, change in part.items() if change.mode == _GONE and change.old_mode in FILES]
        for path, prefix in tracked.in_books(gone, books).items():
            found.setdefault(_flat(path, prefix), []).append(part[path].old)
    return found


def _flat(path: str, prefix: str) -> str:
    return prefix + layout.flat(path.removeprefix(prefix))


def _settings_in(files: Mapping[str, File], prefix: str) -> str:
    """The blob of the settings of a book, "" when that is no plain file."""
    mode, oid = files[prefix + FILE]
    return oid if mode in FILES else ""


def _in_file(path: str, data: bytes, settings: Settings | None) -> Iterator[Problem]:
    """What is wrong in a file of a book, as far as the file alone can tell."""
    if path == FILE:
        try:
            yield from checks_settings.read(data).problems
        except NoBook as exc:
            yield from exc.problems
        yield from commands.in_file(path, data)
        return
    place = layout.place_of(path, settings.schema) if settings is not None else None
    if settings is None or place is None:
        yield from tracked.unreadable(path, data)
        yield from commands.in_file(path, data)
        return
    wrong = identities.handle_problem(place.handle)
    if wrong:
        yield Problem(path, 0, 0, "bad-handle", f"the file's name is not a handle: {wrong}", "Rename it: git mv")
    for problem in _checker(settings).file(path, place, data).problems:
        if problem.code not in _BY_THE_WHOLE:
            yield problem


def _checker(
    settings: Settings, handles: Mapping[str, Collection[str]] | None = None, names: Collection[str] = ()
) -> Checker:
    return Checker(settings, handles or {}, names, clock.now(settings.zone))
