"""Rows of one kind: filtered, sorted, and with just the fields asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl import query
from crmctl.model import columns
from crmctl.model import money

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.model.columns import Target
    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.services.book import Book


class Listed(NamedTuple):
    """The fields of a list, and its rows: plain values in the order of the fields."""

    fields: list[tuple[str, Field]]
    rows: Iterator[list[Any]]


def listed(
    book: Book,
    kind: Kind,
    filters: Sequence[str] = (),
    *,
    fields: Sequence[str] = (),
    sort: Sequence[str] = (),
    limit: int = 0,
    handles: Sequence[str] | None = None,
) -> Listed:
    """Records of ``kind`` that match every filter; only those called ``handles`` when that is given.

    A field of money is followed by its currency. Raises ``query.BadFilter`` for what cannot be understood.
    """
    names = _with_currencies(kind, fields or kind.columns)
    targets = [query.field_target(kind, name) for name in names]
    where = query.Sql("1", ())
    if filters:  # The time zone, which takes long to load, is for them.
        where = query.compile_filter(query.parse_all(filters), kind, book.context, book.now())
    if handles is not None:
        where = query.Sql(
            f"t.handle IN (SELECT value FROM json_each(?)) AND {where.text}", (json.dumps([*handles]), *where.params)
        )
    order = query.order_by([*(sort or [kind.sort]), "handle"], kind, book.settings.currency)
    shown = [_shown(target, kind, book.settings.currency) for target in targets]
    joined = any(need_raw for _, _, need_raw in shown)
    selected = ", ".join(sql for sql, _, _ in shown)
    source = f"{kind.plural} t" + (f" JOIN {kind.plural}_raw r ON r.row_id = t.row_id" if joined else "")
    tail = f" LIMIT {limit:d}" if limit else ""
    sql = f"SELECT {selected} FROM {source} WHERE {where.text} ORDER BY {order}{tail}"
    readers = [reader for _, reader, _ in shown]
    rows = book.index.connection.execute(sql, where.params)
    plain = all(reader is _as_is for reader in readers)
    return Listed(
        [(target.name, target.field) for target in targets],
        (list(row) for row in rows)
        if plain
        else ([read(cell) for read, cell in zip(readers, row, strict=True)] for row in rows),
    )


def _with_currencies(kind: Kind, names: Sequence[str]) -> list[str]:
    """Money never stands without its currency."""
    result: list[str] = []
    for name in names:
        result.append(name)
        target = columns.resolve(kind, name)
        if target is not None and target.field.type == "money" and target.field.currency and not target.table:
            group = target.column.removesuffix(target.field.name).removesuffix("_")
            beside = f"{group}.{target.field.currency}"
            result.append(beside if group and columns.resolve(kind, beside) else target.field.currency)
    return list(dict.fromkeys(result))


def _shown(target: Target, kind: Kind, currency: str) -> tuple[str, Callable[[Any], Any], bool]:
    """(SQL, how to read its cell, whether the side table is needed) for one field of a list."""
    field = target.field
    if target.table:
        return (*_children(target, kind, currency), False)
    if field.type in columns.KEY_ONLY:
        path = ".".join(f'"{part}"' for part in _keys(target, kind))
        return f"json_extract(r.data, '$.{path}')", _as_is, True
    return (*_cell("t", target, kind, currency), False)


def _cell(alias: str, target: Target, kind: Kind, currency: str) -> tuple[str, Callable[[Any], Any]]:
    """(SQL, how to read it) for one value of the table ``alias``."""
    field = target.field
    column = "key" if target.whole_map else target.column
    if field.type == "money":
        from crmctl.query.amounts import currency_column

        beside = currency_column(kind, target, alias, "t")
        unit = f"COALESCE({beside}, '{currency}')" if beside else f"'{currency}'"
        return f"{alias}.\"{column}_minor\" || ' ' || {unit}", _money
    if field.type == "number":
        return f'{alias}."{column}_milli"', _thousandths
    return f'{alias}."{column}"', _yes_no if field.type == "boolean" else _as_is


def _keys(target: Target, kind: Kind) -> list[str]:
    for field in kind.fields:
        if field.name == target.column:
            return [field.name]
        if field.type == "group" and target.column == f"{field.name}_{target.field.name}":
            return [field.name, target.field.name]
    return [target.column]


def _children(target: Target, kind: Kind, currency: str) -> tuple[str, Callable[[Any], Any]]:
    """(SQL, how to read its cell) for the values of a list, or for one entry of a map."""
    value, read = _cell("c", target, kind, currency)
    key = f" AND c.key = '{target.key.replace(chr(39), chr(39) * 2)}'" if target.key else ""
    inner = f"SELECT {value} AS v FROM {target.table} c WHERE c.owner = t.row_id{key} ORDER BY c.position"
    if target.field.derived:
        inner = _BOUGHT
    if target.key:
        return f"({inner} LIMIT 1)", read
    return f"(SELECT json_group_array(v) FROM ({inner}))", lambda cell: [read(item) for item in json.loads(cell)]


# As the view customers_bought has it, which SQLite would make whole for every row.
_BOUGHT = (
    "SELECT DISTINCT l.product AS v FROM interactions i JOIN interactions_lines l ON l.owner = i.row_id"
    " WHERE i.customer = t.handle AND i.type = 'purchase' AND l.product <> '' ORDER BY 1"
)


def _as_is(cell: Any) -> Any:
    return cell


def _yes_no(cell: Any) -> Any:
    return None if cell is None else bool(cell)


def _money(cell: str | None) -> str | None:
    if cell is None:
        return None
    units, _, currency = cell.partition(" ")
    return money.from_minor(int(units), currency)


def _thousandths(cell: int | None) -> str | None:
    if cell is None:
        return None
    whole, part = divmod(abs(cell), 1000)
    sign = "-" if cell < 0 else ""
    return f"{sign}{whole}" + (f".{part:03}".rstrip("0") if part else "")
