"""Running the reports of a book: the built-in ones, its own, under a filter, as of a day."""

from __future__ import annotations

from datetime import date
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.query import BadFilter
from crmctl.reports.catalogue import NAMES
from crmctl.services import reports
from crmctl.services.book import Book

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(sample_dir: Path) -> Path:
    """The sample book on its day."""
    clock.freeze(datetime.fromisoformat("2012-01-16T12:00:00-07:00"))
    return sample_dir


def own(root: Path, **files: str) -> None:
    write(root, {f"/reports/{name.replace('_', '-')}.sql": text for name, text in files.items()})


def test_the_known_answer(root: Path) -> None:
    ran = reports.run(Book(root), "sales-by-member")
    assert [row[:4] for row in ran.rows] == [
        ("Jane Peacock", 146, "833.04", "USD"),
        ("Margaret Park", 140, "775.40", "USD"),
        ("Steve Johnson", 126, "720.16", "USD"),
    ]
    assert [total[1:4] for total in ran.totals] == [(412, "2328.60", "USD")]


@pytest.mark.parametrize("name", NAMES)
def test_every_report_runs_and_explains_itself(root: Path, name: str) -> None:
    book = Book(root)
    ran = reports.run(book, name)
    assert ran.rows
    told = reports.explain(book, name, limit=3)
    assert len(told.rows) == min(told.found.total, 3)
    assert told.rows or name == "data-quality"
    assert told.report.name == name
    assert told.about == ran.about


def test_the_sales_reports_add_up_to_the_same(root: Path) -> None:
    book = Book(root)
    for name in NAMES:
        if name.startswith("sales-by-"):
            assert "2328.60" in reports.run(book, name).totals[0]


def test_currencies_are_never_added_up(root: Path) -> None:
    totals = reports.run(Book(root), "pipeline").totals
    assert {total[5] for total in totals} == {"USD", "EUR", "CAD"}
    assert len(totals) == 3


def test_what_the_footer_says(root: Path) -> None:
    head = git(root, "rev-parse", "HEAD").strip()
    ran = reports.run(Book(root), "sales-by-member", ["tag:vip", "country:CZ"])
    assert ran.about == reports.About("2012-01-16", ("tag:vip", "country:CZ"), head)
    assert ran.result.selected == 1
    assert sum(row[1] for row in ran.rows) == 7


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("records/customers/helena-holy.yaml", True),
        ("records/customers/new.yaml", True),
        ("crm.yaml", True),
        ("reports/mine.sql", True),
        ("templates/newsletter.md", False),
        ("preview/ada.eml", False),
        ("notes.txt", False),
    ],
)
def test_only_what_counts_is_called_a_change(root: Path, path: str, counts: bool) -> None:
    own(root, mine="SELECT COUNT(*) AS customers FROM customers")
    commit(root)
    target = root / path
    target.parent.mkdir(exist_ok=True)
    text = target.read_text() if target.exists() else "name: X\n"
    target.write_text(f"{text}\n" if path.endswith(".sql") else f"# changed\n{text}")
    assert reports.run(Book(root), "mine").about.edited is counts


def test_a_new_folder_of_reports_is_a_change_for_them_only(root: Path) -> None:
    own(root, mine="SELECT COUNT(*) AS customers FROM customers")
    assert reports.run(Book(root), "mine").about.edited
    assert not reports.run(Book(root), "sales-by-member").about.edited


def test_a_report_of_the_book_stands_in_for_a_built_in_one(root: Path) -> None:
    own(root, sales_by_member="-- title: Ours\nSELECT COUNT(*) AS members FROM members")
    ran = reports.run(Book(root), "sales-by-member")
    assert ran.result.report.title == "Ours"
    every, problems = reports.every(Book(root))
    assert [report.name for report in every] == list(NAMES)
    assert [report.name for report in every if report.own] == ["sales-by-member"]
    assert not problems


def test_a_broken_one_is_told_and_stops_no_other(root: Path) -> None:
    own(root, bad="-- foo: bar\n-- total: x\nSELECT 1", good="SELECT handle FROM customers")
    (root / "reports" / "folder.sql").mkdir()
    (root / "reports" / "link.sql").symlink_to("/etc/hosts")
    (root / "reports" / "dangling.sql").symlink_to("nowhere")
    every, problems = reports.every(Book(root))
    assert [report.name for report in every if report.own] == ["good"]
    assert {problem.path for problem in problems} == {
        f"reports/{name}.sql" for name in ("bad", "folder", "link", "dangling")
    }
    assert (1, "unknown-key") in {(problem.line, problem.code) for problem in problems}
    assert len(reports.run(Book(root), "good").rows) == 59
    with pytest.raises(InvalidData, match=r"reports/bad\.sql"):
        reports.run(Book(root), "bad")


def test_a_broken_stand_in_does_not_fall_back(root: Path) -> None:
    own(root, sales_by_member="-- foo: bar\nSELECT 1")
    with pytest.raises(InvalidData, match=r"reports/sales-by-member\.sql"):
        reports.run(Book(root), "sales-by-member")


