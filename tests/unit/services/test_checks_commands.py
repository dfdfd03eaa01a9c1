"""Keys that would name a program, a host or a file elsewhere are refused wherever they stand, and mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import write

from crmctl.services.bookfiles import WorkTree
from crmctl.services.checking import commands

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

SETTINGS = "name: Test\ncurrency: EUR\ntimezone: Europe/Berlin\n"


def found(root: Path) -> list[tuple[str, int, str]]:
    """(path, line, key) of everything told."""
    problems = list(commands.problems(WorkTree(root)))
    assert {problem.code for problem in problems} <= {commands.CODE}
    return [(problem.path, problem.line, problem.message.split("'")[1]) for problem in problems]


def test_settings_below_the_first_level(book_dir: Path) -> None:
    text = "purposes:\n  newsletter:\n    basis: consent\n    command: evil\nemail:\n  host: example.com\n"
    write(book_dir, {"/crm.yaml": SETTINGS + text})
    assert found(book_dir) == [("crm.yaml", 7, "command"), ("crm.yaml", 9, "host")]


def test_people_may_call_fields_and_kinds_as_they_like(book_dir: Path) -> None:
    text = (
        "purposes:\n  server:\n    basis: contract\n"
        "fields:\n  customer:\n    host:\n      type: text\n"
        "kinds:\n  server:\n    plural: servers\n    fields:\n      port:\n        type: text\n        exec: evil\n"
    )
    write(book_dir, {"/crm.yaml": SETTINGS + text})
    assert found(book_dir) == [("crm.yaml", 17, "exec")]


def test_templates_and_reports(book_dir: Path) -> None:
    front = "---\nsubject: Hi\npassword_command: evil\nfallback:\n  customer.url: none\nsmtp:\n  include: ../x\n---\n"
    files = {
        "/templates/hi.md": f"{front}password_command: only text\n",
        "/templates/deep/er.txt": "---\neditor: evil\n---\nHi\n",
        "/templates/broken.md": "---\nsubject: [\n---\n",
        "/templates/endless.md": "---\ncommand: evil\n",
        "/templates/other.pdf": "---\ncommand: evil\n---\n",
        "/reports/own.sql": "-- title: Own\n-- Include: /etc/passwd\n-- no key\nSELECT 1\n-- command: evil\n",
    }
    write(book_dir, files)
    assert found(book_dir) == [
        ("templates/deep/er.txt", 2, "editor"),
        ("templates/hi.md", 3, "password_command"),
        ("templates/hi.md", 6, "smtp"),
        ("templates/hi.md", 7, "include"),
        ("reports/own.sql", 2, "Include"),
    ]


def test_settings_that_cannot_be_read_are_told_elsewhere(book_dir: Path) -> None:
    write(book_dir, {"/crm.yaml": "name: [\n"})
    assert found(book_dir) == []


@pytest.mark.parametrize("key", ["editor", "password_command", "smtp", "hooks", "include", "plugins"])
def test_check_says_so_and_nothing_is_run(book_dir: Path, run: Run, tmp_path: Path, key: str) -> None:
    mark = tmp_path / "mark"
    write(book_dir, {"/crm.yaml": f"{SETTINGS}{key}: touch {mark}\n", "customers/ada.yaml": "name: Ada\n"})
    done = run("-C", book_dir, "check")
    assert done.code == 1
    assert f"'{key}' has no place in a shared book" in done.out
    assert run("-C", book_dir, "customer", "list").code == 0
    assert not mark.exists()
