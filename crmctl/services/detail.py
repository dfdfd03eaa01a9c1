"""One record with all its fields: those in its file, and those that are counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any

from crmctl.errors import NotFound
from crmctl.services.listing import listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.model.fields import Kind
    from crmctl.services.book import Book


def detail(book: Book, kind: Kind, handle: str) -> dict[str, Any]:
    """Every declared field of a record, absent ones None, then unknown fields, then what is counted."""
    return next(details(book, kind, [handle]))


def details(
    book: Book, kind: Kind, handles: Sequence[str], counted: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """The same for several records, in the order of ``handles``, asked for in one go: keep it to some hundreds.

    ``counted`` names those of the counted fields that are wanted; None is all of them.

    Raises:
        NotFound: there is none by one of the handles.
    """
    stored = [field.name for field in kind.stored]
    for handle, data, numbers in told(book, kind, handles, counted):
        result: dict[str, Any] = {"handle": handle}
        for name in stored:
            result[name] = data.get(name) or None
        result.update((name, value) for name, value in data.items() if name not in result)
        result.update(numbers)
        yield result


def told(
    book: Book, kind: Kind, handles: Sequence[str], counted: Sequence[str] | None = None
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The handle, the data as in the file, and the counted fields of several records; otherwise as ``details``."""
    sql = (
        f"SELECT t.handle, r.data FROM {kind.plural} t JOIN {kind.plural}_raw r ON r.row_id = t.row_id"
        " WHERE t.handle IN (SELECT value FROM json_each(?))"
    )
    texts: dict[str, str] = dict(book.index.rows(sql, (json.dumps([*handles]),)))
    if counted is None:
        counted = [field.name for field in kind.fields if field.derived]
    numbers: dict[str, list[Any]] = {}
    names: list[str] = []
    if counted:
        found = listed(book, kind, fields=["handle", *counted], handles=handles)
        names = [name for name, _ in found.fields[1:]]
        numbers = {row[0]: row[1:] for row in found.rows}
    for handle in handles:
        if handle not in texts:
            raise NotFound(f"there is no {kind.one} {handle!r}")
        yield handle, json.loads(texts[handle]), dict(zip(names, numbers.get(handle, ()), strict=True))


def source(book: Book, kind: Kind, handle: str) -> str:
    """The text of a record as it stands in its file; of an interaction, its line."""
    if kind.storage == "yaml":
        from crmctl.services.records import path_of

        return book.files.read(path_of(book, kind, handle)).decode("utf-8", "replace")
    row = book.index.row(
        "SELECT r.data FROM interactions t JOIN interactions_raw r ON r.row_id = t.row_id WHERE t.handle = ?", (handle,)
    )
    if row is None:
        raise NotFound(f"there is no interaction {handle!r}")
    return str(row[0])
