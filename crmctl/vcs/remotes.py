"""Fetching from and pushing to other repositories: never by force, never with a question, nothing of theirs is run.

Addresses may hold a user's name and password; what git says is told without them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.errors import GitFailed
from crmctl.errors import NotFound
from crmctl.vcs import locks
from crmctl.vcs.calling import failed
from crmctl.vcs.environment import NO_HOOKS
from crmctl.vcs.run import attempt
from crmctl.vcs.run import git

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from crmctl.vcs.places import Places

SAFE = ("-c", "protocol.ext.allow=never", "-c", "fetch.fsckObjects=true")
"""Settings for every call that talks to another repository."""

PATIENCE = (
    "-c",
    "http.lowSpeedLimit=1",
    "-c",
    "http.lowSpeedTime=60",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
)
_SSH = " -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=20"

_CREDENTIALS = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/@\s'\"]*@", re.IGNORECASE)
# What git, ssh and curl say, in lower case, when the other side cannot be reached at all.
_OFFLINE = re.compile(
    r"could not resolve|couldn't resolve|temporary failure in name resolution|name or service not known"
    r"|network is unreachable|no route to host|connection refused|connection timed out|operation timed out"
    r"|timeout was reached|failed to connect|couldn't connect|could not connect|connection reset|connection closed"
    r"|hung up unexpectedly|unexpected disconnect|early eof|operation too slow|host is down|software caused connection"
)
# What they say when it was reached, and does not want us, or is broken.
_REFUSED = re.compile(
    r"permission denied|authentication failed|could not read username|could not read password|invalid username"
    r"|access denied|not authorized|host key verification failed|returned error: 40[13]|terminal prompts disabled"
    r"|corrupt|bad object|fsck error"
)
_MOVED = re.compile(
    r"fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref|incorrect old value|failed to lock"
    r"|remote ref updated since checkout|reference already exists|unable to create '[^']*\.lock'"
)
_HOOK = "failed to push some refs"
_NO_BRANCH = "couldn't find remote ref"


class Offline(CrmError):
    """The other repository cannot be reached now."""


class Moved(CrmError):
    """Somebody else sent something to the branch between our fetching it and our pushing to it."""


class Remote(NamedTuple):
    """Another repository by its name here, the branch there, and its address without credentials."""

    name: str
    branch: str
    address: str

    @property
    def ref(self) -> str:
        """Where its branch, as seen last, is kept here."""
        return f"refs/remotes/{self.name}/{self.branch}"

    @property
    def key(self) -> str:
        """``origin/main``."""
        return f"{self.name}/{self.branch}"


def shown(text: str) -> str:
    """``text`` with names and passwords taken out of the addresses in it."""
    return _CREDENTIALS.sub(r"\1", text)


def names(places: Places) -> list[str]:
    """The remotes that the repository knows."""
    return git(places.top, "remote").decode("utf-8", "replace").split()


def choose(places: Places, branch: str, name: str = "") -> Remote | None:
    """The remote to sync ``branch`` with: ``name``, else the branch's upstream, else origin, else the only one.

    None when the repository has no remote at all.

    Raises:
        NotFound: there is no such remote, or several and none of them is meant.
    """
    known = names(places)
    if not known and not name:
        return None
    upstream, merge = _setting(places.top, f"branch.{branch}.remote"), _setting(places.top, f"branch.{branch}.merge")
    chosen = name or (upstream if upstream in known else "") or ("origin" if "origin" in known else "")
    if not chosen and len(known) == 1:
        chosen = known[0]
    if chosen not in known:
        hint = f"This book has {', '.join(known)}." if known else "Add one: git remote add origin URL"
        what = f"there is no remote {shown(chosen)!r}" if chosen else "there are several remotes, and none is origin"
        raise NotFound(what, hint=hint)
    there = merge.removeprefix("refs/heads/") if merge.startswith("refs/heads/") and chosen == upstream else branch
    return Remote(chosen, there, shown(_address(places, chosen)))


def set_upstream(places: Places, branch: str, remote: Remote) -> None:
    """Have git compare the branch with the remote's from now on, unless it compares it with something already."""
    if not _setting(places.top, f"branch.{branch}.remote"):
        attempt(places.top, "config", f"branch.{branch}.remote", remote.name)
        attempt(places.top, "config", f"branch.{branch}.merge", f"refs/heads/{remote.branch}")


def fetch(places: Places, remote: Remote) -> str:
    """Get what the remote's branch has; its commit, "" when there is no such branch there (an empty repository).

    Raises:
        Offline: it cannot be reached.
        GitFailed: it can, but does not want us, or what it sends is broken.
    """
    spec = f"+refs/heads/{remote.branch}:{remote.ref}"
    options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--refmap=", "--no-auto-gc")
    command = (*NO_HOOKS, "fetch", *options, "--", remote.name, spec)
    done = _talk(places, *command)
    if done.returncode and _cleared(places, remote):
        done = _talk(places, *command)
    if done.returncode == 0:
        return git(places.top, "rev-parse", "--verify", f"{remote.ref}^{{commit}}").decode().strip()
    words = done.stderr.decode("utf-8", "replace")
    if _NO_BRANCH in words:
        return ""
    raise _told(places, remote, "fetch", words)


