"""The bytes of a message read again and held against what was meant, before anybody may send them.

The headers are parsed by the standard library, the body by the strict code here: anything that ``compose`` would not
have written is a fault, so that there is no room for two readings.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from binascii import a2b_qp
from email.errors import MessageError
from email.errors import MultipartInvariantViolationDefect
from email.header import decode_header
from email.parser import HeaderParser
from email.utils import getaddresses
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import ascii_address
from crmctl.mail.compose import LONGEST_LINE
from crmctl.mail.compose import canonical

if TYPE_CHECKING:
    from datetime import datetime
    from email.message import Message

    from crmctl.mail.compose import Meant

_EXPECTED = bytes((9, 10, 13, *range(32, 127)))
_LONGEST_FOLDED = 78
_LONGEST_WORD = 75
_WORD = re.compile(r"=\?[^?]*\?[^?]*\?[^?]*\?=")
_ALTERNATIVE = re.compile(r'multipart/alternative; boundary="([0-9A-Za-z=_]{8,60})"\Z')
_PART = re.compile(
    rb"Content-Type: text/(plain|html); charset=utf-8\r\n"
    rb"Content-Transfer-Encoding: (7bit|quoted-printable|base64)\r\n\r\n"
)
_PARSER: HeaderParser = HeaderParser()


def verify(data: bytes, meant: Meant) -> list[str]:
    """What in the message ``data`` is not as ``meant``; nothing when all is.

    Compared are the headers' names, number and values, the one recipient, the subject, and the text of each part; the
    form is held against RFC 5322 (lines), RFC 2047 (encoded words) and RFC 2045 (encodings).
    """
    try:
        return _verify(data, meant)
    except (Refused, ValueError, LookupError, MessageError) as exc:
        return [f"the message cannot be read again: {exc}"]


def _verify(data: bytes, meant: Meant) -> list[str]:
    stray = data.translate(None, _EXPECTED)
    if stray:
        return [f"there is a stray byte 0x{stray[0]:02x}"]
    if not data.count(b"\r\n") == data.count(b"\r") == data.count(b"\n"):
        return ["a line does not end in CR LF"]
    head, _, body = data.partition(b"\r\n\r\n")
    text = head.decode("ascii")
    faults = _line_faults(text, body)
    message = _PARSER.parsestr(text + "\r\n\r\n")
    names = ["From", "To", "Subject", "Date", "Message-ID", *(name for name, _ in meant.headers), "MIME-Version"]
    names += ["Content-Type"] if meant.html else ["Content-Type", "Content-Transfer-Encoding"]
    # Only the headers are parsed; before 3.11.5 Python misses the parts then.
    defects = [defect for defect in message.defects if not isinstance(defect, MultipartInvariantViolationDefect)]
    if message.keys() != names or defects:
        return [*faults, f"the headers are {', '.join(message.keys())}, not {', '.join(names)}"]
    faults += _header_faults(message, meant)
    if meant.html:
        return faults + _alternative_faults(_value(message, "Content-Type"), body, meant)
    start = text.rindex("Content-Type: ")
    return faults + _part_faults(head[start:] + b"\r\n\r\n" + body, "plain", meant.text)


def _line_faults(head: str, body: bytes) -> list[str]:
    faults = []
    for line in head.split("\r\n"):
        if not line.strip(" \t"):
            faults.append("a header has an empty line")
        if len(line) > _LONGEST_FOLDED and (len(line) > LONGEST_LINE or " " in line.partition(": ")[2]):
            faults.append(f"a header line has {len(line)} characters")
    if any(len(word) > _LONGEST_WORD for word in _WORD.findall(head)):
        faults.append(f"an encoded word has more than {_LONGEST_WORD} characters")
    if max(map(len, body.split(b"\r\n"))) > LONGEST_LINE:
        faults.append(f"a line of the text has more than {LONGEST_LINE} characters")
    return faults


def _header_faults(message: Message, meant: Meant) -> list[str]:
    faults = []
    to, sender = _addresses(_value(message, "To")), _sender(_value(message, "From"))
    if to != [(meant.to_name, ascii_address(meant.to_email))]:
        faults.append(f"it would go to {to!r}")
    if sender != [(meant.sender.name, ascii_address(meant.sender.email))]:
        faults.append(f"it would come from {sender!r}")
    subject = _decoded(_value(message, "Subject"))
    if subject != meant.subject:
        faults.append(f"the subject is {subject!r}, not {meant.subject!r}")
    if _value(message, "Message-ID") != meant.message_id or _value(message, "MIME-Version") != "1.0":
        faults.append("the Message-ID or the version is another")
    if _moment(_value(message, "Date")) != meant.date.replace(microsecond=0):
        faults.append("the date is another")
    faults += [f"{name} is another" for name, value in meant.headers if _value(message, name) != value]
    return faults


def _value(message: Message, name: str) -> str:
    return str(message[name]).replace("\r\n", "")


@lru_cache(maxsize=16)
def _moment(value: str) -> datetime:
    return parsedate_to_datetime(value)


@lru_cache(maxsize=16)
def _sender(value: str) -> list[tuple[str, str]]:
    return _addresses(value)


def _addresses(value: str) -> list[tuple[str, str]]:
    return [(_decoded(name), address) for name, address in getaddresses([value])]


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    parts = decode_header(value)
    return "".join(part if isinstance(part, str) else part.decode(charset or "ascii") for part, charset in parts)


def _alternative_faults(kind: str, body: bytes, meant: Meant) -> list[str]:
    found = _ALTERNATIVE.match(kind)
    if found is None:
        return [f"the message is {kind}, not multipart/alternative"]
    mark = b"\r\n--" + found[1].encode("ascii")
    parts = (b"\r\n" + body).split(mark)
    if (
        len(parts) != 4
        or parts[0]
        or parts[3] != b"--\r\n"
        or not parts[1].startswith(b"\r\n")
        or parts[2][:2] != b"\r\n"
    ):
        return ["the message does not have exactly two parts"]
    return _part_faults(parts[1][2:], "plain", meant.text) + _part_faults(parts[2][2:], "html", meant.html)


def _part_faults(part: bytes, subtype: str, text: str) -> list[str]:
    head = _PART.match(part)
    if head is None or head[1].decode("ascii") != subtype:
        return [f"there is no text/{subtype} part where it should be"]
    raw = part[head.end() :]
    if head[2] != b"7bit":
        raw = a2b_base64(raw) if head[2] == b"base64" else a2b_qp(raw)
    found = raw.decode("utf-8").replace("\r\n", "\n")
    return [] if found == canonical(text) else [f"the text/{subtype} part is not what was meant"]
