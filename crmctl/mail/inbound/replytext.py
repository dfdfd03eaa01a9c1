"""What is new in a reply: the text above and between what it quotes, without signature.

Own rules come first: they take a time that grows with the text alone. mail-parser-reply, which knows the headers of
quotes in more languages, then looks at what is left when that is short enough for its patterns.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LINES = 100
LONGEST_LINE = 300
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "da", "sv", "pt")

# What stands above a quoted message: "On Monday, Ada wrote:", "Am 3. Mai schrieb Ada:".
_WROTE = re.compile(
    r"(?:on|am|le|el|il|op|dnia|den|em|w dniu|van|von)\b.{0,240}"
    r"(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|napisał|skrev|escreveu|pisze|geschreven)\b.{0,120}:\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_BEGINS = re.compile(r"(?:>\s*)?(?:on|am|le|el|il|op|dnia|den|em|w dniu)\s", re.IGNORECASE)
_RULE = re.compile(
    r"\s*(?:-{2,}\s*(?:[^\W_]+[ -]){0,3}?(?:message|nachricht|courriel|mensaje|messaggio|bericht|e-?mail|mail|correo|"
    r"mensagem|wiadomość|meddelande|besked|line)(?:\s(?:d['’]origine|\w+)){0,2}\s*-*\s*|_{20,}\s*|-{30,}\s*|"
    # Whatever the language: words between two long rows of dashes.
    r"-{5,}[^\n-]{1,60}-{5,}\s*)\Z",
    re.IGNORECASE,
)
# The same on one line in another order: "Ada schrieb am 3.5.2026, 10:00:", "2026-05-03 10:00 GMT+2 Ada <a@b.example>:".
_SAYS_WHO = re.compile(
    r"(?=.{0,200}(?:<[^<>@\s]{1,64}@[^<>\s]{1,200}>|\b(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef)\b))"
    r"(?=.{0,200}\d[.:/-]\d).{1,300}:\s*\Z",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"\s*\*?(from|von|de|da|van|od|från|fra|sent|gesendet|envoyé|enviado|inviato|verzonden|date|datum|data|to|an|à|"
    r"para|"
    r"a|aan|do|till|til|subject|betreff|objet|asunto|oggetto|onderwerp|temat|ämne|emne|cc|"
    r"发件人|寄件者|寄件人|差出人|от|发送时间|寄件日期|日期|送信日時|日時|отправлено|дата|收件人|宛先|кому|主题|主旨|主題|件名|тема)"
    r"\s?\*?(?::\*?\s|：)",
    re.IGNORECASE,
)
_SENDERS = frozenset("from von de da van od från fra 发件人 寄件者 寄件人 差出人 от".split())


def new_text(text: str, languages: Sequence[str] = LANGUAGES) -> str:
    """What somebody wrote in ``text``, without what they quote or sign with; "" when they wrote nothing."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    kept = [line for line in _above_the_quote(lines) if not line.lstrip().startswith((">", "|>"))]
    own = "\n".join(_without_signature(kept)).strip()
    if own and len(kept) <= MOST_LINES and all(len(line) <= LONGEST_LINE for line in kept):
        own = _by_library(own, languages)
    return re.sub(r"\n{3,}", "\n\n", own).strip()


def _above_the_quote(lines: list[str]) -> list[str]:
    """The lines before the message that is answered begins; what stands below a quote by ``>`` is kept."""
    kept: list[str] = []
    number = 0
    while number < len(lines):
        if _RULE.match(lines[number][:120]) or _starts_header(lines, number):
            return kept
        length = _intro(lines, number)
        if not length:
            kept.append(lines[number])
            number += 1
            continue
        number += length
        below = next((lines[at] for at in range(number, len(lines)) if lines[at].strip()), "")
        if not below.lstrip().startswith(">"):
            return kept
    return kept


def _intro(lines: list[str], number: int) -> int:
    """How many lines (1 to 3) from ``number`` on say who wrote what follows; 0 when they do not."""
    first = lines[number].lstrip()
    if first.endswith(":") and len(first) <= 300 and _SAYS_WHO.match(first.lstrip("> ")):
        return 1
    if not _BEGINS.match(first[:12]):
        return 0
    for length in (1, 2, 3):
        joined = " ".join(lines[number : number + length]).strip()
        if len(joined) > 400:
            return 0
        if joined.endswith(":") and _WROTE.match(joined.lstrip("> ")):
            return length
    return 0


def _starts_header(lines: list[str], number: int) -> bool:
    """Whether a block "From: .. Sent: .. To: .. Subject: .." begins here."""
    found = _HEADER.match(lines[number][:200])
    if found is None or found[1].lower() not in _SENDERS:
        return False
    return sum(1 for line in lines[number + 1 : number + 6] if _HEADER.match(line[:200])) >= 2


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
