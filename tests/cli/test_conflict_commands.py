"""``conflicts`` and ``resolve`` for a sync that waits: what is shown, what can be answered, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest
from helpers.books import git
from helpers.two_sides import ADA
from helpers.two_sides import BIG
from helpers.two_sides import BIG_ID
from helpers.two_sides import BOB_ID
from helpers.two_sides import LINE
from helpers.two_sides import commit_as
from helpers.two_sides import fork
from helpers.two_sides import is_fine
from helpers.two_sides import parents
from helpers.two_sides import put
from helpers.two_sides import read
from helpers.two_sides import waits

from crmctl.cli import complete
from crmctl.cli.app import App
from crmctl.services.book import Book
from crmctl.services.joining.conflicts import load

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

FOLLOWUP = 'id: 01J0000000000000000000000F\nwhat: Call\ndue: "2026-03-01"\ncustomer: ada\n'


@pytest.fixture
def waiting(book_dir: Path) -> Path:
    """Ann and Bob changed Ada's role and source, a deal's amount, a follow-up's day; Bob removed Eve, Ann did not."""
    eve = f"id: {BOB_ID}\nname: Eve\n"
    base = {
        "customers/ada.yaml": ADA,
        "customers/eve.yaml": eve,
        "deals/big.yaml": BIG,
        "followups/call.yaml": FOLLOWUP,
    }
    ours: dict[str, str | None] = {
        "customers/ada.yaml": ADA.replace("boss", "chief").replace("fair", "web"),
        "customers/eve.yaml": f"{eve}role: friend\n",
        "deals/big.yaml": BIG.replace("100", "200"),
        "followups/call.yaml": FOLLOWUP.replace("03-01", "03-02"),
    }
    theirs: dict[str, str | None] = {
        "customers/ada.yaml": ADA.replace("boss", "queen").replace("fair", "book"),
        "customers/eve.yaml": None,
        "deals/big.yaml": BIG.replace("100", "300"),
        "followups/call.yaml": FOLLOWUP.replace("03-01", "03-03"),
    }
    waits(book_dir, fork(book_dir, base, ours, theirs))
    return book_dir


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A person at the terminal; what they type, in order."""
    given: list[str] = []
    monkeypatch.setattr(App, "can_ask", True)
    monkeypatch.setattr(click, "prompt", lambda *_, **__: given.pop(0))
    return given


def fields(run: Run, book: Path) -> list[tuple[str, str]]:
    found = run("-C", book, "conflicts", "-o", "jsonl")
    return [(one["handle"], one["field"]) for one in map(json.loads, found.out.splitlines())]


def test_nothing_waits(book_dir: Path, run: Run) -> None:
    for command in ("conflicts", "resolve"):
        found = run("-C", book_dir, command)
        assert (found.code, found.out) == (0, "")
        assert "No conflicts." in found.err
    assert run("-C", book_dir, "conflicts", "-o", "json").out == "[]\n"


def test_questions_in_a_table(waiting: Path, run: Run) -> None:
    found = run("-C", waiting, "conflicts")
    assert found.code == 5
    header, _, *rows = found.out.splitlines()
    assert header.split() == ["record", "field", "before", "yours", "theirs"]
    assert [row.split("  ")[0] for row in rows] == [
        "customer ada",
        "customer ada",
        "customer eve",
        "deal big",
        "followup call",
    ]
    assert "chief (Ann, " in rows[0]
    assert "queen (Bob, " in rows[0]
    assert "changed role (Ann, " in rows[2]
    assert "removed (Bob, " in rows[2]
    assert "5 questions. Answer: crmctl resolve ada role=ours" in found.err


def test_questions_about_one_record(waiting: Path, run: Run) -> None:
    for words in (("eve",), ("customer", "eve"), ("records/customers/eve.yaml",), ("Eve",)):
        found = run("-C", waiting, "conflicts", *words, "-o", "ids")
        assert found.out == "eve\n"
        assert "--keep removed" in found.err
    nobody = run("-C", waiting, "conflicts", "zoe")
    assert nobody.code == 3
    assert "nothing is asked about 'zoe'" in nobody.err


def test_a_book_with_questions_stays_usable_and_says_so(waiting: Path, run: Run) -> None:
    run("-C", waiting, "resolve", "ada", "role=ours")
    for command in (("customer", "show"), ("brief",)):
        shown = run("-C", waiting, *command, "ada")
        assert is_fine(shown)
        assert "ada has an open question: crmctl conflicts ada" in shown.err
    run("-C", waiting, "resolve", "ada", "source=ours")
    assert "open question" not in run("-C", waiting, "customer", "show", "ada").err
    assert is_fine(run("-C", waiting, "customer", "add", "Zoe"))
    assert len(fields(run, waiting)) == 3


def test_everything_answered_makes_the_merge(waiting: Path, run: Run) -> None:
    said = run("-C", waiting, "resolve", "ada", "role=theirs", "source=phone book")
    assert "Answered 2 questions." in said.err
    assert "3 questions are left" in said.err
    assert parents(waiting) == 1
    assert is_fine(run("-C", waiting, "resolve", "eve", "--keep", "removed"))
    assert is_fine(run("-C", waiting, "resolve", "big", "amount=1.234,50"))
    said = run("-C", waiting, "--now", "2026-03-10", "resolve", "call", "due=fri")
    assert is_fine(said)
    assert "due Fri 2026-03-13." in said.err
    assert "Send it: crmctl sync" in said.err
    assert parents(waiting) == 2
    assert read(waiting, "customers/ada.yaml") == ADA.replace("boss", "queen").replace("fair", "phone book")
    assert not (waiting / "records/customers/eve.yaml").exists()
    assert "1234.50" in read(waiting, "deals/big.yaml")
    assert "2026-03-13" in read(waiting, "followups/call.yaml")
    assert git(waiting, "status", "--porcelain") == ""
    assert load(Book(waiting)) is None
    assert is_fine(run("-C", waiting, "conflicts"))
    assert is_fine(run("-C", waiting, "check", "--merges"))


def test_all_at_once(waiting: Path, run: Run) -> None:
    refused = run("-C", waiting, "resolve", "--all", "--theirs")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert is_fine(run("-C", waiting, "resolve", "--all", "--theirs", "--yes"))
    assert parents(waiting) == 2
    for name in ("customers/ada.yaml", "deals/big.yaml", "followups/call.yaml"):
        assert read(waiting, name) == git(waiting, "show", f"theirs:records/{name}")
    assert not (waiting / "records/customers/eve.yaml").exists()


def test_a_result_for_a_program(waiting: Path, run: Run) -> None:
    said = json.loads(run("-C", waiting, "resolve", "ada", "--ours", "-o", "json").out)
    assert (said["answered"], said["left"], said["done"], said["name"]) == (2, 3, False, "sync")
    said = json.loads(run("-C", waiting, "resolve", "--all", "--ours", "--yes", "-o", "json").out)
    assert (said["answered"], said["left"], said["done"]) == (3, 0, True)
    assert said["commit"] == git(waiting, "rev-parse", "HEAD").strip()


def test_the_very_word_ours_can_be_a_value(waiting: Path, run: Run) -> None:
    assert is_fine(run("-C", waiting, "resolve", "ada", "role:=ours", "source:=Theirs"))
    run("-C", waiting, "resolve", "--all", "--ours", "--yes")
    assert read(waiting, "customers/ada.yaml") == ADA.replace("boss", "ours").replace("fair", "Theirs")


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("ada", "phone=1"), 2, "nothing is asked about phone"),
        (("ada",), 2, "role=ours"),
        (("--ours",), 2, "about which record?"),
        (("ada", "--ours", "role=theirs"), 2, "one way to answer at a time"),
        (("ada", "--all", "--ours", "-y"), 2, "either --all or ada"),
        (("ada", "--keep", "removed"), 2, "no side removed"),
        (("ada", "--rename", "ada-2"), 2, "two different records"),
        (("call", "due=someday"), 2, "someday"),
        (("big", "amount=lots"), 4, "amount"),
        ((), 2, "crmctl conflicts shows all"),
    ],
)
def test_answers_that_do_not_fit(waiting: Path, run: Run, words: tuple[str, ...], code: int, reason: str) -> None:
    refused = run("-C", waiting, "resolve", *words)
    assert refused.code == code, refused.err
    assert reason in refused.err
    assert len(fields(run, waiting)) == 5


def test_answers_survive_other_commits_but_not_other_values(waiting: Path, run: Run) -> None:
    run("-C", waiting, "resolve", "ada", "--theirs")
    assert is_fine(run("-C", waiting, "customer", "set", "ada", "website=https://example.com"))
    assert ("ada", "role") not in fields(run, waiting)
    assert is_fine(run("-C", waiting, "customer", "set", "ada", "role=head"))
    assert fields(run, waiting)[0] == ("ada", "role")
    assert ("ada", "source") not in fields(run, waiting)


def test_answers_survive_a_remote_that_moved(waiting: Path, run: Run) -> None:
    run("-C", waiting, "resolve", "ada", "--theirs")
    git(waiting, "switch", "-q", "theirs")
    moved = commit_as(waiting, "Bob", {"followups/call.yaml": FOLLOWUP.replace("03-01", "04-01")})
    git(waiting, "switch", "-q", "main")
    before = load(Book(waiting))
    assert before is not None
    from crmctl.services.joining.conflicts import save

    save(Book(waiting), before._replace(theirs=moved))
    assert fields(run, waiting) == [("eve", ""), ("big", "amount"), ("call", "due")]


def test_two_people_found_by_a_sync(book_dir: Path, run: Run, answers: list[str]) -> None:
    other = f"id: {BOB_ID}\nname: Ada Byron\n"
    ours: dict[str, str | None] = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": LINE % (1, 1, "to ours")}
    theirs: dict[str, str | None] = {"customers/ada.yaml": other, "interactions/ada.jsonl": LINE % (2, 2, "to theirs")}
    eve = f"id: {BIG_ID}\nname: Eve\n"
    ours["customers/eve.yaml"], theirs["customers/eve.yaml"] = f"{eve}role: friend\n", f"{eve}role: foe\n"
    waits(book_dir, fork(book_dir, {"customers/eve.yaml": eve}, ours, theirs))
    said = run("-C", book_dir, "resolve", "eve", "role=theirs")
    assert "1 question is left" in said.err
    shown = run("-C", book_dir, "conflicts")
    assert "two records" in shown.out
    assert "join the two records afterwards" in shown.err
    answers += ["r", "eve", "r", "ada-2"]
    assert is_fine(run("-C", book_dir, "resolve"))
    assert answers == []
    assert read(book_dir, "interactions/ada-2.jsonl") == theirs["interactions/ada.jsonl"]
    assert read(book_dir, "interactions/ada.jsonl") == ours["interactions/ada.jsonl"]
    assert parents(book_dir) == 2
    assert is_fine(run("-C", book_dir, "check", "--merges"))


def test_a_record_that_they_renamed_answers_to_its_old_handle_too(book_dir: Path, run: Run) -> None:
    ours: dict[str, str | None] = {"customers/ada.yaml": ADA.replace("boss", "chief")}
    theirs: dict[str, str | None] = {
        "customers/ada.yaml": None,
        "customers/lovelace.yaml": ADA.replace("boss", "queen"),
    }
    waits(book_dir, fork(book_dir, {"customers/ada.yaml": ADA}, ours, theirs))
    assert fields(run, book_dir) == [("lovelace", "role")]
    assert is_fine(run("-C", book_dir, "resolve", "ada", "role=ours"))
    assert "role: chief" in read(book_dir, "customers/lovelace.yaml")


def test_interactions_that_a_removal_takes_along_are_shown(book_dir: Path, run: Run) -> None:
    base = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": LINE % (1, 1, "old")}
    theirs = (LINE % (1, 1, "old")) + (LINE % (2, 2, "new")) + (LINE % (3, 3, "newer"))
    gone: dict[str, str | None] = {"customers/ada.yaml": None, "interactions/ada.jsonl": None}
    waits(book_dir, fork(book_dir, base, gone, {"interactions/ada.jsonl": theirs}))
    shown = run("-C", book_dir, "conflicts")
    assert "2 new interactions (Bob, " in shown.out
    assert "1 question." in shown.err
    assert "Answered 1 question." in run("-C", book_dir, "resolve", "ada", "--keep", "edited").err
    assert read(book_dir, "interactions/ada.jsonl") == theirs


def test_other_files_are_told_apart_from_what_cannot_be_read(book_dir: Path, run: Run) -> None:
    base = {"/templates/hi.txt": "Hi {{ name }}\n", "/templates/bye.txt": "Bye {{ name }}\n"}
    ours: dict[str, str | None] = {"/templates/hi.txt": "Hello {{ name }}\n", "/templates/bye.txt": "{{ x }}\n"}
    theirs: dict[str, str | None] = {"/templates/hi.txt": "Hey {{ name }}\n", "/templates/bye.txt": None}
    waits(book_dir, fork(book_dir, base, ours, theirs))
    bye, hi = run("-C", book_dir, "conflicts").out.splitlines()[2:]
    assert "15 bytes" in bye
    assert "edited (Ann, " in bye
    assert "  14 bytes  " in hi
    assert "17 bytes (Ann, " in hi


def test_the_texts_of_a_removed_interaction(book_dir: Path, run: Run, answers: list[str]) -> None:
    base = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": (LINE % (1, 1, "was")) + (LINE % (2, 2, "x"))}
    ours: dict[str, str | None] = {"interactions/ada.jsonl": LINE % (2, 2, "x")}
    theirs: dict[str, str | None] = {"interactions/ada.jsonl": (LINE % (1, 1, "is")) + (LINE % (2, 2, "x"))}
    waits(book_dir, fork(book_dir, base, ours, theirs))
    (row,) = run("-C", book_dir, "conflicts").out.splitlines()[2:]
    assert "  was  " in row
    assert "  is (Bob, " in row
    answers += ["q"]
    said = run("-C", book_dir, "resolve").err
    assert "before  was" in said
    assert "theirs  is  (Bob, " in said


def test_one_question_after_the_other(waiting: Path, run: Run, answers: list[str]) -> None:
    answers += ["o", "t", "s", "q"]
    said = run("-C", waiting, "resolve")
    assert is_fine(said)
    assert answers == []
    assert "1 of 5: customer ada (Ada), role" in said.err
    assert "theirs  queen  (Bob, " in said.err
    assert fields(run, waiting) == [("eve", ""), ("big", "amount"), ("call", "due")]


def test_a_value_is_typed_until_it_fits(waiting: Path, run: Run, answers: list[str]) -> None:
    run("-C", waiting, "resolve", "ada", "--ours")
    answers += ["o", "e", "lots", "e", "500", "e", "2026-05-05"]
    said = run("-C", waiting, "resolve")
    assert is_fine(said)
    assert answers == []
    assert "lots" in said.err
    assert parents(waiting) == 2
    assert "500.00" in read(waiting, "deals/big.yaml")
    assert "2026-05-05" in read(waiting, "followups/call.yaml")


def test_a_text_of_several_lines_opens_the_editor(
    book_dir: Path, run: Run, answers: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    notes = f"{ADA}notes: |\n  one\n  two\n"
    ours, theirs = notes.replace("two", "ours"), notes.replace("two", "theirs")
    waits(
        book_dir,
        fork(book_dir, {"customers/ada.yaml": notes}, {"customers/ada.yaml": ours}, {"customers/ada.yaml": theirs}),
    )
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\ngrep -v "^one" "$1" | sort > "$1.new" && mv "$1.new" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    answers += ["e"]
    assert is_fine(run("-C", book_dir, "resolve"))
    assert read(book_dir, "customers/ada.yaml") == f"{ADA}notes: |-\n  ours\n  theirs\n"
    assert not list((book_dir / ".git/crmctl").glob("answer-*"))


def test_a_file_that_is_edited_by_hand_is_not_lost(waiting: Path, run: Run) -> None:
    put(waiting, {"customers/eve.yaml": f"id: {BOB_ID}\nname: Eve\nrole: by hand\n"})
    refused = run("-C", waiting, "resolve", "--all", "--theirs", "--yes")
    assert refused.code == 5
    assert "customers/eve.yaml" in refused.err
    assert "by hand" in read(waiting, "customers/eve.yaml")
    assert parents(waiting) == 1
    git(waiting, "checkout", "-q", "--", "records/customers/eve.yaml")
    assert is_fine(run("-C", waiting, "resolve"))
    assert parents(waiting) == 2


def test_an_amount_and_its_currency_are_typed_as_the_hint_says(book_dir: Path, run: Run) -> None:
    ours = {"deals/big.yaml": BIG.replace("100", "120").replace("EUR", "CHF")}
    theirs = {"deals/big.yaml": BIG.replace("100", "130").replace("EUR", "USD")}
    waits(book_dir, fork(book_dir, {"deals/big.yaml": BIG}, ours, theirs))
    form = "amount=120.00 currency=CHF"
    assert form in run("-C", book_dir, "conflicts").err
    assert form in run("-C", book_dir, "resolve", "big").err
    assert form in run("-C", book_dir, "resolve", "big", "amount=125").err
    assert is_fine(run("-C", book_dir, "resolve", "big", *form.split()))
    assert read(book_dir, "deals/big.yaml") == ours["deals/big.yaml"]


def test_what_is_asked_about_is_completed(waiting: Path) -> None:
    def offered(typed: str, *words: str, fields: bool = True) -> list[str]:
        app = App()
        app.folder = str(waiting)
        context = click.Context(click.Command("resolve"), obj=app)
        context.params["words"] = words
        return [item.value for item in complete.questions(context, typed, fields=fields)]

    assert offered("") == ["ada", "big", "call", "eve"]
    assert offered("", "deal") == ["big"]
    assert offered("a") == ["ada"]
    assert offered("", "ada") == ["role=", "source="]
    assert offered("ro", "customer", "ada", "source=ours") == ["role="]
    assert offered("role=t", "ada") == ["role=theirs"]
    assert offered("", "ada", fields=False) == []
    assert offered("", "nobody") == []
