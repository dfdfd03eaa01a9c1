"""The index brought up to date beside the commit: a second process takes in what is being written.

A large import spends half its time in git and the file system and half in the index. Neither waits for the other: the
index is made from the contents that are about to be committed, and kept only once they are. Should anything go wrong
here, nothing is lost, because the next look at the index makes it agree with the book in the usual way.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING
from typing import NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.services.book import Book

MANY = 1_000
"""A process of its own is worth its while from so many files on."""


class Feed:
    """The second process, which waits to be told that the commit was made."""

    def __init__(self, process: int, pipe: int) -> None:
        self._process = process
        self._pipe = pipe

    def finish(self, commit: str) -> None:
        """Have the index kept as that of ``commit``, or given up when it is ""; back when the process has ended."""
        try:
            os.write(self._pipe, commit.encode())
        except BrokenPipeError:
            pass  # It has given up already.
        finally:
            os.close(self._pipe)
            os.waitpid(self._process, 0)


def start(book: Book, head: str, files: Mapping[str, bytes]) -> Feed | None:
    """Begin to take ``files``, which are to become the child of the commit ``head``, into the index of ``book``.

    The book's own connection to the index is closed. None where it is not worth it, or cannot be done.
    """
    if len(files) < MANY or not hasattr(os, "fork") or threading.active_count() > 1:
        return None
    book.refresh()
    receive, send = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(send)
        _take_in(book, head, files, receive)
    os.close(receive)
    return Feed(process, send)


def _take_in(book: Book, head: str, files: Mapping[str, bytes], pipe: int) -> NoReturn:
    """All of the second process. It ends here whatever happens, and says nothing: its words are nobody's."""
    try:
        _fill(book, head, files, pipe)
    except BaseException:  # noqa: BLE001 - also Ctrl-C: what is not kept is rolled back by SQLite
        os._exit(1)
    os._exit(0)


def _fill(book: Book, head: str, files: Mapping[str, bytes], pipe: int) -> None:
    import gc

    from crmctl.index.index import Index
    from crmctl.index.index import State
    from crmctl.model.settings_reading import read_settings
    from crmctl.services import freshness
    from crmctl.services import indexing
    from crmctl.store import layout
    from crmctl.vcs.objects import blob_id

    gc.disable()
    index, _ = Index.open(freshness.index_path(book))
    if not index.writable or not index.begin():
        return
    state = index.state()
    if state is None or state.head != head or state.dirty or index.contested():
        return
    settings = read_settings(state.settings)
    index.use(settings)
    for path in sorted(files):
        place = layout.place_of(path, settings.schema)
        if place is not None:
            indexing.take(index, place, path, blob_id(files[path]), files[path])
    if index.displaced():
        return
    commit = os.read(pipe, 100).decode()
    if commit:
        # What was taken in are the contents of the commit themselves, so no file has to be looked at again.
        index.finish(State(commit, {}, state.settings))
