"""What holds for reports whatever is in the book, and for headers whatever is in the file."""

from __future__ import annotations

import sqlite3
from datetime import date

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl.errors import InvalidData
from crmctl.index import ddl
from crmctl.model.settings_reading import read_settings
from crmctl.render.bars import bars
from crmctl.reports.catalogue import find
from crmctl.reports.catalogue import parse_report
from crmctl.reports.engine import Scope
from crmctl.reports.engine import run_sqlite
from crmctl.reports.params import Params
from crmctl.reports.result import add_up

SETTINGS = read_settings({})
PARAMS = Params(date(2026, 11, 25), 1_795_000_000, "EUR")

amounts = st.integers(-(10**9), 10**9)
lines = st.tuples(
    st.sampled_from(["p0", "p1", None]),
    st.none() | st.integers(-(10**5), 10**5),
    st.none() | amounts,
)
purchases = st.tuples(
    st.sampled_from(["ada", "eve", "stray"]),
    st.integers(20_000, 20_800),
    st.none() | amounts,
    st.sampled_from(["EUR", "JPY"]),
    st.lists(lines, max_size=3),
)


def index_of(
    bought: list[tuple[str, int, int | None, str, list[tuple[str | None, int | None, int | None]]]],
) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for statement in ddl.statements(SETTINGS.schema):
        connection.execute(statement)
    connection.execute("INSERT INTO customers (handle, name, owner) VALUES ('ada', 'Ada', 'ben'), ('eve', 'Eve', NULL)")
    insert = "INSERT INTO interactions (row_id, handle, customer, type, at_day, at_month, amount_minor, currency)"
    for number, (customer, day, amount, currency, parts) in enumerate(bought):
        month = date.fromordinal(day + 719_163).isoformat()[:7]
        values = (number, f"i{number}", customer, "purchase", day, month, amount, currency)
        connection.execute(f"{insert} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        for position, part in enumerate(parts):
            connection.execute(
                "INSERT INTO interactions_lines (owner, position, product, quantity_milli, price_minor)"
                " VALUES (?, ?, ?, ?, ?)",
                (number, position, *part),
            )
    connection.commit()
    return connection


@settings(max_examples=60, deadline=None)
@given(st.lists(purchases, max_size=8), st.sampled_from([None, Scope("customer", handles=("ada",))]))
def test_every_sales_report_accounts_for_every_amount(
    bought: list[tuple[str, int, int | None, str, list[tuple[str | None, int | None, int | None]]]],
    scope: Scope | None,
) -> None:
    connection = index_of(bought)
    expected: dict[str, int] = {}
    for customer, _, amount, currency, _ in bought:
        if amount is not None and (scope is None or customer == "ada"):
            expected[currency] = expected.get(currency, 0) + amount
    for group in ("month", "customer", "product", "member", "country"):
        result = run_sqlite(connection, SETTINGS.schema, find(f"sales-by-{group}"), scope, PARAMS)
        assert {row[3]: row[2] for row in result.totals} == expected, group
    connection.close()


@given(
    st.text(max_size=300)
    | st.lists(
        st.sampled_from(["-- title: a", "-- column: a | text", "-- total: a by b", "-- bar: a by", "x", ""])
    ).map("\n".join)
)
def test_any_text_is_a_report_or_told_why_not(text: str) -> None:
    try:
        report = parse_report("any", "reports/any.sql", text)
    except InvalidData as error:
        assert error.problems
        assert all(0 <= problem.line <= text.count("\n") + 1 for problem in error.problems)
    else:
        assert report.sql
        assert report.title


@given(st.lists(st.tuples(st.sampled_from(["EUR", "JPY", "USD"]), st.none() | amounts)))
def test_totals_do_not_depend_on_order_and_never_cross_currencies(rows: list[tuple[str, int | None]]) -> None:
    header = (
        "-- column: currency | currency\n-- column: amount | money(currency)\n-- total: amount by currency\nSELECT 1"
    )
    report = parse_report("any", "any.sql", header)
    totals = add_up(report, report.columns, rows)
    assert len(totals) == len({currency for currency, _ in rows})
    assert set(totals) == set(add_up(report, report.columns, rows[::-1]))
    assert sum(int(row[1] or 0) for row in totals) == sum(amount or 0 for _, amount in rows)


@given(st.lists(st.none() | st.integers(-(10**15), 10**15)), st.integers(1, 60), st.booleans())
def test_bars_keep_to_their_width_and_to_the_order_of_values(values: list[int | None], width: int, plain: bool) -> None:
    drawn = bars(values, width, ascii=plain)
    assert all(len(bar) <= width for bar in drawn)
    assert [bool(bar) for bar in drawn] == [bool(value) for value in values]
    positive = sorted((value, len(bar)) for value, bar in zip(values, drawn, strict=True) if value and value > 0)
    assert [length for _, length in positive] == sorted(length for _, length in positive)
