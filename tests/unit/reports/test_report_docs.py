"""docs/reports.md is true: its catalogue is ours, and its example runs."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from helpers.report_book import empty_book

from crmctl.reports.catalogue import built_in
from crmctl.reports.catalogue import parse_report
from crmctl.reports.engine import explain_rows
from crmctl.reports.engine import run_sqlite
from crmctl.reports.guard import PORTABLE
from crmctl.reports.header import KEYS
from crmctl.reports.params import PARAMS
from crmctl.reports.params import STAGES
from crmctl.reports.report import TYPES

PAGE = (Path(__file__).parents[3] / "docs" / "reports.md").read_text(encoding="utf-8")


def test_the_catalogue() -> None:
    told = [line for line in PAGE.splitlines() if re.match(r"\| `[a-z-]+` \| .*\? \|", line)]
    assert told == [
        f"| `{report.name}` | {report.question} | {report.filter_kind} | "
        f"{', '.join(f'`{column.name}`' for column in report.columns)} |"
        for report in built_in().values()
    ]


@pytest.mark.parametrize(
    "word",
    [*KEYS, *(name for name in TYPES if name != "money"), *sorted(PORTABLE), *(n for n, _ in (*PARAMS, *STAGES))],
)
def test_every_word_of_the_format_is_explained(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_the_example_runs(tmp_path: Path) -> None:
    found = re.search(r"<!-- a test runs this example -->\n```sql\n(.*?)```", PAGE, re.DOTALL)
    assert found
    report = parse_report("top-tags", "reports/top-tags.sql", found[1], own=True)
    book = empty_book()
    for handle, tags in (("ada", ["vip", "tea"]), ("eve", ["tea"])):
        row = book.customer(handle)
        for position, tag in enumerate(tags):
            book.put("customers_tags", owner=row, position=position, value=tag, value_key=tag)
        book.sold(handle, date(2026, 2, 3), 1001)
        book.sold(handle, date(2026, 2, 4), 500)
        book.sold(handle, date(2025, 12, 31), 9999)
    book.reckon()
    schema = book.settings.schema
    result = run_sqlite(book.connection, schema, report, None, book.params)
    assert result.rows == [("tea", 2, 4, 3002, 750, "EUR"), ("vip", 1, 2, 1501, 750, "EUR")]
    assert explain_rows(book.connection, schema, report, None, book.params).total == 6
    pytest.importorskip("duckdb")
    from crmctl.reports.duck import run_duckdb
    from crmctl.reports.warehouse import export_parquet

    export_parquet(book.connection, schema, tmp_path)
    assert run_duckdb(tmp_path, schema, report, None, book.params) == result
