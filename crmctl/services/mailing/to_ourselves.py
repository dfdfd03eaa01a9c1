"""What crmctl writes to its own people, the digest and the test message: plain text, sent as from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.mail.identifiers import message_id
from crmctl.mail.identifiers import verp
from crmctl.mail.message.compose import Meant
from crmctl.mail.message.compose import compose
from crmctl.mail.message.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from crmctl.mail.message.compose import Sender
    from crmctl.mail.transport.outcomes import Outcome
    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.mailing.config import MailServer


class Note(NamedTuple):
    """A message, and its envelope."""

    sid: str
    sender: str
    recipient: str
    data: bytes


def writer(mail: MailServer) -> Sender:
    """Who writes.

    Raises:
        UsageProblem: the settings do not say.
    """
    if mail.sender is None:
        raise UsageProblem("nobody writes this message", hint="Set from: Ada <ada@example.com> in config.yaml.")
    return mail.sender


def note(mail: MailServer, recipient: str, sid: str, subject: str, text: str, date: datetime) -> Note:
    """A message to ``recipient``, whose address has been checked.

    Raises:
        UsageProblem: the settings do not say who writes.
        Refused: an address cannot be used.
        InvalidData: what came of it is not what was meant.
    """
    sender = writer(mail)
    meant = Meant(
        to_name="",
        to_email=recipient,
        sender=sender,
        subject=subject,
        text=text,
        html="",
        message_id=message_id(sid, sender.email.rpartition("@")[2]),
        date=date,
        headers=(("Auto-Submitted", "auto-generated"),),
    )
    data = compose(meant)
    faults = verify(data, meant)
    if faults:
        raise InvalidData(f"the message is not as it was meant: {faults[0]}")
    return Note(sid, verp(sid, mail.bounces) if mail.bounces else sender.email, recipient, data)


def hand_over(made: Note, transport: Transport, before_dot: Callable[[], None] = lambda: None) -> Outcome:
    """Hand a message over, once, whatever comes of it.

    Raises:
        CrmError: the server cannot be reached, the password cannot be had, or a program is missing.
    """
    try:
        return transport.send(made.sender, made.recipient, made.data, sid=made.sid, before_dot=before_dot)
    finally:
        transport.close()
