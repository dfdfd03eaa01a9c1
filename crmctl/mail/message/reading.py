"""What stands in a header, read: an address, words, a moment. For both readers of our messages."""

from __future__ import annotations

import re
from binascii import a2b_base64
from binascii import a2b_qp
from email.utils import format_datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from crmctl.mail.addresses import ascii_address

if TYPE_CHECKING:
    from datetime import datetime

    from crmctl.mail.message.compose import Sender

LONGEST_WORD = 75
"""Characters of an encoded word, RFC 2047 section 2."""

LONGEST_ENCODED = 76
"""Characters of a line of a part that is encoded, RFC 2045 sections 6.7 and 6.8."""

WORD = re.compile(r"=\?[^?]*\?[^?]*\?[^?]*\?=")
# What an equals sign may stand for, in quoted-printable: two digits, or a line that goes on.
_NO_ESCAPE = re.compile(r"=(?![0-9A-F]{2}|\r\n)")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
# Atoms, a quoted string, or nothing, and one address; before its @ may stand letters beyond ASCII.
_LOCAL = _ATOM.replace("~-", "~\x80-\U0010ffff-")
_ADDRESS = rf"{_LOCAL}(?:\.{_LOCAL})*@[A-Za-z0-9.-]+"
_BARE = re.compile(rf"{_ADDRESS}\Z")
_NAMED = re.compile(rf"({_ATOM}(?: {_ATOM})*) <({_ADDRESS})>\Z")
_QUOTED = re.compile(rf'"((?:[^"\\]|\\["\\])+)" <({_ADDRESS})>\Z')
_QUOTED_SIGN = re.compile(r'\\(["\\])')
_ENCODED = re.compile(r"=\?utf-8\?([qb])\?([^? ]*)\?=\Z")


def mailbox(value: str) -> tuple[str, str]:
    """The name and the address in a header that has one of each, or no name.

    Only what can be read in one way is read; anything else (several addresses, a group, a comment) is no address at
    all, so it comes back as it is, without a name.
    """
    named = _NAMED.match(value)
    if named is not None:
        return decoded(named[1]), named[2]
    quoted = _QUOTED.match(value)
    if quoted is not None and "=?" not in quoted[1]:
        return _QUOTED_SIGN.sub(r"\1", quoted[1]), quoted[2]
    return ("", value) if _BARE.match(value) else ("", f"({value})")


@lru_cache(maxsize=16)
def is_from(value: str, sender: Sender) -> bool:
    """Whether a header says that ``sender`` has written."""
    return mailbox(value) == (sender.name, ascii_address(sender.email))


def is_at(value: str, date: datetime) -> bool:
    """Whether a header says ``date``, to the second, as we write it: with the day of the week that it is."""
    return _is_at(value, date, date.fold)


@lru_cache(maxsize=16)
def _is_at(value: str, date: datetime, fold: int) -> bool:  # noqa: ARG001 - two that differ by it alone are equal
    moment = parsedate_to_datetime(value)
    # As seconds: in the hour that comes twice in autumn, no moment equals one with another kind of offset (PEP 495).
    return moment.timestamp() == date.replace(microsecond=0).timestamp() and format_datetime(moment) == value


def decoded(value: str) -> str:
    """Text in a header with its encoded words read.

    Raises:
        ValueError: one of them cannot be read, or something else stands beside them.
    """
    if "=?" not in value:
        return value
    words = [_ENCODED.match(word) for word in value.split(" ")]
    if not all(words):
        raise ValueError(f"these are not all encoded words: {value!r}")
    # Blanks between encoded words are none of the text, and a character may not be cut in two (RFC 2047 section 6.2).
    return "".join(_word(word[1], word[2]) for word in words if word is not None)


def _word(encoding: str, text: str) -> str:
    raw = text.encode("ascii")
    data = a2b_base64(raw, strict_mode=True) if encoding == "b" else a2b_qp(raw, header=True)
    return data.decode("utf-8")


def content(encoding: str, raw: str) -> str:
    """The text of a part with line ends of LF: ``raw`` is what stands in the message, in ``encoding``.

    Raises:
        ValueError: it is not in that encoding, or an encoded line is too long.
    """
    if encoding == "7bit":
        return raw.replace("\r\n", "\n")
    if len(raw) > LONGEST_ENCODED and max(map(len, raw.split("\r\n"))) > LONGEST_ENCODED:
        raise ValueError(f"an encoded line has more than {LONGEST_ENCODED} characters")
    if encoding == "base64":
        data = a2b_base64(raw.replace("\r\n", ""), strict_mode=True)
    elif encoding == "quoted-printable" and _NO_ESCAPE.search(raw) is None:
        data = a2b_qp(raw)
    else:
        raise ValueError(f"this is not {encoding}")
    return data.decode("utf-8").replace("\r\n", "\n")
