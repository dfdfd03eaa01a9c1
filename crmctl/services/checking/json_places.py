"""Where a value stands in a JSON text, so that a problem in a line can be pointed at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPACE = " \t\r\n"
_DECODER = json.JSONDecoder()


def place_in(text: str, path: Sequence[str | int]) -> int:
    """The index in ``text`` (valid JSON) of the key or list item that ``path`` leads to.

    What cannot be followed to its end gives the place of the last step that could; an empty path the beginning.
    """
    at = found = _skip(text, 0)
    for step in path:
        opened = text[at : at + 1]
        if opened == "{" and isinstance(step, str):
            inside = _entry(text, at, step)
        elif opened == "[" and isinstance(step, int):
            inside = _item(text, at, step)
        else:
            inside = None
        if inside is None:
            return found
        found, at = inside
    return found


def _entry(text: str, at: int, name: str) -> tuple[int, int] | None:
    """Where the key ``name`` of the object at ``at`` begins, and where its value does."""
    at = _skip(text, at + 1)
    while text[at] != "}":
        start = at
        key, at = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, at) + 1)
        if key == name:
            return start, value
        at = _behind(text, value)
    return None


def _item(text: str, at: int, number: int) -> tuple[int, int] | None:
    """Where item ``number`` of the list at ``at`` begins."""
    at = _skip(text, at + 1)
    for _ in range(number):
        if text[at] == "]":
            return None
        at = _behind(text, at)
    return None if text[at] == "]" else (at, at)


def _behind(text: str, value: int) -> int:
    """Where the next key or item begins, or the bracket that closes."""
    _, at = _DECODER.raw_decode(text, value)
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
