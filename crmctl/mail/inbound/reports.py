"""Reports about a message that was delivered: complaints (ARF, RFC 5965) and receipts (MDN, RFC 8098)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.inbound import headers
from crmctl.mail.inbound import reading

if TYPE_CHECKING:
    from email.message import Message


class Complaint(NamedTuple):
    """Somebody pressed "spam": ``type`` as reported (abuse, fraud ...), and whom it was to, if that is told."""

    type: str
    recipient: str


class Receipt(NamedTuple):
    """A message was shown, deleted or the like: what became of it, and the Message-ID it had."""

    disposition: str
    message_id: str


def complaint(mail: reading.Mail) -> Complaint | None:
    """The complaint that a message is; None when it is none. "not-spam" is the opposite of one."""
    fields = _fields(mail, "message/feedback-report")
    if fields is None:
        return None
    kind = (headers.first(fields, "Feedback-Type") or "abuse").lower()
    if kind == "not-spam":
        return None
    addresses = (headers.first(fields, name) for name in ("Original-Rcpt-To", "Removal-Recipient"))
    return Complaint(kind[:40], next((bare for one in addresses if (bare := headers.bare(one))), ""))


def receipt(mail: reading.Mail) -> Receipt | None:
    """The receipt that a message is; None when it is none."""
    fields = _fields(mail, "message/disposition-notification")
    if fields is None:
        return None
    disposition = headers.first(fields, "Disposition").rpartition(";")[2].strip().lower()
    return Receipt(disposition[:60], next(iter(headers.identifiers(fields, "Original-Message-ID")), ""))


def _fields(mail: reading.Mail, type_: str) -> Message | None:
    """The fields of the part of this type. The standard library parses it as a message within a message."""
    from email import message_from_string

    for part in reading.parts(mail.message):
        if part.get_content_type() == type_:
            found = reading.children(part)
            if found and found[0].keys():
                return found[0]
            return message_from_string(reading.text_of(part)[: reading.LARGEST_HEAD].lstrip("\n"))
    return None
