"""A message as the bytes of an .eml file: the same bytes for the same input, and never a header that was not meant.

The headers are written by hand under strict rules; ``verify`` reads them back with other code.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from binascii import b2a_qp
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import ascii_address
from crmctl.mail.addresses import mailbox
from crmctl.mail.message.words import folded
from crmctl.mail.message.words import forbidden
from crmctl.mail.message.words import words

if TYPE_CHECKING:
    from datetime import datetime

    from crmctl.mail.message.files import File
    from crmctl.mail.message.invitation import Invitation

LONGEST_LINE = 998
"""Characters of any line, RFC 5322 section 2.1.1."""

_LONGEST_TEXT = 1000
_LONGEST_BARE = 78
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_BYTES = bytes({*range(32), 127} - {9, 10})
_CONTROL_PAIR = re.compile(b"\xc2[\x80-\x9f]")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+>\Z")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,59}\Z")
_VALUE = re.compile(r"[!-~]+(?: [!-~]+)*\Z")
_URI = r"<(?:https?|mailto):[!-;=?-~]+>"
_URIS = re.compile(f"{_URI}(?:, {_URI})*\\Z")
_ALLOWED = frozenset(
    "auto-submitted cfbl-address feedback-id in-reply-to list-help list-id list-owner list-subscribe list-unsubscribe "
    "list-unsubscribe-post precedence references reply-to".split()
)
_URI_LISTS = frozenset({"list-help", "list-owner", "list-subscribe", "list-unsubscribe"})


class Sender(NamedTuple):
    """Who writes: the name shown, and the address."""

    name: str
    email: str


class Meant(NamedTuple):
    """What a message shall say. ``html`` may be empty; ``message_id`` has its angle brackets; ``date`` has an offset;
    ``headers`` are further ones, such as List-Unsubscribe. ``files`` are attachments, and images that ``html`` shows.
    """

    to_name: str
    to_email: str
    sender: Sender
    subject: str
    text: str
    html: str
    message_id: str
    date: datetime
    headers: tuple[tuple[str, str], ...] = ()
    files: tuple[File, ...] = ()
    invitation: Invitation | None = None

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing in it but words."""
        return not self.files and self.invitation is None


def compose(meant: Meant) -> bytes:
    """The message as it goes over the wire: lines ending in CR LF, one recipient, ASCII but for what RFC 6532 allows
    before the @ of their address.

    Raises:
        Refused: something in it cannot stand in a message: a control character in a header, an address that is none ...
    """
    for what, text in (("the recipient's name", meant.to_name), ("the subject", meant.subject)):
        _check(what, text)
    if not meant.subject.strip():
        raise Refused("a message needs a subject", hint="write subject: in the front matter of the template")
    if not _MESSAGE_ID.match(meant.message_id) or len(meant.message_id) > 250 or "=?" in meant.message_id:
        raise Refused(f"this is not a Message-ID: {meant.message_id!r}")
    if meant.date.tzinfo is None:
        raise Refused("the date of a message needs an offset")
    head = [
        _from(meant.sender),
        folded("To", mailbox(meant.to_name, meant.to_email)),
        folded("Subject", words(meant.subject, len("Subject: "))),
        _date(meant.date),
        folded("Message-ID", [meant.message_id]),
        *_further(meant.headers),
        "MIME-Version: 1.0\r\n",
    ]
    if not meant.is_plain:
        from crmctl.mail.message.tree import body

        return "".join(head).encode("utf-8") + body(meant)
    plain = text_part("plain", canonical(meant.text))
    if not meant.html:
        return "".join(head).encode("utf-8") + plain
    page = text_part("html", canonical(meant.html))
    line = boundary(meant.message_id, plain + page)
    mark = line.encode("ascii")
    head.append(f'Content-Type: multipart/alternative;\r\n boundary="{line}"\r\n\r\n')
    return b"%s--%b\r\n%b\r\n--%b\r\n%b\r\n--%b--\r\n" % ("".join(head).encode("utf-8"), mark, plain, mark, page, mark)


