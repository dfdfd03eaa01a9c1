"""The fold: what the lines of the ledger amount to, host by host and together."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest

from crmctl.mail.identifiers import send_id
from crmctl.mail.ledger.lines import Event
from crmctl.mail.ledger.states import STATES
from crmctl.mail.ledger.states import Row
from crmctl.mail.ledger.states import balance
from crmctl.mail.ledger.states import due_at
from crmctl.mail.ledger.states import fold
from crmctl.mail.ledger.states import sendable

SID = send_id("c", "k", "email")
ABOUT: dict[str, dict[str, str | int]] = {
    "plan": {"cust": "01K", "ch": "email", "to": "h:1", "dom": "example.com", "arm": "B", "step": "1"},
    "render": {"eml": "sha256:1"},
    "accept": {"code": 250, "text": "queued"},
    "reject": {"code": 550, "text": "no such user"},
    "defer": {"code": 450, "text": "later", "next": "2026-11-22T09:00:00Z"},
    "suppress": {"why": "no_consent"},
    "resend": {"result": "resend"},
    "abandon": {"result": "abandoned", "why": "asked"},
    "found": {"result": "accepted", "why": "log"},
    "refused": {"result": "rejected"},
    "soft": {"why": "soft"},
}
NAMES = {"resend": "resolve", "abandon": "resolve", "found": "resolve", "refused": "resolve", "soft": "bounce"}


def events(words: str, host: str = "lap-a", first: int = 1, **about: str | int) -> list[Event]:
    """Events of one send, one a word, each a second after the one before."""
    return [
        Event(
            seq,
            f"2026-11-22T08:00:{seq % 60:02d}.000Z",
            host,
            "",
            NAMES.get(word, word),
            SID,
            "q4",
            {**ABOUT.get(word, {}), **about},
        )
        for seq, word in enumerate(words.split(), first)
    ]


def state(*lists: list[Event], host: str = "") -> str:
    return fold([event for events in lists for event in events], host)[SID].state


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("plan", "planned"),
        ("plan render", "rendered"),
        ("plan render claim", "claimed"),
        ("plan claim render", "claimed"),
        ("plan render claim release", "rendered"),
        ("plan claim release", "planned"),
        ("plan render claim attempt", "rendered"),
        ("plan render attempt release", "rendered"),
        ("plan render attempt dot", "unknown"),
        ("plan render attempt dot attempt", "unknown"),
        ("plan render attempt dot accept", "accepted"),
        ("plan render attempt dot reject", "rejected"),
        ("plan render attempt reject", "rejected"),
        ("plan render attempt dot defer", "deferred"),
        ("plan render attempt defer claim", "deferred"),
        ("plan render attempt defer attempt", "rendered"),
        ("plan render attempt unknown", "unknown"),
        ("plan render attempt dot unknown", "unknown"),
        ("plan render attempt dot unknown accept", "accepted"),
        ("plan render attempt dot accept unknown defer", "accepted"),
        ("plan render attempt dot defer expire", "expired"),
        ("plan render attempt dot expire", "unknown"),
        ("plan render attempt dot cancel", "unknown"),
        ("plan render attempt dot reject attempt", "rejected"),
        ("plan render attempt dot render", "unknown"),
        ("plan render cancel", "cancelled"),
        ("plan suppress", "suppressed"),
        ("plan suppress cancel", "suppressed"),
        ("plan suppress expire", "suppressed"),
        ("plan suppress render claim attempt", "suppressed"),
        ("plan suppress plan", "planned"),
        ("plan holdout", "held_out"),
        ("skip", "skipped"),
        ("plan cancel plan render", "rendered"),
        ("plan render attempt reject plan", "rejected"),
        ("plan render attempt dot resend", "rendered"),
        ("plan render attempt dot resend attempt", "rendered"),
        ("plan render attempt dot resend attempt dot", "unknown"),
        ("plan render attempt dot resend attempt dot reject", "rejected"),
        ("plan render attempt dot resend attempt dot resend", "rendered"),
        ("plan render attempt dot resend unknown", "unknown"),
        ("plan render attempt dot abandon", "abandoned"),
        ("plan render attempt dot abandon attempt dot", "unknown"),
        ("plan render attempt dot abandon resend", "rendered"),
        ("plan render attempt dot found", "accepted"),
        ("plan render attempt dot refused", "rejected"),
        ("plan render attempt dot reply", "accepted"),
        ("plan render attempt defer soft", "accepted"),
        ("plan render attempt dot goal", "unknown"),
        ("plan render attempt reject reply", "rejected"),
        ("plan render reply", "rendered"),
        ("plan render note", "rendered"),
    ],
)
def test_one_host(words: str, expected: str) -> None:
    assert state(events(words)) == expected
    assert state(events(words), host="lap-a") == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("plan render", "plan render attempt", "attempting"),
        ("plan render", "plan render attempt dot", "unknown"),
        ("plan render", "plan render attempt dot accept", "accepted"),
        ("plan render attempt dot defer", "plan render attempt dot accept", "accepted"),
        ("plan render attempt dot", "plan render attempt dot reject", "unknown"),
        ("plan render", "plan render attempt dot reject", "rejected"),
        ("plan render", "plan suppress", "suppressed"),
        ("plan render", "plan render claim", "claimed"),
        ("plan render", "plan render attempt defer", "deferred"),
        ("plan render attempt", "plan render", "rendered"),
        ("plan", "plan", "planned"),
    ],
)
def test_two_hosts(ours: str, theirs: str, expected: str) -> None:
    both = (events(ours, "lap-a"), events(theirs, "lap-b"))
    assert state(*both, host="lap-a") == expected
    assert state(*reversed(both), host="lap-a") == expected


def test_a_resolve_settles_the_doubts_it_names_and_no_more() -> None:
    lost = events("plan render attempt dot", "lap-b")
    answer = events("resend", "lap-a", n=1)
    assert fold(lost, "lap-a")[SID].doubts == 1
    assert state(lost, answer, host="lap-a") == "rendered"
    again = events("attempt dot", "lap-b", first=5)
    assert state(lost, again, answer, host="lap-a") == "unknown"
    assert state(lost, again, answer, events("resend", "lap-a", first=2, n=2), host="lap-a") == "rendered"


def test_a_resolve_without_a_number_settles_only_its_own_hosts_doubts() -> None:
    assert state(events("plan render attempt dot", "lap-b"), events("resend", "lap-a"), host="lap-a") == "unknown"


def test_another_hosts_claim_is_not_ours_to_send() -> None:
    ours, theirs = events("plan render claim", "lap-a"), events("claim", "lap-b")
    row = fold([*ours, *theirs], "lap-a")[SID]
    assert row.claimed_by == ("lap-a", "lap-b")
    assert not sendable(row, "lap-a")
    assert sendable(fold(ours, "lap-a")[SID], "lap-a")
    assert sendable(fold([*ours, *theirs, *events("release", "lap-b", first=2)], "lap-a")[SID], "lap-a")


def test_facts_add_up_and_change_no_state() -> None:
    row = fold(events("plan render attempt dot accept bounce soft complain reply autoreply unsub goal"))[SID]
    assert row.state == "accepted"
    assert row.facts == {
        "bounced",
        "soft_bounced",
        "complained",
        "replied",
        "autoreplied",
        "unsubscribed",
        "goal",
    }


def test_facts_about_sends_that_nobody_planned_make_none() -> None:
    assert fold(events("bounce reply note")) == {}


def test_duplicates_count_once() -> None:
    lines = events("plan render attempt dot defer attempt dot accept")
    assert fold([*lines, *lines[2:5], lines[0]]) == fold(lines)
    assert fold([*lines, *lines])[SID].attempts == 2


def test_numbers_decide_and_not_stamps() -> None:
    lines = events("plan render attempt dot accept")
    backwards = [event._replace(t=f"20{99 - event.seq}-01-01T00:00:00.000Z") for event in lines]
    assert state(backwards) == "accepted"
    assert state(backwards[::-1]) == "accepted"


def test_unknown_events_are_passed_over() -> None:
    lines = events("plan render teleport attempt dot")
    assert state(lines) == "unknown"


def test_a_row_tells_what_is_known() -> None:
    row = fold(events("plan render attempt dot accept"), "lap-a")[SID]
    assert row == Row(
        SID,
        camp="q4",
        cust="01K",
        step="1",
        ch="email",
        dom="example.com",
        to="h:1",
        arm="B",
        state="accepted",
        attempts=1,
        code=250,
        text="queued",
        at="2026-11-22T08:00:05.000Z",
        eml="sha256:1",
        host="lap-a",
    )


def test_the_bytes_that_were_tried_stay_the_bytes() -> None:
    lines = events("plan render attempt dot")
    again = events("render", first=5, eml="sha256:2")
    assert fold([*lines, *again])[SID].eml == "sha256:1"
    other = events("plan render", "lap-b", eml="sha256:3")
    assert fold([*other, *lines], "lap-b")[SID].eml == "sha256:1"


def test_why_it_was_left_out_goes_when_it_is_planned_anew() -> None:
    assert fold(events("plan suppress"))[SID].why == "no_consent"
    assert fold(events("plan suppress plan"))[SID].why == ""
    assert fold(events("plan render attempt dot reply"))[SID].why == "evidence:replied"


def test_deferred_rows_say_until_when() -> None:
    row = fold(events("plan render attempt dot defer"))[SID]
    assert (row.next_at, row.code) == ("2026-11-22T09:00:00Z", 450)
    now = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    assert due_at(row, now) == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert due_at(row._replace(next_at=""), now) == now


def test_a_stamp_in_the_future_neither_waits_a_year_nor_fires_early() -> None:
    now = datetime(2025, 11, 22, 8, tzinfo=UTC)
    row = fold(events("plan render attempt dot defer"))[SID]
    assert now < due_at(row, now) <= now + timedelta(hours=1)
    assert due_at(row._replace(next_at="2025-01-01T00:00:00Z"), now) == now


def test_the_balance_counts_every_state_once() -> None:
    rows = {name: Row(name, state=name) for name in STATES}
    sums = balance(rows)
    assert (sums.planned, sums.pending, sums.unknown) == (14, 6, 1)
    assert sums.holds
    assert not sums.finished
    assert balance(row for row in rows.values() if row.state == "accepted").finished


def test_the_balance_is_held_against_the_plan() -> None:
    assert not balance([Row("a", state="accepted")], planned=2).holds
    assert not balance([Row("a", state="accepted")], planned=2).finished
