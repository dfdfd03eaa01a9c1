"""Each system call by which a command changes a book fails once, or is the last one that the command does.

Every write, fsync, rename, link, unlink, mkdir and open-for-create of every command of ``crash_cases.CASES``, git's own
processes included, meets each fault of ``strace.FAULTS``. Afterwards the next command succeeds and the book is in the
old state or the new one, byte for byte, with the user's own staged, unstaged and untracked work as it was.

With CRMCTL_CRASH=part in the environment, for those in a hurry, it is about half of that:
- SQLite's own calls for the index, which is thrown away when in doubt, meet the faults in one command instead of all.
- Every call of git's processes is the last one of the whole command ("kill-all"); that git alone is killed and crmctl
  goes on ("kill") is tried at every third, another third from command to command.
- ENOSPC is tried at every third call likewise, and so is EIO in ``init`` and ``sync``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.crash_cases import CASES
from helpers.crash_lab import Lab
from helpers.strace import FAULTS
from helpers.strace import Call
from helpers.strace import need_strace

if TYPE_CHECKING:
    from collections.abc import Iterator


NAMES = [*CASES, "init", "hooks install", "sync"]
ALL = os.environ.get("CRMCTL_CRASH") != "part"
PARTS = 3
"""So many tests share the calls of a command, so that several processes can be at work on it."""

INDEXED = {"log, index behind"}
"""The commands in which the index's own calls always meet faults."""

LONG = {"init", "sync"}
"""The commands that otherwise meet EIO at every third call only."""


def points(calls: list[Call], name: str, fault: str) -> list[Call]:
    """The calls of a command that meet a fault."""
    if fault == "kill-all":  # When crmctl itself is at work, to kill it is to kill all.
        calls = [call for call in calls if call.process != "crmctl"]
    if ALL:
        return calls
    chosen = [call for call in calls if name in INDEXED or "index.sqlite" not in call.about]
    turn = NAMES.index(name)
    if fault == "ENOSPC" or (fault == "EIO" and name in LONG):
        return chosen[turn % 3 :: 3]
    if fault == "kill":
        of_git = [call for call in chosen if call.process != "crmctl"]
        return [call for call in chosen if call.process == "crmctl"] + of_git[turn % 3 :: 3]
    return chosen


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    # Thousands of books are copied; memory does that quicker than most disks.
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="crmctl-crash-", dir=memory if memory.is_dir() else None))
    found = Lab(folder)
    yield found
    found.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _strace() -> None:
    need_strace()


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_fault_at_every_call(lab: Lab, name: str, fault: str, part: int) -> None:
    world = lab.world(name)
    chosen = points(world.calls, name, fault)
    assert chosen or {call.process for call in world.calls} == {"crmctl"}
    wrong = {}
    for call in chosen[part::PARTS]:
        found = world.verdict(call, fault)
        if found:
            wrong[str(call)] = found
    told = "\n".join(f"{call}: {'; '.join(found)}" for call, found in wrong.items())
    assert not wrong, f"{len(wrong)} of {len(chosen[part::PARTS])} calls of {' '.join(world.words)}, {fault}:\n{told}"


@pytest.mark.parametrize("name", NAMES)
def test_no_call_is_missed(lab: Lab, name: str) -> None:
    """No other process than those that have an address changes anything, but the user's editor."""
    world = lab.world(name)
    world.restore()
    found = Counter((call.name, call.about) for call in lab.commands.all_calls(world.book, world.words, world.env))
    addressed = Counter((call.name, call.about) for call in world.calls)
    assert addressed - found == Counter()
    others = {about for _, about in found - addressed}
    if name == "sync":  # The remote's own process is on another machine as a rule.
        others = {about for about in others if about.startswith((".", "records/"))}
    assert others <= ({".git/crmctl/tmp/ada-*.yaml"} if name == "edit" else set())


@pytest.mark.parametrize("name", ["add", "rm", "edit"])
def test_a_loaded_crmctl_does_what_a_fresh_one_does(lab: Lab, name: str) -> None:
    world = lab.world(name)
    world.restore()
    fresh = lab.commands.own_calls(world.book, world.words, world.env)
    loaded = [call for call in world.calls if call.process == "crmctl"]
    assert [(call.name, call.about) for call in fresh] == [(call.name, call.about) for call in loaded]
