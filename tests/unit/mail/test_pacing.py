"""Rate limits: what they let through, after a restart and with clocks that are wrong."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from crmctl.mail.transport.pacing import Pace
from crmctl.mail.transport.pacing import Rate
from crmctl.mail.transport.pacing import mail_system

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def sent(pace: Pace, start: datetime, count: int, domain: str = "x.example") -> list[float]:
    """When ``count`` messages go out that wait no longer than they must, in seconds from ``start``."""
    now, times = start, []
    for _ in range(count):
        now = pace.next_free(domain, now)
        pace.attempted(now, domain)
        times.append((now - start).total_seconds())
    return times


def test_without_limits_nobody_waits() -> None:
    pace = Pace(Rate(), [(NOON, "x.example")] * 100)
    assert pace.next_free("x.example", NOON) == NOON


def test_a_minute_holds_so_many_and_slides() -> None:
    assert sent(Pace(Rate(minute=2)), NOON, 5) == [0, 0, 60, 60, 120]


def test_hours_and_days_count_too() -> None:
    assert sent(Pace(Rate(minute=2, hour=3)), NOON, 4) == [0, 0, 60, 3600]
    assert sent(Pace(Rate(hour=1, day=2)), NOON, 3) == [0, 3600, 86400]


def test_what_earlier_runs_sent_counts() -> None:
    before = [(at(-50), "x.example"), (at(-10), "y.example")]
    pace = Pace(Rate(minute=2), before)
    assert pace.next_free("z.example", NOON) == at(10)


def test_a_domain_is_spared_and_the_others_go_on() -> None:
    pace = Pace(Rate(domain_minute=1), [(NOON, "gmail.com")])
    assert pace.next_free("GoogleMail.com", at(5)) == at(60)
    assert pace.next_free("x.example", at(5)) == at(5)
    pace = Pace(Rate(domain_hour=1, domain_day=2), [(at(-4000), "x.example"), (at(-10), "x.example")])
    assert pace.next_free("x.example", NOON) == at(86400 - 4000)


def test_a_mailbox_of_ours_is_spared() -> None:
    pace = Pace(Rate(mailbox_hour=1, mailbox_day=2))
    pace.attempted(NOON, "x.example", "Ada@crm.example")
    assert pace.next_free("y.example", at(1), "ada@crm.example") == at(3600)
    assert pace.next_free("y.example", at(1), "bob@crm.example") == at(1)


def test_domains_of_one_system_are_one() -> None:
    names = ("HOTMAIL.com.", "live.de", "gmx.de", "x.example")
    assert [mail_system(name) for name in names] == ["outlook.com", "outlook.com", "gmx.net", "x.example"]


def test_a_domain_that_says_too_often_is_left_alone_for_longer_each_time() -> None:
    pace = Pace(Rate())
    assert pace.refused(NOON, "gmail.com") == at(3600)
    assert pace.next_free("googlemail.com", at(10)) == at(3600)
    assert pace.next_free("x.example", at(10)) == at(10)
    assert pace.next_free("gmail.com", at(3600)) == at(3600)
    assert pace.refused(at(3600), "gmail.com") == at(3600 + 7200)
    pace.accepted("googlemail.com")
    assert pace.refused(at(20_000), "gmail.com") == at(23_600)


def test_stamps_from_the_future_count_as_now_and_age_from_then_on() -> None:
    pace = Pace(Rate(minute=1, day=100), [(NOON + timedelta(days=400), "x.example")])
    assert pace.next_free("x.example", NOON) == at(60)
    assert pace.next_free("x.example", at(59)) == at(60)
    assert pace.next_free("x.example", at(60)) == at(60)


def test_a_clock_put_back_neither_stops_a_run_nor_lets_it_loose() -> None:
    pace = Pace(Rate(minute=2))
    assert sent(pace, NOON, 2) == [0, 0]
    back = NOON - timedelta(hours=2)
    assert sent(pace, back, 3) == [60, 60, 120]
    assert sent(pace, datetime(1970, 1, 1, tzinfo=UTC), 2) == [60, 60]


def test_a_pause_noted_by_a_clock_that_was_ahead_is_cut() -> None:
    pace = Pace(Rate())
    pace.refused(NOON + timedelta(days=300), "gmail.com")
    assert pace.next_free("gmail.com", NOON) == at(3600)
    assert pace.next_free("gmail.com", at(3600)) == at(3600)


def test_many_attempts_of_long_ago_are_forgotten() -> None:
    pace = Pace(Rate(minute=1), ((at(-1_000_000 + number), "x.example") for number in range(6000)))
    assert pace.next_free("x.example", NOON) == NOON
    assert pace.next_free("x.example", NOON - timedelta(seconds=1)) == NOON - SECOND


@given(
    st.lists(st.integers(-200_000, 200_000), max_size=40),
    st.builds(Rate, *(st.integers(0, 6) for _ in Rate._fields)),
    st.integers(1, 12),
)
def test_no_limit_is_ever_passed_and_nobody_waits_for_more_than_a_day(
    before: list[int], rate: Rate, count: int
) -> None:
    pace = Pace(rate, [(at(seconds), "x.example") for seconds in before])
    known = [min(seconds, 0) for seconds in before]
    now = 0.0
    for _ in range(count):
        free = (pace.next_free("x.example", at(now)) - NOON).total_seconds()
        assert now <= free <= now + 86400
        now = free
        pace.attempted(at(now), "x.example")
        known.append(now)  # type: ignore[arg-type]
        for most, seconds in (
            (rate.minute, 60),
            (rate.hour, 3600),
            (rate.day, 86400),
            (rate.domain_minute, 60),
            (rate.domain_hour, 3600),
            (rate.domain_day, 86400),
        ):
            inside = sum(now - seconds < stamp <= now for stamp in known)
            was = sum(stamp <= 0 for stamp in known)
            assert not most or inside <= max(most, was)
