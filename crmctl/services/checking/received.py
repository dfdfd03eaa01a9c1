"""What a server holds against commits that are pushed to it, before it takes them: for the pre-receive hook.

Nobody can leave this out, so it is what a team can rely on: every commit that arrives is looked at, whoever made it and
with what. Only git's objects are read; the repository needs no files, no index and no settings of its own.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import NoBook
from crmctl.errors import Problem
from crmctl.model import ids as identities
from crmctl.model.settings import FILE
from crmctl.services.checking import attributes
from crmctl.services.checking import settings as checks_settings
from crmctl.services.checking.checks import Ids
from crmctl.services.checking.checks import Report
from crmctl.services.checking.checks import check_content
from crmctl.services.checking.pushed import in_books
from crmctl.services.checking.pushed import roots
from crmctl.services.checking.pushed import settings_gone
from crmctl.services.checking.pushed import unreadable
from crmctl.services.checking.records import Checker
from crmctl.store import layout
from crmctl.vcs import pushed
from crmctl.vcs.repository import PLAIN

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path

    from crmctl.model.settings import Settings
    from crmctl.vcs.pushed import Change
    from crmctl.vcs.pushed import File
    from crmctl.vcs.pushed import Pushed
    from crmctl.vcs.pushed import Update

_GONE = "000000"
_PROGRAMS = "hooks/"
MODULES = ".gitmodules"
"""Where git looks up the repositories within a repository; at its top only."""
# What only the book as a whole can tell is asked of the last commit of a push: on the way there, much may be half done.
_BY_THE_WHOLE = frozenset({"unknown-reference", "unknown-template"})


def check_received(here: Path, text: str) -> Report:
    """Everything for which a push is not to be taken; ``text`` is what git tells the hook.

    In every commit: changed records that cannot be read or are wrong by the settings of that commit, or that change
    their id; links and programs; attributes by which git would join records otherwise; submodules; settings of a book
    that go. In the last commit of each branch: what records refer to, ids that stand twice among what came, and names
    that differ in capitals alone. The main branch is neither rewound nor deleted.

    Raises:
        GitFailed: the repository cannot be read.
    """
    repository = pushed.Pushed(here)
    updates = pushed.updates(text)
    problems = [*_branches(repository, updates)]
    tips = [tip for tip in (repository.commit(update.new) for update in updates if update.new) if tip]
    arriving = repository.arriving(tips) if tips else []
    received = _Received(repository)
    changes = repository.each(arriving)
    for commit, parents in arriving:
        problems += received.commit(commit, parents, changes[commit])
    for tip in dict.fromkeys(tips):
        problems += received.tip(tip)
    return Report(sorted(set(problems)), len(received.touched))


def _branches(repository: Pushed, updates: Iterable[Update]) -> Iterator[Problem]:
    main = repository.main_branch()
    for update in updates:
        if update.name != main or not update.old:
            continue
        if not update.new:
            yield Problem(main, 0, 0, "main-branch", "the main branch is not to be deleted", "Delete other branches.")
        elif not repository.is_ancestor(update.old, update.new):
            hint = "Nothing is forced here: crmctl sync joins your work with what is on the server."
            yield Problem(main, 0, 0, "main-branch", "the main branch is not to be rewound or rewritten", hint)


class _Received:
    """The commits of one push, looked at one after the other, each content once."""

    def __init__(self, repository: Pushed) -> None:
        self.touched: set[str] = set()
        self._repository = repository
        self._settings: dict[str, Settings | None] = {}
        self._seen: set[tuple[str, str, str]] = set()
        self._books: dict[str, dict[str, str]] = {}

    def commit(self, commit: str, parents: Sequence[str], parts: Sequence[Mapping[str, Change]]) -> Iterator[Problem]:
        """What is wrong in what ``commit`` changes. A merge changes only what differs from all that it joins."""
        changed = [path for path in parts[0] if all(path in part for part in parts[1:])]
        now = {path: parts[0][path] for path in changed if parts[0][path].mode != _GONE}
        self.touched.update(now)
        books = self._books_in(commit, parents, parts[0])
        wanted = in_books(now, books)
        old = {path: [part[path].old for part in parts if part[path].old_mode in PLAIN] for path in wanted}
        oids = [now[path].oid for path in wanted if now[path].mode in PLAIN]
        contents = self._repository.contents([*oids, *(oid for some in old.values() for oid in some)])
        where = f" (in commit {commit[:10]})"
        for problem in self._of_the_whole(commit, changed, now, books):
            yield problem._replace(message=problem.message + where)
        for path, change in now.items():
            problems = [*_mode(path, change.mode, books)]
            if path in wanted and change.mode in PLAIN:
                data = contents[change.oid]
                problems += self._content(path, wanted[path], change.oid, data, books[wanted[path]])
                problems += _identity(path, data, [contents[oid] for oid in old[path]])
            for problem in problems:
                yield problem._replace(message=problem.message + where)

    def _of_the_whole(
        self, commit: str, changed: Iterable[str], now: Mapping[str, Change], books: Collection[str]
    ) -> Iterator[Problem]:
        """What a commit changes in how a repository is read: settings that go, attributes, modules of git's."""
        gone = [path for path in changed if path not in now]
        if roots(gone):
            yield from settings_gone(gone, self._repository.files(commit))
        if not books:
            return
        if MODULES in now:
            hint = "Take it out: git rm .gitmodules; what a book needs stands in it."
            yield Problem(MODULES, 0, 0, "submodule", "another repository would be brought in by this file", hint)
        for path in (path for path in now if path.rpartition("/")[2] == attributes.NAME):
            if now[path].mode in PLAIN:
                data = self._repository.contents([now[path].oid])[now[path].oid]
                yield from attributes.rebinding(path, data, self._repository.files(commit), books)

    def _books_in(self, commit: str, parents: Sequence[str], changes: Mapping[str, Change]) -> dict[str, str]:
        """The books in a commit: where each stands, and the blob of its settings ("" for what is no plain file)."""
        known = self._books.get(parents[0]) if parents else None
        if known is None or roots(changes):
            files = self._repository.files(commit)
            known = {prefix: files[prefix + FILE].oid if _is_plain(files, prefix) else "" for prefix in roots(files)}
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
        files = self._repository.files(commit)
        yield from _collisions(files, self.touched)
        prefixes = roots(files)
        touched = sorted(path for path in self.touched if path in files and files[path].mode in PLAIN)
        wanted = in_books(touched, prefixes)
        contents = self._repository.contents(files[path].oid for path in wanted)
        for prefix in set(wanted.values()):
            settings = self._settings_of(files[prefix + FILE].oid)
            if settings is None:
                continue
            inside = [path.removeprefix(prefix) for path in files if path.startswith(prefix)]
            checker = _checker(settings, _handles(inside, settings), _templates(inside))
            ids = Ids()
            for path in (path for path, of in wanted.items() if of == prefix):
                place = layout.place_of(path.removeprefix(prefix), settings.schema)
                if place is not None:
                    for problem in check_content(path, place, contents[files[path].oid], checker, ids):
                        if problem.code in _BY_THE_WHOLE or problem.code == "duplicate-id":
                            yield problem


