"""Whether a repository is in a state to be written to, told with a way out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import Conflict
from crmctl.errors import Locked

if TYPE_CHECKING:
    from crmctl.vcs.places import Places

INDEX_LOCK_WAIT = 5.0
"""Seconds to wait for a git that is at work; editors and prompts hold its lock for moments."""

_UNDER_WAY = {
    "MERGE_HEAD": ("a merge", "git merge --continue", "git merge --abort"),
    "rebase-merge": ("a rebase", "git rebase --continue", "git rebase --abort"),
    "rebase-apply": ("a rebase", "git rebase --continue", "git rebase --abort"),
    "CHERRY_PICK_HEAD": ("a cherry-pick", "git cherry-pick --continue", "git cherry-pick --abort"),
    "REVERT_HEAD": ("a revert", "git revert --continue", "git revert --abort"),
    "BISECT_LOG": ("a bisect", "git bisect reset", "git bisect reset"),
}


def check_writable(places: Places) -> None:
    """Refuse to write into a repository that is in the middle of something.

    Raises:
        Conflict: a merge, rebase, cherry-pick, revert or bisect is under way, or HEAD is on no branch.
        Locked: another git has held its index lock for some seconds.
    """
    for mark, (what, go_on, give_up) in _UNDER_WAY.items():
        if (places.git_dir / mark).exists():
            hint = f"Finish it (`{go_on}`) or give it up (`{give_up}`)." if go_on != give_up else f"End it: {go_on}"
            raise Conflict(f"{what} is under way in this book; commands that only read still work", hint=hint)
    try:
        head = (places.git_dir / "HEAD").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return  # git itself will say more.
    if not head.startswith("ref: "):
        raise Conflict(
            "HEAD is detached: what is written now would be on no branch and could get lost",
            hint="Go to a branch first: git switch main (or git switch -c NEW-BRANCH)",
        )
    wait_for_index(places)


def wait_for_index(places: Places) -> None:
    """Wait until no other git changes its index.

    Raises:
        Locked: another git has held its index lock for some seconds.
    """
    lock = places.git_dir / "index.lock"
    deadline = clock.monotonic() + INDEX_LOCK_WAIT
    while lock.exists():
        if clock.monotonic() >= deadline:
            raise Locked(
                f"git is at work in this repository, or was killed: {lock} exists",
                hint="When no git or editor is running here, remove that file and try again.",
            )
        time.sleep(0.02)
