"""Meetings of a calendar: what was is history, what is to come a follow-up, and each version changes things once."""

from __future__ import annotations

import contextlib
import json
import time
from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from hypothesis import given
from hypothesis import strategies as st

from crmctl import clock
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.mail.inbound import calendar_parts
from crmctl.services.book import Book
from crmctl.services.ingest import meetings

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.ingest.meetings import Meetings

pytest.importorskip("icalendar", reason="calendars need icalendar: pip install 'crmctl[mail]'")


@pytest.fixture
def root(book_dir: Path) -> Path:
    clock.freeze(datetime(2026, 11, 22, 10, tzinfo=UTC))
    commit(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada\nemails: [ada@example.com]\n",
            "customers/bob.yaml": "name: Bob\nemails: [info@firm.example]\n",
            "customers/firm.yaml": "name: Firm\nemails: [info@firm.example]\n",
            "members/jane.yaml": "name: Jane\nemail: jane@shop.example\n",
        },
    )
    return book_dir


def event(start: str, *more: str, sequence: int = 0, uid: str = "u1", who: str = "ada@example.com") -> str:
    lines = [f"UID:{uid}", f"DTSTART{start}", "DTSTAMP:20261101T000000Z", f"SEQUENCE:{sequence}", "SUMMARY:Kick-off"]
    lines += ["ORGANIZER:mailto:jane@shop.example", f"ATTENDEE;CN=Ada:MAILTO:{who}", *more]
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""])


def take(root: Path, *events: str, method: str = "") -> Meetings:
    path = root.parent / "meetings.ics"
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + (f"METHOD:{method}\r\n" if method else "")
    path.write_bytes((head + "".join(events) + "END:VCALENDAR\r\n").encode())
    return meetings.take_in(Book(root), path)


def history(root: Path) -> list[dict[str, str]]:
    path = root / "records/interactions/ada.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def promises(root: Path) -> list[tuple[str, str, str, str]]:
    sql = "SELECT what, due, COALESCE(done, ''), COALESCE(outcome, '') FROM followups ORDER BY handle"
    return [(str(what), str(due), str(done), str(outcome)) for what, due, done, outcome in Book(root).index.rows(sql)]


def test_what_was_is_filed_once(root: Path) -> None:
    past = event(":20261110T130000Z", "DTEND:20261110T140000Z", "LOCATION:Office")
    assert take(root, past).counts == {"new": 1}
    (entry,) = history(root)
    assert (entry["type"], entry["at"], str(entry["minutes"])) == ("meeting", "2026-11-10T14:00:00+01:00", "60")
    assert entry["text"] == "Kick-off\nPlace: Office"
    again = take(root, past)
    assert (again.counts, again.written.commit) == ({"same": 1}, "")


def test_what_is_to_come_is_a_follow_up_until_it_was(root: Path) -> None:
    coming = event(":20261201T090000Z")
    take(root, coming)
    assert promises(root) == [("Meeting at 10:00: Kick-off", "2026-12-01", "", "")]
    assert history(root) == []
    assert take(root, coming).counts == {"same": 1}
    clock.freeze(datetime(2026, 12, 2, 10, tzinfo=UTC))
    take(root, coming)
    assert promises(root) == [("Meeting at 10:00: Kick-off", "2026-12-01", "2026-12-01", "took place")]
    assert len(history(root)) == 1


def test_a_moved_meeting_moves_and_an_older_version_does_not_move_it_back(root: Path) -> None:
    old, new = event(":20261201T090000Z"), event(":20261203T090000Z", sequence=1)
    take(root, old)
    assert take(root, new).counts == {"changed": 1}
    assert take(root, old).counts == {"same": 1}
    assert [due for _, due, _, _ in promises(root)] == ["2026-12-03"]


def test_a_cancelled_meeting_ends(root: Path) -> None:
    take(root, event(":20261201T090000Z"))
    cancelled = event(":20261201T090000Z", sequence=1)
    assert take(root, cancelled, method="CANCEL").counts == {"changed": 1}
    assert promises(root) == [("Meeting at 10:00: Kick-off", "2026-12-01", "2026-11-22", "cancelled")]
    assert take(root, cancelled, method="CANCEL").counts == {"same": 1}


def test_one_that_was_filed_and_is_cancelled_says_so(root: Path) -> None:
    take(root, event(":20261110T130000Z"))
    take(root, event(":20261110T130000Z", "STATUS:CANCELLED", sequence=1))
    assert [entry["outcome"] for entry in history(root)] == ["cancelled"]


def test_instances_of_a_series_are_meetings_of_their_own(root: Path) -> None:
    series = event(":20261103T090000Z", "RRULE:FREQ=WEEKLY")
    moved = event(":20261111T090000Z", "RECURRENCE-ID:20261110T090000Z")
    assert take(root, series, moved).counts == {"new": 3}
    assert [entry["at"][:10] for entry in history(root)] == ["2026-11-03", "2026-11-11", "2026-11-17"]
    assert take(root, series, moved).counts == {"same": 3}
    clock.freeze(datetime(2026, 11, 24, 12, tzinfo=UTC))
    assert take(root, series, moved).counts == {"same": 3, "new": 1}


