"""When something is due again: counted from one anchor, so that no number of repeats drifts.

A month that is too short gives its last day, and the next one has the anchor's day again (31 January, 28 February, 31
March). A 29 February comes in other years on the 28th, or on 1 March where ``leap`` says so.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from datetime import timedelta
from typing import NamedTuple

from crmctl.errors import InvalidData

_REPEAT = re.compile(r"(\d{1,5})\s*(d|w|m|y|days?|weeks?|months?|years?)?\Z", re.ASCII)
MAR1 = "mar1"


class Repeat(NamedTuple):
    """A span: so many days, or so many months."""

    days: int = 0
    months: int = 0


def parse(text: str) -> Repeat:
    """The span that ``text`` means: ``30d``, ``2w``, ``1m`` and ``1y`` by the calendar; a bare number is days.

    Raises:
        InvalidData: it is none, or none at all (``0d``).
    """
    found = _REPEAT.match(text.strip().lower())
    count = int(found[1]) if found else 0
    if not found or not count:
        raise InvalidData(f"{text!r} is not how often something comes again", hint="Write it as 30d, 2w, 1m or 1y.")
    unit = (found[2] or "d")[0]
    if unit in "dw":
        return Repeat(days=count * (7 if unit == "w" else 1))
    return Repeat(months=count * (12 if unit == "y" else 1))


def occurrence(anchor: date, repeat: Repeat, number: int, leap: str = "") -> date:
    """The ``number``-th repeat; 0 is the anchor itself.

    Raises:
        InvalidData: it lies beyond the calendar.
    """
    try:
        if repeat.days:
            return anchor + timedelta(days=repeat.days * number)
        months = anchor.year * 12 + anchor.month - 1 + repeat.months * number
        year, month = divmod(months, 12)
        last = monthrange(year, month + 1)[1]
    except (ValueError, OverflowError):
        raise InvalidData("the next time lies beyond the calendar", hint="Choose a shorter span.") from None
    if (anchor.month, anchor.day, month + 1, last) == (2, 29, 2, 28) and leap == MAR1:
        return date(year, 3, 1)
    return date(year, month + 1, min(anchor.day, last))


def following(anchor: date, repeat: Repeat, after: date, leap: str = "") -> date:
    """The first repeat that lies behind ``after``: those that were missed are not made up for one by one."""
    span = repeat.days or repeat.months * 28
    number = max(1, (after - anchor).days // (span + (0 if repeat.days else repeat.months * 3)))
    while occurrence(anchor, repeat, number, leap) <= after:
        number += 1
    return occurrence(anchor, repeat, number, leap)
