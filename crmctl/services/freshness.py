"""Bringing the index up to date: ask git what changed, read just those files again."""

from __future__ import annotations

import gc
import heapq
import os
import stat
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import NoBook
from crmctl.errors import Problem
from crmctl.errors import StorageFailed
from crmctl.index.index import Index
from crmctl.index.index import State
from crmctl.index.index import busy
from crmctl.index.index import damaged
from crmctl.index.index import unusable
from crmctl.model.settings import FILE
from crmctl.model.settings_reading import read_settings
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping
    from pathlib import Path
    from typing import TypeAlias

    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings
    from crmctl.services.book import Book
    from crmctl.vcs.status import Status

    _Stats: TypeAlias = dict[str, list[int] | None]

_RACY = 2_000_000_000
"""A file changed within this many nanoseconds may change again without a trace in its time."""


def refreshed(book: Book) -> tuple[Index, Settings]:
    """The book's index, agreeing with the work tree, and the settings.

    Raises:
        NoBook: the settings cannot be read at all.
    """
    path = index_path(book)
    for _ in range(2):
        index, state = Index.open(path)
        try:
            return _refreshed(book, index, state)
        except Exception as error:
            index.close()
            if not unusable(error):
                raise
            # Torn or foreign: it holds nothing that the book does not.
            if busy(error) or not Index.discard(path):
                break
    return _refreshed(book, Index.in_memory(), None)


def index_path(book: Book) -> Path:
    """Where the index of a book stands."""
    return book.places.own / "index.sqlite"


def discard_damaged(book: Book, error: BaseException) -> bool:
    """Take the index away if it is the reason for ``error``, so that the next command makes a new one."""
    return damaged(error) and Index.discard(index_path(book))


def _refreshed(book: Book, index: Index, state: State | None) -> tuple[Index, Settings]:
    status = book.probe.result()
    stats = {path: _stat(book.root, path) for path in differing(book.root, status)}
    if state is not None and _is_fresh(state, status, stats):
        return index, read_settings(state.settings, again=True)
    index = _for_writing(index)
    try:
        return index, _bring_up(book, index, status, stats)
    except BaseException:
        index.rollback()
        raise


def _is_fresh(state: State, status: Status, stats: _Stats) -> bool:
    return state.head == status.head and state.dirty == stats and None not in stats.values()


def _bring_up(book: Book, index: Index, status: Status, stats: _Stats) -> Settings:
    """Make the index agree with the work tree, from what it knows now that nobody else can change it."""
    state = index.state()
    paths = None if state is None else _to_look_at(book, state, status, stats)
    if state is None or paths is None:
        return _rebuild(book, index, status, stats)
    settings_raw = _read_settings(book.root) if FILE in paths else state.settings
    if settings_raw != state.settings:
        return _rebuild(book, index, status, stats)
    settings = read_settings(settings_raw)
    index.use(settings)
    again = _take_all(book, index, settings, paths)
    index.finish(State(status.head, _differences(stats, again), settings_raw))
    return settings


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


def _to_look_at(book: Book, state: State, status: Status, stats: _Stats) -> set[str] | None:
    """The files that may differ from what the index has; None when that cannot be told."""
    paths = {*state.dirty, *stats}
    if state.head == status.head:
        return paths
    moved = book.repository.changes(state.head, status.head) if state.head and status.head else None
    return None if moved is None else paths.union(moved)


def _take_all(book: Book, index: Index, settings: Settings, paths: set[str]) -> set[str]:
    """Read ``paths`` again; what comes back has to be looked at once more next time, see ``_take``."""
    return take_all(index, settings, paths, lambda path: _take(book, index, settings, path))


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


