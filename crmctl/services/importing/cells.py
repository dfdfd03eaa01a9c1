"""Reading cells of a file strictly: nothing is guessed, and what could mean two things is refused with both."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.model import entry
from crmctl.model import money
from crmctl.model import values
from crmctl.model import when

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from crmctl.model.fields import Field
    from crmctl.model.raw import Raw
    from crmctl.model.values import Context

REMEMBERED = 100_000
"""A reader remembers so many different cells of its column."""

_MARKED = frozenset("=+-@\t\r\n'")
_FIGURES = re.compile(r"(\d\d?)([./-])(\d\d?)\2(\d{4})(?=$|[ T])")
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]\d\d:?\d\d)?")
_SERIAL = re.compile(r"[1-6]\d{4}(?:\.\d+)?")
_POINT = re.compile(r"[-+]?\d+\.\d{3}")


class Refused(ValueError):
    """A cell, or a row, that is not taken; the message is for the rejects file."""


def unmark(text: str) -> str:
    """A cell without the ``'`` that ``render.rows.inert`` puts before what a spreadsheet would run."""
    return text[1:] if text[:1] == "'" and text[1:2] in _MARKED and len(text) > 1 else text


def typed(text: str) -> str:
    """What a cell says: without the mark and without white space around it, line breaks as in files."""
    if text.isalnum():
        return text
    text = unmark(text.strip()).strip()
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


class CellReader:
    """Reads the cells of one column for one field; what it has read once it remembers."""

    def __init__(self, name: str, field: Field, context: Context, now: datetime, order: str = "") -> None:
        self.name = name
        self.field = field
        self._context = context
        self._now = now
        self._order = order
        self._seen: dict[tuple[str, str], Raw] = {}
        self._stored = self._by_type()

    def __call__(self, text: str, currency: str = "") -> Raw:
        """The raw value of a cell that says ``text``, which is not "". Raises ``Refused``."""
        seen = self._seen.get((text, currency))
        if seen is not None:
            return seen
        try:
            value = self._stored(text, currency)
        except CrmError as error:
            hint = f" ({error.hint.rstrip('.')})" if error.hint else ""
            message = error.message.removeprefix(f"{self.field.name}: ")
            raise Refused(f"{self.name}: {message}{hint}") from None
        except ValueError as error:
            raise Refused(f"{self.name}: {error}") from None
        if len(self._seen) < REMEMBERED:
            self._seen[text, currency] = value
        return value

    def _by_type(self) -> Callable[[str, str], Raw]:
        if self.field.type == "group":
            return self._group
        if self.field.shape == "list":
            return self._items
        return self._one

    def _one(self, text: str, currency: str) -> str:
        kind_of = self.field.type
        if kind_of == "date":
            return self._date(text)
        if kind_of == "datetime":
            return self._moment(text)
        if kind_of == "money":
            return self._money(text, currency or self._context.currency)
        return entry.read_text(self.field, text, self._context, self._now)

    def _items(self, text: str, currency: str) -> list[Raw]:
        """Several values in one cell, with ``,`` or ``;`` between them, or as a JSON list of texts."""
        parts = _json_texts(text) if text.startswith("[") else None
        if parts is None:
            parts = re.split("[,;\n]", text)
        return list(dict.fromkeys(self._one(part.strip(), currency) for part in parts if part.strip()))

    def _group(self, text: str, _currency: str) -> Raw:
        """Values with parts of their own stand in a cell as JSON, as ``export`` writes them."""
        try:
            value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
        except ValueError:
            raise Refused("it has parts of its own and stands in a file as JSON") from None
        return _texts(value)

    def _date(self, text: str) -> str:
        midnight = _MIDNIGHT.fullmatch(text)
        text = midnight[1] if midnight else self._ordered(text)
        try:
            return when.parse_strict_date(text).isoformat()
        except when.BadDate as error:
            raise _better(error, text) from None

    def _moment(self, text: str) -> str:
        try:
            return when.parse_strict_moment(self._ordered(text), self._context.zone).isoformat()
        except when.BadDate as error:
            raise _better(error, text) from None

    def _ordered(self, text: str) -> str:
        """A date in figures as ISO, if the order of its parts was said; dots always mean day, month, year."""
        found = _FIGURES.match(text)
        if found is None or not (self._order or found[2] == "."):
            return text
        day, month = (found[3], found[1]) if self._order == "mdy" and found[2] != "." else (found[1], found[3])
        return f"{found[4]}-{month:0>2}-{day:0>2}{text[found.end() :]}"

    def _money(self, text: str, currency: str) -> str:
        exact = money.exponent(currency) >= 3 and _POINT.fullmatch(text) is not None
        amount = money.parse_amount(text) if exact else money.read_amount(text)
        money.to_minor(amount, currency)
        return money.amount_text(amount, currency)


def same(field: Field, old: Raw, new: Raw, context: Context) -> bool:
    """Whether two raw values of ``field`` mean the same."""
    if old == new:
        return True
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    if typed(old) == typed(new):
        return True
    try:
        return values.normal(field, old, context) == values.normal(field, new, context)
    except ValueError:
        return False


def _better(error: when.BadDate, text: str) -> when.BadDate:
    if _SERIAL.fullmatch(text):
        return when.BadDate(f"{text} is no date", hint="a spreadsheet's day number? Format the column as a date")
    return error


def _json_texts(text: str) -> list[str] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


def _texts(value: object) -> Raw:
    """Parsed JSON as a record holds it: texts in lists and maps."""
    if isinstance(value, dict):
        return {str(key): _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
