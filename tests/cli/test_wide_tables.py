"""What is too wide for a terminal: nothing of it is lost, every line fits, and programs see none of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conftest import Run
from conftest import git
from helpers.books import commit

from crmctl.cli.app import App

if TYPE_CHECKING:
    from pathlib import Path

ADA = "id: 01J00000000000000000000ADA\nname: Ada Lovelace\nrole: Countess of Lovelace and of the Analytical Engine\n"
LONG = "Head of everything computed, and of some of the rest"
LATER = "Retired, but for two afternoons a week in the library"


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada-lovelace.yaml": ADA}, "records")
    return book_dir


@pytest.fixture
def wrong(root: Path, run: Run) -> str:
    """A write that a later one overlaps with; its id."""
    run("-C", root, "customer", "set", "ada", f"role={LONG}", "source=fair", "tags+=engine")
    found = git(root, "rev-parse", "HEAD").strip()
    run("-C", root, "customer", "set", "ada", f"role={LATER}")
    return found


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(App, "terminal", property(lambda _: True))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "500")


def words(text: str) -> str:
    """All of it on one line, as it reads."""
    return " ".join(text.split())


@pytest.mark.usefixtures("terminal")
def test_an_overlap_is_told_whole(run: Run, root: Path, wrong: str) -> None:
    done = run("-C", root, "undo", wrong, "-n", "--rest")
    assert max(map(len, done.out.splitlines())) <= 80
    assert "…" not in done.out
    first, *_ = done.out.splitlines()
    assert first == "customer  ada-lovelace  role"
    edit = f"before Countess of Lovelace and of the Analytical Engine made {LONG} now {LATER} by Ann Author"
    assert edit in words(done.out)
    assert "tags -engine; clear source (was fair)" in words(done.out)


@pytest.mark.usefixtures("terminal", "wrong")
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("undo --list", "said customer: set ada-lovelace role tags source"),
        ("diff HEAD~2..", "customer ada-lovelace set role: Countess of Lovelace and of the Analytical Engine"),
        ("history ada", "tags +engine; set source: fair"),
        ("news --all --keep", "tags +engine; set source: fair"),
        ("why ada role", LONG),
        ("hooks show", "pre-receive"),
    ],
)
def test_a_line_fits_and_nothing_is_lost(run: Run, root: Path, line: str, wanted: str) -> None:
    done = run("-C", root, *line.split(), *(["--server", root / ".git"] if line == "hooks show" else []))
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80, done.out
    assert "…" not in done.out
    # In a table the lines of several cells stand side by side.
    assert [word for word in wanted.split() if word not in done.out.split()] == []


def test_a_row_is_a_line_where_no_terminal_is(run: Run, root: Path, wrong: str) -> None:
    done = run("-C", root, "undo", wrong)
    assert len(done.out.splitlines()) == 3
    assert LONG in done.out
    assert LATER in done.out


def test_a_dry_run_of_the_rest_is_one_document(run: Run, root: Path, wrong: str) -> None:
    undone, stays = json.loads(run("-C", root, "undo", wrong, "-n", "--rest", "-o", "json").out)
    assert undone["changes"] == ["tags -engine", "clear source (was fair)"]
    assert (undone["field"], undone["now"]) == (None, None)
    assert (stays["changes"], stays["field"], stays["made"], stays["now"]) == (None, "role", LONG, LATER)
    assert undone.keys() == stays.keys()
    assert run("-C", root, "undo", wrong, "-n", "--rest", "-o", "ids").out == "ada-lovelace\nada-lovelace\n"
    header, *rows = run("-C", root, "undo", wrong, "-n", "--rest", "-o", "csv").out.splitlines()
    assert (header.split(",")[:4], len(rows)) == (["kind", "handle", "changes", "field"], 2)


def test_nothing_to_undo_is_a_document_too(run: Run, root: Path) -> None:
    run("-C", root, "customer", "set", "ada", "source=web")
    run("-C", root, "customer", "set", "ada", "source=")
    assert run("-C", root, "undo", "HEAD~1", "-n", "-o", "json").out == "[]\n"


@pytest.mark.usefixtures("terminal")
def test_a_long_name_and_its_handle_have_lines_of_their_own(run: Run, book_dir: Path) -> None:
    name = "The Society for the Promotion of Everything That Was Ever Computed by an Engine of Brass"
    handle = "the-society-for-the-promotion-of-everything"
    commit(book_dir, {f"customers/{handle}.yaml": f"name: {name}\n"}, "records")
    first, second, third, *_ = run("-C", book_dir, "brief", handle).out.splitlines()
    assert (f"{first} {second}", third) == (name, handle)
    assert max(len(first), len(second)) <= 80


@pytest.mark.usefixtures("terminal")
def test_what_was_agreed_to_is_told_whole(run: Run, root: Path) -> None:
    how = "on a paper form at the fair in the hall of the engines, signed twice"
    run("-C", root, "consent", "grant", "ada", "newsletter", "--how", how, "--evidence", "form 17 in the red folder")
    out = run("-C", root, "consent", "show", "ada").out
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out
    assert all(word in out for word in f"{how} form 17 in the red folder".replace(",", "").split())
