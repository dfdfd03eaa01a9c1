"""Reports under a filter, and as of a day."""

from __future__ import annotations

from datetime import date

import pytest
from helpers.report_book import Book
from helpers.report_book import Value
from helpers.report_book import dated
from helpers.report_book import empty_book
from helpers.report_book import moment
from helpers.report_book import random_book

from crmctl.errors import InvalidData
from crmctl.model.columns import day_number
from crmctl.reports.catalogue import built_in
from crmctl.reports.catalogue import find
from crmctl.reports.catalogue import parse_report
from crmctl.reports.engine import Scope
from crmctl.reports.engine import explain_rows
from crmctl.reports.engine import handles
from crmctl.reports.engine import run_sqlite

EARLY, DAY, LATE = date(2026, 1, 10), date(2026, 3, 1), date(2026, 5, 5)


def ask(book: Book, sql: str, scope: Scope | None = None, until: date | None = None) -> list[tuple[Value, ...]]:
    report = parse_report("asked", "reports/asked.sql", sql, own=True)
    params = book.params._replace(until=until, today=until or book.params.today)
    return run_sqlite(book.connection, book.settings.schema, report, scope, params).rows


def small() -> Book:
    book = empty_book()
    first = book.customer("ada", owner="ben")
    book.customer("eve")
    book.put("customers_emails", owner=first, position=0, value="a@x.example", value_key="a@x.example")
    for customer in ("ada", "eve"):
        row = book.sold(customer, EARLY, 100)
        book.line(row, "tea", None, 100)
        book.sold(customer, LATE, 1000)
        book.put("deals", handle=f"d-{customer}", customer=customer, status="open")
        book.put("followups", handle=f"f-{customer}", customer=customer, what="x", **dated("due", LATE))
    book.put("followups", handle="f-none", what="x", **dated("due", LATE))
    tea = book.put("products", handle="tea", name="Tea")
    book.put("products_tags", owner=tea, position=0, value="hot", value_key="hot")
    book.reckon()
    return book


ADA = Scope("customer", "t.owner = ?", ("ben",))


@pytest.mark.parametrize(
    ("table", "column", "expected"),
    [
        ("customers", "handle", ["ada"]),
        ("customers_emails", "value", ["a@x.example"]),
        ("interactions", "customer", ["ada", "ada"]),
        ("interactions_lines", "product", ["tea"]),
        ("deals", "handle", ["d-ada"]),
        ("followups", "handle", ["f-ada"]),
        ("products", "handle", ["tea"]),
        ("products_tags", "value", ["hot"]),
        ("all_customers", "handle", ["ada", "eve"]),
        ("all_interactions_lines", "product", ["tea", "tea"]),
    ],
)
def test_a_filter_on_customers_takes_everything_of_theirs_along(table: str, column: str, expected: list[str]) -> None:
    found = ask(small(), f"SELECT {column} AS found FROM {table} ORDER BY 1", ADA)
    assert [row[0] for row in found] == expected


def test_a_filter_on_another_kind_leaves_customers_alone() -> None:
    scope = Scope("deal", "t.customer = ?", ("eve",))
    sql = "SELECT (SELECT COUNT(*) FROM deals) AS deals_n, (SELECT COUNT(*) FROM customers) AS customers_n"
    assert ask(small(), sql, scope) == [(1, 2)]


def test_a_filter_by_handles() -> None:
    book = small()
    scope = Scope("customer", handles=("eve", "nobody", "eve"))
    assert ask(book, "SELECT handle FROM customers", scope) == [("eve",)]
    assert handles(book.connection, book.settings.schema, scope) == ("eve", "eve", "nobody")
    assert handles(book.connection, book.settings.schema, ADA) == ("ada",)


def test_how_many_records_a_filter_picked_is_told() -> None:
    book = small()
    report = find("sales-by-month")
    assert run_sqlite(book.connection, book.settings.schema, report, ADA, book.params).selected == 1
    assert run_sqlite(book.connection, book.settings.schema, report, None, book.params).selected is None


def test_facts_behind_a_filtered_report_are_filtered_too() -> None:
    book = small()
    explained = explain_rows(book.connection, book.settings.schema, find("sales-by-month"), ADA, book.params)
    assert [row[1] for row in explained.rows] == ["ada", "ada"]
    assert explained.total == 2


