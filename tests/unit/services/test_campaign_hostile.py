"""Ledgers, plans and records taken away, put back or changed between two runs: nobody gets anything twice."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers.books import commit
from helpers.books import git
from helpers.told_transport import NOW
from helpers.told_transport import Told
from helpers.told_transport import go
from helpers.told_transport import said
from helpers.told_transport import state

from crmctl import clock
from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.services.book import Book
from crmctl.services.campaigns.freezing import freeze
from crmctl.services.campaigns.running import outbox
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.campaigns.running.witness import LedgerBehind
from crmctl.services.mailing.host import state_path

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def monday() -> None:
    clock.freeze(NOW)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A book with a campaign for five people."""
    return books.make(tmp_path / "book", 5)


def frozen(root: Path) -> None:
    with at_work(Book(root), "test") as desk:
        freeze(Book(root), desk, "spring")


@pytest.mark.parametrize("before", [0, 2])
def test_an_older_copy_of_book_and_git_folder_sends_nothing(root: Path, tmp_path: Path, before: int) -> None:
    if before:
        go(root, Told(), Asked(limit=before))
    shutil.copytree(root, tmp_path / "backup", symlinks=True)
    go(root, Told(), Asked(limit=4))
    shutil.rmtree(root)
    shutil.copytree(tmp_path / "backup", root, symlinks=True)
    way = Told()
    tried = min(4, 5 - before)
    with pytest.raises(LedgerBehind, match=f"has tried to send {tried} messages that the ledger here does not know"):
        go(root, way)
    assert way.sent == []


def test_a_copied_clone_that_is_older_sends_nothing_when_the_first_one_is_gone(root: Path, tmp_path: Path) -> None:
    go(root, Told(), Asked(limit=1))
    shutil.copytree(root, tmp_path / "copy", symlinks=True)
    go(root)
    shutil.rmtree(root)
    with pytest.raises(LedgerBehind):
        go(tmp_path / "copy")


def test_after_a_loss_of_all_only_those_are_held_that_were_tried(root: Path) -> None:
    start = git(root, "rev-parse", "HEAD").strip()
    go(root, Told(), Asked(limit=3))
    shutil.rmtree(Desk(Book(root)).state)
    git(root, "reset", "-q", "--hard", start)
    with pytest.raises(LedgerBehind, match="has tried to send 3 messages"):
        go(root)
    assert len(outbox.adopt(Book(root), hold=True).held) == 3
    way = Told()
    assert said(go(root, way)).items() >= {"p000": ("hold", "unknown"), "p002": ("hold", "unknown")}.items()
    assert way.sent == ["p003", "p004"]
    assert state(root, "p001") == "unknown"
    assert books.status(root).balance[:2] == (5, 2)


def older(root: Path, tmp_path: Path, before: int, after: int) -> None:
    """Put back a copy of the book from when so many had it; so many more got it since."""
    go(root, Told(), Asked(limit=before))
    shutil.copytree(root, tmp_path / "snapshot", symlinks=True)
    go(root, Told(), Asked(limit=after))
    shutil.rmtree(root)
    (tmp_path / "snapshot").rename(root)


def test_after_a_snapshot_was_put_back_only_those_are_held_that_were_tried_since(root: Path, tmp_path: Path) -> None:
    older(root, tmp_path, 1, 2)
    with pytest.raises(LedgerBehind):
        go(root)
    held = outbox.adopt(Book(root), hold=True).held
    assert set(held) == {books.rows(root)[who].sid for who in ("p001", "p002")}
    way = Told()
    go(root, way)
    assert (way.sent, books.states(root)) == (["p003", "p004"], {"accepted": 3, "unknown": 2})


def test_notes_that_lack_a_send_of_the_ledger_are_another_machines_and_all_are_held(root: Path, tmp_path: Path) -> None:
    older(root, tmp_path, 2, 1)
    (notes,) = (path for path in state_path().parent.glob("tried/**/*") if path.is_file())
    lines = notes.read_text().splitlines(keepends=True)
    notes.write_text("".join(line for line in lines if books.rows(root)["p000"].sid not in line))
    assert len(outbox.adopt(Book(root), hold=True).held) == 3


