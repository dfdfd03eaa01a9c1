from __future__ import annotations

import hashlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.errors import Conflict
from crmctl.errors import GitFailed
from crmctl.vcs import places
from crmctl.vcs import repository
from crmctl.vcs.objects import blob_id
from crmctl.vcs.repository import Entry
from crmctl.vcs.repository import Repository
from crmctl.vcs.run import attempt

if TYPE_CHECKING:
    from pathlib import Path

ODD = ['records/"q".yaml', "records/a\nb.yaml", "records/back\\slash.yaml", "records/ü \u2028.yaml", "records/-x"]


@pytest.fixture
def book(book_dir: Path) -> Repository:
    return Repository(places.find(book_dir))


@pytest.fixture
def inner(book_dir: Path) -> Repository:
    """A book in a subfolder of the repository."""
    commit(book_dir, {"/crm/crm.yaml": "name: Inner\n"})
    return Repository(places.find(book_dir / "crm"))


def in_git(repository: Repository, *arguments: str) -> str:
    return git(repository.places.top, *arguments)


@pytest.mark.parametrize("data", [b"", b"name: Ada\n", os.urandom(5_000)])
@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_blob_ids_are_gits(tmp_path: Path, data: bytes, algorithm: str) -> None:
    git(tmp_path, "init", "-q", f"--object-format={algorithm}")
    (tmp_path / "x").write_bytes(data)
    repository = Repository(places.find(tmp_path))
    assert repository.algorithm == algorithm
    assert repository.blob_id(data) == git(tmp_path, "hash-object", "x").strip()
    assert blob_id(data) == hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def test_without_settings_ids_are_the_usual_ones(book: Repository) -> None:
    (book.places.git_dir / "config").unlink()
    assert book.algorithm == "sha1"


def test_a_commit_is_built_beside_everything_and_moved_to(book: Repository) -> None:
    start = book.head()
    write(book.places.top, {"mine.yaml": "staged\n"})
    in_git(book, "add", "records/mine.yaml")
    files: dict[str, bytes | None] = {path: path.encode() for path in ODD}
    new = book.build(start, "test: add\n\nMore.", files)
    assert book.head() == start
    assert in_git(book, "status", "--porcelain") == "A  records/mine.yaml\n"
    book.advance(new, start, "test: add")
    assert book.head() == new
    about = in_git(book, "log", "-1", "--format=%an <%ae>|%P|%B").strip()
    assert about == f"Ann Author <ann@example.com>|{start}|test: add\n\nMore."
    assert in_git(book, "reflog", "-1", "--format=%gs") == "crmctl: test: add\n"
    assert in_git(book, "for-each-ref", "--format=%(refname)") == "refs/heads/main\n"
    assert {entry.path for entry in book.files(new)} == {"crm.yaml", *ODD}


def test_a_commit_can_take_files_away(book: Repository) -> None:
    first = book.build(book.head(), "add", dict.fromkeys(ODD, b"x"))
    second = book.build(first, "remove", dict.fromkeys(ODD))
    assert [entry.path for entry in book.files(second)] == ["crm.yaml"]


def test_a_program_stays_one_and_a_record_never_is(book: Repository) -> None:
    commit(book.places.top, {"/bin/send": "1\n", "/bin/plain": "1\n", "/records/customers/ada.yaml": "name: Ada\n"})
    git(book.places.top, "update-index", "--chmod=+x", "bin/send", "records/customers/ada.yaml")
    git(book.places.top, "commit", "-q", "-m", "programs")
    start = book.head()
    paths = ["bin/send", "bin/plain", "records/customers/ada.yaml"]
    assert book.programs(start, paths) == {"bin/send"}
    new = book.build(start, "x", dict.fromkeys([*paths, "bin/new"], b"2\n"))
    assert {entry.path for entry in book.files(new) if entry.mode == "100755"} == {"bin/send"}
    assert book.programs("", paths) == frozenset()
    assert "bin/send" not in {entry.path for entry in book.files(book.build(new, "y", {"bin/send": None}))}