def test_without_rows_in_the_header_the_first_table_is_shown() -> None:
    book = small()
    sql = "WITH x AS (SELECT customer FROM followups) SELECT COUNT(*) AS customers FROM x JOIN customers ON 1 = 1"
    explained = explain_rows(
        book.connection, book.settings.schema, parse_report("own", "own.sql", sql), ADA, book.params
    )
    names = [column.name for column in explained.columns]
    assert names[:2] == ["handle", "path"]
    assert "due" in names
    assert "due_day" not in names
    assert [row[0] for row in explained.rows] == ["f-ada"]
    nothing = parse_report("own", "own.sql", "SELECT 1 AS one")
    assert explain_rows(book.connection, book.settings.schema, nothing, None, book.params).rows == [(1,)]


def test_what_happened_later_is_left_out() -> None:
    book = small()
    assert ask(book, "SELECT SUM(amount_minor) AS n FROM interactions", None, DAY) == [(200,)]
    assert ask(book, "SELECT SUM(amount_minor) AS n FROM interactions", ADA, DAY) == [(100,)]
    sql = "SELECT handle, orders, spent_minor, last, last_month, open_deals FROM customers ORDER BY handle"
    assert ask(book, sql, ADA, DAY) == [("ada", 1, 100, "2026-01-10", "2026-01", 1)]
    assert ask(book, sql, ADA) == [("ada", 2, 1100, "2026-05-05", "2026-05", 1)]


def test_a_deal_stands_where_its_log_says() -> None:
    book = empty_book()
    row = book.put(
        "deals",
        handle="won",
        stage="won",
        status="won",
        probability=100,
        **dated("opened", EARLY),
        **dated("closed", LATE),
    )
    for place, (stage, day) in enumerate((("lead", EARLY), ("proposal", DAY), ("won", LATE))):
        book.put("deals_stage_log", owner=row, position=place, stage=stage, **dated("at", day))
    book.put("deals", handle="bare", stage="lost", status="lost", lost_reason="price", **dated("closed", LATE))
    book.put("deals", handle="later", stage="lead", status="open", **dated("opened", LATE))
    book.put("deals", handle="same", stage="lead", status="open", probability=5)
    sql = "SELECT handle, stage, status, probability, closed_day, lost_reason FROM deals ORDER BY handle"
    assert ask(book, sql, None, DAY) == [
        ("bare", None, "open", None, None, None),
        ("same", "lead", "open", 5, None, None),
        ("won", "proposal", "open", None, None, None),
    ]
    log = "SELECT stage FROM deals_stage_log ORDER BY position"
    assert ask(book, log, None, DAY) == [("lead",), ("proposal",)]
    closed = ask(book, sql, None, LATE)
    assert [(row[0], row[2]) for row in closed] == [
        ("bare", "lost"),
        ("later", "open"),
        ("same", "open"),
        ("won", "won"),
    ]


def test_cases_and_followups_are_open_until_they_are_closed() -> None:
    book = empty_book()
    solved: dict[str, Value] = {"status": "solved", "satisfaction": 5}
    book.put(
        "cases", handle="k", **solved, **moment("opened", EARLY), **moment("responded", DAY), **moment("resolved", LATE)
    )
    book.put("cases", handle="later", **moment("opened", LATE))
    book.put("followups", handle="f", what="x", outcome="fine", **dated("due", EARLY), **dated("done", LATE))
    sql = "SELECT handle, status, satisfaction, responded_day, resolved_time FROM cases"
    assert ask(book, sql, None, DAY) == [("k", "open", None, day_number(DAY), None)]
    assert ask(book, "SELECT done, outcome FROM followups", None, DAY) == [(None, None)]
    assert ask(book, "SELECT done, outcome FROM followups", None, LATE) == [("2026-05-05", "fine")]


@pytest.mark.parametrize("name", built_in())
def test_a_report_leaves_nothing_behind(name: str) -> None:
    book = random_book(2, customers=10)
    report = find(name)
    scope = Scope(report.filter_kind, "t.handle > ?", ("c",))
    params = book.params._replace(until=DAY, today=DAY)
    before = list(book.connection.iterdump())
    run_sqlite(book.connection, book.settings.schema, report, scope, params)
    assert book.connection.execute("SELECT * FROM sqlite_temp_master").fetchall() == []
    assert list(book.connection.iterdump()) == before
    assert not book.connection.in_transaction


def test_a_bad_filter_leaves_nothing_behind_either() -> None:
    book = small()
    with pytest.raises(Exception, match="nonsense"):
        ask(book, "SELECT 1 AS one", Scope("customer", "t.nonsense = 1"))
    assert book.connection.execute("SELECT * FROM sqlite_temp_master").fetchall() == []


def test_a_kind_that_the_book_does_not_have() -> None:
    with pytest.raises(InvalidData, match="no kind 'ship' to filter by"):
        ask(small(), "-- filter: ship\nSELECT 1 AS one")
