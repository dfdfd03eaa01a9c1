"""What is told about a repository without changing it, making one, and its history."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.books import commit
from helpers.books import git

from crmctl.errors import GitFailed
from crmctl.errors import NoBook
from crmctl.vcs import create
from crmctl.vcs import health
from crmctl.vcs import history
from crmctl.vcs import places

ADA = "records/customers/ada.yaml"


# Making one


def test_a_new_repository_stands_on_main(tmp_path: Path) -> None:
    assert create.surrounding(tmp_path) is None
    create.create(tmp_path)
    assert create.surrounding(tmp_path) == tmp_path
    assert git(tmp_path, "symbolic-ref", "HEAD") == "refs/heads/main\n"


def test_a_folder_of_a_repository_is_kept_by_it_unless_it_is_ignored(book_dir: Path) -> None:
    assert create.surrounding(book_dir / "new") is None or create.surrounding(book_dir / "new") == book_dir
    (book_dir / "inner").mkdir()
    assert create.surrounding(book_dir / "inner") == book_dir
    (book_dir / ".gitignore").write_text("inner/\n")
    assert create.surrounding(book_dir / "inner") is None


def test_the_inside_of_a_repository_is_no_place_for_a_book(book_dir: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    for folder in (book_dir / ".git", book_dir / ".git/refs", tmp_path / "bare.git", tmp_path / "bare.git/new"):
        with pytest.raises(NoBook, match="inside of a git repository"):
            create.surrounding(folder)


# Health


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("git version 2.39.5", ("2.39.5", True)),
        ("git version 2.30.0", ("2.30.0", True)),
        ("git version 2.29.9", ("2.29.9", False)),
        ("git version 1.9.1", ("1.9.1", False)),
        ("git version 3.0.0-rc1.windows", ("3.0.0-rc1.windows", True)),
        ("something else", ("something else", True)),
    ],
)
def test_the_version_of_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, expected: tuple[str, bool]
) -> None:
    (tmp_path / "git").write_text(f"#!/bin/sh\necho '{words}'\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert health.version(tmp_path) == expected


def test_who_and_where(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = places.find(book_dir)
    assert health.identity(book_dir) == "Ann Author <ann@example.com>"
    assert health.branch(found) == "main"
    git(book_dir, "checkout", "-q", "--detach")
    assert health.branch(found) == ""
    (book_dir / ".git/HEAD").unlink()
    assert health.branch(found) == ""
    monkeypatch.delenv("GIT_AUTHOR_NAME")
    monkeypatch.delenv("GIT_AUTHOR_EMAIL")
    git_config = Path(os.environ["HOME"]) / "gitconfig"
    git_config.write_text("[user]\nuseConfigOnly = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(git_config))
    assert health.identity(book_dir) == ""


# History


@pytest.fixture(params=["sha1", "sha256"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A new repository, in each of git's two formats."""
    git(tmp_path, "init", "-q", "-b", "main", f"--object-format={request.param}", "either")
    return tmp_path / "either"


def test_every_change_of_a_file_with_before_and_after(either: Path) -> None:
    found = places.find(either)
    assert list(history.changes(found, [ADA])) == []
    commit(either, {"customers/ada.yaml": "name: Ada\n"}, "one")
    commit(either, {"customers/bob.yaml": "name: Bob\n"}, "not about her")
    commit(either, {"customers/ada.yaml": "name: Ada L.\n"}, "two")
    (either / ADA).unlink()
    commit(either, {}, "three")
    told = [(one.subject, dict(one.before), dict(one.after), one.author) for one in history.changes(found, [ADA])]
    assert told == [
        ("three", {ADA: b"name: Ada L.\n"}, {}, "Ann Author"),
        ("two", {ADA: b"name: Ada\n"}, {ADA: b"name: Ada L.\n"}, "Ann Author"),
        ("one", {}, {ADA: b"name: Ada\n"}, "Ann Author"),
    ]
    assert not history.is_shallow(found)


def test_history_before_the_first_commit(either: Path) -> None:
    assert list(history.changes(places.find(either), [ADA])) == []


def test_who_when_and_what_is_told_of_a_commit(either: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_DATE", "1325376000 -0330")
    commit(either, {"customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "x"}, "one\nand more\n\nbody")
    bob = "records/customers/bob.yaml"
    [told] = history.changes(places.find(either), [ADA, bob])
    assert told.at.isoformat() == "2011-12-31T20:30:00-03:30"
    assert (told.commit, told.email, told.subject) == (
        git(either, "rev-parse", "HEAD").strip(),
        "ann@example.com",
        "one",
    )
    assert told.after == {ADA: b"name: Ada\n", bob: b"x"}


def test_content_that_is_lost_is_no_file_that_was_not_there(either: Path) -> None:
    commit(either, {"customers/ada.yaml": "name: Ada\n"}, "one")
    oid = git(either, "rev-parse", f"HEAD:{ADA}").strip()
    (either / f".git/objects/{oid[:2]}/{oid[2:]}").unlink()
    with pytest.raises(GitFailed, match="history cannot be read"):
        list(history.changes(places.find(either), [ADA]))


def test_a_partial_clone_without_its_remote_says_so(either: Path, tmp_path: Path) -> None:
    commit(either, {"customers/ada.yaml": "name: Ada\n"}, "one")
    commit(either, {"customers/ada.yaml": "name: Ada L.\n"}, "two")
    git(either, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{either}", "partial")
    either.rename(tmp_path / "gone")
    with pytest.raises(GitFailed, match="objects of it are not here") as caught:
        list(history.changes(places.find(tmp_path / "partial"), [ADA]))
    assert "git remote -v" in caught.value.hint


def test_a_shallow_clone_says_where_its_history_is_cut(either: Path, tmp_path: Path) -> None:
    commit(either, {"customers/ada.yaml": "name: Ada\n"}, "one")
    commit(either, {"customers/ada.yaml": "name: Ada L.\n"}, "two")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{either}", "shallow")
    found = places.find(tmp_path / "shallow")
    assert history.is_shallow(found)
    assert [(one.subject, one.cut) for one in history.changes(found, [ADA])] == [("two", True)]


def test_a_link_or_a_folder_in_the_past_is_no_content(either: Path) -> None:
    path = either / ADA
    path.parent.mkdir(parents=True)
    path.symlink_to("/etc/passwd")
    commit(either, {}, "a link")
    path.unlink()
    commit(either, {"customers/ada.yaml/x": "1\n"}, "a folder")
    found = places.find(either)
    contents = [dict(one.after) for one in history.changes(found, [ADA])]
    assert contents[0] == {}


def test_an_environment_that_points_elsewhere_is_not_followed(
    either: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(either, {"customers/ada.yaml": "name: Ada\n"}, "one")
    git(tmp_path, "init", "-q", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    assert [one.subject for one in history.changes(places.find(either), [ADA])] == ["one"]


def test_a_history_that_is_damaged_is_told(either: Path) -> None:
    commit(either, {"customers/ada.yaml": "name: Ada\n"}, "one")
    commit(either, {"customers/ada.yaml": "name: Ada L.\n"}, "two")
    oid = git(either, "rev-parse", "HEAD~1").strip()
    (either / f".git/objects/{oid[:2]}/{oid[2:]}").unlink()
    with pytest.raises(GitFailed, match="history cannot be read"):
        list(history.changes(places.find(either), [ADA]))
