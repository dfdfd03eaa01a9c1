"""Whether a repository is in a state to be written to, told with a way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.vcs import locks

if TYPE_CHECKING:
    from crmctl.vcs.places import Places

# While one of these goes on, git moves HEAD about.
_MOVING = {
    "rebase-merge": ("a rebase", "git rebase --continue", "git rebase --abort"),
    "rebase-apply": ("a rebase", "git rebase --continue", "git rebase --abort"),
    "BISECT_LOG": ("a bisect", "git bisect reset", "git bisect reset"),
}


# These leave it where it is: other records than those they changed can be written meanwhile.
_JOINING = {
    "MERGE_HEAD": ("a merge", "git merge --continue", "git merge --abort"),
    "CHERRY_PICK_HEAD": ("a cherry-pick", "git cherry-pick --continue", "git cherry-pick --abort"),
    "REVERT_HEAD": ("a revert", "git revert --continue", "git revert --abort"),
}


def check_writable(places: Places, *, settled: bool = False) -> None:
    """Refuse to write into a repository that is in the middle of something.

    With ``settled``, a merge, cherry-pick or revert under way is refused too.

    Raises:
        Conflict: a rebase or bisect is under way, or HEAD is on no branch.
        Locked: another git has held its index lock for some seconds.
    """
    for mark, (what, go_on, give_up) in {**_MOVING, **(_JOINING if settled else {})}.items():
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
    locks.wait_for_index(places)
