from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from helpers import processes
from helpers.books import commit
from helpers.books import git
from helpers.books import write

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture
def batch(book_dir: Path, tmp_path: Path, run: Run) -> Run:
    """Run the lines given as a batch of the empty book."""

    def call(*lines: object, options: tuple[str, ...] = ()) -> object:
        file = tmp_path / "commands"
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return run("-C", book_dir, "batch", file, *options)

    return call  # type: ignore[return-value]


def test_commands_see_what_those_before_them_did_and_become_one_commit(batch: Run, book_dir: Path, run: Run) -> None:
    before = git(book_dir, "rev-list", "--count", "HEAD")
    done = batch(
        "# what came of the fair",
        'customer add "Ada Lovelace" --email ada@example.com --tag vip',
        "",
        'log ada@example.com call "wants an offer" --followup "send it" --due 3d',
        "deal add Engine --customer ada-lovelace --amount 100",
        "deal set engine stage=proposal",
        "customer list tag:vip -o ids",
    )
    assert (done.code, done.out) == (0, "ada-lovelace\n")
    assert "batch: 4 changes  [undo: " in done.err
    assert int(git(book_dir, "rev-list", "--count", "HEAD")) == int(before) + 1
    assert git(book_dir, "status", "--porcelain") == ""
    assert git(book_dir, "log", "-1", "--format=%B").startswith(
        "batch: 4 changes\n\ncustomer: add ada-lovelace\nlog: call with ada-lovelace, followup send-it\n"
    )
    assert run("-C", book_dir, "deal", "show", "engine", "-o", "json").out.count('"proposal"') >= 1
    assert "wants an offer" in run("-C", book_dir, "timeline", "ada").out
    assert run("-C", book_dir, "check").code == 0


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("log nobody call x", 3, "there is no customer 'nobody'"),
        ("customer set ada email=none", 4, "email"),
        ("customer list --limt 3", 2, "limt"),
        ("customer add 'Ada", 2, "line 2: a quote is not closed"),
        ("sync", 2, "line 2: sync cannot be part of a batch"),
        ("customer edit ada", 2, "line 2: customer edit cannot be part of a batch"),
        ("-C elsewhere customer list", 2, "a batch is about one book"),
    ],
)
def test_one_that_fails_leaves_the_book_as_it_was(batch: Run, book_dir: Path, line: str, code: int, words: str) -> None:
    head = git(book_dir, "rev-parse", "HEAD")
    failed = batch("customer add Ada", line, "customer add Bob")
    assert failed.code == code
    assert words in failed.err
    assert git(book_dir, "rev-parse", "HEAD") == head
    assert git(book_dir, "status", "--porcelain") == ""


def test_bytes_that_are_no_text_and_a_mark_at_the_start(book_dir: Path, tmp_path: Path, run: Run) -> None:
    file = tmp_path / "commands"
    file.write_bytes(b"customer add Ada\ncustomer add 'J\xf6rg'\n")
    refused = run("-C", book_dir, "batch", file)
    assert refused.code == 2
    assert "not UTF-8" in refused.err
    assert git(book_dir, "ls-files", "records") == ""
    file.write_bytes(b"\xef\xbb\xbfcustomer add Ada\n")
    assert run("-C", book_dir, "batch", file).code == 0


def test_the_subject_and_a_single_change(batch: Run, book_dir: Path) -> None:
    assert batch("customer add Ada", options=("-m", "the fair")).code == 0
    assert git(book_dir, "log", "-1", "--format=%B").strip() == "the fair"
    assert batch("customer add Bob").code == 0
    assert git(book_dir, "log", "-1", "--format=%B").strip() == "customer: add bob"


def test_a_dry_run_and_one_that_changes_nothing_write_nothing(batch: Run, book_dir: Path) -> None:
    head = git(book_dir, "rev-parse", "HEAD")
    tried = batch("customer add Ada", "customer add Bob", options=("--dry-run",))
    assert tried.code == 0
    assert "2 changes to 2 files; nothing was written." in tried.err
    assert "Nothing to change" in batch("customer list").err
    assert git(book_dir, "rev-parse", "HEAD") == head


