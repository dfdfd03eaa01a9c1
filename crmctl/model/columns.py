"""How fields look in SQL: which columns and tables a kind has, and which of them a name in a filter means.

The index is built by this, the filter language is translated by it, and reports can count on it:

* a kind's table is its plural (``customers``); ``row_id`` is its key, ``handle`` the name (an interaction's id);
* a child table ``customers_tags`` holds a list or a map: ``owner`` (a row_id), ``position``, ``key`` (of a map), and
  the columns of the value, called ``value`` unless they are fields of a group;
* by type, a field ``f`` has the columns

  ============================== ====================================================================
  text, url, email, phone, ...   ``f`` as typed, ``f_key`` the form that is compared (folded, digits)
  note, filter                   ``f_key`` only, in the side table ``<plural>_raw``
  date                           ``f`` ISO text, ``f_day`` days since 1970-01-01, ``f_month`` YYYY-MM
  datetime                       the same for the local day, and ``f_time`` seconds since 1970 UTC
  money                          ``f_minor`` whole minor units of the currency column beside it
  number                         ``f_milli`` thousandths
  choice, ref, country, id, ...  ``f`` the normal form
  integer, percent, days, yes/no ``f`` a number
  ============================== ====================================================================
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model.fields import Field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.fields import Kind

TYPED_AND_KEY = frozenset({"text", "url", "email", "phone", "template"})
KEY_ONLY = frozenset({"note", "filter"})
NUMBERS = frozenset({"integer", "percent", "days", "boolean"})

# Words that cannot name a table: those of SQL (of SQLite and DuckDB), and tables that every index has.
RESERVED = frozenset(
    """
    add all alter analyse analyze and any array as asc asymmetric autoincrement between both case cast check collate
    column commit constraint create default deferrable delete desc describe distinct do drop else end escape except
    exists false fetch for foreign from group having if in index initially insert intersect into is isnull join lambda
    lateral leading limit not nothing notnull null offset on only or order pivot placing primary qualify references
    returning select set show some summarize symmetric table then to trailing transaction true union unique unpivot
    update using values variadic when where window with

    affected countries currencies customers_bought files params pipeline_stages problems state
    """.split()
)

FIRST_DAY = date(1970, 1, 1).toordinal()
HANDLE = Field("handle", "choice", help="the record's name in the book")


class Target(NamedTuple):
    """What a name in a filter, a sort or a list of fields means.

    ``column`` is the stem of the columns (``address_city``); ``table`` the child table that holds them, or "" for the
    kind's own; ``key`` the entry of a map that is meant, or "". ``whole_map`` says that the keys themselves are asked.
    """

    name: str
    field: Field
    column: str
    table: str = ""
    key: str = ""
    whole_map: bool = False


def day_number(day: date) -> int:
    """Days since 1970-01-01, as the ``_day`` columns count them."""
    return day.toordinal() - FIRST_DAY


def day_of(number: int) -> date:
    """The date of a day number.

    Raises:
        ValueError, OverflowError: it lies outside the years 1 to 9999.
    """
    return date.fromordinal(number + FIRST_DAY)


def suffixes(field: Field) -> tuple[str, ...]:
    """The endings of the columns of one plain value."""
    kind_of = field.type
    if kind_of in TYPED_AND_KEY:
        return ("", "_key")
    if kind_of in KEY_ONLY:
        return ("_key",)
    return {
        "date": ("", "_day", "_month"),
        "datetime": ("", "_day", "_month", "_time"),
        "money": ("_minor",),
        "number": ("_milli",),
    }.get(kind_of, ("",))


def child_suffixes(field: Field) -> tuple[str, ...]:
    """The same in a child table: long texts have no side table there, so they stand there as typed too."""
    return ("", "_key") if field.type in KEY_ONLY else suffixes(field)


def is_number(field: Field, suffix: str) -> bool:
    """Whether the column of ``field`` with this ``suffix`` holds whole numbers (all others hold text)."""
    return suffix in ("_day", "_time", "_minor", "_milli") or field.type in NUMBERS


def plain_fields(kind: Kind) -> Iterator[tuple[str, Field]]:
    """(column stem, field) of every single value of a kind, groups flattened; derived ones and notes included."""
    for field in kind.fields:
        if field.shape != "one":
            continue
        if field.type == "group":
            for part in field.fields:
                yield f"{field.name}_{part.name}", part
        else:
            yield field.name, field


def child_fields(kind: Kind) -> Iterator[tuple[str, Field]]:
    """(table, field) of every stored list and map of a kind."""
    for field in kind.stored:
        if field.shape != "one":
            yield f"{kind.plural}_{field.name}", field


def child_columns(field: Field) -> Iterator[tuple[str, Field]]:
    """(column stem, field) of the values in the child table of a list or map. Lists inside groups are left out."""
    if field.type != "group":
        yield "value", field
        return
    for part in field.fields:
        if part.shape == "one":
            yield part.name, part


def column_names(kind: Kind) -> Iterator[tuple[str, str]]:
    """(table, column) of everything the index keeps of a kind; each must be there once."""
    yield from ((kind.plural, name) for name in ("row_id", "handle", "path"))
    yield from ((f"{kind.plural}_raw", name) for name in ("row_id", "data"))
    yield f"{kind.plural}_words", "body"
    for stem, field in plain_fields(kind):
        table = f"{kind.plural}_raw" if field.type in KEY_ONLY else kind.plural
        yield from ((table, stem + suffix) for suffix in suffixes(field))
    for table, field in child_fields(kind):
        yield from ((table, name) for name in ("owner", "position", "key"))
        for stem, part in child_columns(field):
            yield from ((table, stem + suffix) for suffix in child_suffixes(part))


def in_side_table(field: Field, table: str) -> bool:
    """Whether a column lives in ``<plural>_raw``, which keeps long texts out of the way of scans."""
    return not table and field.type in KEY_ONLY


def resolve(kind: Kind, name: str) -> Target | None:
    """What ``name`` means for ``kind``: a field, an alias, ``group.part``, a part of a group, ``map.key``; or None."""
    if name in ("handle", kind.name):
        return Target(name, HANDLE, "handle")
    head, _, rest = name.partition(".")
    field = kind.field(head) or _by_alias(kind, head)
    if field is None:
        return None if rest else _part_alone(kind, head)
    if field.shape == "one":
        return _single(field, name, rest)
    table = f"{kind.plural}_{field.name}"
    if field.shape == "map":
        return _of_map(field, name, table, rest)
    if field.type == "group":
        return _of_group(field, name, table, rest)
    return None if rest else Target(name, field, "value", table)


def _by_alias(kind: Kind, name: str) -> Field | None:
    for field in kind.fields:
        if name in field.aliases:
            return field
    return None


def _part_alone(kind: Kind, name: str) -> Target | None:
    for field in kind.fields:
        if field.type == "group" and field.shape == "one":
            for part in field.fields:
                if part.name == name:
                    return Target(name, part, f"{field.name}_{part.name}")
    return None


def _single(field: Field, name: str, rest: str) -> Target | None:
    if field.type != "group":
        return None if rest else Target(name, field, field.name)
    for part in field.fields:
        if part.name == rest:
            return Target(name, part, f"{field.name}_{part.name}")
    return None


def _of_map(field: Field, name: str, table: str, rest: str) -> Target | None:
    if not rest:
        return Target(name, Field("key", "choice"), "key", table, whole_map=True)
    key, _, part_name = rest.partition(".")
    if field.type != "group":
        return Target(name, field, "value", table, key) if not part_name else Target(name, field, "value", table, rest)
    for part in field.fields:
        if part.name == part_name or (not part_name and part is field.fields[0]):
            return Target(name, part, part.name, table, key)
    return None


def _of_group(field: Field, name: str, table: str, rest: str) -> Target | None:
    for part in field.fields:
        if part.shape == "one" and (part.name == rest or (not rest and part is field.fields[0])):
            return Target(name, part, part.name, table)
    return None


def names(kind: Kind) -> list[str]:
    """Every name that ``resolve`` knows for a kind without asking for keys of maps; for suggestions and completion."""
    found = ["handle"]
    for field in kind.fields:
        found += [field.name, *field.aliases]
        if field.type == "group" and field.shape != "map":
            found += [f"{field.name}.{part.name}" for part in field.fields]
        if field.type == "group" and field.shape == "one":
            found += [part.name for part in field.fields]
    return list(dict.fromkeys(found))
