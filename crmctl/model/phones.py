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


def country(text: str, region: str) -> str:
    """The country (ISO 3166) that a number is of, "" when it cannot be told."""
    try:
        found: str | None = phonenumbers.region_code_for_number(phonenumbers.parse(text, region or None))
    except phonenumbers.NumberParseException:
        return ""
    return found or ""


def dialled(text: str, region: str) -> str:
    """The number that a message goes to, in E.164 with its plus.

    Raises:
        ValueError: it is no number that could be one, or names an extension, which no message reaches.
    """
    check(text, region)
    if phonenumbers.parse(text, region or None).extension:
        raise ValueError(f"{text!r} has an extension")
    return f"+{digits(text, region)}"


def can_be_texted(text: str, region: str) -> bool:
    """Whether a number may be that of a mobile phone. In some countries (NANP) nobody can tell: there it may be."""
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.number_type(number) not in _WITHOUT_TEXTS


_WITHOUT_TEXTS = frozenset(
    {
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.TOLL_FREE,
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
    }
)


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
