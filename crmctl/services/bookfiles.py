"""The files of a book, read by their paths: those in the work tree, or those in an earlier commit."""

from __future__ import annotations

import os
import stat
from functools import cached_property
from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import Protocol

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.store.files import LARGEST
from crmctl.store.files import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from crmctl.vcs.repository import Repository

FILE, FOLDER, LINK, OTHER = "file", "folder", "link", "other"


class Entry(NamedTuple):
    """What a folder has in it: a name, and what stands there ("file", "folder", "link" or "other")."""

    name: str
    what: str


class Files(Protocol):
    """Files by their paths relative to the book, with ``/``. ``name`` is what to call all of them in words."""

    @property
    def name(self) -> str:
        """What to call them in words."""

    def read(self, path: str, largest: int = LARGEST) -> bytes:
        """The content of a plain file.

        Raises:
            FileNotFoundError: there is none.
            InvalidData, StorageFailed: as ``store.files.read_file``.
        """

    def entries(self, folder: str) -> list[Entry]:
        """What stands in a folder, by name; nothing when there is no such folder.

        Raises:
            OSError: it cannot be read.
        """

    def what(self, path: str) -> str:
        """What stands at ``path``, "" when nothing does or that cannot be told."""

    def fetch(self, paths: Iterable[str]) -> None:
        """Get ready to read all these."""


class WorkTree:
    """The files as they stand in the folder of the book."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.name = str(root)

    def read(self, path: str, largest: int = LARGEST) -> bytes:
        """See ``Files``."""
        return read_file(self._root, path, largest)[0]

    def entries(self, folder: str) -> list[Entry]:
        """See ``Files``."""
        try:
            with os.scandir(self._root / folder) as found:
                return sorted(Entry(entry.name, _what(entry)) for entry in found)
        except FileNotFoundError:
            return []

    def what(self, path: str) -> str:
        """See ``Files``."""
        try:
            mode = os.lstat(self._root / path).st_mode
        except OSError:
            return ""
        return LINK if stat.S_ISLNK(mode) else FILE if stat.S_ISREG(mode) else FOLDER if stat.S_ISDIR(mode) else OTHER

    def fetch(self, paths: Iterable[str]) -> None:
        """Nothing has to be made ready."""


class Committed:
    """The files as they stand in a commit."""

    def __init__(self, repository: Repository, commit: str) -> None:
        self._repository = repository
        self._commit = commit
        self._contents: dict[str, bytes] = {}
        self.name = f"commit {commit[:10]}"

    @cached_property
    def _files(self) -> dict[str, tuple[str, str]]:
        """Path -> (blob, what stands there)."""
        return {
            entry.path: (entry.oid, _MODES.get(entry.mode, OTHER)) for entry in self._repository.files(self._commit)
        }

    @cached_property
    def _folders(self) -> dict[str, set[Entry]]:
        folders: dict[str, set[Entry]] = {}
        for path, (_, what) in self._files.items():
            folder, _, name = path.rpartition("/")
            folders.setdefault(folder, set()).add(Entry(name, what))
            while folder:
                above, _, name = folder.rpartition("/")
                folders.setdefault(above, set()).add(Entry(name, FOLDER))
                folder = above
        return folders

    def read(self, path: str, largest: int = LARGEST) -> bytes:
        """See ``Files``."""
        what = self.what(path)
        if not what:
            raise FileNotFoundError(path)
        if what != FILE:
            what = {LINK: "a symbolic link", FOLDER: "a folder"}.get(what, "no regular file")
            raise _refused(path, "not-a-file", f"{what} stands where a file should be")
        if path not in self._contents:
            self.fetch([path])
        data = self._contents[path]
        if len(data) > largest:
            size = f"{len(data):,} bytes, more than the {largest:,} that are read"
            raise _refused(path, "too-large", f"the file is {size}")
        return data

    def entries(self, folder: str) -> list[Entry]:
        """See ``Files``."""
        return sorted(self._folders.get(folder, ()))

    def what(self, path: str) -> str:
        """See ``Files``."""
        if path in self._files:
            return self._files[path][1]
        return FOLDER if path in self._folders else ""

    def fetch(self, paths: Iterable[str]) -> None:
        """One call of git for all of them."""
        wanted = [path for path in paths if self.what(path) == FILE and path not in self._contents]
        contents = self._repository.contents(self._files[path][0] for path in wanted)
        self._contents.update(zip(wanted, contents, strict=True))


_MODES = {"100644": FILE, "100755": FILE, "120000": LINK, "160000": FOLDER}


def _refused(path: str, code: str, message: str) -> InvalidData:
    problem = Problem(path, 0, 0, code, message, "The past cannot be changed; look at the file as it is now.")
    return InvalidData(str(problem), problems=[problem])


def _what(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return LINK
    return FOLDER if entry.is_dir() else FILE if entry.is_file() else OTHER
