"""Records that may be of one person or thing: they share an e-mail address or a phone number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.model import values

if TYPE_CHECKING:
    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book


def lookalikes(book: Book, kind: Kind, handle: str, data: RawMap) -> list[str]:
    """Records that share an e-mail address or phone with a new one."""
    notes = []
    for field in kind.stored:
        if field.type in ("email", "phone"):
            notes += _same_value(book, kind, field, handle, data)
    return notes


def _same_value(book: Book, kind: Kind, field: Field, handle: str, data: RawMap) -> list[str]:
    found = []
    value = data.get(field.name, "")
    for text in value if isinstance(value, list) else [value]:
        if not isinstance(text, str) or not text:
            continue
        key = str(values.normal(field, text, book.context))
        if field.shape == "one":
            sql = f"SELECT handle FROM {kind.plural} WHERE {field.name}_key = ? LIMIT 3"
        else:
            child = f"{kind.plural}_{field.name}"
            joined = f"{kind.plural} t JOIN {child} c ON c.owner = t.row_id"
            sql = f"SELECT t.handle FROM {joined} WHERE c.value_key = ? LIMIT 3"
        others = [str(row[0]) for row in book.index.rows(sql, (key,)) if row[0] != handle]
        if others:
            found.append(f"looks like {', '.join(others)} (same {field.type})")
    return found
