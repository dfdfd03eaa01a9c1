"""Finding and opening a book."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import names
from helpers.books import write

from crmctl import clock
from crmctl.errors import Locked
from crmctl.errors import NoBook
from crmctl.services.book import Book
from crmctl.services.book import find_book

if TYPE_CHECKING:
    from pathlib import Path


def test_the_nearest_parent_with_settings_is_the_book(book_dir: Path) -> None:
    deep = book_dir / "records/customers/aa"
    deep.mkdir(parents=True)
    assert find_book(deep, exact=False) == book_dir
    inner = book_dir / "records/inner"
    write(inner, {"/crm.yaml": ""})
    assert find_book(inner, exact=False) == inner


def test_a_folder_that_was_named_is_the_book_or_an_error(book_dir: Path, tmp_path: Path) -> None:
    assert find_book(book_dir, exact=True) == book_dir
    (book_dir / "records").mkdir()
    with pytest.raises(NoBook, match="there is no book at") as caught:
        find_book(book_dir / "records", exact=True)
    assert caught.value.hint == "A book is a folder with a crm.yaml in it."
    with pytest.raises(NoBook) as caught:
        find_book(tmp_path / "nowhere", exact=True)
    assert caught.value.hint == f"Make one: crmctl init {tmp_path / 'nowhere'}"


def test_outside_of_every_book_all_ways_to_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(NoBook, match=r"neither .* nor a folder above it") as caught:
        find_book(tmp_path, exact=False)
    assert "crmctl -C DIR" in caught.value.hint
    assert "$CRMCTL_BOOK" in caught.value.hint


def test_a_bare_repository_is_no_book(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "store")
    for exact in (True, False):
        with pytest.raises(NoBook, match="bare repository"):
            find_book(tmp_path / "store", exact=exact)


def test_settings_without_a_repository_are_no_book(tmp_path: Path) -> None:
    write(tmp_path, {"/crm.yaml": ""})
    with pytest.raises(NoBook, match="not in a git repository") as caught:
        _ = Book(tmp_path).index
    assert caught.value.hint == f"Make it one: git init {tmp_path}"


def test_nothing_is_read_before_it_is_asked_for(book_dir: Path) -> None:
    book = Book(book_dir)
    assert not book.was_read
    assert book.sharded is False
    assert book.was_read


def test_now_is_in_the_zone_of_the_book(book_dir: Path) -> None:
    from datetime import UTC
    from datetime import datetime

    clock.freeze(datetime(2026, 7, 1, 22, 30, tzinfo=UTC))
    assert Book(book_dir).now().isoformat() == "2026-07-02T00:30:00+02:00"


def test_after_a_write_the_book_looks_again(book_dir: Path) -> None:
    book = Book(book_dir)
    assert names(book.index, "customers") == []
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    assert names(book.index, "customers") == []
    book.refresh()
    assert names(book.index, "customers") == ["ada"]


def test_a_book_that_never_looked_can_be_refreshed(book_dir: Path) -> None:
    book = Book(book_dir)
    book.refresh()
    _ = book.probe
    book.refresh()
    assert names(book.index, "customers") == []


def test_two_writers_take_turns(book_dir: Path) -> None:
    book = Book(book_dir)
    with (
        book.write("first"),
        pytest.raises(Locked, match=r"another crmctl is writing to this book .*: first"),
        Book(book_dir).write("second", wait=0),
    ):
        pass
    with Book(book_dir).write("second", wait=0) as tx:
        assert tx.paths == []


def test_a_sharded_book_says_so(book_dir: Path) -> None:
    commit(book_dir, {"/crm.yaml": "layout: sharded\n"})
    assert Book(book_dir).sharded
    assert Book(book_dir).context == ("EUR", "", Book(book_dir).settings.zone)
