"""A book's repository: what stands in commits, and making new ones beside the user's own index."""

from __future__ import annotations

import hashlib
import os
import re
from functools import cached_property
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import GitFailed
from crmctl.vcs import preflight
from crmctl.vcs.run import attempt
from crmctl.vcs.run import failed
from crmctl.vcs.run import git

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.vcs.places import Places

_BUILD = "refs/crmctl/txn"
_SHA256 = re.compile(r"^\s*objectformat\s*=\s*\"?sha256\b", re.IGNORECASE | re.MULTILINE)
_MANY = 256
"""From so many paths on, listing a whole commit is cheaper than looking each of them up."""


class Entry(NamedTuple):
    """A file in a commit: its path relative to the book, its blob id, and its mode ("100644" for a plain file)."""

    path: str
    oid: str
    mode: str


def blob_id(data: bytes, algorithm: str = "sha1") -> str:
    """The id git gives to a file of this content, in repositories that use ``algorithm``."""
    return hashlib.new(algorithm, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class Repository:
    """The repository around a book. Paths in and out are relative to the book."""

    def __init__(self, places: Places) -> None:
        self.places = places

    @cached_property
    def algorithm(self) -> str:
        """How the repository makes ids: "sha1", or "sha256" when it was made so."""
        try:
            config = (self.places.common_dir / "config").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "sha1"
        return "sha256" if _SHA256.search(config) else "sha1"

    def blob_id(self, data: bytes) -> str:
        """The id that a file of this content has in this repository."""
        return blob_id(data, self.algorithm)

    # What stands in commits

    def head(self) -> str:
        """The commit HEAD points to, "" before the first."""
        done = attempt(self.places.top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return done.stdout.decode().strip()

    def files(self, commit: str) -> list[Entry]:
        """Every file of the book in a commit."""
        prefix = self.places.prefix
        arguments = ["--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", commit]
        if prefix:
            arguments += ["--", prefix]
        entries = []
        for line in git(self.places.top, *arguments).decode("utf-8", "surrogateescape").split("\0")[:-1]:
            about, _, path = line.partition("\t")
            mode, _, oid = about.split(" ")
            entries.append(Entry(path[len(prefix) :], oid, mode))
        return entries

    def commit_before(self, seconds: int) -> str:
        """The newest commit of HEAD's history made up to a moment (seconds since 1970), "" when all are younger."""
        done = attempt(self.places.top, "rev-list", "-1", f"--before={seconds}", "HEAD")
        return done.stdout.decode().strip()

    def first_commit(self) -> tuple[str, int]:
        """The oldest commit of HEAD's first-parent history, and when it was made (seconds since 1970)."""
        lines = git(self.places.top, "log", "--first-parent", "--format=%H %ct", "HEAD").decode().split("\n")
        commit, _, seconds = lines[-2].partition(" ")
        return commit, int(seconds)

    def tree(self, commit: str) -> str:
        """The id of the whole content of a commit."""
        return git(self.places.top, "rev-parse", "--verify", f"{commit}^{{tree}}").decode().strip()

    def changes(self, old: str, new: str) -> list[str] | None:
        """Paths that differ between two commits, None when ``old`` is not there any more."""
        done = attempt(self.places.top, "diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new, "--")
        if done.returncode:
            return None
        prefix = self.places.prefix
        paths = done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
        return [path[len(prefix) :] for path in paths if path.startswith(prefix)]

    def blobs(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        """The blob ids that ``paths`` have in ``commit``; those that are not in it are left out."""
        asked = list(paths)
        if not asked or not commit:
            return {}
        if len(asked) > _MANY:
            # Asked one by one, git goes through a whole folder for each.
            wanted = set(asked)
            return {entry.path: entry.oid for entry in self.files(commit) if entry.path in wanted}
        lines = "".join(f"{commit}:{self.places.prefix}{path}\n" for path in asked)
        output = git(self.places.top, "cat-file", "--batch-check=%(objectname) %(objecttype)", data=os.fsencode(lines))
        found = {}
        # The name that was asked for comes back when nothing is there, and may hold what other splitters split at.
        for path, line in zip(asked, output.split(b"\n")[:-1], strict=True):
            oid, _, what = line.rpartition(b" ")
            if what == b"blob":
                found[path] = oid.decode("ascii")
        return found

    def contents(self, oids: Iterable[str]) -> Iterator[bytes]:
        """The contents of blobs, in the order asked."""
        data = "".join(f"{oid}\n" for oid in oids).encode()
        output = memoryview(git(self.places.top, "cat-file", "--batch", data=data))
        position = 0
        while position < len(output):
            end = position + bytes(output[position : position + 200]).index(b"\n")
            header = bytes(output[position:end]).split()
            if len(header) != 3:
                raise GitFailed(f"git has lost an object of this book: {header[0].decode('ascii', 'replace')}")
            size = int(header[2])
            yield bytes(output[end + 1 : end + 1 + size])
            position = end + 1 + size + 1

    # Making a commit

    def check_writable(self) -> None:
        """See ``preflight.check_writable``."""
        preflight.check_writable(self.places)

    def build(self, parent: str, message: str, files: Mapping[str, bytes | None]) -> str:
        """A commit on ``parent`` with ``files`` put (or, when None, taken away); nothing points to it yet.

        Raises:
            GitFailed: git does not know who you are, or has no room.
        """
        author, committer = self._identity()
        head = [f"commit {_BUILD}", "mark :1", f"author {author}", f"committer {committer}"]
        parts = [("\n".join(head) + "\n").encode(), _data(message.encode())]
        if parent:
            parts.append(f"from {parent}\n".encode())
        for path, data in files.items():
            full = _quoted(self.places.prefix + path)
            if data is None:
                parts.append(b"D %b\n" % full)
            else:
                parts += [b"M 100644 inline %b\n" % full, _data(data)]
        parts.append(b"\nget-mark :1\ndone\n")
        output = git(self.places.top, "fast-import", "--quiet", "--done", "--force", data=b"".join(parts), durable=True)
        return output.decode().strip()

    def advance(self, new: str, old: str, message: str) -> None:
        """Move HEAD's branch from ``old`` to ``new``, only if it still stands at ``old``.

        Raises:
            Conflict: someone moved it meanwhile.
        """
        zero = "0" * len(new)
        lines = f"update HEAD {new} {old or zero}\ndelete {_BUILD}\n"
        arguments = ("update-ref", "-m", f"crmctl: {message}", "--stdin")
        done = attempt(self.places.top, *arguments, data=lines.encode(), durable=True)
        if done.returncode:
            if b"but expected" in done.stderr or b"reference already exists" in done.stderr:
                raise Conflict("the branch moved while this was being written", hint="Run the command again.")
            raise failed(arguments, done.stderr)

    def stage(self, paths: Iterable[str]) -> None:
        """Tell git's index that ``paths`` are now as in HEAD, so that nothing shows as changed."""
        self._on_index(("update-index", "-z", "--add", "--remove", "--stdin"), paths)

    def unstage(self, paths: Iterable[str]) -> None:
        """The same where the files are not as in HEAD: they are left alone, and show as changed."""
        options = ("--quiet", "--pathspec-from-file=-", "--pathspec-file-nul")
        self._on_index(("--literal-pathspecs", "reset", *options), paths)

    def _on_index(self, arguments: tuple[str, ...], paths: Iterable[str]) -> None:
        """Change git's index as soon as nobody else does; an editor may look at it at any moment.

        Raises:
            Locked: another git has held the lock of the index for some seconds.
        """
        data = os.fsencode("".join(f"{self.places.prefix}{path}\0" for path in paths))
        while data:
            preflight.wait_for_index(self.places)
            done = attempt(self.places.top, *arguments, data=data)
            if done.returncode == 0:
                return
            if b"index.lock': File exists" not in done.stderr:
                raise failed(arguments, done.stderr)

    def settle(self) -> None:
        """Let git note in its index what it finds in the work tree, which makes every later look several times faster.

        Our own looks never do that, because they must not be in the way of anybody's git; this one gives way too.
        """
        options = ("-c", "core.untrackedCache=true")
        attempt(self.places.top, *options, "status", "--porcelain", "--untracked-files=normal", optional_locks=True)

    def contains(self, commit: str) -> bool:
        """Whether HEAD's history has ``commit`` in it."""
        return attempt(self.places.top, "merge-base", "--is-ancestor", commit, "HEAD").returncode == 0

    def user(self) -> tuple[str, str]:
        """(name, e-mail address) of whoever commits here, empty when git does not know."""
        name, _, rest = self._author.partition(" <")
        return name, rest.partition(">")[0]

    @cached_property
    def _author(self) -> str:
        """The author of what is written now, with the moment, "" when git does not know one."""
        done = attempt(self.places.top, "var", "GIT_AUTHOR_IDENT")
        return "" if done.returncode else done.stdout.decode("utf-8", "replace").strip()

    def _identity(self) -> tuple[str, str]:
        done = attempt(self.places.top, "var", "GIT_COMMITTER_IDENT")
        if done.returncode or not self._author:
            raise GitFailed(
                "git does not know who you are, and every change in a book is somebody's",
                hint='git config --global user.name "Your Name"; git config --global user.email you@example.com',
            )
        return self._author, done.stdout.decode("utf-8", "replace").strip()


def _quoted(path: str) -> bytes:
    """A path as ``git fast-import`` reads it, whatever characters are in it."""
    raw = os.fsencode(path)
    for sign, escape in ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n")):
        raw = raw.replace(sign, escape)
    return b'"%b"' % raw


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)
