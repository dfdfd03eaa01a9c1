"""One write to a book: everything or nothing, one commit, and nothing of the user's other work in it.

The commit is made first, beside the user's index, and the new files beside the old ones; then HEAD moves, by
compare-and-swap; then the files are put in place, from a journal that the next writer finishes should this one die.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from typing import Protocol

from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import StorageFailed
from crmctl.store import journal as journals
from crmctl.store.files import UNFINISHED
from crmctl.store.files import check_path
from crmctl.store.files import discard
from crmctl.store.files import prepare_file
from crmctl.store.files import put_in_place
from crmctl.store.files import read_file
from crmctl.store.files import remove_file
from crmctl.store.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

FEW = 64
"""Up to this many files are synced one by one; more of them all at once."""


class Commits(Protocol):
    """What a transaction needs from version control. Paths are relative to the book."""

    def head(self) -> str:
        """The commit HEAD points to, "" before the first."""
        ...

    def blobs(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        """The blob ids of ``paths`` in ``commit``."""
        ...

    def contents(self, oids: Iterable[str]) -> Iterator[bytes]:
        """The contents of blobs."""
        ...

    def check_writable(self) -> None:
        """Refuse while a merge or the like is under way."""
        ...

    def build(self, parent: str, message: str, files: Mapping[str, bytes | None]) -> str:
        """Make a commit that nothing points to yet."""
        ...

    def advance(self, new: str, old: str, message: str) -> None:
        """Move HEAD's branch by compare-and-swap."""
        ...

    def stage(self, paths: Iterable[str]) -> None:
        """Make git's index agree with HEAD and the files."""
        ...

    def unstage(self, paths: Iterable[str]) -> None:
        """Make git's index agree with HEAD, whatever the files are."""
        ...

    def contains(self, commit: str) -> bool:
        """Whether HEAD's history has a commit."""
        ...


class BlobId(Protocol):
    """How the id of a content is told."""

    def __call__(self, data: bytes) -> str:
        """The blob id of ``data``."""
        ...


class Transaction:
    """The changes of one write, collected by ``put`` and ``remove`` and made real by ``commit``.

    The lock must be held from before it is made until after ``commit``.
    """

    def __init__(self, root: Path, state: Path, commits: Commits, blob_id: BlobId, *, adopt: bool = False) -> None:
        self.root = root
        self.adopted: list[str] = []
        self.watch: Callable[[list[str]], Iterable[str]] = iter
        self._state = state
        self._commits = commits
        self._blob_id = blob_id
        self._adopt = adopt
        self._files: dict[str, bytes | None] = {}
        self._before: dict[str, bytes | None] = {}
        self._checked: set[str] = set()
        commits.check_writable()
        recover(root, state, commits, blob_id)

    @property
    def paths(self) -> list[str]:
        """The paths that differ from what stands there now."""
        return [path for path, data in self._files.items() if data != self._before[path]]

    def read(self, path: str) -> bytes | None:
        """What stands at ``path`` now, put by this transaction or found there; None when nothing does.

        Raises:
            InvalidData: something else than a plain file stands there, or than a folder on the way.
        """
        if path in self._files:
            return self._files[path]
        if path not in self._before:
            folder = path.rpartition("/")[0]
            if folder not in self._checked or "\n" in path:
                check_path(self.root, path)
                self._checked.add(folder)
            try:
                self._before[path], _ = read_file(self.root, path)
            except FileNotFoundError:
                self._before[path] = None
        return self._before[path]

    def put(self, path: str, data: bytes) -> None:
        """Have ``data`` stand at ``path``."""
        self.read(path)
        self._files[path] = data

    def remove(self, path: str) -> None:
        """Have nothing stand at ``path``."""
        self.read(path)
        self._files[path] = None

    def commit(self, message: str) -> str:
        """Make all changes at once, as one commit; its id, or "" when nothing would change.

        Raises:
            Conflict: a file differs from HEAD because someone is editing it by hand (unless adopted).
            StorageFailed: there is no room, or no right to write; the message says if the commit was made all the same.
        """
        head = self._commits.head()
        changed = self.paths
        asked = list(self._files)
        known = self._commits.blobs(head, asked)
        self._refuse_edited(asked, known)
        uncommitted = [path for path in self.adopted if self._files[path] == self._before[path]]
        chosen = {path: self._as_kept(path, known) for path in [*changed, *uncommitted]}
        if not chosen:
            return ""
        new = self._commits.build(head, message, chosen)
        note = Journal(head, new, {path: (self._id(self._before[path]), self._id(chosen[path])) for path in chosen})
        journals.write(self._state, note)
        prepared = self._move_head(chosen, note, message)
        try:
            place(self.root, note, prepared, self._commits, self._blob_id)
            journals.drop(self._state)
        except CrmError as exc:
            hint = "Do not run it again: crmctl doctor --fix finishes it, or the next command that writes."
            raise StorageFailed(f"committed as {new[:10]}, but not finished: {exc.message}", hint=hint) from exc
        return new

    def _move_head(self, files: Mapping[str, bytes | None], note: Journal, message: str) -> dict[str, str | None]:
        """Have the new files ready, then move HEAD. Until it has moved nothing has happened."""
        prepared: dict[str, str | None] = {}
        try:
            prepare(self.root, self.watch(list(files)), files, prepared)
            self._commits.advance(note.new, note.old, message.partition("\n")[0])
        except BaseException as exc:
            for temporary in filter(None, prepared.values()):
                discard(temporary)
            if isinstance(exc, (StorageFailed, Conflict)):
                journals.drop(self._state)
            raise
        return prepared

    def _as_kept(self, path: str, known: Mapping[str, str]) -> bytes | None:
        """What to commit at ``path``: with plain line feeds, unless it was committed with others.

        git may check records out with carriage returns (core.autocrlf), and takes them out again when it looks.
        """
        data, before = self._files[path], self._before[path]
        if data is None or (before is not None and known.get(path) == self._blob_id(before)):
            return data
        return data.replace(b"\r\n", b"\n")

    def _id(self, data: bytes | None) -> str:
        return "" if data is None else self._blob_id(data)

    def _refuse_edited(self, paths: Iterable[str], known: Mapping[str, str]) -> None:
        for path in paths:
            before = self._before[path]
            if before is None:
                same = path not in known
            else:
                same = known.get(path) in (self._blob_id(before), self._blob_id(before.replace(b"\r\n", b"\n")))
            if same:
                continue
            if before is not None and path not in known:
                self.adopted.append(path)  # A new file that was written by hand: it is what this write is about.
            elif self._adopt:
                self.adopted.append(path)
            else:
                raise Conflict(
                    f"{path} was changed by hand and not committed yet",
                    hint=f'Commit it first (git commit -m "..." -- {path}), or say --adopt to take it along.',
                )


