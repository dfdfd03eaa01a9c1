"""The index of an earlier state, kept by the id of its content; made from that of a state near by if it can be."""

from __future__ import annotations

import contextlib
import gc
import os
from functools import partial
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import NoBook
from crmctl.errors import Problem
from crmctl.index import connecting
from crmctl.index.index import Index
from crmctl.index.index import State
from crmctl.model.settings import FILE
from crmctl.model.settings_reading import read_settings
from crmctl.services.ahead import ahead
from crmctl.services.freshness import SPARSE
from crmctl.services.freshness import index_path
from crmctl.services.indexing import is_text
from crmctl.services.indexing import parsed
from crmctl.services.indexing import put
from crmctl.services.indexing import take
from crmctl.services.indexing import take_all
from crmctl.services.past.beginning import without_settings
from crmctl.store import layout
from crmctl.vcs.trees import FILES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from pathlib import Path

    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings
    from crmctl.services.book import Book
    from crmctl.services.indexing import Parsed
    from crmctl.vcs.repository import Entry

_KEPT = 12
"""Past states that stay; each is as large as the index."""
_CANDIDATES = 2
_FAR = 3000
"""From so many differing files on, another state's index is no help."""
_HOUR = 3600 * 10**9


def path_of(book: Book, tree: str) -> Path:
    """Where the index of a state stands."""
    return book.places.own / "past" / f"{tree}.sqlite"


def index_of(book: Book, commit: str, tree: str) -> tuple[Index, Settings]:
    """The index of a commit with the content ``tree``, and its settings.

    Raises:
        NotFound: there is no book in it.
    """
    path = path_of(book, tree)
    for _ in range(2):
        index, state = Index.open(path)
        if state is not None:
            return index, read_settings(state.settings)
        try:
            if not index.writable:
                break
            nearest = _nearest(book, commit, path)
            if nearest is not None and _grown(book, nearest, commit, path):
                index.close()
                continue
            if index.begin():
                settings = _fill(book, index, commit)
                _keep_few(path)
                return index, settings
            break
        except Exception as error:
            index.close()
            if not connecting.unusable(error):
                raise
            # Torn or foreign, or no room: it holds nothing that the book does not.
            if connecting.busy(error) or not connecting.discard(path):
                break
    index = Index.in_memory()
    index.begin()
    return index, _fill(book, index, commit)


class _Near(NamedTuple):
    """An index of another state, and the files by which that state differs from the one that is wanted."""

    path: Path
    settings: RawMap
    changed: set[str]


def _nearest(book: Book, commit: str, path: Path) -> _Near | None:
    """The index that is the least work to make the wanted one from: the present's, or one of the latest past ones."""
    past = sorted(path.parent.glob("*.sqlite"), key=lambda found: found.stat().st_mtime_ns, reverse=True)
    found: list[_Near] = []
    for candidate in (index_path(book), *past[:_CANDIDATES]):
        if candidate == path or not candidate.is_file():
            continue
        index, state = Index.open(candidate)
        index.close()
        changed = book.repository.changes(state.head, commit) if state is not None and state.head else None
        if state is not None and changed is not None and SPARSE not in state.dirty:  # Such a one lacks records.
            found.append(_Near(candidate, state.settings, {*changed, *state.dirty}))
    best = min(found, key=lambda near: len(near.changed), default=None)
    return None if best is None or FILE in best.changed or len(best.changed) > _FAR else best


