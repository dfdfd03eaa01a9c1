"""A tiny index and a naive reading of filters, to hold the SQL of the compiler against. Not a test itself.

The index follows the words of ``crmctl.model.columns``; the evaluator walks plain records and shares nothing with
the compiler but the values of the model.
"""

from __future__ import annotations

import operator
import sqlite3
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from typing import Any
from zoneinfo import ZoneInfo

from crmctl import query
from crmctl.model import columns
from crmctl.model import kinds
from crmctl.model import money
from crmctl.model import values
from crmctl.model.fields import Field
from crmctl.model.fields import Kind
from crmctl.model.text import fold
from crmctl.model.when import parse_when

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

Record = dict[str, Any]

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 15, 30, tzinfo=ZONE)
CONTEXT = values.Context(currency="EUR", region="GB", zone=ZONE)

STAGES = ("lead", "proposal", "negotiation", "won", "lost")


def _with_choices(kind: Kind, **choices: tuple[str, ...]) -> Kind:
    return kind._replace(fields=tuple(f._replace(choices=choices.get(f.name, f.choices)) for f in kind.fields))


DEAL = _with_choices(kinds.DEAL, stage=STAGES)
CUSTOMER = _with_choices(kinds.CUSTOMER, lifecycle=("lead", "prospect", "customer", "former"))

# Every type in every shape, in one kind that a book could declare.
_TYPES: tuple[str, ...] = (
    "text",
    "choice",
    "ref",
    "id",
    "date",
    "datetime",
    "email",
    "phone",
    "url",
    "integer",
    "number",
    "percent",
)
_TYPES += ("boolean", "days", "template", "language", "country", "currency", "timezone", "money")
THING = Kind(
    "thing",
    "things",
    fields=(
        Field("id", "id"),
        Field("currency", "currency"),
        Field("text", "note", search=True),
        *(Field(f"one_{t}", t, currency="currency" if t == "money" else "", search=t == "text") for t in _TYPES),
        *(Field(f"list_{t}", t, "list", currency="currency" if t == "money" else "") for t in _TYPES),
        *(Field(f"map_{t}", t, "map", currency="currency" if t == "money" else "") for t in (*_TYPES, "note")),
        Field(
            "sum",
            "group",
            fields=(Field("worth", "money", currency="coin"), Field("coin", "currency"), Field("why", "note")),
        ),
        Field("sums", "group", "list", fields=(Field("worth", "money", currency="coin"), Field("coin", "currency"))),
        Field("fee", "group", fields=(Field("net", "money", currency="currency"),)),
    ),
)


# The index


def _type_of(field: Field, suffix: str) -> str:
    return "INTEGER" if columns.is_number(field, suffix) else "TEXT"


def _columns(stem: str, field: Field) -> list[str]:
    return [f'"{stem}{suffix}" {_type_of(field, suffix)}' for suffix in columns.suffixes(field)]


def _cells(stem: str, field: Field, text: str, currency: str) -> dict[str, object]:
    return {f"{stem}{suffix}": cell for suffix, cell in _by_suffix(field, text, currency).items()}


def _by_suffix(field: Field, text: str, currency: str) -> dict[str, object]:
    if field.type in columns.KEY_ONLY:
        return {"_key": fold(text)}
    if field.type in columns.TYPED_AND_KEY:
        return {"": text, "_key": _key(field, text)}
    value = values.normal(field, text, CONTEXT)
    if isinstance(value, datetime):
        day = value.astimezone(ZONE).date()
        seconds = (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
        return {"": text, "_day": (day - date(1970, 1, 1)).days, "_month": day.isoformat()[:7], "_time": seconds}
    if isinstance(value, date):
        return {"": text, "_day": (value - date(1970, 1, 1)).days, "_month": text[:7]}
    if isinstance(value, Decimal):
        return {"_minor": money.to_minor(value, currency)} if field.type == "money" else {"_milli": int(value * 1000)}
    return {"": int(value) if isinstance(value, bool) else value}


def _key(field: Field, text: str) -> str:
    return str(values.normal(field, text, CONTEXT)) if field.type == "phone" else values.sort_key(field, text)


def _currency_of(record: Record, field: Field, group: Record | None = None) -> str:
    if not field.currency:
        return CONTEXT.currency
    if group and field.currency in group:
        return str(group[field.currency]).upper()
    return str(record.get(field.currency, CONTEXT.currency)).upper()


def _plain(kind: Kind, record: Record) -> dict[str, object]:
    cells: dict[str, object] = {"handle": record["handle"]}
    for field in kind.fields:
        value = record.get(field.name)
        if value is None or field.shape != "one":
            continue
        if field.type == "group":
            for part in field.fields:
                if part.name in value:
                    currency = _currency_of(record, part, value)
                    cells |= _cells(f"{field.name}_{part.name}", part, value[part.name], currency)
        else:
            cells |= _cells(field.name, field, value, _currency_of(record, field))
    return cells


def _children(kind: Kind, record: Record) -> Iterable[tuple[str, dict[str, object]]]:
    for table, field in columns.child_fields(kind):
        entries = record.get(field.name, {})
        pairs = entries.items() if isinstance(entries, dict) else [(None, entry) for entry in entries]
        for position, (key, entry) in enumerate(pairs):
            cells: dict[str, object] = {"position": position, "key": key}
            for stem, part in columns.child_columns(field):
                text = entry.get(stem) if field.type == "group" else entry
                if text is not None:
                    currency = _currency_of(record, part, entry if field.type == "group" else None)
                    cells |= _cells(stem, part, text, currency)
            yield table, cells
    for handle in record.get("bought", []):
        yield f"{kind.plural}_bought", {"value": handle, "value_key": fold(f"{handle} The {handle} of Things")}


def body(kind: Kind, record: Record) -> str:
    """What full text knows of a record."""
    found = []
    for field in kind.stored:
        if field.search and field.shape == "one":
            found += [(field, record[field.name])] if field.name in record else []
        elif field.search:
            found += [(field, text) for text in record.get(field.name, [])]
    return "\n".join(_key(field, text) for field, text in found)


def _insert(db: sqlite3.Connection, table: str, cells: dict[str, object]) -> None:
    names = ", ".join(f'"{name}"' for name in cells)
    db.execute(f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(cells))})', tuple(cells.values()))


