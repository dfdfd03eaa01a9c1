"""From the user's settings to a way out for messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.mail.transport.outcomes import SmtpServer
from crmctl.mail.transport.outcomes import Timeouts
from crmctl.mail.transport.ways import sendmail_transport
from crmctl.mail.transport.ways import smtp_transport
from crmctl.services.mailing.secrets import password

if TYPE_CHECKING:
    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.mailing.config import MailServer

PATIENT = Timeouts()


def transport(mail: MailServer, timeouts: Timeouts = PATIENT) -> Transport:
    """The transport that the settings name; nothing is connected, and no password asked for, before it is used."""
    if mail.sendmail:
        return sendmail_transport(mail.sendmail)
    server = SmtpServer(
        host=mail.host,
        port=mail.port,
        security=mail.security,
        user=mail.access.user,
        auth=mail.access.auth,
        ca=mail.ca,
        insecure=mail.insecure,
        helo=mail.helo,
        timeouts=timeouts,
    )
    return smtp_transport(server, lambda: password(mail))
