"""From what moment on a step may be taken: days, or working days, after the one before was really taken.

The count is by days on the recipient's calendar, so that a night in which a clock is put forward or back is one day
like any other. The step is due from the beginning of its day; a wait of 0 days makes it due at once.
"""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING

from crmctl.mail.transport.windows import from_wall
from crmctl.model.kinds import WEEKDAYS

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date
    from datetime import tzinfo

WORKDAYS = WEEKDAYS[:5]


def due(base: datetime, days: int, zone: tzinfo, *, business: bool = False, holidays: Collection[str] = ()) -> datetime:
    """The moment from which a step may be taken, ``days`` after ``base``, on the calendar of ``zone``.

    With ``business``, Saturdays, Sundays and ``holidays`` (ISO days) are not counted, and a step that would fall on one
    of them waits for the next working day.
    """
    day = base.astimezone(zone).date()
    if not business:
        return base if not days else _start(day + timedelta(days=days), zone)
    while days:
        day += timedelta(days=1)
        days -= is_working(day, holidays)
    while not is_working(day, holidays):
        day += timedelta(days=1)
    return max(base, _start(day, zone))


def is_working(day: date, holidays: Collection[str]) -> bool:
    """Whether ``day`` is a working day."""
    return WEEKDAYS[day.weekday()] in WORKDAYS and day.isoformat() not in holidays


def _start(day: date, zone: tzinfo) -> datetime:
    """The first moment of a day; where midnight is left out, the first there is."""
    return from_wall(datetime(day.year, day.month, day.day), zone).astimezone(zone)  # noqa: DTZ001 - wall time