@pytest.mark.parametrize(
    ("name", "hint"), [("sales-by-membr", "sales-by-member"), ("top-tag", "top-tags"), ("zz", "list")]
)
def test_a_name_that_is_none(root: Path, name: str, hint: str) -> None:
    own(root, top_tags="SELECT 1 AS x")
    with pytest.raises(NotFound) as caught:
        reports.run(Book(root), name)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM customers",
        "WITH x AS (SELECT 1) DELETE FROM customers",
        "WITH x AS (SELECT 1) INSERT INTO customers (handle) SELECT 'x' FROM x",
        "SELECT 1; DROP TABLE customers",
        "ATTACH 'x.sqlite' AS x",
        "PRAGMA table_info(customers)",
        "SELECT * FROM pragma_table_info('customers')",
        "SELECT load_extension('x')",
        "SELECT writefile('x', 'y')",
        "SELECT readfile('/etc/passwd')",
        "SELECT fts3_tokenizer('x')",
        "SELECT sql FROM sqlite_master",
        "SELECT data FROM customers_raw",
        "SELECT settings FROM state",
        "SELECT random() AS x",
        "SELECT date('now') AS x",
        "SELECT replace(hex(zeroblob(99999999)), '0', 'x') AS x",
        "VACUUM INTO 'x.sqlite'",
        "EXPLAIN SELECT 1",
        "",
    ],
)
@pytest.mark.parametrize("key", ["statement", "rows"])
def test_a_report_of_the_book_can_only_read(root: Path, sql: str, key: str) -> None:
    own(root, evil=sql if key == "statement" else f"-- rows: {sql or 'SELECT'}\nSELECT 1 AS one")
    book = Book(root)
    before = book.index.rows("SELECT handle FROM customers ORDER BY 1")
    head = git(root, "rev-parse", "HEAD")
    with pytest.raises(InvalidData, match=r"reports/evil\.sql"):
        reports.run(book, "evil") if key == "statement" else reports.explain(book, "evil")
    assert book.index.rows("SELECT handle FROM customers ORDER BY 1") == before
    assert git(root, "rev-parse", "HEAD") == head
    assert git(root, "status", "--porcelain") == "?? reports/\n"
    assert reports.run(book, "sales-by-member").rows[0][0] == "Jane Peacock"


def test_a_filter_that_is_none(root: Path) -> None:
    with pytest.raises(BadFilter, match="tga"):
        reports.run(Book(root), "sales-by-member", ["tga:vip"])
    own(root, mine="-- filter: nothing\nSELECT 1 AS x")
    with pytest.raises(InvalidData, match="no kind 'nothing'"):
        reports.run(Book(root), "mine", ["x:1"])


def test_as_of_a_day_is_as_if_it_were_that_day(root: Path) -> None:
    book = Book(root)
    ran = reports.run(book, "sales-by-member", as_of=date(2010, 12, 31))
    assert ran.about.day == "2010-12-31"
    assert ran.about.younger
    assert not ran.about.edited
    assert ran.totals[0][1:3] == (332, "1878.02")
    told = reports.explain(book, "sales-by-member", as_of=date(2010, 12, 31))
    assert told.found.total == 332
    assert told.found.params["today"] == "2010-12-31"


def test_a_filter_counts_its_days_from_that_day(root: Path) -> None:
    clock.freeze(datetime.fromisoformat("2014-06-01T12:00:00+00:00"))
    own(root, who="SELECT COUNT(*) AS customers FROM customers")
    assert reports.run(Book(root), "who", ["last>=-30d"]).rows == [(0,)]
    assert reports.run(Book(root), "who", ["last>=-30d"], as_of=date(2012, 1, 16)).rows == [(18,)]
    assert reports.run(Book(root), "who", ["last>=2011-12-17"]).rows == [(18,)]


def test_as_of_a_day_to_come_is_as_of_now(root: Path) -> None:
    now = reports.run(Book(root), "sales-by-member")
    later = reports.run(Book(root), "sales-by-member", as_of=date(2030, 1, 1))
    assert later.rows == now.rows
    assert later.about == now.about._replace(day="2030-01-01")


def test_the_book_has_changed_since(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.setenv(variable, "2013-01-01T12:00:00+00:00")
    git(root, "commit", "-q", "--amend", "--no-edit", "--date", "2013-01-01T12:00:00+00:00")
    first = git(root, "rev-parse", "HEAD").strip()
    for variable in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.setenv(variable, "2014-01-01T12:00:00+00:00")
    (root / "records" / "interactions" / "helena-holy.jsonl").unlink()
    commit(root)
    clock.freeze(datetime.fromisoformat("2014-06-01T12:00:00+00:00"))
    book = Book(root)
    assert reports.run(book, "sales-by-month").totals[0][1] == 405
    then = reports.run(book, "sales-by-month", as_of=date(2013, 6, 1))
    assert then.totals[0][1:3] == (412, "2328.60")
    assert (then.about.commit, then.about.younger) == (first, False)


def test_over_an_export_by_duckdb(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    from crmctl.reports.warehouse import export_parquet

    book = Book(root)
    about = {"commit": git(root, "rev-parse", "HEAD").strip()}
    export_parquet(book.index.connection, book.schema, tmp_path / "warehouse", about)
    for filters in ([], ["tag:vip"]):
        there, here = (
            reports.run_exported(book, tmp_path / "warehouse", "sales-by-member", filters),
            reports.run(book, "sales-by-member", filters),
        )
        assert there.rows == here.rows
        assert there.totals == here.totals
        assert there.about == here.about
