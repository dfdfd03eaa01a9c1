"""Books for the tests of reports: the index of a book, filled by hand or at random."""

from __future__ import annotations

import random
import sqlite3
from datetime import date
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.index import ddl
from crmctl.model.columns import day_number
from crmctl.model.settings_reading import read_settings
from crmctl.reports.params import Params
from crmctl.reports.params import stage_rows

if TYPE_CHECKING:
    from crmctl.model.settings import Settings

TODAY = date(2026, 11, 25)
NOW = day_number(TODAY) * 86400 + 43200
Value = int | str | None

_PIPELINES = {
    "sales": {"lead": "10", "proposal": "50", "won": "won", "lost": "lost"},
    "service": {"asked": "30", "proposal": "60", "signed": "won", "gone": "lost"},
}


class Book(NamedTuple):
    """An index and what a run is told beside it."""

    connection: sqlite3.Connection
    settings: Settings
    params: Params

    def put(self, table: str, **values: Value) -> int:
        """A row; returns its row_id."""
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" * len(values))
        cursor = self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def customer(self, handle: str, **values: Value) -> int:
        name = values.pop("name", handle.replace("-", " ").title())
        return self.put("customers", handle=handle, name=name, name_key=str(name).lower(), **values)

    def happened(self, customer: str, what: str, day: date, **values: Value) -> int:
        """An interaction at noon UTC."""
        handle = f"i{self.connection.execute('SELECT COUNT(*) FROM interactions').fetchone()[0]:06d}"
        when = moment("at", day)
        return self.put("interactions", handle=handle, customer=customer, type=what, **when, **values)

    def sold(self, customer: str, day: date, amount: int | None, currency: str = "EUR", **values: Value) -> int:
        return self.happened(customer, "purchase", day, amount_minor=amount, currency=currency, **values)

    def line(self, owner: int, product: str | None, quantity: int | None, price: int | None) -> None:
        position = self.connection.execute("SELECT COUNT(*) FROM interactions_lines WHERE owner = ?", [owner])
        self.put(
            "interactions_lines",
            owner=owner,
            position=position.fetchone()[0],
            product=product,
            quantity_milli=quantity,
            price_minor=price,
        )

    def reckon(self) -> None:
        """Fill in what the index counts for customers."""
        self.connection.executescript(
            """
            UPDATE customers SET
              first_day = (SELECT MIN(at_day) FROM interactions i WHERE i.customer = customers.handle),
              last_day = (SELECT MAX(at_day) FROM interactions i WHERE i.customer = customers.handle),
              interactions = (SELECT COUNT(*) FROM interactions i WHERE i.customer = customers.handle),
              orders = (SELECT COUNT(*) FROM interactions i WHERE i.customer = customers.handle AND type = 'purchase'),
              spent_minor = (SELECT COALESCE(SUM(amount_minor), 0) FROM interactions i
                WHERE i.customer = customers.handle AND type = 'purchase' AND currency = 'EUR'),
              open_deals = (SELECT COUNT(*) FROM deals d WHERE d.customer = customers.handle AND d.status = 'open'),
              open_cases = (SELECT COUNT(*) FROM cases c WHERE c.customer = customers.handle
                AND (c.status IS NULL OR c.status NOT IN ('solved', 'closed'))),
              next_day = (SELECT MIN(due_day) FROM followups f WHERE f.customer = customers.handle AND f.done IS NULL);
            """
        )
        for stem in ("first", "last", "next"):
            day = f"{stem}_day * 86400, 'unixepoch'"
            month = f"strftime('%Y-%m', {day})"
            self.connection.execute(f"UPDATE customers SET {stem} = date({day}), {stem}_month = {month}")
        self.connection.commit()


def dated(stem: str, day: date | None) -> dict[str, Value]:
    """The columns of a date."""
    if day is None:
        return {}
    return {stem: day.isoformat(), f"{stem}_day": day_number(day), f"{stem}_month": day.isoformat()[:7]}


def moment(stem: str, day: date | None, seconds: int = 43200) -> dict[str, Value]:
    """The columns of a date and time."""
    if day is None:
        return {}
    text = f"{day.isoformat()}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}Z"
    return {**dated(stem, day), stem: text, f"{stem}_time": day_number(day) * 86400 + seconds}


def empty_book(until: date | None = None) -> Book:
    settings = read_settings({"pipelines": {name: dict(stages) for name, stages in _PIPELINES.items()}})
    assert not settings.problems
    connection = sqlite3.connect(":memory:")
    for statement in (*ddl.statements(settings.schema), *ddl.keys(settings.schema)):
        connection.execute(statement)
    for code, unit in (("EUR", 2), ("JPY", 0), ("KWD", 3), ("USD", 2)):
        connection.execute("INSERT INTO currencies VALUES (?, ?)", (code, unit))
    for code, name in (("DE", "Germany"), ("JP", "Japan"), ("FR", "France")):
        connection.execute("INSERT INTO countries VALUES (?, ?)", (code, name))
    connection.commit()
    params = Params(until or TODAY, NOW, "EUR", stage_rows(settings.pipelines), until)
    return Book(connection, settings, params)


def random_book(seed: int, customers: int = 40) -> Book:
    """A book with a bit of everything, gaps included; equal for equal seeds."""
    chance = random.Random(seed)
    book = empty_book()
    members = ["ada", "ben", "ghost"]
    for handle in members[:2]:
        book.put("members", handle=handle, name=handle.title(), name_key=handle)
    for number in range(6):
        book.put("products", handle=f"p{number}", name=f"Product {number}", name_key=f"product {number}")
    names = [f"c{number:03d}" for number in range(customers)]
    for handle in names:
        _random_customer(book, chance, handle, names, members)
    for _ in range(customers * 8):
        _random_interaction(book, chance, chance.choice([*names, "stray"]), members)
    for number in range(customers):
        _random_deal(book, chance, f"d{number:03d}", chance.choice(names), members)
        _random_case(book, chance, f"k{number:03d}", chance.choice(names), members)
        _random_followup(book, chance, f"f{number:03d}", chance.choice([*names, None]), members)
    book.reckon()
    return book


