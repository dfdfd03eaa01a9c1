"""The book as it was on a day: the index of an earlier commit, kept by its tree so that asking again costs nothing."""

from __future__ import annotations

import contextlib
import gc
from datetime import datetime
from datetime import time
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.index.index import Index
from crmctl.index.index import State
from crmctl.index.index import busy
from crmctl.index.index import unusable
from crmctl.model.settings import FILE
from crmctl.model.settings import read_settings
from crmctl.services.freshness import take
from crmctl.store import layout

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings
    from crmctl.services.book import Book


_PLAIN = ("100644", "100755")
_KEPT = 12
"""Past states that stay; each is as large as the index."""


class Past(NamedTuple):
    """An earlier state of a book. ``younger`` says that the book did not exist yet, and its first commit stands in."""

    book_index: Index
    settings: Settings
    commit: str
    younger: bool


def as_of(book: Book, day: date) -> Past:
    """The book at the end of ``day``, in its time zone, as git has it.

    Raises:
        NotFound: the book has no commit at all.
    """
    end = datetime.combine(day, time(23, 59, 59), book.settings.zone)
    commit = book.repository.commit_before(int(end.timestamp()))
    younger = not commit
    if younger:
        if not book.repository.head():
            raise NotFound("this book has no history yet", hint="Nothing was committed so far.")
        commit, _ = book.repository.first_commit()
    index, settings = _index_of(book, commit)
    return Past(index, settings, commit, younger)


def _index_of(book: Book, commit: str) -> tuple[Index, Settings]:
    path = book.places.own / "past" / f"{book.repository.tree(commit)}.sqlite"
    for _ in range(2):
        index, state = Index.open(path)
        if state is not None:
            return index, read_settings(state.settings)
        try:
            if index.writable and index.begin():
                settings = _fill(book, index, commit)
                _keep_few(path)
                return index, settings
            break
        except Exception as error:
            index.close()
            if not unusable(error):
                raise
            # Torn or foreign, or no room: it holds nothing that the book does not.
            if busy(error) or not Index.discard(path):
                break
    index = Index.in_memory()
    index.begin()
    return index, _fill(book, index, commit)


def _fill(book: Book, index: Index, commit: str) -> Settings:
    """Put all that stands in a commit into an empty index."""
    entries = {entry.path: entry.oid for entry in book.repository.files(commit) if entry.mode in _PLAIN}
    raw = _settings(book, entries.pop(FILE, ""))
    settings = read_settings(raw)
    index.clear(settings)
    index.use(settings)
    places = {path: layout.place_of(path, settings.schema) for path in sorted(entries)}
    wanted = [(path, place) for path, place in places.items() if place is not None]
    contents = book.repository.contents(entries[path] for path, _ in wanted)
    # Nothing of what is made here is circular, and the collector would go through all of it again and again.
    gc.disable()
    try:
        for (path, place), data in zip(wanted, contents, strict=True):
            take(index, place, path, entries[path], data, fresh=True)
        index.finish(State(commit, {}, raw))
    finally:
        gc.enable()
    return settings


def _keep_few(newest: Path) -> None:
    """Take away the days that were first asked for longest ago."""
    with contextlib.suppress(OSError):
        found = sorted(newest.parent.glob("*.sqlite"), key=lambda path: path.stat().st_mtime_ns)
        for path in found[:-_KEPT]:
            Index.discard(path)


def _settings(book: Book, oid: str) -> RawMap:
    from crmctl.store.yaml_reader import read_yaml

    try:
        data = next(book.repository.contents([oid])) if oid else b""
        return read_yaml(data, FILE).data
    except InvalidData:
        return {}
