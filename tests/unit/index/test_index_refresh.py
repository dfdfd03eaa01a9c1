"""The index agrees with the work tree, whatever was done to it by hand or by git."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.books import age
from helpers.books import commit
from helpers.books import contents
from helpers.books import fresh
from helpers.books import git
from helpers.books import names
from helpers.books import one
from helpers.books import rebuilt
from helpers.books import write

from crmctl.errors import NoBook
from crmctl.index import connecting
from crmctl.index.index import Index
from crmctl.index.index import State
from crmctl.services import freshness
from crmctl.services import indexing

if TYPE_CHECKING:
    from crmctl.services.book import Book

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
CALL = '{"id": "%s", "at": "2026-03-01T12:00:00+01:00", "type": "call", "text": "%s"}\n'


def customers(root: Path) -> list[str]:
    return names(fresh(root).index, "customers")


def problems(root: Path) -> list[tuple[str, int, str]]:
    return [(problem.path, problem.line, problem.code) for problem in fresh(root).unreadable()]


def agree(root: Path) -> None:
    """The index as it was brought up to date is the one that a rebuild makes."""
    book, anew = fresh(root), rebuilt(root)
    assert contents(book.index, book.schema) == contents(anew.index, anew.schema)


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "interactions/ada.jsonl": CALL % (ULID, "hello")})
    assert customers(book_dir) == ["ada"]
    return book_dir


def test_files_and_folders_that_git_does_not_know_are_read(root: Path) -> None:
    write(root, {"customers/bob.yaml": "name: Bob\n", "deals/x/deal-x.yaml": "name: D\ncustomer: bob\n"})
    assert customers(root) == ["ada", "bob"]
    assert names(fresh(root).index, "deals") == ["deal-x"]
    agree(root)


def test_what_is_no_record_is_left_alone(root: Path) -> None:
    write(
        root,
        {
            "customers/.hidden.yaml": "name: H\n",
            "customers/readme.txt": "x",
            "customers/a/b/deep.yaml": "name: D\n",
            "nothings/x.yaml": "name: X\n",
            "customer/x.yaml": "name: X\n",
            "x.yaml": "name: X\n",
            "interactions/x.yaml": "name: X\n",
            "/notes/x.yaml": "name: X\n",
            "/other.yaml": "x",
        },
    )
    commit(root)
    assert (customers(root), problems(root)) == (["ada"], [])
    agree(root)


def test_edits_are_seen_even_when_size_and_time_do_not_tell(root: Path) -> None:
    age(root)
    assert customers(root) == ["ada"]
    for name in ("Bob", "Eve", "Ivy"):
        write(root, {"customers/ada.yaml": f"name: {name}\n"})
        assert one(fresh(root).index, "SELECT name FROM customers") == (name,)


def test_what_was_changed_and_put_back_is_as_before(root: Path) -> None:
    write(root, {"customers/ada.yaml": "name: Eve\n", "customers/bob.yaml": "name: Bob\n"})
    assert customers(root) == ["ada", "bob"]
    git(root, "checkout", "-q", "--", ".")
    git(root, "clean", "-qfd")
    assert one(fresh(root).index, "SELECT name FROM customers") == ("Ada",)
    agree(root)


def test_deleted_and_renamed_files_go(root: Path) -> None:
    (root / "records/customers/ada.yaml").rename(root / "records/customers/eve.yaml")
    assert customers(root) == ["eve"]
    commit(root)
    assert customers(root) == ["eve"]
    (root / "records/customers/eve.yaml").unlink()
    assert customers(root) == []
    agree(root)


def test_other_branches_are_other_books(root: Path) -> None:
    git(root, "switch", "-q", "-c", "side")
    commit(root, {"customers/bob.yaml": "name: Bob\n", "customers/ada.yaml": "name: Eve\n"})
    assert customers(root) == ["ada", "bob"]
    git(root, "switch", "-q", "main")
    assert customers(root) == ["ada"]
    agree(root)
    git(root, "merge", "-q", "side")
    assert customers(root) == ["ada", "bob"]
    agree(root)


def test_a_commit_that_is_gone_is_no_obstacle(root: Path) -> None:
    commit(root, {"customers/bob.yaml": "name: Bob\n"})
    assert customers(root) == ["ada", "bob"]
    git(root, "reset", "-q", "--hard", "HEAD~1")
    git(root, "reflog", "expire", "--expire=now", "--all")
    git(root, "gc", "-q", "--prune=now")
    assert customers(root) == ["ada"]


def test_nothing_is_read_again_when_nothing_changed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, {"customers/bob.yaml": "name: Bob\n"})
    (root / "records/interactions/ada.jsonl").unlink()
    age(root)
    assert customers(root) == ["ada", "bob"]
    monkeypatch.setattr(indexing, "take_path", None)
    monkeypatch.setattr(freshness, "_for_writing", None)
    assert customers(root) == ["ada", "bob"]


def test_changed_settings_make_a_new_index(root: Path) -> None:
    write(root, {"/crm.yaml": "currency: EUR\nkinds: {vendor: {}}\n", "vendors/v.yaml": "name: V\n"})
    assert names(fresh(root).index, "vendors") == ["v"]
    git(root, "checkout", "-q", "--", "crm.yaml")
    assert fresh(root).schema.kind("vendor") is None
    agree(root)


def test_settings_that_say_the_same_do_not(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "_rebuild", None)
    text = (root / "crm.yaml").read_text()
    commit(root, {"/crm.yaml": f"# a comment\n{text}"})
    assert customers(root) == ["ada"]


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n"])
def test_empty_settings_are_settings(root: Path, text: str) -> None:
    commit(root, {"/crm.yaml": text})
    assert fresh(root).settings.currency == "EUR"


def test_settings_that_cannot_be_read_close_the_book(root: Path) -> None:
    write(root, {"/crm.yaml": "currency: EUR\ncurrency: USD\n"})
    with pytest.raises(NoBook) as caught:
        _ = fresh(root).settings
    assert "crm.yaml:2" in caught.value.message
    assert caught.value.hint
    write(root, {"/crm.yaml": "currency: EUR\n"})
    assert customers(root) == ["ada"]
    (root / "crm.yaml").unlink()
    with pytest.raises(NoBook, match=r"no crm\.yaml any more"):
        _ = fresh(root).settings


def test_a_book_without_a_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, {"/crm.yaml": "", "customers/ada.yaml": "name: Ada\n"})
    assert customers(tmp_path) == ["ada"]
    git(tmp_path, "add", "records")
    write(tmp_path, {"customers/bob.yaml": "name: Bob\n"})
    assert customers(tmp_path) == ["ada", "bob"]
    commit(tmp_path)
    assert customers(tmp_path) == ["ada", "bob"]
    agree(tmp_path)


def test_an_orphan_branch_has_nothing_but_what_is_there(root: Path) -> None:
    git(root, "switch", "-q", "--orphan", "fresh")
    write(root, {"/crm.yaml": "", "customers/eve.yaml": "name: Eve\n"})
    assert customers(root) == ["eve"]


def test_two_books_in_one_repository_have_an_index_each(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    for book, name in (("one", "ada"), ("two/deep", "bob")):
        write(tmp_path, {f"/{book}/crm.yaml": "", f"/{book}/records/customers/{name}.yaml": f"name: {name}\n"})
    commit(tmp_path)
    for _ in range(2):
        assert customers(tmp_path / "one") == ["ada"]
        assert customers(tmp_path / "two/deep") == ["bob"]
    write(tmp_path, {"/one/records/customers/eve.yaml": "name: Eve\n", "/records/customers/x.yaml": "name: X\n"})
    commit(tmp_path)
    assert customers(tmp_path / "one") == ["ada", "eve"]
    assert customers(tmp_path / "two/deep") == ["bob"]
    agree(tmp_path / "one")


def test_a_book_in_a_folder_that_git_does_not_know_yet(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, {"/a/b/crm.yaml": "", "/a/b/records/customers/ada.yaml": "name: Ada\n"})
    assert customers(tmp_path / "a/b") == ["ada"]


def test_a_linked_work_tree_has_an_index_of_its_own(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(root, "worktree", "add", "-q", "-b", "side", str(other))
    write(other, {"customers/bob.yaml": "name: Bob\n"})
    assert (customers(root), customers(other)) == (["ada"], ["ada", "bob"])
    assert freshness.index_path(fresh(root)) != freshness.index_path(fresh(other))
    agree(other)


# Files that cannot be read


@pytest.mark.parametrize(
    ("path", "text", "line", "code"),
    [
        ("customers/bad.yaml", "name: Bad\n\ttab: x\n", 2, "syntax"),
        ("customers/bad.yaml", "name: a\nname: b\n", 2, "duplicate-key"),
        ("customers/bad.yaml", "- list\n", 1, "not-a-map"),
        ("customers/bad.yaml", "", 0, "empty"),
        ("customers/bad.yaml", "role: boss\n", 0, "missing-field"),
        ("interactions/bad.jsonl", "not json\n", 1, "syntax"),
    ],
)
def test_a_bad_file_is_named_and_does_not_hide_the_others(
    root: Path, path: str, text: str, line: int, code: str
) -> None:
    write(root, {path: text, "customers/bob.yaml": "name: Bob\n"})
    (found,) = fresh(root).unreadable()
    assert (found.path, found.code) == (f"records/{path}", code) or (found.path, found.line) == (
        f"records/{path}",
        line,
    )
    assert found.message
    assert found.hint
    assert {"ada", "bob"} <= set(customers(root))
    agree(root)
    commit(root)
    assert len(problems(root)) == 1
    git(root, "rm", "-q", f"records/{path}")
    assert problems(root) == []
    agree(root)


def test_a_record_without_its_name_is_still_there(root: Path) -> None:
    write(root, {"customers/bob.yaml": "role: boss\n"})
    assert customers(root) == ["ada", "bob"]


def test_good_lines_of_a_bad_file_are_read(root: Path) -> None:
    write(root, {"interactions/ada.jsonl": CALL % (ULID, "hello") + "nonsense\n" + CALL % (ULID[:-1] + "W", "again")})
    assert one(fresh(root).index, "SELECT COUNT(*) FROM interactions") == (2,)
    assert problems(root) == [("records/interactions/ada.jsonl", 2, "syntax")]
    write(root, {"interactions/ada.jsonl": CALL % (ULID, "hello")})
    assert problems(root) == []
    agree(root)


def test_links_folders_and_pipes_are_no_records(root: Path) -> None:
    folder = root / "records/customers"
    (folder / "link.yaml").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.yaml")
    (folder / "folder.yaml").mkdir()
    write(root, {"customers/folder.yaml/eve.yaml": "name: Eve\n"})
    assert customers(root) == ["ada", "eve"]
    assert ("records/customers/link.yaml", 0, "not-a-file") in problems(root)
    (folder / "pipe.yaml").unlink()
    agree(root)


def test_a_file_that_the_system_does_not_give_out(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, {"customers/bob.yaml": "name: Bob\n"})
    real = os.open

    def refuse(path: str, *arguments: int) -> int:
        if str(path).endswith("bob.yaml"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    (found,) = fresh(root).unreadable()
    assert (found.path, found.code) == ("records/customers/bob.yaml", "unreadable")
    assert found.message == "cannot read: permission denied"
    assert customers(root) == ["ada"]
    monkeypatch.undo()
    assert customers(root) == ["ada", "bob"]


def test_a_name_that_is_no_text_is_told_and_goes_away_with_its_file(root: Path) -> None:
    bad = Path(os.fsdecode(os.fsencode(root / "records/customers") + b"/z\xff.yaml"))
    bad.write_text("name: Z\n")
    assert customers(root) == ["ada"]
    assert problems(root) == [("records/customers/z\\xff.yaml", 0, "bad-handle")]
    commit(root)
    assert problems(root) == [("records/customers/z\\xff.yaml", 0, "bad-handle")]
    agree(root)
    bad.unlink()
    assert problems(root) == []
    agree(root)


# One handle or id in two files


def test_of_two_files_with_one_handle_the_first_is_read_and_the_other_named(root: Path) -> None:
    commit(root, {"customers/da/ada.yaml": "name: Other\n"})
    assert one(fresh(root).index, "SELECT name, path FROM customers") == ("Ada", "records/customers/ada.yaml")
    (found,) = fresh(root).unreadable()
    assert (found.path, found.code) == ("records/customers/da/ada.yaml", "duplicate-handle")
    assert "stands in records/customers/ada.yaml too" in found.message
    agree(root)


@pytest.mark.parametrize("goes", ["ada.yaml", "da/ada.yaml"])
def test_when_one_of_the_two_goes_the_other_is_read(root: Path, goes: str) -> None:
    commit(root, {"customers/da/ada.yaml": "name: Other\n"})
    assert len(problems(root)) == 1
    (root / "records/customers" / goes).unlink()
    assert problems(root) == []
    assert one(fresh(root).index, "SELECT name FROM customers") == ("Other" if goes == "ada.yaml" else "Ada",)
    agree(root)


def test_a_file_that_comes_first_takes_the_handle_over(root: Path) -> None:
    commit(root, {"customers/zz/bob.yaml": "name: Late\n"})
    assert customers(root) == ["ada", "bob"]
    write(root, {"customers/bb/bob.yaml": "name: Early\n"})
    assert one(fresh(root).index, "SELECT name FROM customers WHERE handle = 'bob'") == ("Early",)
    agree(root)
    write(root, {"customers/aa/bob.yaml": "name: Earliest\n"})
    assert one(fresh(root).index, "SELECT name FROM customers WHERE handle = 'bob'") == ("Earliest",)
    assert len(problems(root)) == 2
    agree(root)


def test_interactions_without_ids_are_told_apart_by_their_lines(root: Path) -> None:
    line = '{"at": "2026-03-01T12:00:00Z", "type": "note", "text": "%s"}\n'
    write(root, {"interactions/ada.jsonl": "".join(line % text for text in "abc")})
    index = fresh(root).index
    assert index.rows("SELECT handle FROM interactions ORDER BY 1") == [("ada#1",), ("ada#2",), ("ada#3",)]
    write(root, {"interactions/ada.jsonl": "".join(line % text for text in "xb")})
    index = fresh(root).index
    assert index.rows("SELECT handle, data FROM interactions t JOIN interactions_raw r USING (row_id) ORDER BY 1") == [
        ("ada#1", (line % "x").strip()),
        ("ada#2", (line % "b").strip()),
    ]
    assert problems(root) == []
    agree(root)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"interactions/ada.jsonl": CALL % (ULID, "one") + CALL % (ULID, "two")}, id="one file"),
        pytest.param({"interactions/bob.jsonl": CALL % (ULID, "two")}, id="a later file"),
        pytest.param({"interactions/aaa.jsonl": CALL % (ULID, "two")}, id="an earlier file"),
        pytest.param(
            {"interactions/ada.jsonl": CALL % (ULID, "hello") + '{"id": "ada#2"}\n{"x": "1"}\n'}, id="odd ids"
        ),
        pytest.param({"interactions/da/ada.jsonl": CALL % (ULID, "two") + '{"type": "note"}\n'}, id="two layouts"),
        pytest.param({"interactions/ada.jsonl": '{"id": ["x"]}\n{"id": 7}\n{"id": null}\n'}, id="ids of other types"),
    ],
)
def test_repeated_and_odd_ids_lose_nothing(root: Path, files: dict[str, str]) -> None:
    commit(root, {"interactions/zed.jsonl": '{"type": "note"}\n'})
    before = one(fresh(root).index, "SELECT COUNT(*) FROM interactions")[0]
    old = (root / "records/interactions/ada.jsonl").read_text().count("\n")
    write(root, files)
    (name,) = files
    expected = before + files[name].count("\n") - (old if name == "interactions/ada.jsonl" else 0)
    assert one(fresh(root).index, "SELECT COUNT(*) FROM interactions") == (expected,)
    agree(root)
    (root / "records" / name).unlink()
    assert one(fresh(root).index, "SELECT COUNT(*) FROM interactions") == (
        before - (old if name == "interactions/ada.jsonl" else 0),
    )
    agree(root)


def test_a_repeated_id_is_told_and_free_again_when_the_other_goes(root: Path) -> None:
    commit(root, {"interactions/bob.jsonl": CALL % (ULID, "copy")})
    (found,) = fresh(root).unreadable()
    assert (found.path, found.line, found.code) == ("records/interactions/bob.jsonl", 1, "duplicate-id")
    assert ULID in found.message
    git(root, "rm", "-q", "records/interactions/ada.jsonl")
    assert problems(root) == []
    assert one(fresh(root).index, "SELECT customer FROM interactions WHERE handle = ?", ULID) == ("bob",)
    agree(root)


def test_an_id_that_moves_to_another_file_moves(root: Path) -> None:
    write(
        root,
        {"interactions/ada.jsonl": CALL % (ULID[:-1] + "W", "new"), "interactions/aaa.jsonl": CALL % (ULID, "moved")},
    )
    assert problems(root) == []
    agree(root)
    write(
        root, {"interactions/ada.jsonl": CALL % (ULID, "back"), "interactions/aaa.jsonl": CALL % (ULID[:-1] + "W", "x")}
    )
    assert problems(root) == []
    agree(root)


# The index file itself


def stay(book: Book, handles: list[str]) -> None:
    """The book answers, and what it says is right."""
    assert names(book.index, "customers") == handles
    anew = rebuilt(book.root)
    assert contents(book.index, book.schema) == contents(anew.index, anew.schema)


@pytest.mark.parametrize(
    "garbage", [b"", b"not a database, but long enough to be taken for one" * 100, b"SQLite format 3\0"]
)
def test_a_broken_index_is_made_anew(root: Path, garbage: bytes) -> None:
    path = freshness.index_path(fresh(root))
    path.write_bytes(garbage)
    stay(fresh(root), ["ada"])
    stay(fresh(root), ["ada"])


def test_a_torn_index_is_made_anew(root: Path) -> None:
    commit(root, {f"customers/c{n}.yaml": f"name: C{n}\n" for n in range(60)})
    assert len(customers(root)) == 61
    path = freshness.index_path(fresh(root))
    data = path.read_bytes()
    path.write_bytes(data[:8192] + b"\xa5" * (len(data) - 8192))
    write(root, {"customers/bob.yaml": "name: Bob\n"})
    assert len(customers(root)) == 62
    agree(root)


def test_a_damaged_index_that_is_only_noticed_in_a_query_is_thrown_away(root: Path) -> None:
    commit(root, {f"customers/c{n}.yaml": f"name: C{n}\n" for n in range(60)})
    assert len(customers(root)) == 61
    path = freshness.index_path(fresh(root))
    data = path.read_bytes()
    page = one(fresh(root).index, "SELECT rootpage FROM sqlite_master WHERE name = 'customers'")[0]
    path.write_bytes(data[: (page - 1) * 4096] + b"\xa5" * 4096 + data[page * 4096 :])
    book = fresh(root)
    with pytest.raises(Exception, match="malformed") as caught:
        book.index.rows("SELECT name FROM customers")
    assert book.discard_damaged_index(caught.value)
    assert not book.discard_damaged_index(ValueError("something else"))
    assert len(customers(root)) == 61


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE state SET version = version - 1",
        "DELETE FROM state",
        "DROP TABLE state",
        "DROP TABLE customers",
        "DROP TABLE files",
        "UPDATE state SET dirty = 'not json'",
    ],
)
def test_an_index_of_another_make_is_made_anew(root: Path, statement: str) -> None:
    index = fresh(root).index
    index.connection.execute(statement)
    index.close()
    write(root, {"customers/bob.yaml": "name: Bob\n"})
    stay(fresh(root), ["ada", "bob"])


def test_an_index_that_cannot_be_written_is_used_from_memory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, **how: connect(path.replace("sqlite", "sqlite?mode=ro"), **how)
    )
    path = freshness.index_path(fresh(root))
    before = path.read_bytes()
    write(root, {"customers/bob.yaml": "name: Bob\n"})
    stay(fresh(root), ["ada", "bob"])
    assert path.read_bytes() == before


def test_where_no_index_can_be_made_there_is_one_in_memory(root: Path) -> None:
    path = freshness.index_path(fresh(root))
    path.unlink()
    path.mkdir()
    stay(fresh(root), ["ada"])
    path.rmdir()
    path.parent.rename(path.parent.with_name("away"))
    path.parent.write_text("no folder")
    stay(fresh(root), ["ada"])


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
@pytest.mark.parametrize("changed", [False, True])
def test_an_index_that_someone_else_is_writing_is_not_waited_for(
    root: Path, monkeypatch: pytest.MonkeyPatch, how: str, changed: bool
) -> None:
    monkeypatch.setattr("crmctl.index.connecting.WAIT", 0.01)
    other, _ = Index.open(freshness.index_path(fresh(root)))
    other.connection.execute(f"BEGIN {how}")
    if changed:
        write(root, {"customers/bob.yaml": "name: Bob\n"})
    stay(fresh(root), ["ada", "bob"] if changed else ["ada"])
    other.rollback()
    other.close()
    stay(fresh(root), ["ada", "bob"] if changed else ["ada"])


def test_an_index_whose_lock_cannot_be_had_is_left_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who is at work in the index has not damaged it."""
    write(root, {"customers/bob.yaml": "name: Bob\n"})
    path = freshness.index_path(fresh(root))
    before = path.read_bytes()
    finish = Index.finish

    def busy_once(index: Index, state: State) -> None:
        monkeypatch.setattr(Index, "finish", finish)
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    monkeypatch.setattr(Index, "finish", busy_once)
    assert customers(root) == ["ada", "bob"]
    assert path.read_bytes() == before


