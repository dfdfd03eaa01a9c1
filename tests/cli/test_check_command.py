"""``crmctl check`` and ``fmt``: streams, exit codes, forms."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.cli.app import App
from crmctl.cli.book.problems import progress_bar
from crmctl.cli.words import counted

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Any]


def test_a_book_in_order(run: Run, sample_dir: Path) -> None:
    result = run("-C", sample_dir, "check")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("No problems in ")
    assert run("-C", sample_dir, "check", "-q")[:] == (0, "", "")
    assert run("-C", sample_dir, "check", "-o", "json").out == "[]\n"
    assert run("-C", sample_dir, "check", "-o", "table").out == ""


def test_problems_go_to_stdout_and_are_counted_on_stderr(run: Run, book_dir: Path) -> None:
    write(book_dir, {"customers/ada.yaml": "nmae: Ada\n", "deals/x.yaml": "name: [\n"})
    result = run("-C", book_dir, "check")
    assert result.code == 1
    assert result.out.splitlines()[:4] == [
        "records/customers/ada.yaml: customer has no name",
        "  hint: Add a line `name: ...`.",
        "records/customers/ada.yaml:1:1: there is no field 'nmae' for a customer",
        "  hint: Did you mean name?",
    ]
    # Each problem once: what cannot be read is not told again at the end, as other commands do.
    assert result.err == "3 problems in 2 files of 3.\n"


def test_problems_for_programs(run: Run, book_dir: Path) -> None:
    write(book_dir, {"customers/ada.yaml": "name: Ada\nlifecycle: x\n"})
    result = run("-C", book_dir, "check", "-o", "json", "--now", "2026-01-01")
    assert result.code == 1
    assert json.loads(result.out) == [
        {
            "path": "records/customers/ada.yaml",
            "line": 2,
            "column": 1,
            "code": "bad-choice",
            "message": "lifecycle: 'x' is not one of lead, prospect, customer, former",
            "hint": "Use one of lead, prospect, customer, former.",
        }
    ]
    assert run("-C", book_dir, "check", "-o", "tsv").out.count("\n") == 2
    assert "bad-choice" in run("-C", book_dir, "check", "-o", "table").out


def test_what_would_steer_the_terminal_is_shown(run: Run, book_dir: Path) -> None:
    write(book_dir, {"customers/a\x1b[31m\n.yaml": "name: Ada\n", "customers/b.yaml": 'name: B\n"\\u202Ex": y\n'})
    for form in ("lines", "json", "tsv", "table"):
        out = run("-C", book_dir, "check", "-o", form).out
        assert "\x1b" not in out
        assert "\u202e" not in out


def test_paths_and_settings_that_cannot_be_read(run: Run, book_dir: Path) -> None:
    assert run("-C", book_dir, "check", "records/nothing").code == 3
    assert run("-C", book_dir, "check", "/").code == 2
    write(book_dir, {"/crm.yaml": "a: b: c\n"})
    result = run("-C", book_dir, "check")
    assert result.code == 6
    assert "crm.yaml:1:5: a second colon on the line" in result.err


def test_fmt_writes_one_commit_and_says_how_to_undo_it(run: Run, book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: 'Ada'\n", "customers/bob.yaml": "name: 'Bob'\n"})
    result = run("-C", book_dir, "fmt", "--check")
    assert (result.code, result.out) == (1, "records/customers/ada.yaml\nrecords/customers/bob.yaml\n")
    assert result.err == "2 files of 2 would change.\n"
    result = run("-C", book_dir, "fmt")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("fmt: 2 records  [undo: crmctl ")
    assert git(book_dir, "log", "-1", "--format=%s") == "fmt: 2 records\n"
    assert run("-C", book_dir, "fmt")[:2] == (0, "")
    assert run("-C", book_dir, "fmt", "--check").code == 0


def test_fmt_says_what_it_left_alone(run: Run, book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: 'Ada'\n", "customers/bob.yaml": "name: 'Bob'\n"})
    write(book_dir, {"customers/ada.yaml": "name: 'Ida'\n"})
    result = run("-C", book_dir, "fmt")
    assert result.code == 0
    assert "crmctl: records/customers/ada.yaml: left alone: changed by hand and not committed yet" in result.err
    assert run("-C", book_dir, "fmt", "--adopt").err.startswith("fmt: 1 record (took along 1")
    write(book_dir, {"customers/ada.yaml": "name: [\n"})
    result = run("-C", book_dir, "fmt")
    assert result.code == 4
    assert result.err.count("records/customers/ada.yaml:") == 1
    assert run("-C", book_dir, "fmt", "--check").code == 4


@pytest.mark.parametrize("staged", [False, True])
def test_fmt_makes_no_commit_of_nothing(run: Run, book_dir: Path, staged: bool) -> None:
    commit(book_dir, {"customers/ada.yaml": "id: 01J00000000000000000000ADA\nname: Ada\nsource: fair\n"})
    head = git(book_dir, "rev-parse", "HEAD")
    write(book_dir, {"customers/ada.yaml": "source:   fair\nid: 01J00000000000000000000ADA\nname: Ada\n"})
    if staged:
        git(book_dir, "add", "-A")
    done = run("-C", book_dir, "fmt", "--adopt")
    assert (done.code, git(book_dir, "rev-parse", "HEAD"), git(book_dir, "status", "--porcelain")) == (0, head, "")
    assert done.err == "Nothing to change (records/customers/ada.yaml is as committed again).\n"


def test_fmt_of_carriage_returns_that_git_put_there_makes_no_commit(run: Run, book_dir: Path) -> None:
    ada = book_dir / "records/customers/ada.yaml"
    commit(book_dir, {"customers/ada.yaml": "id: 01J00000000000000000000ADA\nname: Ada\n"})
    head = git(book_dir, "rev-parse", "HEAD")
    git(book_dir, "config", "core.autocrlf", "true")
    ada.unlink()
    git(book_dir, "checkout", "--", "records")
    assert b"\r\n" in ada.read_bytes()
    assert run("-C", book_dir, "fmt").code == 0
    assert git(book_dir, "rev-parse", "HEAD") == head


@pytest.mark.parametrize(("number", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1204, "1,204 files")])
def test_counted(number: int, text: str) -> None:
    assert counted(number, "file") == text


def test_a_bar_is_shown_on_a_terminal_once_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = iter([0.0, 0.5, 2.0])
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("crmctl.clock.monotonic", lambda: next(seconds))
    with progress_bar(App(), "Checking") as progress:
        progress(0, 1000)
        assert capsys.readouterr().err == ""
        progress(500, 1000)
    assert capsys.readouterr().err == f"\rChecking [{'#' * 15}{'.' * 15}] 500 of 1,000\r\x1b[K"


def test_no_bar_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(App(), "Checking") as progress:
        progress(500, 1000)
    assert capsys.readouterr().err == ""