def _maybe(chance: random.Random, *values: Value) -> Value:
    return chance.choice([*values, None])


def _some_day(chance: random.Random, ahead: int = 0) -> date:
    return TODAY - timedelta(days=chance.randint(-ahead, 700))


def _random_customer(book: Book, chance: random.Random, handle: str, names: list[str], members: list[str]) -> None:
    owner = book.customer(
        handle,
        name=chance.choice([f"Name {handle}", "Jörg Müller", 'He said "no", twice', "line\nbreak", "日本", "\\N", ""]),
        type=_maybe(chance, "person", "organization"),
        lifecycle=_maybe(chance, "lead", "prospect", "customer", "former", "partner"),
        organization=_maybe(chance, names[0], names[1]),
        address_country=_maybe(chance, "DE", "JP", "ZZ"),
        owner=_maybe(chance, *members),
        cadence=_maybe(chance, 7, 30, 365),
    )
    for position in range(chance.randint(0, 2)):
        email = chance.choice([f"{handle}@shop.example", "info@shop.example"])
        book.put("customers_emails", owner=owner, position=position, value=email, value_key=email)
    if chance.random() < 0.3:
        book.put("customers_phones", owner=owner, position=0, value="+49 1", value_key="491")
    if chance.random() < 0.1:
        book.put("customers_do_not_contact", owner=owner, position=0, value=chance.choice(["all", "phone"]))


def _random_interaction(book: Book, chance: random.Random, customer: str, members: list[str]) -> None:
    more = {
        "by": _maybe(chance, *members),
        "direction": _maybe(chance, "in", "out"),
        "minutes": _maybe(chance, 5, 60),
    }
    day = _some_day(chance, ahead=20)
    if chance.random() < 0.5:
        book.happened(customer, chance.choice(["call", "email", "meeting", "visit", "note", "odd"]), day, **more)
        return
    amount = chance.choice([None, 0, 1, 999, -500, 12_345, 10**12, chance.randint(-10_000, 10_000_000)])
    row = book.sold(customer, day, amount, chance.choice(["EUR", "EUR", "JPY", "KWD"]), **more)
    for _ in range(chance.choice([0, 0, 1, 1, 2, 4])):
        product = chance.choice(["p0", "p1", "p2", "unlisted", None])
        price = chance.choice([None, 0, 1, 333, 999, -250, 100_000])
        book.line(row, product, chance.choice([None, 1000, 1500, 333, 2000, -1000, 1]), price)


def _random_deal(book: Book, chance: random.Random, handle: str, customer: str, members: list[str]) -> None:
    pipeline = _maybe(chance, "sales", "service")
    stage = chance.choice(["lead", "proposal", "won", "lost", "asked", "signed", "gone", "unheard", None])
    status = {"won": "won", "signed": "won", "lost": "lost", "gone": "lost"}.get(stage or "", "open")
    opened = _some_day(chance)
    decided = chance.choice([None, _some_day(chance)]) if status != "open" else None
    row = book.put(
        "deals",
        handle=handle,
        name=f"Deal {handle}",
        customer=customer,
        pipeline=pipeline,
        stage=stage,
        status=status,
        amount_minor=_maybe(chance, 0, 99_999, 1_234_567, -100),
        currency=_maybe(chance, "EUR", "JPY"),
        probability=_maybe(chance, 0, 33, 100),
        next_step=_maybe(chance, "call"),
        lost_reason=_maybe(chance, "price", "time") if status == "lost" else None,
        owner=_maybe(chance, *members),
        **dated("opened", chance.choice([opened, None])),
        **dated("closes", chance.choice([_some_day(chance, ahead=60), None])),
        **dated("closed", decided),
    )
    for position in range(chance.randint(0, 3)):
        logged = {"stage": chance.choice(["lead", "proposal", stage]), **dated("at", _some_day(chance))}
        book.put("deals_stage_log", owner=row, position=position, **logged)


def _random_case(book: Book, chance: random.Random, handle: str, customer: str, members: list[str]) -> None:
    opened = chance.choice([None, _some_day(chance)])
    solved = None if opened is None else chance.choice([None, opened + timedelta(days=chance.randint(0, 40))])
    book.put(
        "cases",
        handle=handle,
        name=f"Case {handle}",
        customer=customer,
        priority=_maybe(chance, "low", "high", "urgent"),
        status=chance.choice(["solved", "closed"]) if solved else _maybe(chance, "open", "waiting", "solved"),
        owner=_maybe(chance, *members),
        **moment("opened", opened),
        **moment("respond_by", opened and opened + timedelta(days=1)),
        **moment("responded", chance.choice([None, opened and opened + timedelta(days=chance.randint(0, 3))])),
        **moment("resolve_by", opened and opened + timedelta(days=10)),
        **moment("resolved", solved, chance.randint(43201, 86399)),
    )


def _random_followup(book: Book, chance: random.Random, handle: str, customer: str | None, members: list[str]) -> None:
    book.put(
        "followups",
        handle=handle,
        what=f"Do {handle}",
        customer=customer,
        promised=_maybe(chance, 0, 1),
        owner=_maybe(chance, *members),
        **dated("due", _some_day(chance, ahead=100)),
        **dated("done", chance.choice([None, _some_day(chance)])),
    )
