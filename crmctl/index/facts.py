"""What is counted about each customer: contacts, purchases, open deals and cases, the next follow-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_RESET = """
UPDATE customers SET first = NULL, first_day = NULL, first_month = NULL, last = NULL, last_day = NULL,
last_month = NULL, interactions = 0, orders = 0, spent_minor = 0, open_deals = 0, open_cases = 0,
next = NULL, next_day = NULL, next_month = NULL {where}
"""
_CONTACTS = """
UPDATE customers SET interactions = f.n, orders = f.orders, spent_minor = f.spent, first_day = f.first,
last_day = f.last, first = date(f.first * 86400, 'unixepoch'), last = date(f.last * 86400, 'unixepoch'),
first_month = strftime('%Y-%m', f.first * 86400, 'unixepoch'),
last_month = strftime('%Y-%m', f.last * 86400, 'unixepoch')
FROM (
    SELECT customer, COUNT(*) AS n, SUM(type = 'purchase') AS orders, MIN(at_day) AS first, MAX(at_day) AS last,
    COALESCE(SUM(CASE WHEN type = 'purchase' AND currency = ? THEN amount_minor END), 0) AS spent
    FROM interactions {of_customer} GROUP BY customer
) AS f WHERE f.customer = customers.handle
"""
_DEALS = """
UPDATE customers SET open_deals = f.n
FROM (SELECT customer, COUNT(*) AS n FROM deals WHERE status = 'open' {and_customer} GROUP BY customer) AS f
WHERE f.customer = customers.handle
"""
_CASES = """
UPDATE customers SET open_cases = f.n
FROM (SELECT customer, COUNT(*) AS n FROM cases WHERE COALESCE(status, 'open') NOT IN ('solved', 'closed')
      {and_customer} GROUP BY customer) AS f
WHERE f.customer = customers.handle
"""
_NEXT = """
UPDATE customers SET next_day = f.day, next = date(f.day * 86400, 'unixepoch'),
next_month = strftime('%Y-%m', f.day * 86400, 'unixepoch')
FROM (SELECT customer, MIN(due_day) AS day FROM followups WHERE done IS NULL AND due_day IS NOT NULL
      {and_customer} GROUP BY customer) AS f
WHERE f.customer = customers.handle
"""


def count_all(connection: sqlite3.Connection, currency: str) -> None:
    """Count the facts of every customer; ``currency`` is the book's, the only one that ``spent`` adds up."""
    _run(connection, currency, {"where": "", "of_customer": "", "and_customer": ""})


def count_some(connection: sqlite3.Connection, currency: str, handles: Iterable[str]) -> None:
    """Count the facts of the customers named."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS affected (handle TEXT PRIMARY KEY)")
    connection.execute("DELETE FROM affected")
    connection.executemany("INSERT OR IGNORE INTO affected VALUES (?)", ((handle,) for handle in handles))
    chosen = "(SELECT handle FROM temp.affected)"
    of_customer = f"WHERE customer IN {chosen}"
    _run(
        connection,
        currency,
        {"where": f"WHERE handle IN {chosen}", "of_customer": of_customer, "and_customer": f"AND customer IN {chosen}"},
    )


def _run(connection: sqlite3.Connection, currency: str, parts: dict[str, str]) -> None:
    connection.execute(_RESET.format(**parts))
    connection.execute(_CONTACTS.format(**parts), (currency,))
    for statement in (_DEALS, _CASES, _NEXT):
        connection.execute(statement.format(**parts))
