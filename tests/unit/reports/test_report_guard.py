"""What the SQL of a book's own report can do: read, for a while, and nothing else."""

from __future__ import annotations

import sqlite3
from datetime import date
from typing import TYPE_CHECKING

import pytest
from helpers.report_book import Book
from helpers.report_book import empty_book

from crmctl import clock
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.reports.catalogue import parse_report
from crmctl.reports.engine import Limits
from crmctl.reports.engine import run_sqlite

if TYPE_CHECKING:
    from crmctl.reports.result import Result

FOREVER = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "


USUAL = Limits()


def run(book: Book, sql: str, limits: Limits = USUAL) -> Result:
    report = parse_report("own", "reports/own.sql", sql, own=True)
    return run_sqlite(book.connection, book.settings.schema, report, None, book.params, limits)


def refusal(sql: str) -> str:
    book = empty_book()
    book.customer("ada")
    before = list(book.connection.iterdump())
    with pytest.raises(InvalidData) as caught:
        run(book, sql)
    assert list(book.connection.iterdump()) == before
    error = caught.value
    assert error.message.startswith("reports/own.sql")
    assert error.hint
    return " ".join([error.message, *(problem.message for problem in error.problems)])


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("DELETE FROM customers", "a report is a SELECT"),
        ("ATTACH 'x.db' AS x", "a report is a SELECT"),
        ("PRAGMA user_version", "a report is a SELECT"),
        ("/* SELECT */ DROP TABLE customers", "a report is a SELECT"),
        ("VALUES (1)", "a report is a SELECT"),
        ("WITH x AS (SELECT 1) DELETE FROM customers", "may not delete rows"),
        ("WITH x AS (SELECT 1) INSERT INTO customers (handle) SELECT * FROM x", "may not write to a table"),
        ("WITH x AS (SELECT 1) UPDATE customers SET handle = 'x'", "may not write to a table"),
        ("SELECT 1; DROP TABLE customers", "one statement"),
        ("SELECT load_extension('x')", "load_extension"),
        ("SELECT sql FROM sqlite_master", "may not read 'sqlite_master'"),
        ("SELECT oid FROM files", "may not read 'files'"),
        ("SELECT data FROM customers_raw", "may not read 'customers_raw'"),
        ("SELECT name FROM pragma_table_info('customers')", "may not call a function as a table"),
        ("SELECT value FROM json_each('[1]')", "may not"),
        ("SELECT handle FROM _nothing", "no such table"),
        ("SELECT date('now') AS today", "may not call date()"),
        ("SELECT current_timestamp AS today", "may not call current_timestamp()"),
        ("WITH x AS (SELECT random() AS n) SELECT n FROM x", "may not call random()"),
        ("SELECT randomblob(9) AS n", "may not call randomblob()"),
        ("SELECT nope FROM customers", "no such column: nope"),
        ("SELEC 1", "a report is a SELECT"),
        ("SELECT FROM", "syntax error"),
        ("SELECT :x AS x", "SQL:"),
    ],
)
def test_anything_but_reading_is_refused(sql: str, why: str) -> None:
    assert why in refusal(sql)


def test_the_connection_is_free_again_afterwards() -> None:
    book = empty_book()
    run(book, "SELECT COUNT(*) AS n FROM customers")
    with pytest.raises(InvalidData):
        run(book, "SELECT date('now') AS today")
    book.customer("ada")
    assert book.connection.execute("SELECT date('2026-01-01')").fetchone() == ("2026-01-01",)
    assert book.connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) > 10_000_000


def test_a_connection_with_a_row_factory() -> None:
    book = empty_book()
    book.connection.row_factory = sqlite3.Row
    assert run(book, "SELECT today_day FROM params").rows == [(book.params.row()[1],)]
    assert run(book, "SELECT stage FROM pipeline_stages WHERE is_default = 0").rows == [("proposal",)]


def test_a_book_without_pipelines() -> None:
    book = empty_book()
    book = book._replace(params=book.params._replace(stages=()))
    assert run(book, "SELECT stage FROM pipeline_stages").rows == []


