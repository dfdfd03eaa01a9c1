"""``crmctl consent request``: the mail that asks, whole, in the reader's language, and sent once."""

from __future__ import annotations

from email import message_from_bytes
from email import message_from_string
from email import policy
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book
from helpers.books import commit
from helpers.books import fresh
from helpers.smtp_server import MailServer

from crmctl import errors
from crmctl.services.consenting import listing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from conftest import Result
    from conftest import Run

SETTINGS = """\
name: Test Ltd
postal_address: "1 Lane, Town"
timezone: Europe/Berlin
purposes:
  newsletter: {basis: consent, help: news once a month}
  offers: consent
"""
ADA = "name: Ada Lovelace\nid: 01J0000000000000000000000A\nemails: [ada@example.org]\n"
NOW = "2027-03-01T12:00"


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(book_dir, {"/crm.yaml": SETTINGS, "customers/ada.yaml": ADA})
    return book_dir


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as made:
        campaign_book.configure(made.port)
        yield made


def ask(run: Run, book: Path, *more: str, now: str = NOW) -> Result:
    return run("-C", book, "--now", now, "consent", "request", "ada", "--purpose", "newsletter", *more)


def printed(done: Result) -> EmailMessage:
    assert done.code == 0, done.err
    return message_from_string(done.out, policy=policy.default)


def sent(server: MailServer) -> EmailMessage:
    return message_from_bytes(server.accepted[-1].data, policy=policy.default)


