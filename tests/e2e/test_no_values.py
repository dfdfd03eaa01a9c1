"""What stands in records stays in records: not in commit messages, not in git's logs, not in files others can read."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from conftest import Run
from conftest import git
from helpers.books import commit

if TYPE_CHECKING:
    from pathlib import Path

MARK = "Zqx"
"""It begins every value here, and nothing else has it."""

WRITES = f"""
customer add '{MARK} Name' --handle ada --email {MARK}@example.com --phone '+41 44 668 18 00' --tag {MARK}tag
customer set ada notes='{MARK} note' source='{MARK} source' address.city={MARK}ville external.shop={MARK}77
customer set ada tags+={MARK}more consent.newsletter.state=granted
log ada call '{MARK} said this' --followup '{MARK} promise' --due 2030-01-01
deal add '{MARK} deal' --handle roof --customer ada --amount 120 --next-step '{MARK} step'
deal set roof name='{MARK} other' stage=proposal
case add '{MARK} case' --handle fault --customer ada
case set fault status=solved notes='{MARK} why'
followup add '{MARK} promise' --handle later --customer ada --due 2030-02-01
followup snooze later 2030-03-01
followup done later
segment add '{MARK} segment' --handle all --set filter=name:{MARK}
product add '{MARK} product' --handle thing
member add '{MARK} member' --handle max
article add '{MARK} article' --handle text
customer edit ada
fmt
undo
undo HEAD
case rm fault --yes
customer rm ada --force --yes
"""


@pytest.fixture
def root(book_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\necho "first_name: {MARK}first" >> "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    (tmp_path / "people.csv").write_text(f"name,id,mail\n{MARK} One,{MARK}1,{MARK}1@example.com\n")
    return book_dir


def told(root: Path) -> str:
    """All that git has in words: messages, notes and logs of every reference."""
    files = [path for path in (root / ".git/logs").rglob("*") if path.is_file()]
    return git(root, "log", "--all", "--reflog", "--format=%B%N") + "".join(path.read_text() for path in files)


def test_commit_messages_name_no_values(root: Path, run: Run, tmp_path: Path) -> None:
    columns = "--kind customer --map name=name --map external.shop=id --map emails=mail --handle imp-{id}".split()
    before = 0
    for line in WRITES.strip().splitlines():
        done = run("-C", root, *shlex.split(line))
        assert done.code == 0, (line, done.err)
        if line == "fmt":
            continue  # All is in its form already.
        after = int(git(root, "rev-list", "--count", "HEAD"))
        assert after > before, (line, done.err)
        before = after
        assert MARK not in told(root), line
    taken = run("-C", root, "import", "csv", tmp_path / "people.csv", *columns, "--key", "external.shop", "--yes")
    assert taken.code == 0
    assert MARK not in told(root)


def test_a_merge_and_an_answer_name_no_values(root: Path, run: Run, tmp_path: Path) -> None:
    commit(root, {"customers/ada.yaml": "id: 01J00000000000000000000ADA\nname: Ada\nsource: fair\n"})
    git(tmp_path, "clone", "-q", "--bare", str(root), "team.git")
    git(root, "remote", "add", "origin", str(tmp_path / "team.git"))
    git(tmp_path, "clone", "-q", str(tmp_path / "team.git"), "other")
    other = tmp_path / "other"
    assert run("-C", root, "customer", "set", "ada", f"source={MARK}1", f"notes={MARK}").code == 0
    assert run("-C", other, "customer", "set", "ada", f"source={MARK}2", f"tags={MARK}").code == 0
    assert run("-C", other, "sync", "origin").code == 0
    assert run("-C", root, "sync", "origin").code == 5
    assert run("-C", root, "resolve", "ada", f"source={MARK}3").code == 0
    assert f"source: {MARK}3" in (root / "records/customers/ada.yaml").read_text()
    assert MARK not in told(root)


def test_a_batch_names_no_values(root: Path, run: Run, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text(f"customer add '{MARK} Name' --handle ada\ncustomer set ada notes={MARK}\n")
    assert run("-C", root, "batch", lines).code == 0
    assert MARK not in told(root)


def test_what_is_kept_beside_the_book_is_for_its_owner_alone(root: Path, run: Run, tmp_path: Path) -> None:
    commit(
        root,
        {
            "customers/ada.yaml": f"name: {MARK}\nemails: [ada@example.com]\n",
            "segments/all.yaml": "name: All\nfilter: name:*\n",
            "/templates/hi.txt": "---\nsubject: Hi\n---\nHi {{ customer.name }}\n",
        },
    )
    run("-C", root, "customer", "set", "ada", "source=web")
    run("-C", root, "customer", "list", "--as-of", "HEAD~1")
    kept = [path for path in (root / ".git/crmctl").rglob("*") if path.is_file()]
    named = [path for path in kept if MARK.encode() in path.read_bytes()]
    assert any(path.name == "index.sqlite" for path in named)
    assert {oct(path.stat().st_mode & 0o777) for path in named} == {"0o600"}
    assert (root / ".git/crmctl").stat().st_mode & 0o077 == 0


def test_a_warehouse_is_for_its_owner_alone(root: Path, run: Run, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    commit(root, {"customers/ada.yaml": f"name: {MARK}\n"})
    assert run("-C", root, "export", "warehouse", tmp_path / "w").code == 0
    tables = list((tmp_path / "w").glob("*.parquet"))
    assert tables
    assert {oct(path.stat().st_mode & 0o777) for path in tables} == {"0o600"}
