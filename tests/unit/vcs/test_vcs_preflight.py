from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import Conflict
from crmctl.errors import Locked
from crmctl.vcs import locks
from crmctl.vcs import places
from crmctl.vcs import preflight

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("rebase-merge", "a rebase"),
        ("rebase-apply", "a rebase"),
        ("BISECT_LOG", "a bisect"),
    ],
)
def test_in_the_middle_of_something(book_dir: Path, mark: str, words: str) -> None:
    found = places.find(book_dir)
    preflight.check_writable(found)
    (book_dir / ".git" / mark).touch()
    with pytest.raises(Conflict, match=words) as caught:
        preflight.check_writable(found)
    assert "git " in caught.value.hint


def test_on_no_branch(book_dir: Path) -> None:
    (book_dir / ".git/HEAD").write_text("1" * 40 + "\n")
    with pytest.raises(Conflict, match="detached"):
        preflight.check_writable(places.find(book_dir))


def test_a_head_that_cannot_be_read_is_left_to_git(book_dir: Path) -> None:
    found = places.find(book_dir)
    (book_dir / ".git/HEAD").unlink()
    preflight.check_writable(found)
    (book_dir / ".git/HEAD").write_bytes(b"\xff\xfe")
    with pytest.raises(Conflict):
        preflight.check_writable(found)


def test_a_git_at_work(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = places.find(book_dir)
    lock = book_dir / ".git/index.lock"
    lock.touch()
    monkeypatch.setattr(time, "sleep", lambda seconds: lock.unlink())
    preflight.check_writable(found)
    lock.touch()
    monkeypatch.setattr(locks, "WAIT", 0.0)
    with pytest.raises(Locked, match="a git that was killed left it") as caught:
        preflight.check_writable(found)
    assert "crmctl doctor --fix" in caught.value.hint


@pytest.mark.parametrize("mark", ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"])
def test_other_records_can_be_written_while_two_histories_are_joined(book_dir: Path, mark: str) -> None:
    (book_dir / ".git" / mark).touch()
    preflight.check_writable(places.find(book_dir))


def test_who_holds_gits_lock(book_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has the file open, and one that is called git and stands in the repository, are named."""
    found = places.find(book_dir)
    monkeypatch.setattr(locks, "WAIT", 0.0)
    lock = book_dir / ".git/index.lock"
    lock.touch()
    assert locks.holders(found) == []
    (tmp_path / "git-sleep").symlink_to("/bin/sleep")
    for arguments in (["sh", "-c", "sleep 60 3<.git/index.lock; :"], [str(tmp_path / "git-sleep"), "60"]):
        with subprocess.Popen(arguments, cwd=book_dir, start_new_session=True) as process:
            try:
                until(lambda: bool(locks.holders(found)))
                assert locks.holders(found)
                with pytest.raises(Locked, match=r"git is at work here .process ") as caught:
                    preflight.check_writable(found)
                assert "Wait" in caught.value.hint
                with pytest.raises(Locked):
                    locks.clear_index_lock(found)
                assert lock.exists()
            finally:
                os.killpg(process.pid, signal.SIGKILL)
    until(lambda: not locks.holders(found))
    assert locks.clear_index_lock(found) is True
    assert locks.clear_index_lock(found) is False


def test_a_lock_that_is_made_anew_meanwhile_stays(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = places.find(book_dir)
    lock = book_dir / ".git/index.lock"
    lock.touch()

    def comes_back(_: places.Places) -> list[tuple[int, str]]:
        lock.rename(lock.with_suffix(".old"))
        lock.touch()
        return []

    monkeypatch.setattr(locks, "holders", comes_back)
    with pytest.raises(Locked, match="made anew"):
        locks.clear_index_lock(found)
    assert lock.exists()


def until(true: Callable[[], bool]) -> None:
    """Wait for another process, at most a minute."""
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
