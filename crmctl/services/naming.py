"""Which other records name a record: what would be left dangling if it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.model import columns

if TYPE_CHECKING:
    from crmctl.model.fields import Kind
    from crmctl.services.book import Book


def naming_records(book: Book, kind: Kind, handle: str) -> list[tuple[str, str]]:
    """(kind, handle) of every record that names this one; a customer's own interactions do not count."""
    found: list[tuple[str, str]] = []
    for other in book.schema.kinds:
        for column, field in columns.plain_fields(other):
            if field.type == "ref" and field.kind == kind.name and (other.name, column) != ("interaction", "customer"):
                rows = book.index.rows(f'SELECT handle FROM {other.plural} WHERE "{column}" = ?', (handle,))
                found += [(other.name, str(row[0])) for row in rows]
        for table, field in columns.child_fields(other):
            for column, part in columns.child_columns(field):
                if part.type == "ref" and part.kind == kind.name:
                    sql = (
                        f"SELECT DISTINCT t.handle FROM {other.plural} t JOIN {table} c ON c.owner = t.row_id "
                        f'WHERE c."{column}" = ?'
                    )
                    found += [(other.name, str(row[0])) for row in book.index.rows(sql, (handle,))]
    return found


def may_name(other: Kind, kind: Kind) -> bool:
    """Whether a record of the kind ``other`` can name one of ``kind``; a history's own customer does not count."""
    for column, field in columns.plain_fields(other):
        if field.type == "ref" and field.kind == kind.name and (other.name, column) != ("interaction", "customer"):
            return True
    parts = (part for _, field in columns.child_fields(other) for _, part in columns.child_columns(field))
    return any(part.type == "ref" and part.kind == kind.name for part in parts)
