"""One write to a book: everything or nothing, one commit, and nothing of the user's other work in it.

The commit is made first, beside the user's index, and the new files beside the old ones; then HEAD moves, by
compare-and-swap; then the files are put in place, from a journal that the next writer finishes should this one die.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import BranchMoved
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import Locked
from crmctl.errors import StorageFailed
from crmctl.store import journal as journals
from crmctl.store import placing
from crmctl.store.files import check_path
from crmctl.store.files import discard
from crmctl.store.files import read_file
from crmctl.store.handwork import Planner
from crmctl.store.handwork import identity
from crmctl.store.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.store.commits import BlobId
    from crmctl.store.commits import Commits
    from crmctl.store.handwork import Plan

TRIES = 5
"""How often a commit is built anew because someone else committed meanwhile."""


class Transaction:
    """The changes of one write, collected by ``put`` and ``remove`` and made real by ``commit``.

    The lock must be held from before it is made until after ``commit``.
    """

    def __init__(self, root: Path, state: Path, commits: Commits, blob_id: BlobId, *, adopt: bool = False) -> None:
        self.root = root
        self.adopted: list[str] = []
        self.kept: list[str] = []
        self.restored: list[str] = []
        self.watch: Callable[[list[str]], Iterable[str]] = iter
        self._state = state
        self._commits = commits
        self._blob_id = blob_id
        self.adopt = adopt
        self._files: dict[str, bytes | None] = {}
        self._before: dict[str, bytes | None] = {}
        self._folders: dict[str, bool] = {}
        # What an interrupted write left is not put among what a merge has in hand.
        commits.check_writable(moving_since=journals.began(state))
        placing.recover(root, state, commits, blob_id)

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
            if folder not in self._folders or "\n" in path:
                self._folders[folder] = check_path(self.root, path)
            try:
                self._before[path] = read_file(self.root, path)[0] if self._folders[folder] else None
            except FileNotFoundError:
                self._before[path] = None
        return self._before[path]

    def removes(self, path: str) -> bool:
        """Whether what stands at ``path`` is taken away by this transaction."""
        return self._files.get(path, b"") is None and self._before[path] is not None

    def is_same_record(self, path: str, data: bytes) -> bool:
        """Whether ``data`` has the id that stands at ``path``, or one of both has none."""
        ids = {identity(path, content) for content in (self._before.get(path), data) if content is not None}
        return len(ids - {""}) < 2

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
        ``adopted`` and ``kept`` then name the files with hand edits that were taken along, or left uncommitted. Where
        the changes only lead back to what is committed, there is no commit, and ``restored`` names the files that got
        it.

        Raises:
            Conflict: a file holds an uncommitted edit of what would be changed, or was changed by another commit.
            StorageFailed: there is no room, or no right to write; the message says if the commit was made all the same.
        """
        head = self._commits.head()
        for _ in range(TRIES):
            plan = self._plan(head, of_head=of_head or bool(merging))
            if not plan.news and not merging:
                if plan.commit:
                    self._publish(plan, head, head, message)
                    self.adopted, self.restored = [], list(plan.disk)
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
            programs = self._commits.programs(new, plan.disk)
            placing.prepare(self.root, self.watch(list(plan.disk)), plan.disk, programs, prepared)
            with self._commits.index_held():
                if new != old:
                    self._commits.advance(new, old, message.partition("\n")[0])
                    moved = True
                placing.place(self.root, note, prepared, self._commits, self._blob_id)
            journals.drop(self._state)
        except BaseException as exc:
            if moved and isinstance(exc, CrmError):
                hint = "Do not run it again: crmctl doctor --fix finishes it, or the next command that writes."
                raise StorageFailed(f"committed as {new[:10]}, but not finished: {exc.message}", hint=hint) from exc
            if not moved:
                self._give_up(prepared, exc)
            raise
        if moved:
            self._commits.announce(merged=merged)

    def _give_up(self, prepared: Mapping[str, str | None], exc: BaseException) -> None:
        """Clear away what a write made that has not happened. Whether it has is left to recovery where git may know."""
        for temporary in filter(None, prepared.values()):
            discard(temporary)
        if isinstance(exc, (StorageFailed, Conflict, Locked)):
            journals.drop(self._state)
