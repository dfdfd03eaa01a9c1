"""Header text as encoded words (RFC 2047), and the rules for what may stand in a header at all.

Written here because the standard library of Python 3.11 lets a text such as ``=?UTF-8?Q?=0A?=Bcc: x`` become a header
of its own (CVE-2024-6923) and makes encoded words longer than 75 characters when lines may be long.
"""

from __future__ import annotations

import re
from binascii import b2a_base64

LONGEST_LINE = 76
"""Columns after which a header line is folded: RFC 2047 allows no more beside an encoded word, RFC 5322 advises 78."""

_LONGEST_WORD = 75  # RFC 2047 section 2
_LONGEST_PLAIN = 64

_PLAIN = re.compile(r"[ -~]*\Z")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# What may stand for itself in a Q word within a name, RFC 2047 section 5 (3).
_ITSELF = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")
_Q = tuple("_" if byte == 32 else chr(byte) if byte in _ITSELF else f"={byte:02X}" for byte in range(256))
_COSTS = tuple(map(len, _Q))


def forbidden(text: str) -> str:
    """The first character of ``text`` that no header may hold, as ``U+000A``; empty when there is none."""
    bad = _CONTROL.search(text)
    return f"U+{ord(bad[0]):04X}" if bad else ""


def is_plain(text: str) -> bool:
    """Whether ``text`` can stand in a header as it is: ASCII, nothing like an encoded word, single blanks."""
    return (
        _PLAIN.match(text) is not None
        and "=?" not in text
        and "?=" not in text
        and "  " not in text
        and text == text.strip(" ")
    )


def words(text: str, used: int) -> list[str]:
    """``text`` in pieces that a header may hold: its words as they are, or encoded words when it is more than plain.

    ``used`` is how many columns of the first line are taken by the header's name.
    """
    pieces = text.split(" ")
    return pieces if is_plain(text) and max(map(len, pieces)) <= _LONGEST_PLAIN else encoded(text, used)


def encoded(text: str, used: int) -> list[str]:
    """``text`` as encoded words, each short enough for a line and of whole characters; Q while it can be read, else B.

    As few words as can be: some programs, the parser of Python 3.11 among them, put a blank between two of a name.
    """
    data = text.encode("utf-8")
    total = sum(map(_COSTS.__getitem__, data))
    as_q = total * 3 <= len(data) * 5
    room = _room(min(_LONGEST_WORD, LONGEST_LINE - used), as_q)
    if (total if as_q else len(data)) <= room:
        return [_word(text, as_q)]
    out: list[str] = []
    chunk, size = "", 0
    for character in text:
        raw = character.encode("utf-8")
        length = sum(map(_COSTS.__getitem__, raw)) if as_q else len(raw)
        if size + length > room:
            out.append(_word(chunk, as_q))
            chunk, size, room = "", 0, _room(_LONGEST_WORD, as_q)
        chunk += character
        size += length
    out.append(_word(chunk, as_q))
    return out


def _room(columns: int, as_q: bool) -> int:
    """How many signs (Q) or bytes (B) an encoded word of ``columns`` holds."""
    inside = columns - len("=?utf-8?q??=")
    return inside if as_q else inside // 4 * 3


def _word(text: str, as_q: bool) -> str:
    data = text.encode("utf-8")
    if as_q:
        return f"=?utf-8?q?{''.join(map(_Q.__getitem__, data))}?="
    return f"=?utf-8?b?{b2a_base64(data, newline=False).decode('ascii')}?="


def folded(name: str, pieces: list[str], separator: str = " ") -> str:
    """A header with its line end, folded between ``pieces`` where a line would pass 76 columns.

    ``separator`` stands between the pieces on one line; at a fold, its blanks move to the next line.
    """
    lines: list[str] = []
    line = f"{name}: {pieces[0]}"
    for piece in pieces[1:]:
        if len(line) + len(separator) + len(piece) > LONGEST_LINE:
            lines.append(line + separator.rstrip(" "))
            line = f" {piece}"
        else:
            line += separator + piece
    lines.append(line)
    return "\r\n".join(lines) + "\r\n"
