"""Bounces: which address could not be reached, and whether that is its fault, for how long.

Delivery status notifications (RFC 3464) are read by the standard library; other forms by flufl.bounce, and only in
messages that look like they come from a mail system.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.inbound import bounce_words
from crmctl.mail.inbound import headers
from crmctl.mail.inbound import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

HARD, SOFT, POLICY, DELAYED, DELIVERED = bounce_words.HOW
_WORST = (HARD, POLICY, SOFT, DELAYED, DELIVERED)
MOST = 100
"""Recipients of one report that are looked at."""


class Recipient(NamedTuple):
    """What became of one recipient: how bad it is, the enhanced status (RFC 3463) or "", and what the server said."""

    address: str
    how: str
    status: str
    said: str


class Bounce(NamedTuple):
    """A report on a delivery. ``by`` is "dsn" or "heuristics"; ``envelope_id`` the ENVID (RFC 3461) that was given."""

    recipients: tuple[Recipient, ...]
    by: str
    envelope_id: str = ""

    @property
    def how(self) -> str:
        """The worst that is said of any recipient."""
        return min((recipient.how for recipient in self.recipients), key=_WORST.index)

    @property
    def worst(self) -> Recipient:
        """The recipient of whom it is said."""
        return min(self.recipients, key=lambda recipient: _WORST.index(recipient.how))


_FROM_SYSTEM = re.compile(
    r"mailer[-_. ]?daemon|postmaster|mail delivery|delivery (?:sub)?system|mail ?administrator|mail(?: |-)?router|"
    r"maildelivery|mdaemon|mail[-_]?system|bounce|mail ?server|nondelivery|undeliver|system administrator|\bmmdf\b|"
    r"mail-?master|netmail|\bmta\b|autoresponder|<>",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"undeliver|deliver\w*[ :-]{1,3}(?:status|fail|problem|error|notification|report|delay)|returned (?:mail|"
    r"to sender|e-?mail)|"
    r"fail(?:ed|ure)|(?:could )?not (?:be )?deliver|mail (?:error|delivery|system)|rejected|bounce|non ?remis|"
    r"unzustellbar|"
    r"nachricht konnte|no entregado|warning|user unknown|message status|delivery|nondeliverable|address (?:error|not)|"
    r"mailbox (?:full|unavailable)|problem|error",
    re.IGNORECASE,
)


def read(mail: reading.Mail, *, guess: bool = True) -> Bounce | None:
    """What a message reports of a delivery, or None when it is no report; by its words only when we may ``guess``."""
    return _notification(mail) or (_heuristics(mail) if guess else None)


def is_from_system(mail: reading.Mail) -> bool:
    """Whether the sender calls itself a mail system."""
    return _FROM_SYSTEM.search(headers.first(mail.message, "From")) is not None


def looks_like_one(mail: reading.Mail) -> bool:
    """Whether a mail system may have written a message, by its headers alone."""
    sender = " ".join((*headers.all_of(mail.message, "From"), *headers.all_of(mail.message, "Sender")))
    if not sender or "<>" in headers.all_of(mail.message, "Return-Path"):
        return True
    return _FROM_SYSTEM.search(sender) is not None or _FAILED.search(mail.subject) is not None


def returned(mail: reading.Mail) -> Message | None:
    """The message, or its headers, that a report gives back; None when it gives none."""
    for part in reading.parts(mail.message):
        type_ = part.get_content_type()
        if type_ == "message/rfc822":
            back = reading.children(part)
            if back:
                return back[0]
        if type_ in ("text/rfc822-headers", "message/rfc822-headers"):
            from email import message_from_string

            return message_from_string(reading.text_of(part)[: reading.LARGEST_HEAD])
    return None


# Delivery status notifications


def _notification(mail: reading.Mail) -> Bounce | None:
    recipients: list[Recipient] = []
    envelope_id = ""
    for part in reading.parts(mail.message):
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in _blocks(part):
            envelope_id = envelope_id or _typed(headers.first(block, "Original-Envelope-Id"))
            found = _recipient(block, mail)
            if found is not None:
                recipients.append(found)
    return Bounce(tuple(recipients[:MOST]), "dsn", envelope_id) if recipients else None


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields of a delivery status; some systems send it with an encoding, against RFC 3464."""
    blocks = reading.children(part)[: MOST + 1]
    if any("action" in block or "status" in block for block in blocks):
        yield from blocks
        return
    from email import message_from_string

    raw = "\n\n".join(str(reading.payload(block)) for block in blocks) if blocks else str(reading.payload(part))
    text = headers.decode(_decoded(part, raw), "utf-8").replace("\r\n", "\n")
    for chunk in re.split(r"\n[ \t]*\n", text[: reading.LARGEST_HEAD])[: MOST + 1]:
        yield message_from_string(chunk.strip("\n"))


