"""The key of a book: made once, named in the book, kept outside of it."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from helpers.books import fresh
from helpers.books import git

from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem
from crmctl.mail.keyed import key_id
from crmctl.services.consenting import key_names
from crmctl.services.consenting import keyrings
from crmctl.services.consenting import keys
from crmctl.services.consenting import listing
from crmctl.services.consenting import suppression
from crmctl.services.consenting.keyrings import KeyMissing

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_made_once_and_named_in_the_book(book_dir: Path) -> None:
    assert keys.existing(fresh(book_dir)).keys == ()
    ring = keys.load(fresh(book_dir))
    assert keys.load(fresh(book_dir)) == ring == keys.existing(fresh(book_dir))
    assert keys.all_named(fresh(book_dir)) == [ring.id]
    assert git(book_dir, "log", "-1", "--format=%s") == "suppressions: name this book's key\n"
    assert ring.key.hex() not in git(book_dir, "log", "-p")


def test_nobody_else_can_read_it(book_dir: Path) -> None:
    keys.load(fresh(book_dir))
    (path,) = keyrings.folder().iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(keyrings.folder().stat().st_mode) == 0o700


def test_it_goes_along_with_a_transaction(book_dir: Path) -> None:
    book = fresh(book_dir)
    with book.write("x") as tx:
        ring = keys.load(book, tx)
        assert keys.load(book, tx) == ring
        tx.commit("x")
    assert keys.existing(fresh(book_dir)) == ring


def test_two_books_have_two_keys(book_dir: Path, sample_dir_two: Path) -> None:
    assert keys.load(fresh(book_dir)).id != keys.load(fresh(sample_dir_two)).id


@pytest.fixture
def sample_dir_two(tmp_path: Path) -> Path:
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / "crm.yaml").write_text("name: Two\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "init")
    return folder


def test_what_is_exported_is_imported(book_dir: Path) -> None:
    ring = keys.load(fresh(book_dir))
    line = keyrings.export_line(ring.key)
    for path in keyrings.folder().iterdir():
        path.unlink()
    with pytest.raises(KeyMissing, match="not on this machine"):
        keys.load(fresh(book_dir))
    assert keyrings.lacking(ring.id) is not None
    assert keys.import_line(fresh(book_dir), f" {line}\n") == ring.id
    assert keyrings.lacking(ring.id) is None
    assert keys.load(fresh(book_dir)) == ring


def test_another_book_s_key_is_refused(book_dir: Path) -> None:
    keys.load(fresh(book_dir))
    with pytest.raises(KeyMissing, match="and the book names"):
        keys.import_line(fresh(book_dir), keyrings.export_line(bytes(32)))


def test_a_book_without_a_key_takes_the_first_that_is_given(book_dir: Path) -> None:
    assert keys.import_line(fresh(book_dir), keyrings.export_line(bytes(32))) == key_id(bytes(32))
    assert keys.load(fresh(book_dir)).id == key_id(bytes(32))


@pytest.mark.parametrize("text", ["", "crmctl-key", "crmctl-key 00000000 " + "0" * 64, "{}"])
def test_what_is_no_key_is_refused(book_dir: Path, text: str) -> None:
    with pytest.raises(UsageProblem):
        keys.import_line(fresh(book_dir), text)


def test_half_a_line_is_refused(book_dir: Path) -> None:
    line = keyrings.export_line(keys.load(fresh(book_dir)).key)
    with pytest.raises(UsageProblem, match="part of it is lost"):
        keys.import_line(fresh(book_dir), line[:-1])


def test_a_folder_that_cannot_be_written_is_told(book_dir: Path) -> None:
    keyrings.folder().parent.mkdir(parents=True, exist_ok=True)
    keyrings.folder().write_text("in the way")
    with pytest.raises(StorageFailed, match="cannot write"):
        keys.load(fresh(book_dir))
    assert keys.all_named(fresh(book_dir)) == []


def test_two_machines_that_both_made_one_can_work_together(book_dir: Path) -> None:
    """Each made a key before they met; entries by either count, and both use the first from then on."""
    first = keys.load(fresh(book_dir))
    listing.add(fresh(book_dir), "one@example.com")
    second = keyrings.keep(bytes(32))
    with fresh(book_dir).write("merge") as tx:
        line = f'{{"id": "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "key": "{second}"}}\n'
        tx.put(key_names.FILE, (tx.read(key_names.FILE) or b"") + line.encode())
        news = [suppression.New("two@example.com", "manual")]
        book = fresh(book_dir)
        suppression.add(tx, suppression.Suppressions((), first), keyrings.ring_of([second]), news, book.now())
        tx.commit("merge")
    ring = keys.load(fresh(book_dir))
    assert [name for name, _ in ring.keys] == [first.id, second]
    assert len(listing.check(fresh(book_dir), "one@example.com")) == 1
    assert len(listing.check(fresh(book_dir), "two@example.com")) == 1
    assert ring.read(keyrings.ring_of([second]).token("01J0000000000000000000000A", "all"), ["all"]) is not None
