from __future__ import annotations

import os
import sys
import time
import types
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import Locked
from crmctl.errors import StorageFailed
from crmctl.store import lock
from crmctl.store.lock import locked

if TYPE_CHECKING:
    from pathlib import Path


def test_one_at_a_time_and_who_has_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "deep/folder/lock"
    with locked(path, "customer add"):
        with pytest.raises(Locked) as caught, locked(path, "another", 0):
            raise AssertionError("two at once")
        assert f"process {os.getpid()}" in caught.value.message
        assert "customer add" in caught.value.message
        assert caught.value.hint
    with locked(path, "another", 0):
        pass


def test_it_is_let_go_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "lock", "failing"):
        raise ZeroDivisionError
    with locked(tmp_path / "lock", "after", 0):
        pass


def test_a_waiting_writer_goes_on_when_the_lock_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    first = locked(path, "first")
    first.__enter__()
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 10:
            first.__exit__(None, None, None)

    monkeypatch.setattr(time, "sleep", sleep)
    with locked(path, "second"):
        assert path.read_text().endswith("second\n")
    assert pauses == sorted(pauses)
    assert max(pauses) <= 0.1


def test_who_waits_for_long_is_told_for_whom_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    with locked(tmp_path / "lock", "import"):
        with pytest.raises(Locked), locked(tmp_path / "lock", "sync", 0.01, told.append):
            raise AssertionError("two at once")
        assert told == []
        monkeypatch.setattr(lock, "PATIENCE", 0.001)
        with pytest.raises(Locked), locked(tmp_path / "lock", "sync", 0.02, told.append):
            raise AssertionError("two at once")
    (words,) = told
    assert f"process {os.getpid()}" in words
    assert "import" in words


def test_a_longer_note_of_the_one_before_does_not_shine_through(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", "a very long purpose " * 20):
        pass
    with locked(tmp_path / "lock", "short"):
        assert (tmp_path / "lock").read_text().count("\n") == 1
        assert "long" not in (tmp_path / "lock").read_text()


def test_a_lock_held_by_someone_who_wrote_no_note(tmp_path: Path) -> None:
    import fcntl

    path = tmp_path / "lock"
    with path.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Locked, match="who, it does not say"), locked(path, "x", 0):
            pass


def test_a_note_that_finds_no_room_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with locked(tmp_path / "lock", "x"), pytest.raises(Locked), locked(tmp_path / "lock", "y", 0):
        pass


def test_a_link_as_lock_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "lock").symlink_to("victim")
    with pytest.raises(StorageFailed, match="lock"), locked(tmp_path / "lock", "x"):
        pass
    assert (tmp_path / "victim").read_text() == "mine"


@pytest.mark.parametrize("way", ["folder", "file in the way"])
def test_a_lock_file_that_cannot_be_made_is_told(tmp_path: Path, way: str) -> None:
    path = tmp_path / "x" / "lock"
    if way == "folder":
        path.mkdir(parents=True)
    else:
        (tmp_path / "x").touch()
    with pytest.raises(StorageFailed, match="cannot write the lock file"), locked(path, "x"):
        pass


def test_children_do_not_inherit_it(tmp_path: Path) -> None:
    import subprocess

    with locked(tmp_path / "lock", "x"):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with locked(tmp_path / "lock", "y", 0):
            pass
    finally:
        child.kill()
        child.wait(timeout=60)


def test_windows_has_locks_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for msvcrt, because this runs elsewhere."""
    held: set[int] = set()

    def locking(descriptor: int, mode: int, count: int) -> None:
        assert os.lseek(descriptor, 0, os.SEEK_CUR) == 1 << 20
        if held:
            raise OSError
        held.add(descriptor)

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(LK_NBLCK=2, locking=locking))
    with locked(tmp_path / "lock", "x"), pytest.raises(Locked), locked(tmp_path / "lock", "y", 0):
        pass
