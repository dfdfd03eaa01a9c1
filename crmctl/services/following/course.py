"""What the parts of a run share: the book, what they need of the outside, and what is to be told at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.book import Book
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.mailing.config import MailServer
    from crmctl.services.mailing.config import SmsSpool


class Outside(NamedTuple):
    """What a run needs of the outside: the way out and its settings (None: no mail server is set up), how to read the
    inbox (None: none is set up), waiting (None: the time stands still), whether somebody wants it to end; where letters
    are put (None: nobody said), and the program that sends text messages (None: there is none)."""

    transport: Transport | None = None
    mail: MailServer | None = None
    ingest: Callable[[], None] | None = None
    sleep: Callable[[float], None] | None = None
    interrupted: Callable[[], bool] = bool
    folder: Path | None = None
    texts: SmsSpool | None = None


class Course:
    """One run on its way: ``notes`` are for a person, ``complete`` says that nothing has failed so far, ``bound`` are
    the files to print."""

    def __init__(self, book: Book, desk: Desk, outside: Outside) -> None:
        self.book = book
        self.desk = desk
        self.outside = outside
        self.notes: list[str] = list(desk.ledger.notes)
        self.complete = True
        self.bound: list[Path] = []

    def fail(self, note: str = "") -> None:
        """Something did not work; ``note`` says what, when no decision does."""
        self.complete = False
        if note:
            self.notes.append(note)
