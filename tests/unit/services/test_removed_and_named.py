"""One side removed a record, the other named it meanwhile: a question, and both answers leave a whole book."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from helpers.books import git
from helpers.two_sides import ADA
from helpers.two_sides import BIG
from helpers.two_sides import LINE
from helpers.two_sides import fork
from helpers.two_sides import is_fine
from helpers.two_sides import parents
from helpers.two_sides import read
from helpers.two_sides import waits

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

CALL = 'id: 01J0000000000000000000000F\nwhat: call her\ndue: "2026-04-01"\ncustomer: ada\ndeal: big\n'
LATE = "id: 01J0000000000000000000000G\nname: Late\ncustomer: bob\n"
BOB = "id: 01J0000000000000000000000B\nname: Bob\n"
OLD = LINE % (1, 1, "old")
BASE = {
    "customers/ada.yaml": ADA,
    "customers/bob.yaml": BOB,
    "interactions/ada.jsonl": OLD,
    "cases/late.yaml": LATE,
}
REMOVED: dict[str, str | None] = {"customers/ada.yaml": None, "interactions/ada.jsonl": None}
NAMED: dict[str, str | None] = {"deals/big.yaml": BIG, "followups/call.yaml": CALL}


@pytest.fixture(params=["ours", "theirs"])
def removed_by(request: pytest.FixtureRequest, book_dir: Path) -> str:
    """The side that removed Ada; the other made a deal with her, and promised to call."""
    side = str(request.param)
    sides = (REMOVED, NAMED) if side == "ours" else (NAMED, REMOVED)
    waits(book_dir, fork(book_dir, BASE, *sides))
    return side


def stands(book: Path, *names: str) -> list[bool]:
    return [(book / "records" / name).exists() for name in names]


FILES = ("customers/ada.yaml", "interactions/ada.jsonl", "deals/big.yaml", "followups/call.yaml")


def test_it_is_one_question_that_says_what_names_whom(removed_by: str, book_dir: Path, run: Run) -> None:
    (one,) = json.loads(run("-C", book_dir, "conflicts", "-o", "json").out)
    assert (one["kind"], one["handle"], one["what"]) == ("customer", "ada", "removed")
    mine, other = ("yours", "theirs") if removed_by == "ours" else ("theirs", "yours")
    assert one[f"{mine}_words"] == "removed"
    assert one[f"{other}_words"] == "named by deal big, followup call"
    assert "removed it, and deal big, followup call name" in one["reason"]
    assert one[f"{mine}_by"] != one[f"{other}_by"]
    assert "--keep removed (or edited)" in run("-C", book_dir, "conflicts").err


def test_the_customer_comes_back_as_it_was(removed_by: str, book_dir: Path, run: Run) -> None:
    assert removed_by
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--keep", "edited"))
    assert parents(book_dir) == 2
    assert stands(book_dir, *FILES) == [True] * 4
    assert read(book_dir, "customers/ada.yaml") == ADA
    assert read(book_dir, "interactions/ada.jsonl") == OLD
    assert run("-C", book_dir, "check").code == 0
    assert is_fine(run("-C", book_dir, "check", "--merges"))


def test_or_goes_with_what_names_it(removed_by: str, book_dir: Path, run: Run) -> None:
    assert removed_by
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--keep", "removed"))
    assert parents(book_dir) == 2
    assert stands(book_dir, *FILES) == [False] * 4
    assert run("-C", book_dir, "check").code == 0
    assert is_fine(run("-C", book_dir, "check", "--merges"))
    assert git(book_dir, "status", "--porcelain") == ""


def test_two_answers_at_once_are_none(removed_by: str, book_dir: Path, run: Run) -> None:
    assert removed_by
    for words in (("--ours", "--theirs"), ("--theirs", "--ours"), ("--ours", "--keep", "removed")):
        refused = run("-C", book_dir, "resolve", "ada", *words)
        assert refused.code == 2
        assert "one way to answer at a time" in refused.err
    assert parents(book_dir) == 1


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_what_was_there_before_does_not_go(book_dir: Path, run: Run, side: str) -> None:
    named = {**NAMED, "cases/late.yaml": LATE.replace("bob", "ada")}
    waits(book_dir, fork(book_dir, BASE, *((REMOVED, named) if side == "ours" else (named, REMOVED))))
    refused = run("-C", book_dir, "resolve", "ada", "--keep", "removed")
    assert refused.code == 5
    assert "customer ada cannot go: case late names it" in refused.err
    assert "--keep edited" in refused.err
    assert parents(book_dir) == 1
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--keep", "edited"))
    assert run("-C", book_dir, "check").code == 0


def test_other_records_too_and_what_names_those_that_go(book_dir: Path, run: Run) -> None:
    """A deal is removed; a follow-up of the other side names it."""
    base = {**BASE, "deals/big.yaml": BIG}
    waits(book_dir, fork(book_dir, base, {"deals/big.yaml": None}, {"followups/call.yaml": CALL}))
    (one,) = json.loads(run("-C", book_dir, "conflicts", "-o", "json").out)
    assert (one["kind"], one["handle"], one["theirs_words"]) == ("deal", "big", "named by followup call")
    assert is_fine(run("-C", book_dir, "resolve", "deal", "big", "--keep", "removed"))
    assert stands(book_dir, *FILES) == [True, True, False, False]


def test_edited_and_named_is_still_one_question(book_dir: Path, run: Run) -> None:
    named = {
        **NAMED,
        "customers/ada.yaml": ADA.replace("boss", "queen"),
        "interactions/ada.jsonl": OLD + LINE % (2, 2, "new"),
    }
    waits(book_dir, fork(book_dir, BASE, REMOVED, named))
    (one,) = json.loads(run("-C", book_dir, "conflicts", "-o", "json").out)
    assert one["theirs_words"] == "changed role, 1 new interaction, named by deal big, followup call"
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--keep", "removed"))
    assert stands(book_dir, *FILES) == [False] * 4


def test_what_named_it_before_asks_nothing(book_dir: Path, run: Run) -> None:
    """Whoever removed it has seen that, and forced it; the other side only changed something else."""
    base = {**BASE, "deals/big.yaml": BIG}
    changed = {"deals/big.yaml": BIG.replace("100.00", "200.00")}
    waits(book_dir, fork(book_dir, base, REMOVED, changed))
    assert run("-C", book_dir, "conflicts", "-o", "ids").out == ""


def test_a_new_name_is_followed_and_not_asked_about(book_dir: Path, run: Run) -> None:
    renamed = {**REMOVED, "customers/ada-b.yaml": ADA, "interactions/ada-b.jsonl": OLD}
    waits(book_dir, fork(book_dir, BASE, renamed, NAMED))
    assert run("-C", book_dir, "conflicts", "-o", "ids").out == ""
