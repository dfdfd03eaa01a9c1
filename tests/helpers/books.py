"""A book for tests: files written by hand, commits, and what the index makes of them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING
from typing import Any

from crmctl.services.book import Book

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

    import pytest

    from crmctl.index.index import Index
    from crmctl.model.schema import Schema

LONG_AGO = 1_600_000_000
"""A time of files that nobody can take for "changed just now"."""


def git(folder: Path, *arguments: str) -> str:
    """What git prints."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write(root: Path, files: Mapping[str, str]) -> None:
    """Put files by hand: path under ``records/`` (or ``/path`` from the top) to text."""
    for name, text in files.items():
        path = root / name[1:] if name.startswith("/") else root / "records" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")


def commit(root: Path, files: Mapping[str, str] | None = None, message: str = "by hand") -> None:
    """Put files by hand and commit all there is."""
    write(root, files or {})
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)


def commit_at(root: Path, monkeypatch: pytest.MonkeyPatch, at: str, files: Mapping[str, str]) -> str:
    """The same at a moment of one's own; the id of the commit. Later commits are of that moment too."""
    monkeypatch.setenv("GIT_COMMITTER_DATE", at)
    monkeypatch.setenv("GIT_AUTHOR_DATE", at)
    commit(root, files, "x")
    return git(root, "rev-parse", "HEAD").strip()


def make(folder: Path, files: Mapping[str, str]) -> Path:
    """A repository in a new folder, with a first commit of ``files``."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    commit(folder, files, "init")
    return folder


def age(root: Path) -> None:
    """Make every file look as if it had been left alone for long."""
    for path in root.rglob("*"):
        if ".git" not in path.parts and path.is_file() and not path.is_symlink():
            os.utime(path, (LONG_AGO, LONG_AGO))


def names(index: Index, table: str) -> list[str]:
    """The handles in a table, sorted."""
    return [str(row[0]) for row in index.rows(f"SELECT handle FROM {table} ORDER BY handle")]


def one(index: Index, sql: str, *params: object) -> tuple[Any, ...]:
    """The only row of a query."""
    (row,) = index.rows(sql, params)
    return row


def contents(index: Index, schema: Schema) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in an index, table by table, with handles for row numbers, so that two can be compared."""
    found = {
        name: sorted(index.rows(f"SELECT * FROM {name}"), key=repr)
        for name in ("files", "problems", "currencies", "countries")
    }
    for table, sql in _tables(index, schema):
        found[table] = sorted(index.rows(sql), key=repr)
    return found


def _tables(index: Index, schema: Schema) -> Iterator[tuple[str, str]]:
    for kind in schema.kinds:
        plural = kind.plural
        known = [name for (name,) in index.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        children = [name for name in known if name.startswith(f"{plural}_") and _has_owner(index, name)]
        columns = [f't."{row[1]}"' for row in index.rows(f"PRAGMA table_info({plural})") if row[1] != "row_id"]
        yield plural, f"SELECT {', '.join(columns)} FROM {plural} t"
        side = [f'r."{row[1]}"' for row in index.rows(f"PRAGMA table_info({plural}_raw)") if row[1] != "row_id"]
        yield (
            f"{plural}_raw",
            f"SELECT t.handle, {', '.join(side)} FROM {plural} t LEFT JOIN {plural}_raw r ON r.row_id = t.row_id",
        )
        yield (
            f"{plural}_words",
            f"SELECT t.handle, w.body FROM {plural}_words w LEFT JOIN {plural} t ON t.row_id = w.rowid",
        )
        for child in children:
            values = [f'c."{row[1]}"' for row in index.rows(f"PRAGMA table_info({child})") if row[1] != "owner"]
            yield (
                child,
                f"SELECT t.handle, {', '.join(values)} FROM {child} c LEFT JOIN {plural} t ON t.row_id = c.owner",
            )


def _has_owner(index: Index, table: str) -> bool:
    return any(row[1] == "owner" and row[2] == "INTEGER" for row in index.rows(f"PRAGMA table_info({table})"))


def fresh(root: Path) -> Book:
    """The book at ``root`` as the next command would open it."""
    return Book(root)


def rebuilt(root: Path) -> Book:
    """The book at ``root``, its index made anew in a place of its own; the one on the disk stays as it is."""
    from crmctl.index.index import Index
    from crmctl.services import freshness

    book = Book(root)
    book.__dict__["_refreshed"] = freshness._refreshed(book, Index.in_memory(), None)
    return book
