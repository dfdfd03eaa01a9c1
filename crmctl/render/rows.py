"""Rows for people and for programs: one table, seven ways to print it.

A value is a text, a number, yes or no, a list, a map, or None for what is absent. ``table`` and ``md`` are for reading,
``json`` is a plain array of objects, ``jsonl`` one object a line, ``csv`` and ``tsv`` for spreadsheets and scripts,
``ids`` the first column alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import TypeAlias

from crmctl.render.text import json_safe
from crmctl.render.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Sequence

FORMATS = ("table", "json", "jsonl", "csv", "tsv", "md", "ids")

Value: TypeAlias = "str | int | bool | list[Value] | dict[str, Value] | None"

_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


_SHORTEST = 10
"""Nothing is shortened to less than this many characters: a day of the calendar stays whole."""


class Column(NamedTuple):
    """A column: its name (the key in JSON), how it is aligned, and its heading in tables."""

    name: str
    right: bool = False
    heading: str = ""


def render(
    form: str, columns: Sequence[Column], rows: Iterable[Sequence[Value]], *, width: int = 0, raw_csv: bool = False
) -> Iterator[str]:
    """The lines (without line ends) of ``rows`` in the format ``form``.

    ``width`` is that of the terminal; tables wider than that are shortened, never wrapped; 0 leaves them as they are.
    ``raw_csv`` leaves cells that a spreadsheet would run as they are.
    """
    if form == "json":
        yield from _json(columns, rows)
    elif form == "jsonl":
        import json

        names = [column.name for column in columns]
        for row in rows:
            yield json_safe(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False))
    elif form == "csv":
        yield from _csv(columns, rows, raw=raw_csv)
    elif form == "tsv":
        yield "\t".join(column.name for column in columns)
        for row in rows:
            yield "\t".join(safe(cell_text(value).replace("\\", "\\\\")) for value in row)
    elif form == "ids":
        for row in rows:
            yield safe(cell_text(row[0]))
    else:
        yield from _table(form, columns, rows, width)


def cell_text(value: Value) -> str:
    """A value as the text of one cell: lists with commas, maps as ``name: value``, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(cell_text(item) for item in value)
    if isinstance(value, dict):
        return "; ".join(f"{key}: {cell_text(item)}" for key, item in value.items() if item is not None)
    return str(value)


def _json(columns: Sequence[Column], rows: Iterable[Sequence[Value]]) -> Iterator[str]:
    import json

    names = [column.name for column in columns]
    before = ""
    for row in rows:
        if before:
            yield f"{before},"
        else:
            yield "["
        before = "  " + json_safe(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False))
    if not before:
        yield "[]"
        return
    yield before
    yield "]"


def object_json(value: Value) -> str:
    """One object, for ``show``: JSON over several lines."""
    import json

    return json_safe(json.dumps(value, ensure_ascii=False, indent=2))


def _csv(columns: Sequence[Column], rows: Iterable[Sequence[Value]], *, raw: bool) -> Iterator[str]:
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([column.name for column in columns])
    for row in rows:
        yield buffer.getvalue().removesuffix("\r\n")
        buffer.seek(0)
        buffer.truncate()
        writer.writerow([cell_text(value) if raw else inert(cell_text(value)) for value in row])
    yield buffer.getvalue().removesuffix("\r\n")


def inert(text: str) -> str:
    """A CSV cell that no spreadsheet runs: a leading ``'`` before what would be a formula; numbers stay as they are.

    Source: the OWASP page on CSV injection. ``services.importing.imports`` takes the mark away again.
    """
    if text.startswith("-") and text[1:].replace(".", "", 1).isdecimal():
        return text
    return f"'{text}" if text.startswith((*_RUN_BY_SPREADSHEETS, "'")) else text


def _table(form: str, columns: Sequence[Column], rows: Iterable[Sequence[Value]], width: int) -> Iterator[str]:
    body = [[safe(cell_text(value)) for value in row] for row in rows]
    headings = [column.heading or column.name.replace("_", " ") for column in columns]
    if form == "md":
        body = [[cell.replace("|", "\\|") for cell in row] for row in body]
    elif width:
        body = _fitted(headings, body, width)
    if not body and form == "table":
        return
    if form == "table" and _is_plain(headings, body):
        yield from _plain(columns, headings, body)
        return
    import tabulate

    tabulate.MIN_PADDING = 0  # Else a column is two wider than its heading, for nothing.
    text = tabulate.tabulate(
        body,
        headings,
        tablefmt="pipe" if form == "md" else "simple",
        disable_numparse=True,
        colalign=["right" if column.right else "left" for column in columns] if body else None,
    )
    for line in text.splitlines():
        yield line.rstrip()


def _is_plain(headings: list[str], body: list[list[str]]) -> bool:
    """Whether every character is as wide as every other, and every cell one line."""
    return all(text.isascii() and text.isprintable() for row in (headings, *body) for text in row)


def _plain(columns: Sequence[Column], headings: list[str], body: list[list[str]]) -> Iterator[str]:
    """What tabulate makes of it, whose import takes longer than most commands."""
    lines = [[cell.strip() for cell in row] for row in (headings, *body)]
    sizes = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    lines.insert(1, ["-" * size for size in sizes])
    for line in lines:
        cells = zip(columns, line, sizes, strict=True)
        padded = (cell.rjust(size) if column.right else cell.ljust(size) for column, cell, size in cells)
        yield "  ".join(padded).rstrip()


def _fitted(headings: list[str], body: list[list[str]], width: int) -> list[list[str]]:
    """The cells shortened, widest columns first, until a line fits the terminal."""
    leasts = [max(map(len, heading.split("\n"))) for heading in headings]
    sizes = [max([least, *(len(row[at]) for row in body)]) for at, least in enumerate(leasts)]
    floors = [max(least, min(size, _SHORTEST)) for least, size in zip(leasts, sizes, strict=True)]
    excess = sum(sizes) + 2 * (len(headings) - 1) - width
    while excess > 0:
        widest = max(range(len(sizes)), key=lambda at: sizes[at] if sizes[at] > floors[at] else 0)
        if sizes[widest] <= floors[widest]:
            break
        sizes[widest] -= 1
        excess -= 1
    return [
        [cell if len(cell) <= size else cell[: size - 1] + "…" for cell, size in zip(row, sizes, strict=True)]
        for row in body
    ]
