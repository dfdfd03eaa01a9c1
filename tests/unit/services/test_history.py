"""``history``: every commit that touched a record, told by its fields."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.errors import Ambiguous
from crmctl.errors import GitFailed
from crmctl.errors import NotFound
from crmctl.model.kinds import CUSTOMER
from crmctl.model.kinds import DEAL
from crmctl.services.book import Book
from crmctl.services.past.history import Event
from crmctl.services.past.history import differences
from crmctl.services.past.history import history
from crmctl.services.past.history import locate

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.model.raw import RawMap

CALL = '{"id": "01J0000000000000000000000B", "at": "2026-01-02T10:00:00Z", "type": "call", "text": "hello"}\n'
NOTE = '{"at": "2026-01-03T10:00:00Z", "type": "note"}\n'


def told(root: Path, ref: str, kind: str = "", limit: int = 0) -> list[tuple[str, ...]]:
    return [event.changes for event in events(root, ref, kind, limit)]


def events(root: Path, ref: str, kind: str = "", limit: int = 0) -> list[Event]:
    book = Book(root)
    return history(book, *locate(book, ref, book.schema.require(kind) if kind else None), limit)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"stage": "proposal"}, {"stage": "won"}, ["set stage: proposal -> won"]),
        ({}, {"closes": "2026-01-01"}, ["set closes: 2026-01-01"]),
        ({"closes": "2026-01-01"}, {}, ["clear closes (was 2026-01-01)"]),
        ({"tags": ["a", "b"]}, {"tags": ["b", "c"]}, ["tags +c -a"]),
        ({}, {"tags": ["a"]}, ["tags +a"]),
        ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, ["reorder tags"]),
        ({"notes": "one"}, {"notes": "two"}, ["change notes"]),
        ({}, {"notes": "one\ntwo"}, ["set notes: one two"]),
        (
            {"external": {"x": "1", "y": "2"}},
            {"external": {"x": "3"}},
            ["set external.x: 1 -> 3", "clear external.y (was 2)"],
        ),
        ({"lines": [{"text": "a"}]}, {"lines": [{"text": "b"}, {"text": "c"}]}, ["lines +1 1 changed"]),
        ({"lines": [{"text": "a"}]}, {}, ["lines -1"]),
        ({"own": "x"}, {"own": "x" * 99}, [f"set own: x -> {'x' * 59}…"]),
        ({"own": "x"}, {"own": ["x"]}, ["set own: x -> 1 entries"]),
        ({"name": "A", "stage": "lead"}, {"name": "B", "stage": "won"}, ["set name: A -> B", "set stage: lead -> won"]),
    ],
)
def test_differences_in_words(before: RawMap, after: RawMap, words: list[str]) -> None:
    assert list(differences(DEAL.stored, before, after)) == words


def test_parts_of_groups_have_their_place() -> None:
    before: RawMap = {"address": {"city": "Rome"}}
    after: RawMap = {"address": {"city": "Oslo", "street": "Gate 1"}, "consent": {"news": {"state": "granted"}}}
    assert list(differences(CUSTOMER.stored, before, after)) == [
        "set address.street: Gate 1",
        "set address.city: Rome -> Oslo",
        "set consent.news.state: granted",
    ]


def test_a_record_from_first_to_last(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"}, "ada comes")
    commit(book_dir, {"customers/bob.yaml": "name: Bob\n"}, "not about her")
    commit(book_dir, {"customers/ada.yaml": "name: Ada\nrole: queen\n"}, "a role")
    commit(book_dir, {"customers/ada.yaml": "# hm\nname: Ada\nrole: queen\n"}, "a comment")
    commit(book_dir, {"customers/ada.yaml": "name: [\n"}, "broken")
    commit(book_dir, {"customers/ada.yaml": "name: Ida\n"}, "mended")
    (book_dir / "records/customers/ada.yaml").unlink()
    commit(book_dir, {}, "gone")
    commit(book_dir, {"customers/ada.yaml": "name: Ada again\n"}, "back")
    found = events(book_dir, "ada")
    assert [(event.subject, event.changes) for event in found] == [
        ("back", ("added",)),
        ("gone", ("removed",)),
        ("mended", ("can be read again",)),
        ("broken", ("cannot be read any more",)),
        ("a comment", ("only its layout or its comments",)),
        ("a role", ("set role: queen",)),
        ("ada comes", ("added",)),
    ]
    assert {(event.author, event.email, event.cut) for event in found} == {("Ann Author", "ann@example.com", False)}
    assert str(found[0].at.tzinfo) == "Europe/Berlin"
    assert found[0].commit == git(book_dir, "rev-parse", "HEAD").strip()
    assert [event.subject for event in events(book_dir, "ada", limit=2)] == ["back", "gone"]


def test_a_customers_interactions_are_counted(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "interactions/ada.jsonl": CALL})
    commit(book_dir, {"interactions/ada.jsonl": CALL + NOTE + NOTE + NOTE.replace("note", "visit")})
    commit(
        book_dir, {"interactions/ada.jsonl": CALL.replace("hello", "bye") + NOTE, "customers/ada.yaml": "name: Ida\n"}
    )
    assert told(book_dir, "ada") == [
        ("set name: Ada -> Ida", "-1 note", "-1 visit", "1 call changed"),
        ("+2 note", "+1 visit"),
        ("added", "+1 call"),
    ]


def test_one_interaction(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "interactions/ada.jsonl": CALL})
    commit(book_dir, {"interactions/ada.jsonl": CALL + NOTE})
    commit(book_dir, {"interactions/ada.jsonl": CALL.replace("call", "visit") + NOTE})
    assert told(book_dir, "01J0000000000000000000000B") == [("set type: call -> visit",), ("added",)]
    assert told(book_dir, "01j0000", "interaction") == [("set type: call -> visit",), ("added",)]


def test_the_same_handle_among_several_kinds(book_dir: Path) -> None:
    commit(book_dir, {"customers/tea.yaml": "name: Tea Ltd\n", "products/tea.yaml": "name: Green tea\n"})
    book = Book(book_dir)
    assert locate(book, "tea")[0].name == "customer"
    assert locate(book, "tea", book.schema.require("product"))[0].name == "product"


def test_an_exact_handle_of_another_kind_goes_before_words_of_a_customers_name(book_dir: Path) -> None:
    commit(book_dir, {"customers/a.yaml": "name: Big tea house\n", "products/tea.yaml": "name: Tea\n"})
    book = Book(book_dir)
    assert locate(book, "tea") == (book.schema.require("product"), "tea")
    assert locate(book, "tea house")[1] == "a"


def test_several_and_none(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada-a.yaml": "name: Ada A\n", "customers/ada-b.yaml": "name: Ada B\n"})
    book = Book(book_dir)
    with pytest.raises(Ambiguous):
        locate(book, "ada")
    with pytest.raises(NotFound, match="there is no record 'zoe'"):
        locate(book, "zoe")
    with pytest.raises(NotFound, match="there is no record 'zoe zoe'"):
        locate(book, "zoe zoe")
    with pytest.raises(NotFound, match="there is no deal 'zoe'"):
        locate(book, "zoe", book.schema.require("deal"))


def test_a_removed_record_is_found_by_its_handle(book_dir: Path) -> None:
    commit(book_dir, {"products/tea.yaml": "name: Tea\n"})
    git(book_dir, "rm", "-q", "records/products/tea.yaml")
    git(book_dir, "commit", "-q", "-m", "no tea")
    assert told(book_dir, "tea") == told(book_dir, "Tea", "product") == [("removed",), ("added",)]


def test_a_record_keeps_its_history_when_the_layout_changes(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    (book_dir / "records/customers/ada.yaml").unlink()
    commit(book_dir, {"customers/da/ada.yaml": "name: Ada\n", "/crm.yaml": "layout: sharded\n"}, "sharded")
    commit(book_dir, {"customers/da/ada.yaml": "name: Ida\n"})
    assert told(book_dir, "ada") == [("set name: Ada -> Ida",), (), ("added",)]


def test_a_shallow_clone_says_that_its_history_is_cut(book_dir: Path, tmp_path: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "interactions/ada.jsonl": CALL})
    commit(book_dir, {"customers/ada.yaml": "name: Ida\n"})
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{book_dir}", str(clone)], check=True)
    (event,) = events(clone, "ada")
    assert event.cut
    assert event.changes == ("was there already", "1 call there already")


def test_a_book_in_a_folder_of_a_repository(tmp_path: Path) -> None:
    write(tmp_path, {"/crm/crm.yaml": "name: X\n", "/crm/records/customers/ada.yaml": "name: Ada\n"})
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    assert told(tmp_path / "crm", "ada") == [("added",)]


def test_before_the_first_commit_there_is_no_history(tmp_path: Path) -> None:
    write(tmp_path, {"/crm.yaml": "name: X\n", "customers/ada.yaml": "name: Ada\n"})
    git(tmp_path, "init", "-q", "-b", "main")
    assert told(tmp_path, "ada") == []


def test_the_environment_cannot_lead_to_another_repository(
    book_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    git(tmp_path, "init", "-q", "other")
    for name, value in (
        ("GIT_DIR", "other/.git"),
        ("GIT_OBJECT_DIRECTORY", "other/.git/objects"),
        ("GIT_INDEX_FILE", "x"),
    ):
        monkeypatch.setenv(name, str(tmp_path / value))
    assert told(book_dir, "ada") == [("added",)]


def test_a_history_that_cannot_be_read(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    commit(book_dir, {"customers/ada.yaml": "name: Ida\n"})
    book = Book(book_dir)
    found = locate(book, "ada")
    parent = git(book_dir, "rev-parse", "HEAD~").strip()
    (book_dir / ".git/objects" / parent[:2] / parent[2:]).unlink()
    with pytest.raises(GitFailed, match="the history cannot be read"):
        history(book, *found)
