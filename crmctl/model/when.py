"""WHEN: the words people type for a day, a time or a span of days, read without guessing.

Pure: the caller says what moment it is, and whether words lean to the past (what happened) or to the future (what
is due). What could mean two days is refused with both readings. The page docs/date-words.md is the contract.
"""

from __future__ import annotations

import re
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from datetime import timezone
from datetime import tzinfo
from typing import NamedTuple

from crmctl.model.when_grammar import DAYS
from crmctl.model.when_grammar import EXAMPLES
from crmctl.model.when_grammar import BadDate
from crmctl.model.when_grammar import Lean
from crmctl.model.when_grammar import Seen
from crmctl.model.when_grammar import Span
from crmctl.model.when_grammar import in_figures
from crmctl.model.when_grammar import read_days
from crmctl.model.when_grammar import read_range
from crmctl.model.when_grammar import shift
from crmctl.model.when_grammar import tidy

__all__ = [
    "BadDate",
    "Lean",
    "When",
    "parse_day",
    "parse_moment",
    "parse_strict_date",
    "parse_strict_moment",
    "parse_when",
]

_OFFSET = r"(?P<offset>z|[+-]\d\d:?\d\d)"
_CLOCK = (
    r"(?:at |(?P<before>.+?)(?: at |(?<=\d)t| ))?"
    r"(?:(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?(?: ?(?P<half>[ap]m))?"
    r"|(?P<hour12>\d\d?) ?(?P<half12>[ap]m)|(?P<word>noon|midnight))"
    rf"(?: ?{_OFFSET})?(?: (?P<after>.+))?"
)
_RFC3339 = (
    rf"(\d{{4}}-\d\d-\d\d)[t ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)? ?{_OFFSET}?"
)
_IN_FILES = "In files a date is 2026-11-27, a moment 2026-11-27T09:30:00+01:00"


class When(NamedTuple):
    """What date words meant.

    ``first`` and ``last`` are the days, equal for a single one; an open end is ``date.min`` or ``date.max``. ``moment``
    is aware, in the zone of ``now`` or with the offset written, and None unless a time of day was given. ``text`` is
    what was typed.
    """

    first: date
    last: date
    moment: datetime | None
    text: str

    def echo(self) -> str:
        """The days or the moment, to be shown on every write; reads back as the same days.

        An offset is shown only where the moment does not carry a time zone of its own.
        """
        if self.first == self.last:
            day = f"{DAYS[self.first.weekday()][:3].title()} {self.first}"
            if self.moment is None:
                return day
            clock = self.moment.time().isoformat("seconds" if self.moment.second else "minutes")
            offset = self.moment.isoformat()[-6:] if isinstance(self.moment.tzinfo, timezone) else ""
            return f"{day} {clock}{offset}"
        if self.first == date.min and self.last < date.max:
            return f"until {self.last}"
        if self.last == date.max and self.first > date.min:
            return f"from {self.first}"
        return f"{self.first} to {self.last}"


def parse_when(text: str, now: datetime, lean: Lean = "future") -> When:
    """The day, moment, period or range that ``text`` means at ``now``, which must be aware; raises BadDate."""
    span, moment = _read(text, now, lean)
    return When(span.first, span.last, moment, text)


def parse_day(text: str, now: datetime, lean: Lean = "future") -> date:
    """The single day that ``text`` means; raises BadDate.

    Leaning to the future, a week, month, quarter or year stands for its last day, as a deadline does. Leaning to
    the past it is refused, as neither end is the day it happened. A range is always refused, and so is a time of
    day, which would be lost without a word.
    """
    span, moment = _read(text, now, lean)
    if moment is not None and tidy(text) != "now":
        raise BadDate(f'"{text}" has a time of day, only a day is kept here', hint=f"Write {span.first}")
    if span.first != span.last and (lean == "past" or span.kind == "range"):
        raise _one_wanted(text, span)
    return span.last


def parse_moment(text: str, now: datetime, lean: Lean = "past") -> datetime:
    """The aware moment that ``text`` means; raises BadDate.

    A day without a time is ``now`` when it is today, otherwise noon in the zone of ``now``: midnight would fall on
    the day before for anyone reading it a zone further west. A period or range is refused.
    """
    span, moment = _read(text, now, lean)
    if moment is not None:
        return moment
    if span.first != span.last:
        raise _one_wanted(text, span)
    return now if span.first == now.date() else _place(span.first, time(12), _zone(now))


def parse_strict_date(text: str) -> date:
    """A date in a file: ISO 8601 (calendar or week date) or day.month.year with dots; raises BadDate."""
    if (day := _iso(text)) is not None:
        return day
    words = tidy(text)
    day = in_figures(words, strict=True)
    if day is None:
        raise BadDate(f'"{words}" is not a date', hint=_IN_FILES)
    return day


def parse_strict_moment(text: str, zone: tzinfo) -> datetime:
    """A moment in a file: RFC 3339, or a date meaning its first minute; raises BadDate.

    ``zone`` is used where no offset is written; a written one is kept.
    """
    words = tidy(text)
    match = re.fullmatch(_RFC3339, words, re.ASCII)
    if match:
        day, clock, offset = parse_strict_date(match[1]), _clock(match, words), match["offset"]
        return _place(day, clock, _fixed(offset) if offset else zone)
    if ":" in words:
        raise BadDate(f'"{words}" is not a moment', hint=_IN_FILES)
    return _place(parse_strict_date(words), time(), zone)


