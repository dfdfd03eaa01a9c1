"""Who somebody is in what we sent: ledgers and tokens name a record by its id, and one that has none by its handle.

Records get an id when crmctl writes them for the first time; one that came from an editor may be sent to before that,
and its handle still stands in the ledger afterwards. No id is written like a handle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmctl.services.book import Book


def of(book: Book, handle: str) -> str:
    """What a customer is called in ledgers; "" when there is no such customer."""
    row = book.index.row("SELECT COALESCE(id, handle) FROM customers WHERE handle = ?", (handle,))
    return str(row[0]) if row else ""


def handles_of(book: Book, identity: str) -> list[str]:
    """The customers who are called so in ledgers: none when they have gone, several when one record was copied."""
    sql = "SELECT handle FROM customers WHERE id = ? UNION SELECT handle FROM customers WHERE handle = ? ORDER BY 1"
    return [str(handle) for (handle,) in book.index.rows(sql, (identity, identity))]


def every(book: Book, kind: str = "customer") -> dict[str, str]:
    """The handles of all records of a kind, by what they are called in ledgers, now and before they had an id."""
    plural = book.schema.require(kind).plural
    found = book.index.rows(f"SELECT COALESCE(id, handle), handle FROM {plural}")
    rows = [(str(identity), str(handle)) for identity, handle in found]
    return dict(rows) | {handle: handle for _, handle in rows}


def by_send(book: Book) -> dict[str, str]:
    """Customers by the id that each campaign's mail to them has: a lost ledger must not keep anybody in."""
    from crmctl.mail.identifiers import send_id

    people = every(book).items()
    return {send_id(one, person, "email"): handle for one in every(book, "campaign") for person, handle in people}
