"""When messages may go out: hours, weekdays and holidays in the recipient's time zone, also in nights that have an hour
too few or too many."""

from __future__ import annotations

from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.mail.transport.zones import zone_of_country
from crmctl.model.kinds import WEEKDAYS
from crmctl.model.settings import zone_named
from crmctl.model.settings_reading import window_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import tzinfo

_DAYS_AHEAD = 800
_ALL_DAY = (0, 24 * 60)


def zone_for(timezone: str, country: str, book: tzinfo) -> tzinfo:
    """The time zone to write to somebody in: their own, else that of most people in their country, else the book's.

    ``timezone`` is an IANA name, ``country`` two letters; each may be empty, and an unknown one counts as empty.
    """
    for name in (timezone, zone_of_country(country)):
        zone = zone_named(name) if name else None
        if zone is not None:
            return zone
    return book


def next_open(
    now: datetime, window: str, weekdays: Collection[str], holidays: Collection[str], zone: tzinfo
) -> datetime:
    """The first moment from ``now`` on in which messages may go out, in ``zone``; it may be ``now`` itself.

    ``window`` is like ``09:00-17:00`` ("" for the whole day), ``weekdays`` some of mon ... sun (none for all of them),
    ``holidays`` ISO days; all of them are those of ``zone``. A window that begins in the hour that a clock leaves out
    begins at the first minute after it; one that begins or ends in an hour that comes twice does so the first time.

    Raises:
        InvalidData: ``window`` cannot be read, or no day of the next two years is left.
    """
    hours = window_of(window) if window else _ALL_DAY
    if hours is None:
        raise InvalidData(f"{window!r} is not a window of hours", hint="Write it as 09:00-17:00.")
    here = now.astimezone(zone)
    today = here.date()
    for ahead in range(_DAYS_AHEAD):
        day = today + timedelta(days=ahead)
        if (weekdays and WEEKDAYS[day.weekday()] not in weekdays) or day.isoformat() in holidays:
            continue
        start, end = _at(day, hours[0], zone), _at(day, hours[1], zone)
        if now < end and start < end:
            return max(start, now.astimezone(UTC)).astimezone(zone)
    raise InvalidData("there is no day on which messages may go out", hint="Look at the weekdays and the holidays.")


def _at(day: date, minute: int, zone: tzinfo) -> datetime:
    days, minute = divmod(minute, 24 * 60)
    wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60) + timedelta(days=days)  # noqa: DTZ001
    return from_wall(wall, zone)


def from_wall(wall: datetime, zone: tzinfo) -> datetime:
    """The moment, in UTC, at which a clock in ``zone`` shows ``wall`` (which has no offset).

    A time that is left out in spring gives the first moment after the gap, one that comes twice in autumn the first.
    """
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return first
    # In a gap ``fold`` 0 counts with the offset before it, ``fold`` 1 with the one after: the turn lies between.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    after = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high
