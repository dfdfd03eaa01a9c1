"""What git does around a commit and plumbing leaves out: the user's own hooks, and signing."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import GitFailed
from crmctl.vcs import hookfiles
from crmctl.vcs.environment import environment
from crmctl.vcs.run import attempt
from crmctl.vcs.run import git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path

    from crmctl.vcs.places import Places

_IDENTITY = re.compile(r"(.*) <([^>]*)> (\d+ [+-]\d{4})")
_TRUE = frozenset({"true", "yes", "on", "1", ""})


class Settings(NamedTuple):
    """Who commits ("Name <address> seconds zone"), where git looks for hooks, and whether commits are signed."""

    author: str
    committer: str
    hooks_path: str
    sign: bool


def settings(places: Places) -> Settings:
    """git's settings for a commit made now.

    Raises:
        GitFailed: git does not know who you are.
    """
    listed = attempt(places.top, "var", "-l").stdout.decode("utf-8", "replace")
    found = dict(line.partition("=")[::2] for line in listed.splitlines())
    author, committer = (_identity(places, role, found) for role in ("AUTHOR", "COMMITTER"))
    if not author or not committer:
        raise GitFailed(
            "git does not know who you are, and every change in a book is somebody's",
            hint='git config --global user.name "Your Name"; git config --global user.email you@example.com',
        )
    sign = found.get("commit.gpgsign", "no").lower() in _TRUE
    return Settings(author, committer, found.get("core.hookspath", ""), sign)


def _identity(places: Places, role: str, found: Mapping[str, str]) -> str:
    """Name, address and moment of whoever writes; "" when git does not know them, and would make them up."""
    known = os.environ.get(f"GIT_{role}_NAME") or found.get("user.name") or found.get(f"{role.lower()}.name")
    reached = os.environ.get(f"GIT_{role}_EMAIL") or found.get("user.email") or found.get(f"{role.lower()}.email")
    if known and reached:
        return found.get(f"GIT_{role}_IDENT", "")
    done = attempt(places.top, "var", f"GIT_{role}_IDENT")
    return "" if done.returncode else done.stdout.decode("utf-8", "replace").strip()


def finished(places: Places, how: Settings, built: str, parents: Sequence[str], message: str) -> str:
    """The commit ``built`` after the user's hooks have seen it: with the message they made of it, and signed.

    Raises:
        GitFailed: a hook refuses, or the commit cannot be signed.
    """
    _ask_about_files(places, how, "pre-merge-commit" if len(parents) > 1 else "pre-commit", built)
    after = _ask_about_message(places, how, message)
    if after == message and not how.sign:
        return built
    arguments = [word for parent in parents for word in ("-p", parent)]
    tree = git(places.top, "rev-parse", "--verify", f"{built}^{{tree}}").decode().strip()
    made = attempt(
        places.top,
        *("commit-tree", *(("-S",) if how.sign else ()), *arguments, "-F", "-", tree),
        data=after.encode(),
        durable=True,
        env={**_person("AUTHOR", how.author), **_person("COMMITTER", how.committer)},
    )
    if made.returncode:
        words = made.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        hint = "git is set up to sign (commit.gpgsign); see that the key can be used here: git commit -S"
        raise GitFailed(f"the commit cannot be signed: {words[0].removeprefix('error: ')}", hint=hint)
    return made.stdout.decode().strip()


def announce(places: Places, hooks_path: str, *, merged: bool) -> None:
    """Run the user's own hook for what has just happened. It has happened, so nothing depends on how that goes."""
    hook = hookfiles.users_hook(places, "post-merge" if merged else "post-commit", hooks_path)
    if hook is not None:
        _run(places, hook, *(("0",) if merged else ()))


def _ask_about_files(places: Places, how: Settings, name: str, built: str) -> None:
    """Have a hook look at the commit as if it were staged; the index that the user has stays out of it."""
    hook = hookfiles.users_hook(places, name, how.hooks_path)
    if hook is None:
        return
    index = places.own / "hook-index"
    places.own.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        git(places.top, "read-tree", built, env={"GIT_INDEX_FILE": str(index)})
        _must_agree(hook, _run(places, hook, index=str(index)))
    finally:
        index.unlink(missing_ok=True)


def _ask_about_message(places: Places, how: Settings, message: str) -> str:
    hook = hookfiles.users_hook(places, "commit-msg", how.hooks_path)
    if hook is None:
        return message
    note = places.own / "COMMIT_EDITMSG"
    places.own.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        note.write_text(message + "\n", encoding="utf-8")
        _must_agree(hook, _run(places, hook, str(note)))
        return note.read_text(encoding="utf-8", errors="replace").strip()
    finally:
        note.unlink(missing_ok=True)


def _must_agree(hook: Path, done: subprocess.CompletedProcess[bytes]) -> None:
    if done.returncode:
        words = [line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
        reason = f": {words[-1]}" if words else ""
        raise GitFailed(f"the {hook.name.partition('.')[0]} hook refuses this{reason}", hint=f"The hook is {hook}")


def _run(places: Places, hook: Path, *arguments: str, index: str = "") -> subprocess.CompletedProcess[bytes]:
    # Ours has nothing to add: what crmctl writes it has checked.
    env = {**environment(), "CRMCTL_CHECKED": "1", "GIT_EDITOR": ":", **({"GIT_INDEX_FILE": index} if index else {})}
    try:
        return subprocess.run(
            [str(hook), *arguments],
            cwd=places.top,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        hint = "Mend it, or make it not executable."
        raise GitFailed(f"the hook {hook} cannot be started: {reason}", hint=hint) from exc


def _person(role: str, identity: str) -> dict[str, str]:
    """The identity as the variables that git reads it from."""
    found = _IDENTITY.fullmatch(identity)
    if found is None:
        return {}
    return dict(zip((f"GIT_{role}_NAME", f"GIT_{role}_EMAIL", f"GIT_{role}_DATE"), found.groups(), strict=True))
