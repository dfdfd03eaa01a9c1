"""Rows put into the tables of an index and taken out of them again, many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.index.rows import Encoder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from crmctl.index.cells import Cell
    from crmctl.index.rows import Row
    from crmctl.model.fields import Kind
    from crmctl.model.settings import Settings

_BATCH = 500
"""So many rows are inserted at once, which SQLite does several times faster than one by one."""


class Inserter:
    """Puts the records of a book with ``settings`` into its tables.

    ``new`` has the paths of records that wait to be inserted, by kind and handle.
    """

    def __init__(self, connection: sqlite3.Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._encoders: dict[str, Encoder] = {}
        self._next_row: dict[str, int] = {}
        self._waiting: dict[str, list[Sequence[Cell]]] = {}
        self.new: dict[tuple[str, str], str] = {}

    def encoder(self, kind: Kind) -> Encoder:
        """What makes rows of the records of ``kind``."""
        encoder = self._encoders.get(kind.name)
        if encoder is None:
            encoder = self._encoders[kind.name] = Encoder(kind, self._settings)
            row = self._connection.execute(f"SELECT COALESCE(MAX(row_id), 0) FROM {kind.plural}").fetchone()
            self._next_row[kind.name] = row[0] + 1
        return encoder

    def insert(self, encoder: Encoder, handle: str, path: str, row: Row, data: str) -> None:
        """Put one record: its ``row``, and its ``data`` as in its file."""
        name = encoder.kind.name
        row_id = self._next_row[name]
        self._next_row[name] = row_id + 1
        self.new[name, handle] = path
        self.buffer(encoder.insert, (row_id, handle, path, *row.cells))
        self.buffer(encoder.insert_raw, (row_id, data, *row.raw))
        if row.words:
            self.buffer(encoder.insert_words, (row_id, row.words))
        for table, children in row.children:
            sql = encoder.insert_children[table]
            for child in children:
                self.buffer(sql, (row_id, *child))

    def buffer(self, sql: str, cells: Sequence[Cell]) -> None:
        """Have ``sql`` done with ``cells``, at the latest when ``flush`` is called."""
        waiting = self._waiting.get(sql)
        if waiting is None:
            waiting = self._waiting[sql] = []
        waiting.append(cells)
        if len(waiting) >= _BATCH:
            self._connection.executemany(sql, waiting)
            waiting.clear()

    def flush(self) -> None:
        """Insert whatever waits."""
        for sql, waiting in self._waiting.items():
            self._connection.executemany(sql, waiting)
        self.drop()

    def drop(self) -> None:
        """Forget whatever waits."""
        self._waiting, self.new = {}, {}

    def delete(self, kind: Kind, row_id: int) -> None:
        """Take one record out of all tables."""
        for table in (kind.plural, f"{kind.plural}_raw"):
            self._connection.execute(f"DELETE FROM {table} WHERE row_id = ?", (row_id,))
        self._connection.execute(f"DELETE FROM {kind.plural}_words WHERE rowid = ?", (row_id,))
        for table in self.encoder(kind).insert_children:
            self._connection.execute(f"DELETE FROM {table} WHERE owner = ?", (row_id,))
