"""A book with a sequence, and a transport that does as it is told, for tests of follow-ups."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.mail.message.compose import Sender
from crmctl.mail.transport.outcomes import Outcome
from crmctl.services.book import Book
from crmctl.services.following import enrolments
from crmctl.services.following import run as runs
from crmctl.services.following.course import Outside
from crmctl.services.mailing.config import MailServer
from helpers import books

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crmctl.services.following.deciding import Decision
    from crmctl.services.following.enrolments import Enrolment
    from crmctl.services.following.run import Report

TAKEN = Outcome("accepted", 250, "2.0.0 queued", "dot")
LOST = Outcome("unknown", 0, "the server closed the connection", "dot")
LATER = Outcome("deferred", 450, "4.2.0 try later", "rcpt")
GONE = Outcome("rejected", 550, "5.1.1 no such user", "rcpt")
SERVER = MailServer(sender=Sender("Ada", "ada@example.com"), host="127.0.0.1", bounces="bounces@example.com")
PERSON = "id: {id}\nname: {name}\nemails: [{handle}@example.org]\nconsent:\n  newsletter:\n    state: granted\n"
STEPS = """\
steps:
- {wait: 0d, what: Greet, template: one}
- {wait: 3d, what: Ask again, template: two, thread: "yes"}
- {wait: 2d, business: "yes", what: Ring them, channel: phone}
- {wait: 1d, what: Last words, template: one, approval: draft}
"""
SEQUENCE = "id: 01HYYYYYYYYYYYYYYYYYYYYYYY\nname: Welcome\npurpose: newsletter\n"


def make(folder: Path, steps: str = STEPS, more: str = "") -> Path:
    """A book in ``folder`` with the customers kim and bob and the sequence ``welcome``."""
    files = {
        "/crm.yaml": "name: Test\ncurrency: EUR\ntimezone: Europe/Berlin\nemail: hello@example.com\n",
        "/templates/one.md": "---\nsubject: Hello {{ customer.name }}\n---\nDear {{ customer.name }}\n",
        "/templates/two.md": "---\nsubject: Still there\n---\nStill there, {{ customer.name }}?\n",
        "sequences/welcome.yaml": SEQUENCE + more + steps,
    }
    for number, handle in enumerate(("kim", "bob"), 1):
        identity = f"01HZZZZZZZZZZZZZZZZZZZZ{number:03d}"
        files[f"customers/{handle}.yaml"] = PERSON.format(id=identity, name=handle.title(), handle=handle)
    return books.make(folder, files)


def at(moment: str, root: Path) -> Book:
    """The book, at a moment of Berlin's clock (``2027-03-01T09:00``) or one with an offset."""
    book = Book(root)
    parsed = datetime.fromisoformat(moment)
    clock.freeze(parsed if parsed.tzinfo else parsed.replace(tzinfo=book.settings.zone))
    return book


class Told:
    """A transport that answers as it was told, by the local part of the address; everything else is taken."""

    def __init__(self, **outcomes: Outcome) -> None:
        self.outcomes = dict(outcomes)
        self.sent: list[str] = []
        self.data: list[bytes] = []

    def open(self) -> None:
        """Nothing to connect to."""

    def close(self) -> None:
        """Nothing to close."""

    def send(
        self, sender: str, recipient: str, data: bytes, *, sid: str, before_dot: Callable[[], None], **_: object
    ) -> Outcome:
        """Answer as told."""
        assert sid in sender.upper()
        who = recipient.partition("@")[0]
        outcome = self.outcomes.pop(who, TAKEN)
        if outcome.phase == "dot":
            before_dot()
            self.sent.append(who)
            self.data.append(data)
        return outcome


def act(
    root: Path,
    moment: str,
    transport: Told | None = None,
    *,
    catch_up: bool = False,
    ingest: Callable[[], None] | None = None,
) -> Report:
    """A run at a moment."""
    outside = Outside(transport=transport or Told(), mail=SERVER, ingest=ingest)
    return runs.act(at(moment, root), outside, catch_up=catch_up)


def look(root: Path, moment: str) -> list[Decision]:
    """What a run at a moment would do."""
    return runs.look(at(moment, root))


def codes(found: list[Decision]) -> list[tuple[str, str, int]]:
    """What was decided, in short."""
    return [(one.customer, one.what if one.what != "wait" else one.code, one.step) for one in found]


def one(root: Path, customer: str = "kim") -> Enrolment:
    """The last enrolment of a customer."""
    return max(enrolments.every(Book(root), customer=customer), key=lambda found: found.started)
