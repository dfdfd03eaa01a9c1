"""Lists whose entries are told apart by a text: which entries stay, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container
    from collections.abc import Iterable
    from collections.abc import Sequence


def members(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> set[str]:
    """The entries of a merged set: those that all three have, and those that either side added."""
    old, left, right = set(base), set(ours), set(theirs)
    return (old & left & right) | (left - old) | (right - old)


def common(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[str] | None:
    """The entries of all three lists, in the order of the side that reordered them.

    None when both sides did, in different ways.
    """
    stay = set(base) & set(ours) & set(theirs)
    old, left, right = ([entry for entry in side if entry in stay] for side in (base, ours, theirs))
    if left in (old, right):
        return right
    return left if right == old else None


def arranged(wanted: Container[str], order: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """The entries ``wanted`` of two lists without repeats.

    ``order`` is what ``common`` gave; any other entry stands behind the one of those that it stood behind on its side,
    and where both sides have such entries at one place, their runs stand in the order of their text.
    """
    runs = [_runs(side, order, wanted) for side in (ours, theirs)]
    found: list[str] = []
    for place in (None, *order):
        found += [] if place is None else [place]
        for run in sorted(side[place] for side in runs if place in side):
            found += run
    return [entry for entry in dict.fromkeys(found) if entry in wanted]


def _runs(side: Iterable[str], order: Iterable[str], wanted: Container[str]) -> dict[str | None, list[str]]:
    """The entries of ``side`` that do not stay but are ``wanted``, by the staying entry before them."""
    runs: dict[str | None, list[str]] = {}
    place: str | None = None
    kept = set(order)
    for entry in side:
        if entry in kept:
            place = entry
        elif entry in wanted:
            runs.setdefault(place, []).append(entry)
    return runs
