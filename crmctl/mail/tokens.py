"""Tokens by which somebody says no, or yes, without a login: opaque, unforgeable, and fit for an address.

A token is ``u`` (unsubscribe) or ``c`` (confirm), then 26 letters that name what it is about (a send's id, a record's
id), four that name the scope, and 80 bits of HMAC-SHA256 over all of it: 47 letters and digits. Case does not matter,
because not every server keeps it. It is valid as long as its key is; it holds nothing about anybody.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

UNSUBSCRIBE, CONFIRM = "u", "c"
LENGTH = 47
_SUBJECT = re.compile(r"[0-9A-Z]{26}")
_TOKEN = re.compile(r"(?<![0-9A-Za-z])[ucUC][0-9A-Za-z]{46}(?![0-9A-Za-z])")
# Long enough to be no word, short enough to be no page of data; the letters are those that ids and base32 are made of.
_DAMAGED = re.compile(r"(?<![0-9A-Za-z])[uU][0-9A-Za-z]{29,63}(?![0-9A-Za-z])")
_ALL = "all"


class Token(NamedTuple):
    """What a token says: what it is for, what it is about (in capitals), and the letters that name its scope."""

    use: str
    subject: str
    tag: str


def make(key: bytes, subject: str, scope: str, *, use: str = UNSUBSCRIBE) -> str:
    """The token for ``subject`` (the 26 letters of a send id or of a ULID) and ``scope`` (a purpose, or "all").

    Raises:
        ValueError: the subject is no such id.
    """
    if not _SUBJECT.fullmatch(subject):
        raise ValueError(f"no id of 26 letters: {subject!r}")
    start = use + subject.lower() + tag_of(key, scope)
    return start + _mac(key, start)


def read(key: bytes, text: str) -> Token | None:
    """The token that ``text`` is, None when it is forged, cut, longer than it should be, or made with another key."""
    folded = text.strip().lower()
    if len(folded) != LENGTH or not _TOKEN.fullmatch(folded):
        return None
    if not hmac.compare_digest(folded[31:], _mac(key, folded[:31])):
        return None
    return Token(folded[0], folded[1:27].upper(), folded[27:31])


def check(key: bytes, text: str, scopes: Iterable[str] = ()) -> tuple[str, str] | None:
    """(subject, scope) of an unsubscribe token, None when it is none; ``scopes`` are those that it may be about.

    A scope that is none of them (a purpose that was renamed since) is told as "all": whoever said no meant it.
    """
    token = read(key, text)
    if token is None or token.use != UNSUBSCRIBE:
        return None
    return token.subject, scope_of(key, token, scopes) or _ALL


def scope_of(key: bytes, token: Token, scopes: Iterable[str]) -> str:
    """Which of ``scopes`` a token is about, "" when none of them."""
    return next((scope for scope in scopes if tag_of(key, scope) == token.tag), "")


def tag_of(key: bytes, scope: str) -> str:
    """The four letters that name a scope, and mean nothing without the key."""
    return _letters(hmac.digest(key, b"scope|" + scope.casefold().encode(), "sha256"))[:4]


def find(text: str) -> list[str]:
    """Everything in a text (an address, a subject, a path) that looks like a token, in order, each once."""
    return list(dict.fromkeys(found.lower() for found in _TOKEN.findall(text)))


def find_damaged(text: str) -> list[str]:
    """What may have been an unsubscribe token before it was cut or got a letter too many, in order, each once."""
    return list(dict.fromkeys(found.lower() for found in _DAMAGED.findall(text) if len(found) != LENGTH))


def _mac(key: bytes, text: str) -> str:
    return _letters(hmac.digest(key, b"token|" + text.encode(), "sha256"))[:16]


def _letters(digest: bytes) -> str:
    return b32encode(digest).decode("ascii").lower()
