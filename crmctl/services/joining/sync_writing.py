"""How a sync changes a book: in one commit of two parents, or by going on to a commit of the others."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.joining.treemerge_units import from_top
from crmctl.store import layout
from crmctl.vcs.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.services.book import Book
    from crmctl.services.joining.treemerge import TreeMerge
    from crmctl.store.transaction import Transaction
    from crmctl.vcs.places import Places


class Joined(NamedTuple):
    """HEAD after it, what was merged (None when nothing had to be), and files that kept an edit made by hand."""

    head: str
    merge: TreeMerge | None
    kept: tuple[str, ...] = ()


class _Steady(Repository):
    """A repository that takes HEAD for ``steady``: what is derived from one commit must not be built on another."""

    steady = ""

    def head(self) -> str:
        """The commit that things are built on; where HEAD is another one by now, it will not be moved."""
        return self.steady or super().head()


def write(book: Book, head: str, theirs: str, merge: TreeMerge, *, follow: bool) -> Joined:
    """Make what ``merge`` of ``head`` and ``theirs`` came to HEAD; ``follow`` says that it may be ``theirs`` itself.

    Raises:
        BranchMoved: HEAD is another commit than ``head`` by now.
        Conflict, StorageFailed: as ``Transaction.commit``.
    """
    # The other side may have changed files beside the book.
    beside = any(path.startswith("../") for path in merge.files)
    tx, prefix = (_beside(book, head), book.places.prefix) if beside else (_transaction(book.places, head), "")
    message = f"sync: merge {_counted(merge)}"
    if follow and book.repository.descends(theirs, head):
        tx.advance_to(theirs, message)
        return Joined(theirs, merge, tuple(tx.kept))
    for path, data in merge.files.items():
        full = from_top(path, prefix)
        if data is None:
            tx.remove(full)
        else:
            tx.put(full, data)
    return Joined(tx.commit(message, merging=theirs), merge, tuple(tx.kept))


def _counted(merge: TreeMerge) -> str:
    """How many records a merge changes; files, where it changes no record."""
    records = sum(1 for path in merge.files if path.startswith(f"{layout.RECORDS}/"))
    count, noun = (records, "record") if records else (len(merge.files), "file")
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@contextmanager
def locked(book: Book, wait: float | None) -> Iterator[None]:
    """Hold the book's lock.

    Raises:
        Locked: somebody else held it for ``wait`` seconds.
    """
    from crmctl.store import lock

    with lock.locked(book.places.shared / "lock", "sync", lock.WAIT if wait is None else wait, book.tell_waiting):
        yield


def recover(book: Book, wait: float | None) -> None:
    """Finish what an interrupted write left."""
    with book.write("sync", wait=wait):
        pass


def _beside(book: Book, head: str = "") -> Transaction:
    """A transaction on the whole repository."""
    return _transaction(book.places._replace(book=book.places.top, prefix=""), head)


def _transaction(places: Places, head: str) -> Transaction:
    from crmctl.store.transaction import Transaction

    repository = _Steady(places)
    tx = Transaction(places.book, places.own, repository, repository.blob_id)
    repository.steady = head
    return tx
