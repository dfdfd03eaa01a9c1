from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import names

from crmctl.errors import Conflict
from crmctl.services.book import Book
from crmctl.services.importing import imports
from crmctl.services.importing import index
from crmctl.services.importing.plan import Request
from crmctl.services.importing.source import open_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PEOPLE = "handle,name,emails\n" + "".join(f"c{n:04},Name {n},c{n}@example.com\n" for n in range(1_200))


def take(book: Book, text: str) -> str:
    source = open_source("-", io.BytesIO(text.encode()))
    request = Request(book.schema.require("customer"))
    try:
        return imports.carry_out(book, source, request, imports.plan(book, source, request)).commit
    finally:
        source.close()
        book.refresh()


def tables(book: Book) -> list[list[tuple[object, ...]]]:
    """What the index says of customers, without the numbers of its rows."""
    questions = (
        "SELECT * FROM files ORDER BY path",
        "SELECT handle, path, name, name_key, orders, interactions FROM customers ORDER BY handle",
        "SELECT value, value_key FROM customers_emails ORDER BY value",
    )
    return [book.index.rows(question) for question in questions]


def test_a_large_import_leaves_an_index_like_one_that_was_made_anew(book_dir: Path) -> None:
    book = Book(book_dir)
    made = take(book, PEOPLE)
    state = book.index.state()
    assert state is not None
    assert (state.head, state.dirty) == (made, {})
    fed = tables(book)
    book.refresh()
    for path in (book_dir / ".git" / "crmctl").glob("index.sqlite*"):
        path.unlink()
    assert tables(book) == fed
    assert len(names(book.index, "customers")) == 1_200
    book.refresh()


def test_what_is_not_committed_is_not_kept(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmctl.vcs.repository import Repository

    def moved(*_: object) -> None:
        raise Conflict("the branch moved")

    book = Book(book_dir)
    with monkeypatch.context() as patch:
        patch.setattr(Repository, "advance", moved)
        with pytest.raises(Conflict):
            take(book, PEOPLE)
    assert names(book.index, "customers") == []
    assert take(book, PEOPLE) == git(book_dir, "rev-parse", "HEAD").strip()
    assert len(names(book.index, "customers")) == 1_200
    book.refresh()


def fill(book: Book, files: dict[str, bytes], head: str, made: str) -> None:
    """What the second process does, in this one."""
    book.refresh()
    receive, send = os.pipe()
    os.write(send, made.encode())
    os.close(send)
    try:
        index._fill(book, head, files, receive)
    finally:
        os.close(receive)


@pytest.fixture
def ada(book_dir: Path) -> tuple[Book, dict[str, bytes], str]:
    book = Book(book_dir)
    assert book.index
    head = git(book_dir, "rev-parse", "HEAD").strip()
    return book, {"records/customers/ada.yaml": b"name: Ada\n", "records/strange": b""}, head


def test_the_contents_of_the_commit_are_taken_in(ada: tuple[Book, dict[str, bytes], str]) -> None:
    book, files, head = ada
    commit(book.root, {"customers/ada.yaml": "name: Ada\n"})
    made = git(book.root, "rev-parse", "HEAD").strip()
    fill(book, files, head, made)
    state = book.index.state()
    assert state is not None
    assert (state.head, names(book.index, "customers")) == (made, ["ada"])
    book.refresh()


def broken(book: Book) -> str:
    (book.root / "records/customers").mkdir(parents=True)
    (book.root / "records/customers/by-hand.yaml").write_text("name: By Hand\n")
    book.refresh()
    assert book.index
    return git(book.root, "rev-parse", "HEAD").strip()


@pytest.mark.parametrize("head", [lambda book: "0" * 40, broken])
def test_an_index_of_another_state_is_left_alone(
    ada: tuple[Book, dict[str, bytes], str], head: Callable[[Book], str]
) -> None:
    book, files, _ = ada
    fill(book, files, head(book), "f" * 40)
    state = book.index.state()
    assert state is not None
    assert state.head == git(book.root, "rev-parse", "HEAD").strip()
    assert "ada" not in names(book.index, "customers")
    book.refresh()


def test_few_files_are_not_worth_a_process(ada: tuple[Book, dict[str, bytes], str]) -> None:
    book, files, head = ada
    assert index.start(book, head, files) is None
    book.refresh()
