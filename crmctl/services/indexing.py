"""Files of a book taken into its index, one by one: what stands in them, or why it cannot be read."""

from __future__ import annotations

import heapq
import os
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.errors import StorageFailed
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.index.index import Index
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings
    from crmctl.services.book import Book


def take_files(book: Book, index: Index, settings: Settings, files: Mapping[str, bytes | None]) -> None:
    """Have an index of one's own know ``files`` as they will stand in the work tree (None: taken away)."""
    state = index.state()
    assert state is not None
    index.begin()
    for path, data in sorted(files.items()):
        place = layout.place_of(path, settings.schema)
        if place is None:
            continue
        index.forget(path)
        if data is not None:
            take(index, place, path, book.repository.blob_id(data), data, fresh=False)
    index.finish(state)


def take_all(index: Index, settings: Settings, paths: set[str], take_one: Callable[[str], bool]) -> set[str]:
    """Read ``paths`` again, and the files whose meaning hangs on them because they share a handle or an id.

    ``take_one`` reads one; the paths for which it answers False come back.
    """
    unsure: set[str] = set()
    again = index.contested()
    for path in paths:
        place = layout.place_of(path, settings.schema) if is_text(path) else None
        rivals = index.rivals(path, *place) if place is not None else set()
        if rivals:
            again |= {path, *rivals}
    for path in again:
        index.forget(path)
    # In the order of the paths, as a rebuild goes, because the first one has the right to a handle or an id.
    queue = sorted(paths | again)
    while queue:
        path = heapq.heappop(queue)
        if not take_one(path):
            unsure.add(path)
        displaced = index.displaced()
        for path in displaced.difference(queue) if displaced else ():
            heapq.heappush(queue, path)
    return unsure


def take_path(book: Book, index: Index, settings: Settings, path: str, oid: str = "", *, fresh: bool = False) -> bool:
    """Read one file of the work tree again, unless its content is the one the index has.

    ``oid`` is its content in HEAD where git saw no other. The answer is False when the file has to be looked at again
    next time though git may see no change in it then: it could not be read, or changed after git had looked at it.
    """
    from crmctl.store.files import read_file
    from crmctl.vcs.objects import blob_id

    place = layout.place_of(path, settings.schema)
    if place is None:
        return True
    if not is_text(path):
        _take_misnamed(book.root, index, place, path)
        return True
    try:
        data, state = read_file(book.root, path)
    except FileNotFoundError:
        was_there = bool(oid) or index.known_oid(path) is not None
        index.forget(path)
        return not was_there
    except (InvalidData, StorageFailed) as exc:
        problem = Problem(path, 0, 0, "unreadable", exc.message.removeprefix(f"{path}: "), exc.hint)
        index.forget(path)
        index.put_problems(path, "", place.kind, place.handle, exc.problems or [problem])
        return isinstance(exc, InvalidData)
    oid = oid or blob_id(data)
    if fresh or index.known_oid(path) != oid:
        take(index, place, path, oid, data, fresh=fresh)
    return not book.since <= state.st_mtime_ns <= clock.wall_nanoseconds()


def _take_misnamed(root: Path, index: Index, place: layout.Place, path: str) -> None:
    """Note a file whose name is not UTF-8, in a spelling that can be kept."""
    shown, handle = (
        text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for text in (path, place.handle)
    )
    index.forget(shown)
    if os.path.lexists(root / path):
        problem = Problem(shown, 0, 0, "bad-handle", "the file's name is not UTF-8", "Rename it with git mv.")
        index.put_problems(shown, "", place.kind, handle, [problem])


def take(index: Index, place: layout.Place, path: str, oid: str, data: bytes, *, fresh: bool = False) -> None:
    """Take the content of one file into the index; with ``fresh``, nothing of it can be there yet."""
    kind, handle = place
    if kind.storage == "jsonl":
        _take_interactions(index, path, oid, place, data)
        return
    from crmctl.store.yaml_reader import read_yaml

    if not fresh:
        index.forget(path)
    try:
        record = read_yaml(data, path).data
    except InvalidData as exc:
        index.put_problems(path, oid, kind, handle, exc.problems)
        return
    missing = [name for name in kind.required if not record.get(name)]
    if missing:
        hint = f"Add a line `{missing[0]}:`."
        problem = Problem(path, 0, 0, "missing-field", f"{kind.one} has no {missing[0]}", hint)
        index.put_problems(path, oid, kind, handle, [problem])
    index.put_record(path, oid, kind, handle, record)


def _take_interactions(index: Index, path: str, oid: str, place: layout.Place, data: bytes) -> None:
    from crmctl.index.index import Interaction
    from crmctl.store.jsonl import read_lines

    lines, problems = read_lines(data, path)
    interactions = [
        Interaction(line.number, _identity(line.value), line.raw.decode("utf-8"), line.value) for line in lines
    ]
    index.put_interactions(path, oid, place.kind, place.handle, interactions, problems)


def _identity(value: RawMap) -> str:
    """The id by which an interaction is found; "#" is kept for those that have none."""
    found = value.get("id", "")
    return found if isinstance(found, str) and "#" not in found else ""


def is_text(path: str) -> bool:
    """Whether a path is UTF-8; bytes that are not have become half characters, which nothing can print or keep."""
    return path.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in path)
