"""What a report is: its columns, what is added up, what is drawn, and its SQL.

A report comes from one SQL file with a header (see ``header``); the engines only ever see this form.
"""

from __future__ import annotations

from typing import NamedTuple

# Types a column can have. "money" is written with the column of its currency: money(currency).
TYPES = (
    "text",
    "handle",
    "integer",
    "money",
    "currency",
    "date",
    "month",
    "day-number",
    "percent",
    "milli",
    "boolean",
)
WHOLE_NUMBERS = frozenset({"integer", "money", "day-number", "percent", "milli", "boolean"})
CAN_BE_ADDED = frozenset({"integer", "money", "milli"})
ALIGNMENTS = ("left", "right", "center")


class Column(NamedTuple):
    """One column of a report.

    ``currency`` names the column that holds the currency of a "money" column. ``unit`` is said beside the heading
    ("days", "hours"). Values are as SQL gives them: "money" in minor units, "milli" in thousandths, "day-number" in
    days since 1970-01-01, "boolean" as 0 and 1, "percent" as whole percent. ``line`` is where the header says so.
    """

    name: str
    type: str
    align: str = "left"
    heading: str = ""
    unit: str = ""
    currency: str = ""
    line: int = 0


class Totals(NamedTuple):
    """What is added up at the end: these columns, once for each value of the column ``by`` ("" for one total)."""

    columns: tuple[str, ...]
    by: str = ""


class Bar(NamedTuple):
    """Which column is drawn as bars, and which one names them."""

    value: str
    label: str


class Report(NamedTuple):
    """One report, ready to run.

    ``path`` is where the file is, for messages. ``filter_kind`` is the kind that a filter picks records of.
    ``columns`` is empty when the file declares none; the result then tells them from the names of its columns.
    ``rows_sql`` gives the facts behind the figures, "" when the engine is to choose. ``own`` is true for a book's own
    report, whose SQL anybody with access to the book may have written.
    """

    name: str
    path: str
    title: str
    question: str
    filter_kind: str
    columns: tuple[Column, ...]
    totals: Totals | None
    bar: Bar | None
    sql: str
    rows_sql: str = ""
    own: bool = False


def default_align(type_name: str) -> str:
    """Numbers stand right, everything else left."""
    return "right" if type_name in WHOLE_NUMBERS - {"boolean", "day-number"} else "left"


def default_heading(name: str) -> str:
    """``new_this_year`` gives ``New this year``."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def column_called(name: str, others: tuple[str, ...] | list[str]) -> Column:
    """The column that a name from the index stands for, by its ending: ``amount_minor`` is money, ``at_day`` a day.

    ``others`` are the names of all columns, among which the currency of an amount is looked for.
    """
    for ending, type_name in (("_minor", "money"), ("_milli", "milli"), ("_day", "day-number"), ("_month", "month")):
        if name.endswith(ending):
            stem = name.removesuffix(ending)
            if type_name == "money" and "currency" not in others:
                return Column(name, "integer", "right", default_heading(name))
            currency = "currency" if type_name == "money" else ""
            return Column(name, type_name, default_align(type_name), default_heading(stem), "", currency)
    if name in ("handle", "currency", "month"):
        return Column(name, name, "left", default_heading(name))
    return Column(name, "text", "left", default_heading(name))
