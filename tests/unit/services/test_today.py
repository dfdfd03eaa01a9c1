"""What to do now, and why."""

from __future__ import annotations

from datetime import date
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from crmctl import clock
from crmctl.services.book import Book
from crmctl.services.today import Due
from crmctl.services.today import next_birthday
from crmctl.services.today import today

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture
def book(sample_dir: Path) -> Book:
    clock.freeze(datetime.fromisoformat("2012-01-16T12:00:00-07:00"))
    return Book(sample_dir)


@pytest.fixture
def small(book_dir: Path) -> Path:
    """An empty book; its today is Monday, 2026-03-02."""
    clock.freeze(datetime.fromisoformat("2026-03-02T10:00:00+01:00"))
    return book_dir


def _put(root: Path, name: str, text: str) -> None:
    path = root / "records" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _brief(found: list[Due]) -> list[tuple[str, str, int | None]]:
    return [(due.why, due.handle, due.days) for due in found]


def test_the_sample_s_day(book: Book) -> None:
    assert _brief(today(book)) == [
        ("overdue", "list-of-chicago-blues", -3),
        ("due", "new-clause-4", 0),
        ("overdue", "call-rogers-about-the-decision", -12),
        ("due", "answer-about-order-411", 0),
        ("unanswered", "frantisek-wichterlova", -12),
        ("unanswered", "frank-harris", -7),
        ("unanswered", "tim-goyer", -6),
        ("unanswered", "terhi-hamalainen", -3),
        ("unanswered", "hugh-o-reilly", 0),
        ("respond", "order-411-incomplete", -3),
        ("respond", "jukebox-needs-wav", 1),
        ("past-close", "rogers-shop-music", -16),
        ("no-next-step", "google-hackathon", 44),
        ("no-next-step", "jetbrains-office-radio", 74),
        ("birthday", "robert-brown", 0),
    ]


def test_each_has_its_reason(book: Book) -> None:
    reasons = {due.handle: due.reason for due in today(book)}
    assert reasons["list-of-chicago-blues"] == "promised for Fri 2012-01-13"
    assert reasons["answer-about-order-411"] == "due today"
    assert reasons["order-411-incomplete"] == (
        "high issue: first answer was due Fri 2012-01-13 10:20, solution was due Sat 2012-01-14 17:00"
    )
    assert reasons["jukebox-needs-wav"] == "normal request: first answer is due Tue 2012-01-17 04:10"
    assert reasons["rogers-shop-music"] == "proposal, 4800.00 USD: should have closed 2011-12-31"
    assert reasons["google-hackathon"] == "lead, 350.00 USD: no next step"
    assert reasons["robert-brown"] == "birthday today, born 1958-01-16"


def test_looking_ahead_adds_what_is_to_come(book: Book) -> None:
    now = {due.handle for due in today(book)}
    later = [due for due in today(book, days=4) if due.handle not in now]
    assert _brief(later) == [
        ("due", "titles-for-the-carnival", 2),
        ("due", "call-telus-after-the-meeting", 3),
        ("due", "remind-woodstock-of-the-invoice", 4),
        ("birthday", "astrid-gruber", 2),
        ("birthday", "helena-holy", 4),
    ]
    assert later[2].reason == "due Fri 2012-01-20, template invoice-reminder"


def test_an_owner_sees_what_is_theirs(book: Book) -> None:
    assert {due.owner for due in today(book, owner="margaret-park")} == {"margaret-park"}
    assert "list-of-chicago-blues" not in {due.handle for due in today(book, owner="jane-peacock")}


def test_what_has_no_owner_is_the_customer_s_owner_s(small: Path) -> None:
    _put(small, "customers/ada.yaml", "name: Ada\nowner: ann\n")
    _put(small, "followups/call.yaml", 'what: Call\ncustomer: ada\ndue: "2026-03-02"\n')
    assert [due.handle for due in today(Book(small), owner="ann")] == ["call"]
    assert today(Book(small), owner="bob") == []


def test_who_is_over_their_cadence_is_cold(small: Path) -> None:
    for name, last in (("old", "2026-01-30"), ("edge", "2026-01-31"), ("fine", "2026-02-20")):
        _put(small, f"customers/{name}.yaml", f'name: {name.title()}\ncadence: "30d"\n')
        _put(small, f"interactions/{name}.jsonl", f'{{"id": "", "at": "{last}T10:00:00+01:00", "type": "call"}}\n')
    _put(small, "customers/never.yaml", 'name: Never\ncadence: "1d"\n')
    _put(small, "customers/stop.yaml", 'name: Stop\ncadence: "1d"\ndo_not_contact:\n  - all\n')
    _put(small, "customers/loose.yaml", "name: Loose\n")
    found = today(Book(small))
    assert _brief(found) == [("cold", "old", -1), ("cold", "never", None)]
    assert found[0].reason == "last contact 2026-01-30, 31 days ago, wanted every 30 days"
    assert found[0].when == "2026-03-01"
    assert found[1].reason == "no contact yet, wanted every 1 day"
    assert _brief(today(Book(small), days=1))[:2] == [("cold", "old", -1), ("cold", "edge", 0)]


