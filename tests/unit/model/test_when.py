"""Date words: what each means at a fixed moment, leaning each way, and every refusal."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from datetime import timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from crmctl.errors import USAGE
from crmctl.model.when import BadDate
from crmctl.model.when import Lean
from crmctl.model.when import When
from crmctl.model.when import parse_day
from crmctl.model.when import parse_moment
from crmctl.model.when import parse_strict_date
from crmctl.model.when import parse_strict_moment
from crmctl.model.when import parse_when

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=BERLIN)  # a Wednesday
PAGE = Path(__file__).parents[3] / "docs" / "date-words.md"

# Typed, and what is meant whichever way the words lean.
SAME = [
    ("2026-11-27", "Fri 2026-11-27"),
    ("20261127", "Fri 2026-11-27"),
    ("2026/11/27", "Fri 2026-11-27"),
    ("2026-1-5", "Mon 2026-01-05"),
    ("2026-W47-3", "Wed 2026-11-18"),
    ("2026W473", "Wed 2026-11-18"),
    ("2020-W53-7", "Sun 2021-01-03"),
    ("  Fri   2026-11-27 ", "Fri 2026-11-27"),
    ("27.11.2026", "Fri 2026-11-27"),
    ("1.2.2026", "Sun 2026-02-01"),
    ("27. 11. 2026", "Fri 2026-11-27"),
    ("27/11/2026", "Fri 2026-11-27"),
    ("11/27/2026", "Fri 2026-11-27"),
    ("27-11-2026", "Fri 2026-11-27"),
    ("11/11/2026", "Wed 2026-11-11"),
    ("2026", "2026-01-01 to 2026-12-31"),
    ("2026-11", "2026-11-01 to 2026-11-30"),
    ("2028-02", "2028-02-01 to 2028-02-29"),
    ("1900-02", "1900-02-01 to 1900-02-28"),
    ("2000-02", "2000-02-01 to 2000-02-29"),
    ("2026-W47", "2026-11-16 to 2026-11-22"),
    ("w47 2026", "2026-11-16 to 2026-11-22"),
    ("2026-Q1", "2026-01-01 to 2026-03-31"),
    ("2026Q4", "2026-10-01 to 2026-12-31"),
    ("q2 2026", "2026-04-01 to 2026-06-30"),
    ("today", "Wed 2026-11-18"),
    ("TODAY", "Wed 2026-11-18"),
    ("yesterday", "Tue 2026-11-17"),
    ("tomorrow", "Thu 2026-11-19"),
    ("day before yesterday", "Mon 2026-11-16"),
    ("day after tomorrow", "Fri 2026-11-20"),
    ("next fri", "Fri 2026-11-20"),
    ("last fri", "Fri 2026-11-13"),
    ("this fri", "Fri 2026-11-20"),
    ("this mon", "Mon 2026-11-16"),
    ("next wed", "Wed 2026-11-25"),
    ("last wed", "Wed 2026-11-11"),
    ("this wed", "Wed 2026-11-18"),
    ("fri next week", "Fri 2026-11-27"),
    ("next week fri", "Fri 2026-11-27"),
    ("mon 2026-W47", "Mon 2026-11-16"),
    ("+3d", "Sat 2026-11-21"),
    ("+ 3 days", "Sat 2026-11-21"),
    ("-30d", "Mon 2026-10-19"),
    ("0d", "Wed 2026-11-18"),
    ("in 2 weeks", "Wed 2026-12-02"),
    ("in three months", "Thu 2027-02-18"),
    ("in a quarter", "Thu 2027-02-18"),
    ("2 weeks from now", "Wed 2026-12-02"),
    ("2 weeks ago", "Wed 2026-11-04"),
    ("a week ago", "Wed 2026-11-11"),
    ("3d ago", "Sun 2026-11-15"),
    ("sow", "Mon 2026-11-16"),
    ("eow", "Sun 2026-11-22"),
    ("som", "Sun 2026-11-01"),
    ("eom", "Mon 2026-11-30"),
    ("soq", "Thu 2026-10-01"),
    ("eoq", "Thu 2026-12-31"),
    ("soy", "Thu 2026-01-01"),
    ("eoy", "Thu 2026-12-31"),
    ("end of month", "Mon 2026-11-30"),
    ("end of the quarter", "Thu 2026-12-31"),
    ("the end of next month", "Thu 2026-12-31"),
    ("start of next month", "Tue 2026-12-01"),
    ("beginning of 2027", "Fri 2027-01-01"),
    ("last day of next month", "Thu 2026-12-31"),
    ("first day of 2027-Q1", "Fri 2027-01-01"),
    ("the 2nd day of january 2027", "Sat 2027-01-02"),
    ("first monday of december 2026", "Mon 2026-12-07"),
    ("third tuesday of the month", "Tue 2026-11-17"),
    ("last friday in february 2027", "Fri 2027-02-26"),
    ("27 nov 2026", "Fri 2026-11-27"),
    ("27. November 2026", "Fri 2026-11-27"),
    ("27th of november 2026", "Fri 2026-11-27"),
    ("27-nov-2026", "Fri 2026-11-27"),
    ("nov 27 2026", "Fri 2026-11-27"),
    ("Nov. 27, 2026", "Fri 2026-11-27"),
    ("on fri 27 nov 2026", "Fri 2026-11-27"),
    ("november 2026", "2026-11-01 to 2026-11-30"),
    ("2026 nov", "2026-11-01 to 2026-11-30"),
    ("next november", "2027-11-01 to 2027-11-30"),
    ("next dec", "2026-12-01 to 2026-12-31"),
    ("last november", "2025-11-01 to 2025-11-30"),
    ("this march", "2026-03-01 to 2026-03-31"),
    ("next week", "2026-11-23 to 2026-11-29"),
    ("this week", "2026-11-16 to 2026-11-22"),
    ("last week", "2026-11-09 to 2026-11-15"),
    ("next month", "2026-12-01 to 2026-12-31"),
    ("last quarter", "2026-07-01 to 2026-09-30"),
    ("next quarter", "2027-01-01 to 2027-03-31"),
    ("this year", "2026-01-01 to 2026-12-31"),
    ("last 90 days", "2026-08-21 to 2026-11-18"),
    ("last 3 months", "2026-08-19 to 2026-11-18"),
    ("next 14 days", "2026-11-18 to 2026-12-01"),
    ("next two weeks", "2026-11-18 to 2026-12-01"),
    ("last 1 day", "Wed 2026-11-18"),
    ("2026-01..2026-03", "2026-01-01 to 2026-03-31"),
    ("2026-01 .. 2026-03", "2026-01-01 to 2026-03-31"),
    ("2026-01-01..today", "2026-01-01 to 2026-11-18"),
    ("..eom", "until 2026-11-30"),
    ("2026-01-01..", "from 2026-01-01"),
    ("-30d..now", "2026-10-19 to 2026-11-18"),
    ("2026-01 to 2026-03", "2026-01-01 to 2026-03-31"),
    ("from 2026-01 until 2026-03", "2026-01-01 to 2026-03-31"),
    ("since 2026-01", "from 2026-01-01"),
    ("up to 2026-03", "until 2026-03-31"),
    ("until 2026-03", "until 2026-03-31"),
    ("0001-01-01..9999-12-31", "0001-01-01 to 9999-12-31"),
    ("0001-01-01", "Mon 0001-01-01"),
    ("now", "Wed 2026-11-18 10:00"),
    ("today 9:30", "Wed 2026-11-18 09:30"),
    ("tomorrow 14:00", "Thu 2026-11-19 14:00"),
    ("yesterday 9am", "Tue 2026-11-17 09:00"),
    ("9 am tomorrow", "Thu 2026-11-19 09:00"),
    ("tomorrow at 9:30 pm", "Thu 2026-11-19 21:30"),
    ("tomorrow noon", "Thu 2026-11-19 12:00"),
    ("today 12am", "Wed 2026-11-18 00:00"),
    ("today 12pm", "Wed 2026-11-18 12:00"),
    ("fri 9:30 next week", "Fri 2026-11-27 09:30"),
    ("in 3 days 14:00", "Sat 2026-11-21 14:00"),
    ("18 nov 15:00", "Wed 2026-11-18 15:00"),
    ("2026-11-27T09:30", "Fri 2026-11-27 09:30"),
    ("2026-11-27 09:30:05", "Fri 2026-11-27 09:30:05"),
    ("2026-11-27T09:30:00.5", "Fri 2026-11-27 09:30"),
    ("2026-11-27T09:30+01:00", "Fri 2026-11-27 09:30"),
    ("2026-11-27t09:30:00z", "Fri 2026-11-27 09:30+00:00"),
    ("2026-11-27 09:30:00 -0500", "Fri 2026-11-27 09:30-05:00"),
    ("Fri 2026-11-27 09:30+05:30", "Fri 2026-11-27 09:30+05:30"),
]

# Typed, leaning to the past, leaning to the future.
LEANING = [
    ("fri", "Fri 2026-11-13", "Fri 2026-11-20"),
    ("Friday", "Fri 2026-11-13", "Fri 2026-11-20"),
    ("thurs", "Thu 2026-11-12", "Thu 2026-11-19"),
    ("on tue.", "Tue 2026-11-17", "Tue 2026-11-24"),
    ("wed", "Wed 2026-11-18", "Wed 2026-11-25"),
    ("wed 9:00", "Wed 2026-11-18 09:00", "Wed 2026-11-25 09:00"),
    ("wed 15:00", "Wed 2026-11-11 15:00", "Wed 2026-11-25 15:00"),
    ("fri 9:30", "Fri 2026-11-13 09:30", "Fri 2026-11-20 09:30"),
    ("9:30", "Wed 2026-11-18 09:30", "Thu 2026-11-19 09:30"),
    ("10:00", "Wed 2026-11-18 10:00", "Wed 2026-11-18 10:00"),
    ("at 21:15", "Tue 2026-11-17 21:15", "Wed 2026-11-18 21:15"),
    ("9:30pm", "Tue 2026-11-17 21:30", "Wed 2026-11-18 21:30"),
    ("3d", "Sun 2026-11-15", "Sat 2026-11-21"),
    ("3 days", "Sun 2026-11-15", "Sat 2026-11-21"),
    ("2w", "Wed 2026-11-04", "Wed 2026-12-02"),
    ("1m", "Sun 2026-10-18", "Fri 2026-12-18"),
    ("1y", "Tue 2025-11-18", "Thu 2027-11-18"),
    ("two weeks", "Wed 2026-11-04", "Wed 2026-12-02"),
    ("27 nov", "Thu 2025-11-27", "Fri 2026-11-27"),
    ("nov 27", "Thu 2025-11-27", "Fri 2026-11-27"),
    ("1 march", "Sun 2026-03-01", "Mon 2027-03-01"),
    ("18 nov", "Wed 2026-11-18", "Wed 2026-11-18"),
    ("29 feb", "Thu 2024-02-29", "Tue 2028-02-29"),
    ("nov", "2026-11-01 to 2026-11-30", "2026-11-01 to 2026-11-30"),
    ("sept", "2026-09-01 to 2026-09-30", "2027-09-01 to 2027-09-30"),
    ("december", "2025-12-01 to 2025-12-31", "2026-12-01 to 2026-12-31"),
    ("Q1", "2026-01-01 to 2026-03-31", "2027-01-01 to 2027-03-31"),
    ("Q4", "2026-10-01 to 2026-12-31", "2026-10-01 to 2026-12-31"),
    ("w1", "2025-12-29 to 2026-01-04", "2027-01-04 to 2027-01-10"),
    ("w53", "2020-12-28 to 2021-01-03", "2026-12-28 to 2027-01-03"),
    ("mon w47", "Mon 2026-11-16", "Mon 2027-11-22"),
    ("start of nov", "Sun 2026-11-01", "Mon 2027-11-01"),
    ("end of nov", "Sun 2025-11-30", "Mon 2026-11-30"),
    ("first monday of december", "Mon 2025-12-01", "Mon 2026-12-07"),
    ("last fri of nov", "Fri 2025-11-28", "Fri 2026-11-27"),
    ("since fri", "from 2026-11-13", "from 2026-11-20"),
]

# Typed, what the message says, what the hint says.
REFUSED = [
    ("", "no date was given", "2026-11-27"),
    (" \t ", "no date was given", "2026-11-27"),
    ("x" * 101, "xxx...", "2026-11-27"),
    ("blah", '"blah" is not a date word', "tomorrow"),
    ("next blah", '"blah" is not a date word', "tomorrow"),
    ("fri blah", '"blah" is not a date word', "tomorrow"),
    ("blah 27", '"blah" is not a date word', "tomorrow"),
    ("blah 2026", '"blah" is not a date word', "tomorrow"),
    ("27 blah", '"blah" is not a date word', "tomorrow"),
    ("3 blah ago", '"blah" is not a date word', "tomorrow"),
    ("next 3 blah", '"blah" is not a date word', "tomorrow"),
    ("first blah of may", '"blah" is not a date word', "tomorrow"),
    ("ad", '"ad" is not a date word', "tomorrow"),
    ("week", 'no date in "week"', "tomorrow"),
    ("15", 'no date in "15"', "tomorrow"),
    ("+3d ago", "the words do not go together", "tomorrow"),
    ("next q1", "the words do not go together", "tomorrow"),
    ("2026 nov 2027", "the words do not go together", "tomorrow"),
    ("2026-w47 2027", "the words do not go together", "tomorrow"),
    ("fri next month", "the words do not go together", "tomorrow"),
    ("fri last 7 days", "the words do not go together", "tomorrow"),
    ("11/12/2026", "can be read in two ways", "Write 2026-11-12 for 12 November or 2026-12-11 for 11 December."),
    ("11-12-2026", "can be read in two ways", "2026-12-11"),
    ("13/14/2026", "one of 13 and 14 must be a month", "2026-11-27"),
    ("31/11/2026", "November 2026 has no day 31", "30 days"),
    ("11/12", "does not say which number is the day", "27 nov"),
    ("27.11.", "does not say which number is the day", "27 nov"),
    ("27.11.26", "two digits", "with four"),
    ("27/11/26", "two digits", "with four"),
    ("26-11-27", "two digits", "with four"),
    ("27 nov 26", "two digits", "with four"),
    ("nov 27 26", "two digits", "with four"),
    ("27 nov '26", "two digits", "with four"),
    ("nov '26", "two digits", "with four"),
    ("2026-02-30", "February 2026 has no day 30", "28 days"),
    ("29 feb 2026", "February 2026 has no day 29", "28 days"),
    ("30 feb", "February has no day 30", "2026-11-27"),
    ("nov 0", "November has no day 0", "2026-11-27"),
    ("2026-13-01", "no month 13", "year, month, day"),
    ("2026-00", "no month 0", "year, month, day"),
    ("0000-01-01", "no year 0", "2026-11-27"),
    ("1430", "1430 is not a likely year", "14:30"),
    ("2026-Q5", "no quarter 5", "Q1 to Q4"),
    ("w54", "no week 54", "W53"),
    ("2026-W00", "no week 0", "W53"),
    ("2021-W53", "no day 2021-W53-1", "2026-W47"),
    ("2026-W47-8", "no day 2026-W47-8", "2026-W47-5"),
    ("fifth mon of december 2026", "no fifth mon from 2026-12-01 to 2026-12-31", "tomorrow"),
    ("thu 2026-11-27", "2026-11-27 is not a Thursday", "It is a Friday."),
    ("5h", "hours and minutes cannot be counted", "The m of 1m is a month."),
    ("in 30 minutes", "hours and minutes cannot be counted", "14:30"),
    ("last 2 hours", "hours and minutes cannot be counted", "14:30"),
    ("last 0 days", '"last 0 days" is no day at all', "2026-11-27"),
    ("99999999d", "outside the years 1 to 9999", "2026-11-27"),
    ("-9999y", "outside the years 1 to 9999", "2026-11-27"),
    ("in 9999999999999999999999 weeks", "outside the years 1 to 9999", "2026-11-27"),
    ("99999999999999999999m", "outside the years 1 to 9999", "2026-11-27"),
    ("9999-W52", "outside the years 1 to 9999", "2026-11-27"),
    ("..", "a range needs at least one end", "..eom"),
    ("mon..fri", "before it starts on 2026-11-", "2026-11-16..2026-11-20"),
    ("..2026-02-30", "no day 30", "28 days"),
    ("9:30..10:30", "the time 9:30 does not fit here", "tomorrow"),
    ("9am 10am", "the time 9am does not fit here", "tomorrow"),
    ("next week 9:30", '"next week" is more than one day, a time belongs to one', "fri 9:30"),
    ("25:00", "no such time", "0:00 to 23:59"),
    ("24:00", "no such time", "0:00 to 23:59"),
    ("9:60", "no such time", "0:00 to 23:59"),
    ("13pm", "no such time", "9am"),
    ("0:30am", "no such time", "9am"),
    ("2026-12-31T23:59:60Z", "no such time", "0:00 to 23:59"),
    ("midnight", "could begin the day or end it", "0:00 or 23:59"),
    ("fri 9:30Z", "an offset but no full date", "2026-11-27T09:30+01:00"),
    ("2026-11-27T09:30+25:00", "no offset +25:00", "+01:00"),
    ("2026-11-27T09:30+01:75", "no offset +01:75", "+01:00"),
    ("0001-01-01T00:00+02:00", "0001-01-01 is too near the end of time", "2026-11-27"),
    ("9999-12-31 23:30-01:00", "9999-12-31 is too near the end of time", "2026-11-27"),
    ("٣d", '"٣d" is not a date word', "tomorrow"),
]


@pytest.mark.parametrize("lean", ["past", "future"])
@pytest.mark.parametrize(("text", "meant"), SAME)
def test_words_that_do_not_lean(text: str, meant: str, lean: Lean) -> None:
    assert parse_when(text, NOW, lean).echo() == meant


@pytest.mark.parametrize(("text", "past", "future"), LEANING)
def test_words_that_lean(text: str, past: str, future: str) -> None:
    assert (parse_when(text, NOW, "past").echo(), parse_when(text, NOW, "future").echo()) == (past, future)


@pytest.mark.parametrize("lean", ["past", "future"])
@pytest.mark.parametrize(("text", "message", "hint"), REFUSED)
def test_refusals_say_why_and_what_to_write(text: str, message: str, hint: str, lean: Lean) -> None:
    with pytest.raises(BadDate) as refusal:
        parse_when(text, NOW, lean)
    assert message in refusal.value.message
    assert hint in refusal.value.hint
    assert refusal.value.code == USAGE


def rows_of_the_page() -> list[tuple[str, str, str]]:
    """Every row of every three-column table of the page: typed, past, future; without the headings."""
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [(typed.replace("\\|", "|"), past, future) for typed, past, future in rows]


@pytest.mark.parametrize(("typed", "past", "future"), rows_of_the_page())
def test_the_page_tells_the_truth(typed: str, past: str, future: str) -> None:
    sides: list[tuple[Lean, str]] = [("past", past), ("future", future)]
    for lean, expected in sides:
        if expected == "refused":
            with pytest.raises(BadDate):
                parse_when(typed, NOW, lean)
        else:
            assert parse_when(typed, NOW, lean).echo() == expected


def test_the_page_has_its_table() -> None:
    assert "| you type | in log (past) | in due (future) |" in PAGE.read_text(encoding="utf-8")
    assert len(rows_of_the_page()) > 50


def test_when_carries_days_moment_and_text() -> None:
    assert parse_when("Fri 9:30", NOW) == When(
        date(2026, 11, 20), date(2026, 11, 20), datetime(2026, 11, 20, 9, 30, tzinfo=BERLIN), "Fri 9:30"
    )
    assert parse_when("2026-11", NOW) == When(date(2026, 11, 1), date(2026, 11, 30), None, "2026-11")


def test_open_ends_are_the_ends_of_time() -> None:
    assert parse_when("..eom", NOW).first == date.min
    assert parse_when("2026-01-01..", NOW).last == date.max


def test_now_must_be_aware() -> None:
    with pytest.raises(ValueError, match="aware"):
        parse_when("today", NOW.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("day", "text", "meant"),
    [
        (date(2026, 1, 31), "+1m", date(2026, 2, 28)),
        (date(2028, 1, 31), "+1m", date(2028, 2, 29)),
        (date(2028, 2, 29), "+1y", date(2029, 2, 28)),
        (date(2026, 3, 31), "-1m", date(2026, 2, 28)),
        (date(2026, 8, 31), "+1q", date(2026, 11, 30)),
        (date(2026, 12, 31), "+2m", date(2027, 2, 28)),
        (date(2027, 1, 1), "w53", date(2027, 1, 3)),
    ],
)
def test_arithmetic_from_other_days(day: date, text: str, meant: date) -> None:
    assert parse_day(text, datetime(day.year, day.month, day.day, 10, tzinfo=BERLIN)) == meant


@pytest.mark.parametrize("text", ["tomorrow", "fri", "eow", "next year", "next fri", "1 jan"])
def test_the_last_day_of_all_has_no_next(text: str) -> None:
    with pytest.raises(BadDate, match="outside the years"):
        parse_when(text, datetime(9999, 12, 31, 10, tzinfo=UTC))


def test_parse_day_takes_one_day() -> None:
    assert parse_day("fri", NOW) == date(2026, 11, 20)
    assert parse_day("fri", NOW, "past") == date(2026, 11, 13)
    assert parse_day("now", NOW) == date(2026, 11, 18)


def test_parse_day_takes_the_last_day_of_a_period_that_is_due() -> None:
    assert parse_day("next week", NOW) == date(2026, 11, 29)
    assert parse_day("2027-Q1", NOW) == date(2027, 3, 31)


@pytest.mark.parametrize(("text", "lean"), [("2026-Q1", "past"), ("last 90 days", "past"), ("2026-12-01..", "future")])
def test_parse_day_refuses_what_is_not_one_day(text: str, lean: Lean) -> None:
    with pytest.raises(BadDate, match="more than one day") as refusal:
        parse_day(text, NOW, lean)
    assert str(parse_when(text, NOW, lean).first) in refusal.value.hint


def test_parse_day_does_not_drop_a_time() -> None:
    with pytest.raises(BadDate, match="time of day") as refusal:
        parse_day("fri 9:30", NOW)
    assert refusal.value.hint == "Write 2026-11-20"


def test_parse_moment_keeps_time_and_offset() -> None:
    assert parse_moment("yesterday 9am", NOW) == datetime(2026, 11, 17, 9, tzinfo=BERLIN)
    assert parse_moment("now", NOW) == NOW
    kept = parse_moment("2026-11-17T09:30:00.25-05:00", NOW)
    assert kept.isoformat() == "2026-11-17T09:30:00.250000-05:00"


def test_parse_moment_of_a_bare_day_is_now_or_noon() -> None:
    assert parse_moment("today", NOW) == NOW
    assert parse_moment("wed", NOW) == NOW
    assert parse_moment("yesterday", NOW) == datetime(2026, 11, 17, 12, tzinfo=BERLIN)
    assert parse_moment("tomorrow", NOW, "future") == datetime(2026, 11, 19, 12, tzinfo=BERLIN)


def test_parse_moment_refuses_a_period() -> None:
    with pytest.raises(BadDate, match="more than one day") as refusal:
        parse_moment("last week", NOW)
    assert refusal.value.hint == "Write one day from 2026-11-09 to 2026-11-15"


@pytest.mark.parametrize(
    ("zone", "text", "meant"),
    [
        ("Europe/Berlin", "2027-03-28 02:30", "2027-03-28T03:00:00+02:00"),
        ("Europe/Berlin", "2027-03-28 02:30:15.5", "2027-03-28T03:00:00+02:00"),
        ("Europe/Berlin", "2027-03-28 01:59", "2027-03-28T01:59:00+01:00"),
        ("Europe/Berlin", "2027-03-28 02:00", "2027-03-28T03:00:00+02:00"),
        ("Europe/Berlin", "2027-03-28 03:00", "2027-03-28T03:00:00+02:00"),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25T02:30:00+02:00"),
        ("Europe/Berlin", "2026-10-25T02:30+01:00", "2026-10-25T02:30:00+01:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-04T02:30:00+11:00"),
        ("America/Sao_Paulo", "2018-11-04 00:00", "2018-11-04T01:00:00-02:00"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-31T00:00:00+14:00"),
    ],
)
def test_clock_changes(zone: str, text: str, meant: str) -> None:
    now = NOW.astimezone(ZoneInfo(zone))
    found = parse_when(text, now)
    assert found.moment is not None
    assert found.moment.isoformat() == meant
    assert found.first == found.last == date.fromisoformat(meant[:10])


def test_a_bare_time_is_weighed_in_real_time_when_clocks_go_back() -> None:
    second_pass = datetime(2026, 10, 25, 1, 15, tzinfo=UTC).astimezone(BERLIN)  # 02:15 for the second time
    assert parse_when("2:30", second_pass, "past").echo() == "Sun 2026-10-25 02:30"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1997-12-11", date(1997, 12, 11)),
        (" 1997-12-11 ", date(1997, 12, 11)),
        ("19971211", date(1997, 12, 11)),
        ("2026-W47-3", date(2026, 11, 18)),
        ("11.12.1997", date(1997, 12, 11)),
        ("1.2.1997", date(1997, 2, 1)),
    ],
)
def test_strict_dates(text: str, meant: date) -> None:
    assert parse_strict_date(text) == meant


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("11/12/1997", "can be read in two ways", "Write 1997-11-12 for 12 November or 1997-12-11 for 11 December."),
        ("27/11/1997", "does not say which number is the day", "Write 1997-11-27 for 27 November."),
        ("27.11.97", "two digits", "with four"),
        ("1997-02-30", "February 1997 has no day 30", "28 days"),
        ("1997-13-01", "no month 13", "year, month, day"),
        ("1997-1-5", "is not a date", "In files a date is 2026-11-27"),
        ("1997/11/27", "is not a date", "In files a date is 2026-11-27"),
        ("tomorrow", "is not a date", "In files a date is 2026-11-27"),
        ("abcd-ef-gh", "is not a date", "In files a date is 2026-11-27"),
        ("", "no date was given", "2026-11-27"),
    ],
)
def test_strict_dates_refused(text: str, message: str, hint: str) -> None:
    with pytest.raises(BadDate) as refusal:
        parse_strict_date(text)
    assert message in refusal.value.message
    assert hint in refusal.value.hint


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-27T09:30:00+05:30", datetime(2026, 11, 27, 9, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
        ("2026-11-27T09:30:00Z", datetime(2026, 11, 27, 9, 30, tzinfo=UTC)),
        ("2026-11-27 09:30:00.123456789 -0500", datetime(2026, 11, 27, 14, 30, 0, 123456, tzinfo=UTC)),
        ("2026-11-27T09:30", datetime(2026, 11, 27, 9, 30, tzinfo=BERLIN)),
        ("2026-11-27", datetime(2026, 11, 27, tzinfo=BERLIN)),
        ("27.11.2026", datetime(2026, 11, 27, tzinfo=BERLIN)),
        ("2027-03-28T02:30", datetime(2027, 3, 28, 3, tzinfo=BERLIN)),
    ],
)
def test_strict_moments(text: str, meant: datetime) -> None:
    assert (
        parse_strict_moment(text, BERLIN).isoformat()
        == meant.astimezone(parse_strict_moment(text, BERLIN).tzinfo).isoformat()
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-11-27T24:00", "no such time"),
        ("2026-02-30T10:00", "no day 30"),
        ("2026-11-27T09:30+24:00", "no offset"),
        ("9:30", "is not a moment"),
        ("27.11.2026 9:30", "is not a moment"),
        ("11/12/2026", "two ways"),
        ("noon", "is not a date"),
        ("0001-01-01", "too near the end of time"),
    ],
)
def test_strict_moments_refused(text: str, message: str) -> None:
    with pytest.raises(BadDate, match=message):
        parse_strict_moment(text, BERLIN)


def test_importing_it_is_cheap() -> None:
    code = "import sys, crmctl.model.when; print(*{'zoneinfo', 'dataclasses', 'inspect', 'json'} & {*sys.modules})"
    found = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=PAGE.parents[1]
    )
    assert found.stdout.strip() == ""
