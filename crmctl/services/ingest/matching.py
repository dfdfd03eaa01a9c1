"""Whom a message is about: the customer one of our messages went to, or the one whose address it comes from.

What comes back carries the id of what it answers, in the places that ``mail.inbound.clues`` lists; an id counts only
when the ledger knows it. An address that several customers have is nobody's: a person has to say whose it is.
"""

from __future__ import annotations

import re
from datetime import UTC
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail import keyed
from crmctl.mail.identifiers import find_sids
from crmctl.mail.inbound import clues
from crmctl.services.consenting import identity as identities

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from crmctl.mail.inbound.classify import Kind
    from crmctl.mail.inbound.reading import Mail
    from crmctl.services.book import Book
    from crmctl.services.ingest.sends import Send
    from crmctl.services.ingest.sends import Sends

_OTHERWISE = re.compile(r"@(?:gmail|googlemail)\.com$|xn--", re.IGNORECASE)
"""Addresses that may stand in a record in another writing."""
RECENT = timedelta(days=30)
"""A message from a customer who got one of ours not longer ago is taken for an answer to it, if a weak one."""
SKEW = timedelta(minutes=10)
"""So much may the clock by which somebody wrote be behind ours."""


class Match(NamedTuple):
    """Whom a message is about (handles; several when that is not clear) and which of our messages, if any.

    ``how`` is where the id stood, "address", "thread" or "recent" (weak). ``ours`` says that we wrote it.
    """

    customers: tuple[str, ...]
    send: Send | None = None
    how: str = ""
    ours: bool = False


class Matcher:
    """Finds customers and sends; ``own`` are addresses of ours that no record names."""

    def __init__(self, book: Book, sends: Sends, own: Sequence[str] = ()) -> None:
        self._book = book
        self._sends = sends
        self._own = {address.casefold() for address in own}

    def match(self, mail: Mail, report: Kind | None, at: datetime | None) -> Match:
        """What ``mail``, written at some moment, is about; no customers when it concerns none of them. ``report`` is
        what it is when it is one."""
        if mail.sender.casefold() in self.own:
            return self._of_ours(mail)
        found = self._by_send(mail, report)
        if found is not None:
            return found
        if report is not None:
            return Match(())  # A report about something that is not ours: forged, or none of our business.
        customers = self.with_address(mail.sender)
        if len(customers) == 1 and at is not None:
            # What was written before a message is no answer to it; their clock may be slow.
            since, until = (f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}" for moment in (at - RECENT, at + SKEW))
            send = self._sends.latest_to(identities.of(self._book, customers[0]), since, until)
            return Match(customers, send, "recent" if send else "address")
        if customers:
            return Match(customers, None, "address")
        threads = [
            self._threads[one] for one in (*mail.in_reply_to, *reversed(mail.references)) if one in self._threads
        ]
        return Match((threads[0],), None, "thread") if threads else Match(())

    def with_address(self, address: str) -> tuple[str, ...]:
        """The customers with an e-mail address, however its domain (and Gmail's local part) are written."""
        sql = (
            "SELECT DISTINCT t.handle FROM customers_emails e JOIN customers t ON t.row_id = e.owner "
            "WHERE e.value_key = ? ORDER BY t.handle LIMIT 20"
        )
        rows = self._book.index.rows(sql, (address.casefold(),)) if address else []
        found = tuple(str(handle) for (handle,) in rows)
        if found or not address or not (_OTHERWISE.search(address) or not address.isascii()):
            return found
        return tuple(sorted(self._canonical.get(keyed.canonical(address), ()))[:20])

    @cached_property
    def _canonical(self) -> dict[str, set[str]]:
        """Customers by the canonical forms of those of their addresses that may be written in several ways."""
        sql = (
            "SELECT e.value, t.handle FROM customers_emails e JOIN customers t ON t.row_id = e.owner "
            "WHERE e.value_key LIKE '%@gmail.com' OR e.value_key LIKE '%@googlemail.com' OR e.value_key LIKE '%xn--%' "
            "OR e.value_key GLOB '*[^ -~]*'"
        )
        found: dict[str, set[str]] = {}
        for value, handle in self._book.index.rows(sql):
            found.setdefault(keyed.canonical(str(value)), set()).add(str(handle))
        return found

    def addresses_of(self, customer: str) -> list[str]:
        """The e-mail addresses of a customer."""
        sql = (
            "SELECT e.value FROM customers_emails e JOIN customers t ON t.row_id = e.owner "
            "WHERE t.handle = ? ORDER BY e.position"
        )
        return [str(value) for (value,) in self._book.index.rows(sql, (customer,))]

    def _of_ours(self, mail: Mail) -> Match:
        """Something we wrote ourselves: it is about everybody it went to."""
        for sid in find_sids(mail.message_id):
            send = self._sends.find(sid)
            if send is not None:
                return Match((), send, "copy", ours=True)
        found = [self.with_address(address) for address in mail.recipients]
        return Match(tuple(dict.fromkeys(one[0] for one in found if len(one) == 1)), None, "address", ours=True)

    def is_to_us(self, mail: Mail) -> bool:
        """Whether one of our own addresses, or the one it was delivered to, stands in To or Cc."""
        own = {*self.own, *(address.casefold() for address in mail.envelope)}
        return any(address.casefold() in own for address in mail.recipients)

    def _by_send(self, mail: Mail, report: Kind | None) -> Match | None:
        for clue in clues.of(mail, report.bounce if report else None):
            for sid in find_sids(clue.text):
                send = self._sends.find(sid)
                if send is not None:
                    return Match(self.with_id(send.customer), send, clue.where)
        return None

    def with_id(self, identity: str) -> tuple[str, ...]:
        """The customer with this id (or handle, where a record has none); none when it has gone, or two have it."""
        found = identities.handles_of(self._book, identity)
        return tuple(found) if len(found) == 1 else ()

    @cached_property
    def guessed(self) -> dict[str, str]:
        """Customers by the id that each campaign's mail to them has."""
        return identities.by_send(self._book)

    @cached_property
    def own(self) -> frozenset[str]:
        """Our own addresses: the book's, and those of the team."""
        rows = self._book.index.rows("SELECT email_key FROM members WHERE email_key IS NOT NULL")
        book = self._book.settings.email.casefold()
        return frozenset({*self._own, *(str(key) for (key,) in rows), book} - {""})

    @cached_property
    def _threads(self) -> dict[str, str]:
        """Message-IDs that stand in somebody's history, and whose that is."""
        sql = (
            "SELECT x.value, i.customer FROM interactions_external x JOIN interactions i ON i.row_id = x.owner "
            "WHERE x.key = 'message-id'"
        )
        return {str(key): str(customer) for key, customer in self._book.index.rows(sql)}
