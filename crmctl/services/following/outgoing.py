"""Sending the mails of a sequence: by the same loop, ledger, gate and pace as a campaign's, each by its own id.

To that loop a sequence is a campaign whose plan is the steps that are due. What differs is the message: its id is that
of the step, and where it answers the one before it says so in its headers.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import cast

from crmctl.errors import CrmError
from crmctl.mail.addresses import Refused
from crmctl.mail.ledger import spool
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.services.campaigns.campaign import Campaign
from crmctl.services.campaigns.gatekeeping import Gatekeeper
from crmctl.services.campaigns.plan import Entry
from crmctl.services.campaigns.plan import Frozen
from crmctl.services.campaigns.prepared import spooled
from crmctl.services.campaigns.rendering import Renderer
from crmctl.services.campaigns.rendering import Wording
from crmctl.services.campaigns.rendering import wording
from crmctl.services.campaigns.sending import Sending
from crmctl.services.campaigns.triage import Line
from crmctl.services.campaigns.triage import Sorter
from crmctl.services.campaigns.triage import traces
from crmctl.services.consenting import addresses
from crmctl.services.consenting import keys
from crmctl.services.following import enrolments

if TYPE_CHECKING:
    from collections.abc import Sequence as Many

    from crmctl.mail.message.compose import Meant
    from crmctl.render.rendering import Rendered
    from crmctl.services.book import Book
    from crmctl.services.campaigns.audience import Recipient
    from crmctl.services.campaigns.desk import Desk
    from crmctl.services.campaigns.prepared import Prepared
    from crmctl.services.campaigns.rendering import Made
    from crmctl.services.campaigns.sending import Way
    from crmctl.services.campaigns.triage import Item
    from crmctl.services.following.enrolments import Did
    from crmctl.services.following.enrolments import Enrolment
    from crmctl.services.following.enrolments import Sequence
    from crmctl.services.following.enrolments import Step
    from crmctl.services.mailing.config import MailServer

_BRACES = re.compile("[{}]")
REPLANNED = frozenset({"suppressed", "skipped", "cancelled", "held_out"})
_FALSE = ("re:", "aw:", "fwd:", "fw:", "wg:")


class Draft(NamedTuple):
    """What a person made of a message before it goes out."""

    subject: str
    text: str


class Mail(NamedTuple):
    """One mail that is due: whose, of which step, under which id."""

    enrolment: Enrolment
    number: int
    step: Step
    sid: str
    entry: Entry
    draft: Draft | None = None


def as_campaign(book: Book, sequence: Sequence, template: str) -> Campaign:
    """A sequence as the loop knows it."""
    purpose = book.settings.purposes[sequence.text("purpose").lower()]
    data = {**sequence.data, "template": template}
    return Campaign(sequence.handle, sequence.id, data, purpose, enrolments.EMAIL, "", 0, ())


def mail_of(book: Book, sequence: Sequence, enrolment: Enrolment, number: int, draft: Draft | None = None) -> Mail:
    """The mail of one step of an enrolment, as the book has the customer now."""
    data = book.index.data(book.schema.require("customer"), enrolment.customer) or {}
    identity = str(data.get("id") or enrolment.customer)
    sid = enrolments.sid_of(sequence.id, enrolment, identity, number)
    address = next(iter(addresses.all_of(data, "email")), "")
    entry = Entry(sid, identity, enrolment.customer, str(data.get("name") or enrolment.customer), address)
    return Mail(enrolment, number, enrolment.steps[number - 1], sid, entry, draft)


def thread_of(enrolment: Enrolment) -> list[Did]:
    """The mails of an enrolment that went out, in their order: the thread that a further one may answer."""
    return [did for did in enrolment.log if did.what == enrolments.SENT and did.ref.startswith("<")]


class StepRenderer(Renderer):
    """Makes the mails of steps that use one wording, one after the other."""

    _mail: Mail

    def __init__(self, book: Book, campaign: Campaign, words: Wording, mail: MailServer | None) -> None:
        super().__init__(book, campaign, words, book.now(), mail.sender if mail is not None else None, mail)

    def made(self, mail: Mail) -> Made:
        """The message of one step, its bytes verified; or why there is none."""
        self._mail = mail
        (made,) = self.messages([mail.entry.recipient])
        return made

    def _sid(self, person: Recipient) -> str:  # noqa: ARG002 - one message at a time
        return self._mail.sid

    def _meant(self, person: Recipient, message: Rendered, sid: str) -> Meant:
        meant = super()._meant(person, message, sid)
        thread = thread_of(self._mail.enrolment) if self._mail.step.thread else []
        if thread:
            ids, first = [did.ref for did in thread], thread[0].subject
            headers = (*meant.headers, ("In-Reply-To", ids[-1]), ("References", " ".join(ids)))
            subject = first if first.lower().startswith("re:") else f"Re: {first}"
            return meant._replace(headers=headers, subject=subject if first else meant.subject)
        if meant.subject.lower().lstrip().startswith(_FALSE):
            raise Refused(f"the subject {meant.subject!r} says that it answers something, and it does not")
        return meant


def of_draft(draft: Draft) -> Wording:
    """What a person made of a message, as words that nothing is put into any more."""
    plain = _BRACES.sub(r"{{ '\g<0>' }}", draft.text)
    subject = json.dumps(_BRACES.sub(r"{{ '\g<0>' }}", draft.subject))
    return Wording({"": "draft.txt"}, {"draft.txt": f"---\nsubject: {subject}\n---\n{plain}"}, {})


def as_draft(made: Made) -> Draft:
    """What a message says, for a person to edit: its subject and its text."""
    from email import message_from_bytes
    from email import policy

    part = message_from_bytes(made.content, policy=policy.default).get_body(("plain",))
    return Draft(made.subject, str(part.get_content()) if part is not None else "")


class _Ready:
    """The bytes of the mails of a run: made before anything is connected; what may have gone out is the same again."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def take(self, item: Item) -> bytes:
        """The bytes of one message."""
        return self.content[item.entry.sid]


