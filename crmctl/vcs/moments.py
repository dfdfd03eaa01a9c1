"""Which commit was the latest at a moment: of HEAD's own line of commits, without the sides that merges brought in.

A side was written in another clone; following it, one day would show what the next one does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.vcs.history import boundary_of
from crmctl.vcs.repository import Repository
from crmctl.vcs.run import attempt
from crmctl.vcs.run import git
from crmctl.vcs.trees import FILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.vcs.places import Places


class Moment(NamedTuple):
    """A commit, the id of all its content, and when it was put where it stands, in seconds since 1970."""

    commit: str
    tree: str
    seconds: int


_FORMAT = "--format=tformat:%H %T %ct"


def at(places: Places, seconds: int) -> Moment | None:
    """The newest commit made up to a moment (seconds since 1970); None when all are younger, or there is none."""
    done = attempt(places.top, "rev-list", "-1", "--first-parent", f"--before=@{seconds} +0000", _FORMAT, "HEAD", "--")
    return _moment(done.stdout) if done.returncode == 0 else None


def of(places: Places, commit: str) -> Moment:
    """The moment of a commit, told by its id."""
    found = _moment(git(places.top, "rev-list", "-1", _FORMAT, commit, "--"))
    assert found is not None
    return found


def first(places: Places, path: str) -> Moment | None:
    """The commit that brought the file at ``path`` (relative to the book), else the first of all, or None."""
    arguments = ("--literal-pathspecs", "rev-list", "--first-parent", _FORMAT, "HEAD", "--")
    for paths in ((places.prefix + path,), ()):
        done = attempt(places.top, *arguments, *paths)
        if done.returncode == 0 and done.stdout:
            return _moment(done.stdout)
    return None


def is_cut(places: Places, commit: str) -> bool:
    """Whether the clone is shallow and does not have what came before ``commit``."""
    return commit in boundary_of(places)


def head(places: Places) -> str:
    """The commit HEAD points to, read from files where it stands in one, which takes no time; "" before the first."""
    try:
        text = (places.git_dir / "HEAD").read_text(encoding="utf-8").strip()
        if text.startswith("ref: refs/heads/") and ".." not in text:
            text = (places.common_dir / text[5:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    return text if is_id(text) else Repository(places).head()


def is_id(text: str) -> bool:
    """Whether ``text`` is the whole id of an object."""
    return len(text) in (40, 64) and all(letter in "0123456789abcdef" for letter in text)


def _moment(output: bytes) -> Moment | None:
    """The last one that ``rev-list`` printed, each below a line that only names it."""
    lines = output.decode("ascii").splitlines()
    if not lines:
        return None
    commit, tree, seconds = lines[-1].split(" ")
    return Moment(commit, tree, int(seconds))


def changes(places: Places, commits: Sequence[str]) -> dict[str, dict[str, tuple[str, str]]]:
    """What each of these commits changed against its first parent: commit -> path -> (blob before, blob after).

    As ``Repository.changes_between`` tells it, "" where there is no plain file; merges are left out.
    """
    options = ("--stdin", "-r", "-z", "--raw", "--root", "--no-renames", "--no-abbrev")
    data = "".join(f"{commit}\n" for commit in commits).encode()
    fields = git(places.top, "diff-tree", *options, data=data).decode("utf-8", "surrogateescape").split("\0")[:-1]
    found: dict[str, dict[str, tuple[str, str]]] = {}
    files: dict[str, tuple[str, str]] = {}
    rest = iter(fields)
    for field in rest:
        if not field.startswith(":"):
            files = found.setdefault(field.strip(), {})
            continue
        path = next(rest)
        if path.startswith(places.prefix):
            old_mode, new_mode, before, after, _ = field[1:].split(" ")
            files[path.removeprefix(places.prefix)] = (
                before if old_mode in FILES else "",
                after if new_mode in FILES else "",
            )
    return found