FOLDED = frozenset({"text", "note", "url", "email", "filter", "template"})
"""Types whose values are compared without case and accents."""


class _Closed(sqlite3.Connection):
    """Closed when nobody holds it any more."""

    def __del__(self) -> None:
        self.close()


def build(kind: Kind, records: Sequence[Record]) -> sqlite3.Connection:
    """An index in memory with these records of one kind, row_id 1 being the first."""
    db = sqlite3.connect(":memory:", factory=_Closed)
    plain = [(stem, field) for stem, field in columns.plain_fields(kind) if field.shape == "one"]
    own = [c for stem, f in plain if not columns.in_side_table(f, "") for c in _columns(stem, f)]
    raw = [c for stem, f in plain if columns.in_side_table(f, "") for c in _columns(stem, f)]
    tables = {kind.plural: ["row_id INTEGER PRIMARY KEY", "handle TEXT", *own]}
    tables[f"{kind.plural}_raw"] = ["row_id INTEGER PRIMARY KEY", *raw]
    for table, field in columns.child_fields(kind):
        child = [c for stem, part in columns.child_columns(field) for c in _columns(stem, part)]
        tables[table] = ["owner INTEGER NOT NULL", "position INTEGER", '"key" TEXT', *child]
    tables[f"{kind.plural}_bought"] = ["owner INTEGER NOT NULL", "value TEXT", "value_key TEXT"]
    for table, declared in tables.items():
        db.execute(f'CREATE TABLE "{table}" ({", ".join(declared)})')
    db.execute(f"CREATE VIRTUAL TABLE {kind.plural}_words USING fts5(body, tokenize = 'trigram')")
    raw_names = {column.split('"')[1] for column in raw}
    for row_id, record in enumerate(records, 1):
        cells = _plain(kind, record)
        aside = {name: cells.pop(name) for name in list(cells) if name in raw_names}
        _insert(db, kind.plural, {"row_id": row_id, **cells})
        _insert(db, f"{kind.plural}_raw", {"row_id": row_id, **aside})
        for table, entry in _children(kind, record):
            _insert(db, table, {"owner": row_id, **entry})
        _insert(db, f"{kind.plural}_words", {"rowid": row_id, "body": body(kind, record)})
    return db


def select(db: sqlite3.Connection, kind: Kind, node: query.Node) -> list[str]:
    """The handles that the compiled filter selects, in the order of the records."""
    found = query.compile_filter(node, kind, CONTEXT, NOW)
    statement = f'SELECT t.handle FROM "{kind.plural}" t WHERE {found.text} ORDER BY t.row_id'
    return [handle for (handle,) in db.execute(statement, found.params)]


# The evaluator

