"""Files from elsewhere that are not what they should be: nothing hangs, nothing is half taken in, nothing is run."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from helpers import processes
from helpers.books import commit
from helpers.books import git

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

PEOPLE = ("--kind", "customer", "--map", "name=name", "--yes")


@pytest.fixture
def book(book_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # Rejected rows are put into the current folder.
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    return book_dir


UNTAKABLE = {
    "empty": (b"", 4, "is empty"),
    "only a mark": (b"\xef\xbb\xbf", 4, "no header"),
    "NUL": (b"name\nA\0b\n", 4, "NUL"),
    "two columns of one name": (b"name,name\nA,B\n", 4, "two columns"),
    "an open quote": (b'name\n"Ada\nBob\n', 4, "quote"),
    "escape sequences": (b"name\n\x1b]0;owned\x07\n", 4, "control character"),
    "another column": (b"title\nA\n", 2, "there is no column 'name'"),
    "no row that fits": (b"name,b\nA\n", 4, "the header 2"),
}


@pytest.mark.parametrize(("data", "code", "words"), UNTAKABLE.values(), ids=UNTAKABLE.keys())
def test_files_that_cannot_be_taken_in(
    book: Path, run: Run, tmp_path: Path, data: bytes, code: int, words: str
) -> None:
    (tmp_path / "people.csv").write_bytes(data)
    head = git(book, "rev-parse", "HEAD")
    done = run("-C", book, "import", "csv", tmp_path / "people.csv", *PEOPLE)
    assert done.code == code, done
    assert words in done.err + done.out
    assert "\x1b" not in done.err + done.out
    assert git(book, "rev-parse", "HEAD") == head
    assert git(book, "status", "--porcelain") == ""


def test_one_bad_row_of_many_hides_no_other(book: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name,emails\nBob,bob@example.com\nEve,eve@\nCleo,cleo@example.com\n")
    done = run("-C", book, "import", "csv", tmp_path / "people.csv", *PEOPLE, "--map", "emails=emails")
    assert done.code == 1
    assert "people.csv:3" in done.err + done.out
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\nbob\ncleo\n"
    assert "eve@" in (tmp_path / "people.rejects.csv").read_text()


def test_a_folder_and_a_file_that_is_not_there(book: Path, run: Run, tmp_path: Path) -> None:
    for name in (tmp_path, tmp_path / "nowhere.csv"):
        done = run("-C", book, "import", "csv", name, *PEOPLE)
        assert done.code in (1, 2, 3), done
        assert "hint:" in done.err or "nowhere.csv" in done.err


def test_an_input_that_is_closed(book: Path) -> None:
    done = processes.shell(f'crmctl -C "$1" import csv - {" ".join(PEOPLE)} <&-', book)
    assert done.code == 4
    assert "standard input is empty" in done.err


def test_an_ambiguous_date_is_refused_with_both_readings(book: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("customer,at,type,text\nada,11/12/2026,call,hello\n")
    words = ["import", "csv", tmp_path / "calls.csv", "--kind", "interaction", "--yes"]
    words += [part for name in ("customer", "at", "type", "text") for part in ("--map", f"{name}={name}")]
    done = run("-C", book, *words)
    assert done.code == 4
    assert "2026-11-12" in done.err + done.out
    assert "2026-12-11" in done.err + done.out
    assert not (book / "records/interactions/ada.jsonl").exists()


FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", "'=quoted", "+41 44 668 18 00", "=a\n=b"]


def test_cells_that_a_spreadsheet_would_run_are_made_inert_and_come_back(book: Path, run: Run, tmp_path: Path) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["name", "notes"])
    writer.writerows([f"Person {number}", formula] for number, formula in enumerate(FORMULAS))
    (tmp_path / "people.csv").write_text(text.getvalue())
    assert run("-C", book, "import", "csv", tmp_path / "people.csv", *PEOPLE, "--map", "notes=notes").code == 0
    exported = run("-C", book, "export", "customer", "-o", "csv").out
    cells = [cell for row in csv.reader(io.StringIO(exported)) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    listed = run("-C", book, "customer", "list", "--fields", "handle,notes", "-o", "csv").out
    assert [cell for row in csv.reader(io.StringIO(listed)) for cell in row if cell[:1] in "=+-@" and cell] == []
    before = run("-C", book, "customer", "list", "--fields", "handle,notes", "-o", "json").out
    git(book, "reset", "-q", "--hard", "HEAD~1")
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\n"
    (tmp_path / "again.csv").write_text(exported)
    taken = run("-C", book, "import", "csv", tmp_path / "again.csv", *PEOPLE, "--map", "notes=notes", "--key", "name")
    assert taken.code == 0, taken
    assert run("-C", book, "customer", "list", "--fields", "handle,notes", "-o", "json").out == before
