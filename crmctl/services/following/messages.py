"""The messages of steps: under the id of the step, and where one answers the one before, it says so in its headers.

To what makes messages a sequence is a campaign with the template of the step. A draft is made from the same template,
and is one itself: what a person has made of it goes the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.mail.addresses import Refused
from crmctl.render.drafting import FORMS
from crmctl.render.rendering import render_many
from crmctl.services import templates
from crmctl.services.campaigns.audience import address_of
from crmctl.services.campaigns.campaign import Campaign
from crmctl.services.campaigns.messages.rendering import Renderer
from crmctl.services.campaigns.messages.rendering import Wording
from crmctl.services.campaigns.messages.rendering import wording
from crmctl.services.campaigns.messages.saying import said_by
from crmctl.services.campaigns.plan import Entry
from crmctl.services.following import draft_texts
from crmctl.services.following import enrolments

if TYPE_CHECKING:
    from crmctl.mail.message.compose import Meant
    from crmctl.render.rendering import Rendered
    from crmctl.services.book import Book
    from crmctl.services.campaigns.audience import Recipient
    from crmctl.services.campaigns.messages.rendering import Made
    from crmctl.services.following.draft_texts import Draft
    from crmctl.services.following.enrolments import Did
    from crmctl.services.following.enrolments import Enrolment
    from crmctl.services.following.enrolments import Sequence
    from crmctl.services.following.enrolments import Step
    from crmctl.services.mailing.config import MailServer

_FALSE = ("re:", "aw:", "fwd:", "fw:", "wg:")


class Mail(NamedTuple):
    """One mail that is due: whose, of which step, under which id."""

    enrolment: Enrolment
    number: int
    step: Step
    sid: str
    entry: Entry
    draft: Draft | None = None


def as_campaign(book: Book, sequence: Sequence, template: str, channel: str = enrolments.EMAIL) -> Campaign:
    """A sequence as the loop that sends knows it."""
    purpose = book.settings.purposes[sequence.text("purpose").lower()]
    data = {**sequence.data, "template": template}
    return Campaign(sequence.handle, sequence.id, data, purpose, channel, "", 0, ())


def mail_of(book: Book, sequence: Sequence, enrolment: Enrolment, number: int, draft: Draft | None = None) -> Mail:
    """The mail of one step of an enrolment, as the book has the customer now."""
    data = book.index.data(book.schema.require("customer"), enrolment.customer) or {}
    identity = str(data.get("id") or enrolment.customer)
    sid = enrolments.sid_of(sequence.id, enrolment, identity, number)
    step = enrolment.steps[number - 1]
    address = address_of(data, step.channel or enrolments.EMAIL, book.context)
    entry = Entry(sid, identity, enrolment.customer, str(data.get("name") or enrolment.customer), address)
    return Mail(enrolment, number, step, sid, entry, draft)


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

    def draft(self, mail: Mail) -> Draft:
        """The source of the message of one step, with everything put in, for a person to edit.

        Raises:
            InvalidData: it cannot be made; its reasons are in the message.
        """
        self._mail = mail
        person = mail.entry.recipient
        template = self._words.template("")
        own = template.front.enclosed._replace(text="")  # Both parts are told from what is edited.
        source = template._replace(form=FORMS[template.form], front=template.front._replace(enclosed=own))
        data = self._merge.each([person.handle], said_by(source, self._words.sources))
        (message,) = render_many(source, self._words.sources, self._with_tokens(data, {person.handle: person}))
        if message.problems:
            raise InvalidData("; ".join(message.problems))
        return draft_texts.of_template(template, message._replace(subject=self._subject(message.subject)))

    def _sid(self, person: Recipient) -> str:  # noqa: ARG002 - one message at a time
        return self._mail.sid

    def _meant(self, person: Recipient, message: Rendered, sid: str) -> Meant:
        meant = super()._meant(person, message, sid)
        thread = self._thread
        if thread:
            ids = [did.ref for did in thread]
            headers = (*meant.headers, ("In-Reply-To", ids[-1]), ("References", " ".join(ids)))
            # A draft says its subject itself: what is shown to be read is what goes out.
            subject = self._subject(meant.subject) if self._mail.draft is None else meant.subject
            return meant._replace(headers=headers, subject=subject)
        if meant.subject.lower().lstrip().startswith(_FALSE):
            raise Refused(f"the subject {meant.subject!r} says that it answers something, and it does not")
        return meant

    @property
    def _thread(self) -> list[Did]:
        """The mails that this one answers."""
        return thread_of(self._mail.enrolment) if self._mail.step.thread else []

    def _subject(self, own: str) -> str:
        """The subject of the thread that the mail is in, or its ``own`` in none."""
        first = self._thread[0].subject if self._thread else ""
        if not first:
            return own
        return first if first.lower().startswith("re:") else f"Re: {first}"


def renderer_of(book: Book, sequence: Sequence, mail: Mail, server: MailServer | None) -> StepRenderer:
    """The renderer for a mail of which a person made a draft: its wording is the draft's.

    Raises:
        CrmError: the draft cannot be read.
    """
    if mail.draft is None:
        return renderer_for(book, sequence, mail.step.template, server, {})
    campaign = as_campaign(book, sequence, mail.step.template)
    return StepRenderer(book, campaign, draft_texts.as_wording(mail.draft, templates.sources(book)), server)


def renderer_for(
    book: Book,
    sequence: Sequence,
    template: str,
    mail: MailServer | None,
    known: dict[str, StepRenderer],
    channel: str = enrolments.EMAIL,
) -> StepRenderer:
    """The renderer of one template, made once.

    Raises:
        CrmError: there is no such template, or it is for another purpose or channel.
    """
    if template not in known:
        campaign = as_campaign(book, sequence, template, channel)
        known[template] = StepRenderer(book, campaign, wording(book, campaign), mail)
    return known[template]
