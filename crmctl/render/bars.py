"""Bars for a column of numbers, in block characters or plain ASCII."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable
    from collections.abc import Sequence

_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_FULL = "█"
_BELOW = "▒"


def bars(
    values: Sequence[int | None],
    width: int,
    ascii: bool = False,  # noqa: A002  # the word everybody knows
    *,
    groups: Sequence[Hashable] | None = None,
) -> list[str]:
    """A bar for each value, at most ``width`` characters long, the largest of a group filling it.

    Values of different ``groups`` (currencies) are not compared. Blocks are drawn to an eighth of a character; in
    ASCII to a whole one. What is not zero shows at least the smallest mark. Negative values have bars of another
    character. None and zero have none. No padding.
    """
    keys: Sequence[Hashable] = groups if groups is not None else [None] * len(values)
    largest: dict[Hashable, int] = {}
    for key, value in zip(keys, values, strict=True):
        largest[key] = max(largest.get(key, 0), abs(value or 0))
    return [
        _bar(value, largest[key], width, ascii) if value and width > 0 else ""
        for key, value in zip(keys, values, strict=True)
    ]


def _bar(value: int, largest: int, width: int, plain: bool) -> str:
    steps = 1 if plain or value < 0 else 8
    # Rounded half up, in whole numbers: a bar is as long on every machine.
    length = max(1, (2 * abs(value) * width * steps + largest) // (2 * largest))
    if plain:
        return ("#" if value > 0 else "-") * length
    if value < 0:
        return _BELOW * length
    return _FULL * (length // 8) + _EIGHTHS[length % 8]