def test_a_cold_customer_s_next_follow_up_is_told(small: Path) -> None:
    _put(small, "customers/never.yaml", 'name: Never\ncadence: "1d"\n')
    _put(small, "followups/call.yaml", 'what: Call\ncustomer: never\ndue: "2026-03-05"\n')
    assert today(Book(small))[0].reason == "no contact yet, wanted every 1 day, follow-up due 2026-03-05"


def test_an_open_follow_up_is_a_deal_s_next_step(small: Path) -> None:
    _put(small, "customers/ada.yaml", "name: Ada\n")
    _put(small, "deals/engine.yaml", "name: Engine\ncustomer: ada\npipeline: sales\nstage: lead\n")
    assert _brief(today(Book(small))) == [("no-next-step", "engine", None)]
    _put(small, "followups/call.yaml", 'what: Call\ncustomer: ada\ndeal: engine\ndue: "2026-03-09"\n')
    assert today(Book(small)) == []


def test_a_deal_can_be_late_and_idle(small: Path) -> None:
    deal = 'name: Engine\ncustomer: ada\npipeline: sales\nstage: lead\ncloses: "2026-03-01"\n'
    _put(small, "deals/engine.yaml", deal)
    _put(small, "deals/won.yaml", deal.replace("stage: lead", "stage: won"))
    found = today(Book(small))
    assert _brief(found) == [("past-close", "engine", -1)]
    assert found[0].reason == "lead: should have closed 2026-03-01 and no next step"


def test_once_answered_a_case_waits_for_its_solution(small: Path) -> None:
    case = (
        "name: Broken\ncustomer: ada\nstatus: waiting\n"
        'respond_by: "2026-02-20T10:00:00+01:00"\nresponded: "2026-02-20T09:00:00+01:00"\n'
        'resolve_by: "2026-03-03T09:00:00+01:00"\n'
    )
    _put(small, "cases/broken.yaml", case)
    _put(small, "cases/far.yaml", case.replace("2026-03-03", "2026-03-04"))
    _put(small, "cases/over.yaml", case.replace("waiting", "solved"))
    found = today(Book(small))
    assert _brief(found) == [("resolve", "broken", 1)]
    assert found[0].reason == "case, waiting: solution is due Tue 2026-03-03 09:00"


def test_nothing_is_due_in_an_empty_book(small: Path) -> None:
    assert today(Book(small)) == []


@pytest.mark.parametrize(
    ("born", "now", "days", "next_"),
    [
        ("1990-03-02", date(2026, 3, 2), 0, date(2026, 3, 2)),
        ("1990-03-01", date(2026, 3, 2), 30, None),
        ("1990-01-02", date(2026, 12, 30), 3, date(2027, 1, 2)),
        ("1988-02-29", date(2026, 2, 28), 0, date(2026, 2, 28)),
        ("1988-02-29", date(2028, 2, 28), 0, None),
        ("1988-02-29", date(2028, 2, 29), 0, date(2028, 2, 29)),
        ("", date(2026, 3, 2), 30, None),
    ],
)
def test_the_next_birthday(born: str, now: date, days: int, next_: date | None) -> None:
    assert next_birthday(born, now, days) == next_


def test_those_born_on_29_february_have_it_on_the_28th(small: Path) -> None:
    clock.freeze(datetime.fromisoformat("2026-02-28T10:00:00+01:00"))
    _put(small, "customers/leap.yaml", 'name: Leap\nbirthday: "1988-02-29"\n')
    _put(small, "customers/stop.yaml", 'name: Stop\nbirthday: "1988-02-28"\ndo_not_contact:\n  - all\n')
    assert _brief(today(Book(small))) == [("birthday", "leap", 0)]


