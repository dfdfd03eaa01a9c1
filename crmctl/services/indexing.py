"""Files of a book taken into its index, one by one: what stands in them, or why it cannot be read."""

from __future__ import annotations

import contextlib
import heapq
import os
from functools import partial
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.errors import StorageFailed
from crmctl.services.ahead import ahead
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.index.index import Index
    from crmctl.index.index import Interaction
    from crmctl.model.fields import Kind
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
            take(index, place, path, book.repository.blob_id(data), data)
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


def take_path(book: Book, index: Index, settings: Settings, path: str, oid: str = "") -> bool:
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
    if index.known_oid(path) != oid:
        take(index, place, path, oid, data)
    return _is_older(book, state.st_mtime_ns)


def _is_older(book: Book, modified: int) -> bool:
    """Whether a file changed last (ns since 1970) before git looked at it."""
    return not book.since <= modified <= clock.wall_nanoseconds()


class Seen(NamedTuple):
    """What stands in a file of the work tree, and when it changed last (ns since 1970)."""

    parsed: Parsed
    modified: int


def see(root: Path, settings: Settings, paths: Iterable[str]) -> Iterator[Seen | None]:
    """What stands in each of the files; None for one that is none of the book's, is not there or cannot be read."""
    from crmctl.store.files import read_file

    for path in paths:
        place = layout.place_of(path, settings.schema)
        seen = None
        if place is not None and is_text(path):
            with contextlib.suppress(OSError, InvalidData, StorageFailed):
                data, state = read_file(root, path)
                seen = Seen(parsed(place.kind, path, data), state.st_mtime_ns)
        yield seen


def take_fresh(book: Book, index: Index, settings: Settings, known: Mapping[str, str]) -> set[str]:
    """Read files of the work tree into an empty index.

    ``known`` has the paths, and the content in HEAD (its blob id) of those in which git saw no other, or "". What comes
    back has to be looked at again next time, as ``take_path`` says.
    """
    again: set[str] = set()
    paths = sorted(known)
    for path, seen in zip(paths, ahead(partial(see, book.root, settings), paths), strict=True):
        oid, place = known[path], layout.place_of(path, settings.schema)
        if seen is None or not oid or place is None:
            was_old = take_path(book, index, settings, path, oid)
        else:
            put(index, place, path, oid, seen.parsed)
            was_old = _is_older(book, seen.modified)
        if not was_old:
            again.add(path)
    return again


def _take_misnamed(root: Path, index: Index, place: layout.Place, path: str) -> None:
    """Note a file whose name is not UTF-8, in a spelling that can be kept."""
    shown, handle = (
        text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for text in (path, place.handle)
    )
    index.forget(shown)
    if os.path.lexists(root / path):
        problem = Problem(shown, 0, 0, "bad-handle", "the file's name is not UTF-8", "Rename it with git mv.")
        index.put_problems(shown, "", place.kind, handle, [problem])


class Parsed(NamedTuple):
    """What stands in one file: the ``record`` of a YAML file, or the ``lines`` of a history; and what is wrong."""

    record: RawMap | None
    lines: list[Interaction]
    problems: list[Problem]


def parsed(kind: Kind, path: str, data: bytes) -> Parsed:
    """What a file of ``kind`` says."""
    if kind.storage == "jsonl":
        return _parsed_lines(path, data)
    from crmctl.store.yaml_reader import read_yaml

    try:
        record = read_yaml(data, path).data
    except InvalidData as exc:
        return Parsed(None, [], list(exc.problems))
    missing = [name for name in kind.required if not record.get(name)]
    if not missing:
        return Parsed(record, [], [])
    hint = f"Add a line `{missing[0]}:`."
    problem = Problem(path, 0, 0, "missing-field", f"{kind.one} has no {missing[0]}", hint)
    return Parsed(record, [], [problem])


def _parsed_lines(path: str, data: bytes) -> Parsed:
    from crmctl.index.index import Interaction
    from crmctl.store.jsonl import read_lines

    lines, problems = read_lines(data, path)
    found = [Interaction(line.number, _identity(line.value), line.raw.decode("utf-8"), line.value) for line in lines]
    return Parsed(None, found, problems)


def take(index: Index, place: layout.Place, path: str, oid: str, data: bytes) -> None:
    """Take the content of one file into the index, in place of what it has from there."""
    if place.kind.storage != "jsonl":
        index.forget(path)
    put(index, place, path, oid, parsed(place.kind, path, data))


def put(index: Index, place: layout.Place, path: str, oid: str, found: Parsed) -> None:
    """Put into the index what was found in a file, of which no record is there."""
    kind, handle = place
    if kind.storage == "jsonl":
        index.put_interactions(path, oid, kind, handle, found.lines, found.problems)
        return
    if found.problems:
        index.put_problems(path, oid, kind, handle, found.problems)
    if found.record is not None:
        index.put_record(path, oid, kind, handle, found.record)


def _identity(value: RawMap) -> str:
    """The id by which an interaction is found; "#" is kept for those that have none."""
    found = value.get("id", "")
    return found if isinstance(found, str) and "#" not in found else ""


def is_text(path: str) -> bool:
    """Whether a path is UTF-8; bytes that are not have become half characters, which nothing can print or keep."""
    return path.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in path)
