"""A repository in the middle of something: reading works, writing is refused with the way out, nothing is lost."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.vcs import locks

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

ADA = "records/customers/ada.yaml"


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "name: Bob\n"})
    return book_dir


@pytest.fixture
def two_branches(book: Path) -> Path:
    git(book, "switch", "-q", "-c", "theirs")
    commit(book, {"customers/ada.yaml": "name: Ada Theirs\n"}, "theirs")
    git(book, "switch", "-q", "main")
    commit(book, {"customers/ada.yaml": "name: Ada Ours\n"}, "ours")
    return book


def failing(book: Path, *arguments: str) -> None:
    done = subprocess.run(["git", "-C", str(book), *arguments], capture_output=True, check=False, timeout=60)
    assert done.returncode != 0


def everything(book: Path) -> tuple[str, str, dict[str, bytes]]:
    files = {str(path): path.read_bytes() for path in (book / "records").rglob("*") if path.is_file()}
    return git(book, "rev-parse", "HEAD"), git(book, "status", "--porcelain=v2"), files


@pytest.mark.parametrize(
    ("start", "words", "way_out"),
    [
        (("rebase", "-q", "theirs"), "a rebase is under way", "git rebase --abort"),
        (("rebase", "-q", "--apply", "theirs"), "a rebase is under way", "git rebase --abort"),
    ],
)
def test_in_the_middle_of_moving_a_branch(
    two_branches: Path, run: Run, start: tuple[str, ...], words: str, way_out: str
) -> None:
    book = two_branches
    failing(book, *start)
    before = everything(book)
    listed = run("-C", book, "customer", "list", "-o", "ids")
    assert listed.out == "bob\n"
    assert listed.code == 4
    assert ADA in listed.err
    assert "conflict" in listed.err
    for write_command in (
        ("customer", "set", "bob", "notes=x"),
        ("customer", "add", "Cleo"),
        ("log", "bob", "call", "hi"),
    ):
        refused = run("-C", book, *write_command)
        assert refused.code == 5
        assert words in refused.err
        assert way_out in refused.err
    assert everything(book) == before
    git(book, *way_out.split()[1:])
    assert run("-C", book, "customer", "set", "bob", "notes=x").code == 0


@pytest.mark.parametrize(
    ("start", "abort"),
    [
        (("merge", "-q", "theirs"), "merge --abort"),
        (("cherry-pick", "theirs"), "cherry-pick --abort"),
        (("revert", "--no-edit", "HEAD~1"), "revert --abort"),
    ],
)
@pytest.mark.parametrize("finish", [True, False])
def test_records_that_are_in_no_conflict_can_be_written(
    two_branches: Path, run: Run, start: tuple[str, ...], abort: str, finish: bool
) -> None:
    book = two_branches
    if start[0] == "revert":
        commit(book, {"customers/ada.yaml": "name: Ada Once More\n"})
    failing(book, *start)
    listed = run("-C", book, "customer", "list", "-o", "ids")
    assert (listed.out, listed.code) == ("bob\n", 4)
    assert "crmctl conflicts" in listed.err
    assert run("-C", book, "customer", "set", "bob", "notes=x").code == 4, "written, and the broken record is told of"
    assert run("-C", book, "log", "bob", "call", "hi").code == 4
    assert git(book, "log", "-2", "--format=%s") == "log: call with bob\ncustomer: set bob notes\n"
    before = everything(book)
    refused = run("-C", book, "customer", "set", "ada", "notes=x")
    assert refused.code in (3, 4)
    assert everything(book) == before
    if finish:
        write(book, {"customers/ada.yaml": "name: Ada Both\n"})
        git(book, "add", ADA)
        git(book, "commit", "-q", "--no-edit")
    else:
        git(book, *abort.split())
    assert run("-C", book, "customer", "show", "bob", "-o", "json").out.count('"x"') == 1
    assert git(book, "status", "--porcelain") == ""


def test_a_merge_without_conflicts_that_is_not_committed_yet(two_branches: Path, run: Run) -> None:
    book = two_branches
    git(book, "switch", "-q", "-c", "other", "main")
    commit(book, {"customers/cleo.yaml": "name: Cleo\n", "customers/bob.yaml": "name: Bob\nrole: cook\n"})
    git(book, "switch", "-q", "main")
    git(book, "merge", "-q", "--no-commit", "--no-ff", "other")
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\nbob\ncleo\n"
    assert run("-C", book, "customer", "set", "bob", "notes=x").code == 0
    assert git(book, "show", "HEAD:records/customers/bob.yaml").endswith("name: Bob\nnotes: x\n")
    git(book, "commit", "-q", "--no-edit")
    assert git(book, "show", "HEAD:records/customers/bob.yaml").endswith("name: Bob\nrole: cook\nnotes: x\n")
    assert git(book, "status", "--porcelain") == ""
    assert run("-C", book, "customer", "set", "bob", "notes=y").code == 0


def test_a_deleted_and_changed_record_in_a_merge_hides_no_other(book: Path, run: Run) -> None:
    git(book, "switch", "-q", "-c", "theirs")
    git(book, "rm", "-q", ADA)
    git(book, "commit", "-q", "-m", "gone")
    git(book, "switch", "-q", "main")
    commit(book, {"customers/ada.yaml": "name: Ada Ours\n"})
    failing(book, "merge", "-q", "theirs")
    listed = run("-C", book, "customer", "list", "-o", "ids")
    assert listed.out == "ada\nbob\n"


def test_bisecting(book: Path, run: Run) -> None:
    commit(book, {"customers/ada.yaml": "name: Ada Two\n"})
    commit(book, {"customers/ada.yaml": "name: Ada Three\n"})
    git(book, "bisect", "start", "HEAD", "HEAD~2")
    assert run("-C", book, "customer", "list", "-o", "ids").code == 0
    refused = run("-C", book, "customer", "set", "bob", "notes=x")
    assert refused.code == 5
    assert "git bisect reset" in refused.err
    git(book, "bisect", "reset")
    assert run("-C", book, "customer", "set", "bob", "notes=x").code == 0


def test_detached_head(book: Path, run: Run) -> None:
    git(book, "switch", "-q", "--detach")
    head = git(book, "rev-parse", "HEAD")
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\nbob\n"
    refused = run("-C", book, "customer", "set", "bob", "notes=x")
    assert refused.code == 5
    assert "detached" in refused.err
    assert "git switch main" in refused.err
    assert git(book, "rev-parse", "HEAD") == head
    git(book, "switch", "-q", "main")
    assert run("-C", book, "customer", "set", "bob", "notes=x").code == 0


def test_an_unborn_branch(tmp_path: Path, run: Run) -> None:
    book = tmp_path / "new"
    book.mkdir()
    git(book, "init", "-q", "-b", "main")
    write(book, {"/crm.yaml": "name: New\n", "customers/ada.yaml": "name: Ada\n"})
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\n"
    assert run("-C", book, "customer", "add", "Bob").code == 0
    assert git(book, "log", "--format=%s") == "customer: add bob\n"
    assert git(book, "status", "--porcelain", "-uall") == f"?? crm.yaml\n?? {ADA}\n"
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    assert git(book, "status", "--porcelain", "-uall") == "?? crm.yaml\n"


def test_an_orphan_branch_starts_anew(book: Path, run: Run) -> None:
    git(book, "switch", "-q", "--orphan", "fresh")
    assert run("-C", book, "customer", "list").code == 6
    write(book, {"/crm.yaml": "name: New\n"})
    assert run("-C", book, "customer", "add", "Cleo").code == 0
    assert run("-C", book, "customer", "list", "-o", "ids").out == "cleo\n"
    git(book, "switch", "-q", "-f", "main")
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\nbob\n"


def test_switching_branches_is_seen_at_once(two_branches: Path, run: Run) -> None:
    book = two_branches
    assert run("-C", book, "customer", "show", "ada", "-o", "json").out.count("Ada Ours") == 1
    git(book, "switch", "-q", "theirs")
    assert run("-C", book, "customer", "show", "ada", "-o", "json").out.count("Ada Theirs") == 1
    git(book, "reset", "-q", "--hard", "HEAD~1")
    assert '"Ada"' in run("-C", book, "customer", "show", "ada", "-o", "json").out


def test_a_git_at_work_is_waited_for(book: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = book / ".git/index.lock"
    lock.touch()
    looks = iter([True, True])

    def sleep(seconds: float) -> None:
        if next(looks, None) is None:
            lock.unlink(missing_ok=True)

    monkeypatch.setattr("crmctl.vcs.locks.time.sleep", sleep)
    assert run("-C", book, "customer", "set", "bob", "notes=x").code == 0
    assert next(looks, None) is None


def test_a_git_that_was_killed_is_named_after_a_while(book: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "WAIT", 0.05)
    lock = book / ".git/index.lock"
    lock.touch()
    before = git(book, "rev-parse", "HEAD")
    assert run("-C", book, "customer", "list", "-o", "ids").code == 0
    locked = run("-C", book, "customer", "set", "bob", "notes=x")
    assert locked.code == 7
    assert str(lock) in locked.err
    assert "a git that was killed left it" in locked.err
    assert "crmctl doctor --fix" in locked.err
    assert lock.exists(), "it is not ours to remove"
    assert git(book, "rev-parse", "HEAD") == before


@pytest.mark.parametrize("content", [b"", b"DIRC\0\0\0\2", b"rubbish" * 100, b"DIRC\0\0\0\xff\0\0\0\0" + bytes(20)])
def test_a_damaged_index_of_git_is_told_with_the_way_out(book: Path, run: Run, content: bytes) -> None:
    (book / ".git/index").write_bytes(content)
    for arguments in (("customer", "list"), ("customer", "set", "bob", "notes=x")):
        refused = run("-C", book, *arguments)
        assert refused.code == 1
        assert "rm .git/index && git reset" in refused.err
    (book / ".git/index").unlink()
    git(book, "reset", "-q")
    assert run("-C", book, "customer", "set", "bob", "notes=x").code == 0


def test_a_lost_object_is_told(book: Path, run: Run) -> None:
    oid = git(book, "rev-parse", f"HEAD:{ADA}").strip()
    (book / f".git/objects/{oid[:2]}/{oid[2:]}").unlink()
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\nbob\n"
    assert run("-C", book, "customer", "set", "bob", "notes=x").code == 0


def test_a_lost_head_commit_is_told(book: Path, run: Run) -> None:
    oid = git(book, "rev-parse", "HEAD").strip()
    (book / f".git/objects/{oid[:2]}/{oid[2:]}").unlink()
    for arguments in (("customer", "list"), ("customer", "add", "Cleo")):
        refused = run("-C", book, *arguments)
        assert refused.code in (1, 5)
        assert "hint:" in refused.err
        assert "bug" not in refused.err
    assert (book / ".git/refs/heads/main").read_text().strip() == oid


@pytest.mark.parametrize("content", ["", "rubbish\n", "\x00\xff"])
def test_a_damaged_head_is_told(book: Path, run: Run, content: str) -> None:
    (book / ".git/HEAD").write_text(content, encoding="latin-1")
    for arguments in (("customer", "list"), ("customer", "add", "Cleo")):
        refused = run("-C", book, *arguments)
        assert refused.code == 6
        assert "git" in refused.err
        assert "bug" not in refused.err
