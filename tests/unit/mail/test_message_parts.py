"""Messages with files and invitations: written, read again, and refused when anything in them is another."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from datetime import timezone
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest

from crmctl.mail.addresses import Refused
from crmctl.mail.message import invitation as invitations
from crmctl.mail.message.compose import Meant
from crmctl.mail.message.compose import Sender
from crmctl.mail.message.compose import compose
from crmctl.mail.message.files import LARGEST
from crmctl.mail.message.files import File
from crmctl.mail.message.files import named
from crmctl.mail.message.invitation import Invitation
from crmctl.mail.message.invitation import Party
from crmctl.mail.message.invitation import transitions
from crmctl.mail.message.verify import verify

if TYPE_CHECKING:
    from email.message import EmailMessage

BERLIN = ZoneInfo("Europe/Berlin")
PDF = named("Price list.pdf", b"%PDF-1.7\n" * 50)
LOGO = named("logo.png", b"\x89PNG\r\n\x1a\n\x00", cid="logo@images.example")
MEETING = Invitation(
    uid="SID@chinook.example",
    sequence=1,
    starts=datetime(2027, 3, 28, 3, 30, tzinfo=BERLIN),
    ends=datetime(2027, 3, 28, 4, 30, tzinfo=BERLIN),
    summary="Listening; new records, für Ada",
    location="Büro 1, Town",
    description=f"Bring nothing.\nThe door is open.\n{'long ' * 40}",
)
MEANT = Meant(
    to_name='Ada "L" Übel',
    to_email="ada@example.org",
    sender=Sender("Chinook Records", "hello@chinook.example"),
    subject="Hello",
    text="Hello Ada,\n\nbye\n",
    html='<p>Hello Ada,</p>\n<img src="cid:logo@images.example" alt="us">\n',
    message_id="<01abc@chinook.example>",
    date=datetime(2026, 11, 2, 10, 0, 5, tzinfo=timezone(timedelta(hours=1))),
    headers=(("X-Crmctl-Send", "01abc"),),
)


def sent(**changes: Any) -> tuple[bytes, EmailMessage]:
    """A message that is as it was meant, and how the standard library reads it."""
    meant = MEANT._replace(**changes)
    data = compose(meant)
    assert verify(data, meant) == []
    return data, email.message_from_bytes(data, policy=email.policy.default)


def shape(part: Any) -> Any:
    """The types of the parts, one within the other."""
    kind = part.get_content_type()
    return (kind, [shape(inner) for inner in part.iter_parts()]) if part.is_multipart() else kind


def test_everything_at_once_stands_where_programs_look_for_it() -> None:
    data, message = sent(files=(PDF, LOGO), invitation=MEETING)
    assert shape(message) == (
        "multipart/mixed",
        [
            (
                "multipart/alternative",
                ["text/plain", ("multipart/related", ["text/html", "image/png"]), "text/calendar"],
            ),
            "application/ics",
            "application/pdf",
        ],
    )
    parts = {part.get_content_type(): part for part in message.walk() if not part.is_multipart()}
    assert parts["application/pdf"].get_filename() == "Price list.pdf"
    assert parts["application/pdf"].get_payload(decode=True) == PDF.data
    assert parts["image/png"]["Content-ID"] == "<logo@images.example>"
    assert parts["image/png"].get_content_disposition() == "inline"
    assert parts["text/calendar"].get_param("method") == "REQUEST"
    calendars: list[Any] = [parts[kind].get_payload(decode=True) for kind in ("text/calendar", "application/ics")]
    assert calendars[0].rstrip() == calendars[1].rstrip()
    assert max(len(line) for line in data.split(b"\r\n")) <= 78
    assert not any(part.defects for part in message.walk())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"files": (PDF,)}, ("multipart/mixed", [("multipart/alternative", ["text/plain", "text/html"]), PDF.type])),
        ({"files": (PDF,), "html": ""}, ("multipart/mixed", ["text/plain", PDF.type])),
        (
            {"files": (LOGO,)},
            ("multipart/alternative", ["text/plain", ("multipart/related", ["text/html", "image/png"])]),
        ),
        (
            {"invitation": MEETING, "html": ""},
            ("multipart/mixed", [("multipart/alternative", ["text/plain", "text/calendar"]), "application/ics"]),
        ),
    ],
    ids=["attached", "attached to a text", "shown", "invited by a text"],
)
def test_a_message_has_no_more_parts_than_it_needs(changes: Any, expected: Any) -> None:
    assert shape(sent(**changes)[1]) == expected


def test_the_same_message_has_the_same_bytes() -> None:
    changes: Any = {"files": (PDF, LOGO), "invitation": MEETING}
    assert sent(**changes)[0] == sent(**changes)[0]


@pytest.mark.parametrize(
    "name",
    ["Bücher.pdf", "日本語.pdf", "a  b.pdf", "it's (1).pdf", f"{'Wörter ' * 15}.pdf", "=?utf-8?q?x?=.pdf", "a;b=c.pdf"],
)
def test_names_of_files_arrive_as_they_are(name: str) -> None:
    _, message = sent(files=(named(name, b"x"),))
    assert [part.get_filename() for part in message.iter_attachments()] == [name]


@pytest.mark.parametrize(
    "name",
    ["", "pdf", "run.exe", "page.html", "a\nb.pdf", 'a".pdf', "a/b.pdf", "a\\b.pdf", "invoice\u202efdp.pdf", "x" * 200],
)
def test_names_and_types_that_cannot_be_attached(name: str) -> None:
    with pytest.raises(Refused):
        named(name, b"x")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"files": (PDF, PDF)}, "the same name"),
        ({"files": (LOGO,), "html": ""}, "needs a page"),
        ({"files": (named("invite.ics", b"x"),), "invitation": MEETING}, "the same name"),
        ({"files": (File("a.pdf", "text/html", b"x"),)}, "not of the type"),
        ({"files": (named("a.pdf", b"x" * LARGEST), PDF)}, "10 MB"),
    ],
)
def test_files_that_cannot_travel_together(changes: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        compose(MEANT._replace(**changes))


# What somebody could do to the bytes


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Price list.pdf", b"Price_list.pdf"),
        (b"application/pdf", b"application/zip"),
        (b"attachment;", b"inline;"),
        (b"JVBERi0xLjcK", b"JVBERi0xLjgK"),
        (b"<logo@images.example>", b"<lego@images.example>"),
        (b"Content-ID: ", b"X-Other: 1\r\nContent-ID: "),
        (b"method=REQUEST", b"method=CANCEL"),
        (b"METHOD:REQUEST", b"METHOD:CANCEL"),
        (b"SEQUENCE:1", b"SEQUENCE:2"),
        (b"20270328T033000", b"20270328T034500"),
        (b"mailto:ada@example.org", b"mailto:eve@example.org"),
        (b"text/calendar", b"text/plain"),
        (b"TZOFFSETTO:+0200", b"TZOFFSETTO:+0300"),
        (b"UID:SID", b"UID:SIX"),
        (b"quoted-printable", b"base64"),
        (b'type="text/html";\r\n boundary="=_', b'type="text/html";\r\n boundary="=x'),
    ],
)
def test_a_part_that_was_changed_is_found_out(old: bytes, new: bytes) -> None:
    meant = MEANT._replace(files=(PDF, LOGO), invitation=MEETING)
    data = compose(meant)
    assert old in data
    assert verify(data.replace(old, new), meant)


def test_a_part_too_many_or_too_few_is_found_out() -> None:
    meant = MEANT._replace(files=(PDF, LOGO))
    data = compose(meant)
    assert verify(data, meant._replace(files=(PDF,)))
    assert verify(data, meant._replace(files=(LOGO, named("more.pdf", b"x"))))
    assert verify(data, meant._replace(files=(PDF._replace(data=b"y"), LOGO)))
    assert verify(data, meant._replace(invitation=MEETING))
    assert verify(data + b"trailing\r\n", meant)
    start = data.index(b"\r\n\r\n") + 4
    assert verify(data[:start] + b"before\r\n" + data[start:], meant)


# Invitations

ORGANIZER, ATTENDEE = Party("Chinook", "hello@chinook.example"), Party("Ada", "ada@example.org")
STAMP = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def ics(meeting: Invitation) -> str:
    return invitations.calendar(meeting, ORGANIZER, ATTENDEE, STAMP)


@pytest.mark.parametrize(
    ("zone", "starts"),
    [
        ("Europe/Berlin", "2027-03-28T03:00"),  # the first minute of summer time
        ("Europe/Berlin", "2027-03-28T01:59"),
        ("Europe/Berlin", "2027-10-31T03:00"),
        ("Europe/Berlin", "2027-10-31T01:30"),
        ("America/Denver", "2012-03-11T03:00"),
        ("Australia/Lord_Howe", "2027-04-04T02:30"),
        ("Europe/Dublin", "2027-07-01T09:00"),
        ("Asia/Kolkata", "2027-07-01T09:00"),
        ("Africa/Casablanca", "2026-02-15T04:00"),
        ("Asia/Tokyo", "2027-01-01T00:00"),
        ("UTC", "2027-01-01T00:00"),
    ],
)
def test_a_calendar_tells_the_moment_by_its_own_time_zone(zone: str, starts: str) -> None:
    start = datetime.fromisoformat(starts).replace(tzinfo=ZoneInfo(zone))
    end = (start.astimezone(UTC) + timedelta(hours=1)).astimezone(start.tzinfo)
    meeting = MEETING._replace(starts=start, ends=end)
    text = ics(meeting)
    assert invitations.faults(text, meeting, ORGANIZER, ATTENDEE) == []
    event: Any
    (event,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert event["dtstart"].dt.astimezone(UTC) == start.astimezone(UTC)


def test_the_change_of_a_clock_is_told_by_the_clock_before_it() -> None:
    text = ics(MEETING)
    assert "BEGIN:DAYLIGHT\r\nDTSTART:20270328T020000\r\n" in text
    assert "BEGIN:STANDARD\r\nDTSTART:20271031T030000\r\n" in text


def test_the_second_of_two_hours_of_the_same_name_cannot_be_told_and_is_refused_by_the_check() -> None:
    start = datetime(2027, 10, 31, 2, 30, tzinfo=BERLIN, fold=1)
    meeting = MEETING._replace(starts=start, ends=datetime(2027, 10, 31, 4, 0, tzinfo=BERLIN))
    told = invitations.faults(ics(meeting), meeting, ORGANIZER, ATTENDEE)
    assert told == ["the invitation has another dtstart"]
    first = meeting._replace(starts=start.replace(fold=0))
    assert invitations.faults(ics(first), first, ORGANIZER, ATTENDEE) == []


def test_an_offset_that_is_no_zone_becomes_utc() -> None:
    start = datetime(2027, 1, 1, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    text = ics(MEETING._replace(starts=start, ends=start + timedelta(hours=1)))
    assert "DTSTART:20270101T100000Z" in text
    assert "VTIMEZONE" not in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ends": MEETING.starts}, "ends before it starts"),
        ({"ends": MEETING.starts + timedelta(days=15)}, "two weeks"),
        ({"starts": datetime(2027, 3, 28, 2, 30, tzinfo=BERLIN)}, "skipped"),
        ({"starts": MEETING.starts.replace(tzinfo=None)}, "no moment"),
        ({"summary": "  "}, "summary"),
        ({"location": "a\nATTENDEE:mailto:x@y"}, "cannot say"),
        ({"sequence": -1}, "sequence"),
    ],
)
def test_invitations_that_no_calendar_can_show(changes: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        ics(MEETING._replace(**changes))


def test_a_name_cannot_add_a_line_to_the_calendar() -> None:
    meeting = MEETING._replace(summary='x";CN=y:mailto:z\\nATTENDEE:mailto:eve@example.org')
    (event,) = icalendar.Calendar.from_ical(ics(meeting)).walk("VEVENT")
    assert not isinstance(event["attendee"], list)
    assert str(event["summary"]) == meeting.summary


def test_transitions_are_found_to_the_second() -> None:
    found = transitions(BERLIN, datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
    assert [moment.isoformat() for moment in found] == ["2027-03-28T01:00:00+00:00", "2027-10-31T01:00:00+00:00"]


def test_a_file_has_the_hash_of_its_bytes() -> None:
    assert PDF.hash == sha256(PDF.data).hexdigest()
