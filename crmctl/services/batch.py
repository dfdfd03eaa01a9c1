"""Many writes as one: each sees what those before it did, and all of them become one commit, or none does."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from typing import Any
from typing import NoReturn
from typing import cast

from crmctl.errors import Conflict
from crmctl.errors import UsageProblem
from crmctl.services import indexing
from crmctl.services.book import Book

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator

    from crmctl.index.index import Index
    from crmctl.model.settings import Settings
    from crmctl.store.transaction import Transaction

PENDING = "pending"
"""What stands for the id of a commit that a part of a batch asked for."""


class BatchBook(Book):
    """A book whose writes are collected in ``whole``, a transaction of the real one; its index is a copy in memory."""

    def __init__(self, book: Book, whole: Transaction) -> None:
        super().__init__(book.root, places=book.places)
        self._own: tuple[Index, Settings] = book.hand_over()
        self._own[0].use(self._own[1])
        self._whole = whole
        self.messages: list[str] = []

    @property
    def _refreshed(self) -> tuple[Index, Settings]:
        return self._own

    @property
    def was_read(self) -> bool:
        """Never: what cannot be read was told of by the book itself."""
        return False

    def refresh(self) -> None:
        """Nothing to do: the index has been told of every write."""

    @contextmanager
    def write(self, purpose: str, *, adopt: bool = False, wait: float | None = None) -> Iterator[Transaction]:
        """A part of the whole, used as any other transaction is."""
        del purpose, wait
        self._whole.adopt |= adopt
        yield cast("Transaction", Part(self, self._whole))

    def done(self, message: str, files: dict[str, bytes | None]) -> None:
        """Note what a part did, and have the index know it."""
        self.messages.append(message)
        indexing.take_files(self, *self._own, files)


class Part:
    """What one command of a batch sees as its transaction."""

    def __init__(self, book: BatchBook, whole: Transaction) -> None:
        self.root = whole.root
        self.adopted: list[str] = []
        self.kept: list[str] = []
        self.restored: list[str] = []
        self.watch: Callable[[list[str]], Iterable[str]] = iter
        self._book = book
        self._whole = whole
        self._before: dict[str, bytes | None] = {}

    @property
    def paths(self) -> list[str]:
        """The paths that differ from what stood there before this command."""
        return [path for path, data in self._before.items() if self._whole.read(path) != data]

    def read(self, path: str) -> bytes | None:
        """What stands at ``path``, or was put there by a command before."""
        return self._whole.read(path)

    def removes(self, path: str) -> bool:
        """Whether the batch takes away what stands at ``path``."""
        return self._whole.removes(path)

    def put(self, path: str, data: bytes) -> None:
        """Have ``data`` stand at ``path``.

        Raises:
            Conflict: an earlier command of the batch took another record away from there. In one commit they would be
                one record whose id changed, which no clone and no hook takes in.
        """
        if self.removes(path) and not self._whole.is_same_record(path, data):
            raise Conflict(
                f"{path} is removed by this batch, so no other record can be put there in it",
                hint="Add the other one in a change of its own, or with another --handle.",
            )
        self._before.setdefault(path, self._whole.read(path))
        self._whole.put(path, data)

    def remove(self, path: str) -> None:
        """Have nothing stand at ``path``."""
        self._before.setdefault(path, self._whole.read(path))
        self._whole.remove(path)

    def commit(self, message: str, **history: Any) -> str:
        """Note what this command did; ``PENDING``, or "" when nothing would change."""
        if any(history.values()):
            refuse("what changes the history")
        changed = {path: self._whole.read(path) for path in self.paths}
        if not changed:
            return ""
        self._book.done(message, changed)
        return PENDING


def refuse(what: str) -> NoReturn:
    """Say that a command has no place in a batch."""
    raise UsageProblem(f"{what} cannot be part of a batch", hint="Run it on its own.")


def check_subject(book: Book, whole: Transaction, subject: str) -> None:
    """Let a commit's subject pass that a person typed.

    Raises:
        UsageProblem: it has an address or number of a record that changes, which would stay in the history for good.
    """
    from crmctl.services.checking.message import check_words

    def contents() -> Iterator[tuple[str, bytes]]:
        paths = whole.paths
        before = book.repository.blobs(book.repository.head(), paths)
        yield from zip(before, book.repository.contents(before.values()), strict=True)
        yield from ((path, data) for path in paths if (data := whole.read(path)) is not None)

    for problem in check_words(subject, contents()):
        raise UsageProblem(problem.message.replace("the commit message", "--message"), hint=problem.hint)


def message_of(messages: list[str], subject: str = "") -> str:
    """The message of the commit: ``subject``, or what was done, with a line for each command when there are several."""
    if len(messages) == 1:
        return subject or messages[0]
    return "\n".join([subject or f"batch: {len(messages)} changes", "", *messages])
