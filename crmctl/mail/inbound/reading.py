"""A message from anywhere, read within bounds: whatever it is, reading it takes little time and never fails.

What is too large or too deep is read as far as its headers. Attachments are counted and hashed, never kept.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple
from unicodedata import normalize

from crmctl.mail.inbound import flowed
from crmctl.mail.inbound import headers
from crmctl.mail.inbound import hypertext
from crmctl.mail.inbound import sealed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from email.message import Message

LARGEST = 40 << 20
"""Bytes of a message that are read; of a larger one only the headers."""
LARGEST_HEAD = 256 << 10
LONGEST_TEXT = 200_000
MOST_PARTS = 300
MOST_BOUNDARIES = 60
MOST_LINES = 1_500_000
MOST_MARKS = 5_000
DEEPEST = 15
AHEAD = timedelta(days=1)
"""A sender's clock may be so far ahead, or wrong about its zone."""

_BODY = re.compile(rb"\r?\n\r?\n")
_NESTING = re.compile(rb"boundary\s*=|message/", re.IGNORECASE)
_MESSAGES = re.compile(rb"message/|rfc822", re.IGNORECASE)
_LIST_NAME = re.compile(r"\[[^\[\]]{1,60}\]\s*")
_REPORTS = re.compile(rb"message/(?:delivery-status|disposition-notification|feedback-report)", re.IGNORECASE)


class Attachment(NamedTuple):
    """What came with a message: its name ("" when it has none), type, size in bytes, and SHA-256."""

    name: str
    type: str
    size: int
    sha256: str


class Mail(NamedTuple):
    """One message. ``key`` tells it from every other: its Message-ID, or a hash of its bytes where it has none.

    ``recipients`` are those of To and Cc; ``envelope`` are the addresses it was delivered to, as far as headers say.
    ``text`` is what it says, with what it quotes; ``cut`` says that it was too much to be read in full, ``sealed`` that
    some of it is encrypted. ``dates`` are what the sender says and what servers noted when they took it, the latest
    server first; ``date`` is the first.
    """

    key: str
    message_id: str
    subject: str
    sender: str
    recipients: tuple[str, ...]
    envelope: tuple[str, ...]
    date: datetime | None
    dates: tuple[datetime, ...]
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    text: str
    attachments: tuple[Attachment, ...]
    cut: bool
    message: Message
    sealed: bool = False


def read(data: bytes, *, whole: bool = True) -> Mail:
    """The message that ``data`` is; ``whole`` is False when only its beginning is there."""
    whole = whole and len(data) <= LARGEST and not _is_a_bomb(data)
    message = _parsed(data) if whole else _parsed(_head(data), only_head=True)
    contents = _Contents(message if whole else _nothing())
    identifiers = headers.identifiers(message, "Message-ID")
    received = [value.rpartition(";")[2] for value in headers.all_of(message, "Received")[:3]]
    stamps = (headers.moment(text.strip()) for text in (*headers.all_of(message, "Date"), *received))
    dates = tuple(stamp for stamp in stamps if stamp is not None)
    return Mail(
        identifiers[0] if identifiers else f"sha256:{_sha256(data)}",
        identifiers[0] if identifiers else "",
        _subject(message),
        headers.author(message)[1],
        tuple(address for _, address in headers.addresses(message, "To", "Cc")),
        tuple(_delivered(message)),
        dates[0] if dates else None,
        dates,
        headers.identifiers(message, "In-Reply-To"),
        headers.identifiers(message, "References"),
        contents.text,
        tuple(contents.attachments),
        not whole,
        message,
        contents.sealed,
    )


def holds_messages(data: bytes) -> bool:
    """Whether a message may hold another one, or a report about one; False is certain, and soon told."""
    return _MESSAGES.search(data) is not None


def written(mail: Mail) -> datetime | None:
    """When a message was written, by what it says itself and by nothing else; None when it says nothing.

    That is what its sender says, or what the last server noted where the sender's clock was more than a day ahead.
    """
    if len(mail.dates) > 1 and mail.dates[0] > mail.dates[1] + AHEAD:
        return mail.dates[1]
    return next(iter(mail.dates), None)


def _subject(message: Message) -> str:
    """The subject as its author wrote it, without the name that a mailing list puts before it."""
    subject = headers.words(headers.first(message, "Subject"))[:500]
    if headers.first(message, "List-Post") or headers.first(message, "List-Id"):
        return subject[found.end() :] if (found := _LIST_NAME.match(subject)) else subject
    return subject


def _sha256(data: bytes) -> str:
    from hashlib import sha256

    return sha256(data).hexdigest()


def _delivered(message: Message) -> Iterator[str]:
    """The addresses a message was delivered to, by the headers that servers add."""
    for name in ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To"):
        for value in headers.all_of(message, name):
            for part in value.split(",")[:20]:
                address = headers.bare(part)
                if address:
                    yield address