def test_a_newsletter_keeps_nobody_warm(small: Path) -> None:
    _put(small, "customers/ann.yaml", 'name: Ann\ncadence: "30d"\n')
    line = '{{"id": "", "at": "{}T10:00:00+01:00", "type": "{}", "direction": "out", "source": "{}"}}\n'
    told = line.format("2026-01-20", "call", "") + line.format("2026-02-25", "email", "campaign")
    _put(small, "interactions/ann.jsonl", told.replace(', "source": ""', "") + line.format("2026-02-26", "note", "x"))
    assert [due.reason for due in today(Book(small))] == ["last contact 2026-01-20, 41 days ago, wanted every 30 days"]


def _told(root: Path, customer: str, *lines: str) -> None:
    """A customer with a history; each line is a moment in 2026, a type, a direction, and more of its JSON."""
    _put(root, f"customers/{customer}.yaml", f"name: {customer.title()}\nowner: ann\n")
    made = []
    for number, line in enumerate(lines):
        at, type_, direction, *more = line.split(" ", 3)
        fields = f', "direction": "{direction}"' if direction != "-" else ""
        fields += f", {more[0]}" if more else ""
        made.append(f'{{"id": "0{number}", "at": "2026-{at}:00+01:00", "type": "{type_}"{fields}}}\n')
    _put(root, f"interactions/{customer}.jsonl", "".join(made))


def test_who_wrote_and_heard_nothing_since_waits_for_an_answer(small: Path) -> None:
    _told(small, "late", "02-25T09:00 email in")
    _told(small, "new", "03-02T09:30 message in")
    _told(small, "missed", '02-27T09:00 call in "outcome": "missed"')
    _told(small, "answered", "02-25T09:00 email in", "02-25T09:30 email out")
    _told(small, "once-more", "02-25T09:00 email in", "02-25T09:30 email out", "02-28T09:00 email in")
    found = today(Book(small))
    assert _brief(found) == [
        ("unanswered", "late", -5),
        ("unanswered", "missed", -3),
        ("unanswered", "once-more", -2),
        ("unanswered", "new", 0),
    ]
    assert found[0].reason == "wrote (email) on Wed 2026-02-25 09:00, 5 days ago, not answered"
    assert found[1].reason == "called and did not reach us on Fri 2026-02-27 09:00, 3 days ago, not answered"
    assert found[3].reason == "wrote (message) on Mon 2026-03-02 09:30, not answered"
    assert today(Book(small), owner="bob") == []


@pytest.mark.parametrize(
    "after",
    [
        "02-26T09:00 call - ",
        "02-26T09:00 meeting - ",
        "02-26T09:00 letter out",
        '02-26T09:00 call in "outcome": "reached"',
        '02-26T09:00 note - "outcome": "answered"',
    ],
)
def test_whatever_we_said_since_is_an_answer(small: Path, after: str) -> None:
    _told(small, "kim", "02-25T09:00 email in", after.strip())
    assert today(Book(small)) == []


@pytest.mark.parametrize(
    "after",
    [
        '02-26T09:00 email out "source": "campaign"',
        '02-26T09:00 email out "source": "sequence"',
        '02-26T09:00 call out "outcome": "no answer"',
        '02-26T09:00 email in "outcome": "opt-out"',
        "02-26T09:00 note out",
        "03-09T09:00 meeting -",
    ],
)
def test_a_newsletter_a_failed_call_and_a_note_are_none(small: Path, after: str) -> None:
    _told(small, "kim", "02-25T09:00 email in", after)
    assert _brief(today(Book(small))) == [("unanswered", "kim", -5)]


@pytest.mark.parametrize(
    "line",
    [
        "02-15T09:00 email in",
        "03-02T10:30 email in",
        '02-25T09:00 email in "outcome": "opt-out"',
        '02-25T09:00 email in "outcome": "auto-reply, back 2026-03-05"',
        '02-25T09:00 email in "outcome": "invitation accepted"',
        '02-25T09:00 email in "outcome": "answered"',
        '02-25T09:00 note in "outcome": "auto-reply"',
        '02-25T09:00 call in "outcome": "reached"',
        "02-25T09:00 purchase in",
    ],
)
def test_not_everything_that_comes_in_wants_an_answer(small: Path, line: str) -> None:
    _told(small, "kim", line)
    assert today(Book(small)) == []


def test_who_waits_stands_under_a_heading_of_their_own(small: Path, run: Run) -> None:
    _told(small, "kim", "02-25T09:00 email in")
    shown = run("-C", small, "--now", "2026-03-02T10:00", "today").out
    assert "\nWaiting for an answer\n    5 d ago  Kim\n" in shown
    digest = run("-C", small, "--now", "2026-03-02T10:00", "today", "--mail", "me@example.com").out
    assert "\nWaiting for an answer\n- Kim · wrote (email) on Wed 2026-02-25 09:00, 5 days ago, not answered" in digest
