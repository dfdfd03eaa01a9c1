"""Date words, whatever is typed and whenever."""

from __future__ import annotations

from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from crmctl.model.when import BadDate
from crmctl.model.when import Lean
from crmctl.model.when import parse_day
from crmctl.model.when import parse_moment
from crmctl.model.when import parse_strict_date
from crmctl.model.when import parse_strict_moment
from crmctl.model.when import parse_when

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "UTC"]
WEEKDAYS = "mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday".split()
# Enough of the grammar's own words that random rows of them get deep into it.
WORDS = [
    *WEEKDAYS, "nov", "february", "next", "last", "this", "week", "month", "quarter", "year", "days", "in", "ago", "of",
    "first", "fifth", "end", "start", "the", "to", "since", "until", "..", "eom", "soq", "q1", "w53", "2026", "2026-11",
    "2026-w47", "2027-03-28", "2026-10-25", "9999-12-31", "0001-01-01", "27", "29", "31", "0", "-1y", "+3d", "9999w",
    "02:30", "9am", "24:00", "noon", "at", "z", "+01:00", "today", "now", "tomorrow", "on", "a", "11/12/2026",
]  # fmt: skip

zones = st.sampled_from(ZONES).map(ZoneInfo)
soon, late = datetime(1990, 1, 1), datetime(2090, 1, 1)  # noqa: DTZ001 (the zone is drawn apart)
nows = st.datetimes(soon, late, timezones=zones, allow_imaginary=False)
leans = st.sampled_from(get_args(Lean))
typed = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)


@given(st.dates(), nows, leans)
def test_iso_days_read_back(day: date, now: datetime, lean: Lean) -> None:
    for form in (day.isoformat(), day.isoformat().replace("-", ""), f"{day.day}.{day.month}.{day.year:04}"):
        assert parse_strict_date(form) == parse_day(form, now, lean) == day
    year, week, weekday = day.isocalendar()
    assert parse_strict_date(f"{year:04}-W{week:02}-{weekday}") == day


@given(nows, nows, leans)
def test_iso_moments_read_back(moment: datetime, now: datetime, lean: Lean) -> None:
    assert parse_moment(moment.isoformat(), now, lean).isoformat() == moment.isoformat()
    assert parse_strict_moment(moment.isoformat(), UTC).isoformat() == moment.isoformat()


@given(st.sampled_from(WEEKDAYS), nows)
def test_weekdays_lean(word: str, now: datetime) -> None:
    today, past, future = now.date(), parse_day(word, now, "past"), parse_day(word, now, "future")
    assert timedelta(0) <= today - past < timedelta(7)
    assert timedelta(0) < future - today <= timedelta(7)
    assert past.strftime("%a").lower() == future.strftime("%a").lower() == word[:3]


@given(st.sampled_from(["", *(f"{word} " for word in WEEKDAYS)]), st.times(), nows)
def test_times_lean(word: str, clock: object, now: datetime) -> None:
    text = f"{word}{clock}"
    past, future = parse_when(text, now, "past").moment, parse_when(text, now, "future").moment
    assert past is not None
    assert future is not None
    assert past.astimezone(UTC) <= now.astimezone(UTC) <= future.astimezone(UTC)


@given(st.integers(0, 10_000), nows, leans)
def test_counting_days(count: int, now: datetime, lean: Lean) -> None:
    later, earlier = now.date() + timedelta(count), now.date() - timedelta(count)
    assert parse_day(f"+{count}d", now, lean) == parse_day(f"in {count} days", now, lean) == later
    assert parse_day(f"-{count}d", now, lean) == parse_day(f"{count} days ago", now, lean) == earlier
    assert parse_day(f"{count}d", now, lean) == (earlier if lean == "past" else later)


@given(st.integers(1, 1000), nows, leans)
def test_a_number_of_days_is_that_many(count: int, now: datetime, lean: Lean) -> None:
    back, ahead = parse_when(f"last {count} days", now, lean), parse_when(f"next {count} days", now, lean)
    assert (back.last - back.first).days + 1 == (ahead.last - ahead.first).days + 1 == count
    assert back.last == ahead.first == now.date()


@given(st.integers(-1200, 1200), nows)
def test_months_clamp_and_never_skip_one(count: int, now: datetime) -> None:
    there = parse_day(f"{count:+}m", now)
    assert (there.year * 12 + there.month) - (now.year * 12 + now.month) == count
    assert there.day == now.day or (there.day < now.day and (there + timedelta(1)).day == 1)


@given(typed | st.text(max_size=120), nows, leans)
def test_nothing_typed_is_a_bug(text: str, now: datetime, lean: Lean) -> None:
    for parse in (parse_when, parse_day, parse_moment):
        try:
            parse(text, now, lean)
        except BadDate as error:
            assert error.message
            assert error.hint
    for strict in (parse_strict_date, lambda words: parse_strict_moment(words, now.tzinfo or UTC)):
        try:
            strict(text)
        except BadDate as error:
            assert error.hint


@given(typed, st.datetimes(timezones=zones), leans)
def test_no_year_is_too_far(text: str, now: datetime, lean: Lean) -> None:
    try:
        parse_when(text, now, lean)
    except BadDate as error:
        assert error.hint


@given(typed, nows, leans)
def test_the_echo_reads_back(text: str, now: datetime, lean: Lean) -> None:
    try:
        meant = parse_when(text, now, lean)
    except BadDate:
        return
    assert meant.first <= meant.last
    again = parse_when(meant.echo(), now, lean)
    assert (again.first, again.last) == (meant.first, meant.last)
    assert again.echo() == meant.echo()
    assert (again.moment is None) == (meant.moment is None)
