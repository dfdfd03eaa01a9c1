"""What is to be done about each message: what is known of all of them, and what each needs to be judged by.

Nothing is written here. ``casework`` judges one message by what this desk knows.
"""

from __future__ import annotations

from datetime import UTC
from functools import cached_property
from typing import TYPE_CHECKING

from crmctl.mail import keyed
from crmctl.mail import tokens
from crmctl.mail.inbound import bounces
from crmctl.mail.inbound import classify
from crmctl.mail.inbound import reading
from crmctl.services.ingest import entries
from crmctl.services.ingest.casework import Case
from crmctl.services.ingest.decisions import KNOWN
from crmctl.services.ingest.decisions import NOBODY
from crmctl.services.ingest.decisions import SOFT_DAYS
from crmctl.services.ingest.decisions import SOFT_MOST
from crmctl.services.ingest.decisions import Decision
from crmctl.services.ingest.decisions import OptOut
from crmctl.services.ingest.known import Known

if TYPE_CHECKING:
    from datetime import datetime

    from crmctl.mail.inbound.reading import Mail
    from crmctl.services.book import Book
    from crmctl.services.consenting.suppression import Suppressions
    from crmctl.services.ingest.matching import Match
    from crmctl.services.ingest.matching import Matcher
    from crmctl.services.ingest.sends import Fact
    from crmctl.services.ingest.sends import Send
    from crmctl.services.ingest.sends import Sends
    from crmctl.services.ingest.sources import Found


class Desk:
    """Decides about messages one after the other."""

    def __init__(self, book: Book, sends: Sends, matcher: Matcher) -> None:
        from crmctl.services.consenting import keys

        self._book = book
        self._sends = sends
        self._matcher = matcher
        self._known = Known(book)
        self._now = book.now()
        self._ring = keys.existing(book)
        campaigns = book.index.rows("SELECT handle, id, purpose FROM campaigns")
        self._campaigns = {str(name): str(handle) for handle, identity, _ in campaigns for name in (identity, handle)}
        self._purposes = {str(handle): str(purpose or "") for handle, _, purpose in campaigns}

    def decide(self, found: Found) -> Decision:
        """What is to be done about a message."""
        stranger = self._by_stranger(found)
        if stranger is not None:
            return stranger
        mail = reading.read(found.data, whole=found.whole)
        report = classify.report(mail)
        if report is not None and report.bounce is not None and report.bounce.by != "dsn" and self._is_a_person(mail):
            report = classify.report(mail, by_person=True)
        at = self._at(mail)
        match = self._matcher.match(mail, report, at)
        if report is None and self._is_strange(mail, match):
            return Decision("mail", NOBODY, at or self._now, mail.subject)
        kind = report or classify.words(mail, to_us=self._matcher.is_to_us(mail))
        if self._known.has(mail, kind):
            return Decision(kind.name, KNOWN, at or self._now, mail.subject)
        if at is None:
            # An answer to one of ours came after it; otherwise it would stop no sequence.
            at = self._local((match.send.moment if match.send is not None else None) or entries.UNDATED)
        decision = Case(self, mail, kind, match, at, self._known.key(mail)).decision()
        if decision.has_effect:
            self._known.add(mail, decision)
            for fact in decision.facts:
                self._sends.note(fact)
        return decision

    def _by_stranger(self, found: Found) -> Decision | None:
        """The decision about a message of which its headers say that it concerns nobody; most mail is like that."""
        if reading.holds_messages(found.data):
            return None
        mail = reading.read(found.data, whole=False)
        if bounces.looks_like_one(mail):
            return None
        at = self._at(mail)
        if not self._is_strange(mail, self._matcher.match(mail, None, at)):
            return None
        return Decision("mail", NOBODY, at or self._now, mail.subject)

    def _is_strange(self, mail: Mail, match: Match) -> bool:
        """Whether nothing in a message concerns us."""
        if match.customers or match.send is not None or self._known.has_key(mail):
            return False
        return self.token(mail) is None and self.confirmation(mail) is None

    def _at(self, mail: Mail) -> datetime | None:
        """When a message was written, the same in every clone; None when it does not say, or says a day to come."""
        found = reading.written(mail)
        return self._local(found) if found is not None and found <= self._now + reading.AHEAD else None

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self._book.context.zone)

    def opt_out(self, mail: Mail, customer: str, address: str, scope: str) -> OptOut:
        """An opt-out as of when it reached us: the sender's clock may be years behind, so the latest stamp counts."""
        latest = max((date for date in mail.dates if date <= self._now), default=None)
        return OptOut(customer, address, scope, self._local(latest or self._now), dated=latest is not None)

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

    def is_of(self, customer: str, address: str) -> bool:
        """Whether an address is one of a customer's."""
        known = map(keyed.canonical, self._matcher.addresses_of(customer))
        return keyed.canonical(address) in known

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
