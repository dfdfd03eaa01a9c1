"""Giving records back: flat, in columns that an import of the same file understands, or raw and whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl import query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book

_SPLITS = (",", ";", "\n")


class Exported(NamedTuple):
    """Columns, rows of texts in their order, and names of fields that the book does not know and that are left out."""

    columns: list[str]
    rows: Iterator[list[str]]
    left_out: list[str]


def raw(book: Book, kind: Kind, filters: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Records as they stand in their files, each with its handle (an interaction: with its customer) before them.

    Raises:
        BadFilter: a filter cannot be understood.
    """
    where = query.compile_filter(query.parse_all(filters), kind, book.context, book.now())
    head = "t.customer" if kind.storage == "jsonl" else "t.handle"
    order = "t.at_time, t.handle" if kind.storage == "jsonl" else "t.handle"
    sql = (
        f"SELECT {head}, r.data FROM {kind.plural} t JOIN {kind.plural}_raw r ON r.row_id = t.row_id "
        f"WHERE {where.text} ORDER BY {order}"
    )
    rows = book.index.connection.execute(sql, where.params)
    return _raw_rows(kind, rows)


def _raw_rows(kind: Kind, rows: Iterator[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    if kind.storage == "jsonl":
        from crmctl.store.jsonl import parse_line

        for customer, text in rows:
            yield {"customer": customer, **parse_line(text.encode())}
    else:
        for handle, text in rows:
            yield {"handle": handle, **json.loads(text)}


def flat(book: Book, kind: Kind, filters: Sequence[str] = ()) -> Exported:
    """Records as rows: a column for every field, group part and map entry that stands in one of them.

    A list is one cell with ``; `` between its items; what has parts of its own inside a list is JSON.
    """
    found: dict[str, None] = {}
    left_out: dict[str, None] = {}
    for data in raw(book, kind, filters):
        for name in _flattened(kind, data):
            found.setdefault(name)
        left_out.update((name, None) for name in data if kind.field(name) is None and name != "handle")
    if not found:
        found = dict.fromkeys(["customer" if kind.storage == "jsonl" else "handle", *(f.name for f in kind.stored)])
    entries = {_entry(kind, name): at for at, name in enumerate(reversed(found))}
    columns = sorted(found, key=lambda name: _position(kind, name, -entries[_entry(kind, name)]))

    def rows() -> Iterator[list[str]]:
        for data in raw(book, kind, filters):
            cells = _flattened(kind, data)
            yield [cells.get(name, "") for name in columns]

    return Exported(columns, rows(), list(left_out))


def _entry(kind: Kind, name: str) -> str:
    """``consent.newsletter`` for ``consent.newsletter.state``: the entry of a map that a column belongs to."""
    field = kind.field(name.partition(".")[0])
    return name.rpartition(".")[0] if field is not None and field.shape == "map" and field.type == "group" else name


def _position(kind: Kind, name: str, entry: int) -> tuple[int, int, int]:
    """Handle first, then as declared; entries of a map in the order in which they were met, their parts as declared."""
    head, _, rest = name.partition(".")
    places = {field.name: at for at, field in enumerate(kind.stored, 1)}
    field = kind.field(head)
    if field is None or not rest:
        return places.get(head, 0), 0, 0
    parts = [part.name for part in field.fields]
    last = rest.rpartition(".")[2]
    return places[head], entry if field.shape == "map" else 0, parts.index(last) if last in parts else 0


def _flattened(kind: Kind, data: RawMap) -> dict[str, str]:
    """The cells of one record by the name of their column."""
    cells: dict[str, str] = {}
    for name, value in data.items():
        field = kind.field(name)
        if value and (field is None or (field.derived and name != "customer")):
            if name == "handle":
                cells[name] = str(value)
        elif value and field is not None:
            _flatten(cells, name, field, value)
    return cells


def _flatten(cells: dict[str, str], name: str, field: Field, value: Raw) -> None:
    if field.shape == "map" and isinstance(value, dict):
        one = field._replace(shape="one")
        for key, item in value.items():
            _flatten(cells, f"{name}.{key}", one, item)
    elif field.type == "group" and field.shape == "one" and isinstance(value, dict):
        parts = {part.name: part for part in field.fields}
        for key, item in value.items():
            if key in parts and item:
                _flatten_part(cells, f"{name}.{key}", parts[key], item)
    else:
        _flatten_part(cells, name, field, value)


def _flatten_part(cells: dict[str, str], name: str, field: Field, value: Raw) -> None:
    if isinstance(value, str):
        cells[name] = value
    elif field.type != "group" and isinstance(value, list) and all(isinstance(item, str) for item in value):
        cells[name] = _joined([str(item) for item in value])
    else:
        cells[name] = json.dumps(value, ensure_ascii=False)


def _joined(items: list[str]) -> str:
    if any(item != item.strip() or item.startswith("[") or any(sign in item for sign in _SPLITS) for item in items):
        return json.dumps(items, ensure_ascii=False)
    return "; ".join(items)
