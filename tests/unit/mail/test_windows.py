"""Hours in which messages may go out, in zones whose days are not all alike."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from zoneinfo import ZoneInfo
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmctl.errors import InvalidData
from crmctl.mail.transport.windows import from_wall
from crmctl.mail.transport.windows import next_open
from crmctl.mail.transport.windows import zone_for
from crmctl.mail.transport.zones import zone_of_country

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = "09:00-17:00"
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")


def opens(now: str, window: str = OFFICE, weekdays: tuple[str, ...] = (), holidays: tuple[str, ...] = ()) -> str:
    moment = datetime.fromisoformat(now)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=BERLIN)
    return next_open(moment, window, weekdays, holidays, BERLIN).isoformat()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23T08:59:59", "2026-11-23T09:00:00+01:00"),
        ("2026-11-23T09:00:00", "2026-11-23T09:00:00+01:00"),
        ("2026-11-23T16:59:59", "2026-11-23T16:59:59+01:00"),
        ("2026-11-23T17:00:00", "2026-11-24T09:00:00+01:00"),
        ("2026-11-22T22:30:00+00:00", "2026-11-23T09:00:00+01:00"),
        ("2026-11-22T23:30:00+00:00", "2026-11-23T09:00:00+01:00"),
    ],
)
def test_a_window_opens_at_its_first_minute_and_is_shut_at_its_last(now: str, expected: str) -> None:
    assert opens(now) == expected


def test_weekdays_and_holidays_are_those_of_the_recipient() -> None:
    assert opens("2026-11-20T18:00:00", weekdays=WORKDAYS) == "2026-11-23T09:00:00+01:00"
    holidays = ("2026-12-24", "2026-12-25")
    assert opens("2026-12-23T17:30:00", weekdays=WORKDAYS, holidays=holidays) == "2026-12-28T09:00:00+01:00"
    # It is Saturday in Auckland while it is still Friday in Berlin.
    friday = datetime(2026, 11, 20, 12, tzinfo=BERLIN)
    found = next_open(friday, OFFICE, WORKDAYS, (), ZoneInfo("Pacific/Auckland"))
    assert found.isoformat() == "2026-11-23T09:00:00+13:00"


def test_without_a_window_whole_days_are_open() -> None:
    assert opens("2026-11-22T03:04:05", window="") == "2026-11-22T03:04:05+01:00"
    assert opens("2026-11-21T03:04:05", window="", weekdays=("mon",)) == "2026-11-23T00:00:00+01:00"
    assert opens("2026-11-22T23:59:00", window="00:00-24:00") == "2026-11-22T23:59:00+01:00"


def test_a_window_that_begins_in_the_gap_of_spring_begins_right_after_it() -> None:
    assert opens("2027-03-28T00:30:00", "02:30-05:00") == "2027-03-28T03:00:00+02:00"
    assert opens("2027-03-28T03:10:00", "02:30-05:00") == "2027-03-28T03:10:00+02:00"
    # One that lies in it as a whole is left out.
    assert opens("2027-03-28T00:30:00", "02:10-02:40") == "2027-03-29T02:10:00+02:00"
    assert opens("2027-03-28T01:30:00", "01:00-02:30") == "2027-03-28T01:30:00+01:00"
    assert opens("2027-03-28T03:00:00", "01:00-02:30") == "2027-03-29T01:00:00+02:00"


def test_an_hour_that_comes_twice_in_autumn_is_open_once() -> None:
    assert opens("2026-10-25T00:00:00+00:00", "02:00-02:30") == "2026-10-25T02:00:00+02:00"
    assert opens("2026-10-25T00:20:00+00:00", "02:00-02:30") == "2026-10-25T02:20:00+02:00"
    assert opens("2026-10-25T01:10:00+00:00", "02:00-02:30") == "2026-10-26T02:00:00+01:00"
    # A window that goes on is not shut in between.
    assert opens("2026-10-25T01:10:00+00:00", "02:30-04:00") == "2026-10-25T02:10:00+01:00"


def test_a_midnight_that_does_not_exist_is_the_first_minute_of_the_day() -> None:
    beirut = ZoneInfo("Asia/Beirut")
    found = next_open(datetime(2027, 3, 27, 12, tzinfo=beirut), "00:00-06:00", (), ("2027-03-27",), beirut)
    assert found.isoformat() == "2027-03-28T01:00:00+03:00"
    # The day before ends when that day begins.
    late = next_open(datetime(2027, 3, 27, 23, 59, tzinfo=beirut), "20:00-24:00", (), (), beirut)
    assert late.isoformat() == "2027-03-27T23:59:00+02:00"


def test_a_day_that_does_not_exist_is_passed_over() -> None:
    apia = ZoneInfo("Pacific/Apia")
    found = next_open(datetime(2011, 12, 29, 18, tzinfo=apia), OFFICE, (), (), apia)
    assert found.isoformat() == "2011-12-31T09:00:00+14:00"


@pytest.mark.parametrize(
    ("wall", "zone", "moment"),
    [
        ("2027-03-28T02:30", "Europe/Berlin", "2027-03-28T01:00"),
        ("2027-03-28T02:00", "Europe/Berlin", "2027-03-28T01:00"),
        ("2027-03-28T03:00", "Europe/Berlin", "2027-03-28T01:00"),
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30"),
        ("2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-03T15:30"),
        ("2026-07-01T12:00", "Asia/Kolkata", "2026-07-01T06:30"),
    ],
)
def test_a_time_on_the_wall_is_one_moment(wall: str, zone: str, moment: str) -> None:
    found = from_wall(datetime.fromisoformat(wall), ZoneInfo(zone))
    assert found == datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_a_window_that_cannot_be_read_or_never_opens_is_refused() -> None:
    with pytest.raises(InvalidData, match="not a window"):
        opens("2026-11-23T08:00:00", window="late")
    every = tuple((datetime(2026, 11, 20, tzinfo=UTC) + timedelta(days=day)).date().isoformat() for day in range(900))
    with pytest.raises(InvalidData, match="no day"):
        opens("2026-11-23T08:00:00", holidays=every)


def test_the_own_zone_comes_before_that_of_the_country_and_the_book() -> None:
    book = ZoneInfo("Europe/Berlin")
    assert str(zone_for("Asia/Tokyo", "US", book)) == "Asia/Tokyo"
    assert str(zone_for("", "us", book)) == "America/New_York"
    assert str(zone_for("No/Where", "GB", book)) == "Europe/London"
    assert zone_for("", "", book) is book
    assert zone_for("", "XX", book) is book


def test_the_zones_of_countries_exist() -> None:
    from crmctl.model.iso import COUNTRIES

    zones = {country: zone_of_country(country) for country in COUNTRIES}
    assert {zone for zone in zones.values() if zone} <= available_timezones()
    # Nobody lives there all year.
    assert {country for country, zone in zones.items() if not zone} <= {"AQ", "BV", "HM", "TF", "UM"}


@given(
    st.integers(0, 10 * 365 * 24 * 60),
    st.integers(0, 23 * 60),
    st.integers(1, 600),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "UTC", "Africa/Cairo"]),
)
def test_the_first_open_moment_is_open_and_asking_again_changes_nothing(
    minutes: int, start: int, length: int, name: str
) -> None:
    zone, now = ZoneInfo(name), datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    end = min(start + length, 24 * 60)
    window = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    found = next_open(now, window, WORKDAYS, (), zone)
    assert found >= now
    assert next_open(found, window, WORKDAYS, (), zone) == found
    minute = found.hour * 60 + found.minute
    assert found.weekday() < 5
    # Behind a gap the clock may show a little more than the start; it never shows the end or later.
    assert start <= minute < end
    before = found - timedelta(seconds=1)
    assert before < now or next_open(before, window, WORKDAYS, (), zone) == found