@lru_cache(maxsize=4)
def canonical(text: str) -> str:
    """The text of a part as it is read again: lines end in LF, the last one too.

    Raises:
        Refused: it holds a control character.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _has_control(text):
        bad = _CONTROL.search(text)
        shown = f" (U+{ord(bad[0]):04X})" if bad else ""
        raise Refused(f"the text of a message holds a control character{shown}")
    return text if text.endswith("\n") else f"{text}\n"


def _has_control(text: str) -> bool:
    """As the pattern ``_CONTROL`` has it; asking the bytes is twenty times faster."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return len(data.translate(None, _CONTROL_BYTES)) != len(data) or _CONTROL_PAIR.search(data) is not None


def _check(what: str, text: str) -> None:
    bad = forbidden(text)
    if bad:
        hint = "remove it from the record" if "name" in what else "remove it from the template"
        raise Refused(f"{what} holds a control character ({bad}): {text!r}", hint=hint)
    if len(text) > _LONGEST_TEXT:
        raise Refused(f"{what} is longer than {_LONGEST_TEXT} characters")


@lru_cache(maxsize=16)
def _from(sender: Sender) -> str:
    _check("the sender's name", sender.name)
    return folded("From", mailbox(sender.name, ascii_address(sender.email)))


@lru_cache(maxsize=16)
def _date(moment: datetime) -> str:
    return f"Date: {format_datetime(moment)}\r\n"


def _further(headers: tuple[tuple[str, str], ...]) -> list[str]:
    """The headers that the caller adds, each once, from an allow-list: none that names a recipient or a structure."""
    names = [name.lower() for name, _ in headers]
    if len(set(names)) != len(names):
        raise Refused("a header is given twice")
    return [_header(name, value) for name, value in headers]


@lru_cache(maxsize=64)
def _header(name: str, value: str) -> str:
    lower = name.lower()
    if not _HEADER.match(name) or not (lower in _ALLOWED or lower.startswith("x-")):
        raise Refused(f"this header cannot be set: {name!r}")
    if not _VALUE.match(value) or "=?" in value:
        raise Refused(f"{name} can hold only plain ASCII words: {value!r}")
    pieces, separator = value.split(" "), " "
    if lower in _URI_LISTS:
        if not _URIS.match(value):
            raise Refused(f"{name} holds addresses such as <mailto:a@example.org>, <https://example.org>: {value!r}")
        # Folded or encoded anywhere else, mail programs no longer see that it is an address.
        pieces, separator = value.replace(">, <", ">\n<").split("\n"), ", "
    elif lower == "reply-to":
        pieces = [ascii_address(value)]
    header = folded(name, pieces, separator)
    if max(map(len, header.split("\r\n"))) > LONGEST_LINE:
        raise Refused(f"{name} is too long: {value!r}")
    return header


def text_part(subtype: str, text: str, parameters: str = "") -> bytes:
    """One text part with its headers, in the plainest encoding that keeps it as it is."""
    data = text.replace("\n", "\r\n").encode("utf-8")
    encoding, body = "7bit", data
    if not text.isascii() or max(map(len, text.split("\n"))) > _LONGEST_BARE:
        encoding, body = "quoted-printable", b2a_qp(data)
    # Mail boxes in the old format mark their messages by such lines, and change those of the text.
    if b"\nFrom " in body or body.startswith(b"From ") or len(body) > len(data) * 2:
        encoded = b2a_base64(data, newline=False)
        encoding, body = "base64", b"\r\n".join(encoded[i : i + 76] for i in range(0, len(encoded), 76)) + b"\r\n"
    head = f"Content-Type: text/{subtype}; charset=utf-8{parameters}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode("ascii") + body


def boundary(seed: str, body: bytes) -> str:
    """A mark that stands in no part, told from ``seed`` so that the same message has the same bytes."""
    mark = f"=_{sha256(seed.encode('ascii')).hexdigest()[:32]}"
    while mark.encode("ascii") in body:
        mark = f"=_{sha256(mark.encode('ascii')).hexdigest()[:32]}"
    return mark
