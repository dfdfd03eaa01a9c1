"""``crmctl report list`` and ``run``, as a user sees them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from helpers.books import git
from helpers.books import write

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

NOW = ("--now", "2012-01-16")


def head(root: Path) -> str:
    return git(root, "rev-parse", "HEAD")[:10]


def on_a_terminal(columns: int, *arguments: object) -> str:
    """What a terminal of so many columns shows."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "LINES": "500", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "crmctl", "--no-pager", *map(str, arguments)]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        shown = b""
        while block := _read(ours):
            shown += block
    os.close(ours)
    assert process.returncode == 0
    return shown.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


def test_the_list(sample_dir: Path, run: Run) -> None:
    write(
        sample_dir, {"/reports/mine.sql": "-- question: Who?\nSELECT 1 AS x", "/reports/pipeline.sql": "SELECT 1 AS x"}
    )
    code, out, err = run("-C", sample_dir, "report", "list", "-o", "json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert (code, err) == (0, "")
    assert rows["sales-by-member"] == {
        "name": "sales-by-member",
        "question": "Who of us sold how much?",
        "from": "crmctl",
    }
    assert rows["mine"] == {"name": "mine", "question": "Who?", "from": "book"}
    assert rows["pipeline"]["from"] == "book"
    assert len(rows) == 15


def test_the_list_with_a_broken_one(sample_dir: Path, run: Run) -> None:
    write(sample_dir, {"/reports/bad.sql": "-- totl: x\nSELECT 1 AS x"})
    code, out, err = run("-C", sample_dir, "report", "list")
    assert code == 4
    assert "sales-by-member" in out
    assert err == "crmctl: reports/bad.sql:1: a report has no 'totl'\nhint: Did you mean 'total'?\n"


def test_the_known_answer(sample_dir: Path, run: Run) -> None:
    code, out, err = run("-C", sample_dir, *NOW, "report", "run", "sales-by-member")
    assert (code, err) == (0, "")
    lines = [" ".join(line.rstrip("▏▎▍▌▋▊▉█#").split()) for line in out.splitlines()]
    assert lines == [
        "Sales by member",
        "Who of us sold how much?",
        "",
        "Member Orders Amount Currency Customers Handle Amount by member",
        lines[4],
        "Jane Peacock 146 833.04 USD 21 jane-peacock",
        "Margaret Park 140 775.40 USD 20 margaret-park",
        "Steve Johnson 126 720.16 USD 18 steve-johnson",
        "",
        "total 412 2328.60 USD",
        "",
        f"2012-01-16; 3 rows; commit {head(sample_dir)}",
    ]


def test_for_programs_there_are_only_rows(sample_dir: Path, run: Run) -> None:
    code, out, err = run("-C", sample_dir, *NOW, "report", "run", "sales-by-member", "-o", "json")
    assert code == 0
    assert json.loads(out)[0] == {
        "member": "Jane Peacock",
        "orders": 146,
        "amount": "833.04",
        "currency": "USD",
        "customers": 21,
        "handle": "jane-peacock",
    }
    assert err == f"2012-01-16; 3 rows; commit {head(sample_dir)}\n"
    out = run("-C", sample_dir, *NOW, "report", "run", "sales-by-member", "-o", "csv").out
    assert out.splitlines()[0] == "member,orders,amount,currency,customers,handle"
    assert len(out.splitlines()) == 4


def test_markdown_has_title_totals_and_footer(sample_dir: Path, run: Run) -> None:
    lines = run("-C", sample_dir, *NOW, "report", "run", "sales-by-member", "-o", "md").out.splitlines()
    assert lines[0] == "## Sales by member"
    assert [cell.strip() for cell in lines[-3].split("|")[1:5]] == ["total", "412", "2328.60", "USD"]
    assert lines[-1].startswith("2012-01-16; 3 rows; commit ")
    assert "█" not in "".join(lines)


def test_each_currency_has_its_own_total(sample_dir: Path, run: Run) -> None:
    out = run("-C", sample_dir, *NOW, "report", "run", "pipeline").out
    totals = [line.split() for line in out.splitlines() if line.startswith("total")]
    assert [(total[2], total[4]) for total in totals] == [("10750.00", "USD"), ("640.00", "EUR"), ("1250.00", "CAD")]


def test_a_filter_is_told_with_what_it_picked(sample_dir: Path, run: Run) -> None:
    out = run("-C", sample_dir, *NOW, "report", "run", "sales-by-member", "tag:vip", "-country:CZ").out
    assert out.endswith(f"; filter tag:vip -country:CZ (4 customers); commit {head(sample_dir)}\n")
    out = run("-C", sample_dir, *NOW, "report", "run", "pipeline", "stage:lead").out
    assert "; 1 row; filter stage:lead (1 deal); " in out


def test_a_filter_that_picks_nobody(sample_dir: Path, run: Run) -> None:
    code, out, err = run("-C", sample_dir, *NOW, "report", "run", "sales-by-member", "tag:none")
    assert (code, err) == (0, "Nothing to report.\n")
    assert out.endswith(f"\n\n2012-01-16; 0 rows; filter tag:none (0 customers); commit {head(sample_dir)}\n")
    assert run("-C", sample_dir, *NOW, "report", "run", "sales-by-member", "tag:none", "-o", "json").out == "[]\n"


def test_changes_that_are_not_committed_are_told(sample_dir: Path, run: Run) -> None:
    write(sample_dir, {"customers/new.yaml": "name: New\n"})
    out = run("-C", sample_dir, *NOW, "report", "run", "sales-by-member").out
    assert out.endswith(f"commit {head(sample_dir)} with changes not committed\n")


@pytest.mark.parametrize("day", ["2010-12-31", "2010", "2010-12", "2010-Q4"])
def test_as_of_a_day(sample_dir: Path, run: Run, day: str) -> None:
    code, out, err = run("-C", sample_dir, *NOW, "report", "run", "sales-by-member", "--as-of", day)
    assert (code, err) == (0, "")
    assert " ".join(out.splitlines()[-3].split()) == "total 332 1878.02 USD"
    assert out.splitlines()[-1].startswith("2010-12-31; 3 rows; commit ")
    assert "the book is younger than that day" in out


def test_as_of_what_is_no_day(sample_dir: Path, run: Run) -> None:
    assert run("-C", sample_dir, *NOW, "report", "run", "sales-by-member", "--as-of", "blue").code == 2
    assert run("-C", sample_dir, *NOW, "report", "run", "sales-by-member", "--as-of", "").code == 2


def test_explained(sample_dir: Path, run: Run) -> None:
    command = ("-C", sample_dir, *NOW, "report", "run", "sales-by-member", "tag:vip", "--explain", "--limit", "3")
    code, out, err = run(*command)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Sales by member: the statement (crmctl/reports/sql/sales-by-member.sql)"
    assert lines[2] == "  WITH sales AS ("
    assert "Its params" in lines
    assert max(len(line) for line in lines[lines.index("Its params") :][:5]) <= 80
    assert "The rows behind it (first 3 of 35)" in lines
    assert lines[-1] == f"2012-01-16; filter tag:vip; commit {head(sample_dir)}"
    rows = json.loads(run(*command, "-o", "json").out)
    assert len(rows) == 3
    assert {row["currency"] for row in rows} == {"USD"}


def test_explained_to_the_last_row(sample_dir: Path, run: Run) -> None:
    write(sample_dir, {"/reports/mine.sql": "SELECT handle, name FROM members ORDER BY handle"})
    out = run("-C", sample_dir, *NOW, "report", "run", "mine", "--explain").out
    number = len(list((sample_dir / "records" / "members").iterdir()))
    assert out.startswith(
        "Mine: the statement (reports/mine.sql)\n\n  SELECT handle, name FROM members ORDER BY handle\n"
    )
    assert f"The rows behind it ({number})" in out
    write(sample_dir, {"/reports/mine.sql": "-- rows: SELECT handle FROM members WHERE handle = 'x'\nSELECT 1 AS x\n"})
    assert "The rows behind it (none)" in run("-C", sample_dir, *NOW, "report", "run", "mine", "--explain").out


def test_a_broken_report_is_told_with_its_reason(sample_dir: Path, run: Run) -> None:
    write(sample_dir, {"/reports/mine.sql": "SELECT handel FROM customers"})
    code, out, err = run("-C", sample_dir, "report", "run", "mine")
    assert (code, out) == (4, "")
    assert err.splitlines()[0] == "crmctl: reports/mine.sql: the report cannot run"
    assert err.splitlines()[1] == "  reports/mine.sql: SQL: no such column: handel"
    write(sample_dir, {"/reports/mine.sql": "-- foo: bar\nSELECT 1 AS x"})
    assert "reports/mine.sql:1: a report has no 'foo'" in run("-C", sample_dir, "report", "run", "mine").err


def test_a_report_that_is_not_there(sample_dir: Path, run: Run) -> None:
    code, _, err = run("-C", sample_dir, "report", "run", "sales-by-membr")
    assert (code, err) == (3, "crmctl: there is no report 'sales-by-membr'\nhint: Did you mean sales-by-member?\n")


def test_an_export_is_of_one_day(sample_dir: Path, run: Run) -> None:
    found = run("-C", sample_dir, "report", "run", "pipeline", "--warehouse", sample_dir, "--as-of", "2012-01-01")
    assert found.code == 2


def test_what_a_report_of_the_book_says_cannot_steer_the_terminal(sample_dir: Path, run: Run) -> None:
    text = "-- title: T\x1b[2J\n-- question: Q\x1b[2J\nSELECT 'x\x1b[2J' AS text -- \x1b[2J\n"
    write(sample_dir, {"/reports/mine.sql": text})
    for more in ([], ["--explain"], ["-o", "md"]):
        assert "\x1b" not in run("-C", sample_dir, "report", "run", "mine", *more).out
    assert "\x1b" not in run("-C", sample_dir, "report", "list").out


@pytest.mark.parametrize(
    "name", ["sales-by-member", "activity", "losing-touch", "pipeline", "followups", "data-quality"]
)
def test_a_table_fits_a_terminal_of_80_columns(sample_dir: Path, name: str) -> None:
    shown = on_a_terminal(80, "-C", sample_dir, *NOW, "report", "run", name)
    table = shown.split("\n\n", 1)[1].rpartition("\n\n")[0].splitlines()
    assert table
    assert max(map(len, table)) <= 80


def test_bars_take_the_room_that_is_left(sample_dir: Path) -> None:
    longest = {}
    for columns in (80, 200):
        shown = on_a_terminal(columns, "-C", sample_dir, *NOW, "report", "run", "sales-by-member")
        longest[columns] = max(line.count("█") for line in shown.splitlines())
        assert "…" not in shown
    assert 8 <= longest[80] < longest[200] == 24
    assert "█" not in on_a_terminal(60, "-C", sample_dir, *NOW, "report", "run", "sales-by-member")


def test_a_handle_that_would_be_cut_is_left_away(sample_dir: Path) -> None:
    assert "Handle" not in on_a_terminal(80, "-C", sample_dir, *NOW, "report", "run", "losing-touch")
    assert "Handle" in on_a_terminal(200, "-C", sample_dir, *NOW, "report", "run", "losing-touch")
