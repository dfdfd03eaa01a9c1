"""The tables of a book as Parquet files, and the same reports over them with DuckDB.

DuckDB is an extra (``pip install 'crmctl[duckdb]'``) and only imported here, when it is asked for. Every column is a
BIGINT or a VARCHAR, as in the index; ``manifest.json`` lists tables, columns and numbers of rows and is written last.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.errors import NotFound
from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem
from crmctl.reports import narrow

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.model.schema import Schema

MANIFEST = "manifest.json"
FORMAT = 1
_HALF_MANIFEST = f"{MANIFEST}.part"
_LINES_AT_ONCE = 5_000
_PAIRS = 60
_LONGEST_LINE = 8_000_000


class Exported(NamedTuple):
    """What an export wrote: where, and the rows of each table."""

    directory: Path
    rows: dict[str, int]


def duckdb_module() -> Any:
    """The module duckdb.

    Raises:
        CrmError: it is not installed.
    """
    try:
        import duckdb
    except ImportError as error:
        raise CrmError("DuckDB is not installed", hint="Install it with: pip install 'crmctl[duckdb]'") from error
    return duckdb


def export_parquet(
    connection: sqlite3.Connection, schema: Schema, directory: Path, about: Mapping[str, str] | None = None
) -> Exported:
    """Write every table that reports read to ``directory``, as ``<table>.parquet``, replacing an earlier export.

    ``about`` is put into the manifest: the book's name, the commit.

    Raises:
        CrmError: DuckDB is missing. UsageProblem: the directory holds something else. StorageFailed: it cannot be
        written.
    """
    duckdb = duckdb_module()
    directory = directory.absolute()
    written: dict[str, int] = {}
    columns: dict[str, dict[str, str]] = {}
    try:
        _make_ready(directory)
        with _one_moment(connection):
            database = duckdb.connect(":memory:")
            try:
                for table in narrow.readable(schema):
                    columns[table] = _columns(connection, table)
                    written[table] = _export(connection, database, table, columns[table], directory)
            finally:
                database.close()
        _write_manifest(directory, written, columns, about or {})
    except (OSError, duckdb.Error) as error:
        raise StorageFailed(
            f"{directory} cannot be written: {error}", hint="Is there room, and are you allowed?"
        ) from error
    return Exported(directory, written)


def _make_ready(directory: Path) -> None:
    """An empty directory, or one with an export, finished or not, whose manifest is taken back until all is written."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    manifest, half = directory / MANIFEST, directory / _HALF_MANIFEST
    if manifest.exists():
        manifest.replace(half)
    elif not half.exists():
        if any(directory.iterdir()):
            raise UsageProblem(f"{directory} holds other files", hint="Name a new or empty directory for the export.")
        half.touch()


@contextmanager
def _one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """All tables as they are at one moment, whoever writes to the index meanwhile."""
    begun = not connection.in_transaction
    if begun:
        connection.execute("BEGIN")
    try:
        yield
    finally:
        if begun:
            connection.execute("ROLLBACK")


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """The columns of a table and their types in Parquet."""
    found = connection.execute("SELECT name, type FROM pragma_table_info(?, 'main')", (table,))
    return {name: "BIGINT" if declared == "INTEGER" else "VARCHAR" for name, declared in found}


def _export(
    connection: sqlite3.Connection, database: Any, table: str, columns: Mapping[str, str], directory: Path
) -> int:
    """Write one table, by way of lines of JSON: SQLite writes them fastest, and they keep every text as it is."""
    lines, half, whole = (directory / f"{table}{ending}" for ending in (".json.part", ".parquet.part", ".parquet"))
    try:
        lines.unlink(missing_ok=True)
        lines.touch(mode=0o600, exist_ok=False)  # What is written into it is for nobody else.
        with lines.open("w", encoding="utf-8", newline="") as stream:
            for chunk in _json_lines(connection, table, columns):
                stream.writelines(chunk)
        types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        reading = f"format = 'newline_delimited', maximum_object_size = {_LONGEST_LINE}"
        [[rows]] = database.execute(
            f"COPY (SELECT * FROM read_json(?, columns = {{{types}}}, {reading})) "
            f"TO '{_text(half)}' (FORMAT parquet, COMPRESSION zstd)",
            [str(lines)],
        ).fetchall()
        half.chmod(0o600)
        half.replace(whole)
    finally:
        lines.unlink(missing_ok=True)
        half.unlink(missing_ok=True)
    return int(rows)


def _json_lines(connection: sqlite3.Connection, table: str, columns: Mapping[str, str]) -> Iterator[Iterator[str]]:
    """The rows of a table, each as a line of JSON."""
    pairs = [f"""'{name}', "{name}\"""" for name in columns]
    # SQLite takes 127 arguments; the brackets between the parts are the only ones that stand at an end.
    parts = [f"json_object({', '.join(pairs[at : at + _PAIRS])})" for at in range(0, len(pairs), _PAIRS)]
    line = " || ',' || ".join(f"TRIM({part}, '{{}}')" for part in parts)
    cursor = connection.cursor()
    cursor.row_factory = None
    cursor.execute(f"SELECT '{{' || {line} || '}}' || CHAR(10) FROM main.{table}")
    while chunk := cursor.fetchmany(_LINES_AT_ONCE):
        yield (row[0] for row in chunk)


def _text(path: Path) -> str:
    """A path inside of an SQL text."""
    return str(path).replace("'", "''")


def _write_manifest(
    directory: Path, rows: Mapping[str, int], columns: Mapping[str, Mapping[str, str]], about: Mapping[str, str]
) -> None:
    import json

    tables = {table: {"rows": rows[table], "columns": columns[table]} for table in rows}
    content = {"format": FORMAT, **about, "tables": tables}
    half = directory / _HALF_MANIFEST
    half.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    half.replace(directory / MANIFEST)


def read_manifest(directory: Path) -> dict[str, Any]:
    """What the manifest of an export says.

    Raises:
        NotFound: there is no complete export. CrmError: it was written by another version.
    """
    import json

    again = "Write it with: crmctl export warehouse DIR"
    try:
        content = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFound(f"{directory} holds no export of a book", hint=again) from error
    except (OSError, ValueError) as error:
        raise StorageFailed(f"{directory / MANIFEST} cannot be read: {error}", hint=again) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CrmError(f"{directory} was exported by another version of crmctl", hint=again)
    return content
