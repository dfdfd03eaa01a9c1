"""Addresses of e-mail: what may stand in one, without asking whether anybody reads what is sent there."""

from __future__ import annotations

import re

# Letters, digits and single marks between them, short enough for every limit there is (RFC 5321, 4.5.3.1).
_PLAIN = re.compile(
    r"(?=[^@]{1,60}@.{3,60}\Z)"
    r"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@"
    r"(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+([A-Za-z]{2,24})\Z"
)
_SPECIAL = frozenset({"arpa", "invalid", "local", "localhost", "onion", "test"})
"""Tops of names that lead nowhere (RFC 6761, 6762, 7686); which of them may be written is a longer story."""


def check(text: str) -> None:
    """Hold an address against what RFC 5321 and 6531 say of one.

    Raises:
        ValueError: what is wrong, in words for people.
    """
    plain = _PLAIN.match(text)
    if plain and plain[1].lower() not in _SPECIAL:
        return  # What nearly all are like. A closer look costs more than everything else that is asked of a record.
    from email_validator import EmailNotValidError
    from email_validator import validate_email

    try:
        validate_email(text, check_deliverability=False, test_environment=True, allow_smtputf8=True)
    except EmailNotValidError as exc:
        raise ValueError(f"email is not an address: {text!r} ({str(exc).rstrip('.')})") from None
