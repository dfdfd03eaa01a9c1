"""Finding records of the book by what a file says of them: one query a field, then answers from memory."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from crmctl.errors import UsageProblem
from crmctl.model import columns
from crmctl.model import values
from crmctl.model.text import fold
from crmctl.services.importing.cells import Refused
from crmctl.services.importing.mapping import target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.model.values import Context
    from crmctl.services.book import Book

_BY_KEY = frozenset({"email", "phone"})
_KEYS = frozenset({"text", "url", "email", "phone", "choice", "ref", "id", "integer", "template"})
NAME = "\0name"
"""Stands for the title of a record, compared without regard to case and accents."""


def normal_key(field: Field, text: str, context: Context) -> str:
    """The form in which values of ``field`` are held against each other to find a record."""
    if field.type in _BY_KEY:
        try:
            return str(values.normal(field, text, context))
        except ValueError:
            return text
    if field.type == "id":
        return text.upper()
    return text.lower() if field.type in ("choice", "ref") else text


def key_field(kind: Kind, name: str) -> Field:
    """The declaration of a field by which records can be found.

    Raises:
        UsageProblem: there is none, or it is one that cannot tell records apart.
    """
    found = target(kind, name)
    if found.field.type not in _KEYS:
        raise UsageProblem(f"{name} cannot tell records apart", hint="An e-mail address or an outside id can.")
    return found.field


def known(book: Book, kind: Kind, name: str) -> Iterator[tuple[str, int, str]]:
    """(key, row_id, handle) of every record of ``kind`` that has something in the field ``name``."""
    if name == NAME:
        sql = f"SELECT t.{kind.title}_key, t.row_id, t.handle FROM {kind.plural} t"
        yield from _rows(book, sql, ())
        return
    column = columns.resolve(kind, name)
    assert column is not None
    stem = f"{column.column}_key" if column.field.type in _BY_KEY else column.column
    if not column.table:
        yield from _rows(book, f'SELECT t."{stem}", t.row_id, t.handle FROM {kind.plural} t', ())
        return
    sql = f'SELECT c."{stem}", t.row_id, t.handle FROM {column.table} c JOIN {kind.plural} t ON t.row_id = c.owner'
    if column.key:
        yield from _rows(book, f"{sql} WHERE c.key = ?", (column.key,))
    else:
        yield from _rows(book, sql, ())


def _rows(book: Book, sql: str, params: tuple[str, ...]) -> Iterator[tuple[str, int, str]]:
    for value, row_id, handle in book.index.connection.execute(sql, params):
        if value is not None:
            yield str(value), row_id, handle


class Finder:
    """The handles of the records of one kind that a cell can mean.

    ``name`` is the field to look in; without one it is the handle, an e-mail address, or the exact name, in this order.
    Records that are only about to be made are put in with ``add``.
    """

    def __init__(self, book: Book, kind: Kind, name: str = "") -> None:
        self.kind = kind
        self._book = book
        self._context = book.context
        self._said = name
        self._names = (name,) if name else tuple(_usual(kind))
        self._tables: dict[str, dict[str, list[str]]] = {}
        self._fields = {word: key_field(kind, word) for word in self._names if word != NAME}

    def find(self, text: str) -> str:
        """The handle of the one record that ``text`` means, "" for none. Raises ``Refused`` when there are several."""
        for name in self._names:
            handles = self._table(name).get(self._key(name, text), [])
            if len(handles) == 1:
                return handles[0]
            if handles:
                shown = ", ".join(sorted(handles)[:5])
                raise Refused(f"{text!r} can be {len(handles)} {self.kind.plural}: {shown}")
        return ""

    def missing(self, text: str) -> Refused:
        """What to say when nothing was found."""
        by = f" with {self._said}" if self._said else ""
        return Refused(f"there is no {self.kind.name}{by} {text!r}")

    def add(self, handle: str, data: RawMap) -> None:
        """Let a record be found that is not in the book yet."""
        for name in self._names:
            for key in self._keys_of(name, handle, data):
                handles = self._table(name).setdefault(key, [])
                if handle not in handles:
                    handles.append(handle)

    def forget(self, handle: str, data: RawMap) -> None:
        """Take back what ``add`` did."""
        for name in self._names:
            for key in self._keys_of(name, handle, data):
                handles = self._table(name).get(key, [])
                if handle in handles:
                    handles.remove(handle)

    def _keys_of(self, name: str, handle: str, data: RawMap) -> list[str]:
        if name == "handle":
            return [handle]
        value: Any = data
        for step in (self.kind.title,) if name == NAME else target(self.kind, name).path:
            value = value.get(step, "") if isinstance(value, dict) else ""
        texts = value if isinstance(value, list) else [value]
        return [self._key(name, text) for text in texts if isinstance(text, str) and text]

    def _key(self, name: str, text: str) -> str:
        return fold(text) if name == NAME else normal_key(self._fields[name], text, self._context)

    def _table(self, name: str) -> dict[str, list[str]]:
        table = self._tables.get(name)
        if table is None:
            table = self._tables[name] = {}
            for key, _, handle in known(self._book, self.kind, name):
                handles = table.setdefault(key, [])
                if handle not in handles:
                    handles.append(handle)
        return table


def _usual(kind: Kind) -> Iterator[str]:
    yield "handle" if kind.storage == "yaml" else "id"
    for field in kind.stored:
        if field.type == "email":
            yield field.name
    title = kind.field(kind.title)
    if title is not None and title.type == "text" and kind.storage == "yaml":
        yield NAME
