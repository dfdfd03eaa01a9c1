"""Each system call by which a command changes a book fails once, or is the last one that the command does.

Every write, fsync, rename, link, unlink, mkdir and open-for-create of every command of ``crash_cases.CASES``, git's own
processes included, meets each fault of ``strace.FAULTS``. Afterwards the next command succeeds and the book is in the
old state or the new one, byte for byte, with the user's own staged, unstaged and untracked work as it was.

With CRMCTL_CRASH=part in the environment, for those in a hurry, those calls do that ``crash_points`` takes to stand for
all: about a third of them.
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
from helpers.crash_points import met
from helpers.crash_points import some
from helpers.strace import FAULTS
from helpers.strace import need_strace

if TYPE_CHECKING:
    from collections.abc import Iterator


# The longest first, so that not one process of pytest is at work on it when the others are done.
NAMES = ["init", "sync", *CASES, "hooks install"]
ALL = os.environ.get("CRMCTL_CRASH") != "part"
PARTS = 3 if ALL else 1
"""So many tests share the calls of a command, so that several processes can be at work on it."""


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
    chosen = met(world.calls, fault) if ALL else some(name, NAMES.index(name), world.calls, fault)
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
