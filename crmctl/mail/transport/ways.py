"""The ways out for mail: straight to a server, or by a program that queues. Each is loaded when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.mail.transport.outcomes import SmtpServer
    from crmctl.mail.transport.outcomes import Transport


def smtp_transport(server: SmtpServer, password: Callable[[], str] | None = None) -> Transport:
    """Straight to a mail server. ``password`` (or the token, for XOAUTH2) is asked for when it is needed."""
    from crmctl.mail.transport.smtp import Smtp

    return Smtp(server, password)


def sendmail_transport(path: str) -> Transport:
    """By a program as of sendmail (Postfix, Exim, msmtp), which queues and tries again by itself."""
    from crmctl.mail.transport.sendmail import Sendmail

    return Sendmail(path)