def test_a_record_added_and_removed_again_leaves_no_trace(batch: Run, book_dir: Path) -> None:
    assert batch("customer add Ada", "log ada note hello", "customer rm ada --yes", "customer add Bob").code == 0
    assert git(book_dir, "ls-files", "records").split() == ["records/customers/bob.yaml"]


def test_a_name_that_is_given_up_goes_to_nobody_else_in_the_same_commit(
    batch: Run, book_dir: Path, run: Run, tmp_path: Path
) -> None:
    # In one commit it would be one person whose id changed, and no hook would ever let it out of this clone.
    git(tmp_path, "init", "-q", "--bare", "team.git")
    git(book_dir, "remote", "add", "origin", str(tmp_path / "team.git"))
    assert run("-C", book_dir, "customer", "add", "Ada").code == 0
    done = batch("customer rm ada --yes", "customer add 'Ada Two' --handle ada")
    assert done.code == 5
    assert "customer ada is removed in this very change" in done.err
    assert "change of its own" in done.err
    assert batch("customer rm ada --yes", "customer add Ada").code == 0
    assert git(book_dir, "ls-files", "records/customers").split() == ["records/customers/ada-2.yaml"]
    assert run("-C", book_dir, "sync").code == 0


def test_the_moment_of_one_line_is_not_that_of_the_next(batch: Run, book_dir: Path, run: Run) -> None:
    assert batch("customer add Ada", "--now 2012-01-16 log ada note then", "log ada note now").code == 0
    days = [entry["at"][:4] for entry in json.loads(run("-C", book_dir, "timeline", "ada", "-o", "json").out)]
    assert days.count("2012") == 1
    assert len(days) == 2


def test_what_is_written_by_hand_stays_uncommitted(batch: Run, book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\nrole: engineer\n"})
    write(book_dir, {"customers/ada.yaml": "name: Ada\nrole: director\n"})
    done = batch("customer set ada notes=x", "customer add Bob")
    assert done.code == 0, done.err
    assert "what you wrote by hand in records/customers/ada.yaml stays uncommitted" in done.err
    assert "role: engineer" in git(book_dir, "show", "HEAD:records/customers/ada.yaml")
    assert "role: director" in (book_dir / "records/customers/ada.yaml").read_text()


def test_commands_come_from_standard_input_and_none_of_them_reads_it(book_dir: Path) -> None:
    done = processes.shell(
        "printf '%s\\n' 'customer add Ada' 'log ada note -' 'customer add Bob' | crmctl -C \"$1\" batch", book_dir
    )
    assert done.code == 0, done.err
    assert git(book_dir, "ls-files", "records/customers").split() == [
        "records/customers/ada.yaml",
        "records/customers/bob.yaml",
    ]


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("new: Ada@example.com", "--message holds an e-mail address or phone number of records/customers/ada.yaml"),
        ("# 0170 1234567 is new", "phone number of records/customers/ada.yaml"),
        ("gone: old@example.com", "phone number of records/customers/ada.yaml"),
    ],
)
@pytest.mark.parametrize("options", [(), ("-n",)])
def test_a_message_with_somebodys_address_is_refused(
    batch: Run, book_dir: Path, subject: str, words: str, options: tuple[str, ...]
) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\nemails: [old@example.com]\n"})
    head = git(book_dir, "rev-parse", "HEAD")
    line = "customer set ada emails=ada@example.com 'phones=+49 170 1234567'"
    done = batch(line, options=("-m", subject, *options))
    assert (done.code, words in done.err) == (2, True), done.err
    assert subject.split()[1] not in done.err
    assert (git(book_dir, "rev-parse", "HEAD"), git(book_dir, "status", "--porcelain")) == (head, "")
    assert batch(line, options=("-m", "ask bob@example.com about 12345678", *options)).code == 0


def test_a_batch_that_leads_back_makes_no_commit(batch: Run, book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "id: 01J00000000000000000000ADA\nname: Ada\nsource: fair\n"})
    head = git(book_dir, "rev-parse", "HEAD")
    write(book_dir, {"customers/ada.yaml": "id: 01J00000000000000000000ADA\nname: Ada\nsource: web\n"})
    done = batch("customer set ada source=fair", options=("--adopt",))
    assert (done.code, git(book_dir, "rev-parse", "HEAD"), git(book_dir, "status", "--porcelain")) == (0, head, "")
    assert "Nothing to change (records/customers/ada.yaml is as committed again)." in done.err
