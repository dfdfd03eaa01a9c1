"""What no commit may do to a repository with a book in it, wherever the commit is looked at."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.vcs.trees import FILES

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Iterator

_PROGRAMS = "hooks/"
MODULES = ".gitmodules"
"""Where git looks up the repositories within a repository; at its top only."""
ATTRIBUTES = ".gitattributes"
"""Where git looks up how it joins and changes files; in any folder."""


def mode(path: str, bits: str, books: Iterable[str]) -> Iterator[Problem]:
    """Whether a file of a book is a plain one; only git hooks that a team shares may be programs."""
    prefix = max((prefix for prefix in books if path.startswith(prefix)), key=len, default=None)
    if prefix is None:
        return
    if bits not in FILES:
        what = "a link" if bits == "120000" else "another repository"
        yield Problem(path, 0, 0, "not-a-file", f"{what} stands where a file should be", "Put a plain file there.")
    elif bits != "100644" and not path.startswith(f"{prefix}{_PROGRAMS}"):
        hint = f"Make it a plain file: git update-index --chmod=-x -- {path}"
        yield Problem(path, 0, 0, "executable", "the file is marked as a program", hint)


def modules(paths: Collection[str], books: Collection[str]) -> Iterator[Problem]:
    """Whether a commit that adds or changes ``paths`` brings in another repository."""
    if books and MODULES in paths:
        hint = "Take it out: git rm .gitmodules; what a book needs stands in it."
        yield Problem(MODULES, 0, 0, "submodule", "another repository would be brought in by this file", hint)


def identity(path: str, data: bytes, before: Iterable[bytes]) -> Iterator[Problem]:
    """Whether a record is still the one it was: its id stays, or is one of those that a merge joins."""
    if not path.endswith(".yaml"):
        return
    known = {found for found in map(identity_in, before) if found}
    now = identity_in(data)
    if known and now is not None and now not in known:
        message = f"the id of this record was {' or '.join(sorted(known))} and must stay so"
        hint = "Put it back. Another record is a file of its own, with a handle of its own."
        yield Problem(path, 0, 0, "id-changed", message, hint)


def identity_in(data: bytes) -> str | None:
    """The id in a record's file, "" where there is none, None for what cannot be read."""
    from crmctl.store.yaml_reader import read_yaml

    try:
        found = read_yaml(data, "").data.get("id", "")
    except InvalidData:
        return None
    return found if isinstance(found, str) else ""


def collisions(files: Iterable[str], touched: Collection[str]) -> Iterator[Problem]:
    """Files and folders that are one and the same where capitals or accents do not count (macOS, Windows)."""
    first: dict[str, str] = {}
    folders = {"": ""}

    def same_as(name: str) -> str:
        """The first file or folder that goes by this name elsewhere, "" when that is this one."""
        other = first.setdefault(unicodedata.normalize("NFC", name.casefold()), name)
        return "" if other == name else other

    def folder_as(name: str) -> str:
        if name not in folders:
            folders[name] = folder_as(name.rpartition("/")[0]) or same_as(name)
        return folders[name]

    for path in files:
        other = folder_as(path.rpartition("/")[0]) or same_as(path)
        if other and (path in touched or other in touched):
            message = f"on some machines this is the same file or folder as {other}"
            yield Problem(path, 0, 0, "same-name", message, "Rename one of the two: git mv")