_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Naive:
    """Whether a record of ``kind`` matches a tree."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def matches(self, node: query.Node, record: Record) -> bool:
        if isinstance(node, query.Not):
            return not self.matches(node.node, record)
        if isinstance(node, query.And):
            return all(self.matches(part, record) for part in node.nodes)
        if isinstance(node, query.Or):
            return any(self.matches(part, record) for part in node.nodes)
        if isinstance(node, query.Words):
            return self.words(node.text, record)
        if node.op == "!=":
            return not self.matches(node._replace(op="="), record)
        field, found, entries = self.find(node.name, record)
        if not node.values:
            return not (entries or found)
        return any(self.holds(field, node.op, value, found, entries, record) for value in node.values)

    def words(self, text: str, record: Record) -> bool:
        everything, plain = body(self.kind, record), text.replace(" ", "").replace("-", "")
        digits = plain.removeprefix("+") if plain.startswith("+") else plain.removeprefix("0")
        looks = digits.isascii() and digits.isdigit() and (plain.startswith("+") or len(digits) > 4)
        return fold(text) in everything or (looks and digits in everything)

    def find(self, name: str, record: Record) -> tuple[Field, list[tuple[str, Record]], bool]:
        """The field, its values (each with the group it is in), and whether a whole list or map has entries."""
        head, _, rest = name.partition(".")
        if head == "handle":
            return Field("handle", "id" if self.kind.storage == "jsonl" else "text"), [(record["handle"], {})], False
        for field in self.kind.fields:
            if head != field.name and head not in field.aliases:
                continue
            value = record.get(field.name)
            if field.type == "group" and field.shape == "one":
                return self.part(field, rest, [value] if value else [])
            if field.shape == "one":
                return field, [(value, {})] if value is not None else [], False
            if field.shape == "map":
                return self.of_map(field, rest, value or {})
            if field.type == "group":
                part, found, _ = self.part(field, rest or field.fields[0].name, value or [])
                return part, found, bool(value) and not rest
            return field, [(text, {}) for text in value or []], False
        for field in self.kind.fields:
            for part in field.fields:
                if field.shape == "one" and part.name == head:
                    return self.part(field, head, [record[field.name]] if field.name in record else [])
        raise AssertionError(name)

    def part(self, group: Field, name: str, entries: list[Record]) -> tuple[Field, list[tuple[str, Record]], bool]:
        field = next(part for part in group.fields if part.name == name)
        return field, [(entry[name], entry) for entry in entries if name in entry], False

    def of_map(self, field: Field, rest: str, entries: Record) -> tuple[Field, list[tuple[str, Record]], bool]:
        if not rest:
            return Field("key", "choice"), [(key.lower(), {}) for key in entries], False
        key, _, name = rest.partition(".")
        found = [entry for known, entry in entries.items() if known.lower() == key.lower()]
        if field.type == "group":
            return self.part(field, name or field.fields[0].name, found)
        return field, [(text, {}) for text in found], False

    def holds(
        self,
        field: Field,
        op: str,
        value: query.Value,
        found: list[tuple[str, Record]],
        entries: bool,
        record: Record,
    ) -> bool:
        if value.wild and not value.text and op == ":":
            return entries or bool(found)
        if field.type == "money":
            return any(self.money(field, op, value.text, text, _currency_of(record, field, at)) for text, at in found)
        return any(self.holds_one(field, op, value, text) for text, _ in found)

    def holds_one(self, field: Field, op: str, value: query.Value, text: str) -> bool:
        if field.type in ("date", "datetime"):
            return self.dated(field, op, value.text, text)
        if field.type == "phone":
            digits = str(values.normal(field, text, CONTEXT))
            if op == "=":
                return digits == str(values.normal(field, value.text, CONTEXT))
            return "".join(c for c in value.text if c.isdigit()).lstrip("0") in digits
        if field.derived and field.shape == "list" and op == ":" and not value.wild:
            return value.text.lower() == text or fold(value.text) in fold(f"{text} The {text} of Things")
        if field.derived and field.shape == "list" and op == ":":
            return bool(text.startswith(value.text)) or fold(value.text) in fold(f"{text} The {text} of Things")
        if field.type in FOLDED:
            return self.text(field, op, value, text)
        if value.wild:
            return str(values.normal(field, text, CONTEXT)).lower().startswith(value.text.lower())
        mine: Any = values.normal(field, text, CONTEXT)
        theirs: Any = values.normal(field, value.text, CONTEXT)
        if op in (":", "="):
            if isinstance(mine, str):
                return mine.lower() == str(theirs).lower()
            return bool(mine == theirs)
        if field.choices:
            mine, theirs = field.choices.index(mine), field.choices.index(theirs)
        return bool(_ORDER[op](mine, theirs))

    def text(self, field: Field, op: str, value: query.Value, text: str) -> bool:
        mine, theirs = values.sort_key(field, text), values.sort_key(field, value.text)
        if op == ":" and value.wild:
            return mine.startswith(theirs)
        if op == "=" or (op == ":" and field.shape == "list" and field.type == "text"):
            return mine == theirs
        return bool(theirs in mine if op == ":" else _ORDER[op](mine, theirs))

    def dated(self, field: Field, op: str, words: str, text: str) -> bool:
        ahead = field.name in ("due", "next", "closes", "starts", "ends", "respond_by", "resolve_by")
        when = parse_when(words, NOW, "future" if ahead else "past")
        mine: Any = values.normal(field, text, CONTEXT)
        first: Any = when.first
        last: Any = when.last
        if when.moment is not None and isinstance(mine, datetime):
            first = last = when.moment.replace(second=0, microsecond=0)
            mine = mine.replace(second=0, microsecond=0)
        elif isinstance(mine, datetime):
            mine = mine.astimezone(ZONE).date()
        if op in (":", "="):
            return bool(first <= mine <= last)
        return bool(_ORDER[op](mine, first if op in ("<", ">=") else last))

    def money(self, field: Field, op: str, words: str, text: str, currency: str) -> bool:
        letters = "".join(c for c in words if c.isalpha())
        if letters and letters.upper() != currency:
            return False
        mine, theirs = Decimal(text), Decimal("".join(c for c in words if not c.isalpha()).strip())
        return mine == theirs if op in (":", "=") else bool(_ORDER[op](mine, theirs))
