"""Running git: argument lists only, nothing from a record is ever an option, its words are kept for the user."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from crmctl.errors import GitFailed
from crmctl.vcs.status import NO_HOOKS
from crmctl.vcs.status import SAFE
from crmctl.vcs.status import environment
from crmctl.vcs.status import guards
from crmctl.vcs.status import not_started

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path

# glibc gives memory back to the system after every object and asks for it again; for a large input that costs git more
# than twice the time of its work.
_LARGE = 1 << 20
_ROOMY = {"MALLOC_TRIM_THRESHOLD_": str(256 << 20), "MALLOC_TOP_PAD_": str(16 << 20)}

# Commands of git that change nothing, whatever they are asked.
_LOOKING = frozenset(
    "cat-file check-ignore diff diff-files diff-index diff-tree for-each-ref log ls-files ls-tree merge-base "
    "merge-file name-rev rev-list show status".split()
)

_FULL = "The disk is full; make room and run the command again."
# git's words, in lower case, for what the operating system would not do.
_HINTS = {
    "out of diskspace": _FULL,
    "no space left on device": _FULL,
    "disk quota exceeded": "Your disk quota is used up; make room and run the command again.",
    "read-only file system": "The file system is read-only; commands that only read still work.",
    "permission denied": "Check who owns the repository (ls -l .git).",
}


def git(
    folder: Path,
    *arguments: str,
    data: bytes = b"",
    durable: bool = False,
    env: Mapping[str, str] | None = None,
) -> bytes:
    """What ``git ARGUMENTS`` prints in ``folder``, given ``data`` on its input.

    With ``durable``, git puts objects and references on the disk before it answers. ``env`` comes on top of ours.

    Raises:
        GitFailed: it exits with an error; the message has its first line.
    """
    done = attempt(folder, *arguments, data=data, durable=durable, env=env)
    if done.returncode:
        raise failed(arguments, done.stderr)
    return done.stdout


def attempt(
    folder: Path,
    *arguments: str,
    data: bytes = b"",
    durable: bool = False,
    optional_locks: bool = False,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """The same, for calls whose failing is an answer: the caller looks at ``returncode``.

    With ``optional_locks``, git may note in its index what it found, unless that is locked.
    """
    guarding, variables = guards(folder) if arguments[0] != "config" else ((), {})
    whole = {**environment(), **variables, **(_ROOMY if len(data) >= _LARGE else {}), **(env or {})}
    if optional_locks:
        whole["GIT_OPTIONAL_LOCKS"] = "1"
    options = [*SAFE, *guarding, *(("-c", "core.fsync=committed,reference") if durable else ())]
    if not _LOOKING.isdisjoint(arguments[:4]):
        options += NO_HOOKS
    try:
        return subprocess.run(
            ["git", "-C", os.fspath(folder), *options, *arguments],
            input=data,
            capture_output=True,
            env=whole,
            check=False,
        )
    except OSError as exc:
        raise not_started(exc) from None


def failed(arguments: Sequence[str], words: bytes) -> GitFailed:
    """The error for a git command that said ``words``."""
    text = words.decode("utf-8", "replace").strip()
    first = next(
        (line for line in text.splitlines() if line.startswith(("fatal: ", "error: "))), text.partition("\n")[0]
    )
    command = next((word for word in arguments if not word.startswith("-")), "")
    hint = next((hint for sign, hint in _HINTS.items() if sign in text.lower()), "")
    return GitFailed(f"git {command} failed: {first.removeprefix('fatal: ').removeprefix('error: ')}", hint=hint)
