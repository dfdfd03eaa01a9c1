"""Starting git, and its refusals in words. What it must not run the caller has to say, as ``vcs.run`` does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from crmctl.errors import GitFailed
from crmctl.vcs.environment import SAFE
from crmctl.vcs.environment import environment
from crmctl.vcs.environment import not_started

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path

# glibc gives memory back to the system after every object and asks for it again; for a large input that costs git more
# than twice the time of its work.
_LARGE = 1 << 20
_ROOMY = {"MALLOC_TRIM_THRESHOLD_": str(256 << 20), "MALLOC_TOP_PAD_": str(16 << 20)}

_FULL = "The disk is full; make room and run the command again."
# git's words, in lower case, for what the operating system would not do.
_HINTS = {
    "out of diskspace": _FULL,
    "no space left on device": _FULL,
    "disk quota exceeded": "Your disk quota is used up; make room and run the command again.",
    "input/output error": "The disk has a fault; look at it (dmesg) and at your backups before you go on.",
    "read-only file system": "The file system is read-only; commands that only read still work.",
    "permission denied": "Check who owns the repository (ls -l .git).",
}


def called(
    folder: Path, options: Sequence[str], arguments: Sequence[str], env: Mapping[str, str], data: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """What ``git OPTIONS ARGUMENTS`` answers in ``folder``; ``env`` comes on top of ours.

    Raises:
        GitFailed: it cannot be started.
    """
    import subprocess

    whole = {**environment(), **(_ROOMY if len(data) >= _LARGE else {}), **env}
    command = ["git", "-C", os.fspath(folder), *SAFE, *options, *arguments]
    try:
        return subprocess.run(command, input=data, capture_output=True, env=whole, check=False)
    except OSError as exc:
        raise not_started(exc) from None


def config(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """What ``git config ARGUMENTS`` answers in ``folder``: it runs nothing, whatever the settings say."""
    return called(folder, (), ("config", *arguments), {})


def failed(arguments: Sequence[str], words: bytes) -> GitFailed:
    """The error for a git command that said ``words``."""
    text = words.decode("utf-8", "replace").strip()
    first = next(
        (line for line in text.splitlines() if line.startswith(("fatal: ", "error: "))), text.partition("\n")[0]
    )
    command = next((word for word in arguments if not word.startswith("-")), "")
    hint = next((hint for sign, hint in _HINTS.items() if sign in text.lower()), "")
    return GitFailed(f"git {command} failed: {first.removeprefix('fatal: ').removeprefix('error: ')}", hint=hint)
