"""``doctor``: what it looks at, and what it says when that is not well."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.errors import Locked
from crmctl.services.book import Book
from crmctl.services.clone import doctor
from crmctl.services.finding import Finding
from crmctl.store import journal
from crmctl.store.lock import locked

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


def findings(root: Path, *, fix: bool = False, rebuild: bool = False) -> dict[str, Finding]:
    return {found.what: found for found in doctor.book_findings(Book(root), fix=fix, rebuild=rebuild)}


def test_a_book_that_is_well(sample_dir: Path) -> None:
    found = findings(sample_dir)
    assert {finding.state for finding in found.values()} == {"ok"}
    assert "59 customers" in found["records"].found
    assert found["repository"].found.endswith("branch main")
    assert found["identity"].found == "Ann Author <ann@example.com>"
    assert found["index"].ms is not None


def test_the_programs(tmp_path: Path) -> None:
    found = {finding.what: finding for finding in doctor.programs(tmp_path)}
    assert found["git"].found in subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout
    assert {finding.state for finding in found.values()} == {"ok"}


@pytest.mark.parametrize(
    ("printed", "state", "version"),
    [("git version 2.29.9", "warn", "2.29.9"), ("git version 2.30.0.rc1", "ok", "2.30.0.rc1"), ("git?", "ok", "git?")],
)
def test_an_old_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, state: str, version: str) -> None:
    script = tmp_path / "git"
    script.write_text(f"#!/bin/sh\necho {printed}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = {finding.what: finding for finding in doctor.programs(tmp_path)}
    assert (found["git"].state, found["git"].found) == (state, version)


def test_no_git_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {finding.what: finding for finding in doctor.programs(tmp_path)}
    assert (found["git"].state, found["git"].found) == ("bad", "git is not installed, or not on the PATH")


def test_the_slow_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmctl.store.yaml_events.c_parser", lambda: None)
    found = {finding.what: finding for finding in doctor.programs(tmp_path)}
    assert found["YAML"].state == "warn"
    assert "ruamel.yaml.clib" in found["YAML"].hint


def test_nobody_to_commit_as(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name)
    git(book_dir, "config", "user.useConfigOnly", "true")
    assert findings(book_dir)["identity"].state == "bad"


def test_a_merge_under_way_and_no_branch(book_dir: Path) -> None:
    (book_dir / ".git/MERGE_HEAD").write_text("x")
    found = findings(book_dir)["repository"]
    assert (found.state, found.hint) == (
        "warn",
        "Finish it (`git merge --continue`) or give it up (`git merge --abort`).",
    )
    (book_dir / ".git/MERGE_HEAD").unlink()
    git(book_dir, "checkout", "-q", "--detach")
    assert "detached" in findings(book_dir)["repository"].found


def test_a_shallow_clone(book_dir: Path, tmp_path: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{book_dir}", str(tmp_path / "clone")], check=True)
    assert findings(tmp_path / "clone")["history"].state == "warn"


def test_who_is_writing(book_dir: Path) -> None:
    lock = book_dir / ".git/crmctl/lock"
    with locked(lock, "import customers"):
        found = findings(book_dir)["lock"]
    assert found.state == "warn"
    assert "import customers" in found.found
    assert findings(book_dir)["lock"].state == "ok"


def test_a_lock_that_git_left(book_dir: Path) -> None:
    (book_dir / ".git/index.lock").touch()
    found = findings(book_dir)
    assert found["git's lock"].state == "warn"
    assert "doctor --fix" in found["git's lock"].hint
    assert found["repository"].state == "ok"
    assert (book_dir / ".git/index.lock").exists()
    assert findings(book_dir, fix=True)["git's lock"].state == "ok"
    assert not (book_dir / ".git/index.lock").exists()


@pytest.mark.parametrize("name", ["HEAD.lock", "refs/heads/main.lock"])
def test_a_lock_of_a_reference_that_git_left(book_dir: Path, run: Run, name: str) -> None:
    commit(book_dir, {}, "a book")
    lock = book_dir / ".git" / name
    lock.touch()
    os.utime(lock, (1, 1))
    refused = run("-C", book_dir, "customer", "add", "Ada Lovelace")
    assert refused.code == Locked.code
    assert f"{lock} exists: a git that was killed left it" in refused.err
    assert "crmctl doctor --fix" in refused.err
    found = findings(book_dir)["git's lock"]
    assert (found.state, str(lock) in found.found) == ("warn", True)
    assert lock.exists()
    assert findings(book_dir, fix=True)["git's lock"].state == "ok"
    assert not lock.exists()
    assert run("-C", book_dir, "customer", "add", "Ada Lovelace").code == 0


def interrupt(root: Path) -> None:
    """Leave what a write leaves that dies after it has moved HEAD."""
    book = Book(root)
    head = book.repository.head()
    new = book.repository.build(head, "customer: add ada", {"records/customers/ada.yaml": b"name: Ada\n"})
    book.repository.advance(new, head, "customer: add ada")
    from crmctl.vcs.objects import blob_id

    after = blob_id(b"name: Ada\n")
    book.places.own.mkdir(exist_ok=True)
    steps = {"records/customers/ada.yaml": journal.Step("", after, after)}
    journal.write(book.places.own, journal.Journal(head, new, steps))
    write(root, {"customers/.bob.yaml.123.crmctl": "half"})


def test_an_interrupted_write_is_told_and_finished(book_dir: Path) -> None:
    interrupt(book_dir)
    told = [found for found in doctor.book_findings(Book(book_dir)) if found.what == "writes"]
    assert [found.state for found in told] == ["warn", "warn"]
    assert not (book_dir / "records/customers/ada.yaml").exists()
    assert findings(book_dir, fix=True)["writes"].state == "ok"
    assert (book_dir / "records/customers/ada.yaml").read_text() == "name: Ada\n"
    assert not (book_dir / "records/customers/.bob.yaml.123.crmctl").exists()
    assert findings(book_dir)["writes"].found == "all finished"


def test_nothing_is_finished_while_somebody_writes(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(book_dir)

    def busy(*_: object, **__: object) -> None:
        raise Locked("another crmctl is writing")

    monkeypatch.setattr(Book, "write", busy)
    assert findings(book_dir, fix=True)["writes"].state == "bad"
    assert (book_dir / "records/customers/.bob.yaml.123.crmctl").exists()


def test_drafts_that_were_not_saved(book_dir: Path) -> None:
    folder = book_dir / ".git/crmctl/tmp"
    folder.mkdir(parents=True)
    assert "drafts" not in findings(book_dir)
    (folder / "ada-x.yaml").touch()
    assert "ada-x.yaml" in findings(book_dir)["drafts"].found


def test_settings_with_problems(book_dir: Path) -> None:
    write(book_dir, {"/crm.yaml": "zzz: red\n"})
    assert findings(book_dir)["settings"].found == "crm.yaml:1:1: there is no setting 'zzz'"
    write(book_dir, {"/crm.yaml": "[\n"})
    found = findings(book_dir)
    assert (found["book"].state, found["index"].state, found["records"].state) == ("bad", "bad", "bad")


def test_the_index_is_made_anew_when_asked(book_dir: Path) -> None:
    assert findings(book_dir)["index"].found.startswith("made anew")
    assert findings(book_dir)["index"].found.startswith("up to date")
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    assert findings(book_dir)["index"].found.startswith("was behind")
    path = book_dir / ".git/crmctl/index.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM customers")
    connection.close()
    assert findings(book_dir)["records"].found == "none yet"
    found = findings(book_dir, rebuild=True)
    assert found["index"].found.startswith("made anew")
    assert found["records"].found == "1 customer"


def test_records_that_cannot_be_read(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: [\n"})
    found = findings(book_dir)["unreadable"]
    assert found.state == "bad"
    assert "records/customers/ada.yaml" in found.found


def test_an_index_that_cannot_be_written(book_dir: Path) -> None:
    (book_dir / ".git/crmctl").write_text("in the way")
    found = {finding.what: finding for finding in doctor.book_findings(Book(book_dir))}
    assert found["index"].state in ("warn", "bad")


@pytest.mark.parametrize(
    ("mounts", "kind", "state"),
    [
        ("/dev/sda1 / ext4 rw 0 0\n", "ext4", "ok"),
        ("/dev/sda1 / ext4 rw 0 0\nserver:/home {root} nfs4 rw 0 0\n", "nfs4, over the network", "warn"),
        ("x {root}/records fuse.sshfs rw 0 0\n/dev/sda1 / ext4 rw 0 0\n", "ext4", "ok"),
    ],
)
def test_slow_file_systems(tmp_path: Path, mounts: str, kind: str, state: str) -> None:
    lines = mounts.format(root=str(tmp_path).replace(" ", "\\040")).splitlines(keepends=True)
    found = doctor.mounted(str(tmp_path), lines)
    assert found == kind.partition(",")[0]
    assert doctor.file_system(found) == Finding(state, "file system", kind, doctor.file_system(found).hint)
