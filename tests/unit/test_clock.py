"""The one reader of time: it can be stopped, and what it says is in the zone asked for."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from crmctl import clock

MOMENT = datetime(2026, 11, 24, 15, 30, 12, 987654, tzinfo=UTC)


def test_a_frozen_moment_is_the_present_in_every_zone_to_the_second() -> None:
    clock.freeze(MOMENT)
    assert clock.now() == MOMENT.replace(microsecond=0)
    assert clock.now(ZoneInfo("Asia/Tokyo")).isoformat() == "2026-11-25T00:30:12+09:00"
    assert clock.milliseconds() == 1_795_534_212_987


def test_time_runs_again() -> None:
    clock.freeze(MOMENT)
    clock.freeze(None)
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= clock.now() <= datetime.now(UTC)
    assert abs(clock.milliseconds() - clock.now().timestamp() * 1000) < 60_000
    assert abs(clock.wall_nanoseconds() // 1_000_000 - clock.milliseconds()) < 60_000
    assert clock.monotonic() <= clock.monotonic()


def test_a_moment_without_an_offset_is_none() -> None:
    with pytest.raises(ValueError, match="needs an offset"):
        clock.freeze(MOMENT.replace(tzinfo=None))
    assert clock.now() - datetime.now(UTC) < timedelta(minutes=1)


def test_randomness_is_as_long_as_asked_and_never_the_same() -> None:
    assert len(clock.randomness(10)) == 10
    assert clock.randomness(16) != clock.randomness(16)
