"""Addresses told apart without being written down: a canonical form, and its keyed hash.

The hash stands where an address must not: in the ledger and in the list of those who want nothing. Whoever lacks the
key can neither find an address from it nor try addresses on it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from unicodedata import normalize

from crmctl.mail.addresses import ascii_domain

_SIMPLE = re.compile(r"[a-z0-9._-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_PHONE = re.compile(r"\+[1-9][0-9]{4,14}")
_SPACED = re.compile(r"[\s()./-]+")
_GMAIL = ("gmail.com", "googlemail.com")
KEY_BYTES = 32


def canonical(address: str) -> str:
    """What two writings of one address have in common; an e-mail address, a number in E.164, or any other text.

    The domain is folded and in ASCII, the local part folded: two mailboxes that differ by case alone do not exist in
    practice. Gmail ignores dots and what follows a plus sign, and calls itself googlemail too.
    """
    folded = address.strip().lower()
    local, at, domain = folded.rpartition("@")
    if not at:
        number = _SPACED.sub("", folded)
        return number if _PHONE.fullmatch(number) else " ".join(_folded(folded).split())
    if not _SIMPLE.fullmatch(folded):
        # The domain is not case-folded: strasse.example and straße.example are two.
        local, domain = _folded(local), ascii_domain(domain) or normalize("NFC", domain)
        folded = f"{local}@{domain}"
    if domain in _GMAIL:
        return f"{local.partition('+')[0].replace('.', '') or local}@gmail.com"
    return folded


def _folded(text: str) -> str:
    """The same for all writings of a text that differ by case or by how letters are composed (Unicode, D145)."""
    return normalize("NFC", normalize("NFD", text).casefold())


def keyed(key: bytes, address: str) -> str:
    """``h:`` and 128 bits of HMAC-SHA256 of the canonical address, in hexadecimal."""
    return "h:" + hmac.digest(key, b"address|" + canonical(address).encode(), "sha256").hex()[:32]


def key_id(key: bytes) -> str:
    """Eight hexadecimal digits that name a key and do not tell it."""
    return hashlib.sha256(b"crmctl key id|" + key).hexdigest()[:8]
