"""Invitations that change or cancel an earlier one: the same meeting for a calendar, and newer each time."""

from __future__ import annotations

from datetime import datetime
from email import policy
from email.parser import BytesParser
from typing import TYPE_CHECKING
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from helpers.books import write
from icalendar import Calendar

from crmctl import clock
from crmctl.errors import CrmError
from crmctl.mail.inbound import calendar_parts
from crmctl.mail.message.compose import Sender
from crmctl.services import template_check
from crmctl.services.book import Book
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns.audience import Recipient
from crmctl.services.campaigns.messages.rendering import Made
from crmctl.services.campaigns.messages.rendering import Renderer
from crmctl.services.campaigns.messages.rendering import wording

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

ADA = Recipient("ada", "Ada Lovelace", "ada@example.org", "01-ada")
BOB = Recipient("bob", "Bob", "bob@example.org", "01-bob")


@pytest.fixture
def root(book_dir: Path) -> Path:
    """A book with three campaigns: an evening, its other day, and its end."""
    clock.freeze(datetime.fromisoformat("2026-03-02T10:00:00+01:00"))
    write(
        book_dir,
        {
            "/crm.yaml": "name: Records\ncurrency: EUR\nemail: hello@example.com\ntimezone: Europe/Berlin\n"
            "purposes: {service: contract}\n",
            "segments/s.yaml": 'name: S\nfilter: "not name:"\n',
            "customers/ada.yaml": "id: 01-ada\nname: Ada Lovelace\nemails: [ada@example.org]\n",
            "customers/bob.yaml": "id: 01-bob\nname: Bob\nemails: [bob@example.org]\n",
        },
    )
    add(book_dir, "evening", invited(1))
    add(book_dir, "other-day", invited(8, "updates: evening"))
    add(book_dir, "off", invited(8, "updates: other-day, method: cancel"))
    return book_dir


def invited(day: int, more: str = "") -> str:
    """The front matter of an invitation; ``more`` are further lines of it, with commas between them."""
    lines = [f"starts: 2026-04-{day:02d} 19:00", "minutes: 90", "summary: Listening", *filter(None, more.split(", "))]
    return "\n".join(["invitation:", *(f"  {line}" for line in lines)])


def add(root: Path, handle: str, front: str, more: str = "") -> None:
    write(
        root,
        {
            f"/templates/{handle}.md": f"---\nsubject: Hello\n{front}\n---\nHello\n",
            f"campaigns/{handle}.yaml": f"name: X\nid: ID{handle}\npurpose: service\nsegment: s\n"
            f"template: {handle}\n{more}",
        },
    )


def made(root: Path, handle: str, person: Recipient = ADA) -> Made:
    book = Book(root)
    campaign = campaigns.read(book, handle)
    renderer = Renderer(book, campaign, wording(book, campaign), book.now(), Sender("Us", "us@example.com"))
    (message,) = renderer.messages([person])
    return message


def calendars(message: Made) -> list[tuple[Any, Any]]:
    """(method of the part, calendar) of both copies in a message."""
    assert message.code == "", message.reason
    parsed = BytesParser(policy=policy.default).parsebytes(message.content)
    return [
        (part.get_param("method"), Calendar.from_ical(bytes(part.get_payload(decode=True))))
        for part in parsed.walk()
        if part.get_content_type() in ("text/calendar", "application/ics")
    ]


def test_a_change_and_the_end_are_of_the_same_meeting(root: Path) -> None:
    events = {}
    for handle, method, status in (
        ("evening", "REQUEST", "CONFIRMED"),
        ("other-day", "REQUEST", "CONFIRMED"),
        ("off", "CANCEL", "CANCELLED"),
    ):
        (told, calendar), (_, attached) = calendars(made(root, handle))
        assert told == calendar["METHOD"] == method
        assert calendar.to_ical() == attached.to_ical()
        (events[handle],) = calendar.walk("VEVENT")
        assert events[handle]["STATUS"] == status
        # RFC 5546, sections 3.2.2 and 3.2.5: these are there once, and nothing is asked of somebody who is not to come.
        assert {"ORGANIZER", "DTSTAMP", "UID", "SEQUENCE", "DTSTART", "SUMMARY"} <= events[handle].keys()
        assert events[handle]["ATTENDEE"] == "mailto:ada@example.org"
        assert ("RSVP" in events[handle]["ATTENDEE"].params) == (method == "REQUEST")
        assert not calendar.walk("VALARM")
    assert len({str(event["UID"]) for event in events.values()}) == 1
    assert [int(event["SEQUENCE"]) for event in events.values()] == [0, 1, 2]
    assert len({str(event["ORGANIZER"]) for event in events.values()}) == 1


