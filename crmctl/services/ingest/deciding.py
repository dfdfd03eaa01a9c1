"""What is to be done about each message: what is known of all of them, and what each needs to be judged by.

Nothing is written here. ``casework`` judges one message by what this desk knows.
"""

from __future__ import annotations

from datetime import UTC
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from crmctl.mail import tokens
from crmctl.mail.inbound import bounces
from crmctl.mail.inbound import reading
from crmctl.mail.inbound.classify import classify
from crmctl.services.ingest.casework import Case
from crmctl.services.ingest.decisions import KNOWN
from crmctl.services.ingest.decisions import SOFT_DAYS
from crmctl.services.ingest.decisions import SOFT_MOST
from crmctl.services.ingest.decisions import Decision

if TYPE_CHECKING:
    from datetime import datetime

    from crmctl.mail.inbound.reading import Mail
    from crmctl.services.book import Book
    from crmctl.services.consenting.suppression import Suppressions
    from crmctl.services.ingest.matching import Matcher
    from crmctl.services.ingest.sends import Fact
    from crmctl.services.ingest.sends import Send
    from crmctl.services.ingest.sends import Sends
    from crmctl.services.ingest.sources import Found


_AHEAD = timedelta(days=1)
"""A clock may be so far ahead, or wrong about its zone: that is kept then, for it is the same in every clone."""


class Desk:
    """Decides about messages one after the other; ``known`` are the keys of those that were filed before."""

    def __init__(self, book: Book, sends: Sends, matcher: Matcher, known: set[str]) -> None:
        from crmctl.services.consenting import keys

        self._book = book
        self._sends = sends
        self._matcher = matcher
        self._known = known
        self._now = book.now()
        self._ring = keys.existing(book)
        campaigns = book.index.rows("SELECT handle, id, purpose FROM campaigns")
        self._campaigns = {str(name): str(handle) for handle, identity, _ in campaigns for name in (identity, handle)}
        self._purposes = {str(handle): str(purpose or "") for handle, _, purpose in campaigns}

    def decide(self, found: Found) -> Decision:
        """What is to be done about a message."""
        mail = reading.read(found.data, whole=found.whole)
        kind = classify(mail)
        if kind.bounce is not None and kind.bounce.by != "dsn" and self._is_a_person(mail):
            kind = classify(mail, by_person=True)
        said = next((date for date in mail.dates if date <= self._now + _AHEAD), self._now)
        at = said.astimezone(self._book.context.zone)
        if mail.key in self._known:
            return Decision(kind.name, KNOWN, at, mail.subject)
        match = self._matcher.match(mail, kind, at)
        decision = Case(self, mail, kind, match, at).decision()
        if decision.has_effect:
            self._known.add(mail.key)
            for fact in decision.facts:
                self._sends.note(fact)
        return decision

    def asked_at(self, mail: Mail) -> datetime:
        """When an opt-out reached us: the sender's clock may be years behind, so the latest stamp on it counts."""
        latest = max((date for date in mail.dates if date <= self._now), default=self._now)
        return latest.astimezone(self._book.context.zone)

    def _is_a_person(self, mail: Mail) -> bool:
        return bool(self._matcher.with_address(mail.sender)) and not bounces.is_from_system(mail)

    def token(self, mail: Mail) -> tuple[str, str, Send | None] | None:
        """(customer, scope, send) that a token names in an address the message was sent to; None without a good one."""
        for address in (*mail.envelope, *mail.recipients, mail.subject):
            for text in tokens.find(address):
                read = self._ring.read(text, self._book.settings.purposes)
                if read is None or read[0].use != tokens.UNSUBSCRIBE:
                    continue
                send = self._sends.find(read[0].subject)
                whose = self._matcher.with_id(send.customer if send else read[0].subject)
                who = whose[0] if whose else "" if send else self._matcher.guessed.get(read[0].subject, "")
                if who or send:
                    return who, read[1] or "all", send
        return None

    def confirmation(self, mail: Mail) -> tuple[str, str] | None:
        """(token, customer) of the question that a message answers, by its subject; None when it answers none."""
        for text in tokens.find(mail.subject):
            read = self._ring.read(text, self._book.settings.purposes)
            if read is None or read[0].use != tokens.CONFIRM:
                continue
            row = self._book.index.row("SELECT customer FROM interactions WHERE handle = ?", (read[0].subject,))
            if row is not None:
                return text, str(row[0])
        return None

    def campaign(self, send: Send | None) -> str:
        """The handle of the campaign that a send belongs to, "" when it has gone."""
        return self._campaigns.get(send.camp, "") if send else ""

    def scope(self, send: Send | None) -> str:
        """What somebody means who says "stop" to a send: its purpose; everything, when that is not known."""
        return self._purposes.get(self.campaign(send), "") or "all"

    def is_third(self, send: Send, at: datetime) -> bool:
        """Whether a soft bounce of this moment makes too many."""
        return self._sends.soft_days(send, at.astimezone(UTC).date(), SOFT_DAYS) >= SOFT_MOST

    def addresses(self, customer: str, send: Send) -> tuple[str, ...]:
        """The address a send went to; its hash from the ledger where the customer has it no more."""
        mine = self._matcher.addresses_of(customer)
        found = tuple(address for address in mine if not send.to or send.to in self._ring.hashes(address))
        return found or ((send.to,) if send.to else ())

    def is_closed(self, addresses: tuple[str, ...], why: str) -> bool:
        """Whether all of these addresses are on the list of suppressions for that reason, for good."""
        known = self._suppressions
        return known is not None and all(any(one.why == why for one in known.of(address)) for address in addresses)

    @cached_property
    def _suppressions(self) -> Suppressions | None:
        from crmctl.errors import CrmError
        from crmctl.services.consenting import suppression

        try:
            return suppression.load(self._book)
        except CrmError:
            return None

    def is_told(self, fact: Fact) -> bool:
        """Whether the ledger has a fact already."""
        return self._sends.is_told(fact)
