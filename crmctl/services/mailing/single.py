"""One message by itself, outside of campaigns: made, read again, signed as the settings say, handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.mail.identifiers import message_id
from crmctl.mail.identifiers import verp
from crmctl.mail.message.compose import Meant
from crmctl.mail.message.compose import compose
from crmctl.mail.message.listheaders import AUTOMATIC
from crmctl.mail.message.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from crmctl.mail.message.compose import Sender
    from crmctl.mail.message.signing import Signer
    from crmctl.mail.transport.outcomes import Outcome
    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.mailing.config import MailServer


class Words(NamedTuple):
    """What a message says; ``html`` may be empty."""

    subject: str
    text: str
    html: str = ""


class Note(NamedTuple):
    """A message, and its envelope."""

    sid: str
    sender: str
    recipient: str
    data: bytes


def signer_of(mail: MailServer | None) -> Signer | None:
    """By whom messages are signed, None when the settings name no key.

    Raises:
        InvalidData: the key cannot be used.
        CrmError: the library that signs is missing.
    """
    if mail is None or mail.dkim is None:
        return None
    from crmctl.mail.message.signing import signer

    return signer(*mail.dkim)


class Writer:
    """Makes messages of one sender, with the settings in ``mail`` if there are any.

    Raises:
        InvalidData: the key that they are to be signed with cannot be used.
        CrmError: the library that signs is missing.
    """

    def __init__(self, sender: Sender, mail: MailServer | None) -> None:
        self._sender = sender
        self._bounces = mail.bounces if mail is not None else ""
        self._signer = signer_of(mail)

    def note(self, recipient: str, sid: str, words: Words, date: datetime) -> Note:
        """The message to ``recipient`` under the id ``sid``, as it goes over the wire.

        Raises:
            Refused: an address cannot be used, or something in it cannot stand in a message.
            InvalidData: what came of it is not what was meant, or cannot be signed.
        """
        sender = self._sender
        meant = Meant(
            to_name="",
            to_email=recipient,
            sender=sender,
            subject=words.subject,
            text=words.text,
            html=words.html,
            message_id=message_id(sid, sender.email.rpartition("@")[2]),
            date=date,
            headers=(AUTOMATIC,),
        )
        data = compose(meant)
        faults = verify(data, meant)
        if faults:
            raise InvalidData(f"the message is not as it was meant: {faults[0]}")
        signed = data if self._signer is None else self._signer.sign(data)
        return Note(sid, verp(sid, self._bounces) if self._bounces else sender.email, recipient, signed)


def hand_over(made: Note, transport: Transport, before_dot: Callable[[], None] = lambda: None) -> Outcome:
    """Hand a message over, once, whatever comes of it.

    Raises:
        CrmError: the server cannot be reached, the password cannot be had, or a program is missing.
    """
    try:
        return transport.send(made.sender, made.recipient, made.data, sid=made.sid, before_dot=before_dot)
    finally:
        transport.close()
