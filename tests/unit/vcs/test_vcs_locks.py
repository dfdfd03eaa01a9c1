from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import Locked
from crmctl.errors import StorageFailed
from crmctl.vcs import locks
from crmctl.vcs import places

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.vcs.places import Places


@pytest.fixture
def found(book_dir: Path) -> Places:
    return places.find(book_dir)


def test_the_lock_is_waited_for_and_let_go(found: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = locks.index_lock(found)
    lock.touch()
    monkeypatch.setattr(time, "sleep", lambda seconds: lock.unlink())
    with locks.index_held(found):
        assert lock.read_bytes() == b"crmctl %d\n" % os.getpid()
    assert not lock.exists()
    with pytest.raises(KeyError), locks.index_held(found):
        raise KeyError
    assert not lock.exists()


def test_a_lock_that_stays_is_given_up(found: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    locks.index_lock(found).touch()
    monkeypatch.setattr(locks, "WAIT", 0.01)
    with pytest.raises(Locked, match=r"index\.lock exists"), locks.index_held(found):
        pass
    assert locks.index_lock(found).read_bytes() == b""
    assert [path.name for path in found.own.glob("index*")] == []


@pytest.mark.parametrize("call", ["link", "mkdir"])
def test_a_lock_that_cannot_be_made(found: Places, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, refused)
    with pytest.raises(StorageFailed, match="no space left"), locks.index_held(found):
        pass
    monkeypatch.undo()
    assert not locks.index_lock(found).exists()


def test_what_a_killed_write_left_is_swept_and_nothing_else(found: Places) -> None:
    building = found.common_dir / locks.BUILDING
    building.mkdir(parents=True)
    found.own.mkdir(exist_ok=True)
    ours = [building / "123", building / "124.lock", found.own / "index.new", found.own / "index.new.lock"]
    others = [found.own / "index.sqlite", found.git_dir / "HEAD.lock", found.common_dir / "packed-refs.lock"]
    for path in (*ours, *others):
        path.write_bytes(b"x")
    lock = locks.index_lock(found)
    lock.write_bytes(b"crmctl 123\n")
    locks.sweep(found)
    assert [path for path in (*ours, lock) if path.exists()] == []
    assert all(path.exists() for path in others)
    for content in (b"", b"DIRC\0\0\0\2"):
        lock.write_bytes(content)
        locks.sweep(found)
        assert lock.exists()


@pytest.mark.parametrize(("age", "busy", "stays"), [(0, False, False), (10, False, True), (0, True, True)])
def test_locks_of_references_go_when_they_can_only_be_ours(
    found: Places, monkeypatch: pytest.MonkeyPatch, age: int, busy: bool, stays: bool
) -> None:
    since = time.time_ns() - 5_000_000_000
    paths = [found.git_dir / "HEAD.lock", found.common_dir / "refs/heads/main.lock"]
    for path in paths:
        path.touch()
        os.utime(path, ns=(time.time_ns() - age * 1_000_000_000,) * 2)
    monkeypatch.setattr(locks, "holders", lambda _: [(1, "git")] if busy else [])
    monkeypatch.setattr(locks, "WAIT", 0.05)
    locks.sweep(found, since)
    assert [path.exists() for path in paths] == [stays, stays]


def test_a_git_that_is_still_dying_is_waited_for(found: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = found.git_dir / "HEAD.lock"
    lock.touch()
    looks = [[(1, "git")], [(1, "git")], []]
    monkeypatch.setattr(locks, "holders", lambda _: looks.pop(0))
    locks.sweep(found, 0)
    assert not lock.exists()


def test_a_head_on_no_branch_or_gone_has_no_second_lock(found: Places) -> None:
    (found.git_dir / "HEAD").write_text("1" * 40)
    locks.clear_reference_locks(found, 0)
    (found.git_dir / "HEAD").unlink()
    locks.clear_reference_locks(found, 0)
