"""One fixed message to oneself: the whole way to the server, without a book, a template or a customer."""

from __future__ import annotations

from base64 import b32encode
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.mail.identifiers import LENGTH
from crmctl.mail.identifiers import message_id
from crmctl.mail.identifiers import verp
from crmctl.mail.message.compose import Meant
from crmctl.mail.message.compose import compose
from crmctl.mail.message.verify import verify
from crmctl.services.mailing.typed import typed_address

if TYPE_CHECKING:
    from crmctl.mail.transport.outcomes import Outcome
    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.mailing.config import MailServer

_TEXT = """\
This is the test message of crmctl mail test.

It has come through the mail server that crmctl is set up to use. Look at its full headers: Authentication-Results
should say pass for spf, dkim and dmarc.
"""


class Trial(NamedTuple):
    """The message, and its envelope."""

    sid: str
    sender: str
    recipient: str
    data: bytes


def prepare(mail: MailServer, address: str) -> Trial:
    """The test message to ``address``.

    Raises:
        UsageProblem: the settings do not say who writes.
        Refused: an address cannot be used.
    """
    if mail.sender is None:
        raise UsageProblem("nobody writes this message", hint="Set from: Ada <ada@example.com> in config.yaml.")
    sid = b32encode(clock.randomness(20)).decode("ascii")[:LENGTH]
    recipient = typed_address(address)
    meant = Meant(
        to_name="",
        to_email=recipient,
        sender=mail.sender,
        subject="Test message of crmctl",
        text=_TEXT,
        html="",
        message_id=message_id(sid, mail.sender.email.rpartition("@")[2]),
        date=clock.now(),
        headers=(("Auto-Submitted", "auto-generated"),),
    )
    data = compose(meant)
    faults = verify(data, meant)
    if faults:
        raise InvalidData(f"the test message is not as it was meant: {faults[0]}")
    return Trial(sid, verp(sid, mail.bounces) if mail.bounces else mail.sender.email, recipient, data)


def send(trial: Trial, transport: Transport) -> Outcome:
    """Hand the message over; once, whatever comes of it.

    Raises:
        CrmError: the password cannot be had, or a program is missing.
    """
    try:
        return transport.send(trial.sender, trial.recipient, trial.data, sid=trial.sid, before_dot=lambda: None)
    finally:
        transport.close()
