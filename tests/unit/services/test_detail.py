"""One record whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh

from crmctl.errors import NotFound
from crmctl.services.detail import detail
from crmctl.services.detail import details
from crmctl.services.detail import source

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.book import Book

LINE = '{"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "at": "2026-01-01T00:00:00Z", "type": "purchase", "amount": "9.90"}'


@pytest.fixture
def book(book_dir: Path) -> Book:
    commit(
        book_dir,
        {
            "customers/ada.yaml": "# first\nname: Ada\nzebra: [kept]\nemails: []\n",
            'customers/odd"one*.yaml': "name: Odd\n",
            "interactions/ada.jsonl": LINE + "\n",
            "segments/vip.yaml": "name: VIP\n",
        },
    )
    return fresh(book_dir)


def test_every_declared_field_is_there_then_the_unknown_then_the_counted(book: Book) -> None:
    kind = book.schema.require("customer")
    found = detail(book, kind, "ada")
    stored = [field.name for field in kind.stored]
    counted = [field.name for field in kind.fields if field.derived]
    assert list(found) == ["handle", *stored, "zebra", *counted]
    assert (found["handle"], found["name"], found["emails"], found["zebra"]) == ("ada", "Ada", None, ["kept"])
    assert (found["orders"], found["spent"], found["last"], found["next"]) == (1, "9.90", "2026-01-01", None)


def test_a_file_with_an_odd_name_is_shown_like_any_other(book: Book) -> None:
    assert detail(book, book.schema.require("customer"), 'odd"one*')["orders"] == 0


def test_a_kind_that_counts_nothing(book: Book) -> None:
    found = detail(book, book.schema.require("segment"), "vip")
    assert found["name"] == "VIP"
    assert set(found) == {"handle", *(field.name for field in book.schema.require("segment").fields)}


def test_an_interaction_knows_its_customer(book: Book) -> None:
    found = detail(book, book.schema.require("interaction"), "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert (found["customer"], found["amount"], found["currency"]) == ("ada", "9.90", None)


def test_the_text_as_it_stands_in_the_file(book: Book) -> None:
    customer, interaction = book.schema.require("customer"), book.schema.require("interaction")
    assert source(book, customer, "ada") == "# first\nname: Ada\nzebra: [kept]\nemails: []\n"
    assert source(book, interaction, "01ARZ3NDEKTSV4RRFFQ69G5FAV") == LINE


def test_what_is_not_there_is_not_found(book: Book) -> None:
    with pytest.raises(NotFound, match="there is no customer 'eve'"):
        detail(book, book.schema.require("customer"), "eve")
    with pytest.raises(NotFound, match="there is no interaction 'x'"):
        source(book, book.schema.require("interaction"), "x")


def test_several_come_in_the_order_asked_for(book: Book) -> None:
    kind = book.schema.require("customer")
    found = list(details(book, kind, ['odd"one*', "ada"]))
    assert [(one["handle"], one["orders"]) for one in found] == [('odd"one*', 0), ("ada", 1)]
    assert list(details(book, kind, [])) == []
