"""Campaigns that somebody does by hand, over the phone or at the door: a follow-up for everybody who is called.

It stands in the book in the same commit as the ledger's line, and its id is told from the send's: neither a crash nor a
second clone makes another one. The history says nothing of it before somebody has called.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.model import ids
from crmctl.services import records
from crmctl.services.campaigns import daytime
from crmctl.services.campaigns.audience import address_of

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.mail.ledger.log import Event
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.store.transaction import Transaction

_WORDS = {"phone": "Call: ", "visit": "Visit: "}


class Calls:
    """Makes the follow-ups of one campaign. ``spool`` is where the words for each of them wait."""

    def __init__(self, book: Book, campaign: Campaign, spool: Path) -> None:
        self._book = book
        self._campaign = campaign
        self._spool = spool
        self._kind = book.schema.require("followup")
        email = book.repository.user()[1]
        row = book.index.row("SELECT handle FROM members WHERE email_key = ?", (email.casefold(),)) if email else None
        self._user = campaign.text("owner") or (str(row[0]) if row else "")

    def put(self, tx: Transaction, sid: str, customer: str, event: Event) -> None:
        """Put the follow-up for one send into a transaction; one that is there stays as it is.

        It is for whoever the customer belongs to, else for the campaign's owner, else for the user.
        """
        data = self._book.index.data(self._book.schema.require("customer"), customer) or {}
        identity = ids.id_from(f"call {sid}")
        path = records.path_of(self._book, self._kind, f"c-{identity[-16:].lower()}")
        if tx.read(path) is not None:
            return
        fields: RawMap = {
            "id": identity,
            "what": f"{_WORDS[self._campaign.channel]}{self._campaign.text('name') or self._campaign.handle}",
            "due": self._day(data, event),
            "customer": customer,
            "owner": str(data.get("owner") or "") or self._user,
            "campaign": self._campaign.handle,
            "external": {"send": sid},
            "notes": self._script(sid),
        }
        records.save(self._book, tx, self._kind, path, {name: value for name, value in fields.items() if value})

    def _day(self, data: RawMap, event: Event) -> str:
        """The day of the next hour in which it may be done, where the customer is."""
        at = datetime.fromisoformat(event.t).astimezone(self._book.settings.zone)
        number = address_of(data, self._campaign.channel, self._book.context) if self._campaign.rings else ""
        try:
            opens = daytime.opens(self._book, self._campaign, data, number, at)
        except InvalidData:  # The hours were changed since, and leave none: it was to be done all the same.
            opens = None
        return (opens or at).date().isoformat()

    def _script(self, sid: str) -> str:
        """What is to be said; "" when it is not known here any more."""
        try:
            return (self._spool / f"{sid}.eml").read_bytes().decode("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""
