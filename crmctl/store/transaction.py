"""One write to a book: everything or nothing, one commit, and nothing of the user's other work in it.

The commit is made first, beside the user's index, and the new files beside the old ones; then HEAD moves, by
compare-and-swap; then the files are put in place, from a journal that the next writer finishes should this one die.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from typing import Protocol

from crmctl.errors import BranchMoved
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import Locked
from crmctl.errors import StorageFailed
from crmctl.store import journal as journals
from crmctl.store.files import UNFINISHED
from crmctl.store.files import check_path
from crmctl.store.files import discard
from crmctl.store.files import prepare_file
from crmctl.store.files import put_in_place
from crmctl.store.files import read_file
from crmctl.store.files import remove_file
from crmctl.store.handwork import Planner
from crmctl.store.handwork import Standings
from crmctl.store.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from crmctl.store.handwork import Plan

TRIES = 5
"""How often a commit is built anew because someone else committed meanwhile."""

FEW = 64
"""Up to this many files are synced one by one; more of them all at once."""


class Commits(Standings, Protocol):
    """What a transaction needs from version control. Paths are relative to the book."""

    def head(self) -> str:
        """The commit HEAD points to, "" before the first."""
        ...

    def blobs(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        """The blob ids of ``paths`` in ``commit``."""
        ...

    def changes_between(self, old: str, new: str) -> dict[str, tuple[str, str]]:
        """What differs between two commits: path -> (blob before, blob after), "" where there is none."""
        ...

    def check_writable(self, *, moving_since: int | None = None) -> None:
        """Refuse while a rebase or the like is under way, and sweep away the locks of a write that was killed.

        ``moving_since`` is when that one began to move HEAD; a merge under way is then refused, too.
        """
        ...

    def build(self, parent: str, message: str, files: Mapping[str, bytes | None], *, merging: str = "") -> str:
        """Make a commit that nothing points to yet; of two parents when ``merging`` names the second."""
        ...

    def keep(self, contents: Iterable[bytes]) -> None:
        """Keep contents that are in no commit, so that they can be asked for by their ids."""
        ...

    def advance(self, new: str, old: str, message: str) -> None:
        """Move HEAD's branch by compare-and-swap."""
        ...

    def index_held(self) -> AbstractContextManager[None]:
        """Keep everybody else from committing what git's index has, or from changing it."""
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

    def descends(self, new: str, old: str) -> bool:
        """Whether the history of ``new`` has ``old`` in it."""
        ...

    def announce(self, *, merged: bool) -> None:
        """Tell the user's own hooks that HEAD has moved."""
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
        self.kept: list[str] = []
        self.watch: Callable[[list[str]], Iterable[str]] = iter
        self._state = state
        self._commits = commits
        self._blob_id = blob_id
        self.adopt = adopt
        self._files: dict[str, bytes | None] = {}
        self._before: dict[str, bytes | None] = {}
        self._checked: set[str] = set()
        # What an interrupted write left is not put among what a merge has in hand.
        commits.check_writable(moving_since=journals.began(state))
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

    def commit(self, message: str, *, merging: str = "", of_head: bool = False) -> str:
        """Make all changes at once, as one commit; its id, or "" when nothing would change.

        ``merging`` is the commit whose changes these are: it becomes the second parent. ``of_head`` says that the
        contents were derived from what HEAD has, and not from the files that stand here; a merge's always are.
        ``adopted`` and ``kept`` then name the files with hand edits that were taken along, or left uncommitted.

        Raises:
            Conflict: a file holds an uncommitted edit of what would be changed, or was changed by another commit.
            StorageFailed: there is no room, or no right to write; the message says if the commit was made all the same.
        """
        head = self._commits.head()
        for _ in range(TRIES):
            plan = self._plan(head, of_head=of_head or bool(merging))
            if not plan.commit and not merging:
                return ""
            new = self._commits.build(head, message, plan.commit, merging=merging)
            try:
                self._publish(plan, head, new, message)
            except BranchMoved:
                moved = self._commits.head()
                if merging or self._touched(head, moved, plan):
                    raise
                head = moved
            else:
                return new
        raise BranchMoved("others commit here all the time", hint="Run the command again when they are done.")

    def advance_to(self, commit: str, message: str) -> None:
        """Have HEAD's branch stand at ``commit``, which has its present one in its history, and the files as there.

        Raises:
            Conflict: it has not, or a file holds an uncommitted edit that this would lose.
        """
        head = self._commits.head()
        if head and not self._commits.descends(commit, head):
            raise Conflict(f"{commit[:10]} does not follow on what is committed here", hint="Merge it: crmctl sync")
        wanted = {path: after for path, (_, after) in self._commits.changes_between(head, commit).items()}
        contents = iter(self._commits.contents([oid for oid in wanted.values() if oid]))
        for path, oid in wanted.items():
            if oid:
                self.put(path, next(contents))
            else:
                self.remove(path)
        plan = self._plan(head, of_head=True)
        self._publish(plan, head, commit, message, merged=True)

    def _plan(self, head: str, *, of_head: bool) -> Plan:
        planner = Planner(self._commits, self._blob_id, head, adopt=self.adopt, of_head=of_head)
        plan = planner.plan(self._files, self._before)
        self.adopted, self.kept = plan.adopted, plan.kept
        return plan

    def _touched(self, old: str, new: str, plan: Plan) -> bool:
        """Whether the files of ``plan`` are not the same in two commits."""
        before, after = (self._commits.standing(commit, plan.steps) for commit in (old, new))
        return any(before[path][0] != after[path][0] for path in plan.steps)

    def _publish(self, plan: Plan, old: str, new: str, message: str, *, merged: bool = False) -> None:
        """Move HEAD to a commit and put its files in place."""
        self._commits.keep(data for path in plan.kept if (data := plan.disk[path]) is not None)
        note = Journal(old, new, plan.steps)
        journals.write(self._state, note)
        prepared: dict[str, str | None] = {}
        moved = False
        try:
            prepare(self.root, self.watch(list(plan.disk)), plan.disk, prepared)
            with self._commits.index_held():
                self._commits.advance(new, old, message.partition("\n")[0])
                moved = True
                place(self.root, note, prepared, self._commits, self._blob_id)
            journals.drop(self._state)
        except BaseException as exc:
            if moved and isinstance(exc, CrmError):
                hint = "Do not run it again: crmctl doctor --fix finishes it, or the next command that writes."
                raise StorageFailed(f"committed as {new[:10]}, but not finished: {exc.message}", hint=hint) from exc
            if not moved:
                self._give_up(prepared, exc)
            raise
        self._commits.announce(merged=merged)

    def _give_up(self, prepared: Mapping[str, str | None], exc: BaseException) -> None:
        """Clear away what a write made that has not happened. Whether it has is left to recovery where git may know."""
        for temporary in filter(None, prepared.values()):
            discard(temporary)
        if isinstance(exc, (StorageFailed, Conflict, Locked)):
            journals.drop(self._state)


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
        if not _stands(root, path, note.steps[path].before, blob_id):
            kept.add(path)
            if temporary is not None:
                discard(temporary)
        elif temporary is None:
            remove_file(root, path, durable=few)
        else:
            put_in_place(root, path, temporary, durable=few)
    edited = {path for path in prepared if path in kept or note.steps[path].shows_as_changed}
    commits.stage([path for path in prepared if path not in edited])
    commits.unstage(sorted(edited))
    if not few and hasattr(os, "sync"):
        os.sync()


def recover(root: Path, state: Path, commits: Commits, blob_id: BlobId) -> bool:
    """Finish the write that died between moving HEAD and placing its files; whether there was one.

    Files that someone changed since then stay as they are, and so do those that have been committed anew.
    """
    for leftover in state.glob(f".*{UNFINISHED}"):
        discard(os.fspath(leftover))
    note = journals.read(state)
    if note is None:
        return False
    _sweep(root, note.steps)
    if commits.contains(note.new):
        standing = commits.standing(commits.head(), note.steps)
        current = [path for path, step in note.steps.items() if standing[path][0] == step.committed]
        wanted = {path: oid for path in current if _found(root, path, blob_id) != (oid := note.steps[path].after)}
        contents = iter(commits.contents([oid for oid in wanted.values() if oid]))
        files = {path: next(contents) if oid else None for path, oid in wanted.items()}
        prepared: dict[str, str | None] = {}
        prepare(root, files, files, prepared)
        done = [path for path in current if path not in wanted]
        edited = [path for path in done if note.steps[path].shows_as_changed]
        with commits.index_held():
            place(root, note, prepared, commits, blob_id)
            commits.stage([path for path in done if path not in edited])
            commits.unstage(edited)
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
