"""Invitations that calendar programs accept: one VEVENT with METHOD:REQUEST, or CANCEL for a meeting that is off
(RFC 5545, 5546, 6047).

The time zone is written out from the transitions that Python knows, for icalendar 7.3 tells the start of summer time by
the clock after the change; RFC 5545 section 3.6.5 wants the clock before it.
"""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple
from urllib.parse import quote

from crmctl.errors import CrmError
from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import sent_address
from crmctl.mail.message.words import forbidden

if TYPE_CHECKING:
    from datetime import tzinfo

REQUEST, CANCEL = "REQUEST", "CANCEL"
_STATUS = {REQUEST: "CONFIRMED", CANCEL: "CANCELLED"}
LONGEST = timedelta(days=14)
_PRODUCT = "-//crmctl//crmctl//EN"
_LONGEST_WORDS = 1000
_LATEST_YEAR = 2100
_IN_MAILTO = "@!$'*+"


class Invitation(NamedTuple):
    """A meeting: ``uid`` stays the same while ``sequence`` goes up with each change; both moments have the zone that
    the meeting keeps to. ``method`` is ``REQUEST``, or ``CANCEL`` when it does not take place."""

    uid: str
    sequence: int
    starts: datetime
    ends: datetime
    summary: str
    location: str = ""
    description: str = ""
    method: str = REQUEST


class Party(NamedTuple):
    """Who invites, or is invited."""

    name: str
    email: str


def icalendar() -> Any:
    """The library.

    Raises:
        CrmError: it is not installed.
    """
    try:
        import icalendar as library
    except ImportError:
        message = "an invitation needs the library icalendar, which is not installed"
        raise CrmError(message, hint="pip install 'crmctl[mail]'") from None
    return library


def check(invitation: Invitation) -> None:
    """Refuse what no calendar can show.

    Raises:
        Refused: the times or the words of the invitation cannot be used.
    """
    for what, moment in (("starts", invitation.starts), ("ends", invitation.ends)):
        if moment.tzinfo is None or not 1970 < moment.year < _LATEST_YEAR:
            raise Refused(f"the invitation {what} at no moment that can be used: {moment}")
        back = moment.astimezone(UTC).astimezone(moment.tzinfo)
        if back.replace(tzinfo=None) != moment.replace(tzinfo=None):
            raise Refused(f"the invitation {what} in an hour that is skipped that day: {moment:%Y-%m-%d %H:%M}")
    if not timedelta(0) < _length(invitation) <= LONGEST:
        raise Refused("the invitation ends before it starts, or takes more than two weeks")
    if not invitation.summary.strip():
        raise Refused("the invitation needs a summary")
    for words in (invitation.summary, invitation.location):
        if forbidden(words) or len(words) > _LONGEST_WORDS:
            raise Refused(f"the invitation cannot say {words[:80]!r}")
    if not 0 <= invitation.sequence < 10**6:
        raise Refused("the sequence of an invitation is a number from 0 on")
    if invitation.method not in _STATUS:
        raise Refused(f"an invitation asks or cancels, it does not {invitation.method!r}")
    if invitation.method == CANCEL and not invitation.sequence:
        raise Refused("only an invitation that was sent can be cancelled: its sequence is 1 or more")


def _length(invitation: Invitation) -> timedelta:
    return invitation.ends.astimezone(UTC) - invitation.starts.astimezone(UTC)


