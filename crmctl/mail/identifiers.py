"""The id of one send, and the places it travels in: Message-ID, return path, headers, and whatever comes back.

The id is decided by what is sent to whom, and by nothing else: planning again, on any machine, gives the same one, so
what was sent once is known for ever. Servers rewrite return paths and some fold their case; it is found all the same.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import ascii_address

LENGTH = 26
"""Letters of an id: 130 bits in base 32 (RFC 4648), which reads the same in capitals and in small letters."""

LONGEST_LOCAL = 64
"""Octets that may stand before the @ (RFC 5321 section 4.5.3.1.1)."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = tuple(first + second for first in _LETTERS for second in _LETTERS)
_SHIFTS = tuple(range(120, -1, -10))
_EXACT = re.compile(r"[A-Z2-7]{26}\Z")
# Neighbours that rule a find out are those that would make it a piece of something longer.
_INSIDE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z2-7]{26}(?![A-Za-z0-9])")


@lru_cache(maxsize=16384)
def send_id(campaign_id: str, customer_id: str, channel: str, *, step: str = "", occurrence: str = "") -> str:
    """The id of one send: 26 of the letters A-Z and 2-7.

    ``campaign_id`` and ``customer_id`` are ids, not handles, which can be renamed. ``occurrence`` tells apart sends
    that are due again, such as ``2027-Q1``; a plan made again has the same one.
    """
    # With its length before each, no two lists of parts are one text.
    text = (
        f"{len(campaign_id)}:{campaign_id},{len(step)}:{step},{len(customer_id)}:{customer_id},"
        f"{len(channel)}:{channel},{len(occurrence)}:{occurrence},"
    )
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    # The first 130 bits in base 32, two letters at a time: the library takes four times as long.
    number = int.from_bytes(digest[:17], "big") >> 6
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def is_send_id(text: str) -> bool:
    """Whether ``text`` is written like the id of a send."""
    return _EXACT.match(text) is not None


def message_id(sid: str, domain: str) -> str:
    """``<SID@domain>`` for the header Message-ID, with the domain in ASCII.

    Raises:
        Refused: ``domain`` is none.
    """
    return f"<{ascii_address(f'{sid}@{domain}')}>"


def verp(sid: str, bounces: str) -> str:
    """The return path that tells which message came back: ``bounces+SID@example.com`` for ``bounces@example.com``.

    It is the same for every attempt; otherwise a greylisting server would start over each time.

    Raises:
        Refused: ``bounces`` is no address, or too long before the @ to take an id as well.
    """
    local, _at, domain = ascii_address(bounces).rpartition("@")
    tagged = f"{local}+{sid}"
    if len(tagged) > LONGEST_LOCAL:
        most = LONGEST_LOCAL - LENGTH - 1
        raise Refused(
            f"{bounces} cannot carry the id of a message: {len(local)} letters before the @, {most} at most",
            hint="choose a shorter address for bounces in the user configuration",
        )
    return f"{tagged}@{domain}"


def find_sid(text: str) -> str:
    """The first id of a send in ``text``, in capitals; "" when there is none.

    ``text`` is a Message-ID, an address (also one that BATV's ``prvs=`` or SRS has wrapped) or a line of a header.
    What looks like an id need not be one of ours: look it up in the ledger.
    """
    found = find_sids(text)
    return found[0] if found else ""


def find_sids(text: str) -> list[str]:
    """All ids in ``text``, in capitals, each once, in the order in which they stand: for In-Reply-To and References."""
    return list(dict.fromkeys(match.group().upper() for match in _INSIDE.finditer(text)))
