"""What crmctl writes to its own people, the digest and the test message: plain text, sent as from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import UsageProblem
from crmctl.services.mailing.single import Words
from crmctl.services.mailing.single import Writer

if TYPE_CHECKING:
    from datetime import datetime

    from crmctl.mail.message.compose import Sender
    from crmctl.services.mailing.config import MailServer
    from crmctl.services.mailing.single import Note


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
        InvalidData: what came of it is not what was meant, or cannot be signed.
        CrmError: the library that signs is missing.
    """
    return Writer(writer(mail), mail).note(recipient, sid, Words(subject, text), date)
