"""The template filters for money, days and names, in the customer's language.

Every filter takes the ``Setting`` of the message first; the sandbox binds it. They are fed from records, so a value
that makes no sense raises a ``ValueError`` whose words are shown to the author of the template.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from typing import NamedTuple

from crmctl.model import money as amounts
from crmctl.render import languages
from crmctl.render.lacking import Lacking
from crmctl.render.postal import postal_lines

STYLES = ("long", "medium", "short", "day")


class Setting(NamedTuple):
    """Whom a message is for: the language to write in, the book's currency and country, and today (ISO)."""

    language: str = "en"
    currency: str = ""
    today: str = ""
    country: str = ""


def money(setting: Setting, amount: object, currency: str = "", language: str = "") -> str:
    """An amount as the customer writes it: ``1.234,50 €``, ``€1,234.50``.

    ``amount`` is a text with a decimal point or a whole number, ``currency`` an ISO 4217 code (the book's when absent).

    Raises:
        ValueError: it is not an amount, or nobody says which currency.
    """
    tag = language or setting.language
    code = (currency or setting.currency).upper()
    if not code:
        raise ValueError("money needs a currency: {{ amount|money('EUR') }}")
    value = _decimal(amount)
    digits = amounts.amount_text(abs(value), code)
    forms = languages.language(tag)
    sign = languages.symbol(code, tag, setting.country)
    pattern = forms.code if sign.isalpha() and sign.isascii() else forms.money
    text = pattern.replace("#", _grouped(digits, forms)).replace("$", sign, 1)
    return f"-{text}" if value < 0 else text


def number(setting: Setting, value: object, language: str = "") -> str:
    """A number with the customer's decimal sign and thousands: ``12.345,6``."""
    amount = _decimal(value)
    text = _grouped(f"{abs(amount):f}", languages.language(language or setting.language))
    return f"-{text}" if amount < 0 else text


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError(f"{value!r} is not an amount")
    return amounts.parse_amount(str(value))


def _grouped(digits: str, forms: languages.Language) -> str:
    whole, _, part = digits.partition(".")
    if forms.group and len(whole) >= forms.group_from:
        whole = f"{int(whole):,}".replace(",", forms.group)
    return f"{whole}{forms.decimal}{part}" if part else whole


def date(setting: Setting, day: object, style: str = "long", language: str = "") -> str:
    """A day as the customer writes it; ``day`` is an ISO date or time, of which the day as written counts.

    ``style`` is ``long`` (3 March 2026), ``medium`` (3 Mar 2026), ``short`` (digits) or ``day`` (3 March).

    Raises:
        ValueError: it is no day, or there is no such style.
    """
    if style not in STYLES:
        raise ValueError(f"there is no date style {style!r} (there are {', '.join(STYLES)})")
    moment = _day(day)
    tag = language or setting.language
    forms = languages.language(tag)
    fields = {
        "D": "1er" if moment.day == 1 and languages.base(tag) == "fr" and style != "short" else str(moment.day),
        "DD": f"{moment.day:02d}",
        "M": str(moment.month),
        "MM": f"{moment.month:02d}",
        "MMM": forms.short_months[moment.month - 1],
        "MMMM": forms.months[moment.month - 1],
        "YYYY": f"{moment.year:04d}",
    }
    pattern: str = getattr(forms, style)
    return _FIELD.sub(lambda match: fields[match[0]], pattern)


_FIELD = re.compile(r"D{1,2}|M{1,4}|YYYY")


def _day(value: object) -> datetime.date:
    if not isinstance(value, str) or len(value) < 10:
        raise ValueError(f"{value!r} is not a date (dates are written 2026-12-31)")
    try:
        return datetime.date.fromisoformat(value[:10])
    except ValueError:
        raise ValueError(f"{value!r} is not a date (dates are written 2026-12-31)") from None


def years_since(setting: Setting, day: object) -> int:
    """Full years from ``day`` to today: an age, or the years of a contract. 29 February counts on 1 March."""
    then, today = _day(day), _day(setting.today)
    return today.year - then.year - ((today.month, today.day) < (then.month, then.day))


def days_since(setting: Setting, day: object) -> int:
    """Days from ``day`` to today; negative when the day is still to come."""
    return (_day(setting.today) - _day(day)).days


