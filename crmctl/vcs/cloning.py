"""Cloning with everything off that could run something or reach out of the new folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.errors import GitFailed
from crmctl.vcs import remotes
from crmctl.vcs import trees
from crmctl.vcs.calling import failed
from crmctl.vcs.environment import NO_HOOKS
from crmctl.vcs.run import attempt
from crmctl.vcs.run import git

if TYPE_CHECKING:
    from pathlib import Path

_ODD = {trees.EXECUTABLE: "executable", trees.LINK: "a symbolic link", trees.SUBMODULE: "another repository"}

# What git says, in lower case, when it was let in and does not like what came.
_BROKEN = ("fsck error", "error in object", "bad object", "corrupt", "index-pack failed", "invalid index-pack output")


def clone(here: Path, url: str, folder: Path) -> None:
    """Have a clone of ``url`` stand at ``folder``; no links are made, no submodules fetched, no hooks run.

    Raises:
        Offline: the address cannot be reached.
        GitFailed: git refuses, or what comes is broken.
    """
    options = ("-c", "core.symlinks=false", "-c", "fetch.fsckObjects=true", "-c", "protocol.ext.allow=never")
    arguments = ("clone", "--quiet", "--no-recurse-submodules", "--no-local", *options)
    settings = (*remotes.SAFE, *remotes.PATIENCE, *NO_HOOKS, "-c", "core.symlinks=false")
    done = attempt(here, *settings, *arguments, "--", url, str(folder), env=remotes.quiet_environment(here))
    if done.returncode:
        raise told(url, done.stderr.decode("utf-8", "replace"))


def odd_files(top: Path) -> list[tuple[str, str]]:
    """(path, what it is) of everything in HEAD that is no plain file."""
    found = []
    for line in (
        git(top, "ls-tree", "-r", "-z", "--full-tree", "HEAD").decode("utf-8", "surrogateescape").split("\0")[:-1]
    ):
        about, _, path = line.partition("\t")
        what = _ODD.get(about.split(" ")[0])
        if what is not None:
            found.append((path, what))
    return found


def checked_out(top: Path) -> bool:
    """Have a branch of a clone checked out; whether anything is committed there at all.

    A repository on a server may name a branch as its main one that nobody ever pushed; when there is just one other,
    that is the one.
    """
    if attempt(top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").returncode == 0:
        return True
    remote = "refs/remotes/origin/"
    listed = git(top, "for-each-ref", "--format=%(refname)", remote).decode("utf-8", "surrogateescape").split()
    branches = [name.removeprefix(remote) for name in listed if not name.endswith("/HEAD")]
    if len(branches) != 1:
        return False
    (branch,) = branches
    git(top, *NO_HOOKS, "checkout", "-q", "-B", branch, "--track", f"origin/{branch}", "--")
    return True


def told(url: str, words: str) -> CrmError:
    """What went wrong, in words, without the user's password."""
    text = remotes.shown(words)
    if remotes.is_offline(text):
        return remotes.Offline(f"{remotes.shown(url)} cannot be reached")
    error = failed(("clone",), text.encode())
    return GitFailed(error.message, hint=error.hint or _hint(text.lower()))


def _hint(words: str) -> str:
    """What to do about what git said."""
    if "file name too long" in words or "filename too long" in words:
        return "A name in it is too long for this disk. Have the file renamed there, or clone nearer to the top of it."
    if any(sign in words for sign in _BROKEN):
        return "What it holds is broken or not safe to take. Have whoever keeps it look: git fsck --strict, there."
    return "See that you may go there: git ls-remote URL"
