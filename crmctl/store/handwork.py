"""What a write commits, and what it leaves on the disk, beside edits that a person made by hand and did not commit.

Such an edit is never swept into a commit and never lost. Where it concerns other fields than the write does, the write
is committed without it and the file gets both; where it does not, the write is refused (or takes it along when asked).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import NoReturn
from typing import Protocol

from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.store.journal import Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping


class Standings(Protocol):
    """What has to be known of version control. Paths are relative to the book."""

    def standing(self, commit: str, paths: Iterable[str]) -> dict[str, tuple[str, str]]:
        """For each path its blob ids in ``commit`` and in git's index, "" where there is none."""
        ...

    def contents(self, oids: Iterable[str]) -> Iterator[bytes]:
        """The contents of blobs."""
        ...

    def left_out(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of ``paths`` that this work tree leaves out (``git sparse-checkout``): missing, and not removed."""
        ...


class Plan(NamedTuple):
    """What a write does: contents to commit, contents for the disk, and the same as steps for the journal.

    ``adopted`` are files whose hand edits go into the commit, ``kept`` those whose hand edits stay uncommitted.
    ``news`` are those of which HEAD has another content; without any, there is nothing to commit.
    """

    commit: dict[str, bytes | None]
    disk: dict[str, bytes | None]
    steps: dict[str, Step]
    adopted: list[str]
    kept: list[str]
    news: list[str]


class Planner:
    """Decides for each file of one write. ``of_head`` says that the wanted contents were derived from HEAD."""

    def __init__(
        self, vcs: Standings, blob_id: Callable[[bytes], str], head: str, *, adopt: bool = False, of_head: bool = False
    ) -> None:
        self._vcs = vcs
        self._id = blob_id
        self._head = head
        self._adopt = adopt
        self._of_head = of_head
        self._left_out: frozenset[str] = frozenset()
        self._plan = Plan({}, {}, {}, [], [], [])

    def plan(self, wanted: Mapping[str, bytes | None], found: Mapping[str, bytes | None]) -> Plan:
        """What to do so that ``wanted`` is committed where ``found`` stands on the disk.

        Raises:
            Conflict: a file holds an uncommitted edit that this write must neither commit nor lose.
        """
        standing = self._vcs.standing(self._head, wanted)
        missing = [path for path, (head, index) in standing.items() if found[path] is None and head and head == index]
        self._left_out = self._vcs.left_out(missing) if missing else frozenset()
        for path, data in wanted.items():
            self._decide(path, data, found[path], *standing[path])
        return self._plan

    def _decide(self, path: str, wanted: bytes | None, found: bytes | None, head: str, index: str) -> None:
        if path in self._left_out:
            self._pass_by(path, wanted, head)
        elif self._is(found, head):
            if wanted == found:
                return
            if index != head:
                _refuse_staged(path)
            self._add(path, self._as_kept(wanted, found, head), found, head)
        elif found is not None and not head:
            self._take_new(path, wanted, found, index)
        elif self._adopt and not self._of_head and (wanted is not None or found is None):
            if index not in (head, self._of(found)):
                _refuse_staged(path)
            if wanted is not None and head:
                self._refuse_another(path, wanted, head)
            self._plan.adopted.append(path)
            self._add(path, self._as_kept(wanted, found, head), found, head)
        elif wanted != found or self._of_head:
            self._join(path, wanted, found, head, index)

    def _pass_by(self, path: str, wanted: bytes | None, head: str) -> None:
        """A file that this work tree leaves out: what HEAD's contents become is committed, and it stays left out.

        A write that began with "there is no such file" would put something else in its place; nothing makes that right.
        """
        if self._of_head and self._of(wanted) != head:
            self._plan.news.append(path)
            self._plan.commit[path] = wanted
            self._plan.disk[path] = None
            self._plan.steps[path] = Step("", "", self._of(wanted))
        elif not self._of_head and wanted is not None:
            raise Conflict(
                f"{path} is committed, but not here: this work tree leaves it out (git sparse-checkout)",
                hint="Have it here first: git sparse-checkout disable",
            )

    def _take_new(self, path: str, wanted: bytes | None, found: bytes, index: str) -> None:
        """A file that was written by hand and is in no commit yet: it is what this write is about."""
        if wanted is None or (self._of_head and wanted != found):
            raise Conflict(
                f"{path} stands there, but was not committed yet, so git has no copy of it",
                hint=f'Commit it (git add {path}; git commit -m "..."), or move it away yourself.',
            )
        if index not in ("", self._of(found)):
            _refuse_staged(path)
        self._plan.adopted.append(path)
        self._add(path, self._as_kept(wanted, found, ""), found, "")

    def _join(self, path: str, wanted: bytes | None, found: bytes | None, head: str, index: str) -> None:
        """Field by field: the write for the commit, the write and the edit for the disk."""
        from crmctl.store.merging import is_mergeable
        from crmctl.store.merging import merge_file

        if wanted is None or found is None or index not in (head, self._of(found)) or not is_mergeable(path):
            self._refuse(path, wanted, found)
        (ours,) = self._vcs.contents([head])
        if self._of_head:
            merged = merge_file(path, ours, found, wanted)
            committed, after = wanted, merged.data
        else:
            merged = merge_file(path, found, ours, wanted)
            committed, after = merged.data, wanted
        if not merged.clean or committed == ours:
            self._refuse(path, wanted, found)
        self._plan.kept.append(path)
        self._plan.news.append(path)
        self._plan.commit[path] = committed
        self._plan.disk[path] = after
        staged = index != head
        self._plan.steps[path] = Step(self._of(found), self._of(after), self._of(committed), staged)

    def _refuse(self, path: str, wanted: bytes | None, found: bytes | None) -> NoReturn:
        what = "was changed by hand" if found is not None else "was removed by hand"
        hint = f'Commit it first: git commit -m "..." -- {path}'
        if self._of_head:
            what += ", in a field that would be changed here too,"
        elif wanted is not None:
            hint += "; or say --adopt to take it along."
        raise Conflict(f"{path} {what} and not committed yet", hint=hint)

    def _refuse_another(self, path: str, wanted: bytes, head: str) -> None:
        """Whoever took a record away by hand does not mean to give its name, and its history, to another one."""
        old, new = (identity(path, data) for data in (*self._vcs.contents([head]), wanted))
        if old and new and old != new:
            raise Conflict(
                f"{path} was {old} in the last commit and would be {new} now: an id never changes",
                hint=f"Have it back: git restore {path}. Another record gets another handle.",
            )

    def _add(self, path: str, data: bytes | None, found: bytes | None, head: str) -> None:
        self._plan.commit[path] = self._plan.disk[path] = data
        after = self._of(data)
        if after != head:
            self._plan.news.append(path)
        self._plan.steps[path] = Step(self._of(found), after, after)

    def _as_kept(self, data: bytes | None, found: bytes | None, head: str) -> bytes | None:
        """What to commit: with plain line feeds, unless it was committed with others.

        git may check records out with carriage returns (core.autocrlf), and takes them out again when it looks.
        """
        if data is None or (found is not None and head == self._id(found)):
            return data
        return data.replace(b"\r\n", b"\n")

    def _is(self, found: bytes | None, oid: str) -> bool:
        """Whether ``found`` is that blob, as git sees it."""
        if found is None or not oid:
            return found is None and not oid
        return oid == self._id(found) or (b"\r\n" in found and oid == self._id(found.replace(b"\r\n", b"\n")))

    def _of(self, data: bytes | None) -> str:
        return "" if data is None else self._id(data)


def identity(path: str, data: bytes) -> str:
    """The id in a record, "" where there is none or where it cannot be read."""
    from crmctl.store.yaml_reader import read_yaml

    if not path.endswith(".yaml"):
        return ""
    try:
        found = read_yaml(data, path).data.get("id", "")
    except InvalidData:
        return ""
    return found.upper() if isinstance(found, str) else ""


def _refuse_staged(path: str) -> NoReturn:
    raise Conflict(
        f"{path} has a staged change that the file itself does not have",
        hint=f"Commit what is staged, or take it back: git restore --staged {path}",
    )