class Outgoing:
    """Sends the mails of one sequence that are due, at most once each."""

    def __init__(self, book: Book, desk: Desk, sequence: Sequence, way: Way) -> None:
        self._book = book
        self._desk = desk
        self._sequence = sequence
        self._way = way
        self._campaign = as_campaign(book, sequence, "")
        self._renderers: dict[str, StepRenderer] = {}

    def send(self, mails: Many[Mail]) -> list[Line]:
        """Send these; a line for each that says what became of it: ``accepted``, or why not (yet).

        Raises:
            OutcomeLost, StorageFailed, LedgerDamaged: what is sent could not be known again.
            CrmError: who may not be written to cannot be told.
        """
        self._plan(mails)
        told = traces(self._desk.events(self._sequence.id))
        every = self._desk.rows(self._sequence.id)
        rows = {mail.sid: every[mail.sid] for mail in mails}
        keeper = Gatekeeper(self._book, self._campaign)
        sorter = Sorter(self._campaign, keeper, told, self._book.now(), self._desk.host)
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
            if row is not None and row.state not in REPLANNED:
                continue
            about: dict[str, str | int] = {"cust": mail.entry.cust, "ch": enrolments.EMAIL, "step": str(mail.number)}
            if "@" in mail.entry.address:
                domain = mail.entry.address.rpartition("@")[2].lower()
                about |= {"to": ring.keyed(mail.entry.address), "dom": domain}
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
        if data is None and mail.sid in dotted:
            lines.append(Line(item.entry, "hold", "lost", "its bytes are gone, so the same cannot be sent again"))
            return False
        if data is None:
            try:
                made = self._renderer(mail).made(mail)
            except CrmError as error:
                lines.append(Line(item.entry, "bad", "cannot-render", error.message))
                return False
            if made.code:
                lines.append(Line(item.entry, "bad", made.code, made.reason))
                return False
            data = made.content
        ready.content[mail.sid] = data
        return True

    def _renderer(self, mail: Mail) -> StepRenderer:
        if mail.draft is not None:
            campaign = as_campaign(self._book, self._sequence, mail.step.template)
            return StepRenderer(self._book, campaign, of_draft(mail.draft), self._way.mail)
        return renderer_for(self._book, self._sequence, mail.step.template, self._way.mail, self._renderers)


def renderer_for(
    book: Book, sequence: Sequence, template: str, mail: MailServer | None, known: dict[str, StepRenderer]
) -> StepRenderer:
    """The renderer of one template, made once.

    Raises:
        CrmError: there is no such template, or it is for another purpose or channel.
    """
    if template not in known:
        campaign = as_campaign(book, sequence, template)
        known[template] = StepRenderer(book, campaign, wording(book, campaign), mail)
    return known[template]