def test_without_notes_all_are_held_that_may_have_been_tried(root: Path) -> None:
    go(root, Told(), Asked(limit=1))
    shutil.rmtree(state_path().parent / "tried")
    shutil.rmtree(Desk(Book(root)).state / "wal")
    assert len(outbox.adopt(Book(root), hold=True).held) == 4


def test_who_knows_that_nothing_was_sent_can_say_so(root: Path) -> None:
    start = git(root, "rev-parse", "HEAD").strip()
    go(root, Told(), Asked(limit=1))
    shutil.rmtree(Desk(Book(root)).state)
    git(root, "reset", "-q", "--hard", start)
    assert outbox.adopt(Book(root), hold=False).held == ()
    way = Told()
    go(root, way)
    assert way.sent == ["p000", "p001", "p002", "p003", "p004"]


def test_a_campaign_that_loses_the_id_it_was_given_stays_the_same_one(root: Path) -> None:
    record = root / "records" / "campaigns" / "spring.yaml"
    record.write_text("".join(line for line in record.read_text().splitlines(True) if not line.startswith("id:")))
    commit(root, None, "by hand")
    start = git(root, "rev-parse", "HEAD").strip()
    go(root, Told(), Asked(limit=3))
    git(root, "reset", "-q", "--hard", start)
    git(root, "clean", "-qfdx")
    way = Told()
    go(root, way)
    assert way.sent == ["p003", "p004"]


def test_another_campaign_of_the_same_name_is_not_begun_without_a_word(root: Path) -> None:
    go(root)
    record = root / "records" / "campaigns" / "spring.yaml"
    record.write_text(record.read_text().replace("YYYYY\n", "YYYYA\n").replace("finished", "draft"))
    commit(root, None, "by hand")
    way = Told()
    with pytest.raises(Conflict, match="another campaign spring was sent from here before"):
        go(root, way)
    frozen(root)
    go(root, way)
    assert len(way.sent) == 5


def test_a_plan_that_was_edited_is_not_sent(root: Path) -> None:
    frozen(root)
    (plan,) = (Desk(Book(root)).state / "plans").glob("*.jsonl")
    plan.write_text(plan.read_text().replace("p001@example.org", "evil@example.net"))
    way = Told()
    with pytest.raises(InvalidData, match="is not the one that was frozen"):
        go(root, way)
    assert way.sent == []
    with at_work(Book(root), "test") as desk:
        freeze(Book(root), desk, "spring", refresh=True)
    go(root, way)
    assert way.sent == ["p000", "p001", "p002", "p003", "p004"]


def test_who_was_left_out_is_told_once_and_not_with_every_run(root: Path) -> None:
    record = root / "records" / "customers" / "p002.yaml"
    frozen(root)
    record.write_text(record.read_text() + "do_not_contact: [all]\n")
    assert said(go(root))["p002"] == ("out", "suppressed")
    lines = len(list(Desk(Book(root)).ledger.events()))
    assert (go(root).lines, len(list(Desk(Book(root)).ledger.events()))) == ([], lines)


def test_a_customer_with_another_name_is_still_in_the_plan(root: Path) -> None:
    frozen(root)
    git(root, "mv", "records/customers/p003.yaml", "records/customers/zed.yaml")
    way = Told()
    assert said(go(root, way))["zed"] == ("accepted", "dot")
    assert way.sent.count("p003") == 1


def test_a_record_that_cannot_be_read_waits(root: Path) -> None:
    frozen(root)
    record = root / "records" / "customers" / "p001.yaml"
    text = record.read_text()
    record.write_text(f"<<<<<<< ours\n{text}")
    done = go(root)
    assert (said(done)["p001"], done.balance.pending) == (("wait", "unreadable"), 1)
    record.write_text(text)
    way = Told()
    go(root, way)
    assert way.sent == ["p001"]


def test_a_run_ends_when_another_machine_is_made_the_sender(root: Path) -> None:
    record = root / "records" / "campaigns" / "spring.yaml"
    way = Told()

    def hand_over(who: str) -> None:
        if who == "p001":
            record.write_text(record.read_text().replace(Desk(Book(root)).host, "lap-other234"))

    way.before = hand_over
    assert go(root, way).stopped == "lap-other234 was made its sender meanwhile"
    assert way.sent == ["p000", "p001"]
