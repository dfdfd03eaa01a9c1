"""Which record of the book a row is about, told by its key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.services.importing.cells import Refused
from crmctl.services.importing.lookup import key_field
from crmctl.services.importing.lookup import known
from crmctl.services.importing.lookup import normal_key
from crmctl.services.importing.mapping import HANDLE
from crmctl.services.importing.mapping import ID
from crmctl.services.importing.mapping import target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.importing.mapping import Pattern
    from crmctl.services.importing.mapping import Target


class Match(NamedTuple):
    """A record of the book, as it stands in its file; ``customer`` is whom an interaction is with."""

    handle: str
    path: str
    customer: str
    data: RawMap


class Matcher:
    """Finds records by the field ``key``.

    Without a key, ``id`` or ``handle`` is it when the file has a column for it; otherwise every row is a new record,
    and ``key`` is "".

    Raises:
        UsageProblem: the key is not in the file, or no key.
        InvalidData: records of this kind cannot be read, and one of them may be the one that is looked for.
    """

    def __init__(self, book: Book, kind: Kind, key: str, targets: Sequence[Target], pattern: Pattern | None) -> None:
        self._book = book
        self._kind = kind
        self._pattern = pattern
        self._context = book.context
        paths = [found.path for found in targets]
        self._said = bool(key)
        self.key = key or ("id" if ID in paths else "handle" if HANDLE in paths else "")
        self._table: dict[str, int] = {}
        self._double: dict[str, set[int]] = {}
        self._lines: dict[str, int] = {}
        self._rows: dict[int, int] = {}
        if not self.key:
            return
        self._path = target(kind, self.key).path
        self._field = key_field(kind, self.key)
        if self._path not in paths and not (self._path == HANDLE and pattern is not None):
            hint = f"Map one: --map {self.key}=COLUMN"
            raise UsageProblem(f"no column is mapped to the key {self.key}", hint=hint)
        _refuse_unreadable(book, kind)
        self._load()

    def match(self, line: int, values: Mapping[tuple[str, ...], Raw], cells: Sequence[str]) -> Match | None:
        """The record that the row at ``line`` is about, None for a new one.

        Raises:
            Refused: the key is blank, stood in an earlier row, or belongs to several records.
        """
        if not self.key:
            return None
        keys = self._keys(values, cells)
        if not keys and self._said:
            raise Refused(f"it has nothing in {self.key}, by which records are told apart")
        for key in keys:
            earlier = self._lines.setdefault(key, line)
            if earlier != line:
                raise Refused(f"{self.key} {key!r} is in line {earlier} already")
        found = {row for key in keys if key in self._table for row in self._double.get(key, {self._table[key]})}
        if not found:
            return None
        matches = [self._load_one(row) for row in sorted(found)]
        if len(matches) > 1:
            shown = ", ".join(match.handle for match in matches[:5])
            raise Refused(f"{len(matches)} {self._kind.plural} have that {self.key}: {shown}")
        earlier = self._rows.setdefault(next(iter(found)), line)
        if earlier != line:
            raise Refused(f"line {earlier} is about {self._kind.name} {matches[0].handle} already")
        return matches[0]

    def _keys(self, values: Mapping[tuple[str, ...], Raw], cells: Sequence[str]) -> list[str]:
        value = values.get(self._path, "")
        if not value and self._path == HANDLE and self._pattern is not None:
            value = self._pattern.handle_text(cells)
        texts = value if isinstance(value, list) else [value]
        return [normal_key(self._field, text, self._context) for text in texts if isinstance(text, str) and text]

    def _load(self) -> None:
        table, double = self._table, self._double
        for key, row_id, _ in known(self._book, self._kind, self.key):
            other = table.setdefault(key, row_id)
            if other != row_id:
                double.setdefault(key, {other}).add(row_id)

    def _load_one(self, row_id: int) -> Match:
        customer = "t.customer" if self._kind.storage == "jsonl" else "''"
        sql = (
            f"SELECT t.handle, t.path, {customer}, r.data FROM {self._kind.plural} t "
            f"JOIN {self._kind.plural}_raw r ON r.row_id = t.row_id WHERE t.row_id = ?"
        )
        row = self._book.index.row(sql, (row_id,))
        assert row is not None
        return Match(row[0], row[1], row[2], self._read(row[3]))

    def _read(self, text: str) -> RawMap:
        """The data as its reader gives it: of an interaction the index keeps the line, numbers and all."""
        if self._kind.storage == "jsonl":
            from crmctl.store.jsonl import parse_line

            return parse_line(text.encode())
        data: RawMap = json.loads(text)
        return data


def _refuse_unreadable(book: Book, kind: Kind) -> None:
    sql = (
        'SELECT p.path, p.line, p."column", p.code, p.message, p.hint FROM problems p JOIN files f ON f.path = p.path '
        "WHERE f.kind = ? AND p.code NOT IN ('missing-field', 'duplicate-id') ORDER BY p.path"
    )
    from crmctl.errors import Problem

    problems = [Problem(*row) for row in book.index.rows(sql, (kind.name,))]
    if problems:
        message = f"{problems[0]}; until it can be read, nobody knows whether the file is about it"
        raise InvalidData(message, hint=problems[0].hint, problems=problems)