def _is_plain(files: Mapping[str, File], prefix: str) -> bool:
    return files[prefix + FILE].mode in PLAIN


def _in_file(path: str, data: bytes, settings: Settings | None) -> Iterator[Problem]:
    """What is wrong in a file of a book, as far as the file alone can tell."""
    if path == FILE:
        try:
            yield from checks_settings.read(data).problems
        except NoBook as exc:
            yield from exc.problems
        return
    place = layout.place_of(path, settings.schema) if settings is not None else None
    if settings is None or place is None:
        yield from unreadable(path, data)
        return
    wrong = identities.handle_problem(place.handle)
    if wrong:
        yield Problem(path, 0, 0, "bad-handle", f"the file's name is not a handle: {wrong}", "Rename it: git mv")
    for problem in _checker(settings).file(path, place, data).problems:
        if problem.code not in _BY_THE_WHOLE:
            yield problem


def _checker(
    settings: Settings, handles: Mapping[str, Collection[str]] | None = None, templates: Collection[str] = ()
) -> Checker:
    return Checker(settings, handles or {}, templates, clock.now(settings.zone))


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


def _mode(path: str, mode: str, books: Iterable[str]) -> Iterator[Problem]:
    """Whether a file of a book is a plain one; only git hooks that a team shares may be programs."""
    prefix = max((prefix for prefix in books if path.startswith(prefix)), key=len, default=None)
    if prefix is None:
        return
    if mode not in PLAIN:
        what = "a link" if mode == "120000" else "another repository"
        yield Problem(path, 0, 0, "not-a-file", f"{what} stands where a file should be", "Put a plain file there.")
    elif mode != "100644" and not path.startswith(f"{prefix}{_PROGRAMS}"):
        hint = f"Make it a plain file: git update-index --chmod=-x -- {path}"
        yield Problem(path, 0, 0, "executable", "the file is marked as a program", hint)


def _identity(path: str, data: bytes, before: Iterable[bytes]) -> Iterator[Problem]:
    """Whether a record is still the one it was: its id stays, or is one of those that a merge joins."""
    if not path.endswith(".yaml"):
        return
    known = {found for found in map(_id, before) if found}
    now = _id(data)
    if known and now is not None and now not in known:
        message = f"the id of this record was {' or '.join(sorted(known))} and must stay so"
        hint = "Put it back. Another customer is another file: crmctl customer add"
        yield Problem(path, 0, 0, "id-changed", message, hint)


def _id(data: bytes) -> str | None:
    """The id in a record's file, "" where there is none, None for what cannot be read."""
    from crmctl.store.yaml_reader import read_yaml

    try:
        found = read_yaml(data, "").data.get("id", "")
    except InvalidData:
        return None
    return found if isinstance(found, str) else ""


def _collisions(files: Iterable[str], touched: Collection[str]) -> Iterator[Problem]:
    """Files and folders that are one and the same where capitals or accents do not count (macOS, Windows)."""
    first: dict[str, str] = {}
    for path in files:
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            name = "/".join(parts[:count])
            other = first.setdefault(unicodedata.normalize("NFC", name.casefold()), name)
            if other != name and (path in touched or other in touched):
                message = f"on some machines this is the same file or folder as {other}"
                yield Problem(path, 0, 0, "same-name", message, "Rename one of the two: git mv")
                break
