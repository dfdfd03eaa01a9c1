"""Permission to write to people: two edits only ever tighten it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmctl.merge.outcome import Three
    from crmctl.merge.outcome import Value

_STRICT = ("withdrawn", "objected", "erased")


def stricter(three: Three) -> tuple[bool, Value]:
    """Whether one of the two entries wins, and which it is.

    The stricter state wins, whatever the dates say. A grant wins over a withdrawal only by naming it.
    """
    ours, theirs = three.ours, three.theirs
    if isinstance(ours, (str, list)) or isinstance(theirs, (str, list)):
        return False, None
    if _follows(ours, theirs):
        return True, ours
    if _follows(theirs, ours):
        return True, theirs
    left, right = _rank(ours), _rank(theirs)
    return left != right, ours if left > right else theirs


def _rank(entry: Value) -> int:
    state = _text(entry, "state").lower()
    return _STRICT.index(state) + 1 if state in _STRICT else 0


def _follows(grant: Value, other: Value) -> bool:
    """Whether ``grant`` is one that names ``other`` as the withdrawal it came after."""
    state, date = _text(other, "state").lower(), _text(other, "date")
    named = _text(grant, "follows") == f"{state} {date}"
    return named and bool(date) and state == "withdrawn" and _text(grant, "state").lower() == "granted"


def _text(entry: Value, name: str) -> str:
    found = entry.get(name) if isinstance(entry, dict) else None
    return found if isinstance(found, str) else ""
