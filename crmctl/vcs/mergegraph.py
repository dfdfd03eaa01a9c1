"""The merges of a history, the commits they started from, and what differs, asked of git in few calls for many."""

from __future__ import annotations

import heapq
import os
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.vcs.run import git
from crmctl.vcs.trees import TreeFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

    from crmctl.vcs.places import Places
    from crmctl.vcs.trees import Differences

_ONE, _OTHER, _PAST = 1, 2, 4
_BOTH = _ONE | _OTHER


class Merge(NamedTuple):
    """A commit of several parents."""

    commit: str
    parents: tuple[str, ...]


class Graph:
    """Who follows on whom in the history of ``tip``. A shallow clone does not know all of it: see ``bases``."""

    def __init__(self, places: Places, tip: str) -> None:
        self._parents: dict[str, list[str]] = {}
        output = git(places.top, "rev-list", "--parents", "--topo-order", tip, "--").decode()
        for line in output.splitlines():
            commit, *parents = line.split()
            self._parents[commit] = parents
        # Children stand before their parents, so this order is one in which nothing is looked at too early.
        self._order = {commit: number for number, commit in enumerate(self._parents)}
        self._cut = cut_off(places)

    def bases(self, one: str, others: Iterable[str]) -> tuple[list[str], bool]:
        """The latest commits that the histories of ``one`` and of any of ``others`` have both, as ``git merge-base``.

        The second answer says that the clone does not go far enough back to tell.
        """
        flags = {one: _ONE}
        for other in others:
            flags[other] = flags.get(other, 0) | _OTHER
        heap = [(self._order[commit], commit) for commit in flags]
        heapq.heapify(heap)
        found = []
        fresh = sum(1 for flag in flags.values() if not flag & _PAST)
        limited = False
        while fresh:
            commit = heapq.heappop(heap)[1]
            flag = flags[commit]
            if not flag & _PAST:
                fresh -= 1
                if flag == _BOTH:
                    found.append(commit)
                    flag |= _PAST
                elif commit in self._cut:
                    limited = True
            for parent in self._parents[commit]:
                before = flags.get(parent)
                after = (before or 0) | flag
                if before is None:
                    heapq.heappush(heap, (self._order[parent], parent))
                fresh += (not after & _PAST) - (before is not None and not before & _PAST)
                flags[parent] = after
        return found, limited


def merges(places: Places, tip: str, since: str = "") -> list[Merge]:
    """The merges in the history of ``tip`` (without what ``since`` has), oldest first."""
    arguments = ["--merges", "--parents", "--topo-order", "--reverse", tip, *((f"^{since}",) if since else ())]
    output = git(places.top, "rev-list", *arguments, "--").decode()
    return [Merge(words[0], tuple(words[1:])) for words in (line.split() for line in output.splitlines())]


def cut_off(places: Places) -> frozenset[str]:
    """The commits of a shallow clone whose parents it does not have."""
    try:
        return frozenset((places.common_dir / "shallow").read_text(encoding="ascii").split())
    except OSError:
        return frozenset()


def tree_ids(places: Places, commits: Sequence[str]) -> dict[str, str]:
    """The tree of each commit."""
    asked = "".join(f"{commit}^{{tree}}\n" for commit in commits).encode()
    output = git(places.top, "cat-file", "--batch-check=%(objectname)", data=asked).decode()
    return dict(zip(commits, output.split("\n"), strict=False))


def differences(places: Places, pairs: Sequence[tuple[str, str]]) -> list[Differences]:
    """What differs between two trees, for each of many pairs of tree ids: path from the top -> (before, after)."""
    found: dict[tuple[str, str], Differences] = {pair: {} for pair in pairs}
    asked = "".join(f"{old} {new}\n" for old, new in found if old != new)
    form = ("--stdin", "-r", "-z", "--raw", "--no-renames", "--no-abbrev")
    output = git(places.top, "diff-tree", *form, data=asked.encode()).decode("utf-8", "surrogateescape")
    current: Differences = {}
    tokens = output.split("\0")
    for about, path in zip(tokens[::2], tokens[1::2], strict=False):
        *headers, raw = about.split("\n")
        if headers:
            old, _, new = headers[-1].partition(" ")
            current = found[old, new]
        old_mode, new_mode, before, after, _ = raw[1:].split(" ")
        current[path] = (_file(old_mode, before), _file(new_mode, after))
    return [found[pair] for pair in pairs]


def _file(mode: str, oid: str) -> TreeFile | None:
    return None if mode == "000000" else TreeFile(mode, oid)


def blob_ids(places: Places, names: Sequence[str]) -> list[str]:
    """The ids of blobs by their names (``COMMIT:path/from/top``), "" where there is none (or a line break in it)."""
    asked = os.fsencode("".join(f"{'' if chr(10) in name else name}\n" for name in names))
    output = git(places.top, "cat-file", "--batch-check=%(objectname) %(objecttype)", data=asked)
    found = []
    # The name that was asked for comes back when nothing is there.
    for line in output.split(b"\n")[:-1]:
        oid, _, what = line.rpartition(b" ")
        found.append(oid.decode("ascii") if what == b"blob" else "")
    return found
