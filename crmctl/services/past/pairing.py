"""Which versions of records belong together in two states of a book: those with one id, whatever they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.joining.treemerge_people import identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    Key = tuple[str, str]
    Records = Mapping[Key, tuple[bytes | None, bytes | None]]
    """(kind, handle) -> the content of the file before and after, None where there was none."""


class Pair(NamedTuple):
    """A record, or the history of a customer, before and after; ``old`` is what a record was called, if otherwise."""

    kind: str
    handle: str
    before: bytes | None
    after: bytes | None
    old: str = ""


def paired(records: Records) -> Iterator[Pair]:
    """The records that differ, each with itself: also where they took handles from each other.

    A customer's history goes with them.
    """
    came = _came_from(records)
    went = {(kind, old): handle for (kind, handle), old in came.items()}
    for (kind, handle), (before, after) in records.items():
        owner = ("customer" if kind == "interaction" else kind, handle)
        goes_along = owner in went and (after is None or (kind, went[owner]) in records)
        if owner in came:
            old = came[owner]
            earlier = records.get((kind, old), (None, None))[0]
            yield Pair(kind, handle, earlier, after, old if kind != "interaction" else "")
            if before is not None and not goes_along:
                yield Pair(kind, handle, before, None)  # Whoever was called so is gone.
        else:
            yield Pair(kind, handle, None if goes_along else before, after)


def _came_from(records: Records) -> dict[Key, str]:
    """What records were called that came to their handles from another one."""
    moved = [
        (kind, handle, identity(before), identity(after))
        for (kind, handle), (before, after) in records.items()
        if kind != "interaction"
    ]
    left = {(kind, was): handle for kind, handle, was, became in moved if was and was != became}
    return {
        (kind, handle): left[kind, became]
        for kind, handle, was, became in moved
        if became != was and (kind, became) in left
    }
