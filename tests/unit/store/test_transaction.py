"""A transaction against a version control made of dictionaries: every order of events, and every failure between."""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import BranchMoved
from crmctl.errors import Conflict
from crmctl.errors import GitFailed
from crmctl.errors import InvalidData
from crmctl.errors import StorageFailed
from crmctl.store import journal
from crmctl.store import placing
from crmctl.store.files import prepare_file
from crmctl.store.journal import Journal
from crmctl.store.journal import Step
from crmctl.store.placing import FEW
from crmctl.store.placing import recover
from crmctl.store.transaction import TRIES
from crmctl.store.transaction import Transaction

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
        self.index: dict[str, bytes] = {}
        self.kept: list[bytes] = []
        self.announced: list[bool] = []
        self.parents: dict[str, tuple[str, str]] = {}
        self.messages: list[str] = []
        self.subjects: list[str] = []
        self.settled = False
        self.held = False

    def head(self) -> str:
        return self.now

    def blobs(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        tree = self.trees[commit]
        return {path: oid(tree[path]) for path in paths if path in tree}

    def standing(self, commit: str, paths: Iterable[str]) -> dict[str, tuple[str, str]]:
        asked = list(paths)
        heads = self.blobs(commit, asked)
        return {path: (heads.get(path, ""), self._staged(path)) for path in asked}

    def left_out(self, paths: Iterable[str]) -> frozenset[str]:
        assert [*paths]
        return frozenset()

    def _staged(self, path: str) -> str:
        data = self.index[path] if path in self.index else self.trees[self.now].get(path)
        return "" if data is None else oid(data)

    def changes_between(self, old: str, new: str) -> dict[str, tuple[str, str]]:
        before, after = self.trees[old], self.trees[new]
        paths = [path for path in {**before, **after} if before.get(path) != after.get(path)]
        ids = [{path: oid(data) for path, data in tree.items()} for tree in (before, after)]
        return {path: (ids[0].get(path, ""), ids[1].get(path, "")) for path in paths}

    def programs(self, commit: str, paths: Iterable[str]) -> frozenset[str]:
        assert commit in self.trees
        return frozenset(path for path in paths if path.startswith("bin/"))

    def keep(self, contents: Iterable[bytes]) -> None:
        self.kept += contents

    def announce(self, *, merged: bool) -> None:
        self.announced.append(merged)

    def descends(self, new: str, old: str) -> bool:
        return int(new[1:]) >= int(old[1:] or 0)

    def contents(self, oids: Iterable[str]) -> Iterator[bytes]:
        known = {oid(data): data for tree in self.trees.values() for data in tree.values()}
        known |= {oid(data): data for data in self.kept}
        return (known[one] for one in oids)

    def check_writable(self, *, moving_since: int | None = None) -> None:
        self.settled = moving_since is not None
        self._perhaps("check_writable")

    def build(self, parent: str, message: str, files: Mapping[str, bytes | None], *, merging: str = "") -> str:
        self._perhaps("build")
        tree = {**self.trees[parent], **{path: data for path, data in files.items() if data is not None}}
        for path, data in files.items():
            if data is None:
                tree.pop(path, None)
        new = f"c{len(self.trees)}"
        self.trees[new] = tree
        self.messages.append(message)
        self.parents[new] = (parent, merging)
        return new

    def advance(self, new: str, old: str, message: str) -> None:
        self._perhaps("advance")
        assert self.held
        assert old == self.now
        self.subjects.append(message)
        self.now = new

    @contextmanager
    def index_held(self) -> Iterator[None]:
        self._perhaps("index_held")
        assert not self.held
        self.held = True
        try:
            yield
        finally:
            self.held = False

    def stage(self, paths: Iterable[str]) -> None:
        assert self.held
        self._perhaps("stage")
        self._tell("stage", paths)

    def unstage(self, paths: Iterable[str]) -> None:
        assert self.held
        self._tell("unstage", paths)

    def _tell(self, what: str, paths: Iterable[str]) -> None:
        if paths:
            self.told.append((what, sorted(paths)))

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
    with pytest.raises(Conflict, match=r"a was (changed|removed) by hand") as caught:
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


def test_what_leads_back_to_what_is_committed_makes_no_commit(place: Place) -> None:
    head = place.commit({"a": b"1", "b": b"1"})
    (place.root / "a").write_bytes(b"by hand")
    tx = place.begin(adopt=True)
    tx.put("a", b"1")
    assert tx.commit("nothing new") == ""
    assert (tx.adopted, tx.restored) == ([], ["a"])
    assert place.commits.now == head
    assert place.files == {"a": b"1", "b": b"1"}
    assert place.whole()
    (place.root / "a").write_bytes(b"by hand")
    tx = place.begin(adopt=True)
    tx.put("a", b"1")
    tx.put("b", b"2")
    assert tx.commit("something new") == place.commits.now != head
    assert (tx.adopted, tx.restored, place.files) == (["a"], [], {"a": b"1", "b": b"2"})


@pytest.mark.parametrize("dies", [False, True])
def test_a_program_may_be_run_afterwards_too(place: Place, dies: bool) -> None:
    if dies:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(placing, "place", lambda *_: sys.exit())
            place.commit({"a": b"1", "bin/send": b"1"})
        place.begin()
    else:
        place.commit({"a": b"1", "bin/send": b"1"})
    assert [bool((place.root / path).stat().st_mode & 0o100) for path in ("a", "bin/send")] == [False, True]
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


def test_an_edit_in_a_file_with_carriage_returns_is_still_one(place: Place) -> None:
    place.commits.trees["c0"]["a"] = b"a\n"
    (place.root / "a").write_bytes(b"a\r\nb\r\n")
    with pytest.raises(Conflict, match="a was changed by hand"):
        place.commit({"a": b"c"})


def test_a_folder_deep_down_is_looked_at_too(place: Place, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (place.root / "records").mkdir()
    (place.root / "records/customers").symlink_to(tmp_path / "outside")
    tx = place.begin()
    tx.put("records/crm", b"fine")
    with pytest.raises(InvalidData, match="symbolic link"):
        tx.put("records/customers/ada.yaml", b"x")


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

    def second_fails(root: Path, path: str, data: bytes, *, durable: bool, program: bool) -> str:
        if path == "b":
            raise error
        return real(root, path, data, durable=durable, program=program)

    monkeypatch.setattr(placing, "prepare_file", second_fails)
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

        monkeypatch.setattr(placing, step, broken)
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


def moved_by_another(place: Place, files: Mapping[str, bytes], times: int = 1) -> None:
    """Have somebody else commit ``files`` right before HEAD is to move, ``times`` times."""
    advance = place.commits.advance
    left = [times]

    def raced(new: str, old: str, message: str) -> None:
        if left[0]:
            left[0] -= 1
            theirs = f"c{len(place.commits.trees)}"
            place.commits.trees[theirs] = {**place.commits.trees[place.commits.now], **files, "t": b"%d" % left[0]}
            place.commits.now = theirs
            raise BranchMoved("the branch moved")
        advance(new, old, message)

    place.commits.advance = raced  # type: ignore[method-assign]


def test_a_commit_that_somebody_else_made_meanwhile_is_built_upon(place: Place) -> None:
    place.commit({"a": b"1"})
    moved_by_another(place, {"b": b"theirs"}, 3)
    assert place.commit({"a": b"2"}) == place.commits.now
    assert place.commits.trees[place.commits.now] == {"a": b"2", "b": b"theirs", "t": b"0"}
    assert place.files == {"a": b"2"}
    assert journal.read(place.state) is None
    assert place.commits.announced == [False, False]


def test_a_commit_that_changed_the_same_file_is_not_written_over(place: Place) -> None:
    place.commit({"a": b"1"})
    moved_by_another(place, {"a": b"theirs"})
    with pytest.raises(BranchMoved):
        place.commit({"a": b"2"})
    assert place.commits.trees[place.commits.now]["a"] == b"theirs"
    assert place.files == {"a": b"1"}
    assert journal.read(place.state) is None


def test_somebody_who_commits_all_the_time_wins_in_the_end(place: Place) -> None:
    place.commit({"a": b"1"})
    moved_by_another(place, {"b": b"theirs"}, TRIES)
    with pytest.raises(BranchMoved, match="all the time"):
        place.commit({"a": b"2"})
    assert place.files == {"a": b"1"}


def test_a_merge_has_two_parents_and_is_not_built_anew(place: Place) -> None:
    place.commit({"a": b"1"})
    tx = place.begin()
    tx.put("a", b"2")
    new = tx.commit("sync", merging="c1")
    assert place.commits.parents[new] == ("c2", "c1")
    assert place.whole()
    tx = place.begin()
    assert tx.commit("nothing of theirs is new here", merging="c1") == place.commits.now
    moved_by_another(place, {"b": b"theirs"})
    tx = place.begin()
    tx.put("a", b"3")
    with pytest.raises(BranchMoved):
        tx.commit("sync", merging="c1")


def test_a_branch_goes_on_to_a_commit_that_follows(place: Place) -> None:
    place.commit({"a": b"1", "b": b"2"})
    place.commits.trees["c9"] = {"a": b"one", "c": b"3"}
    place.begin().advance_to("c9", "sync")
    assert place.commits.now == "c9"
    assert place.files == {"a": b"one", "c": b"3"}
    assert place.whole()
    assert place.commits.announced[-1] is True
    with pytest.raises(Conflict, match="does not follow"):
        place.begin().advance_to("c2", "sync")


# Beside an edit that a person made by hand

ADA = "records/customers/ada.yaml"
PLAIN = b"name: Ada\nrole: engineer\n"
EDITED = b"name: Ada\nrole: director\n"  # by hand
NAMED = b"name: Ada L.\nrole: engineer\n"  # by the write
BOTH = b"name: Ada L.\nrole: director\n"


@pytest.mark.parametrize("how", ["of_head", "merging", "advance_to", "of the file"])
@pytest.mark.parametrize("staged", [False, True])
def test_an_edit_by_hand_stays_out_of_the_commit_and_in_the_file(place: Place, how: str, staged: bool) -> None:
    place.commit({ADA: PLAIN})
    (place.root / ADA).write_bytes(EDITED)
    if staged:
        place.commits.index[ADA] = EDITED
    tx = place.begin()
    if how == "advance_to":
        place.commits.trees["c7"] = {ADA: NAMED}
        tx.advance_to("c7", "sync")
    elif how == "of the file":
        tx.put(ADA, BOTH)
        tx.commit("customer: set ada name")
    else:
        tx.put(ADA, NAMED)
        tx.commit("undo", of_head=how == "of_head", merging="c1" if how == "merging" else "")
    assert place.commits.trees[place.commits.now] == {ADA: NAMED}
    assert place.files == {ADA: BOTH}
    assert tx.kept == [ADA]
    assert place.commits.told[-1] == ("stage" if staged else "unstage", [ADA])
    assert journal.read(place.state) is None


@pytest.mark.parametrize("placed", [False, True])
@pytest.mark.parametrize("staged", [False, True])
def test_a_write_beside_an_edit_by_hand_is_finished_by_the_next(place: Place, placed: bool, staged: bool) -> None:
    place.commit({ADA: PLAIN})
    (place.root / ADA).write_bytes(BOTH if placed else EDITED)
    place.commits.keep([BOTH])
    place.commits.trees["c9"] = {ADA: NAMED}
    place.commits.now = "c9"
    journal.write(place.state, Journal("c2", "c9", {ADA: Step(oid(EDITED), oid(BOTH), oid(NAMED), staged)}))
    place.begin()
    assert place.commits.settled, "not in the middle of a merge"
    assert place.files == {ADA: BOTH}
    assert place.commits.told[-1] == ("stage" if staged else "unstage", [ADA])
    place.begin()
    assert not place.commits.settled


def test_what_a_killed_write_left_beside_the_note_is_swept(place: Place) -> None:
    place.commit({"a": b"1"})
    (place.state / ".journal.json.77.crmctl").write_bytes(b"{")
    (place.state / "index.sqlite").write_bytes(b"")
    place.begin()
    assert [path.name for path in place.state.iterdir()] == ["index.sqlite"]


def test_the_reflog_gets_the_subject_and_the_commit_the_whole_message(place: Place) -> None:
    tx = place.begin()
    tx.put("a", b"1")
    tx.commit("batch: 2 changes\n\none\ntwo")
    assert place.commits.messages == ["batch: 2 changes\n\none\ntwo"]
    assert place.commits.subjects == ["batch: 2 changes"]


# What the next writer does with a note that was left


def left_behind(place: Place, before: Mapping[str, bytes], after: Mapping[str, bytes], *, moved: bool) -> Journal:
    """A write from ``before`` to ``after`` that died with the journal written, and HEAD moved or not."""
    place.commit(dict(before))
    old = place.commits.now
    new = f"c{len(place.commits.trees)}"
    place.commits.trees[new] = dict(after)
    ids = [{path: oid(data) for path, data in files.items()} for files in (before, after)]
    steps = {
        path: Step(ids[0].get(path, ""), ids[1].get(path, ""), ids[1].get(path, ""))
        for path in {**before, **after}
        if before.get(path) != after.get(path)
    }
    note = Journal(old, new, steps)
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

    monkeypatch.setattr(placing, "prepare_file", full)
    with pytest.raises(StorageFailed):
        place.begin()
    assert journal.read(place.state) is not None
    monkeypatch.undo()
    place.begin()
    assert place.whole()


def test_nothing_stands_in_a_folder_that_is_not_there_until_something_is_put_there(place: Place) -> None:
    tx = place.begin()
    assert tx.read("new/inner/a") is None
    assert tx.read("new/inner/b") is None
    tx.put("new/inner/b", b"2")
    assert tx.read("new/inner/b") == b"2"
    tx.commit("test")
    assert place.files == {"new/inner/b": b"2"}
    assert place.begin().read("new/inner/b") == b"2"


def test_a_file_that_comes_after_a_look_at_its_missing_folder_is_not_written_over(place: Place) -> None:
    tx = place.begin()
    tx.put("new/a", b"1")
    (place.root / "new").mkdir()
    (place.root / "new" / "a").write_bytes(b"by hand")
    tx.put("new/b", b"2")
    tx.commit("test")
    assert place.files == {"new/a": b"by hand", "new/b": b"2"}
