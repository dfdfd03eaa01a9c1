"""Reading the header of a report's file: the ``-- key: value`` lines it begins with.

Everything wrong with a header is found in one go and told with its line. What the keys mean is told in
docs/reports.md, which is the contract.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.reports.report import ALIGNMENTS
from crmctl.reports.report import CAN_BE_ADDED
from crmctl.reports.report import TYPES
from crmctl.reports.report import WHOLE_NUMBERS
from crmctl.reports.report import Bar
from crmctl.reports.report import Column
from crmctl.reports.report import Report
from crmctl.reports.report import Totals
from crmctl.reports.report import default_align
from crmctl.reports.report import default_heading

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

KEYS = ("title", "question", "filter", "column", "total", "bar", "rows")
_MANY = ("column", "rows")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_KEY_LINE = re.compile(r"--\s*([A-Za-z][\w-]*)\s*:\s*(.*)\Z")
_MONEY = re.compile(r"money\(([a-z][a-z0-9_]*)\)\Z")
_BY = re.compile(r"(.*?)\s+by\s+(\S+)\Z")
_LARGEST = 100_000


class _Reader:
    """The header of one file while it is read; collects what is wrong with it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.values: dict[str, list[tuple[int, str]]] = {key: [] for key in KEYS}

    def wrong(self, line: int, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.path, line, 0, code, message, hint))

    def one(self, key: str) -> tuple[int, str]:
        """(line, value) of a key that stands once; (0, "") when it is absent."""
        return self.values[key][0] if self.values[key] else (0, "")


def parse_report(name: str, path: str, text: str, *, own: bool = False) -> Report:
    """The report that a file holds.

    ``name`` is the file's name without its ending, ``path`` is for messages, ``text`` the content. A header may be
    empty; what it says must be right.

    Raises:
        InvalidData: something is wrong with the header, or no SQL follows it; all of it is in ``problems``.
    """
    reader = _Reader(path)
    if len(text) > _LARGEST:
        reader.wrong(0, "too-large", f"a report is at most {_LARGEST} characters long")
        raise _unusable(path, reader.problems)
    if "\0" in text:
        reader.wrong(0, "bad-character", "there is a NUL character in the file")
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    start = _read_lines(reader, lines)
    sql = "\n".join(lines[start:]).strip().rstrip(";").rstrip()
    if not sql:
        reader.wrong(len(lines), "no-sql", "there is no SELECT behind the header")
    columns = _columns(reader)
    report = Report(
        name=name,
        path=path,
        title=reader.one("title")[1] or default_heading(name.replace("-", "_")),
        question=reader.one("question")[1],
        filter_kind=_filter_kind(reader),
        columns=columns,
        totals=_totals(reader, columns),
        bar=_bar(reader, columns),
        sql=sql,
        rows_sql="\n".join(value for _, value in reader.values["rows"]).rstrip("; "),
        own=own,
    )
    if reader.problems:
        raise _unusable(path, sorted(reader.problems))
    return report


def _unusable(path: str, problems: Sequence[Problem]) -> InvalidData:
    found = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    return InvalidData(
        f"{path}: the report has {found}",
        hint="The lines of a header are explained in docs/reports.md.",
        problems=problems,
    )


def _read_lines(reader: _Reader, lines: Sequence[str]) -> int:
    """Collect the keys; the index of the first line that is SQL."""
    for index, line in enumerate(lines):
        line = line.strip()
        if line and not line.startswith("--"):
            return index
        match = _KEY_LINE.match(line)
        if match:
            _take(reader, index + 1, match[1], match[2].strip())
    return len(lines)


