"""``check --merges``: whoever made a merge, what it lost or invented is named."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from helpers.books import git
from helpers.two_sides import ADA
from helpers.two_sides import ADA_ID
from helpers.two_sides import BIG
from helpers.two_sides import BOB_ID
from helpers.two_sides import LINE
from helpers.two_sides import commit_as
from helpers.two_sides import fork
from helpers.two_sides import put

from crmctl.errors import NotFound
from crmctl.services.book import Book
from crmctl.services.checking.merges import CHECKED
from crmctl.services.checking.merges import check_merges
from crmctl.vcs.mergegraph import Graph

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

Files = dict[str, str | None]


def merged(root: Path, files: Files, *branches: str) -> str:
    """A merge commit as anything might make it: with exactly these files changed in ours."""
    git(root, "merge", "-q", "--no-ff", "--no-commit", "-s", "ours", *(branches or ("theirs",)))
    put(root, files)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "merge")
    return git(root, "rev-parse", "HEAD").strip()


def found(root: Path) -> list[tuple[str, str]]:
    """(code, field) of each problem."""
    problems = check_merges(Book(root)).problems
    return [(problem.code, problem.message.split(": ")[1] if ": " in problem.message else "") for problem in problems]


OURS = {"customers/ada.yaml": ADA.replace("boss", "chief")}
THEIRS = {"customers/ada.yaml": ADA.replace("fair", "web")}
BOTH = ADA.replace("boss", "chief").replace("fair", "web")


def test_an_answer_goes_to_its_place_in_the_layout_of_the_merge(book_dir: Path) -> None:
    """One side laid the book out anew and removed Ada, the other changed her; she was kept."""
    settings = (book_dir / "crm.yaml").read_text().replace("layout: flat", "layout: sharded")
    kept = OURS["customers/ada.yaml"]
    fork(book_dir, {"customers/ada.yaml": ADA}, OURS, {"/crm.yaml": settings, "customers/ada.yaml": None})
    merged(book_dir, {"/crm.yaml": settings, "customers/ada.yaml": None, "customers/da/ada.yaml": kept})
    assert found(book_dir) == []
    put(book_dir, {"customers/da/bob.yaml": ADA.replace(ADA_ID, BOB_ID)})
    git(book_dir, "add", "-A")
    git(book_dir, "commit", "-q", "--amend", "--no-edit")
    assert found(book_dir) == [("merge-invented", "neither side has it")]


@pytest.mark.parametrize(
    ("result", "problems"),
    [
        (BOTH, []),
        (BOTH + "# a comment\n", []),
        (OURS["customers/ada.yaml"], [("merge-lost", "source")]),
        (THEIRS["customers/ada.yaml"], [("merge-lost", "role")]),
        (ADA, [("merge-lost", "role"), ("merge-lost", "source")]),
        (BOTH.replace("lead", "lost"), [("merge-invented", "lifecycle")]),
        (BOTH + "website: https://example.com\n", [("merge-invented", "website")]),
        (BOTH.replace("lifecycle: lead\n", ""), [("merge-lost", "lifecycle")]),
        (BOTH + "role: chief\n", [("merge-unreadable", "it cannot be read")]),
        (None, [("merge-lost", "it is gone, though no merge of the two takes it away")]),
    ],
)
def test_a_record_that_both_changed(book_dir: Path, result: str | None, problems: list[tuple[str, str]]) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {**OURS}, {**THEIRS})
    merged(book_dir, {"customers/ada.yaml": result})
    assert [(code, field.partition(",")[0]) for code, field in found(book_dir)] == [
        (code, field.partition(",")[0]) for code, field in problems
    ]


@pytest.mark.parametrize(
    ("result", "problems"),
    [
        ({}, [("merge-lost", "role")]),
        ({"customers/ada.yaml": ADA.replace("boss", "chief")}, []),
        ({"customers/ada.yaml": ADA.replace("boss", "king")}, [("merge-invented", "role")]),
        (
            {"customers/ada.yaml": ADA.replace("boss", "chief"), "customers/zoe.yaml": "name: Zoe\n"},
            [("merge-invented", "neither side has it")],
        ),
    ],
)
def test_a_record_that_one_side_changed(book_dir: Path, result: Files, problems: list[tuple[str, str]]) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/eve.yaml": "name: Eve\n"}, {**OURS})
    merged(book_dir, result)
    assert found(book_dir) == problems


def test_a_removed_record_that_is_back(book_dir: Path) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/eve.yaml": "name: Eve\n"}, {"customers/ada.yaml": None})
    merged(book_dir, {})
    assert found(book_dir) == [("merge-invented", "it is back, though one side removed it")]


@pytest.mark.parametrize(
    ("result", "problems"),
    [
        ("boss", []),  # Somebody decided: any answer will do.
        ("chief", []),
        ("queen", []),
        ("both", []),
        ("chief\n<<<<<<< ours", ["merge-unreadable"]),
    ],
)
def test_what_is_a_question_may_have_any_answer(book_dir: Path, result: str, problems: list[str]) -> None:
    ours, theirs = (ADA.replace("boss", role) for role in ("chief", "queen"))
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": ours}, {"customers/ada.yaml": theirs})
    merged(book_dir, {"customers/ada.yaml": ADA.replace("boss", result)})
    assert [code for code, _ in found(book_dir)] == problems


def test_beside_a_question_nothing_may_be_lost(book_dir: Path) -> None:
    ours, theirs = ADA.replace("boss", "chief"), ADA.replace("boss", "queen").replace("fair", "web")
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": ours}, {"customers/ada.yaml": theirs})
    merged(book_dir, {})
    assert found(book_dir) == [("merge-lost", "source")]


def test_amounts_and_their_currency_are_one_answer(book_dir: Path) -> None:
    ours, theirs = BIG.replace("100", "200"), BIG.replace("EUR", "USD")
    fork(book_dir, {"deals/big.yaml": BIG}, {"deals/big.yaml": ours}, {"deals/big.yaml": theirs})
    merged(book_dir, {"deals/big.yaml": ours.replace("EUR", "USD")})
    assert found(book_dir) == []


def test_what_fits_each_side_but_not_both_may_have_any_answer(book_dir: Path) -> None:
    pipelines = 'pipelines:\n  sales:\n    lead: "10"\n    won: won\n  support:\n    asked: "10"\n    lead: "50"\n'
    base = f"{BIG}pipeline: sales\nstage: lead\n"
    settings = (book_dir / "crm.yaml").read_text() + pipelines
    theirs = {"deals/big.yaml": base.replace("sales", "support")}
    ours = {"deals/big.yaml": base.replace(": lead", ": won")}
    fork(book_dir, {"/crm.yaml": settings, "deals/big.yaml": base}, {**ours}, {**theirs})
    merged(book_dir, {"deals/big.yaml": base.replace("sales", "support").replace(": lead", ": asked")})
    assert found(book_dir) == []


@pytest.mark.parametrize(
    ("notes", "stage", "problems"),
    [
        ("said", "sales\nstage: won", []),
        ("a", "sales\nstage: won", [("merge-lost", "notes")]),
        ("said", "support\nstage: lead", []),
        ("said", "sales\nstage: lead", [("merge-lost", "pipeline")]),
        ("said", "support\nstage: won", []),  # What is wrong with it, the check of the record says.
    ],
)
def test_what_fits_must_be_there(book_dir: Path, notes: str, stage: str, problems: list[tuple[str, str]]) -> None:
    pipelines = 'pipelines:\n  sales:\n    lead: "10"\n    won: won\n  support:\n    asked: "10"\n    lead: "50"\n'
    base = f"{BIG}notes: a\npipeline: sales\nstage: lead\n"
    settings = (book_dir / "crm.yaml").read_text() + pipelines
    theirs = {"deals/big.yaml": base.replace("sales", "support").replace("notes: a", "notes: said")}
    ours = {"deals/big.yaml": base.replace(": lead", ": won")}
    fork(book_dir, {"/crm.yaml": settings, "deals/big.yaml": base}, {**ours}, {**theirs})
    merged(book_dir, {"deals/big.yaml": f"{BIG}notes: {notes}\npipeline: {stage}\n"})
    assert found(book_dir) == problems


def test_entries_of_keyed_lists_and_the_order_of_sets(book_dir: Path) -> None:
    head = f"id: {ADA_ID}\nname: Ada\n"
    base = f"{head}tags: [a]\nrelations:\n  - customer: eve\n    role: friend\n"
    ours = base.replace("friend", "sister").replace("[a]", "[a, b]")
    theirs = base.replace("friend", "mother").replace("[a]", "[a, c]")
    fork(book_dir, {"customers/ada.yaml": base}, {"customers/ada.yaml": ours}, {"customers/ada.yaml": theirs})
    merged(book_dir, {"customers/ada.yaml": base.replace("friend", "aunt").replace("[a]", "[c, a, b]")})
    assert found(book_dir) == []
    git(book_dir, "reset", "-q", "--hard", "HEAD~1")
    merged(book_dir, {"customers/ada.yaml": base.replace("friend", "aunt").replace("[a]", "[a, b]")})
    assert found(book_dir) == [("merge-lost", "tags")]


def test_consent_that_a_merge_of_lines_gave_back(book_dir: Path) -> None:
    def record(state: str, at: str) -> str:
        return f"{ADA}consent:\n  newsletter:\n    state: {state}\n    at: {at}\n"

    base, granted, withdrawn = (
        record("unknown", "2026-01-01"),
        record("granted", "2026-03-03"),
        record("withdrawn", "2026-02-02"),
    )
    fork(book_dir, {"customers/ada.yaml": base}, {"customers/ada.yaml": granted}, {"customers/ada.yaml": withdrawn})
    merged(book_dir, {})
    codes = found(book_dir)
    assert ("merge-lost", "consent.newsletter.state") in codes


def test_lines_of_a_history(book_dir: Path) -> None:
    one, two, three = (LINE % (number, number, "x") for number in (1, 2, 3))
    base = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": one}
    fork(book_dir, base, {"interactions/ada.jsonl": one + two}, {"interactions/ada.jsonl": one + three})
    merged(book_dir, {"interactions/ada.jsonl": three + one + two})
    assert found(book_dir) == []
    git(book_dir, "reset", "-q", "--hard", "HEAD~1")
    merged(book_dir, {})
    assert found(book_dir) == [("merge-lost", "01J000000000000000000000E3")]


def test_a_union_of_lines_brings_back_what_was_removed(book_dir: Path) -> None:
    one, two, three = (LINE % (number, number, "x") for number in (1, 2, 3))
    base = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": one + two}
    fork(book_dir, base, {"interactions/ada.jsonl": one}, {"interactions/ada.jsonl": one + two + three})
    merged(book_dir, {"interactions/ada.jsonl": one + two + three})
    assert found(book_dir) == [("merge-lost", "01J000000000000000000000E2")]


def test_other_files_may_be_merged_by_hand_but_not_lost(book_dir: Path) -> None:
    fork(
        book_dir,
        {"/notes.txt": "a\nb\nc\n", "/more.txt": "m\n"},
        {"/notes.txt": "A\nb\nc\n"},
        {"/notes.txt": "a\nb\nC\n", "/more.txt": "n\n"},
    )
    merged(book_dir, {"/notes.txt": "all anew\n"})
    assert found(book_dir) == [("merge-lost", "the change of one side is lost")]


def test_an_octopus_is_derived_one_after_the_other(book_dir: Path) -> None:
    names = ("role", "source", "lifecycle")
    commit_as(book_dir, "Ann", {"customers/ada.yaml": ADA})
    for name in names:
        git(book_dir, "switch", "-q", "-c", name, "main")
        old = next(line for line in ADA.splitlines() if line.startswith(name))
        commit_as(book_dir, "Bob", {"customers/ada.yaml": ADA.replace(old, f"{name}: new")})
    git(book_dir, "switch", "-q", "main")
    commit_as(book_dir, "Ann", {"customers/eve.yaml": "name: Eve\n"})
    new = f"id: {ADA_ID}\nname: Ada\nlifecycle: new\nrole: new\nsource: new\n"
    merged(book_dir, {"customers/ada.yaml": new}, *names)
    assert found(book_dir) == []
    git(book_dir, "reset", "-q", "--hard", "HEAD~1")
    merged(book_dir, {"customers/ada.yaml": new.replace("role: new", "role: boss")}, *names)
    assert found(book_dir) == [("merge-lost", "role")]


def test_histories_that_crossed(book_dir: Path) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {**OURS}, {**THEIRS})
    git(book_dir, "branch", "ours")
    merged(book_dir, {"customers/ada.yaml": BOTH})
    git(book_dir, "switch", "-q", "theirs")
    merged(book_dir, {"customers/ada.yaml": BOTH}, "ours")
    commit_as(book_dir, "Bob", {"customers/ada.yaml": BOTH.replace("lead", "customer")})
    git(book_dir, "switch", "-q", "main")
    commit_as(book_dir, "Ann", {"customers/ada.yaml": BOTH.replace("web", "phone")})
    merged(book_dir, {"customers/ada.yaml": BOTH.replace("lead", "customer").replace("web", "phone")})
    assert found(book_dir) == []
    git(book_dir, "reset", "-q", "--hard", "HEAD~1")
    merged(book_dir, {})
    assert found(book_dir) == [("merge-lost", "lifecycle")]


def test_the_graph_knows_the_bases_that_git_knows(book_dir: Path) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {**OURS}, {**THEIRS})
    git(book_dir, "branch", "ours")
    merged(book_dir, {"customers/ada.yaml": BOTH})
    git(book_dir, "switch", "-q", "theirs")
    merged(book_dir, {"customers/ada.yaml": BOTH}, "ours")
    commit_as(book_dir, "Bob", {"customers/eve.yaml": "name: Eve\n"})
    git(book_dir, "switch", "-q", "main")
    merged(book_dir, {}, "theirs")
    graph = Graph(Book(book_dir).places, "HEAD")
    commits = git(book_dir, "rev-list", "HEAD").split()
    for one in commits:
        for other in commits:
            expected = set(git(book_dir, "merge-base", "--all", one, other).split())
            bases, limited = graph.bases(one, [other])
            assert (set(bases), len(bases), limited) == (expected, len(expected), False)


def test_two_people_one_of_whom_was_renamed_by_hand(book_dir: Path) -> None:
    other = f"id: {BOB_ID}\nname: Ada Byron\n"
    ours: Files = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": LINE % (1, 1, "x")}
    theirs: Files = {"customers/ada.yaml": other, "interactions/ada.jsonl": LINE % (2, 2, "y"), "deals/big.yaml": BIG}
    fork(book_dir, {"customers/eve.yaml": "name: Eve\n"}, ours, theirs)
    right: Files = {
        "customers/ada-2.yaml": other,
        "interactions/ada-2.jsonl": theirs["interactions/ada.jsonl"],
        "deals/big.yaml": BIG.replace("ada", "ada-2"),
    }
    merged(book_dir, right)
    assert found(book_dir) == []
    git(book_dir, "reset", "-q", "--hard", "HEAD~1")
    merged(book_dir, {**right, "deals/big.yaml": BIG})
    assert found(book_dir) == [("merge-invented", "customer")]


def test_only_merges_since_a_commit_and_only_new_ones(book_dir: Path) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {**OURS}, {**THEIRS})
    bad = merged(book_dir, {})
    git(book_dir, "switch", "-q", "-c", "more", "HEAD~1")
    commit_as(book_dir, "Bob", {"customers/eve.yaml": "name: Eve\n"})
    git(book_dir, "switch", "-q", "main")
    good = merged(book_dir, {"customers/eve.yaml": "name: Eve\n"}, "more")
    report = check_merges(Book(book_dir))
    assert (report.merges, report.looked_at, len(report.problems)) == (2, 2, 1)
    assert report.problems[0].message.startswith(f"in merge {bad[:10]}: source: ")
    assert "show" in report.problems[0].hint
    report = check_merges(Book(book_dir))
    assert (report.merges, report.looked_at, len(report.problems)) == (2, 1, 1)
    report = check_merges(Book(book_dir), bad)
    assert (report.merges, report.looked_at, report.problems) == (1, 0, [])
    assert good in (book_dir / ".git/crmctl" / CHECKED).read_text()
    (book_dir / ".git/crmctl" / CHECKED).write_text("other rules\n" + good)
    assert check_merges(Book(book_dir)).looked_at == 2
    with pytest.raises(NotFound):
        check_merges(Book(book_dir), "nowhere")


def test_a_shallow_clone_says_what_it_cannot_tell(book_dir: Path, tmp_path: Path, run: Run) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {**OURS}, {**THEIRS})
    commit_as(book_dir, "Ann", {"customers/eve.yaml": "name: Eve\n"})
    merged(book_dir, {})
    clone = tmp_path / "clone"
    source = f"file://{book_dir}"
    subprocess.run(["git", "clone", "-q", "--depth", "2", source, str(clone)], check=True, capture_output=True)
    report = check_merges(Book(clone))
    assert (report.problems, report.skipped, report.shallow) == ([], 1, True)
    said = run("-C", clone, "check", "--merges")
    assert said.code == 0
    assert "1 merge could not be looked at" in said.err
    git(clone, "fetch", "-q", "--unshallow")
    assert found(clone) == [("merge-lost", "source")]


def test_a_book_without_merges_or_commits(book_dir: Path, run: Run) -> None:
    assert check_merges(Book(book_dir)).merges == 0
    said = run("-C", book_dir, "check", "--merges")
    assert (said.code, said.out) == (0, "")
    assert "No problems in 0 merges." in said.err


def test_the_command(book_dir: Path, run: Run) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {**OURS}, {**THEIRS})
    merged(book_dir, {})
    said = run("-C", book_dir, "check", "--merges")
    assert said.code == 1
    assert "records/customers/ada.yaml: in merge " in said.out
    assert "web" not in said.out
    assert "1 problem in 1 merge of 1." in said.err
    assert run("-C", book_dir, "check", "--merges", "HEAD..").code == 0
    for words in (("main",), ("a..b",), ("HEAD..", "records")):
        assert run("-C", book_dir, "check", "--merges", *words).code == 2
