"""The bytes of a message read again and held against what was meant, before anybody may send them.

Every byte is ASCII (but for what RFC 6532 allows before the @ of the one recipient), every line ends in CR LF and
belongs to one header of a known name: anything that ``compose`` would not have written is a fault, so that there is no
room for two readings. Most messages are of one form, which ``exact`` reads fast; all others, and whatever it does not
agree with, are read here by headers and lines, and once more by the standard library.
"""

from __future__ import annotations

import re
from email.errors import MessageError
from typing import TYPE_CHECKING

from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import sent_address
from crmctl.mail.message import exact
from crmctl.mail.message import reading
from crmctl.mail.message.compose import LONGEST_LINE
from crmctl.mail.message.parts import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.mail.message.compose import Meant

_EXPECTED = bytes((9, 10, 13, *range(32, 127)))
_LONGEST_FOLDED = 78
_ALTERNATIVE = re.compile(r'multipart/alternative; boundary="([0-9A-Za-z=_]{8,60})"\Z')
_PART = re.compile(
    rb"Content-Type: text/(plain|html); charset=utf-8\r\n"
    rb"Content-Transfer-Encoding: (7bit|quoted-printable|base64)\r\n\r\n"
)


def verify(data: bytes, meant: Meant, *, twice: bool = False) -> list[str]:
    """What in the message ``data`` is not as ``meant``; nothing when all is.

    Compared are the headers' names, number and values, the one recipient, the subject, the text of each part, and the
    names, types, sizes and hashes of files; the form is held against RFC 5322 (lines), RFC 2047 (encoded words) and
    RFC 2045 (encodings). With ``twice`` all readers have to agree, also on what the fast one would have let pass.
    """
    if not twice and exact.agrees(data, meant):
        return []
    try:
        return _verify(data, meant)
    except (Refused, ValueError, LookupError, MessageError) as exc:
        return [f"the message cannot be read again: {exc}"]


def _verify(data: bytes, meant: Meant) -> list[str]:
    recipient = sent_address(meant.to_email)
    plain = data if recipient.isascii() else data.replace(recipient.encode("utf-8"), b"", 1)
    stray = plain.translate(None, _EXPECTED)
    if stray:
        return [f"there is a stray byte 0x{stray[0]:02x}"]
    if not data.count(b"\r\n") == data.count(b"\r") == data.count(b"\n"):
        return ["a line does not end in CR LF"]
    head, _, body = data.partition(b"\r\n\r\n")
    text = head.decode("utf-8")
    faults = _line_faults(text, body)
    is_whole = meant.is_plain and not meant.html
    names = ["From", "To", "Subject", "Date", "Message-ID", *(name for name, _ in meant.headers), "MIME-Version"]
    names += ["Content-Type", "Content-Transfer-Encoding"] if is_whole else ["Content-Type"]
    # A continuation begins with one blank, and unfolding takes nothing but the line end away (RFC 5322 section 2.2.3).
    found = [line.partition(": ") for line in text.replace("\r\n ", " ").split("\r\n")]
    if [name for name, _, _ in found] != names or not all(value for _, _, value in found):
        return [*faults, f"the headers are {', '.join(name for name, _, _ in found)}, not {', '.join(names)}"]
    values = {name: value for name, _, value in found}
    faults += _header_faults(values, meant)
    if meant.is_plain and meant.html:
        faults += _alternative_faults(values["Content-Type"], body, meant)
    elif meant.is_plain:
        start = head.rindex(b"Content-Type: ")
        faults += _part_faults(head[start:] + b"\r\n\r\n" + body, "plain", meant.text)
    from crmctl.mail.message import again

    return list(dict.fromkeys((*faults, *again.faults(data, meant, names))))


def _line_faults(head: str, body: bytes) -> list[str]:
    faults = []
    for line in head.split("\r\n"):
        if not line or line.isspace():
            faults.append("a header has an empty line")
        elif len(line) > _LONGEST_FOLDED and (len(line) > LONGEST_LINE or " " in line.partition(": ")[2]):
            faults.append(f"a header line has {len(line)} characters")
    if "=?" in head and any(len(word) > reading.LONGEST_WORD for word in reading.WORD.findall(head)):
        faults.append(f"an encoded word has more than {reading.LONGEST_WORD} characters")
    if max(map(len, body.split(b"\r\n"))) > LONGEST_LINE:
        faults.append(f"a line of the text has more than {LONGEST_LINE} characters")
    return faults


def _header_faults(values: Mapping[str, str], meant: Meant) -> list[str]:
    faults = []
    if reading.mailbox(values["To"]) != (meant.to_name, sent_address(meant.to_email)):
        faults.append(f"it would go to {values['To']!r}")
    if not reading.is_from(values["From"], meant.sender):
        faults.append(f"it would come from {values['From']!r}")
    subject = reading.decoded(values["Subject"])
    if subject != meant.subject:
        faults.append(f"the subject is {subject!r}, not {meant.subject!r}")
    if values["Message-ID"] != meant.message_id or values["MIME-Version"] != "1.0":
        faults.append("the Message-ID or the version is another")
    if not reading.is_at(values["Date"], meant.date):
        faults.append("the date is another")
    faults += [f"{name} is another" for name, value in meant.headers if values[name] != value]
    return faults


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
    found = reading.content(head[2].decode("ascii"), part[head.end() :].decode("ascii"))
    return [] if found == canonical(text) else [f"the text/{subtype} part is not what was meant"]
