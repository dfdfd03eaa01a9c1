"""Running a report on the book's index, and showing what is behind its figures.

The connection only gains temporary tables and views, which are gone again when a run ends. Reading is all that the SQL
of a report can do (see ``guard``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.reports import narrow
from crmctl.reports import params as told
from crmctl.reports.guard import Limits
from crmctl.reports.guard import check_one_select
from crmctl.reports.narrow import Scope
from crmctl.reports.result import Result
from crmctl.reports.result import check_values
from crmctl.reports.result import make_result
from crmctl.reports.result import told_columns
from crmctl.reports.session import columns_of
from crmctl.reports.session import guarded
from crmctl.reports.session import prepared

if TYPE_CHECKING:
    import sqlite3

    from crmctl.model.fields import Kind
    from crmctl.model.schema import Schema
    from crmctl.reports.params import Params
    from crmctl.reports.report import Column
    from crmctl.reports.report import Report
    from crmctl.reports.result import Row

__all__ = ["Explanation", "Limits", "Result", "Scope", "explain_rows", "filter_kind", "handles", "run_sqlite"]

_FOR_SQL = ("_key", "_day", "_month", "_time")
_USUAL = Limits()


class Explanation(NamedTuple):
    """What is behind the figures of a report.

    ``sql`` is the statement that makes the figures, ``rows_sql`` the one that gives the facts. ``rows`` are the first
    of them, ``total`` is how many there are. ``params`` is the row of the table ``params`` by column.
    """

    sql: str
    rows_sql: str
    columns: tuple[Column, ...]
    rows: list[Row]
    total: int
    params: dict[str, str | int]


def filter_kind(schema: Schema, report: Report) -> Kind:
    """The kind whose records a filter on ``report`` picks.

    Raises:
        InvalidData: the header names a kind that the book does not have.
    """
    kind = schema.kind(report.filter_kind)
    if kind is None:
        known = ", ".join(kind.name for kind in schema.kinds)
        raise InvalidData(
            f"{report.path}: there is no kind {report.filter_kind!r} to filter by", hint=f"Kinds: {known}."
        )
    return kind


def handles(connection: sqlite3.Connection, schema: Schema, scope: Scope) -> tuple[str, ...]:
    """The handles that a filter picks, for running the same report elsewhere (``Scope(kind, handles=...)``)."""
    if scope.handles is not None:
        return tuple(sorted(scope.handles))
    table = schema.require(scope.kind).plural
    found = connection.execute(f"SELECT t.handle FROM {table} t WHERE {scope.where} ORDER BY 1", scope.values)
    return tuple(row[0] for row in found)


def run_sqlite(
    connection: sqlite3.Connection,
    schema: Schema,
    report: Report,
    scope: Scope | None,
    params: Params,
    limits: Limits = _USUAL,
) -> Result:
    """The rows of ``report`` on the index behind ``connection``, for the records that ``scope`` picks (None: all).

    Raises:
        InvalidData: the SQL is wrong, does something else than reading, or gives other columns than declared.
        CrmError: it took too long, or gave too many rows.
    """
    check_one_select(report.path, report.sql)
    filter_kind(schema, report)
    with prepared(connection, schema, report.sql, scope, params) as (tables, selected):
        names, rows = guarded(connection, report, report.sql, tables, limits)
    return make_result(report, names, rows, params, selected)


def explain_rows(
    connection: sqlite3.Connection,
    schema: Schema,
    report: Report,
    scope: Scope | None,
    params: Params,
    limit: int = 20,
    limits: Limits = _USUAL,
) -> Explanation:
    """The SQL of ``report`` and the first ``limit`` facts behind its figures, under the same filter and day.

    The facts are what the header's ``rows`` select; without it, the records of the first table the SQL names.

    Raises:
        InvalidData, CrmError: as ``run_sqlite``.
    """
    sql = report.rows_sql or _facts(connection, schema, report)
    check_one_select(report.path, sql)
    with prepared(connection, schema, sql, scope, params) as (tables, _):
        # The bracket stands in a line of its own, because the statement may end in a comment.
        counting, first = f"SELECT COUNT(*) FROM ({sql}\n)", f"SELECT * FROM ({sql}\n) LIMIT {int(limit)}"
        _, counted = guarded(connection, report, counting, tables, limits)
        names, rows = guarded(connection, report, first, tables, limits)
    columns = told_columns(names, rows)
    told_params = dict(zip((name for name, _ in told.PARAMS), params.row(), strict=True))
    total = int(str(counted[0][0]))
    return Explanation(report.sql, sql, columns, check_values(report.path, columns, rows), total, told_params)


def _facts(connection: sqlite3.Connection, schema: Schema, report: Report) -> str:
    """A statement for the records of the kind that the SQL reads first, without the columns that only SQL needs."""
    plain = narrow.without_comments(report.sql).lower()
    found = {kind.plural: _first_read(plain, kind.plural) for kind in schema.kinds}
    if min(found.values()) == len(plain):
        return report.sql
    table = min(found, key=lambda name: found[name])
    names = [name for name in columns_of(connection, table) if name not in ("row_id", "id")]
    shown = ", ".join(f'"{name}"' for name in names if not name.endswith(_FOR_SQL))
    return f"SELECT {shown} FROM {table} ORDER BY handle"


def _first_read(sql: str, table: str) -> int:
    """Where in a statement a table is first read from; its length when it is not."""
    match = re.search(rf"\b(?:from|join)\s+(?:all_)?{table}\b", sql)
    return match.start() if match else len(sql)
