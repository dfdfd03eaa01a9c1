"""Pieces of SQL with their parameters, and the few ways in which they are put together.

Every condition made here is true or false, never NULL, so that NOT and De Morgan's laws hold for absent values too.
Names come from declarations and are quoted (``case`` is a column); what a user typed is always a parameter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHAIN = 100
_HIGHEST = "\U0010ffff"


class Sql(NamedTuple):
    """A text with ``?`` for each of the ``params``, in order."""

    text: str
    params: tuple[object, ...] = ()


TRUE = Sql("1 = 1")
FALSE = Sql("1 = 0")


def quoted(name: str) -> str:
    """A name of a table or column as SQL reads it literally."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text from a declaration as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def joined(parts: Sequence[Sql], word: str) -> Sql:
    """``parts`` joined by AND or OR, in parentheses when there are several.

    Long chains are cut into groups: SQLite refuses expressions more than 1,000 levels deep, and a chain has a level
    for each part.
    """
    if len(parts) == 1:
        return parts[0]
    if len(parts) > _CHAIN:
        parts = [joined(parts[n : n + _CHAIN], word) for n in range(0, len(parts), _CHAIN)]
    text = f" {word} ".join(part.text for part in parts)
    return Sql(f"({text})", tuple(param for part in parts for param in part.params))


def negated(part: Sql) -> Sql:
    """The opposite of ``part``."""
    return Sql(f"(NOT {part.text})", part.params)


def present(column: str) -> Sql:
    """Whether ``column`` has a value."""
    return Sql(f"({column} IS NOT NULL)")


def compared(column: str, op: str, param: object) -> Sql:
    """``column op param``; false when it is absent."""
    return Sql(f"({column} IS NOT NULL AND {column} {op} ?)", (param,))


def contains(column: str, text: str) -> Sql:
    """Whether the text in ``column`` has ``text`` in it."""
    return Sql(f"({column} IS NOT NULL AND instr({column}, ?) > 0)", (text,))


def begins(column: str, text: str) -> Sql:
    """Whether the text in ``column`` begins with ``text``; as a range, which an SQL index can answer."""
    return Sql(f"({column} IS NOT NULL AND {column} >= ? AND {column} < ?)", (text, text + _HIGHEST))


def within(column: str, first: int, last: int) -> Sql:
    """Whether ``column`` is at least ``first`` and at most ``last``."""
    return Sql(f"({column} IS NOT NULL AND {column} BETWEEN ? AND ?)", (first, last))


def one_of(column: str, params: Sequence[object]) -> Sql:
    """Whether ``column`` is one of ``params``, which may be none."""
    if not params:
        return FALSE
    if len(params) == 1:
        return compared(column, "=", params[0])
    marks = ", ".join("?" * len(params))
    return Sql(f"({column} IS NOT NULL AND {column} IN ({marks}))", tuple(params))


def among(row: str, key: str, tables: str, found: Sql) -> Sql:
    """Whether ``row`` is the ``key`` of a row of ``tables`` for which ``found`` holds."""
    return Sql(f"({row} IN (SELECT {key} FROM {tables} WHERE {found.text}))", found.params)