def prepare(
    root: Path, paths: Iterable[str], files: Mapping[str, bytes | None], prepared: dict[str, str | None]
) -> None:
    """Write new files beside where they belong, and note in ``prepared`` where; None for one that is taken away."""
    few = len(files) <= FEW
    for path in paths:
        data = files[path]
        prepared[path] = None if data is None else prepare_file(root, path, data, durable=few)


def place(root: Path, note: Journal, prepared: Mapping[str, str | None], commits: Commits, blob_id: BlobId) -> None:
    """Put committed files where they belong, and tell git's index.

    A file that someone changed since ``note`` was written stays as it is: it shows as changed, nothing of it is lost.
    """
    few = len(prepared) <= FEW
    kept = set()
    for path, temporary in prepared.items():
        if not _stands(root, path, note.paths[path][0], blob_id):
            kept.add(path)
            if temporary is not None:
                discard(temporary)
        elif temporary is None:
            remove_file(root, path, durable=few)
        else:
            put_in_place(root, path, temporary, durable=few)
    commits.stage([path for path in prepared if path not in kept])
    if kept:
        commits.unstage(sorted(kept))
    if not few and hasattr(os, "sync"):
        os.sync()


def recover(root: Path, state: Path, commits: Commits, blob_id: BlobId) -> bool:
    """Finish the write that died between moving HEAD and placing its files; whether there was one.

    Files that someone changed since then stay as they are, and so do those that have been committed anew.
    """
    note = journals.read(state)
    if note is None:
        return False
    _sweep(root, note.paths)
    if commits.contains(note.new):
        known = commits.blobs(commits.head(), note.paths)
        current = {path: after for path, (_, after) in note.paths.items() if known.get(path, "") == after}
        wanted = {path: oid for path, oid in current.items() if _found(root, path, blob_id) != oid}
        contents = iter(commits.contents([oid for oid in wanted.values() if oid]))
        files = {path: next(contents) if oid else None for path, oid in wanted.items()}
        prepared: dict[str, str | None] = {}
        prepare(root, files, files, prepared)
        place(root, note, prepared, commits, blob_id)
        commits.stage([path for path in current if path not in wanted])
    journals.drop(state)
    return True


def _stands(root: Path, path: str, oid: str, blob_id: BlobId) -> bool:
    """Whether the file at ``path`` has the content of that blob; for "", whether there is none."""
    if not oid:
        return not os.path.lexists(os.path.join(root, path))  # noqa: PTH118 - many files
    return _found(root, path, blob_id) == oid


def _found(root: Path, path: str, blob_id: BlobId) -> str:
    """The blob id of what stands at ``path``: "" for nothing, and one that no blob has for what is no plain file."""
    try:
        data, _ = read_file(root, path)
    except FileNotFoundError:
        return ""
    except InvalidData:
        return "no file"
    return blob_id(data)


def _sweep(root: Path, paths: Iterable[str]) -> None:
    """Take away what a killed write left beside the files it was about. The lock is held, so nobody else is writing."""
    for folder in {(root / path).parent for path in paths}:
        for leftover in folder.glob(f".*{UNFINISHED}"):
            discard(os.fspath(leftover))
