from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.errors import GitFailed
from crmctl.errors import NoBook
from crmctl.vcs.staged import Staged

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(book_dir, {"a.yaml": "1\n", "b.yaml": "2\n", "ü c.yaml": "3\n"})
    return book_dir


def test_what_the_next_commit_holds(book: Path) -> None:
    write(book, {"a.yaml": "one\n", "new.yaml": "n\n"})
    (book / "records/link.yaml").symlink_to("a.yaml")
    git(book, "add", "-A")
    git(book, "rm", "-q", "records/b.yaml")
    write(book, {"a.yaml": "not staged\n"})
    staged = Staged(book, book)
    assert staged.changed() == ["records/a.yaml", "records/link.yaml", "records/new.yaml"]
    assert staged.removed() == ["records/b.yaml"]
    files = staged.files()
    assert sorted(files) == ["crm.yaml", "records/a.yaml", "records/link.yaml", "records/new.yaml", "records/ü c.yaml"]
    assert files["records/link.yaml"].mode == "120000"
    oids = [files["records/a.yaml"].oid, files["records/ü c.yaml"].oid, files["records/a.yaml"].oid]
    assert list(staged.contents(oids).values()) == [b"one\n", b"3\n"]
    assert staged.contents([]) == {}


def test_an_index_of_gits_own_making_is_used(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in ``git commit FILE``: the hook is told of another index, relative to where it was started."""
    (book / ".git/index").rename(book / ".git/next-index-1.lock")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/next-index-1.lock")
    assert "records/a.yaml" in Staged(book, book).files()
    monkeypatch.setenv("GIT_INDEX_FILE", "../.git/next-index-1.lock")
    assert "records/a.yaml" in Staged(book, book / "records").files()


def test_files_in_conflict_are_left_out(book: Path) -> None:
    oid = git(book, "rev-parse", "HEAD:records/a.yaml").strip()
    lines = "".join(f"100644 {oid} {stage}\trecords/a.yaml\n" for stage in (1, 2, 3))
    git(book, "rm", "-q", "--cached", "records/a.yaml")
    (book / "lines").write_text(lines)
    import subprocess

    with (book / "lines").open() as given:
        subprocess.run(["git", "-C", book, "update-index", "--index-info"], stdin=given, check=True)
    assert "records/a.yaml" not in Staged(book, book).files()


def test_what_is_lost_or_refused_is_told(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GitFailed, match="lost an object"):
        Staged(book, book).contents(["1" * 40])
    with pytest.raises(GitFailed, match="git ls-files failed"):
        Staged(tmp_path, tmp_path).files()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(GitFailed, match="not installed"):
        Staged(book, book).files()


def test_git_looks_at_once_and_is_not_asked_again_for_what_is_known(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    monkeypatch.setenv("GIT_TRACE", str(calls))
    write(book, {"a.yaml": "one\n"})
    git(book, "add", "-A")
    calls.unlink()
    staged = Staged.around(book / "records")
    oid = staged.files()["records/a.yaml"].oid
    assert (staged.changed(), staged.removed()) == (["records/a.yaml"], [])
    before, after = staged.versions()["records/a.yaml"]
    assert staged.contents([before, oid]) == {before: b"1\n", oid: b"one\n"}
    assert staged.contents([after]) == {oid: b"one\n"}
    assert calls.read_text().count("built-in: git cat-file") == 1
    assert calls.read_text().count("built-in: git") == 3


def test_outside_of_a_repository_git_is_not_started(tmp_path: Path) -> None:
    with pytest.raises(NoBook, match="is not in a git repository"):
        Staged.around(tmp_path)
