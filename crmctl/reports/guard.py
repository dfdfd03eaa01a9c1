"""Keeping the SQL of a report to reading: what SQLite may do while it runs, how long, and how much it may give.

A book's own reports come with the book, from anybody who can push to it. SQLite asks for every table, function and
action when it compiles a statement, and only what is listed here is let through (https://sqlite.org/c3ref/set_authorizer.html).
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.reports.narrow import without_comments

if TYPE_CHECKING:
    from collections.abc import Container
    from types import TracebackType

# These give the same on SQLite, DuckDB and Spark. ("like" only for lower-case patterns over _key columns.)
PORTABLE = frozenset(
    "abs coalesce count cume_dist dense_rank first_value lag last_value lead length like lower ltrim max min nth_value "
    "ntile nullif percent_rank rank replace row_number rtrim substr substring sum trim upper".split()
)
# These do no harm, but not every engine has them, or they give fractions.
HARMLESS = frozenset(
    "avg ceil ceiling char concat concat_ws floor format glob group_concat hex ifnull iif instr printf quote round "
    "sign string_agg total typeof unicode".split()
)
_OF_TIME = frozenset(
    "current_date current_time current_timestamp date datetime julianday strftime time unixepoch".split()
)

_ACTIONS = {
    sqlite3.SQLITE_ATTACH: "attach a database",
    sqlite3.SQLITE_DETACH: "detach a database",
    sqlite3.SQLITE_PRAGMA: "use PRAGMA",
    sqlite3.SQLITE_INSERT: "write to a table",
    sqlite3.SQLITE_UPDATE: "write to a table",
    sqlite3.SQLITE_DELETE: "delete rows",
    sqlite3.SQLITE_TRANSACTION: "begin or end a transaction",
    sqlite3.SQLITE_SAVEPOINT: "begin or end a transaction",
}
_LARGEST_VALUE = 10_000_000
_STEPS_BETWEEN_LOOKS = 20_000


class Limits(NamedTuple):
    """How long a report may run, in seconds, and how many rows it may give."""

    seconds: float = 60.0
    rows: int = 1_000_000


class Refused(NamedTuple):
    """What was asked for and not let through, and what to do instead."""

    message: str
    hint: str


class Guard:
    """A connection that only reads ``tables``, for as long as the ``with`` block lasts.

    ``functions`` are the SQL functions let through. Afterwards the connection has no authorizer, progress handler or
    lowered limits.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        tables: Container[str],
        limits: Limits,
        functions: frozenset[str] = PORTABLE | HARMLESS,
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._limits = limits
        self._functions = functions
        self._end = 0.0
        self._length = 0
        self.refused: Refused | None = None
        self.timed_out = False

    def __enter__(self) -> Guard:
        self._end = clock.monotonic() + self._limits.seconds
        self._length = self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
        self._connection.set_progress_handler(self._is_over, _STEPS_BETWEEN_LOOKS)
        self._connection.set_authorizer(self._allow)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.set_authorizer(None)
        self._connection.set_progress_handler(None, 0)
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, self._length)

    def _is_over(self) -> int:
        self.timed_out = clock.monotonic() > self._end
        return 1 if self.timed_out else 0

    def _allow(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ:
            # Without a column only rows are counted, also those of a WITH, whose names cannot be known here.
            if not second or (first or "").lower() in self._tables:
                return sqlite3.SQLITE_OK
            return self._deny(f"read {first!r}", "docs/reports.md lists the tables that a report can read.")
        if action == sqlite3.SQLITE_FUNCTION:
            if second in self._functions:
                return sqlite3.SQLITE_OK
            return self._deny(f"call {second}()", _instead_of(second or ""))
        what = _ACTIONS.get(action, "change the database")
        if (first or "").startswith("sqlite_"):
            # What SQLite does with its own tables to set up pragma_...() and the like.
            what = "call a function as a table"
        return self._deny(what, "A report is one SELECT and nothing else.")

    def _deny(self, what: str, hint: str) -> int:
        self.refused = self.refused or Refused(f"a report may not {what}", hint)
        return sqlite3.SQLITE_DENY


def _instead_of(function: str) -> str:
    if function.lower() in _OF_TIME:
        return "Take the day from the table `params` and days from the columns that end in _day and _month."
    return f"It may call {', '.join(sorted(PORTABLE))}."


def check_one_select(path: str, sql: str) -> None:
    """Refuse what is no SELECT before any engine sees it.

    Raises:
        InvalidData: the statement begins otherwise.
    """
    first = without_comments(sql).split(None, 1)
    if not first or first[0].lower().rstrip("(") not in ("select", "with"):
        raise InvalidData(f"{path}: a report is a SELECT", hint="Begin it with SELECT or WITH, behind the header.")
