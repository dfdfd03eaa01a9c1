"""The tables of an index made anew, empty but for the lists that every index has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.index import ddl
from crmctl.model import iso
from crmctl.model import money

if TYPE_CHECKING:
    import sqlite3

    from crmctl.model.schema import Schema

_SHADOWS = ("_words_data", "_words_idx", "_words_content", "_words_docsize", "_words_config")
"""How the tables end that SQLite keeps for a full text; they go with it."""


def make_tables(connection: sqlite3.Connection, schema: Schema) -> None:
    """Throw everything away and make empty tables for ``schema``, inside the present transaction."""
    # Keys come in no order, so the pages they touch should stay at hand (32 MB of them).
    connection.execute("PRAGMA cache_size = -32000")
    names = connection.execute("SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
    for what, name in sorted(names, reverse=True):
        if not name.endswith(_SHADOWS) and not name.startswith("sqlite_"):
            connection.execute(f'DROP {what} IF EXISTS "{name}"')
    connection.execute("CREATE TABLE state (version INTEGER, head TEXT, dirty TEXT, settings TEXT)")
    for statement in ddl.statements(schema):
        connection.execute(statement)
    units = [(code, 10 ** money.exponent(code)) for code in sorted(iso.CURRENCIES)]
    connection.executemany("INSERT INTO currencies VALUES (?, ?)", units)
    countries = [(code, name) for code, (_, name) in iso.COUNTRIES.items()]
    connection.executemany("INSERT INTO countries VALUES (?, ?)", countries)
