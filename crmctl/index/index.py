"""The index file: opened, checked, brought up to date, asked. What is in it can always be made again from the book."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.errors import Problem
from crmctl.index import connecting
from crmctl.index import ddl

if TYPE_CHECKING:
    from collections.abc import Container
    from collections.abc import Iterable
    from collections.abc import Sequence
    from pathlib import Path

    from crmctl.index.inserting import Inserter
    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings


_ABOUT_CUSTOMERS = frozenset({"deal", "case", "followup"})


class State(NamedTuple):
    """What the index knows of the book: the commit it was made from, and the files that differed from it then.

    ``dirty`` maps a path to the file's (mtime in ns, size, inode) when it was read, to nothing when there was no file,
    or to None when it has to be looked at again. ``settings`` is ``crm.yaml`` as read.
    """

    head: str
    dirty: dict[str, list[int] | None]
    settings: RawMap


class Interaction(NamedTuple):
    """One line of an interactions file for the index: its number, its id ("" when it has none), text and value."""

    number: int
    identity: str
    text: str
    value: RawMap


class Index:
    """One open index."""

    def __init__(self, connection: sqlite3.Connection, *, writable: bool = True) -> None:
        self.connection = connection
        self.writable = writable
        self._settings: Settings | None = None
        self._inserter: Inserter | None = None
        self._affected: set[str] | None = set()
        self._displaced: set[str] = set()

    @classmethod
    def open(cls, path: Path) -> tuple[Index, State | None]:
        """The index at ``path`` and what it knows; None when there is none yet, or it is of another version or broken.

        An index that cannot be written, or that someone else is writing, is used as it is, or in memory.
        """
        writable = True
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = connecting.to_file(path)
        except (OSError, sqlite3.Error):
            try:
                connection, writable = connecting.read_only(path), False
            except sqlite3.Error:
                connection = connecting.in_memory()
        index = cls(connection, writable=writable)
        return index, index.state()

    @classmethod
    def in_memory(cls) -> Index:
        """An empty index that goes with the process."""
        return cls(connecting.in_memory())

    def state(self) -> State | None:
        """What the index knows of the book now; None when it knows nothing that can be used."""
        try:
            row = self.connection.execute("SELECT version, head, dirty, settings FROM state").fetchone()
            if row is None or row[0] != ddl.VERSION:
                return None
            return State(row[1], json.loads(row[2]), json.loads(row[3]))
        except (sqlite3.Error, ValueError):
            return None

    def copy_to_memory(self) -> Index:
        """A copy that can be brought up to date when this one cannot be written; empty when it cannot be read either.

        This one is closed.
        """
        copy = Index.in_memory()
        if not self.copy_to(copy):
            copy.close()
            copy = Index.in_memory()
        self.close()
        return copy

    def copy_to(self, other: Index) -> bool:
        """Put all that is in this index in the place of all that is in ``other``; whether that could be done.

        Where it could not, nothing in ``other`` can be relied on.
        """
        try:
            self.connection.backup(other.connection, progress=connecting.give_up_when_busy)
        except sqlite3.Error:
            return False
        return True

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    # What is asked

    def rows(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(sql, params).fetchall()

    def row(self, sql: str, params: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        found: tuple[Any, ...] | None = self.connection.execute(sql, params).fetchone()
        return found

    def problems(self) -> list[Problem]:
        """What could not be read, by path."""
        sql = 'SELECT path, line, "column", code, message, hint FROM problems ORDER BY path, line'
        return [Problem(*row) for row in self.rows(sql)]

    def data(self, kind: Kind, handle: str) -> RawMap | None:
        """A record as it stands in its file, or None when there is no such record."""
        row = self.row(
            f"SELECT r.data FROM {kind.plural} t JOIN {kind.plural}_raw r ON r.row_id = t.row_id WHERE t.handle = ?",
            (handle,),
        )
        return None if row is None else json.loads(row[0])

    def known_oid(self, path: str) -> str | None:
        """The content a file had when it was last read, as a git blob id."""
        row = self.row("SELECT oid FROM files WHERE path = ?", (path,))
        return None if row is None else row[0]

    # What is written

    def begin(self) -> bool:
        """Start to bring the index up to date; False when it cannot be written, or someone else is writing it."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        try:
            # SQLite begins on a read-only file too; it is the first write that it refuses.
            self.connection.execute("DELETE FROM state WHERE 0")
        except sqlite3.OperationalError as error:
            if connecting.code(error) == sqlite3.SQLITE_READONLY:
                self.rollback()
                return False
        return True

    def clear(self, settings: Settings) -> None:
        """Throw everything away and make empty tables for ``settings``, inside the present transaction."""
        from crmctl.index import making

        making.make_tables(self.connection, settings.schema)
        self._affected = None

    def use(self, settings: Settings) -> None:
        """Encode what is put from here on by ``settings``."""
        from crmctl.index.inserting import Inserter

        self._settings = settings
        self._inserter = Inserter(self.connection, settings)

    @property
    def _inserting(self) -> Inserter:
        assert self._inserter is not None
        return self._inserter

    def finish(self, state: State) -> None:
        """Count what changed, note the state that was read, and commit."""
        from crmctl.index import facts

        assert self._settings is not None
        self._inserting.flush()
        if self._affected is None:
            for statement in ddl.keys(self._settings.schema):
                self.connection.execute(statement)
            facts.count_all(self.connection, self._settings.currency)
            self.connection.execute("PRAGMA analysis_limit = 1000")
            self.connection.execute("ANALYZE main")
        elif self._affected:
            facts.count_some(self.connection, self._settings.currency, self._affected)
        self.connection.execute("DELETE FROM state")
        self.connection.execute(
            "INSERT INTO state VALUES (?, ?, ?, ?)",
            (ddl.VERSION, state.head, json.dumps(state.dirty), json.dumps(state.settings)),
        )
        self.connection.execute("COMMIT")
        self._affected = set()

    def rollback(self) -> None:
        """Forget what was put since ``begin``."""
        if self._inserter is not None:
            self._inserter.drop()
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def contested(self) -> set[str]:
        """The files that lost a handle or an id to another file: when that one changes, it may be theirs."""
        sql = "SELECT path FROM problems WHERE code IN ('duplicate-handle', 'duplicate-id')"
        return {path for (path,) in self.rows(sql)}

    def rivals(self, path: str, kind: Kind, handle: str) -> set[str]:
        """The other files that are about the same record as the one at ``path``."""
        sql = "SELECT path FROM files WHERE handle = ? AND kind = ? AND path <> ?"
        return {other for (other,) in self.rows(sql, (handle, kind.name, path))}

    def displaced(self) -> set[str]:
        """The files that were forgotten because one that was put comes before them and has the same ids; told once."""
        displaced, self._displaced = self._displaced, set()
        return displaced

    def forget(self, path: str) -> None:
        """Take out everything that came from the file at ``path``."""
        row = self.row("SELECT kind, handle FROM files WHERE path = ?", (path,))
        self.connection.execute("DELETE FROM problems WHERE path = ?", (path,))
        if row is None:
            return
        assert self._settings is not None
        kind = self._settings.schema.kind(row[0])
        if kind is not None:
            self._touch(kind, row[1])
            for row_id, _, _ in self._rows_from(kind, row[1], path):
                self._touch_customer(kind, row_id)
                self._inserting.delete(kind, row_id)
        self.connection.execute("DELETE FROM files WHERE path = ?", (path,))

    def put_problems(self, path: str, oid: str, kind: Kind, handle: str, problems: Iterable[Problem]) -> None:
        """Note a file that could not be read, or parts of it that could not."""
        self._inserting.buffer("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", (path, oid, kind.name, handle))
        for problem in problems:
            self._inserting.buffer("INSERT INTO problems VALUES (?, ?, ?, ?, ?, ?)", problem)

    def put_record(self, path: str, oid: str, kind: Kind, handle: str, data: RawMap) -> None:
        """Take in the record of a YAML file, which must have been forgotten if it was known.

        Of several files for one handle the first in the order of their paths is read: they must be put in that order.
        """
        other = self._place_of(kind, handle)
        if other is not None:
            message = f"{kind.name} {handle} stands in {other} too; only that file is read"
            problem = Problem(path, 0, 0, "duplicate-handle", message, "Keep one of the two files.")
            self.put_problems(path, oid, kind, handle, [problem])
            return
        self.put_problems(path, oid, kind, handle, ())
        encoder = self._inserting.encoder(kind)
        row = encoder.encode(data)
        self._inserting.insert(encoder, handle, path, row, json.dumps(data, ensure_ascii=False))
        self._touch(kind, handle)
        if kind.name in _ABOUT_CUSTOMERS and self._affected is not None:
            self._affected.add(str(row.cells[encoder.column("customer")]))

    def put_interactions(
        self, path: str, oid: str, kind: Kind, customer: str, lines: Sequence[Interaction], problems: Sequence[Problem]
    ) -> None:
        """Take in the interactions of one customer; only lines that are new or changed cost anything."""
        known: dict[str, tuple[int, str]] = {}
        if self._affected is not None:
            self.connection.execute("DELETE FROM problems WHERE path = ?", (path,))
            known = {handle: (row_id, data) for row_id, handle, data in self._rows_from(kind, customer, path)}
        self.put_problems(path, oid, kind, customer, problems)
        encoder = self._inserting.encoder(kind)
        column = encoder.column("customer")
        seen: set[str] = set()
        for line in lines:
            names = (line.identity, f"{customer}#{line.number}", f"{path}#{line.number}")
            handle = next(name for name in names if name and self._is_free(kind, name, path, seen, known))
            if line.identity not in ("", handle):
                message = f"the id {line.identity} is used by another interaction too"
                problem = Problem(path, line.number, 1, "duplicate-id", message, "Take the `id` out of one of them.")
                self._inserting.buffer("INSERT INTO problems VALUES (?, ?, ?, ?, ?, ?)", problem)
            seen.add(handle)
            before = known.pop(handle, None)
            if before is not None:
                if before[1] == line.text:
                    continue
                self._inserting.delete(kind, before[0])
            row = encoder.encode(line.value)
            row.cells[column] = customer
            self._inserting.insert(encoder, handle, path, row, line.text)
        for row_id, _ in known.values():
            self._inserting.delete(kind, row_id)
        self._touch(kind, customer)

    def _is_free(self, kind: Kind, handle: str, path: str, seen: Container[str], known: Container[str]) -> bool:
        """Whether a line of ``path`` can have ``handle``; a file that comes later has to give it up."""
        if handle in seen or handle in known:
            return handle not in seen
        place = self._place_of(kind, handle)
        if place is None or place > path:
            if place is not None:
                self.forget(place)
                self._displaced.add(place)
            return True
        return False

    def _rows_from(self, kind: Kind, handle: str, path: str) -> list[tuple[Any, ...]]:
        """(row, handle, data) of what came from the file at ``path``, found by the key that the tables have."""
        column = "customer" if kind.storage == "jsonl" else "handle"
        sql = (
            f"SELECT t.row_id, t.handle, r.data FROM {kind.plural} t JOIN {kind.plural}_raw r ON r.row_id = t.row_id "
            f"WHERE t.{column} = ? AND t.path = ?"
        )
        return self.rows(sql, (handle, path))

    def _place_of(self, kind: Kind, handle: str) -> str | None:
        """The path a record was read from, put just now or long ago."""
        place = self._inserting.new.get((kind.name, handle))
        if place is None and self._affected is not None:
            row = self.row(f"SELECT path FROM {kind.plural} WHERE handle = ?", (handle,))
            place = None if row is None else row[0]
        return place

    def _touch(self, kind: Kind, handle: str) -> None:
        """Remember the customer whose own file changed: the facts have to be counted again."""
        if self._affected is not None and kind.name in ("customer", "interaction"):
            self._affected.add(handle)

    def _touch_customer(self, kind: Kind, row_id: int) -> None:
        """Remember the customer that a deal, case or follow-up is about."""
        if self._affected is not None and kind.name in _ABOUT_CUSTOMERS:
            row = self.row(f"SELECT customer FROM {kind.plural} WHERE row_id = ?", (row_id,))
            if row and row[0]:
                self._affected.add(row[0])
