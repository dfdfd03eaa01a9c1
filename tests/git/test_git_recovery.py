"""What a write leaves behind when it dies, and that the next write mends it: at every step, with real git."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from helpers import processes
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.vcs import locks

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

ADA = "records/customers/ada.yaml"
BOB = "records/customers/bob.yaml"
NEW = "records/customers/cleo.yaml"

# A write of three files (one changed, one removed, one new) that kills itself at the Nth step it does on the disk.
DYING = """
import os, signal, sys
from pathlib import Path
from crmctl.services.book import Book
from crmctl.store import journal, placing
from crmctl.vcs.repository import Repository

left = [int(sys.argv[2])]

def dying(owner, name):
    real = getattr(owner, name)
    def step(*arguments, **options):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    setattr(owner, name, step)

for name in ("prepare_file", "put_in_place", "remove_file"):
    dying(placing, name)
for name in ("build", "advance", "stage"):
    dying(Repository, name)
dying(journal, "write")
dying(journal, "drop")

book = Book(Path(sys.argv[1]))
with book.write("test") as tx:
    tx.put("records/customers/ada.yaml", b"name: Ada\\nnotes: new\\n")
    tx.remove("records/customers/bob.yaml")
    tx.put("records/customers/cleo.yaml", b"name: Cleo\\n")
    tx.commit("test: three files")
