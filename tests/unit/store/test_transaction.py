"""A transaction against a version control made of dictionaries: every order of events, and every failure between."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import Conflict
from crmctl.errors import GitFailed
from crmctl.errors import InvalidData
from crmctl.errors import StorageFailed
from crmctl.store import journal
from crmctl.store import transaction
from crmctl.store.files import prepare_file
from crmctl.store.journal import Journal
from crmctl.store.transaction import FEW
from crmctl.store.transaction import Transaction
from crmctl.store.transaction import recover

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path


def oid(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


class Commits:
    """Commits kept in memory; ``told`` is what git's index was told."""

    def __init__(self) -> None:
        self.trees: dict[str, dict[str, bytes]] = {"": {}, "c0": {}}
        self.now = "c0"
        self.told: list[tuple[str, list[str]]] = []
        self.fail: dict[str, Exception] = {}

    def head(self) -> str:
        return self.now

    def blobs(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        tree = self.trees[commit]
        return {path: oid(tree[path]) for path in paths if path in tree}

    def contents(self, oids: Iterable[str]) -> Iterator[bytes]:
        known = {oid(data): data for tree in self.trees.values() for data in tree.values()}
        return (known[one] for one in oids)

    def check_writable(self) -> None:
        self._perhaps("check_writable")

    def build(self, parent: str, message: str, files: Mapping[str, bytes | None]) -> str:
        self._perhaps("build")
        tree = {**self.trees[parent], **{path: data for path, data in files.items() if data is not None}}
        for path, data in files.items():
            if data is None:
                tree.pop(path, None)
        new = f"c{len(self.trees)}"
        self.trees[new] = tree
        return new

    def advance(self, new: str, old: str, message: str) -> None:
        self._perhaps("advance")
        assert old == self.now
        self.now = new

    def stage(self, paths: Iterable[str]) -> None:
        self._perhaps("stage")
        self.told.append(("stage", sorted(paths)))

    def unstage(self, paths: Iterable[str]) -> None:
        self.told.append(("unstage", sorted(paths)))

    def contains(self, commit: str) -> bool:
        return commit in self.trees and int(commit[1:]) <= int(self.now[1:])

    def _perhaps(self, step: str) -> None:
        if step in self.fail:
            raise self.fail[step]


class Place:
    """A book's folder, the folder for the journal, and the commits."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "book"
        self.state = folder / "state"
        self.root.mkdir()
        self.commits = Commits()

    def begin(self, *, adopt: bool = False) -> Transaction:
        return Transaction(self.root, self.state, self.commits, oid, adopt=adopt)

    def commit(self, files: Mapping[str, bytes | None]) -> str:
        tx = self.begin()
        for path, data in files.items():
            if data is None:
                tx.remove(path)
            else:
                tx.put(path, data)
        return tx.commit("test")

    @property
    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes() for path in self.root.rglob("*") if path.is_file()
        }

    def whole(self) -> bool:
        """Whether the files are as committed, and nothing is under way."""
        return self.files == self.commits.trees[self.commits.now] and journal.read(self.state) is None


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_changes_are_made_all_at_once(place: Place) -> None:
    place.commit({"a": b"1", "b": b"2", "sub/c": b"3"})
    tx = place.begin()
    tx.put("a", b"one")
    tx.remove("b")
    tx.put("new/d", b"4")
    assert tx.read("a") == b"one"
    assert tx.read("b") is None
    assert tx.read("sub/c") == b"3"
    assert tx.paths == ["a", "b", "new/d"]
    assert place.files == {"a": b"1", "b": b"2", "sub/c": b"3"}
    assert tx.commit("change") == place.commits.now == "c3"
    assert place.files == {"a": b"one", "sub/c": b"3", "new/d": b"4"}
    assert place.whole()
    assert place.commits.told[-1] == ("stage", ["a", "b", "new/d"])


def test_nothing_to_change_makes_no_commit(place: Place) -> None:
    place.commit({"a": b"1"})
    assert place.commit({"a": b"1", "absent": None}) == ""
    assert place.begin().commit("nothing") == ""
    assert place.commits.now == "c2"
    tx = place.begin()
    tx.put("a", b"2")
    tx.put("a", b"1")
    assert tx.commit("there and back") == ""


@pytest.mark.parametrize("by_hand", [b"by hand", None])
def test_a_file_that_differs_from_head_is_refused(place: Place, by_hand: bytes | None) -> None:
    place.commit({"a": b"1"})
    if by_hand is None:
        (place.root / "a").unlink()
    else:
        (place.root / "a").write_bytes(by_hand)
    before = place.files
    with pytest.raises(Conflict, match="a was changed by hand") as caught:
        place.commit({"a": b"2"})
    assert "--adopt" in caught.value.hint
    assert place.files == before
    tx = place.begin(adopt=True)
    tx.put("a", b"2")
    assert tx.commit("adopted")
    assert tx.adopted == ["a"]
    assert place.whole()


def test_an_edit_by_hand_is_committed_even_when_the_command_changes_nothing_more(place: Place) -> None:
    place.commit({"a": b"1"})
    (place.root / "a").write_bytes(b"by hand")
    tx = place.begin(adopt=True)
    tx.put("a", b"by hand")
    assert tx.commit("adopt") == place.commits.now
    assert place.whole()


def test_a_new_file_by_hand_goes_along(place: Place) -> None:
    (place.root / "a").write_bytes(b"by hand")
    tx = place.begin()
    tx.put("a", b"by hand and more")
    assert tx.commit("x")
    assert tx.adopted == ["a"]
    assert place.whole()


@pytest.mark.parametrize(
    ("committed", "on_disk", "kept"),
    [
        (b"a\nb\n", b"a\r\nb\r\n", b"a\nb\nc\n"),  # git took the carriage returns out, and would again
        (b"a\r\nb\r\n", b"a\r\nb\r\n", b"a\r\nb\r\nc\r\n"),  # they were committed: they stay
        (None, b"a\r\nb\r\n", b"a\nb\nc\n"),
    ],
)
def test_carriage_returns(place: Place, committed: bytes | None, on_disk: bytes, kept: bytes) -> None:
    if committed is not None:
        place.commits.trees["c0"]["a"] = committed
    (place.root / "a").write_bytes(on_disk)
    assert place.commit({"a": b"a\r\nb\r\nc\r\n"})
    assert place.files == {"a": kept}
    assert place.whole()


def test_a_link_or_a_folder_in_the_way_is_refused_before_anything_happens(place: Place, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (place.root / "link").symlink_to(tmp_path / "outside")
    (place.root / "folder.yaml").mkdir()
    for path in ("link/x", "folder.yaml", "../x", "a\nb"):
        with pytest.raises(InvalidData):
            place.commit({path: b"x"})
    assert place.commits.now == "c0"
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize(
    ("step", "error", "noted"),
    [
        ("build", GitFailed("no room"), False),
        ("advance", Conflict("the branch moved"), False),
        ("advance", GitFailed("a hook said no"), True),
    ],
)
def test_what_fails_before_head_moves_has_not_happened(place: Place, step: str, error: Exception, noted: bool) -> None:
    place.commit({"a": b"1"})
    place.commits.fail[step] = error
    with pytest.raises(type(error)):
        place.commit({"a": b"2", "b": b"3"})
    assert place.files == {"a": b"1"}
    assert (journal.read(place.state) is not None) is noted
    place.commits.fail.clear()
    place.begin()
    assert place.whole()


@pytest.mark.parametrize("error", [StorageFailed("full"), KeyboardInterrupt()])
def test_files_that_cannot_be_written_stop_head_from_moving(
    place: Place, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    place.commit({"a": b"1"})
    real = prepare_file

    def second_fails(root: Path, path: str, data: bytes, *, durable: bool) -> str:
        if path == "b":
            raise error
        return real(root, path, data, durable=durable)

    monkeypatch.setattr(transaction, "prepare_file", second_fails)
    with pytest.raises(type(error)):
        place.commit({"a": b"2", "b": b"3"})
    assert place.commits.now == "c2"
    assert place.files == {"a": b"1"}
    place.begin()
    assert place.whole()


@pytest.mark.parametrize("step", ["put_in_place", "remove_file", "stage"])
def test_what_fails_after_head_has_moved_is_told_and_finished_by_the_next(
    place: Place, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place.commit({"a": b"1", "b": b"2"})
    if step == "stage":
        place.commits.fail[step] = GitFailed("index.lock")
    else:

        def broken(*_: object, **__: object) -> None:
            raise StorageFailed("input/output error")

        monkeypatch.setattr(transaction, step, broken)
    with pytest.raises(StorageFailed, match="committed as c3, but not finished") as caught:
        place.commit({"a": b"one", "b": None, "c": b"3"})
    assert "Do not run it again" in caught.value.hint
    assert not place.whole()
    monkeypatch.undo()
    place.commits.fail.clear()
    place.begin()
    assert place.whole()
    assert place.files == {"a": b"one", "c": b"3"}


def test_a_file_saved_by_an_editor_meanwhile_is_kept_and_shows_as_changed(place: Place) -> None:
    place.commit({"a": b"1", "b": b"2", "c": b"3"})
    tx = place.begin()
    tx.put("a", b"one")
    tx.remove("b")
    tx.put("c", b"three")
    for name in ("a", "b"):
        (place.root / name).write_bytes(b"from the editor")
    tx.commit("x")
    assert place.files == {"a": b"from the editor", "b": b"from the editor", "c": b"three"}
    assert place.commits.told[-2:] == [("stage", ["c"]), ("unstage", ["a", "b"])]
    assert journal.read(place.state) is None


def test_watching_sees_every_path(place: Place) -> None:
    seen: list[str] = []

    def watch(paths: list[str]) -> Iterator[str]:
        for path in paths:
            seen.append(path)
            yield path

    tx = place.begin()
    tx.watch = watch
    tx.put("a", b"1")
    tx.put("b", b"2")
    tx.commit("x")
    assert seen == ["a", "b"]


@pytest.mark.parametrize("number", [FEW, FEW + 1])
def test_many_files_are_synced_at_once(place: Place, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append("one"))
    monkeypatch.setattr(os, "sync", lambda: synced.append("all"))
    place.commit({f"{n}": b"x" for n in range(number)})
    assert place.whole()
    if number > FEW:
        assert synced.count("all") == 1
        assert synced.count("one") < FEW
    else:
        assert "all" not in synced
        assert synced.count("one") >= 2 * FEW


# What the next writer does with a note that was left


def left_behind(place: Place, before: Mapping[str, bytes], after: Mapping[str, bytes], *, moved: bool) -> Journal:
    """A write from ``before`` to ``after`` that died with the journal written, and HEAD moved or not."""
    place.commit(dict(before))
    old = place.commits.now
    new = f"c{len(place.commits.trees)}"
    place.commits.trees[new] = dict(after)
    paths = {
        path: (oid(before[path]) if path in before else "", oid(after[path]) if path in after else "")
        for path in {**before, **after}
        if before.get(path) != after.get(path)
    }
    note = Journal(old, new, paths)
    journal.write(place.state, note)
    if moved:
        place.commits.now = new
    return note


BEFORE = {"a": b"1", "b": b"2", "same": b"s"}
AFTER = {"a": b"one", "c": b"3", "same": b"s"}


def test_a_note_from_before_head_moved_is_dropped(place: Place) -> None:
    left_behind(place, BEFORE, AFTER, moved=False)
    (place.root / ".a.123.crmctl").write_bytes(b"half")
    place.begin()
    assert place.whole()
    assert place.files == BEFORE


@pytest.mark.parametrize("placed", [(), ("a",), ("b",), ("a", "c"), ("a", "b", "c")])
def test_a_note_from_after_head_moved_is_finished(place: Place, placed: tuple[str, ...]) -> None:
    left_behind(place, BEFORE, AFTER, moved=True)
    for path in placed:
        if path in AFTER:
            (place.root / path).write_bytes(AFTER[path])
        else:
            (place.root / path).unlink()
    (place.root / ".c.99.crmctl").write_bytes(b"ha")
    place.commits.told.clear()
    place.begin()
    assert place.whole()
    assert place.files == AFTER
    assert sorted(path for _, paths in place.commits.told for path in paths) == ["a", "b", "c"]
    assert recover(place.root, place.state, place.commits, oid) is False


def test_what_a_person_did_since_is_kept(place: Place) -> None:
    left_behind(place, BEFORE, AFTER, moved=True)
    (place.root / "a").write_bytes(b"mine")
    (place.root / "c").mkdir()
    place.begin()
    assert place.files == {"a": b"mine", "same": b"s"}
    assert (place.root / "c").is_dir()
    assert ("unstage", ["a", "c"]) in place.commits.told
    assert journal.read(place.state) is None


def test_what_was_committed_since_is_kept(place: Place) -> None:
    left_behind(place, BEFORE, AFTER, moved=True)
    place.commits.trees["c99"] = {**AFTER, "a": b"1", "b": b"2"}
    place.commits.now = "c99"
    place.begin()
    assert place.files == {**BEFORE, "c": b"3"}
    assert place.whole()


def test_a_book_that_cannot_be_written_is_not_mended_either(place: Place) -> None:
    left_behind(place, BEFORE, AFTER, moved=True)
    place.commits.fail["check_writable"] = Conflict("a merge is under way")
    with pytest.raises(Conflict):
        place.begin()
    assert place.files == BEFORE
    assert journal.read(place.state) is not None
    place.commits.fail.clear()
    place.begin()
    assert place.files == AFTER


def test_mending_that_fails_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    left_behind(place, BEFORE, AFTER, moved=True)

    def full(*_: object, **__: object) -> str:
        raise StorageFailed("full")

    monkeypatch.setattr(transaction, "prepare_file", full)
    with pytest.raises(StorageFailed):
        place.begin()
    assert journal.read(place.state) is not None
    monkeypatch.undo()
    place.begin()
    assert place.whole()
