"""Names and ids for the records that an import makes: many at once, none twice, in the order of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.model import ids
from crmctl.services import absent
from crmctl.services import records
from crmctl.services.importing.cells import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.fields import Kind
    from crmctl.services.book import Book

_PAIRS = tuple(ids.encode_ulid(number)[-2:] for number in range(1024))
"""Two letters of a ULID for each ten bits."""


def id_sequence() -> Iterator[str]:
    """ULIDs that sort as they were made: the present millisecond, a counter of 24 bits, and 56 random bits.

    Source: the ULID specification allows any order within a millisecond; this one keeps rows of a file in theirs.
    """
    time = ids.encode_ulid(clock.milliseconds() << 80)[:10]
    count = 0
    while True:
        noise = clock.randomness(7 * 1024)
        for at in range(0, len(noise), 7):
            rest = (count & 0xFFFFFF) << 56 | int.from_bytes(noise[at : at + 7], "big")
            count += 1
            letters = [_PAIRS[rest >> shift & 1023] for shift in (70, 60, 50, 40, 30, 20, 10, 0)]
            yield time + "".join(letters)


class Handles:
    """The handles of one kind that are in use, in the book or by a row of the file."""

    def __init__(self, book: Book, kind: Kind) -> None:
        self._kind = kind
        self._random = book.settings.handles == "random"
        # What stands in a file that could not be read is taken too, and so is the name of a customer who has gone but
        # whose history is still there: nobody may inherit that.
        kinds = (kind.name, "interaction" if kind.name == "customer" else kind.name)
        rows = book.index.connection.execute("SELECT handle FROM files WHERE kind IN (?, ?)", kinds)
        self._taken = {str(row[0]).lower() for row in rows} | absent.handles(book, kind)
        self._next: dict[str, int] = {}

    def take(self, handle: str) -> str:
        """Use the very handle that the file says. Raises ``Refused`` when that cannot be."""
        problem = ids.handle_problem(handle)
        if problem:
            raise Refused(f"{handle!r} cannot be a handle: {problem}")
        if handle in self._taken:
            raise Refused(f"there is a {self._kind.name} {handle} already")
        self._taken.add(handle)
        return handle

    def free(self, title: str, *, said: bool) -> str:
        """A handle made from ``title``, numbered if that is in use; ``said`` keeps it from being random."""
        if self._random and not said:
            base = records.random_handle(self._kind)
        elif not ids.handle_problem(title):
            base = title
        else:
            base = ids.handle_from(title) or records.random_handle(self._kind)
        handle, number = base, self._next.get(base, 1)
        while handle in self._taken:
            number += 1
            handle = f"{base[: ids.MAX_HANDLE - len(str(number)) - 1]}-{number}"
        self._next[base] = number
        self._taken.add(handle)
        return handle
