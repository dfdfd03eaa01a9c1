"""Texts of several lines, merged line by line."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Sequence

MAX_WORK = 20_000_000
"""How many comparisons difflib may need (0.3 s). Beyond that, all that differs is one change."""


class Change(NamedTuple):
    """Lines ``start`` to ``end`` (exclusive) of the base become ``lines``."""

    start: int
    end: int
    lines: tuple[str, ...]


class Region(NamedTuple):
    """Changes that touch each other: ``end`` is where the last of them ends in the base."""

    end: int
    ours: tuple[Change, ...]
    theirs: tuple[Change, ...]


class Texts(NamedTuple):
    """A text in three states, taken apart: the lines of the base, and what the two sides changed."""

    lines: list[str]
    regions: list[Region]

    def merged(self) -> str | None:
        """The base with the changes of both sides; None when some of them touch and are not the same."""
        if any(region.ours and region.theirs and region.ours != region.theirs for region in self.regions):
            return None
        return self._with(change for region in self.regions for change in region.ours or region.theirs)

    def woven(self, prefer: str = "") -> str | None:
        """The same, but changes that only touch are put beside each other: fit for what is read again afterwards.

        Where changes overlap, those of the side ``prefer`` ("ours" or "theirs") are made; without one, None.
        """
        made: list[Change] = []
        for region in self.regions:
            changes: Sequence[Change] = sorted({*region.ours, *region.theirs})
            if any(after.start < before.end for before, after in pairwise(changes)):
                if not prefer:
                    return None
                changes = region.ours if prefer == "ours" else region.theirs
            made += changes
        return self._with(made)

    def _with(self, changes: Iterable[Change]) -> str:
        found: list[str] = []
        position = 0
        for start, end, lines in changes:
            found += self.lines[position:start]
            found += lines
            position = end
        return "".join(found + self.lines[position:])


def take_apart(base: str, ours: str, theirs: str) -> Texts:
    """What two sides did to the lines of ``base``."""
    lines, ours_lines, theirs_lines = (_split(text) for text in (base, ours, theirs))
    return Texts(lines, list(_regions(_changes(lines, ours_lines), _changes(lines, theirs_lines))))


def _split(text: str) -> list[str]:
    """The lines of ``text``, each with the line feed that ends it."""
    *lines, last = text.split("\n")
    found = [f"{line}\n" for line in lines]
    return [*found, last] if last else found


def _regions(ours: Iterable[Change], theirs: Iterable[Change]) -> Iterator[Region]:
    """All changes, in order; those that touch or overlap together."""
    region: Region | None = None
    for change, is_ours in sorted([*((change, True) for change in ours), *((change, False) for change in theirs)]):
        left, right = ((change,), ()) if is_ours else ((), (change,))
        if region is not None and change.start <= region.end:
            region = Region(max(region.end, change.end), (*region.ours, *left), (*region.theirs, *right))
            continue
        if region is not None:
            yield region
        region = Region(change.end, left, right)
    if region is not None:
        yield region


def _changes(base: list[str], side: list[str]) -> list[Change]:
    """What turns ``base`` into ``side``, in order; no two of them touch."""
    start = _alike(base, side)
    old, new = base[start:], side[start:]
    end = _alike(old[::-1], new[::-1])
    old, new = old[: len(old) - end], new[: len(new) - end]
    if not old and not new:
        return []
    if set(old).isdisjoint(new) or _work(old, new) > MAX_WORK:
        return [Change(start, start + len(old), tuple(new))]
    from difflib import SequenceMatcher

    return [
        Change(start + i, start + i_end, tuple(new[j:j_end]))
        for tag, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if tag != "equal"
    ]


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines the two have in common at the beginning."""
    for number, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return number
    return min(len(one), len(other))


def _work(old: Sequence[str], new: Sequence[str]) -> int:
    """About how many comparisons difflib needs at worst."""
    counts = Counter(new)
    return (len(old) + len(new) + sum(counts[line] for line in old)) * min(len(old), len(new))
