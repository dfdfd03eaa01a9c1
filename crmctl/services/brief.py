"""Everything worth knowing before a call: who, what was said last, what is open, what was promised, what is allowed."""

from __future__ import annotations

from datetime import date
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.errors import NotFound
from crmctl.model import money
from crmctl.model.columns import day_number
from crmctl.services.localtime import local_clock
from crmctl.services.today import next_birthday

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.interactions import Event
    from crmctl.services.localtime import Clock

CONTACTS = 5
SOON = 30
"""Days ahead in which a birthday is worth a word."""


class Counters(NamedTuple):
    """What was counted. ``days`` since the last contact; ``over`` days beyond the cadence (below 0: still in time)."""

    interactions: int
    orders: int
    spent: str
    currency: str
    first: str | None
    last: str | None
    days: int | None
    cadence: int | None
    over: int | None


class Deal(NamedTuple):
    """An open deal."""

    handle: str
    name: str
    stage: str
    probability: int | None
    amount: str | None
    currency: str | None
    closes: str | None
    late: bool
    next_step: str | None


class Case(NamedTuple):
    """An open case. ``target`` is the time by which the next word is due (``waits_for``), ``late`` if it is over."""

    handle: str
    name: str
    type: str | None
    priority: str | None
    status: str
    opened: str | None
    waits_for: str
    target: datetime | None
    late: bool


class Followup(NamedTuple):
    """An open follow-up; ``days`` until it is due, below 0 when it is late."""

    handle: str
    what: str
    due: str
    days: int
    promised: bool
    deal: str | None
    case: str | None


class Consent(NamedTuple):
    """What is allowed for one purpose of the book: its basis, and what the customer said, if anything."""

    purpose: str
    basis: str
    state: str | None
    date: str | None
    channels: list[str]


class Person(NamedTuple):
    """Somebody who belongs to the customer: works there, or is a relation."""

    handle: str
    name: str
    role: str | None


class Brief(NamedTuple):
    """The whole of it. ``record`` is the customer's record as in its file; ``organization`` its organisation's name."""

    handle: str
    record: RawMap
    organization: str | None
    country: str
    clock: Clock | None
    counters: Counters
    birthday: date | None
    contacts: list[Event]
    deals: list[Deal]
    cases: list[Case]
    followups: list[Followup]
    consent: list[Consent]
    people: list[Person]


def brief(book: Book, handle: str) -> Brief:
    """What is known of the customer called ``handle``.

    Raises:
        NotFound: there is no such customer.
    """
    from crmctl.services import interactions

    record = book.index.data(book.schema.require("customer"), handle)
    if record is None:
        raise NotFound(f"there is no customer {handle!r}")
    address = record.get("address")
    country = str(address.get("country", "")) if isinstance(address, dict) else ""
    return Brief(
        handle,
        record,
        _name_of(book, str(record.get("organization") or "")),
        _country(country),
        local_clock(book, str(record.get("timezone") or ""), country),
        _counters(book, handle),
        next_birthday(str(record.get("birthday") or ""), book.now().date(), SOON),
        interactions.timeline(book, handle, limit=CONTACTS),
        _deals(book, handle),
        _cases(book, handle),
        _followups(book, handle),
        _consent(book, record),
        _people(book, handle, record),
    )


def _name_of(book: Book, handle: str) -> str | None:
    if not handle:
        return None
    row = book.index.row("SELECT name FROM customers WHERE handle = ?", (handle,))
    return str(row[0] or handle) if row else handle


def _country(text: str) -> str:
    from crmctl.model import countries

    return countries.name_of(countries.code_of(text) or text) if text else ""


def _counters(book: Book, handle: str) -> Counters:
    row = book.index.row(
        "SELECT interactions, orders, spent_minor, first, last, last_day, cadence FROM customers WHERE handle = ?",
        (handle,),
    )
    assert row is not None
    count, orders, spent, first, last, last_day, cadence = row
    currency = book.settings.currency
    days = None if last_day is None else day_number(book.now().date()) - last_day
    over = None if cadence is None or days is None else days - cadence
    amount = money.from_minor(spent or 0, currency)
    return Counters(count or 0, orders or 0, amount, currency, first, last, days, cadence, over)


