"""The instances of a recurring event (RFC 5545, section 3.3.10), up to a moment and within bounds."""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import time
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

MOST = 400
"""Instances of one event that are told: the latest ones."""
MOST_DATES = 1_000
YEARS = range(1900, 2201)
"""Years in which something may happen; near the ends of time no moment can be told in another zone."""

# Nobody meets every second; and a rule that never comes true ("30 February") is given up in a second with these.
_KNOWN = {
    "DAILY": {"BYDAY", "BYMONTH"},
    "WEEKLY": {"BYDAY", "BYMONTH"},
    "MONTHLY": {"BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS"},
    "YEARLY": {"BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS"},
}
_COMMON = {"FREQ", "INTERVAL", "COUNT", "WKST"}
_PLAIN = re.compile(r"[A-Z0-9,=;+-]{1,300}")


class Series(NamedTuple):
    """How an event recurs: its rule without an end ("" for none), the last moment, dates besides, dates left out."""

    rule: str = ""
    ends: datetime | None = None
    more: tuple[datetime, ...] = ()
    without: frozenset[datetime] = frozenset()


def read(component: Any, zone: tzinfo) -> Series | None:
    """How a VEVENT recurs; None when it does not. What is not understood of a rule leaves the rule out."""
    rule = component.get("RRULE")
    if rule is None and component.get("RDATE") is None:
        return None
    text, ends = _rule(rule, zone) if isinstance(rule, dict) else ("", None)
    more = tuple(_dates(component.get("RDATE"), zone))
    return Series(text, ends, more, frozenset(one.astimezone(UTC) for one in _dates(component.get("EXDATE"), zone)))


class Patience:
    """What the rules of one calendar may take together: steps, and rules that never come true, for which there is no
    telling but going through all of time."""

    def __init__(self, steps: int = 200_000, fruitless: int = 5) -> None:
        self.steps = steps
        self.fruitless = fruitless

    @property
    def ended(self) -> bool:
        """Whether no further rule is followed."""
        return self.steps <= 0 or self.fruitless <= 0


def instances(series: Series, starts: datetime, until: datetime, patience: Patience) -> list[datetime]:
    """The starts of all instances up to ``until``, the first one too where it is not left out; at most ``MOST``.

    A rule is about the clock on the wall of the event's own zone.
    """
    found = deque(_by_rule(series, starts, until, patience), MOST)
    every = {starts, *found, *(one for one in series.more if one <= until)}
    kept = {one.astimezone(UTC): one for one in every if one <= until and one.astimezone(UTC) not in series.without}
    return [kept[key] for key in sorted(kept)][-MOST:]


def _by_rule(series: Series, starts: datetime, until: datetime, patience: Patience) -> Iterator[datetime]:
    if not series.rule or patience.ended:
        return
    from importlib import import_module

    rules: Any = import_module("dateutil.rrule")  # It comes with icalendar, and has no types.
    last = min(until, series.ends) if series.ends is not None else until
    try:
        for wall in rules.rrulestr(series.rule, dtstart=starts.replace(tzinfo=None)):
            moment = wall.replace(tzinfo=starts.tzinfo)
            patience.steps -= 1
            if moment > last or patience.steps <= 0:
                return
            yield moment
    except (ValueError, IndexError, TypeError, OverflowError):
        return
    patience.fruitless -= "COUNT=" not in series.rule  # It came to the end of time.


def _rule(rule: Any, zone: tzinfo) -> tuple[str, datetime | None]:
    """A rule in words that are known here, and until when it holds; ("", None) for others."""
    ends = next(iter(rule.get("UNTIL") or []), None)
    pieces = []
    for name, values in rule.items():
        if name.upper() != "UNTIL":
            items = values if isinstance(values, list) else [values]
            pieces.append(f"{name.upper()}={','.join(str(item).upper() for item in items[:50])}")
    parts = dict(piece.split("=", 1) for piece in pieces)
    text = ";".join(pieces)
    allowed = _KNOWN.get(parts.get("FREQ", ""))
    if not re.fullmatch("[1-9][0-9]{0,3}", parts.get("INTERVAL", "1")):
        return "", None  # Every nought weeks is for ever.
    if allowed is None or not parts.keys() <= allowed | _COMMON or not _PLAIN.fullmatch(text):
        return "", None
    return text, _last(ends, zone) if isinstance(ends, date) else None


def _last(value: date, zone: tzinfo) -> datetime:
    """The last moment of a rule; a day ends at its end."""
    return _moment(value, zone) if isinstance(value, datetime) else datetime.combine(value, time.max, zone)


def _dates(prop: Any, zone: tzinfo) -> Iterator[datetime]:
    """The moments of RDATE and EXDATE properties."""
    count = 0
    for one in prop if isinstance(prop, list) else [prop]:
        for entry in getattr(one, "dts", ()):
            value = getattr(entry, "dt", None)
            value = value[0] if isinstance(value, tuple) else value
            if isinstance(value, date) and value.year in YEARS and count < MOST_DATES:
                count += 1
                yield _moment(value, zone)


def _moment(value: date, zone: tzinfo) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), zone)
    return value if value.tzinfo is not None else value.replace(tzinfo=zone)
