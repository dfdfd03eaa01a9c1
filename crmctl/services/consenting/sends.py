"""What the ledgers of all machines know of messages that went out: to whom, for which campaign, when."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.mail.ledger.states import Row
    from crmctl.services.book import Book

MIRRORS = "records/sends"
"""The tracked folder: what every machine has sent, by campaign and machine."""


class Sent(NamedTuple):
    """A message that a server accepted: the customer and the campaign, by id or handle, and when."""

    customer: str
    campaign: str
    at: datetime


def rows(book: Book) -> dict[str, Row]:
    """Every send by its id, as the ledgers tell of it; nothing where none has been kept.

    A ledger that is damaged is read as far as it can be: what it still says of who was written to, counts.
    """
    from crmctl.services.mailing.host import mail_state

    folder = mail_state(book)
    mirrors = sorted((book.root / MIRRORS).glob("*/*.jsonl"))
    if not mirrors and not (folder / "wal").is_dir():
        return {}
    from crmctl.mail.ledger.log import Ledger
    from crmctl.services.mailing import clones

    return Ledger(folder, clones.name_perhaps(book), mirrors=mirrors).rows(tolerant=True)


def accepted(book: Book) -> Iterator[Sent]:
    """The messages that a server accepted, and those of which nobody knows."""
    for row in rows(book).values():
        if row.state in ("accepted", "unknown"):
            yield Sent(row.cust, row.camp, _moment(row.at))


def _moment(text: str) -> datetime:
    """A moment of a ledger; one that cannot be read counts as now, and never as long ago."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
