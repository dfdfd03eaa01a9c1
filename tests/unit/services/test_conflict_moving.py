"""Two records under one handle, where one of them has another handle on the other side, and what dropping one loses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from helpers.two_sides import ADA
from helpers.two_sides import BIG
from helpers.two_sides import BOB_ID
from helpers.two_sides import LINE
from helpers.two_sides import fork
from helpers.two_sides import is_fine
from helpers.two_sides import parents
from helpers.two_sides import read
from helpers.two_sides import waits

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

OTHER = f"id: {BOB_ID}\nname: Ada Byron\n"
OLD, NEW, HERS = LINE % (1, 1, "old"), LINE % (2, 2, "new"), LINE % (3, 3, "hers")
BASE = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": OLD, "cases/late.yaml": "name: Late\ncustomer: ada\n"}
WENT_ON: dict[str, str | None] = {
    "customers/ada.yaml": ADA.replace("boss", "queen"),
    "interactions/ada.jsonl": OLD + NEW,
    "deals/big.yaml": BIG,
    "cases/late.yaml": "name: Later\ncustomer: ada\n",
}
GAVE_AWAY: dict[str, str | None] = {
    "customers/ada.yaml": OTHER,
    "interactions/ada.jsonl": HERS,
    "customers/ada-2.yaml": ADA.replace("fair", "web"),
    "interactions/ada-2.jsonl": OLD,
    "cases/late.yaml": "name: Late\ncustomer: ada-2\n",
}


@pytest.fixture(params=["ours", "theirs"])
def gone_on(request: pytest.FixtureRequest, book_dir: Path) -> str:
    """The side that went on with the Ada whom the other side calls ada-2."""
    side = str(request.param)
    sides = (WENT_ON, GAVE_AWAY) if side == "ours" else (GAVE_AWAY, WENT_ON)
    waits(book_dir, fork(book_dir, BASE, *sides))
    return side


def test_what_was_done_under_the_old_handle_goes_to_the_new_one(gone_on: str, book_dir: Path, run: Run) -> None:
    assert gone_on
    shown = run("-C", book_dir, "conflicts")
    assert "--rename ada-2" in shown.err
    (one,) = json.loads(run("-C", book_dir, "conflicts", "-o", "json").out)
    assert one["home"] == "ada-2"
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--rename", "ada-2"))
    assert parents(book_dir) == 2
    assert read(book_dir, "customers/ada.yaml") == OTHER
    assert read(book_dir, "customers/ada-2.yaml") == ADA.replace("fair", "web").replace("boss", "queen")
    assert read(book_dir, "interactions/ada.jsonl") == HERS
    assert read(book_dir, "interactions/ada-2.jsonl") == OLD + NEW
    assert "customer: ada-2\n" in read(book_dir, "deals/big.yaml")
    assert read(book_dir, "cases/late.yaml") == "name: Later\ncustomer: ada-2\n"


def test_a_field_of_the_moved_record_can_be_asked_about(book_dir: Path, run: Run) -> None:
    gave = {**GAVE_AWAY, "customers/ada-2.yaml": ADA.replace("boss", "chief")}
    waits(book_dir, fork(book_dir, BASE, WENT_ON, gave))
    said = run("-C", book_dir, "resolve", "ada", "--rename", "ada-2")
    assert "1 question is left" in said.err
    assert parents(book_dir) == 1
    assert is_fine(run("-C", book_dir, "resolve", "ada-2", "role=ours"))
    assert parents(book_dir) == 2
    assert read(book_dir, "customers/ada-2.yaml") == ADA.replace("boss", "queen")
    assert read(book_dir, "customers/ada.yaml") == OTHER


def test_one_record_never_gets_two_handles(gone_on: str, book_dir: Path, run: Run) -> None:
    for words in (("--rename", "ada-3"), (f"--{gone_on}",), (f"--{gone_on}", "--drop")):
        refused = run("-C", book_dir, "resolve", "ada", *words)
        assert refused.code == 5
        assert "--rename ada-2" in refused.err
    assert parents(book_dir) == 1


def test_what_would_be_lost_is_named_before_it_is(gone_on: str, book_dir: Path, run: Run) -> None:
    keeps = "theirs" if gone_on == "ours" else "ours"
    refused = run("-C", book_dir, "resolve", "--all", f"--{keeps}", "--yes")
    assert refused.code == 5
    assert "1 interaction (000000e2) would be lost" in refused.err
    assert "what was changed of ada-2 would be lost" in refused.err
    assert "deal big" in refused.err
    assert f"--{keeps} --drop" in refused.err
    assert parents(book_dir) == 1
    assert is_fine(run("-C", book_dir, "resolve", "ada", f"--{keeps}", "--drop"))
    assert read(book_dir, "customers/ada.yaml") == OTHER
    assert read(book_dir, "interactions/ada.jsonl") == HERS


def test_a_handle_that_was_removed_and_given_again(book_dir: Path, run: Run) -> None:
    base = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": OLD}
    ours: dict[str, str | None] = {"interactions/ada.jsonl": OLD + NEW, "deals/big.yaml": BIG}
    waits(book_dir, fork(book_dir, base, ours, {"customers/ada.yaml": OTHER, "interactions/ada.jsonl": None}))
    refused = run("-C", book_dir, "resolve", "ada", "--theirs")
    assert refused.code == 5
    assert "1 interaction (000000e2) would be lost; deal big would name the one that stays" in refused.err
    assert "--rename NEW-HANDLE" in refused.err
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--ours"))
    assert read(book_dir, "customers/ada.yaml") == ADA
    assert read(book_dir, "interactions/ada.jsonl") == OLD + NEW


def test_drop_needs_a_side(gone_on: str, book_dir: Path, run: Run) -> None:
    assert gone_on
    refused = run("-C", book_dir, "resolve", "ada", "--rename", "ada-2", "--drop")
    assert refused.code == 2
    assert "which stays" in refused.err


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_who_is_kept_stands_once_where_the_new_layout_has_them(book_dir: Path, run: Run, side: str) -> None:
    """One side goes on with the record, the other removes it and lays the book out anew."""
    crm = (book_dir / "crm.yaml").read_text()
    base = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": OLD}
    went_on: dict[str, str | None] = {
        "customers/ada.yaml": ADA.replace("boss", "queen"),
        "interactions/ada.jsonl": OLD + NEW,
    }
    anew: dict[str, str | None] = {**dict.fromkeys(base), "/crm.yaml": f"{crm}layout: sharded\n"}
    waits(book_dir, fork(book_dir, base, *((went_on, anew) if side == "ours" else (anew, went_on))))
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--keep", "edited"))
    assert parents(book_dir) == 2
    assert read(book_dir, "customers/da/ada.yaml") == ADA.replace("boss", "queen")
    assert read(book_dir, "interactions/da/ada.jsonl") == OLD + NEW
    assert not (book_dir / "records/customers/ada.yaml").exists()
    assert not (book_dir / "records/interactions/ada.jsonl").exists()
    assert is_fine(run("-C", book_dir, "check", "--merges"))
