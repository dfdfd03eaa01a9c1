"""An open book: its settings, its index (brought up to date when first asked), and the way to write to it."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import NoBook
from crmctl.model.settings import FILE
from crmctl.vcs import places as vcs_places
from crmctl.vcs.status import Probe

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from datetime import datetime
    from datetime import tzinfo
    from pathlib import Path

    from crmctl.errors import Problem
    from crmctl.index.index import Index
    from crmctl.model.fields import Kind
    from crmctl.model.schema import Schema
    from crmctl.model.settings import Settings
    from crmctl.model.values import Context
    from crmctl.services.bookfiles import Files
    from crmctl.store.transaction import Transaction
    from crmctl.vcs.places import Places
    from crmctl.vcs.repository import Repository


def find_book(start: Path, *, exact: bool) -> Path:
    """The folder of the book: ``start`` itself when ``exact``, otherwise the nearest parent with a ``crm.yaml``.

    Raises:
        NoBook: there is none.
    """
    start = start.absolute()
    for folder in (start,) if exact else (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    if vcs_places.is_bare(start):
        raise NoBook(f"{start} is a bare repository: it has no files to look at", hint="Clone it, and use the clone.")
    if exact:
        hint = f"Make one: crmctl init {start}" if not start.exists() else "A book is a folder with a crm.yaml in it."
        raise NoBook(f"there is no book at {start}", hint=hint)
    raise NoBook(
        f"there is no book here: neither {start} nor a folder above it has a {FILE}",
        hint="Make one (crmctl init DIR), or say where it is (crmctl -C DIR, or $CRMCTL_BOOK).",
    )


_SLACK = 50_000_000
"""File systems stamp times with a clock that may be this many nanoseconds late."""


class Book:
    """A book at ``root``. Nothing is read before it is asked for; ``probe`` may have been started already.

    A file stamped later than ``since`` may have changed after git looked at it. ``revision`` is where the history that
    the book tells of ends, in git's words. ``tell_waiting`` gets words while another crmctl keeps a write waiting.
    """

    revision = "HEAD"
    tell_waiting: Callable[[str], None] | None = None

    def __init__(self, root: Path, probe: Probe | None = None, places: Places | None = None) -> None:
        self.root = root
        self.since = clock.wall_nanoseconds() - _SLACK
        self._places = places
        self._probe = probe

    @cached_property
    def places(self) -> Places:
        """Where the repository keeps its things."""
        return self._places or vcs_places.find(self.root)

    @cached_property
    def repository(self) -> Repository:
        """The repository around the book."""
        from crmctl.vcs.repository import Repository

        return Repository(self.places)

    @cached_property
    def files(self) -> Files:
        """The files as they stand in the book."""
        from crmctl.services.bookfiles import WorkTree

        return WorkTree(self.root)

    @property
    def commit(self) -> str:
        """The commit that the book stands on, "" before the first; there may be changes on top of it."""
        return self.probe.result().head

    @property
    def probe(self) -> Probe:
        """The question to git what differs from HEAD; asked once."""
        if self._probe is None:
            self._probe = Probe(self.root, self.places.prefix)
        return self._probe

    @cached_property
    def _refreshed(self) -> tuple[Index, Settings]:
        from crmctl.services import freshness

        return freshness.refreshed(self)

    @property
    def index(self) -> Index:
        """The index, as fresh as the work tree was when this process asked git."""
        return self._refreshed[0]

    @property
    def settings(self) -> Settings:
        """The settings in ``crm.yaml``."""
        return self._refreshed[1]

    @property
    def schema(self) -> Schema:
        """The kinds of this book."""
        return self.settings.schema

    @property
    def context(self) -> Context:
        """What values are read against."""
        return self.settings.context

    @property
    def sharded(self) -> bool:
        """Whether records stand in folders named by the ends of their handles."""
        return self.settings.layout == "sharded"

    def now(self) -> datetime:
        """The present moment in the book's time zone (or the one that ``--now`` says)."""
        return self.now_in(self.settings.zone)

    def now_in(self, zone: tzinfo) -> datetime:
        """The same in ``zone``, without a look at the settings."""
        return clock.now(zone)

    @property
    def was_read(self) -> bool:
        """Whether this run has looked into the book."""
        return "_refreshed" in self.__dict__

    def left_out(self) -> frozenset[str]:
        """The committed files that this work tree leaves out (``git sparse-checkout``): missing, and not removed."""
        if self.revision != "HEAD" or not (self.places.git_dir / "info/sparse-checkout").exists():
            return frozenset()
        from crmctl.vcs import gitindex

        return gitindex.left_out(self.places)

    def called_then(self, _kind: Kind, _handle: str) -> str:
        """In a book as it was, the handle that a record of the present had; "" where that is not another one."""
        return ""

    def unreadable(self) -> list[Problem]:
        """Records that could not be read; everything else works without them."""
        return self.index.problems()

    def refresh(self) -> None:
        """Look at the work tree again, after a write."""
        if self.was_read:
            self.index.close()
            del self.__dict__["_refreshed"]
        if self._probe is not None:
            self._probe.stop()
        self._probe = None

    def hand_over(self) -> tuple[Index, Settings]:
        """The index as a copy in memory, and the settings, for somebody else; this book looks anew when asked again."""
        index, settings = self._refreshed
        del self.__dict__["_refreshed"]
        self._probe = None
        return index.copy_to_memory(), settings

    def discard_damaged_index(self, error: BaseException) -> bool:
        """Throw the index away if ``error`` says that it is damaged; whether that was it."""
        from crmctl.services import freshness

        return freshness.discard_damaged(self, error)

    @contextmanager
    def write(self, purpose: str, *, adopt: bool = False, wait: float | None = None) -> Iterator[Transaction]:
        """Hold the book's lock and collect changes; ``commit`` of the transaction makes them real.

        Raises:
            Locked, Conflict, StorageFailed: the book cannot be written now.
        """
        from crmctl.services.clone import mergedriver
        from crmctl.services.clone import trust
        from crmctl.store.lock import WAIT
        from crmctl.store.lock import locked
        from crmctl.store.transaction import Transaction

        mergedriver.ensure(self.places)  # First, so that an older one of ours is not taken for a stranger.
        trust.require(self.places)
        with locked(self.places.shared / "lock", purpose, WAIT if wait is None else wait, self.tell_waiting):
            if self.places.prefix:
                _finish_beside(self.places)
            yield Transaction(self.root, self.places.own, self.repository, self.repository.blob_id, adopt=adopt)


def _finish_beside(places: Places) -> None:
    """Finish a sync that died while it changed files beside the book: its note is one of the whole repository."""
    from crmctl.store import journal
    from crmctl.store.transaction import Transaction
    from crmctl.vcs.repository import Repository

    whole = places._replace(book=places.top, prefix="")
    if journal.read(whole.own) is not None:
        repository = Repository(whole)
        Transaction(whole.book, whole.own, repository, repository.blob_id)
