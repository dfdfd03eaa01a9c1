"""The rows of a report as a table for people: totals below, bars beside, headings that fit the terminal."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING
from typing import Any

from crmctl.render.rows import Column
from crmctl.render.rows import cell_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.reports.report import Bar
    from crmctl.reports.report import Column as ReportColumn
    from crmctl.services.reports import Ran

_LONGEST_BAR = 24
_SHORTEST_BAR = 8
_GAP = 2


def columns(found: Sequence[ReportColumn]) -> list[Column]:
    """The columns of a report as ``render.rows`` takes them."""
    return [Column(c.name, c.align == "right", f"{c.heading} ({c.unit})" if c.unit else c.heading) for c in found]


def lay_out(ran: Ran, width: int, *, bars: bool) -> tuple[list[Column], list[list[Any]]]:
    """The columns and rows of a table with its totals, and with ``bars`` those it asks for.

    In a terminal of ``width`` columns (0: as wide as it likes) long headings are broken into lines when the table would
    not fit; a last column of handles, no good when cut, goes when that is not enough; bars take the room that is left,
    and there are none when it is too little.
    """
    heads = columns(ran.result.columns)
    rows: list[list[Any]] = [list(row) for row in ran.rows]
    bar = ran.result.report.bar if bars and rows else None
    body = [*rows, *_totals(ran, len(heads))]
    if width and _width(heads, body) + (_GAP + _SHORTEST_BAR if bar else 0) > width:
        heads = _broken(heads, body)
    if width and len(heads) > 2 and ran.result.columns[-1].type == "handle" and _width(heads, body) > width:
        heads, body = heads[:-1], [row[:-1] for row in body]
    room = min(_LONGEST_BAR, width - _width(heads, body) - _GAP) if width else _LONGEST_BAR
    if bar is not None and room >= _SHORTEST_BAR:
        heads.append(Column("bar", heading="\n".join(wrap(_bar_heading(ran, bar), room))))
        drawn = _bars(ran, bar, room)
        body = [[*row, drawn[at] if at < len(drawn) else None] for at, row in enumerate(body)]
    return heads, body


def _totals(ran: Ran, size: int) -> list[list[Any]]:
    """The totals behind an empty row, each called so in its first cell that is free."""
    found: list[list[Any]] = [[None] * size] if ran.rows and ran.totals else []
    for total in ran.totals if found else ():
        row: list[Any] = list(total)
        free = next((place for place, value in enumerate(row) if value is None), None)
        if free is not None:
            row[free] = "total"
        found.append(row)
    return found


def _bar_heading(ran: Ran, bar: Bar) -> str:
    headings = {column.name: column.heading for column in ran.result.columns}
    return f"{headings[bar.value]} by {headings[bar.label].lower()}"


def _bars(ran: Ran, bar: Bar, room: int) -> list[str]:
    import locale

    from crmctl.render.bars import bars

    places = {column.name: place for place, column in enumerate(ran.result.columns)}
    column = ran.result.columns[places[bar.value]]
    values = [row[places[bar.value]] for row in ran.result.rows]
    numbers = [value if isinstance(value, int) else None for value in values]
    groups = [row[places[column.currency]] for row in ran.result.rows] if column.currency else None
    plain = "utf" not in (locale.getpreferredencoding(False) or "").lower()
    return bars(numbers, room, plain, groups=groups)


def _width(heads: Sequence[Column], body: Sequence[Sequence[Any]]) -> int:
    sizes = [
        max([*map(len, head.heading.split("\n")), *(len(cell_text(row[at])) for row in body)])
        for at, head in enumerate(heads)
    ]
    return sum(sizes) + _GAP * (len(sizes) - 1)


def _broken(heads: Sequence[Column], body: Sequence[Sequence[Any]]) -> list[Column]:
    """The columns with headings in lines no longer than their cells, or than their longest word."""
    found = []
    for at, head in enumerate(heads):
        words = head.heading.split()
        room = max([*map(len, words), *(len(cell_text(row[at])) for row in body), 1])
        found.append(head._replace(heading="\n".join(wrap(head.heading, room, break_long_words=False))))
    return found
