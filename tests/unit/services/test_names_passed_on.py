"""Records that one side gave each other's names: what the other side did meanwhile goes to the one it was done to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from helpers.two_sides import LINE
from helpers.two_sides import fork
from helpers.two_sides import is_fine
from helpers.two_sides import parents
from helpers.two_sides import read
from helpers.two_sides import waits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from conftest import Run


def person(number: int, more: str = "") -> str:
    return f"id: 01J000000000000000000000P{number}\nname: Person {number}\nrole: boss\n{more}"


def call(who: str) -> str:
    return f"id: 01J0000000000000000000000F\nwhat: call\ndue: '2026-04-01'\ncustomer: {who}\n"


OLD = {number: LINE % (number, number, f"of {number}") for number in (3, 4)}
NEW = LINE % (5, 5, "new")
BASE = {
    "customers/p.yaml": person(4),
    "customers/r.yaml": person(3),
    "interactions/p.jsonl": OLD[4],
    "interactions/r.jsonl": OLD[3],
}
CHAIN: dict[str, str | None] = {
    "customers/p.yaml": None,
    "interactions/p.jsonl": None,
    "customers/r.yaml": person(4),
    "interactions/r.jsonl": OLD[4],
    "customers/r4.yaml": person(3),
    "interactions/r4.jsonl": OLD[3],
}
"""r is r4 now, and p is r."""
TAKEN: dict[str, str | None] = {
    "customers/p.yaml": None,
    "interactions/p.jsonl": None,
    "customers/r.yaml": person(4),
    "interactions/r.jsonl": OLD[4],
}
"""r is gone, and p is r."""
SWAP: dict[str, str | None] = {
    "customers/p.yaml": person(3),
    "interactions/p.jsonl": OLD[3],
    "customers/r.yaml": person(4),
    "interactions/r.jsonl": OLD[4],
}


@pytest.fixture(params=["ours", "theirs"])
def side(request: pytest.FixtureRequest) -> str:
    """The side that gave the names."""
    return str(request.param)


def joined(book: Path, run: Run, side: str, named: Mapping[str, str | None], other: Mapping[str, str | None]) -> None:
    waits(book, fork(book, BASE, *((named, other) if side == "ours" else (other, named))))
    assert run("-C", book, "conflicts", "-o", "ids").out == ""
    done = run("-C", book, "resolve")
    assert is_fine(done), done
    assert parents(book) == 2
    assert run("-C", book, "check").code == 0
    assert is_fine(run("-C", book, "check", "--merges"))


def test_both_were_written_to(book_dir: Path, run: Run, side: str) -> None:
    other = {"customers/p.yaml": person(4, "notes: four\n"), "customers/r.yaml": person(3, "notes: three\n")}
    joined(book_dir, run, side, CHAIN, other)
    assert read(book_dir, "customers/r.yaml") == person(4, "notes: four\n")
    assert read(book_dir, "customers/r4.yaml") == person(3, "notes: three\n")
    assert not (book_dir / "records/customers/p.yaml").exists()
    assert read(book_dir, "interactions/r.jsonl") == OLD[4]
    assert read(book_dir, "interactions/r4.jsonl") == OLD[3]


@pytest.mark.parametrize(("who", "now"), [("p", "r"), ("r", "r4")])
def test_a_call_and_what_was_promised_go_to_whom_they_are_about(
    book_dir: Path, run: Run, side: str, who: str, now: str
) -> None:
    number = 4 if who == "p" else 3
    joined(
        book_dir, run, side, CHAIN, {f"interactions/{who}.jsonl": OLD[number] + NEW, "followups/call.yaml": call(who)}
    )
    assert read(book_dir, f"interactions/{now}.jsonl") == OLD[number] + NEW
    assert f"customer: {now}\n" in read(book_dir, "followups/call.yaml")
    assert not (book_dir / "records/interactions/p.jsonl").exists()


def test_the_name_of_one_who_was_removed(book_dir: Path, run: Run, side: str) -> None:
    joined(
        book_dir,
        run,
        side,
        TAKEN,
        {"customers/p.yaml": person(4, "notes: four\n"), "interactions/p.jsonl": OLD[4] + NEW},
    )
    assert read(book_dir, "customers/r.yaml") == person(4, "notes: four\n")
    assert read(book_dir, "interactions/r.jsonl") == OLD[4] + NEW
    assert not (book_dir / "records/customers/p.yaml").exists()


def test_two_who_took_each_others_names(book_dir: Path, run: Run, side: str) -> None:
    other = {
        "customers/p.yaml": person(4, "notes: four\n"),
        "interactions/r.jsonl": OLD[3] + NEW,
        "followups/call.yaml": call("p"),
    }
    joined(book_dir, run, side, SWAP, other)
    assert read(book_dir, "customers/r.yaml") == person(4, "notes: four\n")
    assert read(book_dir, "customers/p.yaml") == person(3)
    assert read(book_dir, "interactions/p.jsonl") == OLD[3] + NEW
    assert "customer: r\n" in read(book_dir, "followups/call.yaml")


def test_no_answer_puts_one_record_at_two_places(book_dir: Path, run: Run, side: str) -> None:
    """Who was removed was written about too, so somebody has to say; what comes of it can always be sent."""
    other = {"customers/p.yaml": person(4, "notes: four\n"), "followups/call.yaml": call("r")}
    waits(book_dir, fork(book_dir, BASE, *((TAKEN, other) if side == "ours" else (other, TAKEN))))
    for number in range(4):
        asked = json.loads(run("-C", book_dir, "conflicts", "-o", "json").out)
        if not asked:
            break
        one = asked[0]
        for words in (("--keep", "edited"), ("--ours", "--drop"), ("--theirs", "--drop"), ("--keep", "removed")):
            if run("-C", book_dir, "resolve", one["kind"], one["handle"], *words).code == 0:
                break
        assert number < 3, asked
    names = [read(book_dir, f"customers/{file.name}") for file in (book_dir / "records/customers").glob("*.yaml")]
    ids = [text.split("\n")[0] for text in names]
    assert len(set(ids)) == len(ids), ids
