"""Running git: argument lists only, nothing from a record is ever an option, its words are kept for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.vcs.calling import called
from crmctl.vcs.calling import failed
from crmctl.vcs.environment import NO_HOOKS
from crmctl.vcs.status import guards

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

# Commands of git that change nothing, whatever they are asked.
_LOOKING = frozenset(
    "cat-file check-ignore diff diff-files diff-index diff-tree for-each-ref log ls-files ls-tree merge-base "
    "merge-file name-rev rev-list show status".split()
)


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
    whole = {**variables, **(env or {})}
    if optional_locks:
        whole["GIT_OPTIONAL_LOCKS"] = "1"
    options = [*guarding, *(("-c", "core.fsync=committed,reference") if durable else ())]
    if not _LOOKING.isdisjoint(arguments[:4]):
        options += NO_HOOKS
    return called(folder, options, arguments, whole, data)
