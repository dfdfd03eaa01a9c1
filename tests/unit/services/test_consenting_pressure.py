"""How often somebody was written to."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh

from crmctl import clock
from crmctl.mail.identifiers import send_id
from crmctl.mail.ledger.log import Ledger
from crmctl.services.consenting.pressure import Pressure
from crmctl.services.consenting.sends import Sent
from crmctl.services.mailing.host import host_id
from crmctl.services.mailing.host import mail_state

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.book import Book

NOW = datetime(2027, 3, 30, 12, 0, 30, tzinfo=UTC)
ADA = "01J0000000000000000000000A"
SPRING = "01J0000000000000000000000C"


@pytest.fixture(autouse=True)
def today() -> None:
    clock.freeze(NOW)


def made(root: Path, history: str = "", limit: str = "{newsletter: 2 in 10d}") -> Book:
    commit(
        root,
        {
            "/crm.yaml": f"name: T\npurposes: {{newsletter: consent, offers: consent}}\npressure: {limit}\n",
            "customers/ada.yaml": f"name: Ada\nid: {ADA}\n",
            "campaigns/spring.yaml": f"name: Spring\nid: {SPRING}\npurpose: newsletter\n",
            "campaigns/sale.yaml": "name: Sale\nid: 01J0000000000000000000000D\npurpose: offers\n",
            "sequences/welcome.yaml": "name: W\nid: 01J0000000000000000000000E\npurpose: newsletter\n",
            **({"interactions/ada.jsonl": history} if history else {}),
        },
    )
    return fresh(root)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def line(number: int, days: float, **more: str) -> str:
    fields = {"type": "email", "direction": "out", **more}
    words = "".join(f', "{name}": "{text}"' for name, text in fields.items())
    return f'{{"id": "01H000000000000000000000{number:02}", "at": "{ago(days).isoformat()}"{words}}}\n'


def test_a_purpose_without_a_limit_is_free(book_dir: Path) -> None:
    history = "".join(line(number, 1) for number in range(10, 20))
    assert Pressure(made(book_dir, history)).next_free("ada", "offers", NOW) is None
    assert Pressure(made(book_dir, history, "{}")).next_free("ada", "newsletter", NOW) is None


def test_it_opens_in_the_minute_in_which_the_oldest_leaves(book_dir: Path) -> None:
    pressure = Pressure(made(book_dir), [Sent(ADA, SPRING, ago(9)), Sent("ada", "spring", ago(4))])
    opens = pressure.next_free("ada", "newsletter", NOW)
    assert opens == ago(9) + timedelta(days=10, seconds=30)
    assert pressure.next_free(ADA, "Newsletter", NOW) == opens
    assert pressure.next_free("ada", "newsletter", opens) is None
    assert pressure.next_free("ada", "newsletter", opens - timedelta(minutes=1)) == opens
    assert pressure.next_free("bob", "newsletter", NOW) is None


def test_more_than_the_limit_waits_for_enough_to_leave(book_dir: Path) -> None:
    sends = [Sent("ada", "spring", ago(days)) for days in (9, 8, 7, 2)]
    assert Pressure(made(book_dir), sends).next_free("ada", "newsletter", NOW) == ago(7) + timedelta(10, 30)


def test_what_is_older_counts_no_more(book_dir: Path) -> None:
    sends = [Sent("ada", "spring", ago(10)), Sent("ada", "spring", ago(5))]
    assert Pressure(made(book_dir), sends).next_free("ada", "newsletter", NOW) is None


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({}, True),
        ({"type": "call"}, True),
        ({"type": "letter"}, True),
        ({"campaign": "spring"}, True),
        ({"campaign": "welcome"}, True),
        ({"campaign": "sale"}, False),
        ({"direction": "in"}, False),
        ({"type": "note"}, False),
        ({"type": "purchase"}, False),
        ({"type": "consent"}, False),
    ],
)
def test_what_people_did_counts_too(book_dir: Path, more: dict[str, str], counts: bool) -> None:
    history = line(10, 3, **more) + line(11, 1, **more)
    free = Pressure(made(book_dir, history), []).next_free("ada", "newsletter", NOW)
    assert (free is not None) == counts


def test_a_message_that_is_in_the_ledger_and_in_the_history_is_one(book_dir: Path) -> None:
    book = made(book_dir, line(10, 3, campaign="spring"))
    assert Pressure(book, [Sent(ADA, SPRING, ago(3))]).next_free("ada", "newsletter", NOW) is None
    assert Pressure(book, [Sent(ADA, SPRING, ago(6))]).next_free("ada", "newsletter", NOW) is not None


def test_a_stamp_in_the_future_counts_as_now_and_no_longer(book_dir: Path) -> None:
    sends = [Sent("ada", "spring", ago(-3000)), Sent("ada", "spring", ago(-2))]
    assert Pressure(made(book_dir), sends).next_free("ada", "newsletter", NOW) == NOW + timedelta(10, 30)


def test_what_has_just_gone_out_is_noted(book_dir: Path) -> None:
    pressure = Pressure(made(book_dir), [])
    for _ in range(2):
        assert pressure.next_free("ada", "newsletter", NOW) is None
        pressure.note(ADA, "newsletter", NOW)
        pressure.note(ADA, "offers", NOW)
    assert pressure.next_free("ada", "newsletter", NOW) == NOW + timedelta(10, 30)


def test_the_ledgers_are_read(book_dir: Path) -> None:
    book = made(book_dir, limit="{newsletter: 1 in 10d}")
    assert Pressure(book).next_free("ada", "newsletter", NOW) is None
    sid = send_id(SPRING, ADA, "email")
    with Ledger(mail_state(book), host_id()) as ledger:
        ledger.append("plan", sid, "spring", cust=ADA, ch="email")
        ledger.append("attempt", sid, "spring", n=1)
        assert Pressure(book).next_free("ada", "newsletter", NOW) is None
        ledger.append("dot", sid, "spring", n=1)
        ledger.append("accept", sid, "spring", n=1, code=250)
    assert Pressure(book).next_free("ada", "newsletter", NOW) == NOW + timedelta(10, 30)
