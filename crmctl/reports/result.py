"""What a report gives: rows as SQL gave them, checked against the declared columns, and what they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.reports.report import WHOLE_NUMBERS
from crmctl.reports.report import Column
from crmctl.reports.report import column_called
from crmctl.reports.report import default_align

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

    from crmctl.reports.params import Params
    from crmctl.reports.report import Report

Value = int | str | None
Row = tuple[Value, ...]


class Result(NamedTuple):
    """The rows of a report.

    ``columns`` are the declared ones, or those told from the rows. ``totals`` have the shape of rows: a sum in each
    column that is added up, the value of the column it is added up by, None elsewhere; there are none without rows.
    ``selected`` is how many records the filter picked, None without a filter.
    """

    report: Report
    columns: tuple[Column, ...]
    rows: list[Row]
    totals: list[Row]
    params: Params
    selected: int | None = None


def make_result(
    report: Report, names: Sequence[str], rows: Sequence[Sequence[object]], params: Params, selected: int | None
) -> Result:
    """The result of a run that gave ``rows`` with columns called ``names``.

    Raises:
        InvalidData: the columns are not the declared ones, or a value is not of its column's type.
    """
    columns = report.columns or told_columns(names, rows)
    _check_names(report, names)
    checked = check_values(report.path, columns, rows)
    return Result(report, columns, checked, add_up(report, columns, checked), params, selected)


def told_columns(names: Sequence[str], rows: Sequence[Sequence[object]]) -> tuple[Column, ...]:
    """Columns by the endings of their names, and "integer" where nothing but whole numbers stand."""
    columns = []
    for place, name in enumerate(names):
        column = column_called(name, list(names))
        values = [row[place] for row in rows if row[place] is not None]
        if column.type == "text" and values and all(isinstance(value, int) for value in values):
            column = column._replace(type="integer", align=default_align("integer"))
        columns.append(column)
    return tuple(columns)


def _check_names(report: Report, names: Sequence[str]) -> None:
    declared = [column.name for column in report.columns]
    if not declared or declared == list(names):
        return
    line = next((c.line for c, name in zip(report.columns, [*names, *declared], strict=False) if c.name != name), 0)
    raise InvalidData(
        f"{report.path}: the header and the SELECT name different columns",
        hint="Give the columns of the SELECT these names with AS, in this order, or change the header.",
        problems=[
            Problem(
                report.path,
                line,
                0,
                "columns-differ",
                f"the header declares {', '.join(declared)}; the SELECT gives {', '.join(names)}",
            )
        ],
    )


def check_values(path: str, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> list[Row]:
    """The rows as whole numbers, texts and None, and nothing else.

    Raises:
        InvalidData: there is a fraction, or a text where a number should be, or the reverse.
    """
    wanted = [int if column.type in WHOLE_NUMBERS else str for column in columns]
    checked: list[Row] = []
    for row in rows:
        checked.append(tuple(row))  # type: ignore[arg-type]  # what is no Value is refused right below
        for place, value in enumerate(row):
            if value is not None and type(value) is not wanted[place]:
                raise _wrong_value(path, columns[place], value)
    return checked


def _wrong_value(path: str, column: Column, value: object) -> InvalidData:
    if column.type in WHOLE_NUMBERS and isinstance(value, int | str):
        message, hint = f"{column.name!r} gives {value!r}, which is no whole number", "Declare it as text."
    elif column.type in WHOLE_NUMBERS:
        message = f"{column.name!r} gives {value!r}; reports count in whole numbers"
        hint = "Give sums and counts, or divide as docs/reports.md shows."
    else:
        message = f"{column.name!r} gives {value!r}, which is no text"
        hint = f"Declare its type in the header: -- column: {column.name} | integer"
    return InvalidData(
        f"{path}: a value does not fit its column",
        hint=hint,
        problems=[Problem(path, column.line, 0, "wrong-value", message, hint)],
    )


def add_up(report: Report, columns: Sequence[Column], rows: Sequence[Row]) -> list[Row]:
    """The totals a report asks for, in the order in which their groups first come."""
    if report.totals is None:
        return []
    places = {column.name: place for place, column in enumerate(columns)}
    added = [places[name] for name in report.totals.columns]
    by = places.get(report.totals.by)
    sums: dict[Value, list[int | None]] = {}
    for row in rows:
        group = None if by is None else row[by]
        found = sums.setdefault(group, [None] * len(columns))
        for place in added:
            value = row[place]
            if isinstance(value, int):
                found[place] = (found[place] or 0) + value
    totals: list[Row] = []
    for group, found in sums.items():
        total: list[Value] = list(found)
        if by is not None:
            total[by] = group
        totals.append(tuple(total))
    return totals
