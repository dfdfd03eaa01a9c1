"""What is wrong in the contents of single files, and ids that stand in two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.schema import Schema
    from crmctl.services.book import Book
    from crmctl.services.checking.records import Checker
    from crmctl.store.layout import Place


class Report(NamedTuple):
    """Everything that is wrong, in the order of the files, and how many files were looked at."""

    problems: list[Problem]
    files: int


class Ids:
    """The ids met so far, and where."""

    def __init__(self) -> None:
        self.first: dict[str, tuple[str, int]] = {}

    def add(self, identity: str, path: str, line: int) -> str:
        """Note an id; the place (``path`` or ``path:line``) that has it already, or ""."""
        known = self.first.setdefault(identity, (path, line))
        if known == (path, line):
            return ""
        return f"{known[0]}:{known[1]}" if known[1] else known[0]


def same_id(path: str, line: int, identity: str, other: str) -> Problem:
    """The problem of two records with one id."""
    hint = "If one was copied from the other, take the `id` out of the copy; it gets a fresh one."
    return Problem(path, line, 1 if line else 0, "duplicate-id", f"the id {identity} stands in {other} too", hint)


def check_content(path: str, place: Place, data: bytes, checker: Checker, ids: Ids) -> Iterator[Problem]:
    """Everything that is wrong with a file's content, and with its ids as far as ``ids`` knows the others."""
    checked = checker.file(path, place, data)
    yield from checked.problems
    for identity, line in checked.ids:
        other = ids.add(identity, path, line)
        if other:
            yield same_id(path, line, identity, other)


def others_with_ids(book: Book, ids: Ids) -> Iterator[Problem]:
    """The ids in ``ids`` that records elsewhere in the book have too, by the index."""
    others = _elsewhere(book, book.schema, ids)
    for identity, (path, line) in ids.first.items():
        if identity in others:
            yield same_id(path, line, identity, others[identity])


def _elsewhere(book: Book, schema: Schema, ids: Ids) -> dict[str, str]:
    """The first other file of each id that stands in another one too.

    One question for each kind, and not for each id: a history has one a line, and no key by them.
    """
    import json

    wanted = json.dumps(list(ids.first))
    found: dict[str, str] = {}
    for kind in schema.kinds:
        sql = f"SELECT id, path FROM {kind.plural} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY row_id"
        for identity, path in book.index.rows(sql, (wanted,)):
            if identity in ids.first and path != ids.first[identity][0]:
                found.setdefault(identity, path)
    return found
