"""Four clones, a bare repository and a nemesis: all end on one tree, and nothing that was acknowledged is lost.

``CRMCTL_HISTORIES`` says how many such histories are run; each has another seed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from helpers import processes
from helpers.books import commit
from helpers.books import git
from helpers.nemesis import History
from helpers.team import Team
from helpers.team import head
from helpers.team import is_clean
from helpers.team import line
from helpers.team import person

if TYPE_CHECKING:
    from pathlib import Path

HISTORIES = int(os.environ.get("CRMCTL_HISTORIES", "2"))
FIRST = int(os.environ.get("CRMCTL_FIRST_HISTORY", "1"))
STEPS = 14


@pytest.mark.parametrize("seed", range(FIRST, FIRST + HISTORIES))
def test_clones_that_are_killed_and_cut_off_end_on_one_tree(tmp_path: Path, seed: int) -> None:
    history = History(tmp_path, seed, STEPS)
    history.work()
    history.converge()
    assert history.wrong == [], history.deeds
    assert history.acknowledged
    assert history.lost() == []
    git(history.team.remote, "fsck", "--strict")
    for clone in history.clones.values():
        assert is_clean(clone)
        git(clone, "fsck", "--strict")
        assert [path for path in clone.rglob(".*.crmctl") if ".git" not in path.parts] == []
        assert not (clone / ".git/crmctl/journal.json").exists()
    checked = processes.crmctl("-C", clone, "check")
    assert checked.code == 0, checked.out
    merges = processes.crmctl("-C", clone, "check", "--merges")
    assert merges.code == 0, merges.out + merges.err


# A sync that kills itself at the Nth step it does; it says how many steps were left.
DYING = """
import os, signal, sys
from crmctl.store import journal, placing
from crmctl.vcs import remotes
from crmctl.vcs.repository import Repository
from crmctl.services.joining import conflicts, seen

left = [int(sys.argv.pop(1))]

def live_on():
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def dying(owner, name):
    real = getattr(owner, name)
    def step(*arguments, **options):
        live_on()
        result = real(*arguments, **options)
        live_on()
        return result
    setattr(owner, name, step)

for owner, names in (
    (placing, ("prepare", "place")),
    (journal, ("write", "drop")),
    (Repository, ("build", "advance", "stage")),
    (remotes, ("fetch", "push")),
    (conflicts, ("drop",)),
    (seen, ("save",)),
):
    for name in names:
        dying(owner, name)

from crmctl.cli.root import run
code = run(sys.argv[1:])
print(left[0])
sys.exit(code)
"""


def die(book: Path, step: int) -> subprocess.CompletedProcess[str]:
    """A sync of ``book`` that dies at ``step``, or does not have so many."""
    return subprocess.run(
        [sys.executable, "-c", DYING, str(step), "-C", str(book), "-q", "sync"],
        env=processes.environment(),
        timeout=processes.LIMIT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("ours", [True, False], ids=["a merge", "going on to theirs"])
def test_a_sync_killed_at_any_step_is_made_whole_by_the_next(tmp_path: Path, ours: bool) -> None:
    before = tmp_path / "before"
    before.mkdir()
    team = Team(before, 3)
    ann = team.clone("ann")
    team.push("bob", {"customers/p1.yaml": person(1, role="boss"), "interactions/p1.jsonl": line(50)})
    if ours:
        commit(ann, {"customers/p1.yaml": person(1, website="https://x.example"), "interactions/p1.jsonl": line(51)})
    git(ann, "remote", "set-url", "origin", "../remote.git")
    steps = 1_000
    for step in range(1, steps):
        after = tmp_path / f"after {step}"
        shutil.copytree(before, after)
        done = die(after / "ann", step)
        if done.returncode != -signal.SIGKILL:
            assert (done.returncode, done.stderr) == (0, ""), f"step {step}"
            break
        next_one = processes.crmctl("-C", after / "ann", "sync")
        assert next_one.code == 0, f"step {step}: {next_one.err}"
        assert is_clean(after / "ann"), f"step {step}"
        assert head(after / "ann") == head(after / "remote.git")
        text = (after / "ann/records/customers/p1.yaml").read_text()
        assert ("role: boss" in text, "website" in text) == (True, ours)
        lines = (after / "ann/records/interactions/p1.jsonl").read_text().splitlines()
        assert len(lines) == 1 + ours
        shutil.rmtree(after)
    assert step > 12
