"""Headers of a message from anywhere: decoded, of bounded length, on one line, and never an exception."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from email.message import Message

LONGEST = 8_192
"""Characters of a header that are looked at."""
MOST = 200
"""Addresses of a header that are looked at."""

_BREAKS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_HIDDEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_IDENTIFIER = re.compile(r"<[^<>\s]{1,400}>")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKETS = re.compile(r"[^<>]*<([^<>]*)>\s*(?:\([^()]*\)\s*)?")
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\]+@[^\s@<>\"(),:;\\]+\Z")


def all_of(message: Message, name: str) -> list[str]:
    """The values of every header called ``name``, as they travelled but on one line each."""
    wanted = name.lower()
    values: list[str] = []
    for key, value in message.raw_items():
        if key.lower() == wanted and len(values) < MOST:
            values.append(one_line(_readable(str(value)[:LONGEST])))
    return values


def _readable(text: str) -> str:
    """A header as text; bytes above 127 in it are UTF-8 (RFC 6532), or else Latin 1."""
    if text.isascii():
        return text
    try:
        data = text.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return text
    return decode(data, "utf-8")


def first(message: Message, name: str) -> str:
    """The value of the first header called ``name``, as it travelled; "" when there is none."""
    return next(iter(all_of(message, name)), "")


def one_line(text: str) -> str:
    """``text`` without line breaks, control characters and what hides or turns letters around."""
    return _BREAKS.sub(" ", _HIDDEN.sub("", text)).strip()


def words(text: str) -> str:
    """A header's text with its encoded words (RFC 2047) decoded; as it is where they cannot be."""
    if "=?" not in text:
        return text
    from email.errors import HeaderParseError
    from email.header import decode_header

    try:
        pieces = decode_header(text)
    except (HeaderParseError, ValueError, LookupError):
        return text
    decoded = [piece if isinstance(piece, str) else decode(piece, charset or "ascii") for piece, charset in pieces]
    return one_line("".join(decoded))


def decode(data: bytes, charset: str) -> str:
    """``data`` in ``charset``, or in the nearest thing that can be read; never an exception, never slow."""
    name = charset.strip().strip("\"'").lower().replace("_", "-")
    if name in ("", "ascii", "us-ascii", "unknown-8bit", "default", "x-unknown"):
        name = "utf-8"
    name = "latin-1" if name in _NOT_FOR_MAIL else _LARGER.get(name, name)
    try:
        return data.decode(name)
    except (ValueError, LookupError, TypeError):
        pass
    try:
        return data.decode("utf-8" if not data.isascii() else name)
    except (ValueError, LookupError, TypeError):
        pass
    try:  # One broken letter, as where somebody cut a long line, is no reason to lose all others.
        return data.decode(name if name != "utf-8" else "latin-1", "replace")
    except (ValueError, LookupError, TypeError):
        return data.decode("latin-1")


# What is meant by names that are often put on texts in a larger set; as browsers read them (encoding.spec.whatwg.org).
_LARGER = {
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks-c-5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "iso-8859-8-i": "iso-8859-8",
    "windows-874": "cp874",
    "x-mac-roman": "mac-roman",
    "unicode-1-1-utf-7": "utf-7",
    "big5": "big5hkscs",
}

# Codecs of Python that are no character sets of messages; some take very long over very little.
_NOT_FOR_MAIL = frozenset(
    "idna punycode unicode-escape raw-unicode-escape undefined mbcs oem unicode-internal string-escape".split()
)


def addresses(message: Message, *names: str) -> list[tuple[str, str]]:
    """(name, address) of everybody in the headers ``names``, in order, each address once."""
    from email.utils import getaddresses

    values = [value for name in names for value in all_of(message, name)]
    try:
        pairs = getaddresses(values)
    except (ValueError, IndexError, TypeError, RecursionError):
        return []
    found: dict[str, str] = {}
    for name, address in pairs[:MOST]:
        plain = bare(address)
        if plain:
            found.setdefault(plain, words(name)[:200])
    return [(name, address) for address, name in found.items()]


def author(message: Message) -> tuple[str, str]:
    """(name, address) of who wrote, by the first From; ("", "") when that names nobody.

    The address is the one in brackets where there is one pair of them, whatever its name looks like:
    ``ada@example.com <eve@example.org>`` is Eve's, and not two people's.
    """
    outside = _QUOTED.sub("", first(message, "From"))
    found = _BRACKETS.fullmatch(outside)
    if found is None:
        return next(iter(addresses(message, "From")), ("", ""))
    address = bare(found[1])
    name = next((name for name, one in addresses(message, "From") if one == address), "")
    return (name, address) if address else ("", "")


def bare(text: str) -> str:
    """The one address that ``text`` is, its domain in lower case; "" when it is none."""
    text = text.strip().strip("<>").strip()
    if len(text) > 320 or not _ADDRESS.match(text):
        return ""
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower().rstrip('.')}"


def identifiers(message: Message, name: str) -> tuple[str, ...]:
    """The message identifiers in the headers called ``name``, with their angle brackets, each once."""
    found = [one for value in all_of(message, name) for one in _IDENTIFIER.findall(value)]
    return tuple(dict.fromkeys(found))[:MOST]


def moment(text: str) -> datetime | None:
    """The moment that a Date header says, in UTC where it says no zone; None when it says none."""
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        found.timestamp()
    except (ValueError, OverflowError):
        return None
    return found if 1990 <= found.year <= 2200 else None