def test_a_series_follows_the_clock_on_the_wall_and_its_exceptions(root: Path) -> None:
    rule = ("RRULE:FREQ=WEEKLY;UNTIL=20261109T090000Z", "EXDATE;TZID=Europe/Berlin:20261026T100000")
    take(root, event(";TZID=Europe/Berlin:20261019T100000", *rule, "RDATE;TZID=Europe/Berlin:20261112T150000"))
    assert [entry["at"][:16] for entry in history(root)] == [
        "2026-10-19T10:00",
        "2026-11-02T10:00",
        "2026-11-09T10:00",
        "2026-11-12T15:00",
    ]


def test_the_first_meeting_of_a_series_that_was_moved_is_one(root: Path) -> None:
    series = event(":20261117T090000Z", "RRULE:FREQ=WEEKLY;COUNT=1")
    take(root, event(":20261118T090000Z", "RECURRENCE-ID:20261117T090000Z"), series)
    assert [entry["at"][:10] for entry in history(root)] == ["2026-11-18"]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=YEARLY;BYDAY=60MO",
        "FREQ=DAILY;COUNT=99999999",
    ],
)
def test_a_hostile_rule_ends(root: Path, rule: str) -> None:
    before = time.process_time()
    done = take(root, event(":20201110T130000Z", f"RRULE:{rule}"))
    assert 1 <= done.counts["new"] <= 401
    assert time.process_time() - before < 10


def test_floating_and_whole_days_are_those_of_the_book(root: Path) -> None:
    take(root, event(":20261110T130000", uid="a"), event(";VALUE=DATE:20261111", uid="b"))
    assert [entry["at"] for entry in history(root)] == ["2026-11-10T13:00:00+01:00", "2026-11-11T00:00:00+01:00"]


OUTLOOK = (
    "BEGIN:VTIMEZONE\r\nTZID:Customized Time Zone\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\n"
    "TZOFFSETFROM:+0530\r\nTZOFFSETTO:+0530\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        ("Customized Time Zone", 4.5),
        ("W. Europe Standard Time", 9),
        ("/freeassociation.sourceforge.net/Europe/Berlin", 9),
        ("Europe/Berlin", 9),
        ("No/Such_Zone", 9),
    ],
)
def test_time_zones_by_whatever_name(root: Path, zone: str, hour: float) -> None:
    done = take(root, OUTLOOK, event(f";TZID={zone}:20261102T100000"))
    (meeting,) = history(root)
    at = datetime.fromisoformat(meeting["at"]).astimezone(UTC)
    assert at.hour + at.minute / 60 == hour
    assert done.counts.get("lost", 0) == (zone == "No/Such_Zone")


def test_a_meeting_with_several_customers_is_in_the_history_of_each(root: Path) -> None:
    commit(root, {"customers/cyd.yaml": "name: Cyd\nemails: [cyd@example.com]\n"})
    done = take(root, event(":20261102T100000Z", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:cyd@example.com"))
    assert done.counts["new"] == 2
    for who in ("ada", "cyd"):
        (line,) = (root / f"records/interactions/{who}.jsonl").read_text().splitlines()
        assert json.loads(line)["external"]["ical"] == "u1"


def test_others_are_counted(root: Path) -> None:
    strangers = event(":20261110T130000Z", who="x@y.example", uid="a")
    unclear = event(":20261110T130000Z", who="info@firm.example", uid="b")
    declined = event(":20261110T130000Z", uid="c").replace("CN=Ada", "PARTSTAT=DECLINED")
    assert take(root, strangers, unclear, declined).counts == {"nobody": 2, "unclear": 1}
    assert history(root) == []


def test_what_is_no_calendar(root: Path) -> None:
    path = root.parent / "x.ics"
    path.write_text("hello")
    with pytest.raises(InvalidData):
        meetings.take_in(Book(root), path)


@given(
    st.lists(
        st.sampled_from(
            [
                "UID:1",
                "DTSTART:2026",
                "DTSTART:20261110T130000Z",
                "RRULE:X",
                "ATTENDEE:",
                "\x00",
                "BEGIN:VEVENT",
                "END:VEVENT",
                "DTSTART;TZID=No/Where:20261110T130000",
                "SEQUENCE:x",
                "DTEND:20250101T000000Z",
                "BEGIN:VALARM",
                "DURATION:-P1W",
            ]
        )
    )
)
def test_broken_calendars_break_nothing(lines: list[str]) -> None:
    text = "\r\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""])
    with contextlib.suppress(CrmError):
        calendar_parts.read(text.encode(), UTC, "x.ics")
