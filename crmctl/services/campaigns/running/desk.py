"""What everything about sending works on: this machine's ledger of the book, opened by one process at a time."""

from __future__ import annotations

from contextlib import ExitStack
from contextlib import contextmanager
from contextlib import suppress
from typing import TYPE_CHECKING

from crmctl.errors import Locked
from crmctl.errors import StorageFailed
from crmctl.mail.ledger import spool
from crmctl.mail.ledger.log import Ledger
from crmctl.services.consenting.sends import MIRRORS
from crmctl.services.mailing import clones
from crmctl.services.mailing.host import mail_state
from crmctl.store.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crmctl.mail.ledger.log import Event
    from crmctl.mail.ledger.states import Row
    from crmctl.services.book import Book

OTHERS = "others"
"""Beside the log: what other machines had in their tracked files when that was seen; see ``remembering``."""


class SendingElsewhere(Locked):
    """Another process sends from this book at the moment."""


class Desk:
    """The folder of what is kept about mail, the name of this clone, and the ledger; ``name`` is for whoever writes."""

    def __init__(self, book: Book, name: str = "") -> None:
        self.state: Path = mail_state(book)
        self.host = name or clones.name_perhaps(book)
        self.ledger = Ledger(self.state, self.host, mirrors=[book.root / MIRRORS, self.state / OTHERS])

    def look_again(self) -> None:
        """Read the ledger again: the tracked files of other machines may have come in.

        Raises:
            LedgerDamaged, Locked, StorageFailed: as ``Ledger.open``.
        """
        self.ledger.close()
        self.ledger.open()

    @property
    def spool(self) -> Path:
        """Where messages wait as bytes."""
        return self.state / "spool"

    def keeps(self, row: Row) -> bool:
        """Whether the bytes that a row was handed over as are here, so that the same can be sent again."""
        try:
            return bool(row.eml) and bool(spool.get(self.spool, row.sid, row.eml))
        except StorageFailed:
            return False

    def events(self, campaign_id: str, *, tolerant: bool = False) -> list[Event]:
        """Everything that happened in a campaign; ``tolerant`` is for reports: damaged lines are left out."""
        return list(self.ledger.of_campaign(campaign_id, tolerant=tolerant))

    def rows(self, campaign_id: str, *, tolerant: bool = False) -> dict[str, Row]:
        """The state of every send of a campaign, by its id."""
        return self.ledger.rows(campaign_id, tolerant=tolerant)


@contextmanager
def sending_lock(book: Book, purpose: str, *, wait: float = 0) -> Iterator[None]:
    """Be the only process that sends from the book; the kernel lets go of the lock when the process ends.

    Raises:
        SendingElsewhere: another process does.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(mail_state(book) / "lock", purpose, wait))
        except Locked as error:
            holder = error.message.partition("(")[2].rstrip(")")
            hint = "It goes on by itself; wait until it has ended."
            raise SendingElsewhere(f"another crmctl is sending from this book ({holder})", hint=hint) from None
        yield


@contextmanager
def at_work(book: Book, purpose: str, *, wait: float = 0) -> Iterator[Desk]:
    """A desk to write at; nobody else writes meanwhile.

    Raises:
        SendingElsewhere: another process does.
        LedgerDamaged: the ledger was changed by somebody else; nothing may be sent then.
    """
    with sending_lock(book, purpose, wait=wait):
        desk = Desk(book, clones.name_of(book))
        try:
            desk.ledger.open()
        except Locked as error:
            raise SendingElsewhere(error.message, hint=error.hint) from None
        try:
            yield desk
        except BaseException:
            with suppress(StorageFailed):  # What went wrong first is what has to be told.
                desk.ledger.close()
            raise
        desk.ledger.close()
