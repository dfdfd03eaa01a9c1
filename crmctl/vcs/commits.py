"""The latest commits of a book: who made each, when, what it says, and which files it touched."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.vcs.run import git

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.vcs.places import Places

_FORMAT = "%H%x00%P%x00%an%x00%ae%x00%at%x00%B%x00"
_UNDOES = "Undoes: "


class Commit(NamedTuple):
    """A commit; ``at`` in seconds since 1970 (when it was written, not when it was put here)."""

    id: str
    parents: tuple[str, ...]
    author: str
    email: str
    at: int
    message: str

    @property
    def subject(self) -> str:
        """The first line of what it says."""
        return self.message.partition("\n")[0]

    @property
    def undoes(self) -> str:
        """The commit that this one took back, "" when it is no undo."""
        lines = reversed(self.message.rstrip("\n").split("\n"))
        return next((line.removeprefix(_UNDOES).strip() for line in lines if line.startswith(_UNDOES)), "")


def undo_message(subject: str, undone: str) -> str:
    """A commit message that says what it takes back."""
    return f"{subject}\n\n{_UNDOES}{undone}\n"


def latest(places: Places, limit: int, start: str = "HEAD", *, paths: Sequence[str] = ()) -> list[Commit]:
    """The newest commits that touched the book (or some ``paths`` in it), newest first, from ``start`` backwards.

    ``start`` is a commit or a range of commits, as made by us, never a text that somebody typed.

    Raises:
        GitFailed: the history cannot be read.
    """
    wanted = [places.prefix + path for path in paths] or ([places.prefix] if places.prefix else [])
    output = git(
        places.top,
        "--literal-pathspecs",
        "log",
        "--date-order",  # Never a commit before one that was made on top of it, whatever the clocks said.
        f"--max-count={limit}",
        "--encoding=UTF-8",
        f"--format=tformat:{_FORMAT}",
        start,
        "--",
        *wanted,
    )
    fields = output.decode("utf-8", "replace").split("\0")[:-1]
    return [_commit(fields[first : first + 6]) for first in range(0, len(fields), 6)]


def one(places: Places, commit: str) -> Commit:
    """The commit with this id.

    Raises:
        GitFailed: it cannot be read.
    """
    output = git(places.top, "log", "-1", "--encoding=UTF-8", f"--format=tformat:{_FORMAT}", commit, "--")
    return _commit(output.decode("utf-8", "replace").split("\0")[:6])


def _commit(fields: Sequence[str]) -> Commit:
    oid, parents, author, email, at, message = fields
    # Each stands on a line of its own.
    return Commit(oid.lstrip("\n"), tuple(parents.split()), author, email, int(at), message)


def touched(places: Places, commits: Sequence[Commit]) -> dict[str, list[tuple[str, str]]]:
    """What each commit did to the files of the book, compared with its first parent: (A, M or D, path), by its id.

    Raises:
        GitFailed: the history cannot be read.
    """
    lines = "".join(f"{' '.join((commit.id, *commit.parents[:1]))}\n" for commit in commits)
    options = ("-r", "-z", "--name-status", "--no-renames", "--root", "--no-ext-diff", "--no-textconv")
    output = git(places.top, "diff-tree", "--stdin", *options, data=lines.encode())
    found: dict[str, list[tuple[str, str]]] = {commit.id: [] for commit in commits}
    parts = iter(output.decode("utf-8", "surrogateescape").split("\0")[:-1])
    current: list[tuple[str, str]] = []
    for part in parts:
        if len(part) > 1:
            current = found[part]
            continue
        path = next(parts)
        if path.startswith(places.prefix):
            current.append((part, path[len(places.prefix) :]))
    return found


def that_moved(places: Places, paths: Sequence[str], start: str = "HEAD") -> list[list[str]]:
    """The commits, latest first, in which a record at one of ``paths`` (in the book) came, went or gave way to another.

    That is seen by the lines with ids. Each commit is told by its id and those of its parents; ``start`` is as for
    ``latest``.

    Raises:
        GitFailed: the history cannot be read.
    """
    ids = ("-G^id[[:blank:]]*:", "--text", "--no-ext-diff", "--no-textconv")
    options = ("-m", "--date-order", *ids, "--no-renames", "--name-only", "-z")
    wanted = [places.prefix + path for path in paths]
    output = git(places.top, "--literal-pathspecs", "log", *options, "--format=%x01%H %P", start, "--", *wanted)
    lines = (part.lstrip("\n") for part in output.decode("utf-8", "surrogateescape").split("\0"))
    # A merge is told once for each of its parents.
    return [line[1:].split() for line in dict.fromkeys(line for line in lines if line.startswith("\1"))]


def with_text(places: Places, text: str, folder: str) -> tuple[str, list[str]]:
    """The newest commit that brought or took away ``text`` in a folder of the book, and the files; ("", []) for none.

    Raises:
        GitFailed: the history cannot be read.
    """
    where = places.prefix + folder
    options = ("-1", f"-S{text}", "--format=%H", "--no-ext-diff", "--no-textconv", "--no-renames")
    found = git(places.top, "--literal-pathspecs", "log", *options, "HEAD", "--", where).decode().strip()
    if not found:
        return "", []
    commit = one(places, found)
    return found, [path for _, path in touched(places, [commit])[found] if path.startswith(folder)]
