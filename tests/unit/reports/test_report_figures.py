"""What each built-in report says of a book whose figures can be added up by hand."""

from __future__ import annotations

from datetime import date
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from helpers.report_book import TODAY
from helpers.report_book import Book
from helpers.report_book import Value
from helpers.report_book import dated
from helpers.report_book import empty_book
from helpers.report_book import moment
from helpers.report_book import random_book

from crmctl.model.columns import day_number
from crmctl.reports.catalogue import find
from crmctl.reports.engine import run_sqlite

if TYPE_CHECKING:
    from crmctl.reports.result import Result

JUNE, JULY = date(2026, 6, 1), date(2026, 7, 31)


def run(book: Book, name: str) -> Result:
    book.reckon()
    return run_sqlite(book.connection, book.settings.schema, find(name), None, book.params)


def rows(book: Book, name: str, *names: str) -> list[tuple[Value, ...]]:
    """The rows of a report, reduced to some columns."""
    result = run(book, name)
    places = [[column.name for column in result.columns].index(wanted) for wanted in names]
    return [tuple(row[place] for place in places) for row in result.rows]


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def shop() -> Book:
    book = empty_book()
    book.put("members", handle="ben", name="Ben")
    book.customer("ada", name="Ada", address_country="DE", owner="ben")
    book.customer("eve", name="Eve", address_country="ZZ")
    book.customer("kim", name="Kim")
    book.sold("ada", JUNE, 1000)
    book.sold("ada", JULY, 500, "JPY", by="ben")
    book.sold("eve", JUNE, 2500, by="zoe")
    book.sold("kim", JULY, -100)
    book.sold("kim", JULY, None)
    book.happened("kim", "payment", JULY, amount_minor=77, currency="EUR")
    return book


def test_sales_by_month() -> None:
    result = run(shop(), "sales-by-month")
    assert result.rows == [("2026-06", 2, 3500, "EUR"), ("2026-07", 1, -100, "EUR"), ("2026-07", 1, 500, "JPY")]
    assert result.totals == [(None, 3, 3400, "EUR"), (None, 1, 500, "JPY")]


def test_sales_by_customer_shows_names_the_largest_first_and_the_currency_of_the_book_first() -> None:
    found = rows(shop(), "sales-by-customer", "customer", "orders", "amount", "currency", "handle")
    assert found == [
        ("Eve", 1, 2500, "EUR", "eve"),
        ("Ada", 1, 1000, "EUR", "ada"),
        ("Kim", 1, -100, "EUR", "kim"),
        ("Ada", 1, 500, "JPY", "ada"),
    ]


def test_sales_by_member_fall_back_on_the_owner_of_the_customer() -> None:
    found = rows(shop(), "sales-by-member", "member", "amount", "currency", "handle")
    assert found == [
        ("zoe", 2500, "EUR", "zoe"),
        ("Ben", 1000, "EUR", "ben"),
        ("(nobody)", -100, "EUR", None),
        ("Ben", 500, "JPY", "ben"),
    ]


def test_sales_by_country_are_named_in_english() -> None:
    found = rows(shop(), "sales-by-country", "country", "amount", "currency", "customers", "code")
    assert found == [
        ("ZZ", 2500, "EUR", 1, "ZZ"),
        ("Germany", 1000, "EUR", 1, "DE"),
        ("(unknown)", -100, "EUR", 1, None),
        ("Germany", 500, "JPY", 1, "DE"),
    ]


def test_sales_by_product_account_for_all_that_was_paid() -> None:
    book = empty_book()
    book.put("products", handle="tea", name="Tea")
    full = book.sold("ada", JUNE, 1000)
    book.line(full, "tea", 2500, 333)  # 832.5, rounded up
    book.line(full, "cup", None, 100)
    rest = book.sold("ada", JUNE, 500)
    book.line(rest, "tea", 1000, None)  # the only line without a price gets what is left
    book.line(rest, None, 1000, 50)
    back = book.sold("ada", JUNE, -833)
    book.line(back, "tea", -2500, 333)  # rounded away from zero as well
    vague = book.sold("ada", JUNE, 90)
    book.line(vague, "tea", None, None)
    book.line(vague, "cup", None, None)
    book.sold("ada", JUNE, 7)
    assert rows(book, "sales-by-product", "product", "orders", "amount", "quantity", "handle") == [
        ("Tea", 4, 833 + 450 - 833 + 0, 2500 + 1000 - 2500 + 1000, "tea"),
        ("(other)", 2, 67 + 90, None, None),
        ("cup", 2, 100, 2000, "cup"),
        ("(no product)", 2, 50 + 7, 1000, None),
    ]
    assert run(book, "sales-by-product").totals == [(None, None, 764, "EUR", None, None)]


