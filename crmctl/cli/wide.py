"""Tables too wide for a terminal, laid out so that nothing is lost: long cells over several lines, or a block a row."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from crmctl.render.rows import cell_text
from crmctl.render.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.cli.app import App
    from crmctl.render.rows import Column
    from crmctl.render.rows import Value

_LEAST = 20
"""Where a text would have a column narrower than this many characters, each row has a block instead."""


def rows(
    app: App,
    form: str,
    columns: Sequence[Column],
    found: Iterable[Sequence[Value]],
    *,
    texts: Sequence[str],
    nothing: str = "",
) -> None:
    """As ``app.rows``; in a table too wide for the terminal, the columns called ``texts`` take as many lines as needed.

    Elsewhere than on a terminal a row stays one line, for programs that look for lines.
    """
    if form == "table" and app.width:
        body = [[safe(cell_text(value)) for value in row] for row in found]
        sizes = _sizes(columns, body, texts, app.width)
        if _total(sizes) > app.width:
            app.print(_blocks(columns, body, texts, app.width), page=True)
            return
        found = _over_lines(body, sizes)
    app.rows(form, columns, found, nothing=nothing)


def _sizes(columns: Sequence[Column], body: list[list[str]], texts: Sequence[str], width: int) -> list[int]:
    """How wide each column is: the widest of those called ``texts`` give way until a line fits, if it can."""
    sizes = [max([len(column.name), *(len(row[at]) for row in body)]) for at, column in enumerate(columns)]
    give_way = [at for at, column in enumerate(columns) if column.name in texts]
    while _total(sizes) > width:
        widest = max(give_way, key=lambda at: sizes[at])
        if sizes[widest] <= _LEAST:
            break
        sizes[widest] -= 1
    return sizes


def _total(sizes: Sequence[int]) -> int:
    return sum(sizes) + 2 * (len(sizes) - 1)


def _over_lines(body: list[list[str]], sizes: list[int]) -> list[list[str]]:
    lines: list[list[str]] = []
    for row in body:
        cells = [_lines(cell, size) for cell, size in zip(row, sizes, strict=True)]
        height = max(len(cell) for cell in cells)
        lines += [[cell[at] if at < len(cell) else "" for cell in cells] for at in range(height)]
    return lines


def _lines(text: str, size: int) -> list[str]:
    return wrap(text, size, break_on_hyphens=False) if len(text) > size else [text]


def _blocks(columns: Sequence[Column], body: list[list[str]], texts: Sequence[str], width: int) -> Iterator[str]:
    """For each row what stands before its first text, and below, set in, the others by their names."""
    names = [column.name for column in columns]
    head = max(1, min(names.index(name) for name in texts))
    left = max(map(len, names[head:])) + 4
    for row in body:
        yield from _lines("  ".join(filter(None, row[:head])), width)
        for name, text in zip(names[head:], row[head:], strict=True):
            for number, line in enumerate(_lines(text, max(width - left, _LEAST)) if text else []):
                yield f"  {'' if number else name:{left - 2}}{line}"


def sentence(text: str, width: int) -> list[str]:
    """A sentence of results, over several lines on a terminal (of ``width`` characters; 0 is no terminal)."""
    return _lines(safe(text), width) if width else [safe(text)]