def calendar(invitation: Invitation, organizer: Party, attendee: Party, stamp: datetime) -> str:
    """The invitation as a calendar, lines ending in CR LF; ``stamp`` is the moment at which it was written.

    Raises:
        Refused: as ``check``.
        CrmError: the library icalendar is missing.
    """
    check(invitation)
    library = icalendar()
    whole = library.Calendar()
    for name, value in (("version", "2.0"), ("prodid", _PRODUCT), ("method", invitation.method)):
        whole.add(name, value)
    zone = _zone_key(invitation.starts)
    if zone:
        whole.add_component(_timezone(invitation.starts.tzinfo, zone, invitation.starts.year))
    event = library.Event()
    event.add("uid", invitation.uid)
    event.add("sequence", invitation.sequence)
    event.add("dtstamp", stamp.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", invitation.starts if zone else invitation.starts.astimezone(UTC))
    event.add("dtend", invitation.ends if zone else invitation.ends.astimezone(UTC))
    for name in ("summary", "location", "description"):
        if getattr(invitation, name):
            event.add(name, getattr(invitation, name))
    event.add("status", _STATUS[invitation.method])
    event.add("organizer", _address(library, organizer))
    invited = {"ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE"}
    if invitation.method == CANCEL:
        invited = {"ROLE": "REQ-PARTICIPANT"}  # There is nothing left to answer.
    event.add("attendee", _address(library, attendee, invited))
    whole.add_component(event)
    text: str = whole.to_ical().decode("utf-8")
    return text


def _address(library: Any, party: Party, more: dict[str, str] | None = None) -> Any:
    found = library.vCalAddress(_mailto(party.email))
    if party.name:
        found.params["CN"] = party.name
    found.params.update(more or {})
    return found


def _mailto(email: str) -> str:
    """An address as a URI (RFC 6068 section 2)."""
    return f"mailto:{quote(sent_address(email), safe=_IN_MAILTO)}"


def _zone_key(moment: datetime) -> str:
    """The name of the zone of a moment; "" when it has none that a calendar could know, or is UTC."""
    key = str(getattr(moment.tzinfo, "key", ""))
    return "" if key in ("", "UTC", "Etc/UTC", "GMT", "Etc/GMT") else key


@lru_cache(maxsize=64)
def _timezone(zone: tzinfo, key: str, year: int) -> Any:
    """The VTIMEZONE for meetings in ``year``: from the year before to the end of the year after."""
    library = icalendar()
    found = library.Timezone()
    found.add("tzid", key)
    first = datetime(year - 1, 1, 1, tzinfo=UTC)
    start = first.astimezone(zone)
    found.add_component(_observance(library, start, start))
    for moment in transitions(zone, first, datetime(year + 2, 1, 1, tzinfo=UTC)):
        found.add_component(
            _observance(library, (moment - timedelta(seconds=1)).astimezone(zone), moment.astimezone(zone))
        )
    return found


def _observance(library: Any, before: datetime, after: datetime) -> Any:
    kind = library.TimezoneDaylight if after.dst() else library.TimezoneStandard
    found = kind()
    old, new = before.utcoffset() or timedelta(0), after.utcoffset() or timedelta(0)
    found.add("dtstart", after.astimezone(UTC).replace(tzinfo=None) + old)
    found.add("tzoffsetfrom", old)
    found.add("tzoffsetto", new)
    name = after.tzname() or ""
    if name.isalpha():
        found.add("tzname", name)
    return found


def transitions(zone: tzinfo, first: datetime, last: datetime) -> list[datetime]:
    """The moments in UTC between ``first`` and ``last`` at which the offset of ``zone`` is another one than before."""
    found = []
    low = first
    while low < last:
        high = low + timedelta(days=1)
        if low.astimezone(zone).utcoffset() != high.astimezone(zone).utcoffset():
            found.append(_turn(zone, low, high))
        low = high
    return found


def _turn(zone: tzinfo, low: datetime, high: datetime) -> datetime:
    old = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high


# Reading it again


def faults(text: str, invitation: Invitation, organizer: Party, attendee: Party) -> list[str]:
    """What in the calendar ``text`` is not as it was meant, read by icalendar's own parser."""
    library = icalendar()
    try:
        whole = library.Calendar.from_ical(text)
        events = whole.walk("VEVENT")
    except (ValueError, KeyError, IndexError) as exc:
        return [f"the invitation cannot be read again: {exc}"]
    if str(whole.get("method")) != invitation.method or len(events) != 1 or whole.errors:
        return [f"the invitation is not one event with METHOD:{invitation.method}"]
    event = events[0]
    found = [] if str(event.get("status")) == _STATUS[invitation.method] else ["the invitation has another status"]
    said = {name: str(event.get(name, "")) for name in ("uid", "summary", "location", "description")}
    meant = {name: getattr(invitation, name).replace("\r\n", "\n") for name in said}
    found += [f"the invitation has another {name}" for name in said if said[name] != meant[name]]
    if int(event.get("sequence", -1)) != invitation.sequence:
        found.append("the invitation has another sequence")
    for name, moment in (("dtstart", invitation.starts), ("dtend", invitation.ends)):
        if _instant(whole, event[name]) != moment.astimezone(UTC):
            found.append(f"the invitation has another {name}")
    people = [(event["organizer"], organizer), (event["attendee"], attendee)]
    if isinstance(event["attendee"], list) or any(
        str(address) != _mailto(party.email) or str(address.params.get("CN", "")) != party.name
        for address, party in people
    ):
        found.append("the invitation is from or for somebody else")
    if max(len(line.encode("utf-8")) for line in text.split("\r\n")) > 75:
        found.append("a line of the invitation has more than 75 octets")
    return found


def _instant(whole: Any, value: Any) -> datetime | None:
    """The moment in UTC, told by the VTIMEZONE in the calendar itself and by nothing else."""
    moment: datetime = value.dt
    key = value.params.get("TZID")
    if key is None:
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    local = moment.replace(tzinfo=None)
    rules = [
        (part["dtstart"].dt.replace(tzinfo=None), part["tzoffsetto"].td)
        for zone in whole.walk("VTIMEZONE")
        if str(zone.get("tzid")) == str(key)
        for part in zone.subcomponents
    ]
    begun = [rule for rule in rules if rule[0] <= local]
    return (local - max(begun)[1]).replace(tzinfo=UTC) if begun else None