def _rebuild(book: Book, index: Index, status: Status, stats: _Stats) -> Settings:
    raw = _read_settings(book.root)
    settings = read_settings(raw)
    index.clear(settings)
    index.use(settings)
    known = {entry.path: entry.oid for entry in book.repository.files(status.head)} if status.head else {}
    # Nothing of what is made here is circular, and the collector would go through all of it again and again.
    gc.disable()
    again: set[str] = set()
    try:
        for path in sorted(known.keys() | stats.keys()):
            if not _take(book, index, settings, path, "" if path in stats else known[path], fresh=True):
                again.add(path)
        index.finish(State(status.head, _differences(stats, again), raw))
    finally:
        gc.enable()
    book.repository.settle()
    from crmctl.services.clone import mergedriver

    mergedriver.ensure(book.places)  # This is where a clone is first looked at.
    return settings


def _for_writing(index: Index) -> Index:
    """The index, ready to be changed; a copy in memory when it cannot be, so that reading never has to wait."""
    if not index.writable or not index.begin():
        index = index.copy_to_memory()
        index.begin()
    return index


def differing(root: Path, status: Status) -> list[str]:
    """The files that differ from HEAD or that git does not know, folders gone through."""
    paths = [path for path in status.changed if _concerns(path)]
    for path in status.untracked:
        if path.endswith("/") or not path:
            if not path or path.startswith(f"{layout.RECORDS}/"):
                paths += [found for found in _walk(root, path) if _concerns(found)]
        elif _concerns(path):
            paths.append(path)
    return paths


def _concerns(path: str) -> bool:
    return path == FILE or (path.startswith(f"{layout.RECORDS}/") and path.endswith((".yaml", ".jsonl")))


def _walk(root: Path, folder: str) -> Iterable[str]:
    for where, folders, names in os.walk(root / folder):
        folders[:] = [name for name in folders if name != ".git"]
        for name in (*names, *(n for n in folders if n.endswith((".yaml", ".jsonl")))):
            yield os.path.relpath(os.path.join(where, name), root).replace(os.sep, "/")  # noqa: PTH118 - many files


def _stat(root: Path, path: str) -> list[int] | None:
    """(mtime in ns, size, inode) of a file, nothing when there is none, None for what is no plain file."""
    try:
        state = os.lstat(root / path)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        return None
    return [state.st_mtime_ns, state.st_size, state.st_ino] if stat.S_ISREG(state.st_mode) else None


def _differences(stats: _Stats, again: set[str]) -> _Stats:
    """What to note of the files that differ from HEAD, or that have to be looked at ``again``.

    A file that was changed just now may change once more without a trace in its time: that is not trusted either.
    """
    limit = clock.wall_nanoseconds() - _RACY
    noted: _Stats = dict.fromkeys(again)
    for path, state in stats.items():
        trusted = state is not None and (not state or (state[0] < limit and path not in again))
        noted[path] = state if trusted else None
    return noted


def _read_settings(root: Path) -> RawMap:
    from crmctl.store.files import read_file
    from crmctl.store.yaml_reader import read_yaml

    try:
        data, _ = read_file(root, FILE)
        return read_yaml(data, FILE).data
    except FileNotFoundError:
        raise NoBook(f"{root} has no {FILE} any more", hint=f"git checkout -- {FILE}") from None
    except InvalidData as exc:
        if exc.problems and exc.problems[0].code == "empty":
            return {}
        hint = exc.problems[0].hint if exc.problems else exc.hint
        raise NoBook(exc.message, hint=hint, problems=exc.problems) from exc


def _take(book: Book, index: Index, settings: Settings, path: str, oid: str = "", *, fresh: bool = False) -> bool:
    """Read one file of the work tree again, unless its content is the one the index has.

    ``oid`` is its content in HEAD where git saw no other. The answer is False when the file has to be looked at again
    next time though git may see no change in it then: it could not be read, or changed after git had looked at it.
    """
    from crmctl.store.files import read_file
    from crmctl.vcs.repository import blob_id

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


def is_text(path: str) -> bool:
    """Whether a path is UTF-8; bytes that are not have become half characters, which nothing can print or keep."""
    return path.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in path)


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
        problem = Problem(path, 0, 0, "missing-field", f"{kind.name} has no {missing[0]}", hint)
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
