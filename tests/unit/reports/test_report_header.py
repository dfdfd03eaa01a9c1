from __future__ import annotations

import pytest

from crmctl.errors import InvalidData
from crmctl.reports.header import parse_report
from crmctl.reports.report import Bar
from crmctl.reports.report import Column
from crmctl.reports.report import Report
from crmctl.reports.report import Totals

WHOLE = """\
-- title: Spending
-- question: Who spends what?
-- filter: deal
-- column: customer | text | left | Customer
-- column: waited | integer | right | Waited | days
-- column: amount | money(currency) | right | Amount
-- column: currency | currency
-- total: waited, amount by currency
-- bar: amount by customer
-- rows: SELECT 1
-- rows: FROM deals;
--
-- A remark in words.

SELECT 'x' AS customer -- not: a header
;
"""


def read(text: str) -> Report:
    return parse_report("spending", "reports/spending.sql", text)


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(InvalidData) as caught:
        read(text)
    assert all(problem.path == "reports/spending.sql" for problem in caught.value.problems)
    return [(problem.line, problem.code) for problem in caught.value.problems]


def test_a_whole_header() -> None:
    report = read(WHOLE)
    assert report.title == "Spending"
    assert report.question == "Who spends what?"
    assert report.filter_kind == "deal"
    assert report.columns == (
        Column("customer", "text", "left", "Customer", "", "", 4),
        Column("waited", "integer", "right", "Waited", "days", "", 5),
        Column("amount", "money", "right", "Amount", "", "currency", 6),
        Column("currency", "currency", "left", "Currency", "", "", 7),
    )
    assert report.totals == Totals(("waited", "amount"), "currency")
    assert report.bar == Bar("amount", "customer")
    assert report.rows_sql == "SELECT 1\nFROM deals"
    assert report.sql == "SELECT 'x' AS customer -- not: a header"
    assert not report.own


def test_a_bare_select_is_a_report() -> None:
    report = parse_report("my-list", "reports/my-list.sql", "\ufeffSELECT 1 AS one\r\n", own=True)
    assert (report.title, report.filter_kind, report.columns) == ("My list", "customer", ())
    assert report.sql == "SELECT 1 AS one"
    assert report.own


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("-- titel: x", "unknown-key"),
        ("-- Title: x", "unknown-key"),
        ("-- title:", "empty-key"),
        ("-- filter: all customers", "bad-filter"),
        ("-- column: amount", "bad-column"),
        ("-- column: a | text | left | A | unit | more", "bad-column"),
        ("-- column: Amount | text", "bad-column"),
        ("-- column: a | float", "bad-type"),
        ("-- column: a | money", "bad-type"),
        ("-- column: a | text | middle", "bad-alignment"),
        ("-- column: a | money(b)", "no-currency"),
        ("-- total: nothing", "unknown-column"),
        ("-- bar: amount", "bad-bar"),
        ("-- bar: a by b", "unknown-column"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(line: str, code: str) -> None:
    assert (2, code) in problems(f"-- question: Why?\n{line}\nSELECT 1")


def test_a_near_key_is_suggested() -> None:
    with pytest.raises(InvalidData) as caught:
        read("-- colum: a | text\nSELECT 1")
    assert caught.value.problems[0].hint == "Did you mean 'column'?"
    assert str(caught.value.problems[0]) == "reports/spending.sql:1: a report has no 'colum'"


def test_all_problems_come_at_once_and_in_order() -> None:
    text = "-- title: a\n-- title: b\n-- column: x | text\n-- column: x | text\n-- total: x\n-- bar: x by x\n"
    expected = [(2, "repeated-key"), (4, "repeated-column"), (5, "no-sum"), (6, "bad-bar"), (7, "no-sql")]
    assert problems(text) == expected


@pytest.mark.parametrize("total", ["amount", "amount by name"])
def test_amounts_are_never_added_up_across_currencies(total: str) -> None:
    text = f"""\
-- column: name | text
-- column: amount | money(currency)
-- column: currency | currency
-- total: {total}
SELECT 1"""
    assert problems(text) == [(4, "mixed-currencies")]


def test_a_text_in_the_sql_stays_as_it_is() -> None:
    assert read("-- title: x\r\nSELECT 'a\u2028b\x0c' AS c").sql == "SELECT 'a\u2028b\x0c' AS c"


def test_a_nul_character_is_refused() -> None:
    assert problems("SELECT 'a\0b' AS c") == [(0, "bad-character")]


def test_a_huge_file_is_no_report() -> None:
    assert problems("SELECT 1" + " " * 100_000) == [(0, "too-large")]
