"""Messages put into a folder: whole or not at all, private, never through a link; and what can be seen afterwards."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from crmctl.mail.transport import folder as folders
from crmctl.mail.transport.folder import Folder
from crmctl.mail.transport.folder import Form
from crmctl.mail.transport.folder import was_moved
from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.outcomes import TransportFailed

if TYPE_CHECKING:
    from pathlib import Path

SID = "ABCDEFGHIJKLMNOPQRSTUVWXY2"
FORM = Form(lambda sid, recipient, called: f"{called}-{recipient}-{sid}.txt", lambda _recipient, data: data)


def made(path: Path, **more: bool) -> Folder:
    found = Folder(path, FORM, **more)
    found.serve("token", {SID: "ada"})
    return found


def put(way: Folder, data: bytes = b"words", recipient: str = "r") -> tuple[Outcome, list[str]]:
    phases: list[str] = []
    way.open()
    before = lambda: phases.append("dot is due")  # noqa: E731
    outcome = way.send("", recipient, data, sid=SID, before_dot=before, at=phases.append)
    way.close()
    return outcome, phases


def seen(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir() if not entry.name.startswith("."))


def test_a_message_is_a_private_file_of_its_own(tmp_path: Path) -> None:
    outcome, phases = put(made(tmp_path / "out" / "new"))
    assert outcome.state == "accepted"
    assert phases == ["connect", "body", "dot is due", "dot"]
    path = tmp_path / "out" / "new" / f"ada-r-{SID}.txt"
    assert path.read_bytes() == b"words"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_same_again_is_the_same_file(tmp_path: Path) -> None:
    put(made(tmp_path))
    again = made(tmp_path)
    put(again, b"other", recipient="s")
    assert seen(tmp_path) == [f"ada-r-{SID}.txt"]
    assert (tmp_path / f"ada-r-{SID}.txt").read_bytes() == b"other"


def test_nothing_is_to_be_seen_before_the_ledger_knows(tmp_path: Path) -> None:
    way = made(tmp_path)
    way.open()

    def dies() -> None:
        assert seen(tmp_path) == []
        raise KeyboardInterrupt

    assert was_moved(tmp_path, "token", SID) is True  # Nothing is on its way.
    with pytest.raises(KeyboardInterrupt):
        way.send("", "r", b"words", sid=SID, before_dot=dies)
    assert was_moved(tmp_path, "token", SID) is False
    put(made(tmp_path))
    assert was_moved(tmp_path, "token", SID) is True
    assert was_moved(tmp_path, "another", SID) is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(TransportFailed, match="is a link") as failed:
        made(tmp_path / "link").open()
    assert str(tmp_path / "real") in failed.value.hint
    (tmp_path / "real" / ".crmctl-token").symlink_to(tmp_path)
    with pytest.raises(TransportFailed, match="is a link"):
        made(tmp_path / "real").open()


def test_a_link_in_the_place_of_a_file_gives_way(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / f"ada-r-{SID}.txt").symlink_to("mine")
    put(made(tmp_path))
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (tmp_path / f"ada-r-{SID}.txt").is_symlink()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for way in (made(tmp_path / "file"), made(tmp_path / "file", spool=True)):
        with pytest.raises(TransportFailed) as failed:
            way.open()
        assert failed.value.hint


def test_a_spool_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(TransportFailed, match="no such file"):
        made(tmp_path / "spool", spool=True).open()
    assert not (tmp_path / "spool").exists()


def test_the_group_of_a_spool_may_read_where_it_is_handed_down(tmp_path: Path) -> None:
    tmp_path.chmod(0o2770)
    put(made(tmp_path, spool=True))
    path = tmp_path / f"ada-r-{SID}.txt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert path.stat().st_gid == tmp_path.stat().st_gid
    path.unlink()
    put(made(tmp_path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_disk_is_no_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    way = made(tmp_path)
    way.open()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        outcome, phases = put(way)
    assert outcome == Outcome("not_tried", 0, "no space left on device", "folder", "run")
    assert phases == ["connect", "body"]
    assert (seen(tmp_path), was_moved(tmp_path, "token", SID)) == ([], True)
    assert put(way)[0].state == "accepted"


def test_what_cannot_be_moved_is_still_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    way = made(tmp_path)
    (tmp_path / f"ada-r-{SID}.txt").mkdir()
    outcome, _ = put(way)
    assert (outcome.state, outcome.scope, outcome.phase) == ("deferred", "run", "folder")
    assert was_moved(tmp_path, "token", SID) is False
    (tmp_path / f"ada-r-{SID}.txt").rmdir()

    def broken(path: Path) -> None:
        if path == tmp_path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    way.open()
    monkeypatch.setattr(folders, "sync_folder", broken)
    outcome = way.send("", "r", b"words", sid=SID, before_dot=lambda: None)
    assert (outcome.state, outcome.text) == ("unknown", "input/output error")


def test_no_name_and_no_number_is_in_what_the_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / f"ada-+4930123456-{SID}.txt").mkdir()
    outcome, _ = put(made(tmp_path), recipient="+4930123456")
    assert outcome.state == "deferred"
    assert "4930" not in outcome.text
    assert str(tmp_path) not in outcome.text