def _decoded(part: Message, raw: str) -> bytes:
    data = raw.encode("utf-8", "replace")
    if headers.first(part, "Content-Transfer-Encoding").lower() == "base64":
        import base64
        import binascii

        try:
            return base64.b64decode(data)
        except (ValueError, binascii.Error):
            return data
    return data


def _recipient(block: Message, mail: reading.Mail) -> Recipient | None:
    """What a group of fields says of a recipient; None when it is about none."""
    action = headers.first(block, "Action").lower()
    names = ("Original-Recipient", "Final-Recipient", "X-Actual-Recipient")
    address = next((address for name in names if (address := _address(headers.first(block, name)))), "")
    if not action or not address:
        return None
    said = _typed(headers.first(block, "Diagnostic-Code"))
    status = bounce_words.status_in(headers.first(block, "Status"))
    return Recipient(address, _how(action, status, said or mail.text[:4000]), status, said[:300])


def _typed(value: str) -> str:
    """The value of a field of the form ``type; value`` (RFC 3464, section 2.1.2); as it is when it has no type."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and kind.strip().replace("-", "").isalnum() else value.strip()


def _address(value: str) -> str:
    text = _typed(value).strip()
    return headers.bare(text) or headers.bare(text.partition(" ")[0].rstrip(".,;"))


def _how(action: str, status: str, said: str) -> str:
    """How bad a report is by its action, its status (RFC 3463), and where these say little, by its words."""
    if action.startswith("delay"):
        return DELAYED
    if action.startswith(("deliver", "relay", "expand")):
        return DELIVERED
    return bounce_words.how_bad(status, said)


# Everything else


def _heuristics(mail: reading.Mail) -> Bounce | None:
    """What flufl.bounce recognises in a message that a mail system may have written."""
    if mail.cut or not looks_like_one(mail):
        return None
    try:
        from flufl.bounce import all_failures
    except ImportError:
        return None
    # It logs what its detectors stumble over, and with nobody listening Python would print that for cron to mail.
    logging.getLogger("flufl.bounce").disabled = True
    try:
        temporary, permanent = all_failures(mail.message)
    except Exception:  # noqa: BLE001 - a hostile message must never end a run, and the library raises what it likes
        return None
    text = _words(mail)
    recipients = []
    for found, lasting in ((permanent, True), (temporary, False)):
        for address in sorted(_ascii(one) for one in found)[:MOST]:
            if address:
                recipients.append(Recipient(address, *bounce_words.by_words(text, address, lasting=lasting)))
    return Bounce(tuple(recipients), "heuristics") if recipients else None


def _ascii(address: object) -> str:
    text = address.decode("ascii", "replace") if isinstance(address, bytes) else str(address)
    return headers.bare(text)


def _words(mail: reading.Mail) -> str:
    """What a report says, without the message that it gives back."""
    said = [mail.text]
    for part in reading.parts(mail.message):
        if part.get_content_type() == "message/rfc822":
            break
        if part is not mail.message and part.get_content_maintype() == "text" and not mail.text:
            said.append(reading.text_of(part))
    return bounce_words.without_returned("\n".join(said))
