"""Interactions as records: lines in the file of their customer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh
from helpers.books import git
from helpers.books import write

from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.model.ids import is_id
from crmctl.services import lines
from crmctl.services.records import Assignment

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.model.raw import RawMap
    from crmctl.services.records import Written

ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
PATH = "records/interactions/ada.jsonl"
FIRST = f'{{"at":"2026-01-01T09:00:00+01:00",  "id":"{ID}", "type":"call", "text":"first", "mood":"kept"}}\n'
SECOND = '{"id": "01ARZ3NDEKTSV4RRFFQ69G5FAW", "at": "2026-02-01T09:00:00+01:00", "type": "note"}\n'
THIRD = '{"at": "2026-03-01T09:00:00+01:00", "type": "note"}\n'


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "interactions/ada.jsonl": FIRST + SECOND + THIRD})
    return book_dir


def put(root: Path, *interactions: RawMap, customer: str = "ada") -> list[RawMap]:
    book = fresh(root)
    with book.write("log") as tx:
        written = lines.put(book, tx, customer, interactions)
        tx.commit("log")
    return written


def change(root: Path, ref: str, *sets: str, adopt: bool = False) -> Written:
    book = fresh(root)
    parts = [Assignment(*text.split("=", 1)) for text in sets]
    return lines.change(book, book.schema.require("interaction"), ref, parts, adopt=adopt)


def remove(root: Path, ref: str) -> Written:
    book = fresh(root)
    return lines.remove(book, book.schema.require("interaction"), ref)


def stored(root: Path) -> list[str]:
    return (root / PATH).read_text().splitlines(keepends=True)


def test_a_new_line_stands_in_time_order_and_the_others_stay_byte_for_byte(root: Path) -> None:
    (written,) = put(root, {"type": "call", "at": "2026-01-15T09:00:00+01:00", "text": "between"})
    assert is_id(str(written["id"]))
    assert list(written) == ["id", "at", "type", "text"]
    found = stored(root)
    assert [found[0], found[2], found[3]] == [FIRST, SECOND, THIRD]
    assert json.loads(found[1]) == written


def test_the_first_line_makes_the_file(root: Path) -> None:
    put(root, {"type": "note", "at": "2026-01-15T09:00:00+01:00"}, customer="bob")
    assert (root / "records/interactions/bob.jsonl").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"type": "note"}, "interaction has no at"),
        ({"at": "2026-01-01T00:00:00Z"}, "interaction has no type"),
        ({"at": "2026-01-01T00:00:00Z", "type": "telepathy"}, "type: 'telepathy' is not one of"),
        ({"at": "soon", "type": "note"}, "at: 'soon' is not a time"),
        ({"at": "2026-01-01T00:00:00Z", "type": "note", "customer": "ada"}, "customer is counted"),
    ],
)
def test_what_is_not_valid_is_not_written(root: Path, data: RawMap, message: str) -> None:
    with pytest.raises(InvalidData, match=message) as caught:
        put(root, data)
    assert caught.value.problems[0].path == PATH
    assert "".join(stored(root)) == FIRST + SECOND + THIRD


def test_an_id_that_is_there_already_is_refused(root: Path) -> None:
    with pytest.raises(InvalidData, match="already"):
        put(root, {"id": ID, "at": "2026-01-01T00:00:00Z", "type": "note"})


def test_nothing_is_written_to_a_history_with_a_line_that_cannot_be_read(root: Path) -> None:
    commit(root, {"interactions/ada.jsonl": FIRST + "nonsense\n"})
    with pytest.raises(InvalidData, match="cannot be read"):
        put(root, {"at": "2026-01-01T00:00:00Z", "type": "note"})


def test_one_interaction_is_changed_and_unknown_fields_stay(root: Path) -> None:
    written = change(root, ID.lower(), "text=changed", "minutes=5")
    assert written.message == f"interaction: set {ID[-8:].lower()} of ada text minutes"
    assert git(root, "log", "-1", "--format=%s").strip() == written.message
    found = json.loads(stored(root)[0])
    assert (found["text"], found["minutes"], found["mood"], found["id"]) == ("changed", "5", "kept", ID)
    assert stored(root)[1:] == [SECOND, THIRD]


def test_nothing_to_change_is_no_commit_and_no_other_spelling(root: Path) -> None:
    assert change(root, ID, "text=first").commit == ""
    assert "".join(stored(root)) == FIRST + SECOND + THIRD


def test_an_interaction_that_is_given_another_time_moves(root: Path) -> None:
    change(root, ID, "at=2026-02-15 9:00")
    assert [json.loads(line)["at"][:10] for line in stored(root)] == ["2026-02-01", "2026-02-15", "2026-03-01"]


def test_one_interaction_is_removed_and_the_last_takes_its_file_along(root: Path) -> None:
    assert remove(root, ID).message == f"interaction: remove {ID[-8:].lower()} of ada"
    assert "".join(stored(root)) == SECOND + THIRD
    commit(root, {"interactions/ada.jsonl": SECOND})
    remove(root, "01ARZ3NDEKTSV4RRFFQ69G5FAW")
    assert not (root / PATH).exists()
    assert git(root, "status", "--porcelain") == ""


def test_a_line_without_an_id_cannot_be_meant(root: Path) -> None:
    with pytest.raises(NotFound, match="has no id to find it by") as caught:
        change(root, "ada#3", "text=x")
    assert "crmctl fmt" in caught.value.hint


def test_a_line_that_is_gone_meanwhile_is_gone(root: Path) -> None:
    book = fresh(root)
    _ = book.index
    (root / PATH).write_text(SECOND)
    with pytest.raises(NotFound, match=r"has no interaction .* any more"):
        lines.remove(book, book.schema.require("interaction"), ID)


def test_a_file_edited_by_hand_is_left_alone_unless_adopted(root: Path) -> None:
    by_hand = FIRST.replace("first", "by hand")
    write(root, {"interactions/ada.jsonl": by_hand})
    with pytest.raises(Conflict):
        change(root, ID, "text=x")
    assert change(root, ID, "text=x", adopt=True).notes == (f"took along what was written by hand in {PATH}",)


def test_lines_without_a_time_come_first_and_odd_times_break_nothing(root: Path) -> None:
    early = '{"id": "01ARZ3NDEKTSV4RRFFQ69G5FAX", "at": "0001-01-01T00:00:00+14:00", "type": "note"}\n'
    late = '{"at": "9999-12-31T23:59:59-14:00", "type": "note"}\n'
    naive = '{"at": "2026-01-01T09:00:00", "type": "note"}\n'
    none = '{"type": "note"}\n'
    commit(root, {"interactions/ada.jsonl": late + naive + none + early})
    put(root, {"at": "2026-01-01T10:00:00+01:00", "type": "call"})
    found = stored(root)
    assert found[:2] in ([none, early], [early, none])
    assert found[2] == naive
    assert found[4] == late
