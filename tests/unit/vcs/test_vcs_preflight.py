from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import Conflict
from crmctl.errors import Locked
from crmctl.vcs import places
from crmctl.vcs import preflight

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("MERGE_HEAD", "a merge"),
        ("rebase-merge", "a rebase"),
        ("rebase-apply", "a rebase"),
        ("CHERRY_PICK_HEAD", "a cherry-pick"),
        ("REVERT_HEAD", "a revert"),
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
    monkeypatch.setattr(preflight, "INDEX_LOCK_WAIT", 0.0)
    with pytest.raises(Locked, match="git is at work"):
        preflight.check_writable(found)
