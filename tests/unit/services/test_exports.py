from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit

from crmctl.services import exports
from crmctl.services.book import Book

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {
    "customers/ada.yaml": (
        "name: Ada\ntags:\n  - a; b\n  - c\nrelations:\n  - customer: bob\n    role: friend\n"
        "consent:\n  newsletter:\n    date: '2026-01-01'\n    state: granted\n"
        "    channels:\n      - email\n      - phone\n"
        "  service:\n    state: granted\nshoe_size: '43'\n"
    ),
    "customers/bob.yaml": "name: Bob\nemails:\n  - b@example.com\n  - c@example.com\naddress:\n  city: Bonn\n",
    "interactions/bob.jsonl": (
        '{"id": "01KA0000000000000000000002", "at": "2026-01-02", "type": "call", "minutes": 5}\n'
    ),
}


@pytest.fixture
def book(book_dir: Path) -> Iterator[Book]:
    commit(book_dir, FILES)
    found = Book(book_dir)
    yield found
    found.refresh()


def test_columns_stand_as_declared_and_only_those_in_use(book: Book) -> None:
    flat = exports.flat(book, book.schema.require("customer"))
    assert flat.columns == [
        "handle",
        "name",
        "emails",
        "address.city",
        "tags",
        "consent.newsletter.state",
        "consent.newsletter.channels",
        "consent.newsletter.date",
        "consent.service.state",
        "relations",
    ]
    assert flat.left_out == ["shoe_size"]


def test_lists_are_one_cell_and_what_would_be_split_wrongly_is_json(book: Book) -> None:
    flat = exports.flat(book, book.schema.require("customer"))
    ada, bob = (dict(zip(flat.columns, row, strict=True)) for row in flat.rows)
    assert ada["tags"] == '["a; b", "c"]'
    assert ada["consent.newsletter.channels"] == "email; phone"
    assert ada["relations"] == '[{"customer": "bob", "role": "friend"}]'
    assert (bob["emails"], bob["address.city"], bob["tags"]) == ("b@example.com; c@example.com", "Bonn", "")


def test_interactions_say_whose_they_are_and_raw_ones_are_whole(book: Book) -> None:
    kind = book.schema.require("interaction")
    assert list(exports.raw(book, kind)) == [
        {"customer": "bob", "id": "01KA0000000000000000000002", "at": "2026-01-02", "type": "call", "minutes": "5"}
    ]
    flat = exports.flat(book, kind, ["type:call"])
    assert flat.columns == ["customer", "id", "at", "type", "minutes"]


def test_nothing_found_is_a_header_of_all_fields(book: Book) -> None:
    flat = exports.flat(book, book.schema.require("customer"), ["name:nobody"])
    assert flat.columns[:3] == ["handle", "id", "name"]
    assert list(flat.rows) == []
    assert exports.flat(book, book.schema.require("interaction"), ["type:visit"]).columns[:2] == ["customer", "id"]
