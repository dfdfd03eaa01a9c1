"""Which calls of a command meet which fault: each of them, or some of each kind."""

from __future__ import annotations

import re
from collections import Counter
from collections import defaultdict
from typing import TYPE_CHECKING

from helpers.strace import FAULTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helpers.strace import Call

SHARED = {"fast-import", "unpack-objects", "update-index", "update-ref", "init", "config"}
"""The processes of git by which every command makes its commit, and those at work in a folder that is none yet."""

ENTIRE = {"log, index behind"}
"""The commands in which all that commands have in common meets every fault."""

INDEX = ".git/crmctl/index.sqlite"
THIRD = 3


def some(name: str, turn: int, calls: Sequence[Call], fault: str) -> list[Call]:
    """Calls of the command called ``name`` that stand for all of them, for ``fault``.

    - What repeats is met at its first, second, middle and last time (``kinds``).
    - SQLite's own calls for the index, which is thrown away when in doubt, meet faults in the ``ENTIRE`` commands only.
    - The calls by which git makes a commit are the same in every command. They meet each fault in the ``ENTIRE``
      commands; elsewhere every third does, and ``turn``, which tells one command from the next, says which.
    - So it is with ENOSPC at all calls.
    """
    calls = kinds(met(calls, fault))
    if name in ENTIRE:
        return calls
    calls = [call for call in calls if INDEX not in call.about]
    turn += [*FAULTS].index(fault)
    found = []
    places: Counter[str] = Counter()  # By process: all commands are in step there.
    for call in calls:
        shared = fault == "ENOSPC" or call.process.partition(".")[0] in SHARED
        if not shared or places[call.process] % THIRD == turn % THIRD:
            found.append(call)
        places[call.process] += 1
    return found


def met(calls: Sequence[Call], fault: str) -> list[Call]:
    """The calls for which a fault is one of its own: when crmctl itself is at work, to kill it is to kill all."""
    return [call for call in calls if fault != "kill-all" or call.process != "crmctl"]


def kinds(calls: Sequence[Call]) -> list[Call]:
    """The calls without those that are only one more of many.

    Of one kind are calls of one process that do the same to files of one sort, after a call of one kind: the fsync
    after the write of each of thirty records, git's links of objects. Of each kind the first, the second, one in the
    middle and the last are kept.
    """
    places = defaultdict(list)
    before = ("", "", "")
    for place, call in enumerate(calls):
        kind = (call.process, call.name, sort_of(call.about))
        places[kind, before].append(place)
        before = kind
    kept = {one[place] for one in places.values() for place in (0, min(1, len(one) - 1), len(one) // 2, -1)}
    return [call for place, call in enumerate(calls) if place in kept]


def sort_of(about: str) -> str:
    """What a call is about, without the names of objects, of hooks, and of files outside of .git."""
    return " ".join(map(_sort, about.split()))


def _sort(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    if "/hooks/" in path:
        return f"{folder}/*"
    if ".git" in path.split("/") or "." not in name[1:]:
        return re.sub(r"\.git/objects/(?!pack)\S+", ".git/objects/*", path)
    return f"{folder}{slash}*{name[name.rindex('.') :]}"
