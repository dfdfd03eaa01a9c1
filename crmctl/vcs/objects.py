"""What ``git cat-file --batch`` answers, taken apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = 200
"""No header is longer: an id, a type and a size, or the id that was asked for and ``missing``."""


def answers(output: bytes) -> Iterator[tuple[str | None, bytes]]:
    """The (id, content) of each object that was asked for by its id, in that order.

    Where git has no such object it is (None, the id that was asked for).
    """
    view = memoryview(output)
    position = 0
    while position < len(view):
        end = position + bytes(view[position : position + _HEADER]).index(b"\n")
        header = bytes(view[position:end]).split()
        position = end + 1
        if len(header) == 3:
            size = int(header[2])
            yield header[0].decode("ascii"), bytes(view[position : position + size])
            position += size + 1
        else:
            yield None, header[0]