def first_name(setting: Setting, customer: object) -> str:
    """What a friend calls the customer: the ``first_name`` of the record, else the given name within ``name``.

    Raises:
        Lacking: there is no name.
        ValueError: it is an organisation.
    """
    record = customer if isinstance(customer, Mapping) else {"name": customer}
    if isinstance(record.get("first_name"), str):
        return str(record["first_name"])
    if record.get("type") == "organization":
        raise ValueError("an organisation has no first name (use greeting, or customer.name)")
    words, turned = _name_words(record.get("name"))
    if len(words) == 1:
        return words[0]
    family_first = languages.base(str(record.get("language") or setting.language)) in languages.FAMILY_FIRST
    return words[-1] if family_first and not turned else words[0]


def _name_words(name: object) -> tuple[list[str], bool]:
    """The words of a name without its titles, given name first when it was written ``Lovelace, Ada`` (then True)."""
    if not isinstance(name, str):
        raise Lacking("name")
    family, comma, given = name.partition(",")
    turned = bool(comma and given.strip())
    words = (f"{given} {family}" if turned else name).replace(",", " ").split()
    kept = [word for word in words if _plain(word) not in _TITLES]
    if not kept:
        raise ValueError(f"there is no name in {name!r}")
    return kept, turned


_TITLES = languages.MEN | languages.WOMEN | {"dr", "prof", "dipl.-ing", "ing", "mag", "sir", "dame", "phd", "msc"}
_TITLES -= {"m", "pan"}


def _plain(word: str) -> str:
    return word.rstrip(".").lower()


def greeting(setting: Setting, customer: object, style: str = "formal", language: str = "") -> str:
    """How the message begins, without the mark behind it: ``Dear Ms Lovelace``, ``Hallo Ada``, ``Bonjour Ada``.

    A ``salutation`` in the record is taken as it is; a bare title there (``Ms``, ``Herr``) picks the formal words of
    the language. Otherwise nothing is guessed: ``formal`` uses the full name, ``friendly`` the first name, and an
    organisation is greeted without a name.

    Raises:
        ValueError: ``customer`` is no customer, or there is no such style.
    """
    if not isinstance(customer, Mapping):
        raise ValueError("greeting is for a customer: {{ customer|greeting }}")
    if style not in ("formal", "friendly"):
        raise ValueError(f"there is no greeting style {style!r} (there are formal and friendly)")
    forms = languages.language(language or setting.language)
    salutation = str(customer.get("salutation") or "")
    title = _plain(salutation)
    if salutation and title not in languages.MEN | languages.WOMEN:
        return salutation
    name = customer.get("name")
    if customer.get("type") == "organization" or not isinstance(name, str):
        return forms.neutral
    if style == "friendly":
        return forms.friendly.format(first=first_name(setting, customer), name=name) or forms.neutral
    pattern = forms.formal
    if title:
        pattern = forms.woman if title in languages.WOMEN else forms.man
    return pattern.format(name=name, last=customer.get("last_name") or _name_words(name)[0][-1])


def listed(setting: Setting, items: object, language: str = "") -> str:
    """The items as a sentence has them: ``tea, milk and sugar``, ``Tee, Milch und Zucker``."""
    if isinstance(items, str | Mapping) or not hasattr(items, "__iter__"):
        raise ValueError("listed is for a list: {{ customer.tags|listed }}")
    words = [str(item) for item in items]
    if len(words) < 2:
        return "".join(words)
    tag = language or setting.language
    conjunction = languages.language(tag).conjunction
    if not conjunction:
        return ", ".join(words)
    if languages.base(tag) == "es" and _SOUNDS_LIKE_Y.match(words[-1]):
        conjunction = "e"
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


_SOUNDS_LIKE_Y = re.compile(r"h?[ií](?!e)", re.IGNORECASE)


def address(setting: Setting, group: object) -> str:
    """The lines of a postal address, in the order of its country; the country itself when it is not the book's."""
    return postal_lines(group, setting.country)


def oneline(_setting: Setting, text: object) -> str:
    """A text of several lines in one: an address as ``12 High St, 1010 Vienna``."""
    return ", ".join(line.strip().rstrip(",") for line in str(text).splitlines() if line.strip())


OURS: dict[str, Callable[..., Any]] = {
    "address": address,
    "age": years_since,
    "date": date,
    "days_since": days_since,
    "first_name": first_name,
    "greeting": greeting,
    "listed": listed,
    "money": money,
    "number": number,
    "oneline": oneline,
    "years_since": years_since,
}
"""The filters of crmctl by the name they have in a template."""
