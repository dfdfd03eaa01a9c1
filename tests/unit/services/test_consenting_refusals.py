"""An address that a mail server refuses for good is closed, as if the message had come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book
from helpers import following_book
from helpers.books import fresh
from helpers.books import git
from helpers.smtp_server import MailServer
from helpers.told_transport import GONE
from helpers.told_transport import NOW
from helpers.told_transport import Told
from helpers.told_transport import go

from crmctl import clock
from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.outcomes import SmtpServer
from crmctl.mail.transport.ways import smtp_transport
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.consenting import listing
from crmctl.services.following import enrolling

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def monday() -> None:
    clock.freeze(NOW)


def closed(root: Path, who: str) -> list[tuple[str, str, str]]:
    return [(entry.why, entry.channel, entry.source) for entry in listing.check(fresh(root), f"{who}@example.org")]


def test_what_a_server_says_of_an_address_counts_and_what_it_says_of_us_does_not(tmp_path: Path) -> None:
    root = campaign_book.make(tmp_path / "book", 5)
    with MailServer() as server:
        server.script("p000@example.org", "rcpt 550 5.1.1 no such user")
        server.script("p001@example.org", "rcpt 550 no mailbox here by that name")
        server.script("p002@example.org", "rcpt 552 5.2.2 mailbox full")
        server.script("p003@example.org", "dot 550 5.7.1 looks like spam")
        transport = smtp_transport(SmtpServer("127.0.0.1", server.port, security="none"))
        go(root, transport)  # type: ignore[arg-type]
    assert closed(root, "p000") == [("hard-bounce", "email", "refused 5.1.1")]
    assert closed(root, "p001") == [("hard-bounce", "email", "refused 550")]
    assert [closed(root, who) for who in ("p002", "p003", "p004")] == [[], [], []]


def test_it_is_told_in_the_commit_that_tells_of_the_run(tmp_path: Path) -> None:
    root = campaign_book.make(tmp_path / "book", 2)
    go(root, Told(p000=GONE))
    assert git(root, "status", "--porcelain") == ""


def test_whom_the_team_opened_again_stays_open(tmp_path: Path) -> None:
    root = campaign_book.make(tmp_path / "book", 2)
    go(root, Told(p000=GONE), Asked(limit=1))
    listing.remove(fresh(root), "p000@example.org", "typed by mistake")
    go(root)
    assert closed(root, "p000") == []


def test_a_sequence_closes_it_too(tmp_path: Path) -> None:
    root = following_book.make(tmp_path / "book")
    enrolling.enroll(following_book.at("2027-03-01T09:00", root), "kim", "welcome")
    dead = Outcome("rejected", 550, "5.1.1 no such user", "rcpt")
    following_book.act(root, "2027-03-01T09:05", following_book.Told(kim=dead))
    assert closed(root, "kim") == [("hard-bounce", "email", "refused 5.1.1")]
