"""Phone numbers in any notation, by the phonenumbers library (loaded with this module)."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers


@lru_cache(maxsize=4096)
def digits(text: str, region: str) -> str:
    """Country code and number as digits (E.164 without the plus), ``""`` when it cannot be told.

    ``region`` is the ISO 3166 code of the country that a number without a country code belongs to.
    """
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")


def check(text: str, region: str) -> None:
    """Refuse what no phone could be called by.

    Raises:
        ValueError: not a possible number; a national one needs a ``region``.
    """
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException as exc:
        if exc.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE and not region:
            raise ValueError(f"{text!r} has no country code (write it as +44 20 7946 0958)") from None
        raise ValueError(f"{text!r} is not a phone number") from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError(f"{text!r} is not a possible phone number")
