"""One run on a connection to the index: the temporary tables and views it needs, and the guarded SELECT."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.reports import narrow
from crmctl.reports import params as told
from crmctl.reports.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Container
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.model.schema import Schema
    from crmctl.reports.guard import Limits
    from crmctl.reports.narrow import Scope
    from crmctl.reports.params import Params
    from crmctl.reports.report import Report

SQLITE = narrow.Dialect("main", "CREATE TEMP VIEW", "CREATE TEMP TABLE", "date({} * 86400, 'unixepoch')")
_KEYS = ("handle", "row_id")


@contextmanager
def prepared(
    connection: sqlite3.Connection, schema: Schema, sql: str, scope: Scope | None, params: Params
) -> Iterator[tuple[frozenset[str], int | None]]:
    """Everything ``sql`` reads besides the book's tables, made for the length of the ``with`` block.

    Yields:
        The names that may be read, and how many records the filter picked (None without a filter).
    """
    made: list[tuple[str, str]] = []
    tables = narrow.mentioned(schema, sql)
    plan = narrow.Narrowing(
        schema,
        SQLITE,
        lambda table: columns_of(connection, table),
        scope=schema.require(scope.kind) if scope else None,
        until_day=params.until_day,
    ).plan(sql, tables)
    try:
        selected = _pick(connection, schema, scope, made)
        _tell(connection, params, made)
        for thing in plan:
            connection.execute(thing.sql)
            made.append(("TABLE" if thing.is_table else "VIEW", thing.name))
            if thing.is_table:
                for key in _KEYS:
                    connection.execute(f"CREATE INDEX temp.{thing.name}_{key} ON {thing.name} ({key})")
        yield frozenset((*narrow.readable(schema), *(name for _, name in made))), selected
    finally:
        for what, name in reversed(made):
            connection.execute(f"DROP {what} temp.{name}")


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    """The columns of a table of the index, in order."""
    return [column[0] for column in connection.execute(f"SELECT * FROM main.{table} LIMIT 0").description]


def _pick(
    connection: sqlite3.Connection, schema: Schema, scope: Scope | None, made: list[tuple[str, str]]
) -> int | None:
    """Put the handles that the filter picks into a table, so that the views need no values."""
    if scope is None:
        return None
    name = narrow.PICKED
    if scope.handles is None:
        table = schema.require(scope.kind).plural
        sql = f"SELECT t.handle AS handle FROM main.{table} t WHERE {scope.where}"
        connection.execute(f"CREATE TEMP TABLE {name} AS {sql}", scope.values)
    else:
        sql = "SELECT value AS handle FROM json_each(?)"
        connection.execute(f"CREATE TEMP TABLE {name} AS {sql}", (_json(scope.handles),))
    made.append(("TABLE", name))
    connection.execute(f"CREATE INDEX temp.{name}_handle ON {name} (handle)")
    return int(connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0])


def _json(handles: Sequence[str]) -> str:
    import json

    return json.dumps(sorted(set(handles)))


def _tell(connection: sqlite3.Connection, params: Params, made: list[tuple[str, str]]) -> None:
    """Make the tables ``params`` and ``pipeline_stages``. (CREATE ... AS begins no transaction, INSERT would.)"""
    for table, columns, rows in (
        ("params", told.PARAMS, [params.row()]),
        ("pipeline_stages", told.STAGES, params.stages or [(None,) * len(told.STAGES)]),
    ):
        names = [name for name, _ in columns]
        first = ", ".join(f"? AS {name}" for name in names)
        more = f" UNION ALL SELECT {', '.join('?' * len(names))}" * (len(rows) - 1)
        values = [value for row in rows for value in row]
        end = "" if params.stages or table == "params" else " WHERE 0"
        connection.execute(f"CREATE TEMP TABLE {table} AS SELECT {first}{more}{end}", values)
        made.append(("TABLE", table))


def guarded(
    connection: sqlite3.Connection, report: Report, sql: str, tables: Container[str], limits: Limits
) -> tuple[list[str], list[tuple[object, ...]]]:
    """The names of the columns and the rows of one SELECT that can only read ``tables``.

    Raises:
        InvalidData: the SQL is wrong, or wanted something else than reading.
        CrmError: it took too long, or gave too many rows.
    """
    with Guard(connection, tables, limits) as guard:
        try:
            cursor = connection.cursor()
            cursor.row_factory = None
            cursor.execute(sql)
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchmany(limits.rows + 1)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise _told(error, guard, report, limits) from error
        if len(rows) > limits.rows:
            raise too_many(report, limits)
    return names, rows


def _told(error: Exception, guard: Guard, report: Report, limits: Limits) -> BaseException:
    """What SQLite complained of, in our words."""
    if "interrupted" in str(error):
        # The only other one who can interrupt is the user, and Python's signal handler ran inside of SQLite's callback.
        return too_slow(report, limits) if guard.timed_out else KeyboardInterrupt()
    if guard.refused:
        message, hint = guard.refused
        return refused(report, message, hint)
    return refused(report, f"SQL: {error}", "Tables and columns are listed in docs/reports.md.")


def refused(report: Report, message: str, hint: str) -> InvalidData:
    """The error for SQL that cannot run."""
    problem = Problem(report.path, 0, 0, "bad-sql", message, hint)
    return InvalidData(f"{report.path}: the report cannot run", hint=hint, problems=[problem])


def too_slow(report: Report, limits: Limits) -> CrmError:
    """The error for a report whose time is up."""
    return CrmError(
        f"the report {report.name} took longer than {limits.seconds:g} seconds",
        hint="Narrow it with a filter, or run it over `crmctl export warehouse`.",
    )


def too_many(report: Report, limits: Limits) -> CrmError:
    """The error for a report that gives more rows than anybody reads."""
    return CrmError(f"the report {report.name} gives more than {limits.rows} rows", hint="Group them, or add a LIMIT.")
