"""The past of a record goes by its id: ``history`` and ``why`` tell it under all the names that it has had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import git
from helpers.books import commit

from crmctl.services.book import Book
from crmctl.services.past import names
from crmctl.services.past.history import history
from crmctl.services.past.history import locate
from crmctl.services.past.past import open_past
from crmctl.services.past.why import origins

if TYPE_CHECKING:
    from pathlib import Path

ADA = "id: 01J00000000000000000000ADA\nname: Countess\n"
OTHER = "id: 01J0000000000000000000ADA2\nname: Somebody else\n"
CALL = '{{"id": "01J0000000000000000000CAL{}", "at": "2012-01-0{}T10:00:00Z", "type": "call", "text": "{}"}}\n'


@pytest.fixture
def root(book_dir: Path) -> Path:
    """Ada, who became adele and then adela; by now somebody else is called ada."""
    commit(book_dir, {"customers/ada.yaml": ADA})
    commit(book_dir, {"interactions/ada.jsonl": CALL.format(1, 1, "hello")})
    rename(book_dir, "ada", "adele")
    text = ADA + "role: Countess\n"
    calls = CALL.format(1, 1, "good day") + CALL.format(2, 2, "again")
    commit(book_dir, {"customers/adele.yaml": text, "interactions/adele.jsonl": calls})
    commit(book_dir, {"customers/ada.yaml": OTHER, "interactions/ada.jsonl": CALL.format(3, 3, "another")})
    rename(book_dir, "adele", "adela", {"customers/adela.yaml": text + "language: en\n"})
    return book_dir


def rename(root: Path, old: str, new: str, files: dict[str, str] | None = None) -> str:
    for place in ("customers/{}.yaml", "interactions/{}.jsonl"):
        if (root / "records" / place.format(old)).exists():
            git(root, "mv", f"records/{place.format(old)}", f"records/{place.format(new)}")
    commit(root, files, "rename")
    return git(root, "rev-parse", "HEAD").strip()


def told(book: Book, ref: str, kind: str = "") -> list[tuple[str, ...]]:
    found = locate(book, ref, book.schema.require(kind) if kind else None)
    return [event.changes for event in history(book, *found)]


def why(root: Path, ref: str, field: str, kind: str = "customer") -> list[tuple[str, object]]:
    book = Book(root)
    return [(one.state, one.value) for one in origins(book, book.schema.require(kind), ref, field)]


def test_a_history_goes_on_before_the_rename(root: Path) -> None:
    assert told(Book(root), "adela") == [
        ("renamed from adele", "set language: en"),
        ("set role: Countess", "+1 call", "1 call changed"),
        ("renamed from ada",),
        ("+1 call",),
        ("added",),
    ]


def test_who_has_the_name_now_has_a_history_of_their_own(root: Path) -> None:
    assert told(Book(root), "ada") == [("added", "+1 call")]


def test_a_name_that_nobody_has_any_more_leads_to_who_had_it(root: Path) -> None:
    assert told(Book(root), "adele") == told(Book(root), "adela")


def test_of_an_earlier_state(root: Path) -> None:
    book = Book(root)
    past = open_past(book, git(root, "rev-parse", "HEAD~").strip())
    assert told(past, "adele")[0] == ("set role: Countess", "+1 call", "1 call changed")
    assert told(past, "adela") == told(past, "adele")  # As it is called now.


def test_an_interaction_is_one_whatever_its_customer_is_called(root: Path) -> None:
    assert told(Book(root), "01J0000000000000000000CAL1", "interaction") == [("change text",), ("added",)]
    values = why(root, "01J0000000000000000000CAL1", "text", "interaction")
    assert values == [("now", "good day"), ("earlier", "hello")]


def test_why_looks_behind_the_rename(root: Path) -> None:
    assert why(root, "adela", "name") == [("now", "Countess")]
    assert why(root, "adela", "handle") == [("now", "adela"), ("earlier", "adele"), ("earlier", "ada")]
    assert why(root, "ada", "name") == [("now", "Somebody else")]
    book = Book(root)
    first = git(root, "log", "--format=%H", "--diff-filter=A", "--", "records/customers/ada.yaml").split()[-1]
    assert origins(book, book.schema.require("customer"), "adela", "name")[0].commit == first


def test_a_rename_on_a_branch(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": ADA})
    git(book_dir, "switch", "-q", "-c", "other")
    rename(book_dir, "ada", "adele")
    git(book_dir, "switch", "-q", "main")
    commit(book_dir, {"customers/ada.yaml": ADA + "role: Countess\n"})
    git(book_dir, "merge", "-q", "--no-commit", "-s", "ours", "other")
    rename(book_dir, "ada", "adele")
    found = told(Book(book_dir), "adele")
    assert found[-1] == ("added",)
    assert ("set role: Countess",) in found
    assert why(book_dir, "adele", "role") == [("now", "Countess")]


def test_two_who_change_names_in_one_commit(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": ADA, "customers/bob.yaml": OTHER})
    git(book_dir, "mv", "records/customers/ada.yaml", "records/customers/adele.yaml")
    git(book_dir, "mv", "records/customers/bob.yaml", "records/customers/ada.yaml")
    commit(book_dir)
    book = Book(book_dir)
    customer = book.schema.require("customer")
    assert names.trail(book, customer, "adele").handles == ("adele", "ada")
    assert told(book, "adele") == [("renamed from ada",), ("added",)]


def test_records_without_an_id_go_by_their_place(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "name: Bob\n"})
    rename(book_dir, "ada", "adele")
    assert told(Book(book_dir), "adele") == [("added",)]