def test_everybody_has_a_meeting_of_their_own(root: Path) -> None:
    found = {str(calendars(made(root, "off", who))[0][1].walk("VEVENT")[0]["UID"]) for who in (ADA, BOB)}
    assert len(found) == 2


def test_whoever_reads_calendars_as_we_do_follows_them(root: Path) -> None:
    zone = ZoneInfo("Europe/Berlin")
    read = [
        calendar_parts.read(calendars(made(root, handle))[0][1].to_ical(), zone, "it")[0]
        for handle in ("evening", "other-day", "off")
    ]
    assert [(one.cancelled, one.starts.day) for one in read] == [(False, 1), (False, 8), (True, 8)]


def test_a_sequence_of_ones_own_counts_when_it_is_high_enough(root: Path) -> None:
    add(root, "other-day", invited(8, "updates: evening, sequence: 7"))
    (event,) = calendars(made(root, "off"))[0][1].walk("VEVENT")
    assert int(event["SEQUENCE"]) == 8
    add(root, "off", invited(8, "updates: other-day, sequence: 7"))
    assert "sequence has to be 8 or more" in made(root, "off").reason


@pytest.mark.parametrize(
    ("front", "words"),
    [
        ("updates: nowhere", "there is no campaign 'nowhere'"),
        ("updates: plain", "campaign plain sends no invitation"),
        ("updates: letter", "campaign letter sends no invitation"),
        ("updates: two", "campaign two invites to several meetings"),
        ("updates: evening", "evening updates evening"),
        ("updates: off", "evening updates off updates other-day updates evening"),
        ("updates: '{{ customer.handle }}'", "updates is the handle of a campaign"),
        ("method: cancel", "what is cancelled is said by updates"),
        ("updates: other-day, method: publish", "method is request or cancel"),
    ],
)
def test_campaign_check_tells_a_change_of_nothing(root: Path, run: Run, front: str, words: str) -> None:
    add(root, "plain", "language: en")
    add(root, "letter", invited(1), "channel: letter\n")
    add(root, "another", invited(1))
    add(root, "b", invited(1, "updates: another"))
    add(
        root,
        "two",
        invited(1),
        "arms:\n- {name: a, share: 50%, template: two}\n- {name: b, share: 50%, template: b}\n",
    )
    add(root, "evening", invited(1, front))
    with pytest.raises(CrmError) as raised:
        made(root, "evening")
    told = " ".join([raised.value.message, *(str(problem) for problem in getattr(raised.value, "problems", ()))])
    assert words in told
    done = run("-C", str(root), "campaign", "check", "evening")
    assert done.code != 0
    assert words in done.err + done.out


@pytest.mark.parametrize(
    ("updates", "words"),
    [
        ("nowhere", "there is no campaign 'nowhere' to update (updates: names the campaign that sent"),
        ("plain", "campaign plain sends no invitation, so it cannot be updated"),
        ("evening", "evening updates evening"),
        ("off", "off updates other-day updates evening updates off"),
    ],
)
def test_so_does_template_check(root: Path, updates: str, words: str) -> None:
    assert template_check.check(Book(root))[1] == []
    add(root, "plain", "language: en")
    add(root, "evening", invited(1, f"updates: {updates}"))
    (fault,) = template_check.check(Book(root), ["evening"])[1]
    assert (fault.template, fault.customer, words in fault.problem) == ("evening", "", True), fault.problem
