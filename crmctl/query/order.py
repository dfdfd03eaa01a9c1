"""The order of a list: names of fields to ORDER BY, with what is absent at the end both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.model.columns import KEY_ONLY
from crmctl.model.columns import TYPED_AND_KEY
from crmctl.query import sql
from crmctl.query.names import field_target
from crmctl.query.problems import BadFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.model.columns import Target
    from crmctl.model.fields import Kind

_SUFFIX = {
    **dict.fromkeys(TYPED_AND_KEY, "_key"),
    "date": "_day",
    "datetime": "_time",
    "money": "_minor",
    "number": "_milli",
}


def order_by(names: Sequence[str], kind: Kind, currency: str = "EUR", alias: str = "t") -> str:
    """What to write behind ORDER BY, "" for no names; a ``-`` before a name turns its order round.

    Texts are sorted without case and accents, choices as they are declared, amounts by their number whatever their
    currency. ``currency`` is the book's, for amounts without one.

    Raises:
        BadFilter: there is no such field, or it has many values or long texts.
    """
    return ", ".join(_by(name, kind, currency, alias) for name in names)


def _by(name: str, kind: Kind, currency: str, alias: str) -> str:
    down = name.startswith("-")
    target = field_target(kind, name.removeprefix("-"))
    if target.table:
        raise BadFilter(f'"{target.name}" has many values, a list cannot be sorted by it')
    if target.field.type in KEY_ONLY:
        raise BadFilter(f'"{target.name}" is a long text, a list cannot be sorted by it')
    way = "DESC" if down else "ASC"
    # Every record has a handle; without the addition SQLite can walk its index instead of sorting.
    last = "" if target.column == "handle" else " NULLS LAST"
    return f"{_value(target, kind, currency, alias)} {way}{last}"


def _value(target: Target, kind: Kind, currency: str, alias: str) -> str:
    field = target.field
    column = f"{alias}.{sql.quoted(target.column + _SUFFIX.get(field.type, ''))}"
    if field.type == "money":
        from crmctl.query.amounts import currency_column
        from crmctl.query.amounts import scale

        beside = currency_column(kind, target, alias, alias)
        return f"{column} * {scale(beside, currency)}" if beside else column
    if field.choices:
        places = "".join(f" WHEN {sql.literal(choice)} THEN {n}" for n, choice in enumerate(field.choices))
        # A value that is not declared comes after those that are, and before none at all.
        return f"CASE {column}{places} ELSE {column} END"
    return column
