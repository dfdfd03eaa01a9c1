"""A book's repository: what stands in commits, and making new ones beside the user's own index."""

from __future__ import annotations

import contextlib
import re
from functools import cached_property
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.errors import BranchMoved
from crmctl.errors import NotFound
from crmctl.vcs import building
from crmctl.vcs import committing
from crmctl.vcs import gitindex
from crmctl.vcs import locks
from crmctl.vcs import objects
from crmctl.vcs import preflight
from crmctl.vcs import trees
from crmctl.vcs.calling import failed
from crmctl.vcs.run import attempt
from crmctl.vcs.run import git

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from crmctl.vcs.places import Places

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

_DATA = (".yaml", ".jsonl")
"""How the names of records and settings end."""

_SLACK = 50_000_000
"""File systems stamp times with a clock that may be this many nanoseconds late."""

_MANY = 256
"""From so many paths on, listing a whole commit is cheaper than looking each of them up."""


class Entry(NamedTuple):
    """A file in a commit: its path relative to the book, its blob id, and its mode ("100644" for a plain file)."""

    path: str
    oid: str
    mode: str


class Repository:
    """The repository around a book. Paths in and out are relative to the book."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._how: committing.Settings | None = None

    @cached_property
    def algorithm(self) -> str:
        """How the repository makes ids: "sha1" or "sha256"."""
        return objects.algorithm(self.places)

    def blob_id(self, data: bytes) -> str:
        """The id that a file of this content has in this repository."""
        return objects.blob_id(data, self.algorithm)

    # What stands in commits

    def head(self) -> str:
        """The commit HEAD points to, "" before the first."""
        with contextlib.suppress(OSError, ValueError):
            # Nearly always it is in these two files, and no git has to be started to read them.
            name = (self.places.git_dir / "HEAD").read_text(encoding="ascii").strip().removeprefix("ref: ")
            if name.startswith("refs/heads/"):
                commit = (self.places.common_dir / name).read_text(encoding="ascii").strip()
                if _COMMIT.fullmatch(commit):
                    return commit
        done = attempt(self.places.top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return done.stdout.decode().strip()

    def files(self, commit: str, paths: Iterable[str] = ()) -> list[Entry]:
        """Every file of the book in a commit; only those at ``paths``, where there are any."""
        prefix = self.places.prefix
        arguments = ["--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", commit]
        wanted = [f"{prefix}{path}" for path in paths] or [prefix]
        if wanted != [""]:
            arguments += ["--", *wanted]
        entries = []
        for line in git(self.places.top, *arguments).decode("utf-8", "surrogateescape").split("\0")[:-1]:
            about, _, path = line.partition("\t")
            mode, _, oid = about.split(" ")
            entries.append(Entry(path[len(prefix) :], oid, mode))
        return entries

    def resolve(self, text: str) -> str:
        """The commit that a person means by ``text``: an id or the start of one, a branch, ``HEAD~3``.

        Raises:
            NotFound: git knows no such commit.
        """
        if text and not text.startswith("-"):
            options = ("--verify", "--quiet", "--end-of-options")
            done = attempt(self.places.top, "rev-parse", *options, f"{text}^{{commit}}")
            if done.returncode == 0:
                return done.stdout.decode().strip()
        raise NotFound(f"there is no commit {text!r}", hint="git log --oneline shows the commits of this book.")

    def parents(self, commit: str) -> list[str]:
        """The commits that ``commit`` was made from: none for the first, two and more for a merge."""
        return git(self.places.top, "rev-list", "-1", "--parents", commit, "--").decode().split()[1:]

    def merge_bases(self, one: str, other: str) -> list[str]:
        """The latest commits that both histories have; several when they crossed, none when they are unrelated."""
        done = attempt(self.places.top, "merge-base", "--all", one, other)
        if done.returncode > 1:
            raise failed(("merge-base",), done.stderr)
        return done.stdout.decode().split()

    def tree(self, commit: str) -> str:
        """The id of the whole content of a commit."""
        return git(self.places.top, "rev-parse", "--verify", f"{commit}^{{tree}}").decode().strip()

    def changes_between(self, old: str, new: str) -> dict[str, tuple[str, str]]:
        """What differs between two commits or trees: path -> (blob before, blob after), "" where there is no file.

        Links, submodules and files of another mode count as no file.
        """
        arguments = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new, "--")
        fields = git(self.places.top, *arguments).decode("utf-8", "surrogateescape").split("\0")[:-1]
        prefix = self.places.prefix
        found = {}
        for about, path in zip(fields[::2], fields[1::2], strict=True):
            if path.startswith(prefix):
                old_mode, new_mode, before, after, _ = about[1:].split(" ")
                found[path[len(prefix) :]] = (
                    before if old_mode in trees.FILES else "",
                    after if new_mode in trees.FILES else "",
                )
        return found

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
        oids = objects.blobs_named(self.places.top, [f"{commit}:{self.places.prefix}{path}" for path in asked])
        return {path: oid for path, oid in zip(asked, oids, strict=True) if oid}

    def programs(self, commit: str, paths: Iterable[str]) -> frozenset[str]:
        """Those of ``paths`` that are marked as programs in ``commit``, and may be: no record and no settings are."""
        asked = {path for path in paths if not path.endswith(_DATA)}
        if not asked or not commit:
            return frozenset()
        found = self.files(commit, asked if len(asked) <= _MANY else ())
        return frozenset(path for path, _, mode in found if mode == trees.EXECUTABLE and path in asked)

    def contents(self, oids: Iterable[str]) -> Iterator[bytes]:
        """The contents of blobs, in the order asked."""
        return objects.contents(self.places.top, oids)

    # Making a commit

    def check_writable(self, *, moving_since: int | None = None) -> None:
        """See ``preflight.check_writable``, after sweeping away what a write that was killed left.

        ``moving_since`` is when that one began to move HEAD, in nanoseconds since 1970.
        """
        locks.sweep(self.places, moving_since)
        preflight.check_writable(self.places, settled=moving_since is not None)

    def standing(self, commit: str, paths: Iterable[str]) -> dict[str, tuple[str, str]]:
        """For each path its blob ids in ``commit`` and in git's index, "" where there is none (or a conflict)."""
        asked = list(paths)
        names = [f"{commit}:{self.places.prefix}{path}" for path in asked] if commit else []
        if len(asked) > _MANY:
            known = self.blobs(commit, asked)
            staged = gitindex.staged(self.places)
            return {path: (known.get(path, ""), staged.get(path, "")) for path in asked}
        found = objects.blobs_named(self.places.top, [*names, *(f":{self.places.prefix}{path}" for path in asked)])
        heads = found[: len(names)] or [""] * len(asked)
        return dict(zip(asked, zip(heads, found[len(names) :], strict=True), strict=True))

    def left_out(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of ``paths`` that this work tree leaves out (``git sparse-checkout``): missing, and not removed."""
        asked = set(paths)
        if not asked:
            return frozenset()
        return gitindex.left_out(self.places, asked if len(asked) <= _MANY else ()) & asked

    def keep(self, contents: Iterable[bytes]) -> None:
        """Keep contents as blobs that no commit has, so that they can be asked for by their ids."""
        for data in contents:
            git(self.places.top, "hash-object", "-w", "--no-filters", "--stdin", data=data, durable=True)

    def build(self, parent: str, message: str, files: Mapping[str, bytes | None], *, merging: str = "") -> str:
        """A commit on ``parent`` with ``files`` put (or, when None, taken away); nothing points to it yet.

        ``merging`` is a commit that it joins with ``parent``: its second parent. What is a program in one of them stays
        one. The user's own hooks have seen it, and it is signed when git is set up to sign.

        Raises:
            GitFailed: git does not know who you are, has no room, or a hook refuses.
        """
        how = self._how = committing.settings(self.places)
        put = [path for path, data in files.items() if data is not None]
        programs = self.programs(parent, put) | self.programs(merging, put)
        built = building.build(self.places, how, message, files, parent=parent, merging=merging, programs=programs)
        return committing.finished(self.places, how, built, [one for one in (parent, merging) if one], message)

    def announce(self, *, merged: bool) -> None:
        """Run the user's own hook for after a commit (or, when ``merged``, after a merge); it cannot fail the write."""
        hooks_path = committing.settings(self.places).hooks_path if self._how is None else self._how.hooks_path
        committing.announce(self.places, hooks_path, merged=merged)

    def advance(self, new: str, old: str, message: str) -> None:
        """Move HEAD's branch from ``old`` to ``new``, only if it still stands at ``old``.

        Raises:
            BranchMoved: someone moved it meanwhile.
            GitFailed: git does not do it.
        """
        started = clock.wall_nanoseconds() - _SLACK
        arguments = ("update-ref", "-m", f"crmctl: {message}", "HEAD", new, old or "0" * len(new))
        done = attempt(self.places.top, *arguments, durable=True)
        # git may have left its locks, by being killed or by a disk that would not take them away.
        locks.clear_reference_locks(self.places, started)
        if done.returncode:
            # It may have moved it all the same, and failed afterwards.
            if self.head() == new:
                return
            if b"but expected" in done.stderr or b"reference already exists" in done.stderr:
                raise BranchMoved("the branch moved while this was being written", hint="Run the command again.")
            raise locks.in_the_way(self.places, done.stderr) or failed(arguments, done.stderr)

    def index_held(self) -> AbstractContextManager[None]:
        """See ``locks.index_held``."""
        return locks.index_held(self.places)

    def stage(self, paths: Iterable[str]) -> None:
        """See ``gitindex.stage``."""
        gitindex.stage(self.places, paths)

    def unstage(self, paths: Iterable[str]) -> None:
        """See ``gitindex.unstage``."""
        gitindex.unstage(self.places, paths)

    def settle(self) -> None:
        """Let git note in its index what it finds in the work tree, which makes every later look several times faster.

        Our own looks never do that, because they must not be in the way of anybody's git; this one gives way too.
        """
        options = ("-c", "core.untrackedCache=true")
        looking = ("status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=all")
        attempt(self.places.top, *options, *looking, optional_locks=True)

    def contains(self, commit: str) -> bool:
        """Whether HEAD's history has ``commit`` in it."""
        return self.descends("HEAD", commit)

    def descends(self, new: str, old: str) -> bool:
        """Whether the history of ``new`` has ``old`` in it."""
        return attempt(self.places.top, "merge-base", "--is-ancestor", old, new).returncode == 0

    def user(self) -> tuple[str, str]:
        """(name, e-mail address) of whoever commits here, empty when git does not know."""
        name, _, rest = self._author.partition(" <")
        return name, rest.partition(">")[0]

    @cached_property
    def _author(self) -> str:
        """The author of what is written now, with the moment, "" when git does not know one."""
        done = attempt(self.places.top, "var", "GIT_AUTHOR_IDENT")
        return "" if done.returncode else done.stdout.decode("utf-8", "replace").strip()
