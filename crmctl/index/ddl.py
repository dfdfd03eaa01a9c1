"""The tables of the index, made from the declarations of the kinds by the conventions of ``model.columns``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.model import columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.schema import Schema

VERSION = 6
"""Raised whenever tables or normal forms change; an index of another version is made anew."""

_FIXED = """
CREATE TABLE files (path TEXT PRIMARY KEY, oid TEXT NOT NULL, kind TEXT NOT NULL, handle TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE problems (path TEXT, line INTEGER, "column" INTEGER, code TEXT, message TEXT, hint TEXT);
CREATE INDEX problems_path ON problems (path);
CREATE TABLE currencies (code TEXT PRIMARY KEY, unit INTEGER NOT NULL);
CREATE TABLE countries (code TEXT PRIMARY KEY, name TEXT NOT NULL);
"""

_BOUGHT = """
CREATE VIEW customers_bought AS
SELECT c.row_id AS owner, 0 AS position, NULL AS key, l.product AS value,
p.name_key || ' ' || COALESCE(p.category_key, '') AS value_key
FROM interactions_lines l JOIN interactions i ON i.row_id = l.owner AND i.type = 'purchase'
JOIN customers c ON c.handle = i.customer LEFT JOIN products p ON p.handle = l.product
WHERE l.product IS NOT NULL
UNION ALL
SELECT c.row_id, 0, NULL, NULL, l.text_key
FROM interactions_lines l JOIN interactions i ON i.row_id = l.owner AND i.type = 'purchase'
JOIN customers c ON c.handle = i.customer
WHERE l.text_key IS NOT NULL
"""


def statements(schema: Schema) -> Iterator[str]:
    """The statements that make an empty index for ``schema``; secondary keys are made later, by ``keys``."""
    yield from filter(str.strip, _FIXED.split(";"))
    for kind in schema.kinds:
        yield from _tables_of(kind)
    yield _BOUGHT


def keys(schema: Schema) -> Iterator[str]:
    """The statements for secondary keys: cheaper made after a full build than kept up during it."""
    for kind in schema.kinds:
        table = kind.plural
        yield f"CREATE UNIQUE INDEX IF NOT EXISTS key_{table}_handle ON {table} (handle)"
        if kind.storage == "yaml":  # The handle of an interaction is its id.
            yield f"CREATE INDEX IF NOT EXISTS key_{table}_id ON {table} (id)"
        for column, field in columns.plain_fields(kind):
            if field.type == "ref" and (column == "customer" or field.kind == kind.name):
                yield f"CREATE INDEX IF NOT EXISTS key_{table}_{column} ON {table} ({column})"
        for child, _ in columns.child_fields(kind):
            yield f"CREATE INDEX IF NOT EXISTS key_{child}_owner ON {child} (owner)"
    yield "CREATE INDEX IF NOT EXISTS key_files_handle ON files (handle)"
    yield "CREATE INDEX IF NOT EXISTS key_customers_name ON customers (name_key)"
    yield "CREATE INDEX IF NOT EXISTS key_customers_spent ON customers (spent_minor)"
    yield "CREATE INDEX IF NOT EXISTS key_customers_last ON customers (last_day)"
    yield "CREATE INDEX IF NOT EXISTS key_customers_emails_key ON customers_emails (value_key)"
    yield "CREATE INDEX IF NOT EXISTS key_customers_phones_key ON customers_phones (value_key)"
    yield "CREATE INDEX IF NOT EXISTS key_interactions_time ON interactions (at_time)"


def row_columns(kind: Kind) -> list[tuple[str, Field, str]]:
    """(column, field, suffix) of the table of a kind, in order, without ``row_id`` and ``handle``."""
    return [
        (stem + suffix, field, suffix)
        for stem, field in columns.plain_fields(kind)
        if field.type not in columns.KEY_ONLY
        for suffix in columns.suffixes(field)
    ]


def raw_columns(kind: Kind) -> list[tuple[str, Field]]:
    """(column, field) of the side table of a kind, behind ``row_id`` and ``data``."""
    return [(f"{stem}_key", field) for stem, field in columns.plain_fields(kind) if field.type in columns.KEY_ONLY]


def value_columns(field: Field) -> list[tuple[str, Field, str]]:
    """(column, field, suffix) of the values of a child table."""
    return [
        (stem + suffix, part, suffix)
        for stem, part in columns.child_columns(field)
        for suffix in columns.child_suffixes(part)
    ]


def _tables_of(kind: Kind) -> Iterator[str]:
    table = kind.plural
    body = [f'"{name}" {_affinity(field, suffix)}' for name, field, suffix in row_columns(kind)]
    first = "row_id INTEGER PRIMARY KEY, handle TEXT NOT NULL, path TEXT"
    yield f"CREATE TABLE {table} ({first}, {', '.join(body)})"
    side = "".join(f', "{name}" TEXT' for name, _ in raw_columns(kind))
    yield f"CREATE TABLE {table}_raw (row_id INTEGER PRIMARY KEY, data TEXT NOT NULL{side})"
    yield f"CREATE VIRTUAL TABLE {table}_words USING fts5 (body, tokenize = 'trigram')"
    for child, field in columns.child_fields(kind):
        values = [f'"{name}" {_affinity(part, suffix)}' for name, part, suffix in value_columns(field)]
        yield f"CREATE TABLE {child} (owner INTEGER NOT NULL, position INTEGER NOT NULL, key TEXT, {', '.join(values)})"


def _affinity(field: Field, suffix: str) -> str:
    return "INTEGER" if columns.is_number(field, suffix) else "TEXT"
