"""Decisions become files: entries, follow-ups, opt-outs and suppressions, in one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.services import lines
from crmctl.services import records
from crmctl.services.ingest.entries import Task
from crmctl.services.ingest.entries import same_id
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Purpose
    from crmctl.services.book import Book
    from crmctl.services.consenting.suppression import New
    from crmctl.services.ingest.decisions import Bad
    from crmctl.services.ingest.decisions import OptOut
    from crmctl.services.ingest.entries import Entry
    from crmctl.store.transaction import Transaction


def put_entries(book: Book, tx: Transaction, entries: Iterable[Entry]) -> int:
    """Add entries to their customers' histories; those that are there already (by id) stay as they are. How many."""
    by_customer: dict[str, dict[str, RawMap]] = {}
    for entry in entries:
        by_customer.setdefault(entry.customer, {})[str(entry.data["id"])] = entry.data
    kind = book.schema.require("interaction")
    count = 0
    for customer, wanted in by_customer.items():
        path = records.interactions_path(book, customer)
        file = lines.open_file(book, tx, path)
        there = {str(data.get("id")) for data in file.all()}
        new = [lines.checked(book, kind, data, path) for identity, data in wanted.items() if identity not in there]
        if new:
            file.add_many(new)
            tx.put(path, file.content())
            count += len(new)
    return count


def put_tasks(book: Book, tx: Transaction, tasks: Iterable[Task]) -> int:
    """Make follow-ups; one that is there already, open or done, stays as it is. How many were made."""
    kind = book.schema.require("followup")
    count = 0
    for task in tasks:
        path = layout.path_of(kind, task.handle, sharded=book.sharded)
        known = book.index.row("SELECT 1 FROM followups WHERE handle = ?", (task.handle,))
        if known is not None or tx.read(path) is not None:
            continue
        data: RawMap = {
            "what": task.what,
            "due": task.due,
            "customer": task.customer,
            "tags": ["inbox"],
            "external": dict(task.external),
            "notes": task.notes,
        }
        owner = _owner(book, task.customer)
        data = {name: value for name, value in {**data, "owner": owner}.items() if value}
        data["id"] = same_id(task.at, task.key, task.what)
        records.save(book, tx, kind, path, data)
        count += 1
    return count


def _owner(book: Book, customer: str) -> str:
    row = book.index.row("SELECT owner FROM customers WHERE handle = ?", (customer,)) if customer else None
    return str(row[0] or "") if row else ""


def put_bad(book: Book, tx: Transaction, bad: Iterable[Bad]) -> list[str]:
    """Put addresses that are of no use on the list of suppressions; what is worth telling."""
    from crmctl.services.consenting import consents
    from crmctl.services.consenting.suppression import New

    news = [
        New(address, one.why, channel="email", source=one.source)
        for one in bad
        for address in dict.fromkeys(one.addresses)
    ]
    return consents.suppress_in(book, tx, news, book.now()) if news else []


def put_opt_outs(book: Book, tx: Transaction, asked: Sequence[OptOut]) -> list[str]:
    """Honour those who want no more mail, in their records and on the list of suppressions; what is worth telling.

    Where somebody agreed again on a later day than they asked, nothing is done, and a person reads it today: dates in
    mails are what their senders say.
    """
    from crmctl.services.consenting import consents

    news: list[New] = []
    for one in asked:
        wanted = _wanted(book, one)
        if one.customer and not wanted:
            what = "Read a mail: it asks for no more mail, and is older than what they agreed to"
            put_tasks(book, tx, [Task(f"{one.customer} {one.at}", what, one.customer, "", book.now(), 0)])
            continue
        if one.customer:
            day = one.at.date().isoformat() if one.dated else ""
            terms = consents.Terms(day, how="unsubscribed", evidence="mail")
            consents.withdraw_in(book, tx, one.customer, wanted, terms)
        news += _closed(book, one)
    return consents.suppress_in(book, tx, news, book.now()) if news else []


def put_refusals(book: Book, tx: Transaction, asked: Iterable[OptOut]) -> list[str]:
    """The same on the list of suppressions alone, for when records cannot be written."""
    from crmctl.services.consenting import consents

    news = [new for one in asked if not one.customer or _wanted(book, one) for new in _closed(book, one)]
    return consents.suppress_in(book, tx, news, book.now()) if news else []


def _wanted(book: Book, asked: OptOut) -> list[Purpose]:
    """The purposes that an opt-out is about, without those that they agreed to on a later day (which has come)."""
    from crmctl.services.consenting import permission

    purposes = book.settings.purposes
    if asked.scope in purposes:
        about = [purposes[asked.scope]]
    else:
        about = permission.promotion(purposes)
    data = _data(book, asked.customer)
    day, today = asked.at.date().isoformat(), book.now().date().isoformat()
    return [one for one in about if not permission.agreed_since(data, one, day, today)]


def _closed(book: Book, asked: OptOut) -> list[New]:
    """What an opt-out puts on the list of suppressions: the customer's addresses, and the one it came from."""
    from crmctl.services.consenting import addresses
    from crmctl.services.consenting import consents
    from crmctl.services.consenting import suppression
    from crmctl.services.consenting import suppression_entry

    scope = asked.scope if asked.scope in book.settings.purposes else suppression_entry.ALL
    terms = consents.Terms(asked.at.date().isoformat(), how="unsubscribed", evidence="mail")
    found = consents.opted_out(book, _data(book, asked.customer), scope, terms) if asked.customer else []
    if asked.address and addresses.normal(asked.address, book.context) not in {new.address for new in found}:
        found.append(suppression.New(asked.address, "unsubscribed", scope, "email"))
    at = suppression.stamp(asked.at)
    return [new._replace(source="mail", at=at) for new in found]


def _data(book: Book, customer: str) -> RawMap:
    return (book.index.data(book.schema.require("customer"), customer) if customer else None) or {}
