"""What is new in a reply: the text above and between what it quotes, without signature.

Own rules come first: they take a time that grows with the text alone. mail-parser-reply, which knows the headers of
quotes in more languages, then looks at what is left when that is short enough for its patterns.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import Any

from crmctl.mail.inbound import quoteheads
from crmctl.mail.inbound import trailers

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LINES = 100
LONGEST_LINE = 300
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "da", "sv", "pt")


def new_text(text: str, languages: Sequence[str] = LANGUAGES) -> str:
    """What somebody wrote in ``text``, without what they quote or sign with; "" when they wrote nothing."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    kept = [line for line in _above_the_quote(lines) if not line.lstrip().startswith((">", "|>"))]
    own = "\n".join(trailers.without(_without_signature(kept))).strip()
    if own and len(kept) <= MOST_LINES and all(len(line) <= LONGEST_LINE for line in kept):
        own = _by_library(own, languages)
    return re.sub(r"\n{3,}", "\n\n", own).strip()


def _above_the_quote(lines: list[str]) -> list[str]:
    """The lines before the message that is answered begins; what stands below a quote by ``>`` is kept."""
    kept: list[str] = []
    number = 0
    while number < len(lines):
        length = quoteheads.intro(lines, number)
        if not length:
            if quoteheads.begins(lines, number):
                return kept
            kept.append(lines[number])
            number += 1
            continue
        number += length
        below = next((lines[at] for at in range(number, len(lines)) if lines[at].strip()), "")
        if not below.lstrip().startswith(">"):
            return kept
    return kept


def _without_signature(lines: list[str]) -> list[str]:
    """The lines above ``-- `` (RFC 3676, section 4.3)."""
    for number, line in enumerate(lines):
        if line.rstrip() == "--":
            return lines[:number]
    return lines


def _by_library(text: str, languages: Sequence[str]) -> str:
    """The newest reply in ``text`` by mail-parser-reply; ``text`` itself where that is missing or finds nothing."""
    from importlib import import_module

    try:
        library: Any = import_module("mailparser_reply")  # It has no types.
    except ImportError:
        return text
    try:
        found = library.EmailReplyParser(languages=list(languages)).read(text)
        newest = next((reply for reply in found.replies if reply.content.strip()), None)
        return str(newest.content).strip() if newest is not None and not newest.headers else text
    except (ValueError, IndexError, TypeError, AttributeError, RecursionError):
        return text
