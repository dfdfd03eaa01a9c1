"""Putting the files of a commit in place, and finishing that for a write that died before it had."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.store import journal as journals
from crmctl.store.files import UNFINISHED
from crmctl.store.files import discard
from crmctl.store.files import prepare_file
from crmctl.store.files import put_in_place
from crmctl.store.files import read_file
from crmctl.store.files import remove_file

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.store.commits import BlobId
    from crmctl.store.commits import Commits
    from crmctl.store.journal import Journal

FEW = 64
"""Up to this many files are synced one by one; more of them all at once."""


def prepare(
    root: Path,
    paths: Iterable[str],
    files: Mapping[str, bytes | None],
    programs: Collection[str],
    prepared: dict[str, str | None],
) -> None:
    """Write new files beside where they belong, and note in ``prepared`` where; None for one that is taken away."""
    few = len(files) <= FEW
    for path in paths:
        data = files[path]
        prepared[path] = None if data is None else prepare_file(root, path, data, durable=few, program=path in programs)


def place(root: Path, note: Journal, prepared: Mapping[str, str | None], commits: Commits, blob_id: BlobId) -> None:
    """Put committed files where they belong, and tell git's index.

    A file that someone changed since ``note`` was written stays as it is: it shows as changed, nothing of it is lost.
    """
    few = len(prepared) <= FEW
    kept = set()
    for path, temporary in prepared.items():
        if not _stands(root, path, note.steps[path].before, blob_id):
            kept.add(path)
            if temporary is not None:
                discard(temporary)
        elif temporary is None:
            remove_file(root, path, durable=few)
        else:
            put_in_place(root, path, temporary, durable=few)
    edited = {path for path in prepared if path in kept or note.steps[path].shows_as_changed}
    commits.stage([path for path in prepared if path not in edited])
    commits.unstage(sorted(edited))
    if not few and hasattr(os, "sync"):
        os.sync()


def recover(root: Path, state: Path, commits: Commits, blob_id: BlobId) -> bool:
    """Finish the write that died between moving HEAD and placing its files; whether there was one.

    Files that someone changed since then stay as they are, and so do those that have been committed anew.
    """
    for leftover in state.glob(f".*{UNFINISHED}"):
        discard(os.fspath(leftover))
    note = journals.read(state)
    if note is None:
        return False
    _sweep(root, note.steps)
    if commits.contains(note.new):
        standing = commits.standing(commits.head(), note.steps)
        current = [path for path, step in note.steps.items() if standing[path][0] == step.committed]
        wanted = {path: oid for path in current if _found(root, path, blob_id) != (oid := note.steps[path].after)}
        contents = iter(commits.contents([oid for oid in wanted.values() if oid]))
        files = {path: next(contents) if oid else None for path, oid in wanted.items()}
        prepared: dict[str, str | None] = {}
        prepare(root, files, files, commits.programs(note.new, files), prepared)
        done = [path for path in current if path not in wanted]
        edited = [path for path in done if note.steps[path].shows_as_changed]
        with commits.index_held():
            place(root, note, prepared, commits, blob_id)
            commits.stage([path for path in done if path not in edited])
            commits.unstage(edited)
    journals.drop(state)
    return True


def _stands(root: Path, path: str, oid: str, blob_id: BlobId) -> bool:
    """Whether the file at ``path`` has the content of that blob; for "", whether there is none."""
    if not oid:
        return not os.path.lexists(os.path.join(root, path))  # noqa: PTH118 - many files
    return _found(root, path, blob_id) == oid


def _found(root: Path, path: str, blob_id: BlobId) -> str:
    """The blob id of what stands at ``path``: "" for nothing, and one that no blob has for what is no plain file."""
    try:
        data, _ = read_file(root, path)
    except FileNotFoundError:
        return ""
    except InvalidData:
        return "no file"
    return blob_id(data)


def _sweep(root: Path, paths: Iterable[str]) -> None:
    """Take away what a killed write left beside the files it was about. The lock is held, so nobody else is writing."""
    for folder in {(root / path).parent for path in paths}:
        for leftover in folder.glob(f".*{UNFINISHED}"):
            discard(os.fspath(leftover))
