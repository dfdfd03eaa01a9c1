"""A campaign sent in-process, with a transport that does as it is told."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.mail.message.compose import Sender
from crmctl.mail.transport.outcomes import Outcome
from crmctl.services.book import Book
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.campaigns.running.asking import World
from crmctl.services.campaigns.running.runs import send
from crmctl.services.mailing.config import MailServer
from helpers import campaign_book as books

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crmctl.mail.transport.outcomes import TransportFailed
    from crmctl.services.campaigns.running.asking import Sent

NOW = datetime.fromisoformat("2026-11-23T10:00:00+01:00")  # A Monday.
TAKEN = Outcome("accepted", 250, "2.0.0 queued as 1", "dot")
LOST = Outcome("unknown", 0, "the server closed the connection", "dot")
LATER = Outcome("deferred", 450, "4.2.0 try later", "rcpt")
GONE = Outcome("rejected", 550, "5.1.1 no such user", "rcpt")


class Told:
    """A transport that answers as it was told, by the local part of the address; everything else is taken."""

    def __init__(self, **outcomes: Outcome) -> None:
        self.outcomes: dict[str, Outcome] = dict(outcomes)
        self.sent: list[str] = []
        self.data: dict[str, list[bytes]] = {}
        self.senders: list[str] = []
        self.before: Callable[[str], None] = lambda _who: None
        self.refuses: TransportFailed | None = None

    def open(self) -> None:
        if self.refuses is not None:
            raise self.refuses

    def send(
        self, sender: str, recipient: str, data: bytes, *, sid: str, before_dot: Callable[[], None], **_: object
    ) -> Outcome:
        who = recipient.partition("@")[0]
        self.before(who)
        self.senders.append(sender)
        outcome = self.outcomes.pop(who, TAKEN)
        assert sid in data.decode()
        if outcome.phase == "dot":
            before_dot()
            self.sent.append(who)
            self.data.setdefault(who, []).append(data)
        return outcome

    def close(self) -> None:
        pass


def later(**spans: float) -> datetime:
    """Let it be later."""
    moment = clock.now() + timedelta(**spans)
    clock.freeze(moment)
    return moment


def go(root: Path, way: Told | None = None, asked: Asked | None = None, **more: object) -> Sent:
    mail = MailServer(sender=Sender("Ada", "ada@example.com"), host="127.0.0.1", bounces="bounces@example.com")
    mail = mail._replace(**{name: more.pop(name) for name in ("rate", "unsubscribe") if name in more})  # type: ignore[arg-type]
    return send(Book(root), "spring", asked or Asked(), World(way or Told(), mail, **more))  # type: ignore[arg-type]


def said(sent: Sent) -> dict[str, tuple[str, str]]:
    return {line.entry.handle: (line.state, line.code) for line in sent.lines}


def state(root: Path, who: str) -> str:
    return books.rows(root)[who].state
