"""Identities and names of records: ULIDs, and handles that are safe as file names everywhere."""

from __future__ import annotations

import re
import unicodedata

from crmctl import clock
from crmctl.model.text import fold

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID = r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z"
_HANDLE = r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\Z"
MAX_HANDLE = 64

# Names that Windows keeps for devices, with any ending: a book must be clonable there.
_RESERVED = frozenset(["con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))])
_NOT_LATIN = r"[^a-z0-9]+"


def new_id() -> str:
    """A fresh ULID: 48 bits of milliseconds and 80 random bits, as 26 letters that sort by time.

    Source: the ULID specification, https://github.com/ulid/spec
    """
    number = (clock.milliseconds() << 80) | int.from_bytes(clock.randomness(10), "big")
    return encode_ulid(number)


def id_from(text: str) -> str:
    """A ULID that ``text`` alone decides, for a record that was there before anybody gave it an id.

    It has no time, and sorts before all that have one; its 80 bits are those of a SHA-256.
    """
    import hashlib

    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).digest()
    return encode_ulid(int.from_bytes(digest[:10], "big"))


def encode_ulid(number: int) -> str:
    """The 26 letters of a 128-bit ``number``, Crockford's base 32."""
    letters = []
    for _ in range(26):
        letters.append(_CROCKFORD[number & 31])
        number >>= 5
    return "".join(reversed(letters))


def is_id(text: str) -> bool:
    """Whether ``text`` is a ULID in its canonical upper-case form."""
    return re.match(_ULID, text) is not None


def handle_problem(handle: str) -> str:
    """What is wrong with ``handle`` as a record's name, or "" when it can be used.

    A handle is a file name on every system: ASCII, lower case, no device name of Windows, at most 64 long.
    """
    if not handle:
        return "a handle cannot be empty"
    if len(handle) > MAX_HANDLE:
        return f"a handle has at most {MAX_HANDLE} characters, this one has {len(handle)}"
    if not re.match(_HANDLE, handle):
        return "a handle is made of a-z, 0-9, '-', '_' and '.', and begins and ends with a letter or digit"
    if ".." in handle:
        return "a handle has no two dots in a row"
    if handle.split(".")[0] in _RESERVED:
        return f"{handle.split('.')[0]!r} is a device name on Windows"
    return ""


def handle_from(name: str) -> str:
    """A handle made from a name: ``"Luís Gonçalves"`` gives ``luis-goncalves``; ``""`` when nothing is left of it.

    Letters of other scripts are spelled by the first words of their Unicode names, so that no name is refused.
    """
    plain = re.sub(_NOT_LATIN, "-", fold(name)).strip("-")
    if not plain:
        plain = re.sub(_NOT_LATIN, "-", " ".join(map(_spell, fold(name)))).strip("-")
    handle = plain[:MAX_HANDLE].rstrip("-._")
    return f"{handle}-1" if handle in _RESERVED else handle


def _spell(letter: str) -> str:
    """The last word of a letter's Unicode name: ``ж`` gives ``zhe``."""
    name = unicodedata.name(letter, "") if letter.isalnum() else ""
    return name.lower().rpartition(" ")[2].rpartition("-")[2]
