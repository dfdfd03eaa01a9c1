from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.report_book import empty_book
from helpers.report_book import random_book

import crmctl.reports
from crmctl.errors import NotFound
from crmctl.reports import catalogue
from crmctl.reports.engine import explain_rows
from crmctl.reports.engine import filter_kind
from crmctl.reports.engine import run_sqlite
from crmctl.reports.guard import PORTABLE
from crmctl.reports.guard import Guard
from crmctl.reports.guard import Limits
from crmctl.reports.narrow import without_comments
from crmctl.reports.session import prepared

REPORTS = catalogue.built_in()
EACH = pytest.mark.parametrize("name", REPORTS)


def test_the_first_set_is_complete() -> None:
    shipped = {path.stem for path in (Path(crmctl.reports.__file__).parent / "sql").glob("*.sql")}
    assert set(catalogue.NAMES) == shipped
    assert len(shipped) == 14


@EACH
def test_each_report_says_what_it_is(name: str) -> None:
    report = REPORTS[name]
    assert report.title
    assert report.question.endswith("?")
    assert report.columns
    assert report.rows_sql
    assert not report.own
    assert filter_kind(empty_book().settings.schema, report)


@EACH
def test_each_report_gives_its_columns_on_an_empty_book(name: str) -> None:
    book = empty_book()
    result = run_sqlite(book.connection, book.settings.schema, REPORTS[name], None, book.params)
    assert result.totals == []
    if name == "data-quality":
        assert {row[2:] for row in result.rows} == {(0, 0, None, None)}
    else:
        assert result.rows == []


@EACH
def test_each_report_shows_something_on_a_small_book_and_the_facts_behind_it(name: str) -> None:
    book = random_book(1)
    result = run_sqlite(book.connection, book.settings.schema, REPORTS[name], None, book.params)
    assert result.rows
    explained = explain_rows(book.connection, book.settings.schema, REPORTS[name], None, book.params, 3)
    assert len(explained.rows) == 3
    assert explained.total > 3
    assert explained.sql == REPORTS[name].sql
    assert explained.params["today"] == "2026-11-25"


@EACH
def test_each_report_keeps_to_the_portable_subset(name: str) -> None:
    book, report = empty_book(), REPORTS[name]
    with (
        prepared(book.connection, book.settings.schema, report.sql, None, book.params) as (tables, _),
        Guard(book.connection, tables, Limits(), PORTABLE),
    ):
        book.connection.execute(report.sql)
    plain = without_comments(report.sql).upper()
    # Whole division differs between engines, but for multiples it does not; and only BIGINT is 64 bits everywhere.
    assert len(re.findall(r"(?<!\*) / ", plain)) == plain.count("AS BIGINT)")
    assert not re.search(r"CAST\([^)]*AS (?!BIGINT)", plain)
    assert not re.search(r"\d\.\d|\bAVG\b|\bLIMIT\b|SELECT \*|GROUP BY ALL", plain)
    last = plain[plain.rindex("ORDER BY") :]
    assert " LIMIT " not in last


@pytest.mark.parametrize("group", ["month", "customer", "product", "member", "country"])
def test_sales_reports_have_the_same_columns_behind_their_group(group: str) -> None:
    names = [column.name for column in REPORTS[f"sales-by-{group}"].columns]
    assert names[:4] == [group, "orders", "amount", "currency"]


def test_an_own_report_stands_in_for_a_built_in_one() -> None:
    own = catalogue.parse_report("pipeline", "reports/pipeline.sql", "SELECT 1 AS one", own=True)
    other = catalogue.parse_report("mine", "reports/mine.sql", "SELECT 2 AS two", own=True)
    found = catalogue.catalogue([own, other])
    assert found["pipeline"] is own
    assert list(found)[-1] == "mine"
    assert catalogue.find("mine", found) is other
    assert catalogue.find("pipeline").path == "crmctl/reports/sql/pipeline.sql"


def test_a_name_nobody_has() -> None:
    with pytest.raises(NotFound) as caught:
        catalogue.find("sales-by-mont")
    assert "sales-by-month" in caught.value.hint
    with pytest.raises(NotFound) as caught:
        catalogue.find("xyz")
    assert "report list" in caught.value.hint