def text_of(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_what_is_printed_is_a_whole_message_of_ours(run: Run, book: Path) -> None:
    campaign_book.configure(1)
    first = printed(ask(run, book))
    assert (first["From"], first["To"]) == ("Ada <ada@example.com>", "ada@example.org")
    assert first["Date"].datetime.isoformat() == "2027-03-01T12:00:00+01:00"
    assert first["Message-ID"].endswith("@example.com>")
    assert first["Auto-Submitted"] == "auto-generated"
    assert "newsletter: news once a month" in text_of(first)
    again = printed(ask(run, book, now="2027-03-03T12:00"))
    assert (again["Message-ID"], again["Subject"]) == (first["Message-ID"], first["Subject"])


def test_without_settings_it_is_from_whoever_campaigns_are_from(run: Run, book: Path) -> None:
    assert printed(ask(run, book))["From"] == "Ann Author <ann@example.com>"


def test_nobody_is_asked_when_nobody_can_send_it(run: Run, book: Path) -> None:
    assert ask(run, book, "--send").code == errors.NO_BOOK
    assert "asked" not in run("-C", book, "--now", NOW, "consent", "show", "ada").out


def test_it_is_sent_once_a_day_and_its_answer_grants(run: Run, book: Path, server: MailServer) -> None:
    assert "Sent to ada@example.org" in ask(run, book, "--send").err
    again = ask(run, book, "--send", now="2027-03-02T11:59")
    assert (again.code, "it was handed over at 2027-03-01 12:00" in again.err) == (0, True)
    assert server.recipients() == ["ada@example.org"]
    assert ask(run, book, "--send", now="2027-03-02T12:01").code == 0
    first, second = server.accepted
    assert first.sender == second.sender
    assert first.sender.startswith("bounces+")
    subject = sent(server)["Subject"]
    confirmed = run("-C", book, "--now", "2027-03-02T13:00", "consent", "confirm", f"Re: {subject}")
    assert "ada confirmed newsletter" in confirmed.err
    assert ask(run, book, "--send", now="2027-03-04T12:00").code == errors.CONFLICT


def test_what_the_server_refused_can_be_sent_again_at_once(run: Run, book: Path, server: MailServer) -> None:
    for step in ("rcpt 450 4.2.0 later", "dot 451 4.3.0 later"):
        server.script("ada@example.org", step)
        refused = ask(run, book, "--send")
        assert (refused.code, "not sent (deferred" in refused.err) == (errors.NOT_SENT, True)
    assert ask(run, book, "--send").code == 0
    assert server.recipients() == ["ada@example.org"]


def test_after_a_lost_answer_it_is_not_sent_twice(run: Run, book: Path, server: MailServer) -> None:
    server.script("ada@example.org", "dot lose")
    lost = ask(run, book, "--send")
    assert (lost.code, "not sent (unknown" in lost.err) == (errors.NOT_SENT, False)
    assert "may or may not have arrived" in lost.err
    assert "Nothing was sent" in ask(run, book, "--send").err


def test_who_wants_no_mail_at_all_is_not_asked(run: Run, book: Path, server: MailServer) -> None:
    listing.add(fresh(book), "ada@example.org", why="unsubscribed")
    done = ask(run, book, "--send")
    assert (done.code, "unsubscribed from everything" in done.err) == (errors.CONFLICT, True)
    assert server.accepted == []


def test_who_left_this_list_alone_may_be_asked_back(run: Run, book: Path, server: MailServer) -> None:
    assert run("-C", book, "--now", NOW, "consent", "withdraw", "ada", "newsletter").code == 0
    assert ask(run, book, "--send").code == 0
    assert server.recipients() == ["ada@example.org"]


def test_nobody_is_asked_under_the_name_of_another(run: Run, book: Path, server: MailServer) -> None:
    commit(book, {"customers/eve.yaml": "name: Eve\nemails: [ADA@example.org]\ndo_not_contact: [all]\n"})
    done = ask(run, book, "--send")
    assert (done.code, "eve has the same address" in done.err) == (errors.CONFLICT, True)
    assert server.accepted == []


@pytest.mark.parametrize(
    ("language", "words"),
    [("de", "bis 15. März 2027"), ("de-CH", "bis 15. März 2027"), ("en", "by 15 March 2027"), ("fr", "by 15 March")],
)
def test_it_is_in_the_language_of_whoever_reads_it(
    run: Run, book: Path, server: MailServer, language: str, words: str
) -> None:
    commit(book, {"customers/ada.yaml": f"{ADA}language: {language}\n"})
    assert ask(run, book, "--send").code == 0
    assert words in text_of(sent(server))
    assert "news once a month" in text_of(sent(server))


def test_the_book_s_own_words_come_first_by_language(run: Run, book: Path) -> None:
    body = "{{ request.purpose }}: {{ request.wording }} ({{ request.until }})\n"
    commit(
        book,
        {
            "/templates/confirm.fr.md": f"---\nsubject: D'accord\nlanguage: fr\n---\nBonjour, {body}",
            "/templates/confirm.txt": f"---\nsubject: All right\n---\nHello, {body}",
        },
    )
    assert run("-C", book, "check").code == 0
    assert run("-C", book, "--now", NOW, "template", "check").code == 0
    plain = printed(ask(run, book))
    assert plain["Subject"].startswith("All right: c")
    assert "Hello, newsletter: news once a month (2027-03-15)" in text_of(plain)
    commit(book, {"customers/ada.yaml": f"{ADA}language: fr\n"})
    french = printed(ask(run, book))
    assert french["Subject"].startswith("D'accord: c")
    assert text_of(french).startswith("Bonjour, newsletter")


@pytest.mark.parametrize(
    ("front", "body", "words"),
    [
        ("", "Yes?", "does not say what they agree to"),
        ("kind: marketing", "{{ request.wording }}", "no advertising"),
        ("", "{{ request.wordings }}", "there is no field `request.wordings`"),
    ],
)
def test_a_template_that_cannot_ask_asks_nobody(run: Run, book: Path, front: str, body: str, words: str) -> None:
    commit(book, {"/templates/confirm.md": f"---\nsubject: Yes?\n{front}\n---\n{body}\n"})
    done = ask(run, book)
    assert (done.code != 0, words in done.err) == (True, True), done.err
    assert "asked" not in run("-C", book, "--now", NOW, "consent", "show", "ada").out


def test_a_long_wording_is_said_and_not_its_hash(run: Run, book: Path) -> None:
    wording = "We write to you about what is new with us, once a month and no more. " * 6
    assert " ".join(wording.split()) in " ".join(text_of(printed(ask(run, book, "--wording", wording))).split())
    assert " ".join(wording.split()) in " ".join(text_of(printed(ask(run, book, "--wording", wording))).split())
    other = ask(run, book)
    assert (other.code, "in other words" in other.err) == (errors.USAGE, True)
