"""``crmctl KIND set --filter``: many records changed at once, after a look, as one commit."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

HISTORY = (
    '{"id": "01J0000000000000000000000G", "at": "2026-01-02T10:00:00+00:00", "type": "call"}\n'
    '{"id": "01J0000000000000000000000H", "at": "2026-01-03T10:00:00+00:00", "type": "email"}\n'
    '{"id": "01J0000000000000000000000J", "at": "2026-01-04T10:00:00+00:00", "type": "call"}\n'
)


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada  # the first\ntags:\n  - vip\n",
            "customers/bob.yaml": "name: Bob\ntags:\n  - cold\n  - vip\n",
            "customers/cleo.yaml": "name: Cleo\n",
            "interactions/ada.jsonl": HISTORY,
            "deals/offer.yaml": "name: Offer\ncustomer: ada\npipeline: sales\nstage: lead\n",
        },
    )
    return book_dir


def test_all_that_match_become_one_commit_that_can_be_undone(book: Path, run: Run) -> None:
    before = git(book, "rev-parse", "HEAD^{tree}")
    done = run("-C", book, "customer", "set", "--filter", "tag:vip", "role=cook", "tags+=guest", "--yes")
    assert done.code == 0
    assert done.out.splitlines()[2:] == [
        "ada       set role: cook; tags +guest",
        "bob       set role: cook; tags +guest",
    ]
    assert "2 customers would change, 0 would stay as they are." in done.err
    assert git(book, "log", "-1", "--format=%s") == "customer: set 2 customers tags role\n"
    assert git(book, "rev-list", "--count", "HEAD") == "3\n"
    ada = git(book, "show", "HEAD:records/customers/ada.yaml")
    assert "name: Ada  # the first\n" in ada
    assert "role: cook\n" in ada
    assert "  - vip\n  - guest\n" in ada
    assert "cook" not in git(book, "log", "-1", "--format=%B")
    assert git(book, "status", "--porcelain") == ""
    assert run("-C", book, "undo").code == 0
    assert git(book, "rev-parse", "HEAD^{tree}") == before


def test_several_filters_must_all_match(book: Path, run: Run) -> None:
    done = run("-C", book, "customer", "set", "--filter", "tag:vip", "--filter", "-tag:cold", "role=cook", "-y")
    assert done.code == 0
    assert git(book, "show", "--name-only", "--format=%s").split("\n") == [
        "customer: set 1 customer role",
        "",
        "records/customers/ada.yaml",
        "",
    ]


def test_a_dry_run_shows_and_changes_nothing(book: Path, run: Run) -> None:
    head = git(book, "rev-parse", "HEAD")
    shown = run("-C", book, "customer", "set", "--filter", "tag:vip", "tags-=cold", "--dry-run")
    assert (shown.code, shown.out.splitlines()[2:]) == (0, ["bob       tags -cold"])
    assert "1 customer would change, 1 would stay as they are." in shown.err
    one = run("-C", book, "customer", "set", "bob", "tags-=cold", "-n")
    assert one.out == shown.out
    assert git(book, "rev-parse", "HEAD") == head


def test_nobody_is_changed_without_leave(book: Path, run: Run) -> None:
    head = git(book, "rev-parse", "HEAD")
    refused = run("-C", book, "customer", "set", "--filter", "tag:vip", "role=cook")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert git(book, "rev-parse", "HEAD") == head


def test_nobody_matches_or_nothing_changes(book: Path, run: Run) -> None:
    head = git(book, "rev-parse", "HEAD")
    none = run("-C", book, "customer", "set", "--filter", "tag:nobody", "role=cook")
    assert (none.code, none.out, none.err) == (0, "", "No customers match.\n")
    same = run("-C", book, "customer", "set", "--filter", "tag:vip", "tags+=vip")
    assert (same.code, same.out) == (0, "")
    assert "0 customers would change, 2 would stay as they are." in same.err
    assert git(book, "rev-parse", "HEAD") == head


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--filter", "tag:vip", "language=xx"), 4, "'xx' is not a language"),
        (("--filter", "tag:vip", "roel=x"), 2, "roel"),
        (("--filter", "", "role=x"), 2, "a filter is empty"),
        (("--filter", "tag:vip", "--filter", " ", "role=x"), 2, "a filter is empty"),
        (("--filter", "tag:vip", "emails=nobody"), 4, "email is not an address: 'nobody'"),
        (("--filter", "tga:vip", "role=x"), 2, 'no field "tga"'),
        (("--filter", "tag:vip"), 2, "missing argument 'FIELD=VALUE...'"),
        (("--filter", "tag:vip", "ada", "role=x"), 2, "'ada' is not FIELD=VALUE"),
        (("ada",), 2, "missing argument 'FIELD=VALUE...'"),
        ((), 2, "missing argument 'REF'"),
    ],
)
def test_what_cannot_be_understood(book: Path, run: Run, arguments: tuple[str, ...], code: int, words: str) -> None:
    head = git(book, "rev-parse", "HEAD")
    refused = run("-C", book, "customer", "set", *arguments, "--yes")
    assert refused.code == code
    assert words in refused.err
    assert git(book, "rev-parse", "HEAD") == head


def test_one_that_is_being_edited_by_hand_holds_up_all_and_is_named(book: Path, run: Run) -> None:
    write(book, {"customers/cleo.yaml": "name: Cleo\nrole: being edited\n"})
    head = git(book, "rev-parse", "HEAD")
    refused = run("-C", book, "customer", "set", "--filter", "name:ada or name:cleo", "role=cook", "--yes")
    assert refused.code == 5
    assert "records/customers/cleo.yaml was changed by hand" in refused.err
    assert git(book, "rev-parse", "HEAD") == head
    assert "role" not in (book / "records/customers/ada.yaml").read_text()
    taken = run("-C", book, "customer", "set", "--filter", "name:ada or name:cleo", "role=cook", "--yes", "--adopt")
    assert taken.code == 0


def test_those_that_would_not_be_valid_hold_up_all_and_are_named(book: Path, run: Run) -> None:
    files = {"a": "", "b": "starts: 2026-03-01\n", "c": "starts: 2026-04-01\n"}
    commit(
        book,
        {f"campaigns/{name}.yaml": f"name: Spring {name}\npurpose: newsletter\n{text}" for name, text in files.items()},
    )
    head = git(book, "rev-parse", "HEAD")
    refused = run("-C", book, "campaign", "set", "--filter", "name:spring", "ends=2026-02-01", "--yes")
    assert refused.code == 4
    assert "records/campaigns/b.yaml: it ends on 2026-02-01, before it starts" in refused.err
    assert "records/campaigns/c.yaml: it ends on 2026-02-01, before it starts" in refused.err
    assert "records/campaigns/a.yaml" not in refused.err
    assert git(book, "rev-parse", "HEAD") == head
    assert git(book, "status", "--porcelain") == ""


def test_those_that_a_value_does_not_suit_are_named_before_it_is_asked(book: Path, run: Run) -> None:
    amounts = {"a": 'amount: "5.00"\ncurrency: EUR\n', "b": 'amount: "500"\ncurrency: JPY\n'}
    commit(
        book,
        {
            f"deals/{name}.yaml": f"name: Big {name}\ncustomer: ada\nstage: lead\n{text}"
            for name, text in amounts.items()
        },
    )
    head = git(book, "rev-parse", "HEAD")
    for how in ("--yes", "--dry-run"):
        refused = run("-C", book, "deal", "set", "--filter", "name:big", "amount=1.50", how)
        assert (refused.code, refused.out) == (4, "")
        assert "1 of these would not be valid; nothing was written" in refused.err
        assert "records/deals/b.yaml: amount: 1.50 has more decimals than JPY has" in refused.err
        assert "records/deals/a.yaml" not in refused.err
    named = run("-C", book, "customer", "set", "--filter", "tag:vip", "name=", "--dry-run")
    assert named.code == 4
    assert "records/customers/ada.yaml: customer has no name" in named.err
    assert git(book, "rev-parse", "HEAD") == head


def test_interactions_and_what_follows_from_a_stage(book: Path, run: Run) -> None:
    done = run("-C", book, "interaction", "set", "--filter", "type:call", "minutes=5", "--yes")
    assert done.code == 0
    assert git(book, "show", "HEAD:records/interactions/ada.jsonl").count('"minutes": "5"') == 2
    assert git(book, "log", "-1", "--format=%s") == "interaction: set 2 interactions minutes\n"
    won = run("-C", book, "deal", "set", "--filter", "stage:lead", "stage=won", "--yes", "--now", "2026-02-03")
    assert won.code == 0
    assert 'closed: "2026-02-03"' in git(book, "show", "HEAD:records/deals/offer.yaml")


def test_in_a_batch_it_is_part_of_the_whole(book: Path, run: Run, tmp_path: Path) -> None:
    script = tmp_path / "commands"
    script.write_text("customer set cleo tags+=vip\ncustomer set --filter tag:vip role=cook --yes\n")
    done = run("-C", book, "batch", script)
    assert done.code == 0
    assert git(book, "rev-list", "--count", "HEAD") == "3\n"
    found = subprocess.run(["grep", "-c", "role: cook", "-r", "records/customers"], cwd=book, capture_output=True)
    assert found.stdout.count(b":1") == 3


def test_the_past_cannot_be_changed(book: Path, run: Run) -> None:
    assert run("-C", book, "customer", "set", "--filter", "tag:vip", "role=x", "--yes", "--as-of", "HEAD").code == 2
