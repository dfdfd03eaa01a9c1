"""``crmctl diff`` and ``crmctl news``: which moments, which records, which form, and how far somebody looked."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.books import git
from helpers.books import write

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Result
    from conftest import Run

NOW = ("--now", "2026-06-15T12:00:00+02:00")
BY = {"ann": ("Ann Author", "ann@example.com"), "bob": ("Bob Builder", "bob@example.com")}
LINE = '{"id": "%s", "at": "2026-06-0%d", "type": "%s"}\n'


def commit(
    root: Path, monkeypatch: pytest.MonkeyPatch, day: int, files: dict[str, str], who: str = "ann", hour: int = 10
) -> str:
    """A commit of a day in June by one of the two; its id."""
    write(root, files)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_DATE", f"2026-06-{day:02}T{hour:02}:00:00+02:00")
        monkeypatch.setenv(f"GIT_{role}_NAME", BY[who][0])
        monkeypatch.setenv(f"GIT_{role}_EMAIL", BY[who][1])
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", f"of {who}")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", BY["ann"][0])
        monkeypatch.setenv(f"GIT_{role}_EMAIL", BY["ann"][1])
    return git(root, "rev-parse", "HEAD").strip()


@pytest.fixture
def root(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """June in Berlin: the book on the 1st, Ada and a deal on the 3rd, Bob's edits on the 10th, Ann's on the 12th."""
    git(book_dir, "update-ref", "-d", "HEAD")
    commit(book_dir, monkeypatch, 1, {})
    deal = "name: Offer\ncustomer: ada\nstage: lead\namount: 100.00\n"
    ada = "name: Ada\nconsent:\n  newsletter: {state: granted}\n"
    commit(book_dir, monkeypatch, 3, {"customers/ada.yaml": ada, "deals/offer.yaml": deal})
    commit(
        book_dir,
        monkeypatch,
        10,
        {
            "customers/ada.yaml": ada.replace("granted", "withdrawn"),
            "interactions/ada.jsonl": LINE % ("A" * 26, 8, "call") + LINE % ("B" * 26, 9, "call"),
        },
        "bob",
    )
    won = deal.replace("lead", "won").replace("100", "120")
    commit(book_dir, monkeypatch, 12, {"deals/offer.yaml": won, "products/tea.yaml": "name: Tea\n"})
    return book_dir


def rows(done: Result) -> list[dict[str, Any]]:
    """The objects that were printed."""
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)
    return found


def told(run: Run, root: Path, *words: str) -> list[tuple[str, str]]:
    """(kind, handle) of what a diff tells."""
    return [(row["kind"], row["handle"]) for row in rows(run("-C", root, *NOW, "diff", *words, "-o", "json"))]


ADA, OFFER, TEA, SETTINGS = ("customer", "ada"), ("deal", "offer"), ("product", "tea"), ("settings", "crm.yaml")
CALLS = [("interaction", "A" * 26), ("interaction", "B" * 26)]


@pytest.mark.parametrize(
    ("moments", "found"),
    [
        ("2026-06-12", [OFFER, TEA]),
        ("2026-06-12..", [OFFER, TEA]),
        ("2026-06-11..2026-06-12", [OFFER, TEA]),
        ("2026-06-13", []),
        ("2026-06-10..2026-06-10", [ADA, *CALLS]),
        ("2026-06-10..2026-06-11", [ADA, *CALLS]),
        ("2026-06-02..2026-06-03", [ADA, OFFER]),
        ("1 jun..2 jun", [SETTINGS]),
        ("2020-01-01..2020-12-31", []),
        ("2020-01-01..2026-06-02", [SETTINGS]),
        ("HEAD~1..", [OFFER, TEA]),
        ("HEAD~1", [OFFER, TEA]),
        ("HEAD~1..HEAD", [OFFER, TEA]),
        ("HEAD..HEAD~1", [OFFER, TEA]),
        ("HEAD~2..HEAD~1", [ADA, *CALLS]),
        ("last week..", [ADA, *CALLS, OFFER, TEA]),
    ],
)
def test_between_two_moments(run: Run, root: Path, moments: str, found: list[tuple[str, str]]) -> None:
    assert told(run, root, moments) == found


def test_for_people(run: Run, root: Path) -> None:
    done = run("-C", root, *NOW, "diff", "2026-06-10")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[:3] == [
        "1 customer changed, 2 interactions, 1 deal won (120.00 EUR), 1 product added, 1 consent withdrawn.",
        "",
        "kind         record  what",
    ]
    won = "won (120.00 EUR); amount +20.00 EUR; set stage: lead -> won; set amount: 100.00 -> 120.00"
    assert lines[4:] == [
        "customer     ada     consent newsletter withdrawn; set consent.newsletter.state: granted -> withdrawn",
        f"deal         offer   {won}",
        "product      tea     added",
        "interaction  ada     +2 call",
    ]
    ids = [git(root, "rev-parse", "--short=10", name).strip() for name in ("HEAD~2", "HEAD")]
    assert done.err == f"From Tue 2026-06-09 23:59 ({ids[0]}) to Fri 2026-06-12 10:00 ({ids[1]}).\n"
    assert run("-C", root, *NOW, "diff", "HEAD").out == "Nothing changed.\n"


def test_for_programs(run: Run, root: Path) -> None:
    found = rows(run("-C", root, *NOW, "diff", "2026-06-12", "deal", "-o", "json"))
    assert found == [
        {
            "kind": "deal",
            "handle": "offer",
            "what": "changed",
            "title": "Offer",
            "customer": "ada",
            "type": None,
            "changes": ["set stage: lead -> won", "set amount: 100.00 -> 120.00"],
            "events": ["won (120.00 EUR)", "amount +20.00 EUR"],
        }
    ]
    assert run("-C", root, *NOW, "diff", "2026-06-12", "-o", "ids").out == "offer\ntea\n"
    done = run("-C", root, *NOW, "diff", "2026-06-12", "-o", "csv")
    assert done.out.splitlines()[0] == "kind,handle,what,title,customer,type,changes,events"
    assert done.err.splitlines()[0] == "1 deal won (120.00 EUR), 1 product added."
    assert run("-C", root, *NOW, "diff", "HEAD", "-o", "json").out == "[]\n"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["customer"], [ADA]),
        (["interaction"], CALLS),
        (["ada"], [ADA, *CALLS, OFFER]),
        (["customer", "ada"], [ADA, *CALLS, OFFER]),
        (["Ada"], [ADA, *CALLS, OFFER]),
        (["deal", "offer"], [OFFER]),
        (["tea"], [TEA]),
        (["interaction", "A" * 26], CALLS[:1]),
        (["segment"], []),
    ],
)
def test_of_some_records(run: Run, root: Path, words: list[str], found: list[tuple[str, str]]) -> None:
    assert told(run, root, "2026-06-10", *words) == found


def test_of_a_record_that_is_gone(run: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "records" / "products" / "tea.yaml").unlink()
    commit(root, monkeypatch, 14, {})
    assert told(run, root, "HEAD~1", "tea") == [TEA]


def test_with_the_work_tree(run: Run, root: Path) -> None:
    write(root, {"customers/new.yaml": "name: New\n"})
    assert told(run, root, "HEAD") == []
    assert told(run, root, "HEAD", "--work") == [("customer", "new")]
    assert told(run, root, "2026-06-12..", "--work") == [("customer", "new"), OFFER, TEA]
    done = run("-C", root, *NOW, "diff", "2020-01-01", "--work")
    assert done.err == "From Tue 2019-12-31 23:59 (before the book) to the files as they stand.\n"
    assert "1 customer added, 1 deal won" not in done.out
    assert "2 customers added" in done.out
    done = run("-C", root, *NOW, "diff", "HEAD~1..HEAD", "--work")
    assert (done.code, "--work goes up to now" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["..HEAD"], 2, "does not say from when on"),
        ([".."], 2, "does not say from when on"),
        (["a...b"], 2, "does not say from when on"),
        (["blue.."], 2, "neither a day nor a commit"),
        (["HEAD..blue"], 2, "neither a day nor a commit"),
        (["HEAD..-p"], 2, ""),
        (["--output=x..HEAD"], 2, ""),
        (["HEAD", "nobody"], 3, "no record 'nobody'"),
        (["HEAD", "customer", "ada", "x"], 2, "one record at a time"),
        ([], 2, ""),
    ],
)
def test_what_no_diff_can_be_told_of(run: Run, root: Path, words: list[str], code: int, said: str) -> None:
    done = run("-C", root, "diff", *words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_a_book_without_any_commit(run: Run, root: Path) -> None:
    git(root, "update-ref", "-d", "HEAD")
    assert run("-C", root, "diff", "today").code == 3
    done = run("-C", root, *NOW, "news")
    assert (done.code, done.err) == (0, "Nothing new since Mon 2026-06-08 00:00.\n")


def test_a_shallow_clone(run: Run, root: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "2", f"file://{root}", str(clone)], check=True)
    assert told(run, clone, "2026-06-11") == [OFFER, TEA]
    done = run("-C", clone, *NOW, "diff", "2026-06-05")
    assert (done.code, "shallow" in done.err) == (3, True)
    assert "2 deals" not in run("-C", clone, *NOW, "news").out


# News


def heard(run: Run, root: Path, *words: str) -> list[tuple[str, str, str]]:
    """(author, kind, handle) of the news."""
    found = rows(run("-C", root, *NOW, "news", *words, "-o", "json"))
    return [(row["author"], row["kind"], row["handle"]) for row in found]


BOB = [("Bob Builder", *ADA), *(("Bob Builder", *call) for call in CALLS)]
ANN = [("Ann Author", *OFFER), ("Ann Author", *TEA)]


def test_what_others_did_since_somebody_looked(run: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert heard(run, root) == BOB
    assert heard(run, root) == []
    assert heard(run, root, "--all") == []
    commit(root, monkeypatch, 13, {"customers/ada.yaml": "name: Ada\n"})
    commit(root, monkeypatch, 14, {"customers/zoe.yaml": "name: Zoe\n"}, "bob")
    assert heard(run, root, "--keep") == [("Bob Builder", "customer", "zoe")]
    assert heard(run, root, "--all", "--keep") == [
        ("Bob Builder", "customer", "zoe"),
        ("Ann Author", "customer", "ada"),
    ]
    assert heard(run, root, "--since", "2026-06-01", "--all")[-3:] == [
        ("Ann Author", *ADA),
        ("Ann Author", *OFFER),
        ("Ann Author", *SETTINGS),
    ]
    assert heard(run, root) == [("Bob Builder", "customer", "zoe")]
    assert heard(run, root) == []


def test_the_first_time_it_is_a_week(run: Run, root: Path) -> None:
    assert heard(run, root, "--all") == ANN + BOB
    mark = json.loads((root / ".git" / "crmctl" / "news.json").read_text())
    assert mark == {"seen": git(root, "rev-parse", "HEAD").strip()}
    assert git(root, "status", "--porcelain") == ""


def test_news_for_people(run: Run, root: Path) -> None:
    done = run("-C", root, *NOW, "news")
    assert done.out.split("\n") == [
        "1 customer changed, 2 interactions, 1 consent withdrawn (by Bob Builder since Mon 2026-06-08 00:00).",
        "",
        "when              who          kind         record  what",
        "----------------  -----------  -----------  ------  " + "-" * 80,
        "2026-06-10 10:00  Bob Builder  customer     ada     "
        "consent newsletter withdrawn; set consent.newsletter.state: granted -> withdrawn",
        "2026-06-10 10:00  Bob Builder  interaction  ada     +2 call",
        "",
    ]
    done = run("-C", root, *NOW, "news")
    assert (done.code, done.out, done.err) == (0, "", "Nothing new since Fri 2026-06-12 10:00.\n")
    assert run("-C", root, *NOW, "news", "-o", "json").out == "[]\n"
    assert run("-C", root, *NOW, "news", "--since", "2026-06-10", "-o", "ids").out.splitlines() == [
        "ada",
        "A" * 26,
        "B" * 26,
    ]


def test_a_merge_brings_news_that_are_older_than_the_mark(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(root, "switch", "-q", "-c", "side")
    commit(root, monkeypatch, 11, {"customers/sue.yaml": "name: Sue\n"}, "bob")
    git(root, "switch", "-q", "main")
    commit(root, monkeypatch, 13, {"customers/eve.yaml": "name: Eve\n"})
    assert heard(run, root) == BOB
    git(root, "merge", "-q", "--no-edit", "side")
    assert heard(run, root) == [("Bob Builder", "customer", "sue")]


def test_a_mark_that_is_gone_or_broken(run: Run, root: Path) -> None:
    path = root / ".git" / "crmctl" / "news.json"
    path.parent.mkdir(exist_ok=True)
    for text in ('{"seen": "%s"}' % ("1" * 40), '{"seen": "--all"}', '{"seen": 5}', "[]", "{", ""):
        path.write_text(text)
        assert heard(run, root, "--keep") == BOB
        assert path.read_text() == text
    path.unlink()
    path.mkdir()
    assert heard(run, root) == heard(run, root) == BOB


def test_who_nobody_knows_gets_all_of_it(run: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    git(root, "config", "user.useConfigOnly", "true")
    assert heard(run, root) == ANN + BOB
