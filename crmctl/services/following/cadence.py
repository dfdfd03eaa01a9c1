"""Staying in touch: a follow-up for every customer who was not really in touch with us for as long as ``cadence`` says.

A newsletter, an automatic reply and a note are no contact; a call, a mail, a visit is, whoever began. Each time it is
due makes one follow-up, whatever calls this how often; once there is a contact, the follow-up is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model import ids
from crmctl.model.columns import day_number
from crmctl.model.columns import day_of

if TYPE_CHECKING:
    from datetime import date
    from datetime import datetime

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.store.transaction import Transaction

WHAT = "Get in touch"
_REAL = (
    "i.type IN ('call', 'email', 'letter', 'meeting', 'message', 'survey', 'visit') AND i.at_time <= ? "
    "AND (i.direction = 'in' OR (i.campaign IS NULL AND COALESCE(i.source, '') NOT IN ('campaign', 'sequence')))"
)
LAST = f"(SELECT MAX(i.at_day) FROM interactions i WHERE i.customer = c.handle AND {_REAL})"
"""The day of the last real contact with the customer ``c``; the one hole is the moment (seconds) up to which it counts.

A real contact is anything from them, and what one of us did for them alone.
"""


class Cold(NamedTuple):
    """A customer who is to hear from us: the day of the last real contact, and the day it was due."""

    customer: str
    owner: str
    last: str
    due: str
    days: int

    @property
    def id(self) -> str:
        """The id of the follow-up that this makes, the same in every clone."""
        return ids.id_from(f"cadence {self.customer} {self.last}")

    @property
    def handle(self) -> str:
        """Its handle."""
        return f"c-{self.id[-16:].lower()}"


def due(book: Book, now: datetime) -> list[Cold]:
    """Who is due, and has no follow-up that is open; whoever never was in touch is not staying in touch."""
    sql = (
        f"SELECT c.handle, c.owner, c.cadence, {LAST} AS contact FROM customers c "
        "WHERE c.cadence IS NOT NULL AND contact IS NOT NULL "
        "AND c.row_id NOT IN (SELECT owner FROM customers_do_not_contact WHERE value = 'all') "
        "AND c.handle NOT IN (SELECT customer FROM followups WHERE done IS NULL AND customer IS NOT NULL) "
        "AND c.handle NOT IN (SELECT customer FROM enrolments WHERE COALESCE(state, 'active') = 'active') "
        "AND contact + c.cadence <= ? ORDER BY contact + c.cadence, c.handle"
    )
    today = day_number(now.date())
    found = []
    for handle, owner, days, last in book.index.rows(sql, (int(now.timestamp()), today)):
        last_day, due_day = (day_of(number) for number in (last, last + days))
        one = Cold(str(handle), str(owner or ""), last_day.isoformat(), due_day.isoformat(), int(days))
        if book.index.row("SELECT 1 FROM followups WHERE handle = ?", (one.handle,)) is None:
            found.append(one)
    return found


def standing(book: Book, customer: str, now: datetime) -> tuple[str, str] | None:
    """(code, words) why nothing is to be done about a customer who has a cadence; None for one who has none."""
    sql = f"SELECT c.cadence, {LAST} FROM customers c WHERE c.handle = ? AND c.cadence IS NOT NULL"
    row = book.index.row(sql, (int(now.timestamp()), customer))
    if row is None:
        return None
    if row[1] is None:
        return "no-contact", "there was no real contact yet, so there is none to keep up"
    last, due_day = (day_of(number) for number in (row[1], row[1] + row[0]))
    if due_day > now.date():
        return "not-due", f"last real contact on {last}, so it is due on {due_day:%a %Y-%m-%d}"
    return "planned", f"last real contact on {last}; a follow-up or a sequence is open, or they want no contact"


def put(book: Book, tx: Transaction, cold: Cold, today: date) -> None:
    """Put the follow-up of one into a transaction."""
    from crmctl.services import records

    kind = book.schema.require("followup")
    data: RawMap = {
        "id": cold.id,
        "what": WHAT,
        "due": max(cold.due, today.isoformat()),
        "customer": cold.customer,
        "owner": cold.owner,
        "external": {"cadence": cold.last},
    }
    path = records.path_of(book, kind, cold.handle)
    if tx.read(path) is None:
        records.save(book, tx, kind, path, {name: value for name, value in data.items() if value})


def answered(book: Book, now: datetime) -> list[tuple[str, str, str]]:
    """(handle, customer, day) of the follow-ups of this kind after which there was a real contact."""
    sql = (
        f"SELECT f.handle, f.customer, {LAST.replace('c.handle', 'f.customer')} AS last, e.value FROM followups f "
        "JOIN followups_external e ON e.owner = f.row_id AND e.key = 'cadence' WHERE f.done IS NULL ORDER BY f.handle"
    )
    found = []
    for handle, customer, last, before in book.index.rows(sql, (int(now.timestamp()),)):
        day = day_of(last).isoformat() if last is not None else ""
        if day > str(before):
            found.append((str(handle), str(customer), day))
    return found


def put_done(book: Book, tx: Transaction, handle: str, day: str) -> None:
    """Put into a transaction that such a follow-up is done."""
    from crmctl.services import records

    kind = book.schema.require("followup")
    path = records.path_of(book, kind, handle)
    fields = {"done": day, "outcome": "in touch"}
    records.save(book, tx, kind, path, {**records.load(tx, path), **fields}, list(fields))
