"""The commits that changed a file, with the file before and after each. GitPython is used here, and nowhere else.

It is imported when it is asked for the first time (65 ms).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import GitFailed
from crmctl.vcs.environment import LOCATION
from crmctl.vcs.status import guards

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence
    from datetime import datetime

    from git import Commit

    from crmctl.vcs.places import Places


# Paths are names, not patterns; nobody is asked for a password.
_PLAIN = {"GIT_LITERAL_PATHSPECS": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}


class Change(NamedTuple):
    """A commit that changed some of the files asked for.

    ``before`` and ``after`` map paths (relative to the book) to contents; a path is left out where there is no file.
    ``cut`` says that the clone is shallow and what came before this commit is not in it.
    """

    commit: str
    at: datetime
    author: str
    email: str
    subject: str
    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    cut: bool = False


def is_shallow(places: Places) -> bool:
    """Whether the clone has only the latest part of the history."""
    return bool(boundary_of(places))


def changes(places: Places, paths: Sequence[str], start: str = "HEAD") -> Iterator[Change]:
    """The commits in HEAD's history that changed any of ``paths`` (relative to the book), latest first.

    ``start`` is another commit by its id to look back from, never a text that somebody typed.

    Raises:
        GitFailed: git or its history cannot be read.
    """
    try:
        from git import Repo
        from git.exc import GitError
    except ImportError as exc:
        raise GitFailed("git is not installed, or not on the PATH", hint="apt-get install git") from exc
    boundary = boundary_of(places)
    try:
        with Repo(places.top) as repo:
            # A hook or a shell may point git elsewhere by its environment; it stays with this repository.
            repo.git.update_environment(**_here(places), **guards(places.top)[1], **_PLAIN)
            if not repo.head.is_valid():
                return
            for commit in repo.iter_commits(start, paths=[places.prefix + path for path in paths]):
                yield _change(commit, places, paths, boundary)
    except (GitError, ValueError, OSError) as exc:
        words = str(getattr(exc, "stderr", "") or exc).strip().splitlines()
        raise GitFailed(f"the history cannot be read: {words[0] if words else type(exc).__name__}") from exc


def _change(commit: Commit, places: Places, paths: Sequence[str], boundary: frozenset[str]) -> Change:
    cut = commit.hexsha in boundary
    # The commit names its parents, but a shallow clone does not have them.
    parents = () if cut else commit.parents
    return Change(
        commit.hexsha,
        commit.authored_datetime,
        str(commit.author.name or ""),
        str(commit.author.email or ""),
        str(commit.summary),
        _contents(parents[0], places, paths) if parents else {},
        _contents(commit, places, paths),
        cut,
    )


def _contents(commit: Commit, places: Places, paths: Sequence[str]) -> dict[str, bytes]:
    found = {}
    for path in paths:
        try:
            blob = commit.tree / (places.prefix + path)
        except KeyError:
            continue
        if blob.type == "blob":
            found[path] = blob.data_stream.read()
    return found


def boundary_of(places: Places) -> frozenset[str]:
    """The commits of a shallow clone whose parents are not in it."""
    try:
        return frozenset((places.common_dir / "shallow").read_text(encoding="ascii").split())
    except OSError:
        return frozenset()


def _here(places: Places) -> dict[str, str]:
    wanted = {
        "GIT_DIR": str(places.git_dir),
        "GIT_COMMON_DIR": str(places.common_dir),
        "GIT_WORK_TREE": str(places.top),
        "GIT_OBJECT_DIRECTORY": str(places.common_dir / "objects"),
        "GIT_INDEX_FILE": str(places.git_dir / "index"),
    }
    return {name: wanted.get(name, "") for name in LOCATION if name in os.environ}
