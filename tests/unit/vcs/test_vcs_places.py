from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import git

from crmctl.errors import NoBook
from crmctl.vcs import places

if TYPE_CHECKING:
    from pathlib import Path


def test_at_the_top(book_dir: Path) -> None:
    found = places.find(book_dir)
    assert found == (book_dir, book_dir, book_dir / ".git", book_dir / ".git", "")
    assert found.own == found.shared == book_dir / ".git/crmctl"


def test_in_a_folder_each_book_has_its_own(book_dir: Path) -> None:
    found = places.find(book_dir / "a b/c")
    assert found.top == book_dir
    assert found.prefix == "a b/c/"
    assert found.own == book_dir / ".git/crmctl/books/a b/c"
    assert found.shared == book_dir / ".git/crmctl"


def test_in_a_linked_work_tree_the_lock_is_shared(book_dir: Path, tmp_path: Path) -> None:
    git(book_dir, "worktree", "add", "-q", str(tmp_path / "linked"))
    found = places.find(tmp_path / "linked")
    assert found.git_dir == book_dir / ".git/worktrees/linked"
    assert found.shared == book_dir / ".git/crmctl"
    assert found.own == book_dir / ".git/worktrees/linked/crmctl"


def test_in_a_repository_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    git(tmp_path / "book", "init", "-q", "--separate-git-dir=../apart")
    found = places.find(tmp_path / "book")
    assert found.git_dir.resolve() == (tmp_path / "apart").resolve()
    assert found.common_dir == found.git_dir


@pytest.mark.parametrize("text", ["", "gitdir:", "gitdir: ", "something else", "\xff"])
def test_a_mark_that_points_nowhere(tmp_path: Path, text: str) -> None:
    (tmp_path / ".git").write_text(text, encoding="latin-1")
    with pytest.raises(NoBook, match="does not say where"):
        places.find(tmp_path)


def test_an_empty_mark_is_passed_over_as_git_does(book_dir: Path) -> None:
    (book_dir / "inner/.git").mkdir(parents=True)
    assert places.find(book_dir / "inner").top == book_dir


def test_nowhere(tmp_path: Path) -> None:
    with pytest.raises(NoBook) as caught:
        places.find(tmp_path)
    assert f"git init {tmp_path}" in caught.value.hint


def test_bare(book_dir: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    assert places.is_bare(tmp_path / "bare.git")
    assert not places.is_bare(book_dir)
    assert not places.is_bare(tmp_path)
