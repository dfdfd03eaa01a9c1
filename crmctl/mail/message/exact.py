"""The messages that ``compose`` writes most, read fast: those of words alone, to somebody whose address is ASCII.

This reader knows one order of headers and one shape of body, and says yes or no. What it does not know to the letter is
a no, and then ``verify`` reads the message anew, slowly, with other code, and finds the words for what is wrong.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import sent_address
from crmctl.mail.message import reading
from crmctl.mail.message.compose import LONGEST_LINE
from crmctl.mail.message.parts import canonical

if TYPE_CHECKING:
    from crmctl.mail.message.compose import Meant

# Signs that may stand anywhere; CR and LF do in pairs only.
_SIGNS = bytes((9, *range(32, 127)))
_LONGEST_FOLDED = 78
_ENCODING = r"Content-Transfer-Encoding: (7bit|quoted-printable|base64)\r\n\r\n"
_PARTS = {
    subtype: re.compile(rf"\r\nContent-Type: text/{subtype}; charset=utf-8\r\n{_ENCODING}")
    for subtype in ("plain", "html")
}


def agrees(data: bytes, meant: Meant) -> bool:
    """Whether ``data`` is a message of the narrow form, and says what is ``meant`` in every part of it."""
    try:
        return meant.is_plain and _agrees(data, meant)
    except (Refused, ValueError):
        return False


def _agrees(data: bytes, meant: Meant) -> bool:
    # What is left without the signs is CR and LF; as much as there are pairs of both means that nothing else is left.
    if len(data.translate(None, _SIGNS)) != 2 * data.count(b"\r\n"):
        return False
    text = data.decode("ascii")
    head = _shape(tuple([name for name, _ in meant.headers]), bool(meant.html)).match(text)
    if head is None:
        return False
    start = head.end()
    if "=?" in text and any(len(word) > reading.LONGEST_WORD for word in reading.WORD.findall(text, 0, start)):
        return False
    values = [value.replace("\r\n ", " ") if "\r" in value else value for value in head.groups()]
    sender, to, subject, date, message_id, *further, last = values
    return (
        reading.mailbox(to) == (meant.to_name, sent_address(meant.to_email))
        and reading.is_from(sender, meant.sender)
        and reading.decoded(subject) == meant.subject
        and message_id == meant.message_id
        and reading.is_at(date, meant.date)
        and further == [value for _, value in meant.headers]
        and (_has_both(text[start - 2 :], last, meant) if meant.html else _says(last, text[start:], meant.text))
    )


@lru_cache(maxsize=16)
def _shape(names: tuple[str, ...], has_page: bool) -> re.Pattern[str]:
    """The headers of a message in their one order, to the first sign of its body; a group for each value, and for the
    mark between the parts, or the encoding where there is one part."""
    lines = [_line(name) for name in ("From", "To", "Subject", "Date", "Message-ID", *names)]
    if has_page:
        lines.append(r'Content-Type: multipart/alternative;\r\n boundary="(=_[0-9a-f]{32})"\r\n\r\n')
    else:
        lines.append(rf"Content-Type: text/plain; charset=utf-8\r\n{_ENCODING}")
    lines.insert(-1, r"MIME-Version: 1\.0\r\n")
    return re.compile("".join(lines))


def _line(name: str) -> str:
    """One header, folded or not; a line that is too long has to be one word, which cannot be folded."""
    first = _of_line(_LONGEST_FOLDED - len(name) - 2, len(name) + 2)
    return rf"{re.escape(name)}: ({first}(?:\r\n {_of_line(_LONGEST_FOLDED - 1, 1)})*)\r\n"


def _of_line(room: int, used: int) -> str:
    """What stands on a line that has ``room`` for it; ``used`` is how many columns stand before it."""
    # The two never match the same, so a message that is refused is refused at once.
    return rf"(?:[!-~][ -~]{{0,{room - 1}}}(?=\r)|[!-~]{{{room + 1},{LONGEST_LINE - used}}}(?=\r))"


def _has_both(body: str, mark: str, meant: Meant) -> bool:
    """Whether the text and the page stand between three marks, and nothing else does."""
    before, *parts = body.split(f"\r\n--{mark}")
    if before or len(parts) != 3 or parts[2] != "--\r\n":
        return False
    return _is_part(parts[0], "plain", meant.text) and _is_part(parts[1], "html", meant.html)


def _is_part(part: str, subtype: str, wanted: str) -> bool:
    head = _PARTS[subtype].match(part)
    return head is not None and _says(head[1], part[head.end() :], wanted)


def _says(encoding: str, raw: str, wanted: str) -> bool:
    if len(raw) > LONGEST_LINE and max(map(len, raw.split("\r\n"))) > LONGEST_LINE:
        return False
    return reading.content(encoding, raw) == canonical(wanted)
