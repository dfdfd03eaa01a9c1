"""Checking what is about to be pushed: the files it changes hold no conflict markers, and can be read."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.model.settings import FILE
from crmctl.services.checking.checks import Report
from crmctl.store.layout import RECORDS
from crmctl.vcs import pushed
from crmctl.vcs.repository import PLAIN

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.vcs.pushed import Change

FOLDERS = (f"{RECORDS}/", "templates/", "reports/")
"""What crmctl reads of a book, besides its settings."""

_PART = 2_000
_MARKERS = (re.compile(rb"^<{7,} ", re.MULTILINE), re.compile(rb"^>{7,} ", re.MULTILINE))
_HINT = "Keep what is right, take the marker lines out, and commit that."


def check_outgoing(here: Path, remote: str, text: str) -> Report:
    """What is wrong in the files that a push to ``remote`` would change there; ``text`` is what git tells the hook.

    Problems have paths from the top of the work tree. Only the last state of each branch is looked at.

    Raises:
        GitFailed: the repository cannot be read.
    """
    source = pushed.Pushed(here)
    problems: list[Problem] = []
    count = 0
    for update in pushed.outgoing(text):
        tip = source.commit(update.new) if update.new else ""
        if tip:
            old = source.commit(update.old) if update.old else ""
            changed = source.changes(old or source.known_to(remote, tip), tip)
            files = in_books(changed, roots(source.files(tip)))
            count += len(files)
            problems += _check(source, files, changed)
    return Report(sorted(set(problems)), count)


def roots(paths: Iterable[str]) -> list[str]:
    """Where the books among ``paths`` stand: "" or "crm/"."""
    return [path.removesuffix(FILE) for path in paths if PurePosixPath(path).name == FILE]


def in_books(paths: Iterable[str], prefixes: Iterable[str]) -> dict[str, str]:
    """Those of ``paths`` that crmctl would read, each with the root of its book."""
    longest = sorted(prefixes, key=len, reverse=True)
    found = {}
    for path in paths:
        prefix = next((prefix for prefix in longest if path.startswith(prefix)), None)
        if prefix is not None:
            inside = path[len(prefix) :]
            if inside == FILE or inside.startswith(FOLDERS):
                found[path] = prefix
    return found


def settings_gone(paths: Iterable[str], files: Collection[str]) -> Iterator[Problem]:
    """A problem for each of ``paths``, which a commit takes away, that is the settings of a book which stays.

    ``files`` are all that are left. A book may be moved as a whole, but not be made a heap of files.
    """
    left = roots(files)
    for path in paths:
        if PurePosixPath(path).name == FILE:
            prefix = path.removesuffix(FILE)
            if not left or any(file.startswith(f"{prefix}{RECORDS}/") for file in files):
                message = "the settings go, and without them this is no book any more, and nothing in it is checked"
                yield Problem(path, 0, 0, "settings-gone", message, f"Bring them back: git checkout HEAD~1 -- {path}")


def _check(source: pushed.Pushed, files: Mapping[str, str], changed: Mapping[str, Change]) -> Iterator[Problem]:
    there = [path for path in files if changed[path].mode != "000000"]
    for start in range(0, len(there), _PART):
        part = there[start : start + _PART]
        contents = source.contents(changed[path].oid for path in part if changed[path].mode in PLAIN)
        for path in part:
            inside = path.removeprefix(files[path])
            if changed[path].mode in PLAIN:
                for problem in unreadable(inside, contents[changed[path].oid]):
                    yield problem._replace(path=path)
            elif inside.startswith(f"{RECORDS}/"):
                message = "a link or a folder stands where a record should be"
                yield Problem(path, 0, 0, "not-a-file", message, "Put a plain file there.")


def unreadable(path: str, data: bytes) -> list[Problem]:
    """Why the file at ``path`` in a book cannot be read; nothing for one that can, right or wrong."""
    from crmctl.store.jsonl import read_lines
    from crmctl.store.yaml_reader import read_yaml

    if path.startswith(f"{RECORDS}/") and path.endswith(".jsonl"):
        return read_lines(data, path)[1]
    if path == FILE or (path.startswith(f"{RECORDS}/") and path.endswith(".yaml")):
        try:
            read_yaml(data, path)
        except InvalidData as exc:
            return [problem for problem in exc.problems if path != FILE or problem.code != "empty"]
        return []
    marked = all(marker.search(data) for marker in _MARKERS)
    return [Problem(path, 0, 0, "conflict-markers", "an unsettled merge conflict", _HINT)] if marked else []
