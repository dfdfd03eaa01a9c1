"""Addresses with letters beyond ASCII before the @: sent where the server takes them, told where it does not."""

from __future__ import annotations

from email import policy
from email.parser import Parser
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers.books import commit
from helpers.smtp_server import MailServer

from crmctl.services.book import Book
from crmctl.services.consenting.keys import existing

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

JOERG = "jörg@bücher.example"
SENT = "jörg@xn--bcher-kva.example"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A book with three people, the second of whom has an address beyond ASCII, in two pieces for its ö."""
    root = books.make(tmp_path / "book", 3)
    path = root / "records/customers/p001.yaml"
    path.write_text(path.read_text().replace("p001@example.org", "jo\u0308rg@bücher.example"))
    commit(root)
    return root


def test_a_server_that_takes_them_gets_them(root: Path, run: Run) -> None:
    with MailServer(utf8=True) as server:
        books.configure(server.port, "  unsubscribe: {mailto: out@example.com}\n")
        done = run("-C", str(root), "campaign", "send", "spring", "--send")
        assert done.code == 0, done.err
    kept = {mail.recipient: mail for mail in server.accepted}
    assert set(kept) == {"p000@example.org", SENT, "p002@example.org"}
    mail = kept[SENT]
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(mail.options)
    assert all("SMTPUTF8" not in other.options for to, other in kept.items() if to != SENT)
    # The way back and the way off the list are for every server.
    assert mail.sender.isascii()
    message = Parser(policy=policy.SMTPUTF8).parsestr(mail.data.decode())
    assert message["To"].addresses[0].addr_spec == SENT
    assert message["List-Unsubscribe"].isascii()
    assert mail.data.replace(SENT.encode(), b"").isascii()
    assert books.states(root) == {"accepted": 3}


def test_a_server_that_does_not_gets_the_others_on_the_same_connection(root: Path, run: Run) -> None:
    with MailServer(utf8=False) as server:
        books.configure(server.port)
        done = run("-C", str(root), "campaign", "send", "spring", "--send")
    assert [mail.recipient for mail in server.accepted] == ["p000@example.org", "p002@example.org"]
    assert server.connections == 1
    row = books.rows(root)["p001"]
    assert (row.state, "SMTPUTF8" in row.text) == ("rejected", True)
    assert "p001" in done.out + done.err
    assert "SMTPUTF8" in run("-C", str(root), "outbox", "show", row.sid).out


def test_who_wants_no_more_mail_gets_none_however_the_address_is_written(root: Path, run: Run) -> None:
    for written in ("JÖRG@BÜCHER.EXAMPLE", JOERG, "jo\u0308rg@xn--bcher-kva.example"):
        assert run("-C", str(root), "suppress", "add", JOERG).code == 0
        assert "manual" in run("-C", str(root), "suppress", "check", written).out
    ring = existing(Book(root))
    assert ring.hashes(JOERG) == ring.hashes("Jo\u0308rg@xn--bcher-kva.example")
    with MailServer() as server:
        books.configure(server.port)
        run("-C", str(root), "campaign", "send", "spring", "--send")
    assert {mail.recipient for mail in server.accepted} == {"p000@example.org", "p002@example.org"}


def test_an_answer_from_such_an_address_is_theirs(root: Path, run: Run, tmp_path: Path) -> None:
    mail = tmp_path / "mail.eml"
    mail.write_bytes(
        "From: Jörg <jörg@bücher.example>\r\nTo: ada@example.com\r\nDate: Mon, 2 Mar 2026 10:00:00 +0100\r\n"
        "Message-ID: <1@x.example>\r\nSubject: Grüße\r\n\r\nHallo\r\n".encode()
    )
    assert run("-C", str(root), "ingest", "message", str(mail)).code == 0
    assert "Grüße" in (root / "records/interactions/p001.jsonl").read_text()
