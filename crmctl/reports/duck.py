"""Running reports with DuckDB over the Parquet files that ``warehouse`` wrote, by the same SQL.

DuckDB may read the directory of the export and nothing else, and only SELECT runs.
"""

from __future__ import annotations

from threading import Timer
from typing import TYPE_CHECKING
from typing import Any

from crmctl.reports import narrow
from crmctl.reports import params as told
from crmctl.reports.engine import filter_kind
from crmctl.reports.guard import Limits
from crmctl.reports.guard import check_one_select
from crmctl.reports.result import make_result
from crmctl.reports.session import refused
from crmctl.reports.session import too_many
from crmctl.reports.session import too_slow
from crmctl.reports.warehouse import duckdb_module
from crmctl.reports.warehouse import read_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from crmctl.model.schema import Schema
    from crmctl.reports.narrow import Scope
    from crmctl.reports.params import Params
    from crmctl.reports.report import Report
    from crmctl.reports.result import Result

DUCKDB = narrow.Dialect(
    "base", "CREATE VIEW", "CREATE TABLE", "strftime(DATE '1970-01-01' + CAST({} AS INTEGER), '%Y-%m-%d')"
)
_USUAL = Limits()


def run_duckdb(
    directory: Path, schema: Schema, report: Report, scope: Scope | None, params: Params, limits: Limits = _USUAL
) -> Result:
    """The rows of ``report`` over the export in ``directory``; equal to those of ``engine.run_sqlite``.

    A scope with ``where`` must be in SQL that DuckDB knows too; ``engine.handles`` turns any scope into handles.

    Raises:
        CrmError: DuckDB is not installed, there is no export, or as ``run_sqlite``.
    """
    check_one_select(report.path, report.sql)
    filter_kind(schema, report)
    duckdb = duckdb_module()
    columns = {table: list(said["columns"]) for table, said in read_manifest(directory)["tables"].items()}
    narrowing = narrow.Narrowing(
        schema,
        DUCKDB,
        lambda table: columns[table],
        scope=schema.require(scope.kind) if scope else None,
        until_day=params.until_day,
    )
    tables = [table for table in narrow.mentioned(schema, report.sql) if table in columns]
    database = duckdb.connect(":memory:")
    try:
        _open(database, directory.absolute(), [table for table in narrowing.sources(tables) if table in columns])
        selected = _pick(database, schema, scope)
        _tell(database, params)
        for thing in narrowing.plan(report.sql, tables):
            database.execute(thing.sql)
        database.execute("SET lock_configuration = true")
        names, rows = _guarded(database, duckdb, report, limits)
    finally:
        database.close()
    return make_result(report, names, rows, params, selected)


def _open(database: Any, directory: Path, tables: Sequence[str]) -> None:
    """Put the files into the schema ``base``, in front of which stand the views that reports see."""
    database.execute("SET autoinstall_known_extensions = false")
    database.execute("SET autoload_known_extensions = false")
    folder = str(directory).replace("'", "''")
    database.execute(f"SET allowed_directories = ['{folder}/']")
    database.execute("SET enable_external_access = false")
    database.execute("CREATE SCHEMA base")
    for table in tables:
        database.execute(f"CREATE VIEW base.{table} AS SELECT * FROM read_parquet('{folder}/{table}.parquet')")
    database.execute("SET search_path = 'main,base'")


def _pick(database: Any, schema: Schema, scope: Scope | None) -> int | None:
    if scope is None:
        return None
    if scope.handles is None:
        table = schema.require(scope.kind).plural
        values: list[Any] = list(scope.values)
        sql = f"SELECT t.handle AS handle FROM base.{table} t WHERE {scope.where}"
    else:
        values = [sorted(set(scope.handles))]
        sql = "SELECT UNNEST(?::VARCHAR[]) AS handle"
    database.execute(f"CREATE TABLE {narrow.PICKED} AS {sql}", values)
    return int(database.execute(f"SELECT COUNT(*) FROM {narrow.PICKED}").fetchone()[0])


def _tell(database: Any, params: Params) -> None:
    for table, columns, rows in (
        ("params", told.PARAMS, [params.row()]),
        ("pipeline_stages", told.STAGES, list(params.stages)),
    ):
        database.execute(f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns)})")
        for row in rows:
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", list(row))


def _guarded(database: Any, duckdb: Any, report: Report, limits: Limits) -> tuple[list[str], list[tuple[object, ...]]]:
    """The columns and rows of the report's SELECT, stopped when its time is up."""
    timer = Timer(limits.seconds, database.interrupt)
    timer.daemon = True
    try:
        statements = database.extract_statements(report.sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise refused(report, "a report is one SELECT and nothing else", "Take the other statements out.")
        timer.start()
        cursor = database.execute(statements[0])
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchmany(limits.rows + 1)
    except duckdb.InterruptException as error:
        raise too_slow(report, limits) from error
    except duckdb.Error as error:
        first = str(error).split("\n", 1)[0]
        raise refused(report, f"SQL: {first}", "Tables and columns are listed in docs/reports.md.") from error
    finally:
        timer.cancel()
    if len(rows) > limits.rows:
        raise too_many(report, limits)
    return names, rows
