"""One text form for comparing and searching: without accents, case, and doubled spaces."""

from __future__ import annotations

import unicodedata

# Letters that carry no combining mark to strip, yet are searched by their plain twins.
_TWINS = {"ß": "ss", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"}


class _Plain(dict[int, "int | str | None"]):
    """What becomes of each character of a decomposed text; worked out when one is first met."""

    def __missing__(self, code: int) -> int | str | None:
        plain = None if unicodedata.combining(chr(code)) else code
        self[code] = plain
        return plain


_PLAIN = _Plain({ord(letter): twin for letter, twin in _TWINS.items()})


def fold(text: str) -> str:
    """``text`` as it is compared: ``" São  PAULO "`` and ``"sao paulo"`` give the same."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKD", text).casefold().translate(_PLAIN).split())
