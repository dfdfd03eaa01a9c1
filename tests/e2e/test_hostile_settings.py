"""A book whose settings are broken, empty, gone or hostile: told in one line with the way out, never a guess."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from helpers import processes
from helpers.books import commit
from helpers.books import git
from helpers.books import write

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    return book_dir


BROKEN = {
    "unclosed quote": 'name: "Test\n',
    "a list": "- name\n",
    "duplicate key": "name: a\nname: b\n",
    "conflict markers": "<<<<<<< ours\nname: a\n=======\nname: b\n>>>>>>> theirs\n",
    "30,000 nested brackets": "name: " + "[" * 30_000,
    "tag": "name: !!python/name:os.system x\n",
    "tab": "name:\n\tx: 1\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_settings_that_cannot_be_read(book: Path, run: Run, text: str) -> None:
    assert run("-C", book, "customer", "list").code == 0
    write(book, {"/crm.yaml": text})
    head = git(book, "rev-parse", "HEAD")
    for arguments in (("customer", "list"), ("customer", "add", "Bob"), ("log", "ada", "call", "hi"), ("today",)):
        refused = run("-C", book, *arguments)
        assert refused.code == 6, refused
        assert "crm.yaml" in refused.err
        assert refused.err.count("crmctl:") == 1
    assert git(book, "rev-parse", "HEAD") == head
    git(book, "checkout", "--", "crm.yaml")
    assert run("-C", book, "customer", "list", "-o", "ids") == (0, "ada\n", "")


@pytest.mark.parametrize(
    "data", [b"name: Bj\xf6rn\n", b"\0\0", "name: x\n".encode("utf-16"), b"name: " + b"x" * 50_000_000]
)
def test_settings_that_are_no_text(book: Path, run: Run, data: bytes) -> None:
    (book / "crm.yaml").write_bytes(data)
    refused = run("-C", book, "customer", "list")
    assert refused.code == 6
    assert "crm.yaml" in refused.err


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "---\n", "timezone: ''\n", "pipelines: {}\n"])
def test_empty_settings_are_the_defaults(book: Path, run: Run, text: str) -> None:
    write(book, {"/crm.yaml": text})
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\n"
    assert run("-C", book, "customer", "add", "Bob").code == 0


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "absent"])
def test_settings_that_are_no_file(book: Path, run: Run, kind: str) -> None:
    path = book / "crm.yaml"
    path.unlink()
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    for arguments in (("customer", "list"), ("customer", "add", "Bob")):
        refused = run("-C", book, *arguments)
        assert refused.code == 6, refused
        assert "hint:" in refused.err
        assert "root:" not in refused.err
    done = processes.crmctl("customer", "list", cwd=book)
    assert done.code == 6
    assert "Traceback" not in done.err


def test_settings_that_are_gone_are_looked_for_in_git(book: Path, run: Run) -> None:
    assert run("-C", book, "customer", "list").code == 0
    (book / "crm.yaml").unlink()
    refused = run("-C", book, "customer", "list")
    assert refused.code == 6
    assert str(book) in refused.err


@pytest.mark.parametrize(
    "key",
    ["command", "password_command", "editor", "pager", "hooks", "smtp", "host", "password", "path", "plugins", "url"],
)
def test_settings_that_would_run_things_are_refused_and_do_nothing(book: Path, run: Run, key: str) -> None:
    write(book, {"/crm.yaml": f"name: Test\ncurrency: EUR\n{key}: 'touch pwned'\n"})
    checked = run("-C", book, "check")
    assert checked.code == 1
    assert key in checked.err + checked.out
    run("-C", book, "customer", "list")
    run("-C", book, "customer", "add", "Bob")
    assert not (book / "pwned").exists()


def test_unknown_settings_are_reported_with_a_suggestion(book: Path, run: Run) -> None:
    write(book, {"/crm.yaml": "name: Test\ncurency: EUR\n"})
    checked = run("-C", book, "check")
    assert checked.code == 1
    assert "curency" in checked.err + checked.out
    assert "currency" in (checked.err + checked.out).replace("curency", "")
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\n"


@pytest.mark.parametrize(
    "text",
    [
        "currency: QQQ\n",
        "currency: [EUR]\n",
        "timezone: Mars/Olympus\n",
        "timezone: ../../etc/passwd\n",
        "timezone: /etc/passwd\n",
        "language: {a: b}\n",
        "country: ZZ\n",
        "layout: ../..\n",
        "handles: yes\n",
        "pipelines: nothing\n",
        "pipelines:\n  sales: []\n",
        "pipelines:\n  sales:\n  - {name: a, probability: many}\n",
        "purposes: [a, a]\n",
        "response_targets:\n  urgent: soon\n",
        "fields: x\n",
        "fields:\n  customer:\n    name: {type: date}\n",
        "fields:\n  customer:\n    'x; DROP TABLE customers': {type: text}\n",
        "fields:\n  customer:\n    select: {type: text}\n    row_id: {type: text}\n    path: {type: text}\n",
        "fields:\n  nobody:\n    x: {type: text}\n",
        "kinds: x\n",
        "kinds:\n  customer: {}\n",
        "kinds:\n  ../x: {fields: {name: {type: text}}}\n",
        "kinds:\n  state: {plural: state, fields: {name: {type: text}}}\n",
        "kinds:\n  files: {plural: files, title: name, fields: {name: {type: text}}}\n",
        "kinds:\n  'a\"b': {plural: 'x\"y', title: name, fields: {name: {type: text}}}\n",
        "kinds:\n  thing: {plural: customers, fields: {name: {type: text}}}\n",
        "interaction_types: call\n",
        "lifecycles: {}\n",
    ],
)
def test_settings_of_the_wrong_kind(book: Path, run: Run, text: str) -> None:
    """Each is reported by check; daily commands go on by the defaults, or say what is wrong: never a bug."""
    write(book, {"/crm.yaml": "name: Test\n" + text})
    checked = run("-C", book, "check")
    assert checked.code in (1, 6), checked
    assert "crm.yaml" in checked.err + checked.out
    for arguments in (
        ("customer", "list", "-o", "ids"),
        ("customer", "add", "Bob", "--set", "notes=x"),
        ("log", "ada", "call", "hi"),
        ("deal", "add", "Offer", "--set", "customer=ada"),
        ("case", "add", "Question", "--set", "customer=ada", "--set", "priority=urgent"),
        ("today",),
        ("report", "list"),
    ):
        done = run("-C", book, *arguments)
        assert done.code != 70, (arguments, done)
        assert done.code == 0 or done.err.startswith("crmctl: "), (arguments, done)
    assert sorted(path.name for path in book.parent.iterdir()) == ["book"]


def test_settings_changed_by_someone_else_are_taken_at_once(book: Path, run: Run) -> None:
    assert run("-C", book, "customer", "list", "-o", "ids").code == 0
    commit(book, {"/crm.yaml": "name: Test\nfields:\n  customer:\n    shoe_size: {type: text}\n"})
    assert run("-C", book, "customer", "set", "ada", "shoe_size=38").code == 0
    assert run("-C", book, "customer", "list", "shoe_size:38", "-o", "ids").out == "ada\n"
    commit(book, {"/crm.yaml": "name: Test\n"})
    assert run("-C", book, "customer", "list", "shoe_size:38", "-o", "ids").code == 2
    assert "shoe_size: 38" in (book / "records/customers/ada.yaml").read_text().replace("'", "").replace('"', "")