print(left[0])
"""


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "name: Bob\n"})
    return book_dir


def die(book: Path, step: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DYING, str(book), str(step)],
        env=processes.environment(),
        timeout=processes.LIMIT,
        capture_output=True,
        text=True,
        check=False,
    )


def mended(book: Path) -> None:
    """The next write, and what must be so after it."""
    done = processes.crmctl("-C", book, "customer", "add", "Dora")
    assert done.code == 0, done.err
    assert git(book, "status", "--porcelain") == ""
    assert not (book / ".git/crmctl/journal.json").exists()
    assert list((book / "records").rglob(".*")) == []
    git(book, "fsck", "--strict")


def test_a_write_killed_at_any_step_is_whole_or_has_not_been(book: Path) -> None:
    steps = 1_000 - int(die(book, 1_000).stdout)
    git(book, "reset", "-q", "--hard", "HEAD~1")
    assert steps > 8
    outcomes = []
    for step in range(1, steps + 1):
        start = git(book, "rev-parse", "HEAD")
        done = die(book, step)
        assert done.returncode == -signal.SIGKILL, done.stderr
        moved = git(book, "rev-parse", "HEAD") != start
        mended(book)
        assert (book / BOB).exists() is not moved
        assert (book / NEW).exists() is moved
        assert ("new" in (book / ADA).read_text()) is moved
        outcomes.append(moved)
        git(book, "reset", "-q", "--hard", start.strip())
    assert outcomes == sorted(outcomes), "once HEAD has moved it stays moved"
    assert True in outcomes
    assert False in outcomes


def killed_after_head_moved(book: Path) -> None:
    """HEAD has moved, no file is in place yet."""
    start = git(book, "rev-parse", "HEAD")
    for step in range(1, 30):
        die(book, step)
        if git(book, "rev-parse", "HEAD") != start:
            assert (book / ".git/crmctl/journal.json").exists()
            assert not (book / NEW).exists()
            return
    raise AssertionError("HEAD never moved")


def test_reading_between_death_and_mending_works_and_changes_nothing(book: Path) -> None:
    killed_after_head_moved(book)
    before = git(book, "status", "--porcelain")
    assert processes.crmctl("-C", book, "customer", "list", "-o", "ids").out == "ada\nbob\n"
    assert git(book, "status", "--porcelain") == before
    mended(book)
    assert processes.crmctl("-C", book, "customer", "list", "-o", "ids").out == "ada\ncleo\ndora\n"


def test_files_that_a_person_changed_since_stay_theirs(book: Path) -> None:
    killed_after_head_moved(book)
    write(book, {"customers/ada.yaml": "name: Ada, by hand\n"})
    done = processes.crmctl("-C", book, "customer", "add", "Dora")
    assert done.code == 0, done.err
    assert (book / ADA).read_text() == "name: Ada, by hand\n"
    assert (book / NEW).exists()
    assert not (book / BOB).exists()
    # Shown as a change on top of the commit, not as a commit to come that would undo it.
    assert git(book, "status", "--porcelain") == f" M {ADA}\n"


def test_what_stands_in_the_way_of_mending_stays_and_hinders_nobody(book: Path) -> None:
    killed_after_head_moved(book)
    (book / ADA).unlink()
    (book / ADA).mkdir()
    (book / NEW).symlink_to("/etc/passwd")
    done = processes.crmctl("-C", book, "customer", "add", "Dora")
    assert git(book, "log", "-1", "--format=%s") == "customer: add dora\n"
    assert done.code == 4
    assert (book / NEW).is_symlink()
    assert not (book / ".git/crmctl/journal.json").exists()


def test_a_commit_made_by_hand_since_is_not_undone_by_mending(book: Path) -> None:
    killed_after_head_moved(book)
    (book / ".git/index.lock").unlink()  # As git advises.
    git(book, "commit", "-q", "-a", "-m", "all as it stands here")
    done = processes.crmctl("-C", book, "customer", "add", "Dora")
    assert done.code == 0, done.err
    assert (book / BOB).exists()
    assert (book / ADA).read_text() == "name: Ada\n"
    assert git(book, "status", "--porcelain") == ""


def test_a_write_that_was_undone_since_is_forgotten(book: Path) -> None:
    killed_after_head_moved(book)
    (book / ".git/index.lock").unlink()
    git(book, "reset", "-q", "--hard", "HEAD~1")
    mended(book)
    assert (book / BOB).exists()
    assert not (book / NEW).exists()


def test_mending_waits_until_a_merge_is_finished(book: Path) -> None:
    git(book, "branch", "theirs")
    git(book, "switch", "-q", "theirs")
    commit(book, {"customers/ada.yaml": "name: Ada of theirs\n"})
    git(book, "switch", "-q", "main")
    commit(book, {"customers/ada.yaml": "name: Ada of ours\n"})
    subprocess.run(["git", "-C", str(book), "merge", "-q", "theirs"], capture_output=True, check=False, timeout=60)
    assert git(book, "status", "--porcelain") == f"AA {ADA}\n" or git(book, "status", "--porcelain") == f"UU {ADA}\n"
    oid = git(book, "rev-parse", f"HEAD:{ADA}").strip()
    note = {"old": "", "new": git(book, "rev-parse", "HEAD").strip(), "steps": {ADA: ["", oid, oid]}}
    (book / ".git/crmctl").mkdir(exist_ok=True)
    (book / ".git/crmctl/journal.json").write_text(json.dumps(note))
    refused = processes.crmctl("-C", book, "customer", "set", "bob", "notes=x")
    assert refused.code == 5
    assert "merge" in refused.err
    assert git(book, "status", "--porcelain") == f"UU {ADA}\n"
    assert "<<<<<<<" in (book / ADA).read_text()


@pytest.mark.parametrize(
    "torn",
    [
        "",
        "{",
        '{"old": "',
        "[]",
        "{}",
        "null",
        '{"old": 1, "new": 2, "paths": []}',
        "[" * 30_000,
        "\xff\xfe",
        '{"a": 1}',
    ],
)
def test_a_torn_journal_is_from_before_head_moved_and_means_nothing(book: Path, run: Run, torn: str) -> None:
    (book / ".git/crmctl").mkdir(exist_ok=True)
    (book / ".git/crmctl/journal.json").write_text(torn, encoding="latin-1")
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    assert git(book, "status", "--porcelain") == ""
    assert not (book / ".git/crmctl/journal.json").exists()


def test_half_written_files_of_a_killed_process_do_not_stop_one_with_its_number(book: Path, run: Run) -> None:
    leftover = book / f"records/customers/.ada.yaml.{os.getpid()}.crmctl"
    leftover.write_text("half")
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    assert not leftover.exists()
    assert git(book, "status", "--porcelain") == ""


def test_a_commit_by_hand_in_the_middle_of_ours_does_not_undo_it(
    book: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HEAD has moved and git's index does not know yet: `git commit` would commit what was there before."""
    from crmctl.vcs.repository import Repository

    move = Repository.advance
    tried: list[subprocess.CompletedProcess[str]] = []

    def move_then_commit(self: Repository, new: str, old: str, message: str) -> None:
        move(self, new, old, message)
        write(book, {"/mine.txt": "mine\n"})
        for arguments in (("add", "mine.txt"), ("commit", "-q", "--allow-empty", "-m", "by hand")):
            command = ["git", "-C", str(book), *arguments]
            tried.append(subprocess.run(command, capture_output=True, text=True, check=False, timeout=60))

    monkeypatch.setattr(Repository, "advance", move_then_commit)
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    monkeypatch.undo()
    assert [done.returncode for done in tried] == [128, 128]
    assert all("index.lock" in done.stderr for done in tried)
    assert "notes: x" in git(book, "show", f"HEAD:{ADA}")
    assert git(book, "status", "--porcelain") == "?? mine.txt\n"


def test_a_lock_of_gits_index_at_the_last_step_changes_nothing(
    book: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmctl.vcs.repository import Repository

    build = Repository.build
    lock = book / ".git/index.lock"

    def build_then_lock(self: Repository, *arguments: object, **more: object) -> str:
        lock.touch()
        return build(self, *arguments, **more)  # type: ignore[arg-type]

    before = git(book, "rev-parse", "HEAD")
    monkeypatch.setattr(Repository, "build", build_then_lock)
    monkeypatch.setattr(locks, "WAIT", 0.05)
    refused = run("-C", book, "customer", "set", "ada", "notes=x")
    monkeypatch.undo()
    assert refused.code == 7
    assert str(lock) in refused.err
    lock.unlink()
    assert git(book, "rev-parse", "HEAD") == before
    assert git(book, "status", "--porcelain") == ""
    assert not (book / ".git/crmctl/journal.json").exists()
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
