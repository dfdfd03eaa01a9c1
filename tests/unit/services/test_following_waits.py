"""Waits count days on the recipient's calendar: nights that have 23 or 25 hours, weekends, holidays."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from crmctl.services.following.waits import due

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("base", "days", "wanted"),
    [
        ("2027-03-27T23:30:00+01:00", 1, "2027-03-28T00:00:00+01:00"),
        ("2027-03-27T02:30:00+01:00", 2, "2027-03-29T00:00:00+02:00"),  # the clock went forward
        ("2027-10-30T02:30:00+02:00", 2, "2027-11-01T00:00:00+01:00"),  # and back
        ("2028-02-28T12:00:00+01:00", 1, "2028-02-29T00:00:00+01:00"),
        ("2027-02-28T12:00:00+01:00", 1, "2027-03-01T00:00:00+01:00"),
        ("2027-03-01T12:00:00+01:00", 0, "2027-03-01T12:00:00+01:00"),
    ],
)
def test_days_are_those_of_the_calendar(base: str, days: int, wanted: str) -> None:
    assert due(datetime.fromisoformat(base), days, BERLIN) == datetime.fromisoformat(wanted)


def test_the_calendar_is_the_recipients() -> None:
    base = datetime.fromisoformat("2027-03-01T23:30:00+01:00")
    assert due(base, 1, ZoneInfo("Asia/Tokyo")) == datetime.fromisoformat("2027-03-03T00:00:00+09:00")


def test_a_day_whose_midnight_is_left_out_begins_with_its_first_minute() -> None:
    base = datetime.fromisoformat("2027-03-13T12:00:00-05:00")
    assert due(base, 1, ZoneInfo("America/Havana")) == datetime.fromisoformat("2027-03-14T01:00:00-04:00")


@pytest.mark.parametrize(
    ("base", "days", "wanted"),
    [
        ("2027-03-04", 1, "2027-03-05"),
        ("2027-03-05", 1, "2027-03-08"),  # Friday to Monday
        ("2027-03-05", 3, "2027-03-10"),
        ("2027-03-06", 0, "2027-03-08"),  # a Saturday is none
        ("2027-03-24", 2, "2027-03-30"),  # Good Friday and Easter Monday are none
    ],
)
def test_working_days(base: str, days: int, wanted: str) -> None:
    moment = datetime.fromisoformat(f"{base}T00:00:00+01:00")
    found = due(moment, days, BERLIN, business=True, holidays=["2027-03-26", "2027-03-29"])
    assert found.astimezone(BERLIN).date().isoformat() == wanted


def test_a_step_without_a_wait_is_never_before_the_one_it_follows() -> None:
    moment = datetime.fromisoformat("2027-03-04T15:00:00+01:00")
    assert due(moment, 0, BERLIN, business=True) == moment
    assert due(moment, 1, BERLIN, business=True) - moment < timedelta(days=1)