def _deals(book: Book, handle: str) -> list[Deal]:
    rows = book.index.rows(
        "SELECT handle, name, stage, probability, amount_minor, currency, closes, closes_day, next_step FROM deals "
        "WHERE customer = ? AND status = 'open' ORDER BY closes_day IS NULL, closes_day, handle",
        (handle,),
    )
    today = day_number(book.now().date())
    return [
        Deal(
            *(handle, name, stage or "", chance, None if minor is None else money.from_minor(minor, currency)),
            *(currency, closes, closes_day is not None and closes_day < today, step),
        )
        for handle, name, stage, chance, minor, currency, closes, closes_day, step in rows
    ]


def _cases(book: Book, handle: str) -> list[Case]:
    rows = book.index.rows(
        "SELECT handle, name, type, priority, COALESCE(status, 'open'), opened, responded IS NOT NULL, "
        "respond_by_time, resolve_by_time FROM cases "
        "WHERE customer = ? AND COALESCE(status, 'open') NOT IN ('solved', 'closed') ORDER BY opened_time, handle",
        (handle,),
    )
    now, zone = book.now(), book.context.zone
    cases = []
    for handle_, name, type_, priority, status, opened, responded, respond_by, resolve_by in rows:
        answer = not responded and respond_by is not None
        time = respond_by if answer else resolve_by
        target = None if time is None else datetime.fromtimestamp(time, zone)
        late = target is not None and target < now
        waits_for = "first answer" if answer else "solution" if target else ""
        cases.append(Case(handle_, name, type_, priority, status, opened, waits_for, target, late))
    return cases


def _followups(book: Book, handle: str) -> list[Followup]:
    rows = book.index.rows(
        'SELECT handle, what, due, due_day, promised, deal, "case" FROM followups '
        "WHERE customer = ? AND done IS NULL AND due_day IS NOT NULL ORDER BY due_day, handle",
        (handle,),
    )
    today = day_number(book.now().date())
    return [
        Followup(followup, what, due, day - today, bool(promised), deal, case)
        for followup, what, due, day, promised, deal, case in rows
    ]


def _consent(book: Book, record: RawMap) -> list[Consent]:
    """One entry a purpose of the book, then those the record has besides."""
    said = record.get("consent")
    known = said if isinstance(said, dict) else {}
    result = []
    for purpose in dict.fromkeys((*book.settings.purposes, *known)):
        found = known.get(purpose)
        entry: dict[str, Any] = found if isinstance(found, dict) else {}
        declared = book.settings.purposes.get(purpose)
        channels = entry.get("channels") or []
        result.append(
            Consent(
                purpose,
                str(entry.get("basis") or (declared.basis if declared else "consent")),
                entry.get("state") or None,
                entry.get("date") or None,
                [str(channel) for channel in channels] if isinstance(channels, list) else [str(channels)],
            )
        )
    return result


def _people(book: Book, handle: str, record: RawMap) -> list[Person]:
    """Who works there, then relations as the record has them."""
    rows = book.index.rows(
        "SELECT handle, name, role FROM customers WHERE organization = ? ORDER BY name_key, handle LIMIT 20", (handle,)
    )
    people = [Person(*row) for row in rows]
    relations = record.get("relations")
    for relation in relations if isinstance(relations, list) else []:
        if isinstance(relation, dict) and relation.get("customer"):
            other = str(relation["customer"])
            people.append(Person(other, _name_of(book, other) or other, str(relation.get("role") or "") or None))
    return people


def as_object(found: Brief) -> dict[str, Any]:
    """``found`` for JSON: one object, its values plain."""
    return {name: _plain(value) for name, value in found._asdict().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