def _take(reader: _Reader, number: int, key: str, value: str) -> None:
    if key not in KEYS:
        from difflib import get_close_matches

        near = get_close_matches(key.lower(), KEYS, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"A header has {', '.join(KEYS)}."
        reader.wrong(number, "unknown-key", f"a report has no {key!r}", hint)
    elif not value:
        reader.wrong(number, "empty-key", f"{key!r} says nothing")
    elif reader.values[key] and key not in _MANY:
        reader.wrong(number, "repeated-key", f"{key!r} stands in line {reader.values[key][0][0]} already")
    else:
        reader.values[key].append((number, value))


def _filter_kind(reader: _Reader) -> str:
    number, kind = reader.one("filter")
    if kind and not _NAME.match(kind):
        reader.wrong(number, "bad-filter", f"{kind!r} cannot be the name of a kind", "Write it as: -- filter: customer")
    return kind or "customer"


def _columns(reader: _Reader) -> tuple[Column, ...]:
    columns: dict[str, Column] = {}
    for number, value in reader.values["column"]:
        column = _column(reader, number, value)
        if column is None:
            continue
        if column.name in columns:
            reader.wrong(number, "repeated-column", f"the column {column.name!r} is declared twice")
        columns.setdefault(column.name, column)
    for column in columns.values():
        if column.currency and column.currency not in columns:
            message = f"{column.name!r} is in the currency of {column.currency!r}, which is not a column"
            reader.wrong(column.line, "no-currency", message)
    return tuple(columns.values())


def _column(reader: _Reader, number: int, value: str) -> Column | None:
    parts = [part.strip() for part in value.split("|")]
    shape = "Write it as: -- column: amount | money(currency) | right | Amount"
    if not 2 <= len(parts) <= 5:
        reader.wrong(number, "bad-column", "a column is name | type | alignment | heading | unit", shape)
        return None
    name, type_name, align, heading, unit = (*parts, "", "", "")[:5]
    if not _NAME.match(name):
        reader.wrong(number, "bad-column", f"{name!r} cannot name a column (use a-z, 0-9 and _)", shape)
        return None
    money = _MONEY.match(type_name)
    currency = money[1] if money else ""
    plain = "money" if money else type_name
    if plain not in TYPES or (plain == "money" and not money):
        known = ", ".join("money(COLUMN)" if known == "money" else known for known in TYPES)
        reader.wrong(number, "bad-type", f"there is no column type {type_name!r}", f"The types are {known}.")
        return None
    if align not in ("", *ALIGNMENTS):
        reader.wrong(
            number, "bad-alignment", f"{align!r} is not an alignment", f"It is one of {', '.join(ALIGNMENTS)}."
        )
        return None
    return Column(name, plain, align or default_align(plain), heading or default_heading(name), unit, currency, number)


def _totals(reader: _Reader, columns: Iterable[Column]) -> Totals | None:
    number, value = reader.one("total")
    if not value:
        return None
    by_name = {column.name: column for column in columns}
    match = _BY.match(value)
    names = tuple(part.strip() for part in (match[1] if match else value).split(","))
    by = match[2] if match else ""
    for name in (*names, by) if by else names:
        if name not in by_name:
            reader.wrong(number, "unknown-column", f"{name!r} is not a column of this report")
    for name in names:
        column = by_name.get(name)
        if column is None:
            continue
        if column.type not in CAN_BE_ADDED:
            reader.wrong(number, "no-sum", f"{name!r} is of type {column.type}, which cannot be added up")
        elif column.currency and column.currency != by:
            hint = f"Write it as: -- total: {', '.join(names)} by {column.currency}"
            reader.wrong(number, "mixed-currencies", f"{name!r} would be added up across currencies", hint)
    return Totals(names, by)


def _bar(reader: _Reader, columns: Iterable[Column]) -> Bar | None:
    number, value = reader.one("bar")
    if not value:
        return None
    types = {column.name: column.type for column in columns}
    match = _BY.match(value)
    if not match:
        reader.wrong(number, "bad-bar", "a bar is a column by another", "Write it as: -- bar: amount by month")
        return None
    drawn, label = match[1].strip(), match[2]
    for name in (drawn, label):
        if name not in types:
            reader.wrong(number, "unknown-column", f"{name!r} is not a column of this report")
    if types.get(drawn, "integer") not in WHOLE_NUMBERS:
        reader.wrong(number, "bad-bar", f"{drawn!r} is of type {types[drawn]}, which cannot be drawn")
    return Bar(drawn, label)
