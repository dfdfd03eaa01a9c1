"""Which of our messages a message is about: everything in it that may hold a send's id, the surest first."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.inbound import bounces
from crmctl.mail.inbound import headers
from crmctl.mail.inbound import reading
from crmctl.mail.inbound import reports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.mail.inbound.bounces import Bounce

LONGEST_BODY = 60_000


class Clue(NamedTuple):
    """A text that may hold a send's id, or be the Message-ID of one, and where it stood."""

    where: str
    text: str


def of(mail: reading.Mail, bounce: Bounce | None) -> Iterator[Clue]:
    """The clues of a message: the address it was delivered to, the envelope's id, what it answers, what it returns.

    A message that answers something quotes what it wants, so bodies are looked into for reports only.
    """
    for address in (*mail.envelope, *mail.recipients):
        yield Clue("address", address)
    if bounce is not None and bounce.envelope_id:
        yield Clue("envelope id", bounce.envelope_id)
    for identifier in mail.in_reply_to:
        yield Clue("in reply to", identifier)
    for identifier in reversed(mail.references):
        yield Clue("references", identifier)
    receipt = reports.receipt(mail)
    if receipt is not None and receipt.message_id:
        yield Clue("returned", receipt.message_id)
    yield from _returned(mail)
    if bounce is not None:
        for part in reading.parts(mail.message):
            if part.get_content_maintype() in ("text", "message"):
                text = reading.text_of(part)[:LONGEST_BODY]
                yield from (Clue("returned", line) for line in text.splitlines() if "<" in line or "X-Crmctl" in line)


def _returned(mail: reading.Mail) -> Iterator[Clue]:
    """The ids in the headers of the message that a report gives back."""
    back = bounces.returned(mail)
    if back is None:
        return
    for identifier in headers.identifiers(back, "Message-ID"):
        yield Clue("returned", identifier)
    for name in ("X-Crmctl-Send", "Return-Path", "References"):
        for value in headers.all_of(back, name):
            yield Clue("returned", value)
