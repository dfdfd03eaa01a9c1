"""Where the bytes of a campaign's messages are made: the only place. Preview, check and send all come here.

The wording is what it was at one moment, so that a plan that was frozen says tomorrow what it said when it was looked
at. Everything that goes over the wire is parsed again and compared with what was meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import ascii_address
from crmctl.mail.identifiers import send_id
from crmctl.mail.letters import page
from crmctl.mail.message import listheaders
from crmctl.mail.message.compose import Meant
from crmctl.mail.message.compose import Sender
from crmctl.mail.message.compose import compose
from crmctl.mail.message.listheaders import Way
from crmctl.mail.message.signing import signer
from crmctl.mail.message.verify import verify
from crmctl.render.enclosed import MARKETING
from crmctl.render.enclosed import TRANSACTIONAL
from crmctl.render.rendering import render_many
from crmctl.render.templates import parse_template
from crmctl.services import templates
from crmctl.services.campaigns.messages.enclosing import Enclosures
from crmctl.services.campaigns.messages.inviting import invitation
from crmctl.services.campaigns.messages.inviting import meeting
from crmctl.services.campaigns.messages.judging import OWED
from crmctl.services.campaigns.messages.judging import lacks
from crmctl.services.campaigns.messages.judging import unwise
from crmctl.services.campaigns.messages.judging import ways_out
from crmctl.services.campaigns.messages.saying import said_by
from crmctl.services.consenting import keys
from crmctl.services.consenting.keyrings import Ring
from crmctl.services.merge_data import MergeData
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence
    from datetime import datetime

    from crmctl.mail.message.invitation import Invitation
    from crmctl.mail.message.listheaders import Header
    from crmctl.model.raw import RawMap
    from crmctl.render.rendering import Rendered
    from crmctl.render.templates import Template
    from crmctl.services.book import Book
    from crmctl.services.campaigns.audience import Recipient
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.messages.inviting import Meeting
    from crmctl.services.mailing.config import MailServer


READ_TWICE = 10
"""Messages of a template, the first ones, that all readers have to agree on before one of them is trusted alone."""


class Wording(NamedTuple):
    """What a campaign says: by arm ("" where there are none) the file in ``templates/``, the text of every file, and
    the hashes of the files that travel with the messages of everybody, by their paths."""

    files: Mapping[str, str]
    sources: Mapping[str, str]
    enclosed: Mapping[str, str] = {}

    def template(self, arm: str) -> Template:
        """The template of an arm."""
        file = self.files[arm]
        path = f"{templates.FOLDER}/{file}"

        def front(text: str) -> RawMap:
            return read_yaml(text.encode(), path).data

        return parse_template(file.rpartition(".")[0], path, self.sources[file], front)

    def blobs(self, book: Book) -> dict[str, str]:
        """The id that git gives to each of the files, by arm."""
        return {arm: book.repository.blob_id(self.sources[file].encode()) for arm, file in self.files.items()}


class Made(NamedTuple):
    """The message of one recipient: the ending of its file, its bytes, its subject; or why there is none. ``lacks`` is
    what the law wants it to say and it does not, ``warnings`` what is not wise; they are looked for when asked."""

    person: Recipient
    suffix: str = ""
    content: bytes = b""
    subject: str = ""
    code: str = ""
    reason: str = ""
    lacks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def wording(book: Book, campaign: Campaign) -> Wording:
    """What the campaign's templates say now.

    Raises:
        UsageProblem, NotFound, InvalidData: it names no template, or one that is not there, or is for another purpose
            or channel: whoever agreed to get news must not get them as a service; or it changes an invitation that
            there is not.
    """
    files: dict[str, str] = {}
    enclosed: dict[str, str] = {}
    sources = templates.sources(book)
    for arm, name in campaign.templates().items():
        if not name:
            of_arm = f" for arm {arm}" if arm else ""
            hint = f"crmctl campaign set {campaign.handle} template=NAME"
            raise UsageProblem(f"campaign {campaign.handle} names no template{of_arm}", hint=hint)
        template = templates.load(book, name)
        _check_fit(campaign, template)
        files[arm] = template.path.removeprefix(f"{templates.FOLDER}/")
        sources[files[arm]] = book.files.read(template.path).decode("utf-8-sig")
        enclosed |= Enclosures(book, template, {}).hashes()
        meeting(book, template.front.enclosed.invitation, campaign.handle)
    return Wording(files, sources, enclosed)


def _check_fit(campaign: Campaign, template: Template) -> None:
    for what, theirs, ours in (
        ("purpose", template.front.purpose.lower(), campaign.purpose.name),
        ("channel", template.front.channel.replace("email", ""), campaign.channel),
    ):
        if theirs and theirs != ours:
            raise InvalidData(
                f"{template.path} has the {what} {theirs}, campaign {campaign.handle} has {ours}",
                hint=f"Take another template, or: crmctl campaign set {campaign.handle} {what}={theirs}",
            )
    if template.front.enclosed.kind == MARKETING and campaign.purpose.basis in OWED:
        raise InvalidData(
            f"{template.path} is marketing, and the purpose {campaign.purpose.name} needs nobody's consent",
            hint=f"crmctl campaign set {campaign.handle} purpose=NAME takes one that people agreed to.",
        )


class Renderer:
    """Makes the messages of one campaign, all with the same sender and the same moment.

    ``mail`` has the ways to get off a list, and the key that messages are signed with. ``judging`` looks for what the
    law wants to be said as well.

    Raises:
        InvalidData: nobody can be named as the sender of an e-mail; the key cannot be used.
    """

    def __init__(
        self,
        book: Book,
        campaign: Campaign,
        words: Wording,
        now: datetime,
        sender: Sender | None,
        mail: MailServer | None = None,
        *,
        judging: bool = False,
    ) -> None:
        self._book = book
        self._campaign = campaign
        self._words = words
        self._now = now
        self._judging = judging
        self._merge = MergeData(book, campaign.purpose.name, campaign.data)
        me = self._merge.me
        self.sender = sender or Sender(me.get("name", ""), me.get("email", ""))
        is_mail = campaign.channel == "email"
        self.domain = _domain(self.sender) if is_mail else ""
        self._kind = TRANSACTIONAL
        self._meeting: Meeting | None = None
        self._unproven = 0
        self._list: tuple[Header, ...] = ()
        self._stream: Header = listheaders.AUTOMATIC
        dkim = mail.dkim if mail is not None and is_mail else None
        self._signer = signer(*dkim) if dkim is not None else None
        plain = self._merge.unsubscribe(campaign.purpose.name)
        other = mail.unsubscribe if mail is not None else None
        self._way = Way(plain, other.mailto, other.https, signed=dkim is not None) if other else Way(plain)
        # Only what a token is put into needs the key of the book.
        self._ring = keys.existing(book) if is_mail and (self._way.mailto or self._way.https) else Ring(())
        self._listed = is_mail and campaign.purpose.basis not in OWED

    def messages(self, people: Sequence[Recipient]) -> Iterator[Made]:
        """The message of each, those of one arm after those of another."""
        for arm in self._words.files:
            group = {person.handle: person for person in people if person.arm == arm}
            template = self._words.template(arm)
            self._begin(template)
            enclosures = Enclosures(self._book, template, self._words.enclosed)
            data = self._merge.each(list(group), said_by(template, self._words.sources))
            sources, shared = self._words.sources, self._merge.shared
            messages = render_many(template, sources, self._with_tokens(data, group), shared=shared)
            yield from (self._made(group[message.key], message, enclosures) for message in messages)

    def _with_tokens(
        self, each: Iterator[tuple[str, dict[str, Any]]], group: Mapping[str, Recipient]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        if not self._ring.keys:
            return each
        purpose = self._campaign.purpose.name
        return (
            (handle, {**data, "unsubscribe": self._way.link(purpose, self._token(self._sid(group[handle])))})
            for handle, data in each
        )

    def _made(self, person: Recipient, message: Rendered, enclosures: Enclosures) -> Made:
        if message.problems:
            return Made(person, code="cannot-render", reason="; ".join(self._merge.explained(message.problems)))
        try:
            suffix, content = self._content(person, message, enclosures)
        except Refused as error:
            return Made(person, code="refused", reason=error.message)
        made = Made(person, suffix, content, message.subject)
        return self._judged(made, message) if self._judging else made

    def _judged(self, made: Made, message: Rendered) -> Made:
        ways = ways_out(self._way, self._campaign.purpose.name, self._token(self._sid(made.person)))
        lacking = lacks(self._campaign, message, self._book.settings, ways, marketing=self._kind == MARKETING)
        warnings = unwise(self._campaign, message)
        return made._replace(lacks=tuple(lacking), warnings=tuple(warnings)) if lacking or warnings else made

    def _content(self, person: Recipient, message: Rendered, enclosures: Enclosures) -> tuple[str, bytes]:
        if self._campaign.channel == "letter":
            return ".html", page(message.html, message.text).encode()
        if self._campaign.channel != "email":
            return ".txt", message.text.encode()
        sid = self._sid(person)
        meant = self._meant(person, message, sid)
        if message.fields:
            invited = self._invitation(person, message, meant.message_id[1:-1])
            meant = meant._replace(files=enclosures.of(message.fields), invitation=invited)
        content = compose(meant)
        faults = verify(content, meant, twice=self._unproven > 0)
        self._unproven -= 1
        if faults:
            raise Refused(f"the message does not say what was meant: {'; '.join(faults)}")
        return ".eml", self._signer.sign(content) if self._signer is not None else content

    def _invitation(self, person: Recipient, message: Rendered, uid: str) -> Invitation | None:
        """The invitation of one message, if there is one: for a meeting of its own, or a change of an earlier one."""
        zone, changed = self._book.settings.zone, self._meeting
        if changed is None:
            return invitation(message.fields, uid, zone)
        first = send_id(changed.first, person.id, self._campaign.channel)
        return invitation(message.fields, f"{first}@{self.domain}", zone, changed.sequence)

    def _sid(self, person: Recipient) -> str:
        return send_id(self._campaign.id, person.id, self._campaign.channel)

    def _token(self, sid: str) -> str:
        return self._ring.token(sid, self._campaign.purpose.name) if self._ring.keys else ""

    def _meant(self, person: Recipient, message: Rendered, sid: str) -> Meant:
        return Meant(
            to_name=person.name,
            to_email=person.address,
            sender=self.sender,
            subject=message.subject,
            text=message.text,
            html=message.html,
            message_id=f"<{sid}@{self.domain}>",
            date=self._now,
            headers=self._headers(sid),
        )

    def _headers(self, sid: str) -> tuple[Header, ...]:
        """How to get off the list, for what people agreed to get, and what the message belongs to."""
        leaving: tuple[Header, ...] = ()
        if self._listed:
            leaving = self._way.headers(self._campaign.purpose.name, self._token(sid))
        return (*(self._list if leaving else ()), *leaving, self._stream, listheaders.identity(sid))

    def _begin(self, template: Template) -> None:
        """What is the same in all messages of a template."""
        purpose = self._campaign.purpose.name
        self._unproven = READ_TWICE
        self._meeting = meeting(self._book, template.front.enclosed.invitation, self._campaign.handle)
        self._kind = template.front.enclosed.kind or (MARKETING if self._listed else TRANSACTIONAL)
        self._list = (listheaders.of_list(purpose, self.domain),)
        self._stream = listheaders.AUTOMATIC
        if self._kind == MARKETING:
            self._stream = listheaders.feedback(self._campaign.id, purpose, self._kind, self.domain)


def _domain(sender: Sender) -> str:
    hint = "Give the campaign's owner an `email:`, or set `email:` in crm.yaml, or git's user.email."
    if not sender.email:
        raise InvalidData("nobody can be named as the sender", hint=hint)
    try:
        return ascii_address(sender.email).rpartition("@")[2]
    except Refused as error:
        raise InvalidData(f"the sender cannot be used: {error.message}", hint=hint) from None
