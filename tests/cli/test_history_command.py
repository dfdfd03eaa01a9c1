"""``crmctl history``, ``schema`` and ``doctor``: wiring, streams, forms, exit codes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.books import commit
from helpers.books import write

from crmctl.cli.app import App

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Any]


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "products/tea.yaml": "name: Tea\n"}, "first")
    commit(book_dir, {"customers/ada.yaml": "name: Ada\nrole: queen\n"}, "second")
    return book_dir


def test_history_for_people_and_for_programs(run: Run, book: Path) -> None:
    result = run("-C", book, "history", "ada")
    assert result.code == 0
    assert [line.split("  ")[-1].strip() for line in result.out.splitlines()[2:]] == ["set role: queen", "added"]
    found = json.loads(run("-C", book, "history", "customer", "ada", "-o", "json").out)
    assert [(event["subject"], event["changes"]) for event in found] == [
        ("second", ["set role: queen"]),
        ("first", ["added"]),
    ]
    assert set(found[0]) == {"at", "commit", "author", "email", "subject", "changes"}
    assert run("-C", book, "history", "tea", "--limit", "1", "-o", "ids").out.count("\n") == 1


def test_history_of_nobody_and_of_too_many(run: Run, book: Path) -> None:
    assert run("-C", book, "history", "zoe").code == 3
    assert run("-C", book, "history", "ada", "tea").code == 2
    assert run("-C", book, "history", "customer", "ada", "tea").code == 2
    assert run("-C", book, "history").code == 2


def test_history_asks_which_one(run: Run, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(book, {"customers/adam.yaml": "name: Adam\n"})
    assert run("-C", book, "history", "customer", "a").code == 3
    monkeypatch.setattr(App, "choose", lambda *_: "adam")
    result = run("-C", book, "history", "customer", "a")
    assert (result.code, result.err) == (0, "customer adam is in no commit yet.\n")


def test_a_shallow_clone_says_so(run: Run, book: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{book}", str(tmp_path / "clone")], check=True)
    assert "git fetch --unshallow" in run("-C", tmp_path / "clone", "history", "ada").err


def test_schema_with_and_without_a_book(
    run: Run, book_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(book_dir, {"/crm.yaml": "fields:\n  customer:\n    size: text\n"})
    assert "size" in json.loads(run("-C", book_dir, "schema", "customer").out)["properties"]
    monkeypatch.chdir(tmp_path)
    properties = json.loads(run("schema", "customers").out)["properties"]
    assert "name" in properties
    assert "size" not in properties
    assert "ada" not in run("schema").out
    assert run("-C", tmp_path, "schema", "customer").code == 6
    write(book_dir, {"/crm.yaml": "a: b: c\n"})
    monkeypatch.chdir(book_dir)
    assert run("schema", "customer").code == 6


def test_schema_for_people(run: Run, book_dir: Path) -> None:
    lines = run("-C", book_dir, "schema", "customer", "-o", "tsv").out.splitlines()
    assert lines[0] == "field\ttype\trequired\thelp"
    assert "name\ttext\tyes\tas it is written on a letter" in lines
    assert "owner\tref to member\t\tmember of the team who looks after it" in lines
    assert "consent.NAME.state\tgranted | withdrawn | objected | erased\tyes\t" in lines
    assert any(line.startswith("last\tdate\t\t") and line.endswith("(counted)") for line in lines)
    assert run("-C", book_dir, "schema", "-o", "ids").out.splitlines()[:2] == ["customer", "interaction"]


def test_schema_of_an_unknown_kind(run: Run, book_dir: Path) -> None:
    result = run("-C", book_dir, "schema", "custmer")
    assert result.code == 3
    assert "Did you mean customer?" in result.err
    assert "The kinds are customer," in run("-C", book_dir, "schema", "zzz").err


def test_doctor(run: Run, book: Path, tmp_path: Path) -> None:
    result = run("-C", book, "doctor")
    assert result.code == 0
    assert {line[:4] for line in result.out.splitlines()} == {"ok  ", "    "}
    commit(book, {"customers/bob.yaml": "name: [\n"})
    result = run("-C", book, "doctor", "-o", "json")
    assert result.code == 1
    assert {row["what"]: row["state"] for row in json.loads(result.out)}["unreadable"] == "bad"
    assert result.err == ""
    result = run("-C", tmp_path, "doctor")
    assert result.code == 1
    assert "bad   book" in result.out


def test_doctor_makes_the_index_anew(run: Run, book: Path) -> None:
    run("-C", book, "customer", "list")
    index = book / ".git/crmctl/index.sqlite"
    index.write_bytes(b"not a database")
    assert "made anew" in run("-C", book, "doctor", "--rebuild").out
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\n"
