"""Telling git's index what was committed, while its lock is ours: a copy of it is changed, and takes its place."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from crmctl.errors import StorageFailed
from crmctl.vcs.run import git

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmctl.vcs.places import Places

_STAGE = ("update-index", "-z", "--add", "--remove", "--stdin")
_UNSTAGE = ("--literal-pathspecs", "reset", "--quiet", "--pathspec-from-file=-", "--pathspec-file-nul")


def stage(places: Places, paths: Iterable[str]) -> None:
    """Have ``paths`` stand in the index as their files are now.

    Raises:
        GitFailed, StorageFailed: the index stays as it was.
    """
    _change(places, _STAGE, paths)


def unstage(places: Places, paths: Iterable[str]) -> None:
    """Have ``paths`` stand in the index as they are in HEAD, whatever their files are: these then show as changed.

    Raises:
        GitFailed, StorageFailed: the index stays as it was.
    """
    _change(places, _UNSTAGE, paths)


def _change(places: Places, arguments: tuple[str, ...], paths: Iterable[str]) -> None:
    data = os.fsencode("".join(f"{places.prefix}{path}\0" for path in paths))
    if not data:
        return
    index, copy = places.git_dir / "index", places.own / "index.new"
    try:
        places.own.mkdir(mode=0o700, parents=True, exist_ok=True)
        if index.exists():
            shutil.copyfile(index, copy)
        git(places.top, *arguments, data=data, env={"GIT_INDEX_FILE": os.fspath(copy)})
        copy.replace(index)
    except OSError as exc:
        raise StorageFailed(f"{index}: cannot write: {(exc.strerror or str(exc)).lower()}") from exc
    finally:
        with contextlib.suppress(OSError):
            copy.unlink(missing_ok=True)


def left_out(places: Places, paths: Iterable[str] = ()) -> frozenset[str]:
    """The files of the book that this work tree leaves out (``git sparse-checkout``); only those among ``paths``,
    where there are any.
    """
    asked = [f"{places.prefix}{path}" for path in paths] or [places.prefix]
    arguments = ["--literal-pathspecs", "ls-files", "-t", "-z", "--full-name"]
    output = git(places.top, *arguments, *(("--", *asked) if asked != [""] else ()))
    lines = output.decode("utf-8", "surrogateescape").split("\0")
    return frozenset(line[2 + len(places.prefix) :] for line in lines if line.startswith("S "))


def staged(places: Places) -> dict[str, str]:
    """The blob ids of all files of the book in the index, without those in conflict."""
    prefix = places.prefix
    arguments = ["--literal-pathspecs", "ls-files", "--stage", "-z", "--full-name"]
    output = git(places.top, *arguments, *(("--", prefix) if prefix else ()))
    found = {}
    for line in output.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        about, _, path = line.partition("\t")
        _, oid, stage_number = about.split(" ")
        if stage_number == "0":
            found[path[len(prefix) :]] = oid
    return found
