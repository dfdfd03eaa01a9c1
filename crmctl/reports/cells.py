"""Values of a report as people and programs read them: amounts with their decimals, days as ISO dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.model import money
from crmctl.model.columns import day_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.reports.report import Column
    from crmctl.reports.result import Row
    from crmctl.reports.result import Value

Plain = int | str | bool | None


def plain_row(columns: Sequence[Column], row: Row) -> tuple[Plain, ...]:
    """A row of a result for output.

    Money is a decimal text by the currency beside it (``1999`` EUR gives ``"19.99"``), "milli" a decimal text without
    needless zeros (``1500`` gives ``"1.5"``), "day-number" an ISO date, "boolean" true or false; absent stays None.
    Percent and other whole numbers stay numbers.
    """
    places = {column.name: place for place, column in enumerate(columns)}
    return tuple(_plain(column, value, places, row) for column, value in zip(columns, row, strict=True))


def _plain(column: Column, value: Value, places: dict[str, int], row: Row) -> Plain:
    if not isinstance(value, int):
        return value
    if column.type == "money":
        currency = row[places[column.currency]] if column.currency in places else None
        return money.from_minor(value, currency if isinstance(currency, str) else "")
    if column.type == "milli":
        return _milli(value)
    if column.type == "day-number":
        try:
            return day_of(value).isoformat()
        except (ValueError, OverflowError):
            return value
    return bool(value) if column.type == "boolean" else value


def _milli(value: int) -> str:
    whole, part = divmod(abs(value), 1000)
    digits = f"{whole}.{part:03d}".rstrip("0").rstrip(".")
    return f"-{digits}" if value < 0 else digits
