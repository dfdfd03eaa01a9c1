"""``undo`` and ``why`` as they are typed, and what they print."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest
from conftest import Run
from conftest import git
from helpers.books import commit

if TYPE_CHECKING:
    from pathlib import Path

ADA = "id: 01J00000000000000000000ADA\nname: Ada\n"


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": ADA}, "records")
    return book_dir


def said(err: str) -> list[str]:
    """The command that a write names to undo it."""
    found = re.search(r"\[undo: crmctl (.*?)\]", err)
    assert found is not None, err
    return shlex.split(found[1])


def test_a_write_names_the_command_that_undoes_it(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    away = said(run("-C", root, "customer", "set", "ada", "source=fair").err)
    assert away[:2] == ["-C", str(root)]
    assert run(*away).code == 0
    monkeypatch.chdir(root / "records")
    inside = said(run("customer", "set", "ada", "source=fair").err)
    assert inside[0] == "undo"
    done = run(*inside)
    assert done.err.startswith("undo: customer: set ada source (1 customer changed)  [undo: crmctl undo ")
    assert run(*said(done.err)).err.startswith("redo: customer: set ada source")
    assert "source: fair" in (root / "records/customers/ada.yaml").read_text()


def test_an_overlap_is_shown_and_the_rest_undone_when_asked(root: Path, run: Run) -> None:
    run("-C", root, "customer", "set", "ada", "source=fair", "language=en")
    wrong = git(root, "rev-parse", "HEAD").strip()
    run("-C", root, "customer", "set", "ada", "source=web")
    done = run("-C", root, "undo", wrong[:8])
    assert done.code == 5
    header, _, row = done.out.splitlines()
    assert header.split() == ["kind", "handle", "field", "before", "made", "now", "by", "at", "commit"]
    assert row.split()[:6] == ["customer", "ada", "source", "(none)", "fair", "web"]
    assert f"hint: crmctl undo {wrong[:10]} --rest undoes the rest." in done.err
    rows = json.loads(run("-C", root, "undo", wrong, "-o", "json").out)
    assert rows[0]["commit"] == git(root, "rev-parse", "HEAD").strip()
    shown = run("-C", root, "undo", wrong, "--rest", "--dry-run")
    assert shown.code == 0
    assert "clear language (was en)" in shown.out
    done = run("-C", root, "undo", wrong, "--rest")
    assert done.code == 0
    assert "a later edit stays" in done.err
    text = (root / "records/customers/ada.yaml").read_text()
    assert "source: web" in text
    assert "language" not in text


def test_a_dry_run_changes_nothing(root: Path, run: Run) -> None:
    run("-C", root, "customer", "set", "ada", "source=fair")
    head = git(root, "rev-parse", "HEAD")
    done = run("-C", root, "undo", "-n")
    assert done.out.splitlines()[-1].split() == ["customer", "ada", "clear", "source", "(was", "fair)"]
    changes = json.loads(run("-C", root, "undo", "-n", "-o", "json").out)
    (told,) = [{name: value for name, value in change.items() if value is not None} for change in changes]
    assert told == {"kind": "customer", "handle": "ada", "changes": ["clear source (was fair)"]}
    assert git(root, "rev-parse", "HEAD") == head


def test_a_dry_run_says_what_would_be_refused(root: Path, run: Run) -> None:
    run("-C", root, "customer", "set", "ada", "source=fair")
    run("-C", root, "customer", "set", "ada", "source=web")
    done = run("-C", root, "undo", "HEAD~1", "-n")
    assert done.code == 0
    assert "Nothing would change" not in done.out + done.err
    assert "It would be refused: a later edit overlaps with " in done.err
    assert "--rest undoes the rest." in done.err
    many = {f"customers/cy{number}.yaml": f"name: Cy {number}\n" for number in range(8)}
    commit(root, many, "many")
    done = run("-C", root, "undo", "HEAD", "-n")
    assert done.out.count("remove") == 8
    assert "It would be refused: this would take away 8 of 9 records." in done.err
    assert run("-C", root, "undo", "HEAD").code == 5
    assert run("-C", root, "undo", "HEAD", "--allow-removals").code == 0


def test_an_empty_commit_is_not_the_latest(root: Path, run: Run) -> None:
    run("-C", root, "customer", "set", "ada", "source=fair")
    head = git(root, "rev-parse", "HEAD")
    assert [run("-C", root, "undo", text).code for text in ("", " ")] == [2, 2]
    assert git(root, "rev-parse", "HEAD") == head


def test_references_in_the_way_are_no_later_edits(root: Path, run: Run) -> None:
    run("-C", root, "customer", "add", "Cy")
    run("-C", root, "customer", "set", "ada", "organization=cy")
    done = run("-C", root, "undo", "HEAD~1")
    assert done.code == 5
    header, _, row = done.out.splitlines()
    assert header.split() == ["kind", "handle", "reference"]
    assert row.split() == ["customer", "cy", "named", "by", "customer", "ada"]
    assert "customer cy is named by customer ada; nothing was undone" in done.err


def test_the_list_of_writes(root: Path, run: Run) -> None:
    run("-C", root, "customer", "set", "ada", "source=fair")
    run("-C", root, "undo")
    done = run("-C", root, "undo", "--list", "--limit", "2")
    undone, written = (line.split("  ") for line in done.out.splitlines()[2:])
    assert undone[0] == written[-1]
    assert "1 customer changed" in written
    rows = json.loads(run("-C", root, "undo", "--list", "-o", "json").out)
    assert [row["subject"] for row in rows] == [
        "undo: customer: set ada source",
        "customer: set ada source",
        "records",
        "init",
    ]
    assert rows[0]["undoes"] == rows[1]["commit"]
    assert rows[1]["undone_by"] == rows[0]["commit"]
    assert run("-C", root, "undo", "--list", "-o", "ids").out.split()[1] == rows[1]["commit"]
    assert run("-C", root, "undo", "abc", "--list").code == 2


def test_what_cannot_be_undone(root: Path, run: Run) -> None:
    first = git(root, "rev-list", "--max-parents=0", "HEAD").strip()
    assert run("-C", root, "undo", first).code == 5
    unknown = run("-C", root, "undo", "nonsense")
    assert unknown.code == 3
    assert "crmctl undo --list" in unknown.err


def test_a_record_edited_by_hand_meanwhile_is_not_lost(root: Path, run: Run) -> None:
    run("-C", root, "customer", "set", "ada", "source=fair", "language=en")
    path = root / "records/customers/ada.yaml"
    path.write_text(path.read_text() + "notes: by hand\n")
    assert run("-C", root, "undo").code == 0
    assert path.read_text() == ADA + "notes: by hand\n"
    assert git(root, "show", "HEAD:records/customers/ada.yaml") == ADA
    run("-C", root, "undo", "HEAD")
    path.write_text(path.read_text().replace("source: fair", "source: by hand"))
    head = git(root, "rev-parse", "HEAD")
    refused = run("-C", root, "undo", "HEAD~2")
    assert refused.code == 5
    assert "source: by hand" in path.read_text()
    assert git(root, "rev-parse", "HEAD") == head
    assert "Commit it first" in refused.err
    assert "--adopt" not in refused.err
    assert run("-C", root, "undo", "HEAD~2", "--adopt").code == 2


def test_why(root: Path, run: Run) -> None:
    run("-C", root, "customer", "set", "ada", "source=fair")
    run("-C", root, "customer", "set", "ada", "source=web")
    done = run("-C", root, "why", "ada", "source")
    assert done.code == 0
    rows = [line.split() for line in done.out.splitlines()[2:]]
    assert [row[:2] for row in rows] == [["web", "now"], ["fair", "earlier"]]
    assert rows[0][-4:] == ["customer:", "set", "ada", "source"]
    (now, earlier) = json.loads(run("-C", root, "why", "customer", "ada", "source", "-o", "json").out)
    assert (now["value"], earlier["value"]) == ("web", "fair")
    assert now["commit"] == git(root, "rev-parse", "HEAD").strip()
    assert run("-C", root, "why", "ada", "source", "-o", "ids").out.split()[0] == now["commit"]
    assert run("-C", root, "why", "ada").code == 2
    assert run("-C", root, "why", "nokind", "ada", "source").code == 2
    assert run("-C", root, "why", "nobody", "source").code == 3
    assert run("-C", root, "why", "ada", "language").code == 3


def test_why_of_an_earlier_state(root: Path, run: Run) -> None:
    run("-C", root, "customer", "set", "ada", "source=fair")
    run("-C", root, "customer", "set", "ada", "source=web")
    done = run("-C", root, "why", "ada", "source", "--as-of", "HEAD~1", "-o", "json")
    assert [(row["value"], row["state"]) for row in json.loads(done.out)] == [("fair", "now")]


def test_a_name_that_several_have_is_asked_for(root: Path, run: Run) -> None:
    commit(root, {"customers/ben.yaml": "name: Ada Ben\n", "customers/cy.yaml": "name: Ada Cy\n"}, "more")
    done = run("-C", root, "why", "Ada B", "name")
    assert done.code in (0, 3)
    assert run("-C", root, "why", "customer", "zzz", "name").code == 3


def test_a_dry_run_ends_with_what_it_comes_to(root: Path, run: Run) -> None:
    assert run("-C", root, "customer", "set", "ada", "tags+=vip").code == 0
    assert run("-C", root, "undo", "--dry-run").err == "In all: 1 customer changed.\n"
