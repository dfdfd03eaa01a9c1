"""Checking a merge that is about to be committed: did it lose or invent a value, whoever or whatever made it.

git asks no driver when it joins more than two, nor where the driver is not set up, and joins lines then.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from crmctl.vcs import places

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.errors import Problem
    from crmctl.vcs.places import Places

_HEAD = "GITHEAD_"
_HINT = "Put it right and git add it, or do the merge with crmctl: git merge --abort; crmctl sync"


def check_staged_merge(here: Path, *, going_well: bool = False) -> list[Problem]:
    """What the merge under way in the repository around ``here`` would lose or invent; nothing when there is none.

    ``going_well`` says that git joins the sides without help: it names the others by its environment then, and only
    later by a file.

    Raises:
        NoBook, GitFailed: there is no repository, or it cannot be read.
    """
    found = places.find(here.absolute())
    heads = _announced() if going_well else _heads(found)
    if not heads:
        return []
    from crmctl.services.book import Book
    from crmctl.services.checking.merges import check_commit
    from crmctl.services.checking.tracked import roots
    from crmctl.services.joining.treemerge_units import from_top
    from crmctl.vcs.staged import Staged

    staged = Staged(found.top, here.absolute())
    prefixes = roots(staged.files())
    commit = staged.as_merge(heads) if prefixes else ""
    problems = set()
    for prefix in prefixes:
        for problem in check_commit(Book(found.top / prefix), commit):
            words = problem.message.replace(f"in merge {commit[:10]}", "in this merge")
            problems.add(problem._replace(path=from_top(problem.path, prefix), message=words, hint=_HINT))
    return sorted(problems)


def is_merging(found: Places) -> bool:
    """Whether the commit to come joins others with HEAD."""
    return bool(_heads(found) or _announced())


def _heads(found: Places) -> list[str]:
    with contextlib.suppress(OSError):
        return (found.git_dir / "MERGE_HEAD").read_text(encoding="ascii").split()
    return []


def _announced() -> list[str]:
    return [name.removeprefix(_HEAD) for name in os.environ if name.startswith(_HEAD)]
