"""Text messages: what fits into one, how many it takes, and how programs that send them want to be given them.

A message of the alphabet of GSM (3GPP TS 23.038) holds 160 characters, any other 70 (UCS-2). Several that belong
together are a little shorter, 153 and 67: they say in their head how they follow each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.mail.addresses import Refused

if TYPE_CHECKING:
    from datetime import datetime

MOST = 3
"""Parts of one text message beyond which it had better been a letter: each is paid for."""

GSM, UCS = "GSM", "UCS-2"

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED = frozenset("\f^{}\\[~]|€")
"""They take the place of two."""


def plain(data: bytes) -> str:
    """What a rendered message says, without the blank lines around it."""
    return data.decode("utf-8").replace("\r\n", "\n").strip()


def alphabet(text: str) -> str:
    """``GSM`` when the alphabet of GSM has every character of ``text``, else ``UCS-2``."""
    return GSM if _BASIC.issuperset(set(text) - _ESCAPED) else UCS


def segments(text: str) -> int:
    """How many parts ``text`` is sent in; none of them ends within a character."""
    if alphabet(text) == GSM:
        sizes, single, part = [2 if char in _ESCAPED else 1 for char in text], 160, 153
    else:
        sizes, single, part = [2 if ord(char) > 0xFFFF else 1 for char in text], 70, 67
    if sum(sizes) <= single:
        return 1
    count, used = 1, 0
    for size in sizes:
        if used + size > part:
            count, used = count + 1, 0
        used += size
    return count


def digits(number: str) -> str:
    """An international number, as ``+4930123456``, without its plus.

    Raises:
        Refused: it is none.
    """
    found = number.removeprefix("+")
    if not (found.isascii() and found.isdecimal() and 4 <= len(found) <= 15):
        raise Refused("the number cannot be used: it is not international, as +49 30 123456")
    return found


def gammu_name(number: str, sid: str, moment: datetime) -> str:
    """The name that gammu-smsd reads priority, moment, number and note from (gammu-smsd-files(7))."""
    return f"OUTA{moment:%Y%m%d_%H%M%S}_00_+{digits(number)}_{sid}.txt"


def gammu_content(text: str) -> bytes:
    """The text for gammu-smsd: what is more than ASCII as UTF-16 that says so, or the machine's locale would decide."""
    return text.encode("ascii") if text.isascii() else b"\xfe\xff" + text.encode("utf-16-be")


def smstools_content(number: str, text: str) -> bytes:
    """The file for smstools: a head, an empty line, the text in the alphabet that the head names."""
    head = f"To: {digits(number)}\nAlphabet: "
    if alphabet(text) == GSM:
        try:
            return f"{head}ISO\n\n".encode("ascii") + text.encode("iso-8859-15")
        except UnicodeEncodeError:  # The capitals of Greek are in the alphabet of GSM, and not in that one.
            pass
    return f"{head}UCS\n\n".encode("ascii") + text.encode("utf-16-be")


def plain_content(number: str, text: str) -> bytes:
    """The file for whoever sends it by hand."""
    return f"To: +{digits(number)}\n\n{text}\n".encode()
