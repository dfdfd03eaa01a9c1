"""The outbox for mails of sequences: whose they are, and what a person says about them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from helpers import following_book as books
from helpers.books import git

from crmctl.errors import Conflict
from crmctl.mail.ledger import spool
from crmctl.services.book import Book
from crmctl.services.campaigns.running import outbox
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.witness import LedgerBehind
from crmctl.services.following import enrolling

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.campaigns.running.outbox import Send

NOW = "2027-03-01T09:00"
LATER = "2027-03-01T10:00"
CONTRACT = "purposes:\n  service:\n    basis: contract\n  newsletter:\n    basis: consent\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A book in which the server's answer to the first mail for kim was lost."""
    folder = books.make(tmp_path / "book")
    for customer in ("kim", "bob"):
        enrolling.enroll(books.at(NOW, folder), customer, "welcome")
    books.act(folder, NOW, books.Told(kim=books.LOST))
    return folder


def waiting(root: Path) -> list[Send]:
    return outbox.sends(Book(root))


def test_a_mail_of_a_sequence_has_the_names_of_its_sequence_and_step(root: Path) -> None:
    (send,) = waiting(root)
    assert (send.sequence, send.step, send.campaign, send.customer) == ("welcome", "1", "", "kim")
    assert send.source == "welcome step 1"
    every = outbox.sends(Book(root), sequence="welcome", everything=True)
    assert [(one.customer, one.row.state) for one in every] == [("bob", "accepted"), ("kim", "unknown")]


def test_who_agreed_to_get_it_is_held_until_somebody_says_what_became_of_it(root: Path) -> None:
    told = books.Told()
    assert ("kim", "hold", 1) in books.codes(books.act(root, LATER, told).decisions)
    assert told.sent == []


def test_resend_sends_the_same_bytes_once(root: Path) -> None:
    (send,) = waiting(root)
    before = spool.get(Desk(Book(root)).spool, send.row.sid, send.row.eml)
    assert outbox.resolve(Book(root), send.row.sid[:8], "resend", "the log of the server has nothing").row.state == (
        "rendered"
    )
    assert git(root, "log", "-1", "--format=%s").strip() == "sequence: welcome, settled by hand"
    assert git(root, "status", "--porcelain") == ""
    told = books.Told()
    assert ("kim", "sent", 1) in books.codes(books.act(root, LATER, told).decisions)
    assert (told.sent, told.data) == (["kim"], [before])
    assert waiting(root) == []
    books.act(root, LATER, told)
    assert told.sent == ["kim"]


def test_accepted_is_told_to_the_book_by_the_next_run(root: Path) -> None:
    (send,) = waiting(root)
    outbox.resolve(Book(root), send.row.sid, "accepted", "she replied")
    told = books.Told()
    books.act(root, LATER, told)
    assert [did.what for did in books.one(root).log] == ["sent"]
    assert told.sent == []


def test_abandoned_skips_the_step(root: Path) -> None:
    (send,) = waiting(root)
    outbox.resolve(Book(root), send.row.sid, "abandoned", "she has moved")
    told = books.Told()
    assert ("kim", "skip", 1) in books.codes(books.act(root, LATER, told).decisions)
    assert told.sent == []


def test_it_cannot_be_sent_again_where_its_bytes_are_not(root: Path) -> None:
    (send,) = waiting(root)
    spool.remove(Desk(Book(root)).spool, send.row.sid)
    with pytest.raises(Conflict, match="cannot be sent again"):
        outbox.resolve(Book(root), send.row.sid, "resend", "x")
    assert waiting(root)[0].row.state == "unknown"


def test_another_clone_does_not_settle_it(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "copy")
    (send,) = waiting(tmp_path / "copy")
    with pytest.raises(Conflict, match="the mails of sequence welcome are sent by"):
        outbox.resolve(Book(tmp_path / "copy"), send.row.sid, "resend", "x")


def test_after_a_ledger_is_lost_adopting_holds_what_was_tried_by_its_names(root: Path) -> None:
    (send,) = waiting(root)
    desk = Desk(Book(root))
    for path in (desk.state / "wal").iterdir():
        path.unlink()
    shutil.rmtree(root / "records/sends", ignore_errors=True)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "an older copy")
    told = books.Told()
    with pytest.raises(LedgerBehind):
        books.act(root, LATER, told)
    assert set(outbox.adopt(Book(root), hold=True).held) >= {send.row.sid}
    kim = next(one for one in waiting(root) if one.row.sid == send.row.sid)
    assert (kim.source, kim.customer, kim.row.state) == ("welcome step 1", "kim", "unknown")
    assert ("kim", "hold", 1) in books.codes(books.act(root, LATER, told).decisions)
    assert told.sent == []
    # Nobody knows which bytes they were, and what is made anew is not the same.
    with pytest.raises(Conflict, match="cannot be sent again as it was"):
        outbox.resolve(Book(root), send.row.sid, "resend", "she got nothing")
    outbox.resolve(Book(root), send.row.sid, "abandoned", "she got nothing, and is called")
    books.act(root, LATER, told)
    assert told.sent == []


def test_a_mail_that_is_owed_goes_out_again_by_itself_three_times_at_most(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book")
    crm = root / "crm.yaml"
    crm.write_text(crm.read_text() + CONTRACT)
    path = root / "records/sequences/welcome.yaml"
    path.write_text(path.read_text().replace("purpose: newsletter", "purpose: service"))
    git(root, "commit", "-qam", "owed")
    enrolling.enroll(books.at(NOW, root), "kim", "welcome")
    sent = []
    for hour in range(9, 15):
        told = books.Told(kim=books.LOST)
        books.act(root, f"2027-03-01T{hour:02}:00", told)
        sent += told.data
    assert len(sent) == 3
    assert len(set(sent)) == 1
    assert [one.row.state for one in waiting(root)] == ["unknown"]
