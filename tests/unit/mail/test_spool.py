"""The spool: messages that stay the same to the last byte, and room for what has to be said about them."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import StorageFailed
from crmctl.mail.identifiers import send_id
from crmctl.mail.ledger import spool

if TYPE_CHECKING:
    from pathlib import Path

SID = send_id("c", "k", "email")
OTHER = send_id("c", "l", "email")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mail" / "spool"


def test_what_goes_in_comes_out(folder: Path) -> None:
    eml = spool.put(folder, SID, b"From: a\r\n\r\nx")
    assert eml == spool.digest(b"From: a\r\n\r\nx")
    assert spool.get(folder, SID, eml) == b"From: a\r\n\r\nx"
    assert spool.kept(folder) == [SID]


def test_many_at_once(folder: Path) -> None:
    digests = spool.put_many(folder, [(SID, b"1"), (OTHER, b"2")])
    assert [spool.get(folder, sid, eml) for sid, eml in zip((SID, OTHER), digests, strict=True)] == [b"1", b"2"]
    assert len(list(folder.iterdir())) == 2


def test_files_are_private(folder: Path) -> None:
    spool.put(folder, SID, b"x")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()] == [0o600]


def test_it_is_on_the_disk_before_and_after_it_has_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", lambda _descriptor: seen.append([file.name for file in folder.iterdir()]))
    spool.put(folder, SID, b"x")
    assert seen == [[f".{SID}.eml.tmp"], [f"{SID}.eml"]]


@pytest.mark.parametrize("change", [b"y", b"", None])
def test_another_message_is_not_given_out(folder: Path, change: bytes | None) -> None:
    eml = spool.put(folder, SID, b"x")
    if change is None:
        spool.remove(folder, SID)
    else:
        (folder / f"{SID}.eml").write_bytes(change)
    with pytest.raises(spool.SpoolDamaged, match=SID) as caught:
        spool.get(folder, SID, eml)
    assert "outbox resolve" in caught.value.hint


def test_a_message_rendered_anew_takes_the_place_of_the_old(folder: Path) -> None:
    old = spool.put(folder, SID, b"x")
    new = spool.put(folder, SID, b"y")
    assert spool.get(folder, SID, new) == b"y"
    with pytest.raises(spool.SpoolDamaged):
        spool.get(folder, SID, old)


def test_a_write_that_fails_leaves_the_old_message_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eml = spool.put(folder, SID, b"x")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFailed, match="no space left") as caught:
        spool.put(folder, SID, b"y")
    assert "make room" in caught.value.hint
    assert spool.get(folder, SID, eml) == b"x"
    assert [file.name for file in folder.iterdir()] == [f"{SID}.eml"]


def test_short_writes_are_carried_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data)[:3]))
    eml = spool.put(folder, SID, b"0123456789")
    assert spool.get(folder, SID, eml) == b"0123456789"


def test_a_disk_that_takes_nothing_is_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda _descriptor, _data: 0)
    with pytest.raises(StorageFailed, match="no space left"):
        spool.put(folder, SID, b"0123456789")


def test_what_a_crash_left_does_not_stand_in_the_way(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / f".{SID}.eml.tmp").write_bytes(b"half")
    eml = spool.put(folder, SID, b"whole")
    assert spool.get(folder, SID, eml) == b"whole"
    assert spool.kept(folder) == [SID]


def test_a_link_is_not_written_through(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(parents=True)
    target = tmp_path / "target"
    target.write_bytes(b"keep")
    (folder / f"{SID}.eml").symlink_to(target)
    (folder / f".{SID}.eml.tmp").symlink_to(target)
    spool.put(folder, SID, b"x")
    assert target.read_bytes() == b"keep"
    assert not (folder / f"{SID}.eml").is_symlink()


def test_removing_twice_is_removing(folder: Path) -> None:
    spool.put(folder, SID, b"x")
    spool.remove(folder, SID)
    spool.remove(folder, SID)
    assert spool.kept(folder) == []


def test_a_folder_in_the_place_of_a_message_is_told(folder: Path) -> None:
    (folder / f"{SID}.eml").mkdir(parents=True)
    for call in (
        lambda: spool.put(folder, SID, b"x"),
        lambda: spool.get(folder, SID, spool.digest(b"x")),
        lambda: spool.remove(folder, SID),
    ):
        with pytest.raises(StorageFailed, match=f"{SID}.eml: cannot"):
            call()


@pytest.mark.parametrize("sid", ["", "../../etc/passwd", SID.lower(), f"{SID}/x"])
def test_only_ids_of_sends_are_names(folder: Path, sid: str) -> None:
    with pytest.raises(ValueError, match="send"):
        spool.put(folder, sid, b"x")


def test_room_is_asked_for_before_the_first_attempt(folder: Path) -> None:
    spool.reserve(folder, 1000)
    with pytest.raises(StorageFailed, match="are needed") as caught:
        spool.reserve(folder, 1 << 60)
    assert "nothing was sent" in caught.value.hint


def test_a_disk_that_does_not_tell_how_much_is_free_is_not_trusted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "statvfs", fail)
    with pytest.raises(StorageFailed, match="free space"):
        spool.reserve(folder, 1)


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"")
    with pytest.raises(StorageFailed, match="folder"):
        spool.put(tmp_path / "spool", SID, b"x")


def test_many_are_all_on_the_disk_before_any_has_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", lambda _descriptor: seen.append(sorted(file.name for file in folder.iterdir())))
    spool.put_many(folder, [(SID, b"1"), (OTHER, b"2")])
    before, after = sorted([f".{SID}.eml.tmp", f".{OTHER}.eml.tmp"]), sorted([f"{SID}.eml", f"{OTHER}.eml"])
    assert seen == [before, before, after]


def test_many_of_which_one_cannot_be_written_leave_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync
    calls = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StorageFailed, match="no space"):
            spool.put_many(folder, [(SID, b"1"), (OTHER, b"2")])
    assert not list(folder.iterdir())


def test_more_than_may_be_open_at_once(folder: Path) -> None:
    messages = [(send_id("c", str(number), "email"), b"%d" % number) for number in range(150)]
    digests = spool.put_many(folder, messages)
    assert [spool.get(folder, sid, eml) for (sid, _), eml in zip(messages, digests, strict=True)] == [
        data for _, data in messages
    ]
