"""What a text means, by the type of its field: the normal form that is searched, sorted and compared.

``normal`` is cheap and forgiving, for reading: it answers for anything that can be told. ``check`` is strict and may
load the lists and libraries that know addresses, phones and countries; it is asked on every write.
"""

from __future__ import annotations

import re
from datetime import UTC
from datetime import date
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import TypeAlias

from crmctl.model import money
from crmctl.model.text import fold

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo
    from decimal import Decimal

    from crmctl.model.fields import Field

Normal: TypeAlias = "str | int | bool | date | datetime | Decimal"


class Context(NamedTuple):
    """What a value is read against: the book's currency, the region for national phone numbers, its time zone."""

    currency: str = "EUR"
    region: str = ""
    zone: tzinfo = UTC


_NUMBER = r"[-+]?[0-9]{1,12}(?:\.[0-9]{1,3})?\Z"
_INTEGER = r"[-+]?[0-9]{1,15}\Z"
_DAYS = r"([0-9]{1,5}) ?(d|w|m|y|days?|weeks?|months?|years?)?\Z"
_DAYS_IN = {"": 1, "d": 1, "w": 7, "m": 30, "y": 365}
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z"
_LANGUAGE = r"([A-Za-z]{2})(?:[-_]([A-Za-z]{2,4}))?\Z"
_CURRENCY = r"[A-Za-z]{3}\Z"
_NOT_DIGITS = r"\D+"
_TRUE = frozenset({"yes", "true", "on", "1"})
_FALSE = frozenset({"no", "false", "off", "0"})
_URL = r"(?:https?://)?[^\s/]+\.[^\s]+\Z"


def normal(field: Field, text: str, context: Context) -> Normal:
    """The normal form of ``text`` in ``field``: a number, day, moment, code or text.

    Raises:
        ValueError: it cannot be told what ``text`` means; the message is for people.
    """
    reader = _READERS.get(field.type)
    return text if reader is None else reader(text, context)


def _date(text: str, _context: Context) -> date:
    if not re.match(_DATE, text):
        raise ValueError(f"{text!r} is not a date (write it as 2026-12-31)")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no day of the calendar") from None


