from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from crmctl.errors import GitFailed
from crmctl.vcs.asking import Answer
from crmctl.vcs.asking import Asked

LARGE = b"0123456789abcdef" * (1 << 16)
"""More than fits into a pipe, many times."""


def asked(code: str, data: bytes = b"") -> Asked:
    return Asked([sys.executable, "-S", "-c", f"import os, sys\n{code}"], os.environ, data)


def test_what_a_command_says_and_how_it_ends() -> None:
    running = asked("os.write(1, b'out'); os.write(2, b'words'); sys.exit(3)")
    assert running.answer() == Answer(3, b"out", b"words")
    assert running.answer().output == b"out", "it may be asked again"
    assert asked("os.kill(os.getpid(), 9)").answer().code == -9


def test_much_goes_in_while_much_comes_out() -> None:
    code = "while part := os.read(0, 1000): os.write(1, part), os.write(2, part)"
    assert asked(code, LARGE).answer() == Answer(0, LARGE, LARGE)


def test_what_nobody_reads_holds_up_nothing() -> None:
    assert asked("os.write(2, b'no'); sys.exit(1)", LARGE).answer() == Answer(1, b"", b"no")


def test_nothing_to_say_is_an_empty_input() -> None:
    assert asked("print(len(os.read(0, 9)))").answer().output == b"0\n"


def test_two_may_be_under_way_at_once() -> None:
    first, second = asked("print(os.read(0, 9))", b"one"), asked("print(os.read(0, 9))", b"two")
    assert (second.answer().output, first.answer().output) == (b"b'two'\n", b"b'one'\n")


@pytest.mark.parametrize("data", [b"", b"x"])
def test_a_program_that_is_missing_is_told_and_leaves_nothing_open(data: bytes) -> None:
    before = _open_files()
    with pytest.raises(GitFailed, match="git is not installed"):
        Asked(["/no/such/git"], {}, data)
    assert _open_files() <= before


def _open_files() -> set[str]:
    """The numbers of what this process has open, where the system says it."""
    numbers = Path("/proc/self/fd")
    return {path.name for path in numbers.iterdir()} if numbers.is_dir() else set()