def test_time_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(1_000_000))
    monkeypatch.setattr(clock, "monotonic", lambda: float(next(ticks)))
    with pytest.raises(CrmError, match="took longer than 5 seconds") as caught:
        run(empty_book(), f"{FOREVER} SELECT COUNT(*) AS n FROM n", Limits(seconds=5))
    assert caught.value.hint


def test_an_interrupt_by_the_user_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter([0.0])

    def pressed() -> float:
        for seconds in calls:
            return seconds
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(clock, "monotonic", pressed)
    with pytest.raises(KeyboardInterrupt):
        run(empty_book(), f"{FOREVER} SELECT COUNT(*) AS n FROM n")


def test_rows_are_limited() -> None:
    with pytest.raises(CrmError, match="more than 100 rows"):
        run(empty_book(), f"{FOREVER} SELECT x FROM n", Limits(rows=100))


def test_values_are_limited() -> None:
    grow = "WITH RECURSIVE n(x) AS (SELECT 'ab' UNION ALL SELECT x || x FROM n) SELECT COUNT(*) AS c FROM n"
    assert "too big" in refusal(grow)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("-- column: n | integer\nSELECT 1 AS m", "the header declares n; the SELECT gives m"),
        ("-- column: n | integer\nSELECT 1 AS n, 2 AS m", "the SELECT gives n, m"),
        ("-- column: n | integer\nSELECT 0.5 AS n", "'n' gives 0.5; reports count in whole numbers"),
        ("-- column: n | integer\nSELECT 'x' AS n", "'n' gives 'x', which is no whole number"),
        ("-- column: n | text\nSELECT 1 AS n", "'n' gives 1, which is no text"),
        ("SELECT 0.5 AS n", "'n' gives 0.5, which is no text"),
    ],
)
def test_rows_must_be_as_declared(sql: str, why: str) -> None:
    assert why in refusal(sql)


def test_columns_that_are_not_declared_are_told_from_their_names() -> None:
    sql = (
        "SELECT 'x' AS handle, 1 AS n, 5 AS paid_minor, 'EUR' AS currency, 7 AS due_day, 9 AS size_milli, NULL AS nope,"
        " '2026-01' AS at_month"
    )
    result = run(empty_book(), sql)
    assert [(column.type, column.align, column.heading) for column in result.columns] == [
        ("handle", "left", "Handle"),
        ("integer", "right", "N"),
        ("money", "right", "Paid"),
        ("currency", "left", "Currency"),
        ("day-number", "left", "Due"),
        ("milli", "right", "Size"),
        ("text", "left", "Nope"),
        ("month", "left", "At"),
    ]
    alone = run(empty_book(), "SELECT 5 AS paid_minor")
    assert alone.columns[0].type == "integer"


def test_totals_are_per_group_and_skip_what_is_absent() -> None:
    sql = """\
-- column: name | text
-- column: n | integer
-- column: amount | money(currency)
-- column: currency | currency
-- total: n, amount by currency
SELECT 'a' AS name, 1 AS n, 5 AS amount, 'USD' AS currency UNION ALL SELECT 'b', 2, NULL, 'EUR'
UNION ALL SELECT 'c', 4, 6, 'USD' ORDER BY 1"""
    result = run(empty_book(), sql)
    assert result.totals == [(None, 5, 11, "USD"), (None, 2, None, "EUR")]
    plain = run(empty_book(), "-- column: n | integer\n-- total: n\nSELECT 1 AS n UNION ALL SELECT 2 ORDER BY 1")
    assert plain.totals == [(3,)]


def test_params_tell_the_day() -> None:
    book = empty_book()
    book = book._replace(params=book.params._replace(today=date(2024, 2, 29)))
    sql = "SELECT today, month, month_day, year, year_day, today_day, currency FROM params"
    assert run(book, sql).rows == [("2024-02-29", "2024-02", 19754, "2024", 19723, 19782, "EUR")]
