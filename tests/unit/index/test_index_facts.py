"""What is counted about a customer follows every change of the records it is counted from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.books import commit
from helpers.books import fresh
from helpers.books import one
from helpers.books import write

if TYPE_CHECKING:
    from pathlib import Path

PURCHASE = '{"at": "2026-03-%02dT12:00:00+01:00", "type": "purchase", "amount": "%s"%s}\n'


def facts(root: Path, handle: str = "ada") -> dict[str, Any]:
    """The counted fields of a customer that say something."""
    names = ("first", "last", "interactions", "orders", "spent_minor", "open_deals", "open_cases", "next")
    sql = f"SELECT {', '.join(names)} FROM customers WHERE handle = ?"
    found = dict(zip(names, one(fresh(root).index, sql, handle), strict=True))
    return {name: value for name, value in found.items() if value not in (None, 0)}


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "name: Bob\n"})
    assert facts(book_dir) == {}
    return book_dir


def test_contacts_are_counted_by_the_days_of_the_book(root: Path) -> None:
    write(
        root,
        {
            "interactions/ada.jsonl": '{"at": "2026-01-31T23:30:00Z", "type": "call"}\n'
            '{"at": "2026-05-01T08:00:00+02:00", "type": "note"}\n{"at": "soon", "type": "note"}\n'
        },
    )
    assert facts(root) == {"first": "2026-02-01", "last": "2026-05-01", "interactions": 3}
    months = one(fresh(root).index, "SELECT first_month, last_month, first_day FROM customers WHERE handle = 'ada'")
    assert months == ("2026-02", "2026-05", 20485)


def test_only_purchases_in_the_books_currency_add_up(root: Path) -> None:
    lines = [
        PURCHASE % (1, "10.00", ""),
        PURCHASE % (2, "5.50", ', "currency": "eur"'),
        PURCHASE % (3, "99.00", ', "currency": "USD"'),
        PURCHASE % (4, "99.00", ', "currency": "€"'),
        PURCHASE % (5, "lots", ""),
        PURCHASE % (6, "1.005", ""),
        PURCHASE % (7, "-2.00", ""),
        '{"at": "2026-03-08T12:00:00+01:00", "type": "payment", "amount": "77.00"}\n',
    ]
    write(root, {"interactions/ada.jsonl": "".join(lines)})
    found = facts(root)
    assert (found["interactions"], found["orders"], found["spent_minor"]) == (8, 7, 1350)


def test_facts_follow_edits_and_deletions_of_interactions(root: Path) -> None:
    commit(root, {"interactions/ada.jsonl": PURCHASE % (1, "10.00", "") + PURCHASE % (9, "1.00", "")})
    assert facts(root)["spent_minor"] == 1100
    write(root, {"interactions/ada.jsonl": PURCHASE % (1, "20.00", "")})
    assert facts(root) == {
        "first": "2026-03-01",
        "last": "2026-03-01",
        "interactions": 1,
        "orders": 1,
        "spent_minor": 2000,
    }
    (root / "records/interactions/ada.jsonl").unlink()
    assert facts(root) == {}


def test_open_deals_follow_their_stage_and_their_customer(root: Path) -> None:
    commit(
        root, {"deals/d.yaml": "name: D\ncustomer: ada\nstage: proposal\n", "deals/e.yaml": "name: E\ncustomer: ada\n"}
    )
    assert facts(root) == {"open_deals": 2}
    write(root, {"deals/d.yaml": "name: D\ncustomer: ada\nstage: Won\n"})
    assert facts(root) == {"open_deals": 1}
    write(root, {"deals/e.yaml": "name: E\ncustomer: bob\n"})
    assert (facts(root), facts(root, "bob")) == ({}, {"open_deals": 1})
    (root / "records/deals/e.yaml").unlink()
    assert facts(root, "bob") == {}


def test_open_cases_are_those_neither_solved_nor_closed(root: Path) -> None:
    for status, count in (("", 1), ("status: waiting\n", 1), ("status: Solved\n", 0), ("status: closed\n", 0)):
        write(root, {"cases/c.yaml": f"name: C\ncustomer: ada\n{status}"})
        assert facts(root).get("open_cases", 0) == count


def test_the_next_follow_up_is_the_first_that_is_not_done(root: Path) -> None:
    due = "what: call\ncustomer: ada\ndue: 2026-0%d-01\n"
    commit(
        root,
        {
            "followups/f.yaml": due % 4,
            "followups/g.yaml": due % 3,
            "followups/h.yaml": "what: x\ncustomer: ada\ndue: soon\n",
        },
    )
    assert facts(root) == {"next": "2026-03-01"}
    write(root, {"followups/g.yaml": due % 3 + "done: 2026-03-02\n"})
    assert facts(root) == {"next": "2026-04-01"}
    (root / "records/followups/f.yaml").unlink()
    assert facts(root) == {}


def test_a_customer_who_comes_after_their_records_has_them_counted(root: Path) -> None:
    commit(root, {"deals/d.yaml": "name: D\ncustomer: carol\n", "interactions/carol.jsonl": PURCHASE % (1, "3.00", "")})
    fresh(root).index.close()
    write(root, {"customers/carol.yaml": "name: Carol\n"})
    assert facts(root, "carol")["open_deals"] == 1
    assert facts(root, "carol")["spent_minor"] == 300


def test_the_currency_of_the_book_decides_anew_when_it_changes(root: Path) -> None:
    commit(root, {"interactions/ada.jsonl": PURCHASE % (1, "10.00", ', "currency": "USD"') + PURCHASE % (2, "7", "")})
    assert facts(root)["spent_minor"] == 700
    commit(root, {"/crm.yaml": "currency: USD\n"})
    assert facts(root)["spent_minor"] == 1700


def test_products_bought_by_name_and_category(root: Path) -> None:
    line = '{"at": "2026-03-01T12:00:00Z", "type": "%s", "lines": [{"product": "rock"}, {"text": "A T-Shirt"}]}\n'
    commit(
        root,
        {
            "products/rock.yaml": "name: Röck\ncategory: Music\n",
            "interactions/ada.jsonl": line % "purchase",
            "interactions/bob.jsonl": line % "note",
        },
    )
    sql = "SELECT handle, value, value_key FROM customers_bought b JOIN customers c ON c.row_id = b.owner ORDER BY 2"
    rows = fresh(root).index.rows(sql)
    assert rows == [("ada", None, "a t-shirt"), ("ada", "rock", "rock music")]
