"""A message as the bytes of an .eml file: the same bytes for the same input, and never a header that was not meant.

The headers are written by hand under strict rules; ``verify`` reads them back with other code.
"""

from __future__ import annotations

import re
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import ascii_address
from crmctl.mail.addresses import mailbox
from crmctl.mail.message.parts import boundary
from crmctl.mail.message.parts import canonical
from crmctl.mail.message.parts import text_part
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
    _check("the recipient's name", meant.to_name)
    subject = _subject(meant.subject)
    if not _MESSAGE_ID.match(meant.message_id) or len(meant.message_id) > 250 or "=?" in meant.message_id:
        raise Refused(f"this is not a Message-ID: {meant.message_id!r}")
    if meant.date.tzinfo is None:
        raise Refused("the date of a message needs an offset")
    head = [
        _from(meant.sender),
        folded("To", mailbox(meant.to_name, meant.to_email)),
        subject,
        _date(meant.date, meant.date.fold),
        f"Message-ID: {meant.message_id}\r\n",
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
def _subject(text: str) -> str:
    _check("the subject", text)
    if not text.strip():
        raise Refused("a message needs a subject", hint="write subject: in the front matter of the template")
    return folded("Subject", words(text, len("Subject: ")))


@lru_cache(maxsize=16)
def _date(moment: datetime, fold: int) -> str:  # noqa: ARG001 - two moments that differ by it alone are equal
    return f"Date: {format_datetime(moment)}\r\n"


def _further(headers: tuple[tuple[str, str], ...]) -> list[str]:
    """The headers that the caller adds, each once, from an allow-list: none that names a recipient or a structure."""
    if _is_twice(tuple([name for name, _ in headers])):
        raise Refused("a header is given twice")
    return [_header(name, value) for name, value in headers]


@lru_cache(maxsize=16)
def _is_twice(names: tuple[str, ...]) -> bool:
    return len({name.lower() for name in names}) != len(names)


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