@pytest.mark.parametrize("seed", range(5))
def test_all_sales_reports_add_up_to_the_same(seed: int) -> None:
    book = random_book(seed)
    sums = set()
    for group in ("month", "customer", "product", "member", "country"):
        totals: dict[Value, int] = {}
        for amount, currency in rows(book, f"sales-by-{group}", "amount", "currency"):
            totals[currency] = totals.get(currency, 0) + int(amount or 0)
        sums.add(tuple(sorted(totals.items(), key=str)))
    assert len(sums) == 1


def test_customers() -> None:
    book = empty_book()
    book.customer("new", lifecycle="customer")
    book.customer("old", lifecycle="customer")
    book.customer("lead", lifecycle="lead")
    book.customer("own", lifecycle="patron")
    book.customer("blank")
    book.sold("new", ago(89), 300)
    book.sold("new", ago(89), 400, "JPY")
    book.happened("old", "call", ago(90))
    book.happened("old", "call", date(2025, 12, 31))
    assert run(book, "customers").rows == [
        ("lead", 1, 0, 0, 0, 0, "EUR"),
        ("customer", 2, 1, 1, 1, 300, "EUR"),
        ("patron", 1, 0, 0, 0, 0, "EUR"),
        ("(none)", 1, 0, 0, 0, 0, "EUR"),
    ]
    assert run(book, "customers").totals == [(None, 5, 1, 1, 1, 300, "EUR")]


def test_activity() -> None:
    book = shop()
    for what in ("call", "email", "visit", "meeting", "survey"):
        book.happened("ada", what, JUNE, by="ben", minutes=10)
    assert run(book, "activity").rows == [
        ("2026-06", "Ben", 1, 1, 2, 0, 1, 5, 50, "ben"),
        ("2026-06", "zoe", 0, 0, 0, 1, 0, 1, 0, "zoe"),
        ("2026-06", "(nobody)", 0, 0, 0, 1, 0, 1, 0, None),
        ("2026-07", "(nobody)", 0, 0, 0, 2, 1, 3, 0, None),
        ("2026-07", "Ben", 0, 0, 0, 1, 0, 1, 0, "ben"),
    ]


def test_channels() -> None:
    book = empty_book()
    for customer, way in (("ada", "in"), ("ada", "out"), ("eve", None)):
        book.happened(customer, "call", JUNE, direction=way, minutes=5)
    book.happened("ada", "email", JULY, direction="out")
    assert run(book, "channels").rows == [
        ("call", 3, 1, 1, 2, 15, day_number(JUNE)),
        ("email", 1, 0, 1, 1, 0, day_number(JULY)),
    ]


def test_losing_touch() -> None:
    book = empty_book()
    for handle, cadence, lifecycle, silent in (
        ("weekly", 7, None, 8),
        ("patient", 365, None, 300),
        ("silent", None, "customer", 91),
        ("fresh", None, "customer", 90),
        ("gone", None, "former", 400),
        ("gone-but-dear", 30, "former", 400),
        ("never-asked", None, "lead", None),
        ("never-met", 14, "lead", None),
    ):
        book.customer(handle, cadence=cadence, lifecycle=lifecycle)
        if silent is not None:
            book.happened(handle, "call", ago(silent))
    row = book.customer("leave-me", cadence=1)
    book.put("customers_do_not_contact", owner=row, position=0, value="all")
    book.happened("leave-me", "call", ago(50))
    book.customer("firm")
    book.customer("clerk", organization="firm")
    book.happened("firm", "call", ago(200))
    book.happened("clerk", "call", ago(10))
    book.put("followups", handle="f", what="call", customer="silent", **dated("due", TODAY))
    found = rows(book, "losing-touch", "handle", "silent", "cadence", "overdue", "reason", "next")
    assert found == [
        ("gone-but-dear", 400, 30, 370, "past the cadence", None),
        ("silent", 91, None, 1, "no contact for 90 days", day_number(TODAY)),
        ("weekly", 8, 7, 1, "past the cadence", None),
        ("never-met", None, 14, None, "never contacted", None),
    ]


def test_pipeline_is_in_the_order_of_the_stages_and_weighs_by_chance() -> None:
    book = empty_book()
    for handle, pipeline, stage, amount, currency, chance in (
        ("a", "sales", "proposal", 1001, "EUR", None),
        ("b", None, "lead", 1000, "EUR", 55),
        ("c", None, "proposal", 999, "EUR", None),
        ("d", "service", "proposal", 100, "JPY", None),
        ("e", None, None, None, None, None),
        ("f", "sales", "won", 5000, "EUR", 100),
    ):
        values = {"pipeline": pipeline, "stage": stage, "amount_minor": amount, "currency": currency}
        status = "won" if stage == "won" else "open"
        book.put(
            "deals", handle=handle, status=status, probability=chance, **values, **dated("closes", ago(len(handle)))
        )
    assert run(book, "pipeline").rows == [
        ("sales", "lead", 1, 1000, 550, "EUR", 1),
        ("sales", "proposal", 2, 2000, 1000, "EUR", 2),
        ("service", "proposal", 1, 100, 60, "JPY", 1),
        ("(none)", "(none)", 1, 0, 0, "EUR", 1),
    ]


