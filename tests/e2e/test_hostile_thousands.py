"""Ten thousand hostile records, and every command that reads: no traceback, no steering of the terminal, no waiting."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from typing import TYPE_CHECKING

import pytest
from helpers import hostile_book

from crmctl.errors import CONFLICT
from crmctl.errors import FAILED
from crmctl.errors import INVALID
from crmctl.errors import NOT_FOUND
from crmctl.errors import OK
from crmctl.model.kinds import KINDS

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Result
    from conftest import Run

COUNT = 10_000
TIMES = 5
"""So many times of what ``check`` takes, which reads every record with care, may a command take of processor time."""

# What moves a cursor, hides text or turns its direction; a table has line breaks and nothing else of the kind.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
CAN_END = {OK, FAILED, NOT_FOUND, INVALID, CONFLICT}
REFS = ["h0", "h1", "h7", "h42", "h99", "zo", "nobody", "h5\u202e"]
COMMANDS = [
    *([kind.name, "list"] for kind in KINDS),
    *([kind.name, "list", "--limit", "50", "name~a or notes~x", "--sort", "-id"] for kind in KINDS[:3]),
    *([kind.name, "show", ref] for kind in KINDS for ref in REFS[:2]),
    *(["customer", "show", ref] for ref in REFS[2:]),
    *(["timeline", ref] for ref in REFS),
    *(["brief", ref] for ref in REFS),
    *(["history", ref] for ref in REFS[:3]),
    ["find", "a"],
    ["find", "owned"],
    ["find", "+41446681800"],
    ["find", "\x1b[31m", "'"],
    ["today"],
    ["today", "--all", "--days", "400"],
    ["template", "list"],
    ["template", "check"],
    ["segment", "members", "h3"],
    ["campaign", "plan", "h3"],
    ["report", "list"],
    ["fmt", "--check"],
    ["news"],
    ["diff", "HEAD~1..HEAD"],
    ["diff", "HEAD~1..HEAD", "customer", "h1"],
    ["why", "customer", "h1", "name"],
    ["conflicts"],
    ["check"],
    ["doctor"],
    *(["export", kind.name] for kind in KINDS),
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book, made once; nothing here writes to it."""
    from conftest import git

    root = tmp_path_factory.mktemp("hostile")
    (root / "crm.yaml").write_text("name: Test\ncurrency: EUR\ntimezone: Europe/Berlin\ncountry: DE\n")
    who = ["-c", "user.name=Ann Author", "-c", "user.email=ann@example.com"]
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "core.untrackedCache", "true")
    for _ in range(2):
        git(root, "add", "-A")
        git(root, *who, "commit", "-q", "-m", "\x1b[31mhostile\x1b[0m \u202e")
        hostile_book.make(root, COUNT)
    git(root, "add", "-A")
    git(root, *who, "commit", "-q", "--allow-empty", "-m", "hostile")
    return root


def reports(run: Run, book: Path) -> list[list[str]]:
    listed = run("-C", book, "report", "list", "-o", "json")
    return [["report", "run", one["name"]] for one in json.loads(listed.out)]


def well_behaved(done: Result, form: str) -> list[str]:
    """What is wrong with how a command ended and what it wrote."""
    wrong = []
    if done.code not in CAN_END:
        wrong.append(f"ends with {done.code}: {done.err[-300:]}")
    if "Traceback" in done.err or "a bug of ours" in done.err:
        wrong.append(f"not an error in words: {done.err[-300:]}")
    steered = STEERING.search(done.err) or (STEERING.search(done.out) if form == "table" else None)
    if steered:
        wrong.append(f"steers the terminal: {steered[0]!r}")
    if form == "json" and done.out:
        try:
            json.loads(done.out)
        except ValueError as error:
            wrong.append(f"no JSON: {error}: {done.out[:100]!r}")
    if form == "csv" and done.out:
        widths = {len(row) for row in csv.reader(io.StringIO(done.out, newline=""), strict=True)}
        if len(widths) > 1:
            wrong.append(f"no table: rows of {sorted(widths)} cells")
    return wrong


def _spent() -> float:
    """Seconds of processor time so far, of this process and its children."""
    return sum(os.times()[:4])


@pytest.mark.slow
@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_every_command_that_reads(hostile: Path, run: Run, form: str) -> None:
    wrong = []
    took_part = 0
    listed = run("-C", hostile, "customer", "list", "-o", "ids")
    assert len(listed.out.split()) > 2_000
    assert listed.code == INVALID
    before = _spent()
    run("-C", hostile, "check")
    most = TIMES * (_spent() - before)
    for words in [*COMMANDS, *reports(run, hostile)]:
        before = _spent()
        done = run("-C", hostile, *words, "-o", form)
        if done.code == 2 and "-o" in done.err:
            if form != "table" or words[0] == "export":
                continue  # It has no such form; a file for other programs has no table.
            done = run("-C", hostile, *words)
        took = _spent() - before
        took_part += 1
        if took > most:
            wrong.append(f"{words}: {took:.0f} s, where {most:.0f} would do")
        wrong += [f"{' '.join(words)}: {one}" for one in well_behaved(done, form)]
    assert not wrong, "\n".join(wrong)
    assert took_part > 40


def test_a_record_that_steers_is_noticed() -> None:
    from conftest import Result

    assert well_behaved(Result(0, "a\x1b[31m\n", ""), "table")
    assert well_behaved(Result(70, "", "crmctl: a bug of ours"), "csv")
    assert not well_behaved(Result(4, "fine\n", "crmctl: words\n"), "table")