def _iso(text: str) -> date | None:
    """The day of a plain ``YYYY-MM-DD``, the fast way of imports and filters; None for all else."""
    if len(text) == 10 and text[4] == "-" == text[7]:
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None  # the long way says why
    return None


def _one_wanted(text: str, span: Span) -> BadDate:
    return BadDate(f'"{text}" is more than one day', hint=f"Write one day from {span.first} to {span.last}")


def _zone(now: datetime) -> tzinfo:
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    return now.tzinfo


def _read(text: str, now: datetime, lean: Lean) -> tuple[Span, datetime | None]:
    """The days, and the moment if a time of day was given."""
    zone, words, seen = _zone(now), tidy(text), Seen(now.date(), lean)
    if words == "now":
        return Span(seen.today, seen.today, "day"), now
    if (day := _iso(words)) is not None:
        return Span(day, day, "date"), None
    days = read_range(words, seen)
    if days is not None:
        return days, None
    match = re.fullmatch(_CLOCK, words, re.ASCII)
    if match is None:
        return read_days(words, seen), None
    clock, offset = _clock(match, words), match["offset"]
    rest = " ".join(part for part in (match["before"], match["after"]) if part)
    span = read_days(rest, seen) if rest else Span(seen.today, seen.today, "day")
    if span.first != span.last:
        raise BadDate(f'"{rest}" is more than one day, a time belongs to one', hint=EXAMPLES)
    if offset and span.kind != "date":
        raise BadDate(f'"{words}" has an offset but no full date', hint="Write 2026-11-27T09:30+01:00, or no offset")
    moment = _place(span.first, clock, zone)
    if offset:
        written = _place(span.first, clock, _fixed(offset))
        # An offset that is the zone's own says nothing new, and the zone reads better.
        moment = moment if moment.isoformat() == written.isoformat() else written
    elif not rest or (span.kind == "weekday" and lean == "past"):
        moment = _lean(moment, clock, now, lean, 7 if rest else 1)
    return Span(moment.date(), moment.date(), span.kind), moment


def _lean(moment: datetime, clock: time, now: datetime, lean: Lean, days: int) -> datetime:
    """``moment``, or the same time so many days off when it lies on the side of ``now`` that is not meant."""
    ahead = moment.astimezone(UTC) - now.astimezone(UTC)
    if lean == "past" and ahead > timedelta(0):
        return _place(shift(moment.date(), -days, "d"), clock, _zone(now))
    if lean == "future" and ahead < timedelta(0):
        return _place(shift(moment.date(), days, "d"), clock, _zone(now))
    return moment


def _clock(match: re.Match[str], words: str) -> time:
    """The time of day in a match of ``_CLOCK`` or ``_RFC3339``; raises BadDate when there is no such time."""
    part = match.groupdict()
    if part.get("word") == "midnight":
        raise BadDate("midnight could begin the day or end it", hint="Write 0:00 or 23:59")
    if part.get("word") == "noon":
        return time(12)
    hour, half = int(part["hour"] or part["hour12"]), part.get("half") or part.get("half12")
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0) if 1 <= hour <= 12 else 99
    micro = int((part["fraction"] or "0")[:6].ljust(6, "0"))
    try:
        return time(hour, int(part["minute"] or 0), int(part["second"] or 0), micro)
    except ValueError:
        raise BadDate(
            f'there is no such time as in "{words}"', hint="Times are 0:00 to 23:59, or 9am, 9:30pm"
        ) from None


def _fixed(offset: str) -> timezone:
    """The zone of ``z``, ``+01:00`` or ``+0100`` (RFC 3339, 5.6: hours to 23, minutes to 59)."""
    if offset == "z":
        return UTC
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    if hours > 23 or minutes > 59:
        raise BadDate(f"there is no offset {offset}", hint="An offset is such as +01:00, or Z for UTC")
    return timezone(timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1))


def _place(day: date, clock: time, zone: tzinfo) -> datetime:
    """The moment of a wall clock reading: the first of two, and the first after a gap that swallowed it.

    Raises BadDate when it lies outside the years that can be told in UTC.
    """
    local = datetime.combine(day, clock, zone)
    try:
        late = local.astimezone(UTC)
        back = late.astimezone(zone)
        if back.replace(tzinfo=None) == local.replace(tzinfo=None):
            return local
        # In a gap (PEP 495) fold=0 counts from before it and so lands behind it, fold=1 the reverse.
        early = local.replace(fold=1).astimezone(UTC)
    except OverflowError:
        raise BadDate(f"{day} is too near the end of time", hint=EXAMPLES) from None
    early, low, high = early.replace(microsecond=0), 0, int((late - early).total_seconds()) + 1
    while high - low > 1:  # the second at which the offset changes
        middle = (low + high) // 2
        if (early + timedelta(seconds=middle)).astimezone(zone).utcoffset() == back.utcoffset():
            high = middle
        else:
            low = middle
    return (early + timedelta(seconds=high)).astimezone(zone)
