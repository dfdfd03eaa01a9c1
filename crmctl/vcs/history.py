"""The commits that changed a file, with the file before and after each. GitPython is used here, and nowhere else.

It is imported when it is asked for the first time (65 ms). It knows no ids of SHA-256: there git itself is asked.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import GitFailed
from crmctl.vcs.environment import LOCATION
from crmctl.vcs.environment import config_texts
from crmctl.vcs.objects import algorithm
from crmctl.vcs.objects import blobs_named
from crmctl.vcs.objects import by_id
from crmctl.vcs.run import attempt
from crmctl.vcs.run import git
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

_FORMAT = "%H%x00%P%x00%an%x00%ae%x00%ad%x00%B%x00"
_UNREADABLE = "the history cannot be read"
_AT_ONCE = 200
"""Commits whose files are read in one go: who asks may stop early."""

_PARTIAL = re.compile(r"^\s*(promisor\s*=\s*true|partialclone\s*=)", re.IGNORECASE | re.MULTILINE)


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
        if algorithm(places) != "sha1":
            yield from _asked(places, paths, start)
        else:
            yield from _read(places, paths, start)
    except GitFailed as exc:
        if not exc.message.startswith(_UNREADABLE) or not any(map(_PARTIAL.search, config_texts(places))):
            raise
        words = f"{_UNREADABLE}: objects of it are not here (a partial clone), and its remote does not give them"
        hint = "Run the command again when the remote can be reached; git remote -v names it."
        raise GitFailed(words, hint=hint) from exc


def _read(places: Places, paths: Sequence[str], start: str) -> Iterator[Change]:
    """``changes`` by GitPython."""
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
        raise GitFailed(f"{_UNREADABLE}: {words[0] if words else type(exc).__name__}") from exc


def _asked(places: Places, paths: Sequence[str], start: str) -> Iterator[Change]:
    """``changes`` by git itself, for the ids that GitPython cannot read."""
    if attempt(places.top, "rev-parse", "--verify", "-q", "HEAD").returncode:
        return
    boundary = boundary_of(places)
    wanted = ("--", *(places.prefix + path for path in paths))
    options = ("--no-follow", "--encoding=UTF-8", "--date=raw", f"--format=tformat:{_FORMAT}")
    try:
        output = git(places.top, "--literal-pathspecs", "log", *options, start, *wanted)
        fields = output.decode("utf-8", "replace").split("\0")[:-1]
        commits = [fields[first : first + 6] for first in range(0, len(fields), 6)]
        for first in range(0, len(commits), _AT_ONCE):
            yield from _told(places, paths, commits[first : first + _AT_ONCE], boundary)
        # To git a file is "missing" that was not there then, and one whose content is lost.
        lost = git(places.top, "--literal-pathspecs", "rev-list", "--objects", "--missing=print", start, *wanted)
    except GitFailed as exc:
        raise GitFailed(f"{_UNREADABLE}: {exc.message}", hint=exc.hint) from exc
    gone = next((line for line in lost.decode("utf-8", "replace").split("\n") if line.startswith("?")), "")
    if gone:
        raise GitFailed(f"{_UNREADABLE}: git has lost an object of it: {gone[1:]}")


def _told(
    places: Places, paths: Sequence[str], commits: Sequence[Sequence[str]], boundary: frozenset[str]
) -> Iterator[Change]:
    ids = [(fields[0].lstrip("\n"), "" if fields[0].lstrip("\n") in boundary else fields[1][:64]) for fields in commits]
    asked = [(one, path) for pair in ids for one in pair if one for path in paths]
    found = blobs_named(places.top, (f"{one}:{places.prefix}{path}" for one, path in asked))
    oids = {key: oid for key, oid in zip(asked, found, strict=True) if oid}
    lost = "git has lost an object of this book: {}"
    blobs = by_id(oids.values(), lambda *words, data: git(places.top, *words, data=data), lost)
    for (oid, parent), (_, _, name, email, when, message) in zip(ids, commits, strict=True):
        before, after = (
            {path: blobs[oids[one, path]] for path in paths if (one, path) in oids} for one in (parent, oid)
        )
        subject = message.partition("\n")[0]
        yield Change(oid, _moment(when), name, email, subject, before, after, oid in boundary)


def _moment(raw: str) -> datetime:
    """A moment as git keeps it: seconds since 1970, and the zone as +HHMM."""
    from datetime import UTC
    from datetime import datetime
    from datetime import timedelta
    from datetime import timezone

    seconds, _, zone = raw.partition(" ")
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
    try:
        return datetime.fromtimestamp(int(seconds), timezone(-ahead if zone.startswith("-") else ahead))
    except (ValueError, OverflowError, OSError):  # A zone of a day and more, or a year after 9999.
        return datetime.fromtimestamp(0, UTC)


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