def _is_a_bomb(data: bytes) -> bool:
    """Whether reading all of it could take very long, by counts that are cheap to make."""
    if len(_head(data)) >= LARGEST_HEAD or data.count(b"\n") > MOST_LINES:
        return True
    nested = sum(1 for _ in zip(range(MOST_BOUNDARIES + 1), _NESTING.finditer(data), strict=False))
    if nested > MOST_BOUNDARIES:
        return True
    if nested and data.count(b"\n--") > MOST_MARKS:
        return True
    blank = data.count(b"\n\n") + data.count(b"\r\n\r\n")
    return blank > MOST_MARKS and _REPORTS.search(data) is not None


def _head(data: bytes) -> bytes:
    found = _BODY.search(data, 0, LARGEST_HEAD)
    return data[: found.end()] if found else data[:LARGEST_HEAD]


def _nothing() -> Message:
    from email.message import Message as Empty

    return Empty()


def _parsed(data: bytes, *, only_head: bool = False) -> Message:
    from email.parser import BytesParser

    try:
        return BytesParser().parsebytes(data, headersonly=only_head)
    except (ValueError, LookupError, TypeError, AttributeError, IndexError, AssertionError, RecursionError):
        return _nothing()


def parts(message: Message) -> Iterator[Message]:
    """The parts of a message that hold something, in order; a message within it is one part."""
    waiting = [(message, 0)]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        part, depth = waiting.pop()
        below = children(part)
        if below and part.get_content_maintype() == "multipart" and depth < DEEPEST:
            waiting += [(child, depth + 1) for child in reversed(below[:MOST_PARTS])]
        else:
            yield part


def payload(part: Message) -> object:
    """What a part holds: a list of messages, or text as it travelled."""
    try:
        return part.get_payload()
    except (ValueError, LookupError, TypeError):
        return ""


def children(part: Message) -> list[Message]:
    """The messages that a part holds; none for one that holds text."""
    found = payload(part)
    return [child for child in found if not isinstance(child, str)] if isinstance(found, list) else []


def content(part: Message) -> bytes:
    """The bytes of a part, decoded; of a message within, what is known of it."""
    below = children(part)
    if below:
        try:
            return b"\n".join(child.as_bytes() for child in below[:MOST_PARTS])
        except (ValueError, LookupError, TypeError, AttributeError, IndexError, RecursionError):
            return b""
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AssertionError, IndexError):
        return b""
    return data if isinstance(data, bytes) else b""


def text_of(part: Message) -> str:
    """The text of a part in its character set, with plain line ends; at most ``LONGEST_TEXT`` bytes of it."""
    try:
        charset = part.get_content_charset() or "utf-8"
    except (ValueError, LookupError, TypeError):
        charset = "utf-8"
    text = normalize("NFC", headers.decode(content(part)[:LONGEST_TEXT], charset))
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def filename(part: Message) -> str:
    """The name an attachment says it has, without any folder; "" when it says none."""
    try:
        name = part.get_filename() or ""
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    plain = headers.words(headers.one_line(str(name)[:1000])).replace("\\", "/").rpartition("/")[2]
    return plain[:200]


class _Contents:
    """What a message says, and what is attached to it."""

    def __init__(self, message: Message) -> None:
        self.attachments: list[Attachment] = []
        self.sealed = False
        self._left = MOST_PARTS
        self.text = self._said(message, 0)[:LONGEST_TEXT].strip()

    def _said(self, part: Message, depth: int) -> str:
        """The words of a part: of alternatives the one that people read, of anything else all that stand in it."""
        self._left -= 1
        self.sealed = self.sealed or sealed.is_sealed(part)
        below = children(part)[: max(self._left, 0)]
        if not below or part.get_content_maintype() != "multipart" or depth >= DEEPEST:
            return self._words(part)
        said = [(child.get_content_type(), self._said(child, depth + 1)) for child in below]
        if part.get_content_type() != "multipart/alternative":
            return "\n".join(text for _, text in said if text.strip())
        plain = next((text for type_, text in said if type_ == "text/plain"), "")
        rich = next((text for type_, text in reversed(said) if type_ != "text/plain" and text.strip()), "")
        html = " ".join(text_of(child) for child in below if child.get_content_type() == "text/html")
        return rich if rich and (not plain.strip() or hypertext.is_another(plain, html)) else plain

    def _words(self, part: Message) -> str:
        name, type_ = filename(part), part.get_content_type()
        attached = bool(name) or headers.first(part, "Content-Disposition").lower().startswith("attachment")
        if not attached and type_ in ("text/plain", "text/html"):
            text = text_of(part)
            if type_ == "text/html":
                return hypertext.to_text(text)
            self.sealed = self.sealed or sealed.has_sealed(text)
            return sealed.opened(_unbroken(part, text))
        if attached or part.get_content_maintype() not in ("multipart", "message") or type_ == "message/rfc822":
            data = content(part)
            self.attachments.append(Attachment(name, type_, len(data), _sha256(data)))
        return ""


def _unbroken(part: Message, text: str) -> str:
    try:
        form, delete = part.get_param("format", ""), part.get_param("delsp", "")
    except (ValueError, LookupError, TypeError):
        return text
    if str(form).lower() != "flowed":
        return text
    return flowed.unbroken(text, delete_space=str(delete).lower() == "yes")
