"""Finding the record somebody means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh

from crmctl.errors import Ambiguous
from crmctl.errors import NotFound
from crmctl.services import refs

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.book import Book

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FA"
FILES = {
    "customers/ada-lovelace.yaml": f"id: {ULID}V\nname: Ada Lovelace\nemails: [Ada@Example.com]\n"
    "phones: ['+44 20 7946 0958']\n",
    "customers/ada-byron.yaml": f"id: {ULID}W\nname: Ada Byron\nphones: ['030 901820']\n",
    "customers/ada.yaml": "name: Ada\n",
    "customers/zoe-muller.yaml": "name: Zoë Müller\n",
    "customers/Hand-Made.yaml": "name: By Hand\n",
    "customers/hand.yaml": "name: Hand Made By Hand\n",
    "members/ann.yaml": "name: Ann\nemail: ann@example.com\nphone: '+1 780 428 9482'\n",
    "segments/vip.yaml": "name: VIP\n",
    "interactions/ada.jsonl": f'{{"id": "{ULID}X", "type": "note", "text": "hello there"}}\n{{"type": "call"}}\n',
}


@pytest.fixture
def book(book_dir: Path) -> Book:
    commit(book_dir, FILES)
    return fresh(book_dir)


def find(book: Book, text: str, kind: str = "customer") -> str:
    return refs.find(book, book.schema.require(kind), text)


@pytest.mark.parametrize(
    ("kind", "text", "handle"),
    [
        ("customer", "ada-lovelace", "ada-lovelace"),
        ("customer", " ADA-Lovelace ", "ada-lovelace"),
        ("customer", "ada", "ada"),
        ("customer", "ada-l", "ada-lovelace"),
        ("customer", "Zoe", "zoe-muller"),
        ("customer", f"{ULID}W".lower(), "ada-byron"),
        ("customer", "ada@example.COM", "ada-lovelace"),
        ("customer", "+44 (20) 7946-0958", "ada-lovelace"),
        ("customer", "0044 20 7946 0958", "ada-lovelace"),
        ("customer", "7946 0958", "ada-lovelace"),
        ("customer", "+49 30 901820", "ada-byron"),
        ("customer", "030/901820", "ada-byron"),
        ("customer", "müller", "zoe-muller"),
        ("customer", "MULLER zoe", "zoe-muller"),
        ("customer", "lovelace ada", "ada-lovelace"),
        ("customer", "Hand-Made", "Hand-Made"),
        ("customer", "by hand", "Hand-Made"),
        ("member", "ann@example.com", "ann"),
        ("member", "+1 780 428 9482", "ann"),
        ("segment", "vip", "vip"),
        ("interaction", f"{ULID}X", f"{ULID}X"),
        ("interaction", f"{ULID}X".lower(), f"{ULID}X"),
        ("interaction", "ada#2", "ada#2"),
    ],
)
def test_anything_that_names_one_record_finds_it(book: Book, kind: str, text: str, handle: str) -> None:
    assert find(book, text, kind) == handle


def test_several_are_named_with_their_titles(book: Book) -> None:
    with pytest.raises(Ambiguous, match="'ada-' can be 2 customers") as caught:
        find(book, "ada-")
    assert caught.value.candidates == (("ada-byron", "Ada Byron"), ("ada-lovelace", "Ada Lovelace"))
    assert caught.value.hint


def test_ids_are_told_by_their_start_when_that_is_enough(book: Book) -> None:
    with pytest.raises(Ambiguous) as caught:
        find(book, ULID)
    assert [handle for handle, _ in caught.value.candidates] == ["ada-byron", "ada-lovelace"]


def test_very_many_are_not_all_counted(book_dir: Path) -> None:
    commit(book_dir, {f"customers/x{n:02}.yaml": f"name: X {n}\n" for n in range(25)})
    with pytest.raises(Ambiguous, match="can be 20 or more customers"):
        find(fresh(book_dir), "x")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ada-lovelase", "Did you mean ada-lovelace"),
        ("zoe-miller", "Did you mean zoe-muller"),
        ("nobody", "crmctl customer list shows them all"),
        ("", "crmctl customer list shows them all"),
        ("nobody@example.com", "crmctl customer list"),
        ("+1 555 000 1111", "crmctl customer list"),
        ("12", "crmctl customer list"),
        ("%", "crmctl customer list"),
        ("中文", "crmctl customer list"),
        ("'; DROP TABLE customers", "crmctl customer list"),
    ],
)
def test_who_is_not_there_is_told_with_those_who_are_near(book: Book, text: str, hint: str) -> None:
    with pytest.raises(NotFound) as caught:
        find(book, text)
    assert caught.value.message == f"there is no customer {text.strip()!r}"
    assert hint in caught.value.hint


def test_interactions_are_not_found_by_their_words(book: Book) -> None:
    """Their texts are long and stand aside; `crmctl find` looks there."""
    with pytest.raises(NotFound):
        find(book, "hello there", "interaction")


def test_phones_are_found_without_knowing_the_country_too(book_dir: Path) -> None:
    commit(book_dir, {**FILES, "/crm.yaml": "currency: EUR\n"})
    book = fresh(book_dir)
    assert find(book, "030 901820") == "ada-byron"
    assert find(book, "020 7946 0958") == "ada-lovelace"


def test_the_title_of_a_kind_whose_title_is_a_long_text_is_its_handle(book: Book) -> None:
    assert refs.title_column(book.schema.require("interaction")) == "t.handle"
    assert refs.title_column(book.schema.require("followup")) == 't."what"'


def test_a_record_that_cannot_be_read_is_not_said_to_be_missing(book_dir: Path) -> None:
    commit(book_dir, {**FILES, "customers/zoe-muller.yaml": "name: [\n", "customers/hand.yaml": "name: Hand\n"})
    book = fresh(book_dir)
    with pytest.raises(NotFound, match=r"^customer zoe-muller cannot be read now: "):
        find(book, "Zoe-Muller")
    with pytest.raises(NotFound, match=r"^there is no customer 'zoe-mulle'$"):
        find(book, "zoe-mulle")
    with pytest.raises(NotFound, match=r"^there is no deal 'zoe-muller'$"):
        find(book, "zoe-muller", "deal")


def test_nobody_is_taken_for_one_who_cannot_be_read(book_dir: Path) -> None:
    """While the other Ada stands in a conflict, say, a name that both have means neither."""
    others = {path: text for path, text in FILES.items() if path != "customers/ada.yaml"}
    commit(book_dir, {**others, "customers/ada-byron.yaml": "name: [\n"})
    book = fresh(book_dir)
    for text in ("ada", "Ada"):
        with pytest.raises(Ambiguous) as caught:
            find(book, text)
        assert [handle for handle, _ in caught.value.candidates] == ["ada-lovelace", "ada-byron"]
    assert find(book, "ada-l") == "ada-lovelace"
    assert find(book, "lovelace") == "ada-lovelace"
    assert find(book, "zoe") == "zoe-muller"
