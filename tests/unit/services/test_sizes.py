"""No command writes what it could not read again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git

from crmctl.store import jsonl

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from crmctl.model.raw import RawMap

LONG = "x" * (1 << 20)


@pytest.mark.parametrize(
    "words",
    [
        ("log", "ada", "note", LONG),
        ("customer", "set", "ada", f"notes={LONG}"),
        ("customer", "add", "Bob", "--set", f"notes={LONG}"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(book_dir: Path, run: Run, words: tuple[str, ...]) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    before = git(book_dir, "rev-parse", "HEAD")
    done = run("-C", book_dir, *words)
    assert done.code == 4
    assert "1.0 MiB" in done.err
    assert re.search("hint: .*elsewhere", done.err)
    assert git(book_dir, "rev-parse", "HEAD") == before
    assert git(book_dir, "status", "--porcelain") == ""


def test_an_import_rejects_the_row_and_takes_the_others(
    book_dir: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # Rejected rows are kept where one stands.
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    short = LONG[: (1 << 20) - 10]  # A cell may have as much, but not a line with all that goes with it.
    (tmp_path / "calls.csv").write_text(f"customer,at,text\nada,2026-03-01,{short}\nada,2026-03-01,hello\n")
    done = run(
        "-C", book_dir, "import", "csv", tmp_path / "calls.csv", "--kind", "interaction", "--set", "type=note", "--yes"
    )
    assert "1 MiB is the most" in done.err + done.out
    assert [line["text"] for line in _timeline(book_dir)] == ["hello"]
    (tmp_path / "people.csv").write_text(f"name,notes\nBob,{short}\nCleo,short\n")
    done = run("-C", book_dir, "import", "csv", tmp_path / "people.csv", "--kind", "customer", "--yes")
    assert "a record may have 1 MiB" in done.err + done.out
    assert run("-C", book_dir, "customer", "list", "-o", "ids").out.split() == ["ada", "cleo"]
    assert run("-C", book_dir, "check").code == 0


def test_a_history_that_is_full_takes_nothing_more(book_dir: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    assert run("-C", book_dir, "log", "ada", "note", "hello").code == 0
    monkeypatch.setattr(jsonl, "MAX_FILE", 300)
    done = run("-C", book_dir, "log", "ada", "note", "y" * 200)
    assert done.code == 4
    assert "MiB are the most" in done.err
    assert [line["text"] for line in _timeline(book_dir)] == ["hello"]


def _timeline(book: Path) -> list[RawMap]:
    lines, problems = jsonl.read_lines((book / "records/interactions/ada.jsonl").read_bytes(), "ada.jsonl")
    assert not problems
    return [line.value for line in lines]
