"""Commits that are on their way to or from another repository, as the hooks around a push have to see them.

Unlike everything else in ``vcs`` this keeps to the repository that git points to by its environment: on a server the
commits stand aside, in a place that only the hook is told of, until they are accepted. Paths are those of the tree.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.vcs import objects
from crmctl.vcs.calling import failed
from crmctl.vcs.environment import NO_HOOKS
from crmctl.vcs.environment import SAFE
from crmctl.vcs.environment import not_started

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence
    from pathlib import Path

_OURS = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8", "LANGUAGE": ""}
_NAME = re.compile(r"[A-Za-z0-9][\w-]*")
_DIFF = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev")


class Update(NamedTuple):
    """A branch (or tag) that is to move: its full name, and its commits; "" for one that is made or deleted."""

    name: str
    old: str
    new: str


class Change(NamedTuple):
    """What became of a file: mode and blob before and after; the mode is "000000" where there is none."""

    old_mode: str
    mode: str
    old: str
    oid: str


class File(NamedTuple):
    """A file of a commit."""

    mode: str
    oid: str


def updates(text: str) -> list[Update]:
    """What git tells a pre-receive hook: ``OLD NEW NAME``, a line for each."""
    found = []
    for line in text.splitlines():
        old, new, name = line.split(" ", 2)
        found.append(Update(name, old.strip("0") and old, new.strip("0") and new))
    return found


def outgoing(text: str) -> list[Update]:
    """What git tells a pre-push hook: ``LOCAL-NAME NEW REMOTE-NAME OLD``, a line for each."""
    found = []
    for line in text.splitlines():
        before, old = line.rsplit(" ", 1)
        start, name = before.rsplit(" ", 1)
        new = start.rsplit(" ", 1)[1]
        found.append(Update(name, old.strip("0") and old, new.strip("0") and new))
    return found


class Pushed:
    """The repository that a hook was called for; ``here`` is the folder git started it in."""

    def __init__(self, here: Path) -> None:
        self._here = here
        self._env = {**os.environ, **_OURS}

    def commit(self, oid: str) -> str:
        """The commit that a branch or tag names; "" for one that is not here, or no commit."""
        done = self._attempt("rev-parse", "--verify", "--quiet", "--end-of-options", f"{oid}^{{commit}}")
        return "" if done.returncode else done.stdout.decode().strip()

    def main_branch(self) -> str:
        """The full name of the branch that a clone of this repository starts on, "" when there is none."""
        return self._attempt("symbolic-ref", "--quiet", "HEAD").stdout.decode("utf-8", "replace").strip()

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether the history of ``new`` has ``old`` in it."""
        return self._attempt("merge-base", "--is-ancestor", old, new).returncode == 0

    def tips(self, updates: Iterable[Update]) -> list[str]:
        """The commits that branches and tags are to stand at."""
        found = (self.commit(update.new) for update in updates if update.new)
        return [tip for tip in dict.fromkeys(found) if tip]

    def arriving(self, tips: Sequence[str]) -> list[tuple[str, list[str]]]:
        """The commits up to ``tips`` that no branch of this repository has yet, oldest first, each with its parents."""
        return self._new(tips, ("--all",))

    def leaving(self, tips: Sequence[str], remote: str, there: Iterable[str]) -> list[tuple[str, list[str]]]:
        """The commits up to ``tips`` that ``remote`` is not known to have, as those of ``arriving``.

        ``there`` are commits that it says it has; those that are not here tell nothing.
        """
        # The remote is a name, or an address that none of its branches go by.
        branches = f"--remotes={remote}" if _NAME.fullmatch(remote) else "--remotes"
        return self._new(tips, (branches, *(old for old in there if old and self.commit(old))))

    def since(self, tip: str, known: str) -> list[tuple[str, list[str]]]:
        """The commits up to ``tip`` that ``known`` does not have in its history, as those of ``arriving``."""
        return self._new([tip], [known])

    def those(self, commits: Iterable[str]) -> list[tuple[str, list[str]]]:
        """These commits and no others, each with its parents, in the order given."""
        return self._listed(("--no-walk=unsorted",), commits)

    def _new(self, tips: Sequence[str], known: Iterable[str]) -> list[tuple[str, list[str]]]:
        return self._listed(("--reverse", "--topo-order"), tips, known) if tips else []

    def _listed(
        self, options: Iterable[str], commits: Iterable[str], known: Iterable[str] = ()
    ) -> list[tuple[str, list[str]]]:
        arguments = ("rev-list", *options, "--parents", "--stdin", "--not", *known)
        lines = self._git(*arguments, data="".join(f"{commit}\n" for commit in commits).encode())
        found = [line.split() for line in lines.decode().splitlines()]
        return [(words[0], words[1:]) for words in found]

    def files(self, commit: str) -> dict[str, File]:
        """Every file of a commit."""
        found = {}
        for line in _texts(self._git("ls-tree", "-r", "-z", "--full-tree", commit)):
            about, _, path = line.partition("\t")
            mode, _, oid = about.split(" ")
            found[path] = File(mode, oid)
        return found

    def changes(self, old: str, new: str) -> dict[str, Change]:
        """What differs between two commits; everything is new when ``old`` is ""."""
        empty = old or self._git("hash-object", "-t", "tree", "--stdin").decode().strip()
        return _changes(_texts(self._git("diff-tree", *_DIFF, empty, new, "--")))

    def each(self, commits: Iterable[tuple[str, Sequence[str]]]) -> dict[str, list[dict[str, Change]]]:
        """What each commit changed against each of its parents; the first commit of a history has an empty one."""
        asked = dict(commits)
        single = [commit for commit, parents in asked.items() if len(parents) < 2]
        found = {
            commit: [self.changes(parent, commit) for parent in parents]
            for commit, parents in asked.items()
            if len(parents) > 1
        }
        if single:
            data = "".join(f"{commit}\n" for commit in single).encode()
            texts = _texts(self._git("diff-tree", "--stdin", "--root", "--always", *_DIFF, data=data))
            found |= {commit: [changes] for commit, changes in _by_commit(texts).items()}
        return found

    def contents(self, oids: Iterable[str]) -> dict[str, bytes]:
        """The contents of blobs, by their ids."""
        return objects.by_id(oids, self._git, "git has no object {}, which is among what is pushed")

    def _git(self, *arguments: str, data: bytes = b"") -> bytes:
        done = self._attempt(*arguments, data=data)
        if done.returncode:
            raise failed(arguments, done.stderr)
        return done.stdout

    def _attempt(self, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["git", *SAFE, *NO_HOOKS, *arguments],
                input=data,
                capture_output=True,
                cwd=self._here,
                env=self._env,
                check=False,
            )
        except OSError as exc:
            raise not_started(exc) from None


def _texts(output: bytes) -> list[str]:
    return output.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _change(about: str) -> Change:
    old_mode, mode, old, oid, _ = about[1:].split(" ")
    return Change(old_mode, mode, old, oid)


def _changes(texts: Sequence[str]) -> dict[str, Change]:
    return {path: _change(about) for about, path in zip(texts[::2], texts[1::2], strict=True)}


def _by_commit(texts: Iterable[str]) -> dict[str, dict[str, Change]]:
    """Changes under the ids of their commits, each of which stands before its changes."""
    found: dict[str, dict[str, Change]] = {}
    current: dict[str, Change] = {}
    rest = iter(texts)
    for text in rest:
        if text.startswith(":"):
            current[next(rest)] = _change(text)
        else:
            current = found.setdefault(text, {})
    return found
