"""What is wrong with a filter and where it stands in it, told with an excerpt and a suggestion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterable

_BEFORE = 40
_AFTER = 36


class Place:
    """Where a part of a filter was typed: ``text`` from ``start`` to ``end``, counted from 0.

    All places are equal, so that two trees that mean the same are equal wherever their parts stood.
    """

    __slots__ = ("end", "start", "text")

    def __init__(self, text: str = "", start: int = 0, end: int = 0) -> None:
        self.text = text
        self.start = start
        self.end = end

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"<{self.start}:{self.end}>"

    def head(self, length: int) -> Place:
        """The first ``length`` characters of the place."""
        return self if self is NOWHERE else Place(self.text, self.start, self.start + length)

    def excerpt(self) -> str:
        """The text around the place, and a line below it that points there."""
        first = max(0, self.start - _BEFORE)
        last = min(len(self.text), max(self.end, self.start + 1) + _AFTER)
        shown = "".join(c if c.isprintable() else " " for c in self.text[first:last])
        before, after = "..." if first else "", "..." if last < len(self.text) else ""
        carets = "^" * max(1, min(self.end, last) - self.start)
        return f"  {before}{shown}{after}\n  {' ' * (len(before) + self.start - first)}{carets}"


NOWHERE = Place()


class BadFilter(UsageProblem):
    """A filter, a list of fields or a sort order that cannot be understood.

    ``column`` counts from 1 and ``text`` is the argument it counts in; 0 and "" when no filter was typed. The hint
    has the ``advice`` in its first line, and under it the excerpt.
    """

    def __init__(self, reason: str, place: Place = NOWHERE, advice: str = "") -> None:
        typed = place is not NOWHERE
        lines = [advice, place.excerpt() if typed else ""]
        message = f"filter, column {place.start + 1}: {reason}" if typed else reason
        super().__init__(message, hint="\n".join(line for line in lines if line))
        self.column = place.start + 1 if typed else 0
        self.text = place.text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``Did you mean stage?``, or "" when nothing known is like ``word``."""
    # Late: only needed when something is wrong, and it costs as much as the rest of the package.
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), n=2)
    return f"Did you mean {' or '.join(close)}?" if close else ""