def moment(text: str, context: Context) -> datetime:
    """The moment that a time stands for; without an offset it is one in the book's zone.

    Raises:
        ValueError: it is not a time.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time (write it as 2026-12-31T14:30:00+01:00)") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=context.zone)
    if not 1 < found.year < 9999:
        raise ValueError(f"{text!r} is too far away")
    return found


def _money(text: str, _context: Context) -> Decimal:
    return money.parse_amount(text)


def _currency(text: str, _context: Context) -> str:
    if not re.match(_CURRENCY, text):
        raise ValueError(f"{text!r} is not a currency (three letters, as EUR)")
    return text.upper()


def _country(text: str, _context: Context) -> str:
    if len(text) == 2 and text.isascii():
        return text.upper()
    from crmctl.model import countries

    code = countries.code_of(text)
    if not code:
        raise ValueError(f"{text!r} is not a country (a code such as DE, or its English name)")
    return code


def _language(text: str, _context: Context) -> str:
    match = re.match(_LANGUAGE, text)
    if not match:
        raise ValueError(f"{text!r} is not a language (a code such as de or pt-BR)")
    return match[1].lower() + (f"-{match[2].upper()}" if match[2] else "")


def _email(text: str, _context: Context) -> str:
    return text.strip().casefold()


def _phone(text: str, context: Context) -> str:
    plain = text.replace("(0)", "")
    digits = re.sub(_NOT_DIGITS, "", plain)
    if not digits:
        raise ValueError(f"{text!r} is not a phone number")
    if plain.lstrip().startswith("+") or not context.region:
        return digits
    from crmctl.model import phones

    return phones.digits(text, context.region) or digits


def _integer(text: str, _context: Context) -> int:
    if not re.match(_INTEGER, text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _percent(text: str, context: Context) -> int:
    number = _integer(text.removesuffix("%").rstrip(), context)
    if not 0 <= number <= 100:
        raise ValueError(f"{text!r} is not between 0 and 100")
    return number


def _number(text: str, _context: Context) -> Decimal:
    if not re.match(_NUMBER, text):
        raise ValueError(f"{text!r} is not a number (at most three decimals, written with a point)")
    from decimal import Decimal

    return Decimal(text)


def _boolean(text: str, _context: Context) -> bool:
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"{text!r} is neither yes nor no")


def _days(text: str, _context: Context) -> int:
    match = re.match(_DAYS, text.lower())
    if not match:
        raise ValueError(f"{text!r} is not a span of days (write it as 30d, 2w, 3m or 1y)")
    return int(match[1]) * _DAYS_IN[(match[2] or "")[:1]]


def _choice(text: str, _context: Context) -> str:
    return text.lower()


def _id(text: str, _context: Context) -> str:
    return text.upper()


_READERS: dict[str, Callable[[str, Context], Normal]] = {
    "boolean": _boolean,
    "choice": _choice,
    "country": _country,
    "currency": _currency,
    "date": _date,
    "datetime": moment,
    "days": _days,
    "email": _email,
    "id": _id,
    "integer": _integer,
    "language": _language,
    "money": _money,
    "number": _number,
    "percent": _percent,
    "phone": _phone,
}


def sort_key(field: Field, text: str) -> str:
    """The form in which a text field is compared and sorted."""
    return text.strip().casefold() if field.type == "email" else fold(text)


def check(field: Field, text: str, context: Context) -> None:
    """Hold ``text`` against everything that is known of its type.

    Raises:
        ValueError: what is wrong, in words for people.
    """
    _check_characters(field, text)
    value = normal(field, text, context)
    if field.choices and field.type == "choice" and value not in field.choices:
        raise ValueError(f"{text!r} is not one of {', '.join(field.choices)}")
    if field.most and isinstance(value, int) and not field.least <= value <= field.most:
        bound, much = ("less", field.least) if value < field.least else ("more", field.most)
        days = "" if field.type != "days" else " day" if much == 1 else " days"
        raise ValueError(f"{text!r} is {bound} than {much}{days}")
    checker = _CHECKERS.get(field.type)
    if checker is not None:
        checker(text, context)


def in_words(name: str, field: Field, reason: str) -> str:
    """What ``check`` refused, behind the ``name`` of the field unless that is said already."""
    return reason if reason.startswith((name, field.type)) else f"{name}: {reason}"


def _check_characters(field: Field, text: str) -> None:
    if text.isascii() and text.isprintable():
        return
    from crmctl.model.characters import REFUSED

    allowed = "\n\t" if field.type in ("note", "filter") else ""
    for found in REFUSED.finditer(text):
        if found[0] not in allowed:
            control = "a control character" if found[0] < "\xa0" else "a character that nobody sees"
            what = "a line break" if found[0] == "\n" else f"{control} (U+{ord(found[0]):04X})"
            raise ValueError(f"there is {what} at position {found.start() + 1}")


def _check_email(text: str, _context: Context) -> None:
    from crmctl.model import emails

    emails.check(text)


def _check_phone(text: str, context: Context) -> None:
    from crmctl.model import phones

    phones.check(text, context.region)


def _check_currency(text: str, _context: Context) -> None:
    from crmctl.model import iso

    if text.upper() not in iso.CURRENCIES:
        raise ValueError(f"{text!r} is not a currency of ISO 4217")


def _check_country(text: str, context: Context) -> None:
    from crmctl.model import iso

    if _country(text, context) not in iso.COUNTRIES:
        raise ValueError(f"{text!r} is not a country of ISO 3166")


def _check_language(text: str, context: Context) -> None:
    from crmctl.model import iso

    if _language(text, context)[:2] not in iso.LANGUAGES:
        raise ValueError(f"{text!r} is not a language of ISO 639")


@lru_cache(maxsize=64)
def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name) is not None
    except (ValueError, OSError, KeyError):
        return False


def _check_timezone(text: str, _context: Context) -> None:
    if not _is_zone(text):
        raise ValueError(f"{text!r} is not a time zone (write it as Europe/Berlin)")


def _check_id(text: str, _context: Context) -> None:
    from crmctl.model.ids import is_id

    if not is_id(text):
        raise ValueError(f"{text!r} is not a ULID (leave the field out to get a fresh one)")


def _check_url(text: str, _context: Context) -> None:
    if not re.match(_URL, text, re.IGNORECASE):
        raise ValueError(f"{text!r} is not a web address")


def _check_ref(text: str, _context: Context) -> None:
    from crmctl.model.ids import handle_problem

    problem = handle_problem(text)
    if problem:
        raise ValueError(f"{text!r} is not a handle ({problem})")


_CHECKERS = {
    "country": _check_country,
    "currency": _check_currency,
    "email": _check_email,
    "id": _check_id,
    "language": _check_language,
    "phone": _check_phone,
    "ref": _check_ref,
    "timezone": _check_timezone,
    "url": _check_url,
}
