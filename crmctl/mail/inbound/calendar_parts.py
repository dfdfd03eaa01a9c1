"""Calendar data (RFC 5545) as plain values: the events of a file, and who answered an invitation by mail (RFC 6047)."""

from __future__ import annotations

from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import time
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple
from urllib.parse import unquote

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.mail.inbound import headers
from crmctl.mail.inbound import recurring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from crmctl.mail.inbound.recurring import Series

LARGEST = 20 << 20
LARGEST_REPLY = 256 << 10
MOST_PEOPLE = 500


class Person(NamedTuple):
    """Somebody in an event: address, name, and what they answered (accepted, declined, tentative ... or "")."""

    address: str
    name: str
    answer: str


class Event(NamedTuple):
    """One event, or one instance of a recurring one. ``uid``, ``instance`` and ``sequence`` tell versions apart.

    ``starts`` carries an offset: floating times and days are those of the zone asked for; so are those in a zone that
    nobody knows, and then ``lost`` says so. ``minutes`` is 0 when the event does not say how long it takes, or takes
    whole days. ``series`` is how it recurs, None when it does not.
    """

    uid: str
    instance: str
    sequence: int
    method: str
    cancelled: bool
    starts: datetime
    all_day: bool
    minutes: int
    summary: str
    place: str
    people: tuple[Person, ...]
    series: Series | None = None
    lost: bool = False


def read(data: bytes, zone: tzinfo, name: str) -> list[Event]:
    """The events in a calendar file, in its order; those without a UID or a start are left out.

    Raises:
        InvalidData: it is no calendar, or too large.
        CrmError: the library that reads calendars is not installed.
    """
    if len(data) > LARGEST:
        raise InvalidData(f"{name} is larger than {LARGEST >> 20} MiB", hint="Export a shorter time.")
    try:
        from icalendar import Calendar
    except ImportError:
        raise CrmError("calendars cannot be read here", hint="pip install 'crmctl[mail]'") from None
    if b"BEGIN:VCALENDAR" not in data.upper():
        raise InvalidData(f"{name} is no calendar", hint="It should begin with BEGIN:VCALENDAR.")
    import warnings

    try:
        with warnings.catch_warnings():  # The library warns of zones that it has to guess.
            warnings.simplefilter("ignore")
            calendars = Calendar.from_ical(data, multiple=True)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
        raise InvalidData(f"{name} cannot be read as a calendar ({type(exc).__name__})") from None
    return [event for calendar in calendars for event in _events(calendar, zone)]


def replies(text: bytes) -> list[Event]:
    """The answers to invitations in a part ``text/calendar; method=REPLY``; none when it is something else."""
    if len(text) > LARGEST_REPLY:
        return []
    try:
        events = read(text, UTC, "the answer")
    except CrmError:
        return []
    return [event for event in events if event.method == "reply" and event.people]


def _events(calendar: Any, zone: tzinfo) -> Iterator[Event]:
    method = _text(calendar.get("METHOD")).lower()
    for component in calendar.walk("VEVENT"):
        try:
            event = _event(component, method, zone)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
            continue
        if event is not None:
            yield event


def _event(component: Any, method: str, zone: tzinfo) -> Event | None:
    uid = _text(component.get("UID"))
    starts = _value(component.get("DTSTART"))
    if starts is None and method == "reply":  # Which need not repeat it: RFC 5546, 3.2.3.
        starts = _value(component.get("DTSTAMP"))
    if not uid or starts is None or starts.year not in recurring.YEARS:
        return None
    instance = _value(component.get("RECURRENCE-ID"))
    begins = _moment(starts, zone)
    return Event(
        uid[:400],
        "" if instance is None else instance_of(_moment(instance, zone)),
        int(component.get("SEQUENCE", 0) or 0),
        method,
        method == "cancel" or _text(component.get("STATUS")).lower() == "cancelled",
        begins,
        not isinstance(starts, datetime),
        _minutes(component, begins, zone) if isinstance(starts, datetime) else 0,
        headers.one_line(_text(component.get("SUMMARY")))[:300],
        headers.one_line(_text(component.get("LOCATION")))[:300],
        tuple(_people(component)),
        recurring.read(component, zone) if instance is None else None,
        isinstance(starts, datetime) and starts.tzinfo is None and "TZID" in component.get("DTSTART").params,
    )


def instance_of(moment: datetime) -> str:
    """The name of one instance of a recurring event: the moment at which it was to begin."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    return "" if value is None else str(value).strip()


def _value(prop: Any) -> date | datetime | None:
    found = getattr(prop, "dt", None)
    return found if isinstance(found, date) else None


def _moment(value: date | datetime, zone: tzinfo) -> datetime:
    """A start as a moment: days begin at midnight, and times without a zone are those of ``zone``."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), zone)
    return value if value.tzinfo is not None else value.replace(tzinfo=zone)


def _minutes(component: Any, begins: datetime, zone: tzinfo) -> int:
    ends = _value(component.get("DTEND"))
    if ends is not None:
        length = (_moment(ends, zone) - begins).total_seconds()
    else:
        duration = getattr(component.get("DURATION"), "dt", None)
        length = duration.total_seconds() if duration is not None else 0
    return int(length // 60) if 0 < length <= 7 * 86_400 else 0


def _people(component: Any) -> Iterator[Person]:
    seen = set()
    for name in ("ORGANIZER", "ATTENDEE"):
        values = component.get(name)
        for value in (values if isinstance(values, list) else [values])[:MOST_PEOPLE]:
            text = _text(value)
            # A URI (RFC 6068); what stands there without being one is an address as it is.
            address = headers.bare(unquote(text[7:].partition("?")[0]) if text[:7].lower() == "mailto:" else text)
            if address and (name, address.lower()) not in seen:
                seen.add((name, address.lower()))
                parameters = getattr(value, "params", {})
                answer = _text(parameters.get("PARTSTAT")).lower().replace("-", " ")
                yield Person(address, headers.one_line(_text(parameters.get("CN")))[:200], answer)
