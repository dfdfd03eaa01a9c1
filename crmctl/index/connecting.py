"""Opening the file of an index, and what SQLite's errors say about it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WAIT = 1.0
"""Seconds to wait for another process that is at work in the index; after that a copy in memory has to do."""


def unusable(error: BaseException) -> bool:
    """Whether ``error`` is SQLite's: the file is damaged or foreign, the disk is full, or someone is in the way."""
    return isinstance(error, sqlite3.DatabaseError)


def busy(error: BaseException) -> bool:
    """Whether ``error`` means that another process is at work in the index."""
    return code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def damaged(error: BaseException) -> bool:
    """Whether ``error`` means that the index file is torn."""
    return code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def code(error: BaseException) -> int:
    """SQLite's number for ``error``, 0 for one that is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def discard(path: Path) -> bool:
    """Take a damaged index away; whether that could be done."""
    try:
        for ending in ("", "-journal", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    except OSError:
        return False
    return True


def to_file(path: Path) -> sqlite3.Connection:
    """A connection to the file; one that is no database is taken away, for it holds nothing that the book does not."""
    where = f"file:{_quoted(path)}"
    with contextlib.suppress(OSError):
        # It holds what the records hold, and is for nobody else.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        return _connect(where)
    except sqlite3.DatabaseError as error:
        if not damaged(error) or not discard(path):
            raise
    return _connect(where)


def read_only(path: Path) -> sqlite3.Connection:
    """A connection to a file that cannot be written."""
    return _connect(f"file:{_quoted(path)}?immutable=1")


def in_memory() -> sqlite3.Connection:
    """A connection to an empty index that goes with the process."""
    return _connect(":memory:")


def give_up_when_busy(status: int, _remaining: int, _total: int) -> None:
    """The progress of a copy: an error when another process is in the way, where SQLite would try for ever."""
    if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        raise sqlite3.OperationalError("the index is locked")


def _connect(where: str) -> sqlite3.Connection:
    connection = sqlite3.connect(where, uri=True, isolation_level=None, timeout=WAIT)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _quoted(path: Path) -> str:
    return os.fspath(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