def test_errors_that_are_not_of_the_index_are_not_hidden(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, {"customers/bob.yaml": "name: Bob\n"})
    monkeypatch.setattr(freshness, "_take_all", None)
    with pytest.raises(TypeError):
        customers(root)


def test_what_cannot_be_taken_away_is_not(tmp_path: Path) -> None:
    assert connecting.discard(tmp_path / "nothing")
    (tmp_path / "index.sqlite").mkdir()
    assert not connecting.discard(tmp_path / "index.sqlite")


def test_what_another_process_did_meanwhile_is_taken_into_account(root: Path) -> None:
    """One that looked earlier and writes later must not make the index forget what is changed in the work tree."""
    write(root, {"customers/bob.yaml": "name: Bob\n"})
    early = fresh(root)
    early.probe.result()
    write(root, {"customers/ada.yaml": "name: Changed\n"})
    assert one(fresh(root).index, "SELECT name FROM customers WHERE handle = 'ada'") == ("Changed",)
    assert names(early.index, "customers") == ["ada", "bob"]
    git(root, "checkout", "-q", "--", "records/customers/ada.yaml")
    assert one(fresh(root).index, "SELECT name FROM customers WHERE handle = 'ada'") == ("Ada",)
    agree(root)


def test_a_refresh_that_fails_leaves_the_index_as_it_was(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, {"customers/bob.yaml": "name: Bob\n"})

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Index, "finish", fail)
        with pytest.raises(KeyboardInterrupt):
            _ = fresh(root).index
    stay(fresh(root), ["ada", "bob"])


def test_reading_changes_nothing_in_the_work_tree_or_in_git(root: Path) -> None:
    write(root, {"customers/bob.yaml": "name: Bob\n", "interactions/ada.jsonl": '{"type": "note"}\n'})
    git(root, "add", "records/customers/bob.yaml")
    before = (git(root, "status", "--porcelain"), git(root, "rev-parse", "HEAD"), git(root, "ls-files", "-s"))
    contents_before = {path: path.read_bytes() for path in (root / "records").rglob("*.*")}
    assert customers(root) == ["ada", "bob"]
    assert (git(root, "status", "--porcelain"), git(root, "rev-parse", "HEAD"), git(root, "ls-files", "-s")) == before
    assert {path: path.read_bytes() for path in (root / "records").rglob("*.*")} == contents_before


def test_paths_with_marks_that_mean_something_in_an_address(tmp_path: Path) -> None:
    root = tmp_path / "50% of #1?"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    write(root, {"/crm.yaml": "", "customers/ada.yaml": "name: Ada\n"})
    commit(root)
    assert customers(root) == ["ada"]
    assert freshness.index_path(fresh(root)).is_file()
