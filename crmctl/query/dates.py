"""What a term means in SQL for days and moments, whose values are date words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.model.columns import day_number
from crmctl.query import sql

if TYPE_CHECKING:
    from datetime import datetime

    from crmctl.model.when import Lean
    from crmctl.query.asked import Asked
    from crmctl.query.sql import Sql
    from crmctl.query.tree import Value

AHEAD = frozenset({"due", "next", "closes", "starts", "ends", "respond_by", "resolve_by"})
"""Fields that tell of the future: ``3d`` is in three days for them, and three days ago for all others."""


def on_days(asked: Asked) -> Sql:
    """Within the days (or the minute) that the words mean, before their first, after their last; raises BadFilter."""
    return sql.joined([_on(asked, value) for value in asked.values], "OR")


def _on(asked: Asked, value: Value) -> Sql:
    first, last, suffix = _span(asked, value)
    column = asked.column(suffix)
    if asked.op in (":", "="):
        return sql.within(column, first, last)
    return sql.compared(column, asked.op, first if asked.op in ("<", ">=") else last)


def _span(asked: Asked, value: Value) -> tuple[int, int, str]:
    """First and last unit that the words mean, and the ending of the column that counts in it."""
    from crmctl.model.when import BadDate
    from crmctl.model.when import parse_when

    text = asked.plain(value)
    lean: Lean = "future" if asked.field.name in AHEAD else "past"
    try:
        when = parse_when(text, asked.now, lean)
    except BadDate as exc:
        raise asked.refused(value, exc.message, exc.hint) from None
    if when.moment is None or (asked.field.type == "date" and text.strip().lower() == "now"):
        return day_number(when.first), day_number(when.last), "_day"
    if asked.field.type == "date":
        raise asked.refused(value, f'"{asked.target.name}" has no time of day', f"Write {when.first}.")
    minute = _seconds(when.moment) // 60 * 60
    return minute, minute + 59, "_time"


def _seconds(moment: datetime) -> int:
    """Whole seconds since 1970 in UTC, without a float on the way."""
    from datetime import UTC

    there = moment.astimezone(UTC)
    return day_number(there.date()) * 86_400 + there.hour * 3600 + there.minute * 60 + there.second
