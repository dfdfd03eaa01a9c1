from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NoReturn

import pytest

from crmctl.errors import InvalidData
from crmctl.errors import StorageFailed
from crmctl.store import files

if TYPE_CHECKING:
    from collections.abc import Callable


def refuse(number: int) -> Callable[..., NoReturn]:
    def call(*arguments: object, **options: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return call


def test_what_was_written_is_read_with_its_state(tmp_path: Path) -> None:
    files.write_file(tmp_path, "a/b/c.yaml", b"name: x\n")
    data, state = files.read_file(tmp_path, "a/b/c.yaml")
    assert data == b"name: x\n"
    assert state.st_size == 8
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["c.yaml"]


def test_a_new_file_gets_the_rights_that_the_user_gives_new_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        files.write_file(tmp_path, "x", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in ("absent", "absent/too", "file/inside"):
        with pytest.raises(FileNotFoundError):
            files.read_file(tmp_path, path)


@pytest.mark.parametrize(
    ("kind", "words"), [("link", "link"), ("folder", "folder"), ("pipe", "regular"), ("loop", "link")]
)
def test_what_is_no_plain_file_is_never_read(tmp_path: Path, kind: str, words: str) -> None:
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/etc/passwd" if kind == "link" else "x")
    with pytest.raises(InvalidData, match=words) as caught:
        files.read_file(tmp_path, "x")
    assert [problem.code for problem in caught.value.problems] == ["not-a-file"]


def test_a_socket_is_no_plain_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", refuse(errno.ENXIO))
    with pytest.raises(InvalidData, match="no regular file"):
        files.read_file(tmp_path, "x")


def test_reading_leaves_no_file_open(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_bytes(b"12345")
    (tmp_path / "plain").write_bytes(b"1")
    opened = len(list(Path("/dev/fd").iterdir()))
    files.read_file(tmp_path, "plain")
    for name in ("folder", "large"):
        with pytest.raises(InvalidData):
            files.read_file(tmp_path, name, largest=4)
    assert len(list(Path("/dev/fd").iterdir())) == opened


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert files.read_file(tmp_path, "x", largest=5)[0] == b"12345"
    with pytest.raises(InvalidData, match="5 bytes, more than the 4") as caught:
        files.read_file(tmp_path, "x", largest=4)
    assert caught.value.problems[0].code == "too-large"


def test_what_the_system_will_not_open_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", refuse(errno.EACCES))
    with pytest.raises(StorageFailed, match="x: cannot read: permission denied") as caught:
        files.read_file(tmp_path, "x")
    assert "who owns" in caught.value.hint


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no file here that fails when it is read")
def test_what_the_system_will_open_but_not_read_is_told() -> None:
    with pytest.raises(StorageFailed, match="mem: cannot read: input/output error"):
        files.read_file(Path("/proc/self"), "mem")


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    (tmp_path / "x").write_bytes(b"old")
    monkeypatch.setattr(os, step, refuse(number))
    with pytest.raises(StorageFailed, match="x: cannot write") as caught:
        files.write_file(tmp_path, "x", b"new")
    monkeypatch.undo()
    assert caught.value.hint
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"old"}


def test_a_write_that_is_interrupted_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    (tmp_path / "x").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.write_file(tmp_path, "x", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"old"}


def test_a_disk_that_takes_a_little_at_a_time_gets_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:3])))
    files.write_file(tmp_path, "x", b"0123456789")
    monkeypatch.undo()
    assert (tmp_path / "x").read_bytes() == b"0123456789"


def test_a_file_in_the_way_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("in the way")
    with pytest.raises(StorageFailed, match="a/b: cannot write"):
        files.write_file(tmp_path, "a/b", b"")


def test_a_half_written_file_of_a_process_with_our_number_is_replaced(tmp_path: Path) -> None:
    (tmp_path / f".x.{os.getpid()}{files.UNFINISHED}").write_bytes(b"half of another")
    files.write_file(tmp_path, "x", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"new"}


def test_writing_over_a_link_replaces_the_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"not ours")
    (tmp_path / "x").symlink_to("elsewhere")
    files.write_file(tmp_path, "x", b"new")
    assert (tmp_path / "elsewhere").read_bytes() == b"not ours"
    assert not (tmp_path / "x").is_symlink()


def test_what_is_durable_is_synced_and_what_is_not_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    files.write_file(tmp_path, "x", b"", durable=False)
    files.remove_file(tmp_path, "x", durable=False)
    assert synced == []
    files.write_file(tmp_path, "x", b"")
    assert len(synced) == 2, "the file, and the name in its folder"
    files.remove_file(tmp_path, "x")
    assert len(synced) == 3


def test_folders_cannot_be_synced_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refuse(errno.EINVAL))
    monkeypatch.setattr(os, "name", "nt")
    try:
        files.sync_folder(str(tmp_path))
    finally:
        monkeypatch.undo()


def test_removing(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    files.remove_file(tmp_path, "x")
    assert not (tmp_path / "x").exists()
    files.remove_file(tmp_path, "x")
    files.remove_file(tmp_path, "absent/x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageFailed, match="folder: cannot remove"):
        files.remove_file(tmp_path, "folder")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("link/x.yaml", "not-a-folder"),
        ("records/link/x.yaml", "not-a-folder"),
        ("file/x.yaml", "not-a-folder"),
        ("../x.yaml", "not-a-folder"),
        ("records/../../x.yaml", "not-a-folder"),
        ("/etc/x.yaml", "not-a-folder"),
        ("records//x.yaml", "not-a-folder"),
        ("records/a\nb.yaml", "bad-handle"),
    ],
)
def test_paths_that_are_not_written_to(tmp_path: Path, path: str, code: str) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "link").symlink_to("records")
    (tmp_path / "records/link").symlink_to("/tmp")
    (tmp_path / "file").touch()
    with pytest.raises(InvalidData) as caught:
        files.check_path(tmp_path, path)
    assert caught.value.problems[0].code == code


def test_paths_that_are_written_to(tmp_path: Path) -> None:
    (tmp_path / "records/customers").mkdir(parents=True)
    for path in ("crm.yaml", "records/x.yaml", "records/customers/x.yaml"):
        assert files.check_path(tmp_path, path)
    assert not files.check_path(tmp_path, "records/deals/ab/x.yaml")


def test_a_folder_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="cannot read: file name too long"):
        files.check_path(tmp_path, "a" * 300 + "/x")