def test_won_and_lost() -> None:
    book = empty_book()

    def decided(handle: str, status: str, closed: date | None, amount: int, reason: str | None = None) -> int:
        values: dict[str, Value] = {"status": status, "stage": status, "amount_minor": amount, "lost_reason": reason}
        return book.put("deals", handle=handle, currency="EUR", **values, **dated("closed", closed))

    decided("a", "won", JUNE, 100)
    decided("b", "lost", JUNE, 50, "price")
    decided("c", "lost", JUNE, 50, "time")
    logged = decided("d", "lost", None, 50, "time")
    book.put("deals_stage_log", owner=logged, position=0, stage="lost", **dated("at", JUNE))
    decided("e", "won", JULY, 100)
    decided("f", "won", None, 1)
    decided("g", "open", None, 1000)
    assert run(book, "won-lost").rows == [
        ("2026-06", 1, 3, 25, 100, 150, "EUR", "time"),
        ("2026-07", 1, 0, 100, 100, 0, "EUR", None),
        (None, 1, 0, 100, 1, 0, "EUR", None),
    ]


def test_followups() -> None:
    book = shop()
    for handle, due, customer, owner, promised, done in (
        ("late", ago(3), "ada", None, 1, None),
        ("today", TODAY, "kim", "ben", None, None),
        ("soon", TODAY + timedelta(days=9), None, None, 0, None),
        ("over", ago(5), "ada", None, 1, ago(4)),
    ):
        days = {**dated("due", due), **dated("done", done)}
        book.put("followups", handle=handle, what="Call", customer=customer, owner=owner, promised=promised, **days)
    assert run(book, "followups").rows == [
        (day_number(ago(3)), 3, "Ada", "Call", "Ben", 1, "late"),
        (day_number(TODAY), 0, "Kim", "Call", "Ben", 0, "today"),
        (day_number(TODAY) + 9, 0, None, "Call", None, 0, "soon"),
    ]


def test_cases() -> None:
    book = empty_book()
    for handle, priority, opened, answered, solved in (
        ("a", "high", 3, None, None),  # answer due since two days
        ("b", "high", 20, 20, None),  # solution due since ten days
        ("c", "high", 40, 38, None),
        ("d", "high", 12, 12, 10),
        ("e", "high", 200, 200, 150),
        ("f", None, 0, None, None),
    ):
        book.put(
            "cases",
            handle=handle,
            priority=priority,
            status="solved" if solved else None,
            **moment("opened", ago(opened)),
            **moment("respond_by", ago(opened - 1)),
            **moment("responded", None if answered is None else ago(answered)),
            **moment("resolve_by", ago(opened - 10)),
            **moment("resolved", None if solved is None else ago(solved), 46801),
        )
    assert run(book, "cases").rows == [
        ("high", 3, 1, 1, 1, 40, 1, 2, 2, 1, 49),
        ("normal", 1, 1, 0, 0, 0, 1, 0, 0, 0, None),
    ]


def test_data_quality() -> None:
    book = empty_book()
    first = book.customer("ada", name="Ada", owner="ben", lifecycle="lead", address_country="DE")
    second = book.customer("ada-2", name="Ada")
    book.customer("eve")
    for owner in (first, second):
        book.put("customers_emails", owner=owner, position=0, value="a@x.example", value_key="a@x.example")
    book.sold("ada", JUNE, None, by="ben")
    book.sold("ada", JUNE, 1)
    book.put("deals", handle="d", status="open", **dated("closes", ago(1)))
    book.put("deals", handle="e", status="lost")
    book.put("cases", handle="k", status="open")
    book.put("followups", handle="f", what="x", **dated("due", ago(31)))
    found = {row[1]: row[2:] for row in run(book, "data-quality").rows}
    assert found == {
        "no e-mail address and no phone": (1, 3, 33, "eve"),
        "no e-mail address": (1, 3, 33, "eve"),
        "e-mail address of another customer": (2, 3, 67, "ada"),
        "name of another customer": (2, 3, 67, "ada"),
        "no country": (2, 3, 67, "ada-2"),
        "no owner": (2, 3, 67, "ada-2"),
        "no lifecycle": (2, 3, 67, "ada-2"),
        "nothing ever happened": (2, 3, 67, "ada-2"),
        "purchase without an amount": (1, 2, 50, "i000000"),
        "no member named": (1, 2, 50, "i000001"),
        "open without an amount": (1, 1, 100, "d"),
        "open without a next step": (1, 1, 100, "d"),
        "open without a close date": (0, 1, 0, None),
        "open past its close date": (1, 1, 100, "d"),
        "lost without a reason": (1, 1, 100, "e"),
        "open without an owner": (1, 1, 100, "k"),
        "late by more than 30 days": (1, 1, 100, "f"),
    }