def _grown(book: Book, near: _Near, commit: str, path: Path) -> bool:
    """Make the index at ``path`` from a copy of another one; whether that could be done.

    It is made beside it, for half of it would be taken for the whole.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    index, _ = Index.open(fresh)
    try:
        source, _ = Index.open(near.path)
        copied = source.copy_to(index)
        source.close()
        if not copied or index.state() is None or not index.begin():
            return False
        _change(book, index, near, commit)
        index.close()
        fresh.replace(path)
        _keep_few(path)
        return True
    except OSError:
        return False
    finally:
        index.close()
        connecting.discard(fresh)


def _change(book: Book, index: Index, near: _Near, commit: str) -> None:
    """Read again what differs from the state that the index is of."""
    settings = read_settings(near.settings)
    index.use(settings)
    entries = {entry.path: entry for entry in book.repository.files(commit)}
    wanted = [entries[path] for path in near.changed if path in entries and _is_readable(entries[path])]
    contents = dict(zip(wanted, book.repository.contents(entry.oid for entry in wanted), strict=True))

    def take_one(path: str) -> bool:
        place, entry = layout.place_of(path, settings.schema), entries.get(path)
        if place is None:
            return True
        index.forget(_shown(path))
        if entry is not None and _is_readable(entry):
            data = contents.get(entry)
            take(index, place, path, entry.oid, next(book.repository.contents([entry.oid])) if data is None else data)
        elif entry is not None:
            _put_unreadable(index, place, entry)
        return True

    take_all(index, settings, near.changed, take_one)
    index.finish(State(commit, {}, near.settings))


def _fill(book: Book, index: Index, commit: str) -> Settings:
    """Put all that stands in a commit into an empty index.

    Raises:
        NotFound: there is no book in it.
    """
    entries = {entry.path: entry for entry in book.repository.files(commit)}
    if FILE not in entries:
        raise without_settings(book, commit)
    raw = _settings(book, entries.pop(FILE))
    settings = read_settings(raw)
    index.clear(settings)
    index.use(settings)
    places = {path: layout.place_of(path, settings.schema) for path in sorted(entries)}
    wanted = [(entries[path], place) for path, place in places.items() if place is not None]
    # Nothing of what is made here is circular, and the collector would go through all of it again and again.
    gc.disable()
    try:
        for (entry, place), found in zip(wanted, ahead(partial(_parsed, book), wanted), strict=True):
            if found is None:
                _put_unreadable(index, place, entry)
            else:
                put(index, place, entry.path, entry.oid, found)
        index.finish(State(commit, {}, raw))
    finally:
        gc.enable()
    return settings


def _parsed(book: Book, wanted: Iterable[tuple[Entry, layout.Place]]) -> Iterator[Parsed | None]:
    """What stands in each of the files; None for one that cannot be read."""
    contents = book.repository.contents(entry.oid for entry, _ in wanted if _is_readable(entry))
    for entry, place in wanted:
        yield parsed(place.kind, entry.path, next(contents)) if _is_readable(entry) else None


def _keep_few(newest: Path) -> None:
    """Take away the days that were first asked for longest ago."""
    with contextlib.suppress(OSError):
        found = sorted(newest.parent.glob("*.sqlite"), key=lambda path: path.stat().st_mtime_ns)
        for path in found[:-_KEPT]:
            connecting.discard(path)
        for path in newest.parent.glob("*.sqlite.*"):  # Of a run that was killed.
            if path.stat().st_mtime_ns < clock.wall_nanoseconds() - _HOUR:
                path.unlink()


def _is_readable(entry: Entry) -> bool:
    return entry.mode in FILES and is_text(entry.path)


def _put_unreadable(index: Index, place: layout.Place, entry: Entry) -> None:
    """Note what stands where a record should be, as the index of the work tree does."""
    path, handle = _shown(entry.path), _shown(place.handle)
    if is_text(entry.path):
        told = "not-a-file", "a symbolic link stands where a record should be", "Put a plain file there."
    else:
        told = "bad-handle", "the file's name is not UTF-8", "Rename it with git mv."
    index.put_problems(path, "", place.kind, handle, [Problem(path, 0, 0, *told)])


def _shown(path: str) -> str:
    """A path in a spelling that can be kept, whatever bytes it has."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _settings(book: Book, entry: Entry) -> RawMap:
    from crmctl.store.yaml_reader import read_yaml

    try:
        data = next(book.repository.contents([entry.oid])) if entry.mode in FILES else b""
        return read_yaml(data, FILE).data
    except InvalidData as exc:
        if exc.problems and exc.problems[0].code == "empty":
            return {}
        hint = "Look at another day or commit; this one cannot be understood without its settings."
        raise NoBook(f"as it was then, {exc.message}", hint=hint) from exc


def discard_damaged(book: Book, tree: str, error: BaseException) -> bool:
    """Take the index of a state away if it is the reason for ``error``, so that the next command makes a new one."""
    return connecting.damaged(error) and connecting.discard(path_of(book, tree))
