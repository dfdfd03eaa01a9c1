"""Bringing the index up to date: ask git what changed, read just those files again."""

from __future__ import annotations

import gc
import os
import stat
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import NoBook
from crmctl.index import connecting
from crmctl.index.index import Index
from crmctl.index.index import State
from crmctl.model.settings import FILE
from crmctl.model.settings_reading import read_settings
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import TypeAlias

    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings
    from crmctl.services.book import Book
    from crmctl.vcs.status import Status

    _Stats: TypeAlias = dict[str, list[int] | None]

_RACY = 2_000_000_000
"""A file changed within this many nanoseconds may change again without a trace in its time."""

SPARSE = "/sparse-checkout"
"""What stands for the settings of ``git sparse-checkout`` among the files; no path in a book begins like that."""


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
            if not connecting.unusable(error):
                raise
            # Torn or foreign: it holds nothing that the book does not.
            if connecting.busy(error) or not connecting.discard(path):
                break
    return _refreshed(book, Index.in_memory(), None)


def index_path(book: Book) -> Path:
    """Where the index of a book stands."""
    return book.places.own / "index.sqlite"


def discard_damaged(book: Book, error: BaseException) -> bool:
    """Take the index away if it is the reason for ``error``, so that the next command makes a new one."""
    return connecting.damaged(error) and connecting.discard(index_path(book))


def _refreshed(book: Book, index: Index, state: State | None) -> tuple[Index, Settings]:
    status = book.probe.result()
    stats = {path: _stat(book.root, path) for path in differing(book.root, status)}
    stats.update(_sparse(book))
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


def _to_look_at(book: Book, state: State, status: Status, stats: _Stats) -> set[str] | None:
    """The files that may differ from what the index has; None when that cannot be told."""
    if state.dirty.get(SPARSE) != stats.get(SPARSE):
        return None  # Other files are here now, and neither HEAD nor git's status tells.
    paths = {*state.dirty, *stats} - {SPARSE}
    if state.head == status.head:
        return paths
    moved = book.repository.changes(state.head, status.head) if state.head and status.head else None
    return None if moved is None else paths.union(moved)


def _take_all(book: Book, index: Index, settings: Settings, paths: set[str]) -> set[str]:
    """Read ``paths`` again; what comes back has to be looked at once more next time."""
    from crmctl.services import indexing

    return indexing.take_all(index, settings, paths, lambda path: indexing.take_path(book, index, settings, path))


def _rebuild(book: Book, index: Index, status: Status, stats: _Stats) -> Settings:
    from crmctl.services import indexing
    from crmctl.services.clone import mergedriver

    raw = _read_settings(book.root)
    settings = read_settings(raw)
    index.clear(settings)
    index.use(settings)
    known = {entry.path: entry.oid for entry in book.repository.files(status.head)} if status.head else {}
    # Nothing of what is made here is circular, and the collector would go through all of it again and again.
    gc.disable()
    try:
        again = indexing.take_fresh(book, index, settings, known | dict.fromkeys(stats.keys() - {SPARSE}, ""))
        index.finish(State(status.head, _differences(stats, again), raw))
    finally:
        gc.enable()
    book.repository.settle()
    mergedriver.ensure(book.places)  # This is where a clone is first looked at.
    return settings


def _sparse(book: Book) -> _Stats:
    """The state of what decides which files a sparse work tree leaves out; nothing, where there is no such thing."""
    places = book.places
    found = _stat(places.git_dir, "info/sparse-checkout")
    if not found:
        return {}
    for folder, name in ((places.git_dir, "config.worktree"), (places.common_dir, "config")):
        found = [*found, *(_stat(folder, name) or ())]
    return {SPARSE: found}


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
