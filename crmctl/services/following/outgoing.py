"""Sending the steps of a sequence that go by one channel: by the same loop, ledger, gate and pace as a campaign's, each
by its own id.

To that loop a sequence is a campaign whose plan is the steps that are due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import cast

from crmctl.errors import CrmError
from crmctl.mail.ledger import spool
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.services.campaigns import audience
from crmctl.services.campaigns.machines.plausible import Doubt
from crmctl.services.campaigns.messages.prepared import spooled
from crmctl.services.campaigns.messages.rendering import Wording
from crmctl.services.campaigns.plan import Frozen
from crmctl.services.campaigns.running import handing_over
from crmctl.services.campaigns.running.sending import Sending
from crmctl.services.campaigns.running.triage import Line
from crmctl.services.campaigns.running.triage import Sorter
from crmctl.services.campaigns.running.triage import traces
from crmctl.services.consenting import keys
from crmctl.services.following import draft_texts
from crmctl.services.following import enrolments
from crmctl.services.following.keeping import StepKeeper
from crmctl.services.following.messages import as_campaign
from crmctl.services.following.messages import renderer_for
from crmctl.services.following.messages import renderer_of

if TYPE_CHECKING:
    from collections.abc import Sequence as Many

    from crmctl.services.book import Book
    from crmctl.services.campaigns.messages.prepared import Prepared
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.campaigns.running.sending import Way
    from crmctl.services.campaigns.running.triage import Item
    from crmctl.services.following.enrolments import Sequence
    from crmctl.services.following.messages import Mail
    from crmctl.services.following.messages import StepRenderer

REPLANNED = frozenset({"suppressed", "skipped", "cancelled", "held_out"})


class _Ready:
    """The bytes of the mails of a run: made before anything is connected; what may have gone out is the same again."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def take(self, item: Item) -> bytes:
        """The bytes of one message."""
        return self.content[item.entry.sid]


class Outgoing:
    """Sends what is due of one sequence by one channel, each at most once."""

    def __init__(self, book: Book, desk: Desk, sequence: Sequence, way: Way, channel: str = enrolments.EMAIL) -> None:
        self._book = book
        self._desk = desk
        self._sequence = sequence
        self._way = way
        self._channel = channel
        self._campaign = as_campaign(book, sequence, "", channel)
        self._renderers: dict[str, StepRenderer] = {}
        self._doubt = Doubt(book, desk)

    def send(self, mails: Many[Mail]) -> list[Line]:
        """Send these; a line for each that says what became of it: ``accepted``, or why not (yet).

        Raises:
            OutcomeLost, StorageFailed, LedgerDamaged: what is sent could not be known again.
            CrmError: who may not be written to cannot be told, or what was put where cannot be seen.
        """
        self._plan(mails)
        handing_over.begin(self._desk, self._campaign, self._frozen(mails), self._way.transport, self._channel)
        told = traces(self._desk.events(self._sequence.id))
        every = self._desk.rows(self._sequence.id)
        rows = {mail.sid: every[mail.sid] for mail in mails}
        keeper = StepKeeper(self._book, self._campaign, self._sequence, mails)
        now, desk = self._book.now(), self._desk
        sorter = Sorter(self._campaign, keeper, told, now, desk.host, desk.keeps, doubt=self._doubt)
        sorted_ = sorter.sort(self._frozen(mails), rows)
        by_sid = {mail.sid: mail for mail in mails}
        ready = _Ready()
        lines = [*sorted_.lines]
        due = [item for item in sorted_.due if self._prepare(item, by_sid[item.entry.sid], told.dotted, ready, lines)]
        self._desk.ledger.append_many(sorted_.events)
        if not due:
            return lines
        spool.reserve(self._desk.spool, sum(map(len, ready.content.values())))
        try:
            self._way.transport.open()
        except TransportFailed as error:
            return [*lines, *(Line(item.entry, "wait", error.phase, error.message) for item in due)]
        prepared = cast("Prepared", ready)
        sender = self._renderer(by_sid[due[0].entry.sid]).sender.email
        loop = Sending(
            self._book, self._desk, self._campaign, keeper, prepared, sender, self._way, list(every.values())
        )
        return [*lines, *loop.run(due, 0).lines]

    def _plan(self, mails: Many[Mail]) -> None:
        """Have the ledger know what is to be sent."""
        rows = self._desk.rows(self._sequence.id)
        ring = keys.load(self._book)
        events: list[tuple[str, str, str, dict[str, str | int]]] = []
        for mail in mails:
            row = rows.get(mail.sid)
            if row is not None and row.state not in REPLANNED and row.ch in ("", self._channel):
                continue
            about: dict[str, str | int] = {"cust": mail.entry.cust, "ch": self._channel, "step": str(mail.number)}
            if address := audience.same(mail.entry.address, self._channel, self._book.context):
                about["to"] = ring.keyed(address)
            if self._channel == enrolments.EMAIL and "@" in mail.entry.address:
                about["dom"] = mail.entry.address.rpartition("@")[2].lower()
            events.append(("plan", mail.sid, self._sequence.id, about))
        self._desk.ledger.append_many(events)

    def _frozen(self, mails: Many[Mail]) -> Frozen:
        entries = {mail.sid: mail.entry for mail in mails}
        words = Wording({}, {}, {})
        one = self._campaign
        return Frozen(one.id, one.handle, 1, "", "", one.channel, "", "", words, {}, entries)

    def _prepare(self, item: Item, mail: Mail, dotted: frozenset[str], ready: _Ready, lines: list[Line]) -> bool:
        """Have the bytes of a mail ready; whether there are any."""
        data = spooled(self._desk.spool, mail.sid, item.row.eml) if item.row.eml else None
        if data is None and (mail.sid in dotted or item.row.state == "unknown"):
            lines.append(Line(item.entry, "hold", "lost", "its bytes are gone, so the same cannot be sent again"))
            return False
        if data is None and mail.step.is_mail and mail.step.draft and mail.draft is None:
            lines.append(Line(item.entry, "wait", "draft", "the draft that was released is not there any more"))
            return False
        if data is None:
            try:
                made = self._renderer(mail).made(mail)
            except CrmError as error:
                lines.append(Line(item.entry, "bad", "cannot-render", _said(mail, error.message)))
                return False
            if made.code:
                lines.append(Line(item.entry, "bad", made.code, _said(mail, made.reason)))
                return False
            data = made.content
        ready.content[mail.sid] = data
        return True

    def _renderer(self, mail: Mail) -> StepRenderer:
        if mail.draft is not None:
            return renderer_of(self._book, self._sequence, mail, self._way.mail)
        known, server = self._renderers, self._way.mail
        return renderer_for(self._book, self._sequence, mail.step.template, server, known, self._channel)


def _said(mail: Mail, reason: str) -> str:
    """Why there is no message; where a person wrote it, also where that can be mended."""
    return reason if mail.draft is None else f"{draft_texts.told(reason)}; crmctl followup release names its file"
