"""One fixed message to oneself: the whole way to the server, without a book, a template or a customer."""

from __future__ import annotations

from base64 import b32encode
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.mail.identifiers import LENGTH
from crmctl.services.mailing.to_ourselves import note
from crmctl.services.mailing.to_ourselves import writer
from crmctl.services.mailing.typed import typed_address

if TYPE_CHECKING:
    from crmctl.services.mailing.config import MailServer
    from crmctl.services.mailing.single import Note

_TEXT = """\
This is the test message of crmctl mail test.

It has come through the mail server that crmctl is set up to use. Look at its full headers: Authentication-Results
should say pass for spf, dkim and dmarc.
"""


def prepare(mail: MailServer, address: str) -> Note:
    """The test message to ``address``.

    Raises:
        UsageProblem: the settings do not say who writes.
        Refused: an address cannot be used.
    """
    writer(mail)
    sid = b32encode(clock.randomness(20)).decode("ascii")[:LENGTH]
    return note(mail, typed_address(address), sid, "Test message of crmctl", _TEXT, clock.now())
