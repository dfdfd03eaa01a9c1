"""The same reports over Parquet, and the export they run on."""

from __future__ import annotations

import builtins
import json
import shutil
import sys
from datetime import date
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.report_book import Book
from helpers.report_book import empty_book
from helpers.report_book import random_book

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem
from crmctl.reports.catalogue import built_in
from crmctl.reports.catalogue import find
from crmctl.reports.catalogue import parse_report
from crmctl.reports.duck import run_duckdb
from crmctl.reports.engine import Limits
from crmctl.reports.engine import Scope
from crmctl.reports.engine import handles
from crmctl.reports.engine import run_sqlite
from crmctl.reports.warehouse import export_parquet
from crmctl.reports.warehouse import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.reports.result import Result

duckdb = pytest.importorskip("duckdb")

USUAL = Limits()
FILTERS = {
    "customer": Scope("customer", "t.handle >= ?", ("c010",)),
    "deal": Scope("deal", "t.handle >= ? OR t.stage IS NULL", ("d010",)),
    "case": Scope("case", "t.handle >= ?", ("k010",)),
    "followup": Scope("followup", "t.handle >= ?", ("f010",)),
}


@pytest.fixture(scope="module", params=[11, pytest.param(12, marks=pytest.mark.slow)])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Book, Path]:
    book = random_book(request.param)
    directory = tmp_path_factory.mktemp("it's") / "warehouse"
    export_parquet(book.connection, book.settings.schema, directory)
    return book, directory


def run(book: Book, directory: Path, sql: str, limits: Limits = USUAL) -> Result:
    report = parse_report("own", "reports/own.sql", sql, own=True)
    return run_duckdb(directory, book.settings.schema, report, None, book.params, limits)


@pytest.mark.parametrize("until", [None, date(2026, 3, 1)])
@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("name", built_in())
def test_rows_are_equal(exported: tuple[Book, Path], name: str, filtered: bool, until: date | None) -> None:
    book, directory = exported
    schema, report = book.settings.schema, find(name)
    scope = FILTERS[report.filter_kind] if filtered else None
    params = book.params._replace(until=until, today=until or book.params.today)
    here = run_sqlite(book.connection, schema, report, scope, params)
    there = run_duckdb(directory, schema, report, scope, params)
    assert here.rows
    assert there == here
    if scope and not until:
        by_handles = Scope(scope.kind, handles=handles(book.connection, schema, scope))
        assert run_duckdb(directory, schema, report, by_handles, params) == here


def test_every_table_comes_back_as_it_was(exported: tuple[Book, Path]) -> None:
    book, directory = exported
    tables = read_manifest(directory)["tables"]
    assert {"customers", "interactions_lines", "countries", "articles"} <= set(tables)
    for table, said in tables.items():
        here = sorted(book.connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
        relation = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [str(directory / f"{table}.parquet")])
        assert [column[0] for column in relation.description] == list(said["columns"])
        assert {str(column[1]) for column in relation.description} <= {"BIGINT", "VARCHAR", "NUMBER", "STRING"}
        there = sorted(relation.fetchall(), key=repr)
        assert there == here
        assert said["rows"] == len(here)


def test_an_export_of_wide_tables(tmp_path: Path) -> None:
    book = empty_book()
    names = [f"own_{number}" for number in range(90)]
    for name in names:
        book.connection.execute(f"ALTER TABLE customers ADD COLUMN {name} TEXT")
    book.customer("ada", **dict.fromkeys(names[::2], '{"}'))
    export_parquet(book.connection, book.settings.schema, tmp_path)
    here = book.connection.execute("SELECT * FROM customers").fetchall()
    assert duckdb.connect().execute(f"SELECT * FROM '{tmp_path}/customers.parquet'").fetchall() == here


def test_an_export_can_be_repeated_and_says_what_it_is(tmp_path: Path) -> None:
    book = empty_book()
    schema = book.settings.schema
    export_parquet(book.connection, schema, tmp_path / "new" / "place")
    book.customer("ada")
    exported = export_parquet(book.connection, schema, tmp_path / "new" / "place", {"commit": "abc"})
    assert exported.rows["customers"] == 1
    manifest = json.loads((exported.directory / "manifest.json").read_text())
    assert (manifest["format"], manifest["commit"], manifest["tables"]["customers"]["rows"]) == (1, "abc", 1)
    assert manifest["tables"]["customers"]["columns"]["orders"] == "BIGINT"
    assert not list(exported.directory.glob("*.part"))
    assert run(book, exported.directory, "SELECT handle FROM customers").rows == [("ada",)]
    assert not book.connection.execute("SELECT 1 FROM sqlite_temp_master").fetchall()


def test_an_export_leaves_other_peoples_files_alone(tmp_path: Path) -> None:
    (tmp_path / "customers.parquet").write_text("mine")
    book = empty_book()
    with pytest.raises(UsageProblem, match="holds other files"):
        export_parquet(book.connection, book.settings.schema, tmp_path)
    assert (tmp_path / "customers.parquet").read_text() == "mine"


def test_an_export_that_fails_is_no_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = empty_book()
    schema = book.settings.schema
    export_parquet(book.connection, schema, tmp_path)

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("crmctl.reports.warehouse._export", full)
        with pytest.raises(StorageFailed, match="No space left"):
            export_parquet(book.connection, schema, tmp_path)
    assert not book.connection.in_transaction
    with pytest.raises(NotFound, match="holds no export"):
        run(book, tmp_path, "SELECT 1 AS one")
    export_parquet(book.connection, schema, tmp_path)
    assert run(book, tmp_path, "SELECT 1 AS one").rows == [(1,)]


def test_a_manifest_of_another_time(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(CrmError, match="another version"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(StorageFailed, match="cannot be read"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT 1 AS a; SELECT 2 AS b", "one SELECT and nothing else"),
        ("WITH x AS (SELECT 1) DELETE FROM customers", "one SELECT and nothing else"),
        ("SELECT nothing FROM customers", "SQL:"),
        ("SELECT content FROM read_text('/etc/hostname')", "Permission"),
        ("SELECT a FROM 'https://shop.example/x.parquet'", "SQL:"),
    ],
)
def test_anything_but_reading_the_export_is_refused(exported: tuple[Book, Path], sql: str, why: str) -> None:
    book, directory = exported
    with pytest.raises(InvalidData) as caught:
        run(book, directory, sql)
    assert why in caught.value.problems[0].message


def test_time_and_rows_are_limited(exported: tuple[Book, Path]) -> None:
    book, directory = exported
    with pytest.raises(CrmError, match="more than 3 rows"):
        run(book, directory, "SELECT handle FROM customers", Limits(rows=3))
    forever = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) AS c FROM n"
    with pytest.raises(CrmError, match=r"took longer than 0\.05 seconds"):
        run(book, directory, forever, Limits(seconds=0.05))


def test_without_duckdb_it_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any, **more: Any) -> Any:
        if name == "duckdb":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.delitem(sys.modules, "duckdb")
    monkeypatch.setattr(builtins, "__import__", missing)
    book = empty_book()
    with pytest.raises(CrmError, match="DuckDB is not installed") as caught:
        export_parquet(book.connection, book.settings.schema, tmp_path / "x")
    assert "pip install 'crmctl[duckdb]'" in caught.value.hint
    assert not (tmp_path / "x").exists()


def test_a_table_that_is_newer_than_the_export(exported: tuple[Book, Path], tmp_path: Path) -> None:
    book, directory = exported
    copy = tmp_path / "copy"
    shutil.copytree(directory, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["tables"]["articles"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InvalidData, match="cannot run"):
        run(book, copy, "SELECT handle FROM articles")
