"""One screen before a call."""

from __future__ import annotations

import json
from datetime import date
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from crmctl import clock
from crmctl.errors import NotFound
from crmctl.services.book import Book
from crmctl.services.brief import as_object
from crmctl.services.brief import brief

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def book(sample_dir: Path) -> Book:
    clock.freeze(datetime.fromisoformat("2012-01-16T12:00:00-07:00"))
    return Book(sample_dir)


@pytest.fixture
def small(book_dir: Path) -> Path:
    """A book of one customer, Ada; its today is Monday, 2026-03-02."""
    clock.freeze(datetime.fromisoformat("2026-03-02T10:00:00+01:00"))
    _put(book_dir, "customers/ada.yaml", "name: Ada\n")
    return book_dir


def _put(root: Path, name: str, text: str) -> None:
    path = root / "records" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_who_and_what_was_counted(book: Book) -> None:
    found = brief(book, "luis-goncalves")
    assert found.record["name"] == "Luís Gonçalves"
    assert found.country == "Brazil"
    counters = found.counters
    assert (counters.interactions, counters.orders, counters.spent, counters.currency) == (12, 7, "39.62", "USD")
    assert (counters.first, counters.last, counters.days) == ("2008-03-10", "2012-01-12", 4)
    assert (counters.cadence, counters.over) == (30, -26)


def test_the_last_five_contacts_newest_first(book: Book) -> None:
    assert [event.at[:10] for event in brief(book, "luis-goncalves").contacts] == [
        "2012-01-12",
        "2012-01-12",
        "2011-12-20",
        "2011-12-13",
        "2011-12-06",
    ]


def test_what_is_open(book: Book) -> None:
    found = brief(book, "luis-goncalves")
    (deal,) = found.deals
    assert (deal.handle, deal.stage, deal.probability, deal.amount) == (
        "embraer-cabin-music",
        "negotiation",
        80,
        "2400.00",
    )
    assert (deal.late, deal.next_step) == (False, "Send the new clause 4")
    (followup,) = found.followups
    assert (followup.handle, followup.days, followup.promised) == ("new-clause-4", 0, True)
    assert brief(book, "jennifer-peterson").deals[0].late
    (case,) = brief(book, "terhi-hamalainen").cases
    assert (case.handle, case.waits_for, case.late) == ("order-411-incomplete", "first answer", True)
    assert f"{case.target:%Y-%m-%d %H:%M}" == "2012-01-13 10:20"


def test_what_is_decided_solved_or_done_is_left_out(book: Book) -> None:
    assert brief(book, "tim-goyer").deals == []
    assert brief(book, "robert-brown").cases == []
    assert brief(book, "frantisek-wichterlova").followups == []


def test_consent_by_purpose(book: Book) -> None:
    consent = {entry.purpose: entry for entry in brief(book, "luis-goncalves").consent}
    assert list(consent) == ["newsletter", "service", "birthday"]
    assert consent["newsletter"][1:] == ("consent", "granted", "2008-03-10", ["email"])
    assert consent["service"][1:] == ("contract", None, None, [])


def test_consent_for_a_purpose_the_book_has_not_is_shown_too(small: Path) -> None:
    _put(small, "customers/ada.yaml", "name: Ada\nconsent:\n  survey:\n    state: withdrawn\n")
    assert [(entry.purpose, entry.state) for entry in brief(Book(small), "ada").consent] == [
        ("newsletter", None),
        ("service", None),
        ("survey", "withdrawn"),
    ]


def test_a_birthday_is_told_a_month_ahead(small: Path) -> None:
    _put(small, "customers/ada.yaml", 'name: Ada\nbirthday: "1990-04-01"\n')
    _put(small, "customers/bo.yaml", 'name: Bo\nbirthday: "1990-04-02"\n')
    assert brief(Book(small), "ada").birthday == date(2026, 4, 1)
    assert brief(Book(small), "bo").birthday is None


def test_a_customer_of_whom_only_the_name_is_known(small: Path) -> None:
    found = brief(Book(small), "ada")
    assert (found.organization, found.country, found.clock, found.birthday) == (None, "", None, None)
    assert (found.contacts, found.deals, found.cases, found.followups, found.people) == ([], [], [], [], [])
    assert (found.counters.interactions, found.counters.days, found.counters.over) == (0, None, None)


def test_an_organization_s_people_and_relations(small: Path) -> None:
    _put(
        small,
        "customers/firm.yaml",
        "name: Firm\nrelations:\n  - customer: bo\n    role: adviser\n  - customer: gone\n",
    )
    _put(small, "customers/ada.yaml", "name: Ada\nrole: CTO\norganization: firm\n")
    _put(small, "customers/bo.yaml", "name: Bo\norganization: nowhere\n")
    assert [tuple(person) for person in brief(Book(small), "firm").people] == [
        ("ada", "Ada", "CTO"),
        ("bo", "Bo", "adviser"),
        ("gone", "gone", None),
    ]
    assert brief(Book(small), "ada").organization == "Firm"
    assert brief(Book(small), "bo").organization == "nowhere"


def test_a_case_without_targets_is_never_late(small: Path) -> None:
    _put(small, "cases/broken.yaml", "name: Broken\ncustomer: ada\n")
    (case,) = brief(Book(small), "ada").cases
    assert (case.status, case.waits_for, case.target, case.late) == ("open", "", None, False)


def test_there_is_no_brief_of_nobody(book: Book) -> None:
    with pytest.raises(NotFound):
        brief(book, "nobody")


def test_the_object_is_plain_json(book: Book) -> None:
    found = json.loads(json.dumps(as_object(brief(book, "terhi-hamalainen"))))
    assert found["clock"] == {"zone": "Europe/Helsinki", "now": "2012-01-16T21:00:00+02:00", "ahead": 540}
    assert found["cases"][0]["target"] == "2012-01-13T10:20:00-07:00"
    assert found["contacts"][0]["type"] == "email"
    assert found["record"]["name"] == "Terhi Hämäläinen"
