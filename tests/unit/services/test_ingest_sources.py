"""Where messages are read: nothing there is changed, nothing is read twice, nothing else is followed."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.services.book import Book
from crmctl.services.ingest import sources
from crmctl.services.ingest.notebook import Notebook
from crmctl.services.ingest.notebook import mark

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def box(tmp_path: Path) -> Path:
    folder = tmp_path / "Maildir"
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    (folder / "new" / "1.host").write_bytes(b"one")
    (folder / "cur" / "2.host:2,S").write_bytes(b"two")
    (folder / "tmp" / "3.host").write_bytes(b"not yet")
    (folder / "cur" / ".hidden").write_bytes(b"no")
    return folder


def test_a_maildir_is_read_in_new_and_cur(box: Path) -> None:
    assert [found.data for found in sources.maildir(box, ())] == [b"one", b"two"]


def test_a_name_is_known_whatever_its_flags(box: Path) -> None:
    seen = {found.mark for found in sources.maildir(box, ())}
    (box / "new" / "1.host").rename(box / "cur" / "1.host:2,RS")
    assert list(sources.maildir(box, seen)) == []


def test_links_and_pipes_are_passed_over(box: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (box / "new" / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(box / "new" / "pipe")
    (box / "new" / "folder").mkdir()
    assert [found.data for found in sources.maildir(box, ())] == [b"one", b"two"]


def test_nothing_in_a_maildir_changes(box: Path) -> None:
    def state() -> list[tuple[str, int]]:
        return sorted((str(path), path.stat().st_mtime_ns) for path in box.rglob("*"))

    before = state()
    for path in box.rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    list(sources.maildir(box, ()))
    assert state() == before


def test_a_folder_that_is_no_maildir(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        list(sources.maildir(tmp_path, ()))


def test_an_mbox(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(b"From a@b Sat\nSubject: 1\n\nFrom here on\n\nFrom c@d Sun\nSubject: 2\n\nx\n>From y\n")
    found = list(sources.mbox(path, ()))
    assert [one.data for one in found] == [b"Subject: 1\n\nFrom here on\n\n", b"Subject: 2\n\nx\n>From y\n"]
    assert list(sources.mbox(path, {one.mark for one in found})) == []


def test_what_is_no_mbox(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"hello\n")
    with pytest.raises(UsageProblem):
        list(sources.mbox(path, ()))
    with pytest.raises(NotFound):
        list(sources.mbox(tmp_path / "nothing", ()))


def test_a_large_message_is_cut(monkeypatch: pytest.MonkeyPatch, box: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(sources, "LARGEST", 2)
    assert [(found.data, found.whole) for found in sources.maildir(box, ())] == [(b"on", False), (b"tw", False)]
    found = sources.single(io.BytesIO(b"From x y\nabc"))
    assert not found.whole
    path = tmp_path / "mbox"
    path.write_bytes(b"From a\na: cdef\nghi\n\nFrom b\nx:\n")
    assert [(one.data, one.whole) for one in sources.mbox(path, ())] == [(b"a:", False), (b"x:", False)]


def test_the_line_above_a_delivered_message_is_no_part_of_it() -> None:
    assert sources.single(io.BytesIO(b"From a@b Sat\nSubject: x\n\nhi")).data == b"Subject: x\n\nhi"


def test_the_notebook_is_the_users_alone_and_survives_a_torn_line(book_dir: Path) -> None:
    notebook = Notebook(Book(book_dir))
    first, second = mark("a"), mark("b")
    notebook.add([first, first])
    path = notebook.folder / "seen"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(notebook.folder.stat().st_mode) == 0o700
    with path.open("a") as file:
        file.write(second[:10])
    again = Notebook(Book(book_dir))
    assert again.marks == {first}
    again.add([second])
    assert Notebook(Book(book_dir)).marks == {first, second}


def test_places_and_the_last_look(book_dir: Path) -> None:
    book = Book(book_dir)
    notebook = Notebook(book)
    assert (notebook.place("imap x"), notebook.last()) == ("", None)
    notebook.keep_place("imap x", "7 42")
    notebook.done(book.now())
    assert (Notebook(book).place("imap x"), Notebook(book).place("imap y")) == ("7 42", "")
    assert Notebook(book).last() == book.now()