def push(places: Places, remote: Remote, commit: str) -> None:
    """Send ``commit`` to the remote's branch. The pre-push hook is run.

    Raises:
        Moved: somebody else was there first, or is there just now.
        Offline: it cannot be reached.
        GitFailed: it can, but does not take it.
    """
    options = ("--quiet", "--porcelain", "--no-follow-tags", "--recurse-submodules=no")
    done = _talk(places, "push", *options, "--", remote.name, f"{commit}:refs/heads/{remote.branch}")
    if done.returncode == 0:
        return
    words = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")
    error = _told(places, remote, "push", words)
    if _MOVED.search(words.lower()) and not isinstance(error, Offline):
        raise Moved(error.message)
    raise error


def ahead_behind(places: Places, ours: str, theirs: str) -> tuple[int, int]:
    """How many commits only ``ours`` has, and how many only ``theirs`` ("" for a branch that is not there yet)."""
    if not theirs:
        return int(git(places.top, "rev-list", "--count", ours, "--")), 0
    counts = git(places.top, "rev-list", "--left-right", "--count", f"{ours}...{theirs}", "--").split()
    return int(counts[0]), int(counts[1])


def tidy(places: Places) -> None:
    """Let git pack its objects, if there are many; it does so in the background, and nothing depends on it."""
    attempt(places.top, *NO_HOOKS, "gc", "--auto", "--quiet")


def last_seen(places: Places, remote: Remote) -> str:
    """The commit of the remote's branch as fetched or pushed last, "" when it never was."""
    done = attempt(places.top, "rev-parse", "--verify", "--quiet", f"{remote.ref}^{{commit}}")
    return done.stdout.decode().strip() if done.returncode == 0 else ""


def quiet_environment(here: Path) -> dict[str, str]:
    """Variables by which nothing asks anybody: the user's own ssh command told so, another program left as it is."""
    env = {"GCM_INTERACTIVE": "never", "SSH_ASKPASS_REQUIRE": "never"}
    command = os.environ.get("GIT_SSH_COMMAND") or _setting(here, "core.sshCommand")
    if not command and os.environ.get("GIT_SSH"):
        return env
    command = command.strip() or "ssh"
    if command.split()[0].rpartition("/")[2] in ("ssh", "ssh.exe"):
        env["GIT_SSH_COMMAND"] = command + _SSH
    return env


def is_offline(words: str) -> bool:
    """Whether git's ``words`` mean that the other side was not reached at all."""
    return bool(_OFFLINE.search(words.lower())) and not _REFUSED.search(words.lower())


def _talk(places: Places, *arguments: str) -> CompletedProcess[bytes]:
    return attempt(places.top, *SAFE, *PATIENCE, *arguments, env=quiet_environment(places.top))


def _cleared(places: Places, remote: Remote) -> bool:
    """Whether there was a lock on what we remember of the remote, left by a git that was killed, and is no more."""
    lock = places.common_dir / f"{remote.ref}.lock"
    if not lock.exists() or not Path("/proc/self").exists() or locks.holders(places):
        return False
    lock.unlink(missing_ok=True)
    return True


def _told(places: Places, remote: Remote, command: str, words: str) -> CrmError:
    """What went wrong, in words: unreachable, or git's own first line and what the other side said."""
    text = shown(words)
    local = _local_path(places, remote.address)
    gone = local is not None and not local.exists()
    if gone or is_offline(text):
        return Offline(f"{remote.name} ({remote.address}) cannot be reached")
    lines = [line.strip() for line in text.splitlines()]
    rejected = [line.partition("\t")[2].partition("\t")[2] for line in lines if line.startswith("!\t")]
    said = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    told = "; ".join([*rejected, *filter(None, said)])
    error = failed((command,), text.encode())
    message = f"{remote.name} did not take it: {told}" if rejected else error.message + (f" ({told})" if told else "")
    hint = error.hint
    if command == "push" and not told and _HOOK in text:
        # git itself has not said why, so it was the hook before the push.
        why = next(
            (line for line in lines if line and _HOOK not in line and line not in ("Done", f"To {remote.address}")), ""
        )
        message = f"the pre-push hook refuses this{f': {why}' if why else ''}"
        own = next((line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")), "")
        mending = f"{own.rstrip('.')}. Then" if own else "Mend it, then"
        hint = f"Nothing was sent. {mending}: crmctl sync"
    if _REFUSED.search(text.lower()):
        hint = f"See that you may go there: git fetch {remote.name}"
    return GitFailed(message, hint=hint)


def _local_path(places: Places, address: str) -> Path | None:
    """The folder an address names on this machine, None when it is elsewhere."""
    if address.startswith("file://"):
        return Path(address.removeprefix("file://"))
    if "://" in address or (":" in address.partition("/")[0] and os.name != "nt"):
        return None
    return places.top / address if address else None


def _address(places: Places, name: str) -> str:
    done = attempt(places.top, "remote", "get-url", "--", name)
    return done.stdout.decode("utf-8", "replace").strip()


def _setting(here: Path, name: str) -> str:
    done = attempt(here, "config", "--get", name)
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""
