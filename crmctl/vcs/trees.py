"""What differs between whole trees of a repository, modes included: what a merge in process starts from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import GitFailed
from crmctl.vcs.calling import failed
from crmctl.vcs.run import attempt
from crmctl.vcs.run import git

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from crmctl.vcs.places import Places

PLAIN, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"
FILES = frozenset({PLAIN, EXECUTABLE})
"""What has content of its own."""


class TreeFile(NamedTuple):
    """What stands at a path of a tree: its mode (``PLAIN`` ...) and the id of its blob (of a commit, for SUBMODULE)."""

    mode: str
    oid: str


if TYPE_CHECKING:
    Differences: TypeAlias = dict[str, tuple[TreeFile | None, TreeFile | None]]


def empty_tree(algorithm: str) -> str:
    """The id of the tree that has nothing in it; git knows it without having it."""
    import hashlib

    return hashlib.new(algorithm, b"tree 0\0", usedforsecurity=False).hexdigest()


def differences(places: Places, old: str, new: str) -> Differences:
    """What differs between two commits or trees, in the whole repository: path from its top -> (before, after)."""
    if old == new:
        return {}
    arguments = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new, "--")
    fields = git(places.top, *arguments).decode("utf-8", "surrogateescape").split("\0")[:-1]
    found: Differences = {}
    for about, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, before, after, _ = about[1:].split(" ")
        found[path] = (_file(old_mode, before), _file(new_mode, after))
    return found


def merge_bases(places: Places, one: str, others: Sequence[str]) -> list[str]:
    """The latest commits that the histories of ``one`` and of a merge of ``others`` have both."""
    done = attempt(places.top, "merge-base", "--all", one, *others)
    if done.returncode > 1:
        raise failed(("merge-base",), done.stderr)
    return done.stdout.decode().split()


def merge_texts(places: Places, base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """Three texts merged line by line, as git does it; None when both changed the same lines, or one is no text.

    Raises:
        GitFailed: git cannot be run, or there is no room for the texts.
    """
    import tempfile

    places.own.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="merge-", dir=places.own) as folder:
            names = []
            for name, data in (("ours", ours), ("base", base), ("theirs", theirs)):
                path = Path(folder, name)
                path.write_bytes(data)
                names.append(os.fspath(path))
            done = attempt(places.top, "merge-file", "-p", "-q", *names)
    except OSError as exc:
        raise GitFailed(f"two texts cannot be merged: {(exc.strerror or str(exc)).lower()}") from exc
    return done.stdout if done.returncode == 0 else None


def _file(mode: str, oid: str) -> TreeFile | None:
    return None if mode == "000000" else TreeFile(mode, oid)