def test_the_first_commit_of_all(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    book = Repository(places.find(tmp_path))
    assert book.head() == ""
    new = book.build("", "first", {"a": b"1"})
    book.advance(new, "", "first")
    assert git(tmp_path, "log", "--format=%s") == "first\n"
    with pytest.raises(Conflict):
        book.advance(book.build("", "another first", {"a": b"2"}), "", "another first")


def test_a_branch_that_moved_is_not_moved_over(book: Repository) -> None:
    start = book.head()
    new = book.build(start, "x", {"a": b"1"})
    commit(book.places.top, {}, "meanwhile")
    moved = book.head()
    with pytest.raises(Conflict, match="branch moved"):
        book.advance(new, start, "x")
    assert book.head() == moved


def test_a_commit_that_is_not_there_cannot_be_moved_to(book: Repository) -> None:
    start = book.head()
    with pytest.raises(GitFailed, match="git update-ref failed"):
        book.advance("1" * 40, start, "x")
    assert book.head() == start


def test_what_stands_in_a_commit(inner: Repository) -> None:
    head = inner.build(inner.head(), "odd", {path: path.encode() for path in ODD})
    inner.advance(head, inner.head(), "odd")
    oids = {path: inner.blob_id(path.encode()) for path in ODD}
    assert inner.files(head) == [
        Entry(path, oid, "100644")
        for path, oid in sorted(
            {**oids, "crm.yaml": inner.blob_id(b"name: Inner\n")}.items(), key=lambda pair: pair[0].encode()
        )
    ]
    del oids["records/a\nb.yaml"]
    assert inner.blobs(head, [*oids, "absent.yaml", "absent \u2028 blob", "records"]) == oids
    assert inner.blobs(head, []) == {}
    assert inner.blobs("", oids) == {}
    assert list(inner.contents(oids.values())) == [path.encode() for path in oids]
    assert list(inner.contents([])) == []


def test_names_that_are_not_utf_8(book: Repository) -> None:
    path = os.fsdecode(b"records/\xff.yaml")
    head = book.build(book.head(), "x", {path: b"1"})
    assert book.blobs(head, [path]) == {path: book.blob_id(b"1")}
    assert path in {entry.path for entry in book.files(head)}
    assert book.changes(book.head(), head) == [path]


def test_an_object_that_is_lost_is_told(book: Repository) -> None:
    with pytest.raises(GitFailed, match="lost an object of this book: 1111"):
        list(book.contents(["1" * 40]))


def test_what_changed_between_two_commits(inner: Repository) -> None:
    start = inner.head()
    commit(inner.places.book, {"/a": "1\n", "/b": "2\n"})
    commit(inner.places.top, {"/outside": "x\n"})
    git(inner.places.book, "mv", "a", "c")
    commit(inner.places.top)
    assert sorted(inner.changes(start, inner.head()) or ()) == ["b", "c"]
    assert inner.changes(inner.head(), inner.head()) == []
    assert inner.changes("1" * 40, inner.head()) is None


def test_the_tree_of_a_commit(book: Repository) -> None:
    assert book.tree(book.head()) == in_git(book, "rev-parse", "HEAD^{tree}").strip()


def test_gits_index_follows_the_files_that_were_written(book: Repository) -> None:
    top = book.places.top
    commit(top, {"a": "1\n", "b": "2\n", "c": "3\n"})
    start = book.head()
    new = book.build(
        start, "x", {"records/a": b"one\n", "records/b": None, "records/d": b"4\n", "records/c": b"three\n"}
    )
    book.advance(new, start, "x")
    write(top, {"a": "one\n", "d": "4\n", "c": "by hand\n"})
    (top / "records/b").unlink()
    book.stage(["records/a", "records/b", "records/d"])
    assert in_git(book, "status", "--porcelain") == "MM records/c\n"
    book.unstage(["records/c"])
    assert in_git(book, "status", "--porcelain") == " M records/c\n"
    book.stage([])
    book.unstage([])


def test_names_mean_themselves_when_the_index_is_told(book: Repository) -> None:
    top = book.places.top
    commit(top, {":(top)x*": "1\n", "xy": "2\n"})
    write(top, {":(top)x*": "one\n", "xy": "two\n"})
    in_git(book, "add", "-A")
    book.unstage(["records/:(top)x*"])
    assert in_git(book, "status", "--porcelain").splitlines() == [" M records/:(top)x*", "M  records/xy"]


def test_the_index_is_changed_in_a_copy_while_the_lock_is_ours(book: Repository) -> None:
    write(book.places.top, {"/crm.yaml": "name: Changed\n"})
    lock = book.places.git_dir / "index.lock"
    with book.index_held():
        assert lock.read_bytes().startswith(b"crmctl ")
        with pytest.raises(AssertionError, match=r"index\.lock"):
            in_git(book, "add", "crm.yaml")
        book.stage(["crm.yaml"])
    assert not lock.exists()
    assert [path.name for path in book.places.own.glob("index.new*")] == []
    assert in_git(book, "status", "--porcelain") == "M  crm.yaml\n"


def test_moving_head_that_failed_afterwards_has_moved_it(book: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that is told no by the disk after it has moved the reference, and one that was killed before."""
    start = book.head()
    new = book.build(start, "x", {"a": b"1"})
    real = attempt

    def fails(*arguments: object, **options: object) -> object:
        done = real(*arguments, **options)  # type: ignore[arg-type]
        if "update-ref" in arguments:
            (book.places.git_dir / "HEAD.lock").touch()
            done.returncode, done.stderr = 128, b"fatal: unable to unlink"
        return done

    monkeypatch.setattr(repository, "attempt", fails)
    book.advance(new, start, "x")
    assert book.head() == new
    assert not (book.places.git_dir / "HEAD.lock").exists()
    newer = book.build(new, "y", {"a": b"2"})

    def killed(*arguments: object, **options: object) -> object:
        if "update-ref" in arguments:
            return subprocess.CompletedProcess([], -9, b"", b"")
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(repository, "attempt", killed)
    with pytest.raises(GitFailed):
        book.advance(newer, new, "y")
    assert book.head() == new


def test_an_index_that_cannot_be_told(book: Repository) -> None:
    (book.places.git_dir / "index").write_bytes(b"rubbish")
    with pytest.raises(GitFailed, match="git update-index failed"):
        book.stage(["crm.yaml"])


def test_what_is_in_heads_history(book: Repository) -> None:
    start = book.head()
    beside = book.build(start, "x", {"a": b"1"})
    assert book.contains(start)
    assert not book.contains(beside)
    assert not book.contains("1" * 40)
    assert not book.contains("")


def test_who_commits_here(book: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    assert book.user() == ("Ann Author", "ann@example.com")
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{name}_NAME")
        monkeypatch.delenv(f"GIT_{name}_EMAIL")
    in_git(book, "config", "user.useConfigOnly", "true")
    assert Repository(book.places).user() == ("", "")
    with pytest.raises(GitFailed, match="does not know who you are") as caught:
        book.build(book.head(), "x", {"a": b"1"})
    assert "git config --global user.name" in caught.value.hint
