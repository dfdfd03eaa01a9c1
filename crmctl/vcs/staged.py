"""What the next commit will hold: the content of git's index, as a hook that git calls has to see it."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.vcs import objects
from crmctl.vcs import places
from crmctl.vcs.asking import Asked
from crmctl.vcs.calling import failed
from crmctl.vcs.environment import NO_HOOKS
from crmctl.vcs.environment import SAFE
from crmctl.vcs.environment import environment
from crmctl.vcs.status import guards

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Self


_FILES = ("ls-files", "-s", "-z")
_DIFFERING = tuple(
    "diff --cached --no-ext-diff --no-textconv --raw -z --no-renames --no-abbrev --diff-filter=ACDMRT".split()
)


class StagedFile(NamedTuple):
    """A file in git's index: its mode ("100644" for a plain file, "120000" for a link) and its blob id."""

    mode: str
    oid: str


class Staged:
    """Git's index of the work tree at ``top``; paths are relative to it.

    For ``git commit -a`` and ``git commit FILE`` git makes an index of its own and says so by GIT_INDEX_FILE, which is
    relative to ``here``, the folder that the hook was started in.
    """

    def __init__(self, top: Path, here: Path) -> None:
        self._top = top
        self._environment = environment()
        index = os.environ.get("GIT_INDEX_FILE")
        if index:
            self._environment["GIT_INDEX_FILE"] = str(here / index)
        self._asked: dict[tuple[str, ...], Asked] = {}
        self._known: dict[str, bytes] = {}

    @classmethod
    def around(cls, here: Path) -> Self:
        """That of the repository around ``here``, with git already looking at it.

        Raises:
            NoBook, GitFailed: there is no repository, or git cannot be started.
        """
        here = here.absolute()
        staged = cls(places.find(here).top, here)
        for arguments in (_FILES, _DIFFERING):
            staged._asked[arguments] = staged._ask(*arguments)
        return staged

    def files(self) -> dict[str, StagedFile]:
        """Every file of the index; those in conflict are left out."""
        files = {}
        for line in self._paths(*_FILES):
            about, _, path = line.partition("\t")
            mode, oid, stage = about.split(" ")
            if stage == "0":
                files[path] = StagedFile(mode, oid)
        return files

    def changed(self) -> list[str]:
        """The files that the commit adds or changes."""
        return [path for path, (letter, _) in self._differing.items() if letter != "D"]

    def removed(self) -> list[str]:
        """The files that the commit takes away."""
        return [path for path, (letter, _) in self._differing.items() if letter == "D"]

    def versions(self) -> dict[str, tuple[str, ...]]:
        """The blobs that each file has before and after the commit, for those that it adds, changes or removes."""
        return {path: oids for path, (_, oids) in self._differing.items()}

    @cached_property
    def _differing(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """What differs from HEAD, without what is in conflict: how (A, D, M or T), and the blobs before and after."""
        fields = self._paths(*_DIFFERING)
        found = {}
        for about, path in zip(fields[::2], fields[1::2], strict=True):
            before, after, *oids, letter = about[1:].split(" ")
            modes = (before, after)
            blobs = tuple(oid for mode, oid in zip(modes, oids, strict=True) if mode.startswith("100"))
            found[path] = letter[:1], blobs
        return found

    def contents(self, oids: Iterable[str]) -> dict[str, bytes]:
        """The contents of blobs, by their ids. Those that were asked for before are remembered."""
        asked = dict.fromkeys(oids)
        new = [oid for oid in asked if oid not in self._known]
        self._known.update(objects.by_id(new, self._git, "git has lost an object that is about to be committed: {}"))
        return {oid: self._known[oid] for oid in asked}

    def as_merge(self, heads: Iterable[str]) -> str:
        """A commit of what is staged, joining HEAD and ``heads``; nothing points to it, and git drops it in time.

        Raises:
            GitFailed: something is in conflict still, or the object cannot be written.
        """
        tree = self._git("write-tree").decode().strip()
        parents = [word for head in ("HEAD", *heads) for word in ("-p", head)]
        return self._git("commit-tree", *parents, "-m", "crmctl: to be checked", tree).decode().strip()

    def _paths(self, *arguments: str) -> list[str]:
        return self._git(*arguments).decode("utf-8", "surrogateescape").split("\0")[:-1]

    def _git(self, *arguments: str, data: bytes = b"") -> bytes:
        asked = self._asked.pop(arguments, None) or self._ask(*arguments, data=data)
        answer = asked.answer()
        if answer.code:
            raise failed(arguments, answer.words)
        return answer.output

    def _ask(self, *arguments: str, data: bytes = b"") -> Asked:
        options, variables = self._guards
        command = ["git", "-C", os.fspath(self._top), *SAFE, *NO_HOOKS, *options, *arguments]
        return Asked(command, {**self._environment, **variables}, data)

    @cached_property
    def _guards(self) -> tuple[tuple[str, ...], dict[str, str]]:
        return guards(self._top)
