"""What git could not join by itself: the index's three stages of a file, and the command that stopped there.

Paths are told from the top of the repository.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import GitFailed
from crmctl.vcs import locks
from crmctl.vcs import trees
from crmctl.vcs.calling import failed
from crmctl.vcs.run import attempt
from crmctl.vcs.run import git
from crmctl.vcs.trees import TreeFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path

    from crmctl.vcs.places import Places

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
# Longer lists of paths are not put on a command line.
_MANY = 400


class Unmerged(NamedTuple):
    """A file that is in conflict: what stands in the base and on both sides, None where there is none."""

    path: str
    base: TreeFile | None
    ours: TreeFile | None
    theirs: TreeFile | None


class Operation(NamedTuple):
    """The git command that stopped for a conflict, and the commits that it joins ("" for those not known).

    ``swapped`` says that git's "theirs" is the work of the user: a rebase puts it on top of what others did. ``go_on``
    are git's words to continue with, none where nothing has to be continued.
    """

    name: str
    base: str = ""
    ours: str = ""
    theirs: str = ""
    swapped: bool = False
    go_on: tuple[str, ...] = ()


class Mark(NamedTuple):
    """The commit that changed a file last: its id, who made it, and when (ISO 8601, with the author's offset)."""

    commit: str
    who: str
    when: str


def unmerged(places: Places) -> list[Unmerged]:
    """Every file in conflict, from git's index and never from the marks in the files."""
    found: dict[str, dict[str, TreeFile]] = {}
    for line in git(places.top, "ls-files", "-u", "-z").decode("utf-8", "surrogateescape").split("\0")[:-1]:
        about, _, path = line.partition("\t")
        mode, oid, stage = about.split(" ")
        found.setdefault(path, {})[stage] = TreeFile(mode, oid)
    return [Unmerged(path, *(stages.get(stage) for stage in "123")) for path, stages in found.items()]


def operation(places: Places) -> Operation:
    """The command under way. With none, it was a stash (or a patch) that was put on changed files."""
    folder = places.git_dir
    merging = _first_line(folder / "MERGE_HEAD")
    rebasing = next((name for name in ("rebase-merge", "rebase-apply") if (folder / name).is_dir()), "")
    if rebasing and (folder / "rebase-apply" / "applying").exists():
        return Operation("am", ours=_head(places), go_on=("am", "--continue"))
    if rebasing:
        go_on = ("rebase", "--continue")
        if merging:
            return _joining(places, "rebase", merging, go_on)
        picked = _first_line(folder / "REBASE_HEAD")
        return Operation("rebase", _parent(places, picked), _head(places), picked, swapped=True, go_on=go_on)
    if merging:
        return _joining(places, "merge", merging, ("commit", "--no-edit"))
    picked = _first_line(folder / "CHERRY_PICK_HEAD")
    if picked:
        go_on = ("cherry-pick", "--continue")
        return Operation("cherry-pick", _parent(places, picked), _head(places), picked, go_on=go_on)
    reverted = _first_line(folder / "REVERT_HEAD")
    if reverted:
        go_on = ("revert", "--continue")
        return Operation("revert", reverted, _head(places), _parent(places, reverted), go_on=go_on)
    stash = _commit(places, "refs/stash")
    return Operation("stash", _parent(places, stash), _head(places), stash)


def are_these(places: Places, how: Operation, files: Sequence[Unmerged]) -> bool:
    """Whether the stages of ``files`` are what stands in the three commits of ``how``, at whatever path.

    They are not when git was told to take another parent of a merge, or when no command is under way and the latest
    stash is not the one that was put on top.
    """
    if how.name in ("merge", "am") or not (how.base and how.ours and how.theirs):
        return how.name == "merge"
    ours, theirs = (trees.differences(places, how.base, side) for side in (how.ours, how.theirs))
    before = {None, *(pair[0] for side in (ours, theirs) for pair in side.values())}
    sides = [{*before, *(pair[1] for pair in side.values())} for side in (ours, theirs)]
    return all(file.base in before and file.ours in sides[0] and file.theirs in sides[1] for file in files)


def origins(places: Places, how: Operation, files: Sequence[Unmerged]) -> dict[str, set[str]]:
    """For each file in conflict the other paths that are part of it, because git took one record for another.

    Its rename detection puts the edit of one record beside a new one that looks like it. A record never moves: what
    has to be asked is what became of the one that was removed.
    """
    found: dict[str, set[str]] = {}
    if not how.base:
        return found
    for side in (how.ours, how.theirs):
        changed = trees.differences(places, how.base, side)
        gone = {path: before for path, (before, after) in changed.items() if after is None}
        for file in files:
            if file.base is not None and file.path not in gone:
                same = {path for path, before in gone.items() if before == file.base and path != file.path}
                found.setdefault(file.path, set()).update(same)
    return {path: others for path, others in found.items() if others}


def latest(places: Places, include: str, exclude: str, paths: Iterable[str]) -> dict[str, Mark]:
    """For each path the latest commit of ``include`` that changed it and that ``exclude`` does not have.

    A path that only commits of both have changed gets the latest of those.
    """
    wanted = dict.fromkeys(paths)
    found: dict[str, Mark] = {}
    if not include or not wanted:
        return found
    revisions = [include, f"^{exclude}"] if exclude else [include]
    limit = list(wanted) if len(wanted) <= _MANY else []
    for mark, touched in _log(places, revisions, limit):
        for path in touched:
            if path in wanted:
                found.setdefault(path, mark)
    for path in [path for path in wanted if path not in found][:_MANY]:
        for mark, _ in _log(places, ["-1", include], [path]):
            found[path] = mark
    return found


def _log(places: Places, revisions: Sequence[str], paths: Sequence[str]) -> Iterator[tuple[Mark, list[str]]]:
    form = ("-z", "--format=%x00%H%x00%an%x00%aI", "--name-only", "--no-renames", "-c")
    arguments = ("--literal-pathspecs", "log", *form, *revisions, "--", *paths)
    tokens = git(places.top, *arguments).decode("utf-8", "surrogateescape").split("\0")
    position = 0
    while position < len(tokens) - 3:
        if tokens[position] or not _COMMIT.fullmatch(tokens[position + 1]):
            position += 1
            continue
        mark = Mark(*tokens[position + 1 : position + 4])
        position += 4
        touched = []
        while position < len(tokens) and tokens[position]:
            touched.append(tokens[position].removeprefix("\n"))
            position += 1
        yield mark, touched


# Settling


def stage(places: Places, paths: Iterable[str]) -> None:
    """Tell git's index that the conflicts at ``paths`` are settled as the work tree has them.

    Raises:
        GitFailed, Locked: git's index cannot be written.
    """
    _on_index(places, ("--add", "--remove", "--stdin"), os.fsencode("".join(f"{path}\0" for path in paths)))


def _on_index(places: Places, arguments: tuple[str, ...], data: bytes) -> None:
    if not data:
        return
    locks.wait_for_index(places)
    done = attempt(places.top, "update-index", "-z", *arguments, data=data)
    if done.returncode:
        raise failed(("update-index",), done.stderr)


def tree_with(places: Places, tree: str, files: Mapping[str, bytes | None]) -> str:
    """The id of a tree like that of ``tree`` (the whole id of one, or of a commit), with ``files`` put or taken away.

    Raises:
        GitFailed: git cannot write its objects.
    """
    with _own_index(places) as env:
        git(places.top, "read-tree", tree, env=env)
        lines = []
        for path, data in files.items():
            if data is None:
                lines.append(f"0 {'0' * len(tree)}\t{path}\0")
            else:
                oid = git(places.top, "hash-object", "-w", "--no-filters", "--stdin", data=data).decode().strip()
                lines.append(f"{trees.PLAIN} {oid}\t{path}\0")
        git(places.top, "update-index", "-z", "--index-info", data=os.fsencode("".join(lines)), env=env)
        return git(places.top, "write-tree", env=env).decode().strip()


def tree_of(places: Places, files: Mapping[str, TreeFile]) -> str:
    """The id of a tree that has just these files, whose blobs git has."""
    with _own_index(places) as env:
        lines = [f"{file.mode} {file.oid}\t{path}\0" for path, file in files.items()]
        git(places.top, "update-index", "-z", "--index-info", data=os.fsencode("".join(lines)), env=env)
        return git(places.top, "write-tree", env=env).decode().strip()


@contextmanager
def _own_index(places: Places) -> Iterator[dict[str, str]]:
    """What to tell git so that it uses an index that is nobody else's."""
    places.own.mkdir(mode=0o700, parents=True, exist_ok=True)
    index = places.own / f"tree-index.{os.getpid()}"
    try:
        yield {"GIT_INDEX_FILE": os.fspath(index)}
    finally:
        index.unlink(missing_ok=True)


def continuing(places: Places, how: Operation) -> tuple[str, ...]:
    """git's words to continue with; when the answers left nothing of a commit, most commands want to skip it."""
    if how.go_on[-1:] != ("--continue",) or (places.git_dir / "rebase-merge").is_dir():
        return how.go_on
    empty = attempt(places.top, "diff", "--cached", "--quiet", "--no-ext-diff", "--no-textconv").returncode == 0
    return (how.go_on[0], "--skip") if empty else how.go_on


def go_on(places: Places, how: Operation) -> None:
    """Have git continue with what it was at. The user's hooks run; no editor is opened.

    Raises:
        GitFailed: git refuses, or one of its hooks does.
    """
    words = continuing(places, how)
    done = attempt(places.top, *words, env={"GIT_EDITOR": ":", "GIT_SEQUENCE_EDITOR": ":"})
    if done.returncode and not unmerged(places):
        output = (done.stderr + b"\n" + done.stdout).decode("utf-8", "replace").strip()
        first = next((line for line in output.splitlines() if line.strip()), "no reason given")
        hint = f"Everything is answered and staged. See what git says: git {' '.join(words)}"
        raise GitFailed(f"git {words[0]} failed: {first.strip()}", hint=hint)


def _joining(places: Places, name: str, merging: str, go_on: tuple[str, ...]) -> Operation:
    head = _head(places)
    bases = trees.merge_bases(places, head, [merging])
    return Operation(name, bases[0] if len(bases) == 1 else "", head, merging, go_on=go_on)


def _head(places: Places) -> str:
    return _commit(places, "HEAD")


def _parent(places: Places, commit: str) -> str:
    return _commit(places, f"{commit}^") if commit else ""


def _commit(places: Places, name: str) -> str:
    done = attempt(places.top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return "" if done.returncode else done.stdout.decode().strip()


def _first_line(path: Path) -> str:
    try:
        line = path.read_text(encoding="ascii", errors="replace").partition("\n")[0].strip()
    except OSError:
        return ""
    return line if _COMMIT.fullmatch(line) else ""
