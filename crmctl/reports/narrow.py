"""Narrowing a book to a filter and to a day, by views that stand in front of its tables.

A report's SQL says ``interactions``. Without a filter and without ``--as-of`` that is the table itself. Otherwise it is
a view of the same name: only the records of the customers the filter picked, only what was known on the day. The
name ``all_interactions`` is the same without the filter, for questions that have to look beside it (a duplicate may
lie outside).

With a filter on customers, every kind with a ``customer`` follows; with a filter on another kind, only that kind. Lists
and maps (``customers_tags``) follow their owners. What a day changes:

* interactions after it are left out, and what customers have from them (first, last, interactions, orders, spent,
  next, open deals and cases) is counted anew;
* deals and cases opened after it are left out; those closed after it are open; a deal stands in the stage its log says;
* follow-ups done after it are open.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model import columns

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable

    from crmctl.model.fields import Kind
    from crmctl.model.schema import Schema

FIXED = ("currencies", "countries")
TOLD = ("params", "pipeline_stages")
PICKED = "_picked"
_DATED = frozenset({"customers", "interactions", "deals", "cases", "followups"})
_ALL = "all_"
_NOT_NAMES = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_WORD = re.compile(r"\w+")


class Scope(NamedTuple):
    """Which records a report is about.

    ``kind`` is the kind they are of. Either ``where`` is an SQL condition on the kind's table, called ``t`` in it, with
    ``values`` for its question marks; or ``handles`` are the records themselves, and ``where`` is not looked at.
    """

    kind: str
    where: str = ""
    values: tuple[str | int | None, ...] = ()
    handles: tuple[str, ...] | None = None


class Dialect(NamedTuple):
    """How one engine names things.

    ``base`` is the schema with the book's tables, ``view`` and ``table`` begin the statements that make what stands in
    front of them, ``date_text`` turns a day number into an ISO date.
    """

    base: str
    view: str
    table: str
    date_text: str


class Made(NamedTuple):
    """A view or table that stands in front of the book: its name, the statement, and the kind of thing it is."""

    name: str
    sql: str
    is_table: bool = False


def readable(schema: Schema) -> tuple[str, ...]:
    """Every table a report can read: the kinds, their lists and maps, and the lists of currencies and countries."""
    names: list[str] = []
    for kind in schema.kinds:
        names += [kind.plural, *(table for table, _ in columns.child_fields(kind))]
    return (*(name for name in names if name not in TOLD), *FIXED)


def words(sql: str) -> frozenset[str]:
    """The words of a statement outside of its comments and texts, in lower case."""
    return frozenset(_WORD.findall(without_comments(sql).lower()))


def without_comments(sql: str) -> str:
    """A statement without its comments and texts: good for looking at, not for running."""
    return _NOT_NAMES.sub(" ", sql)


def mentioned(schema: Schema, sql: str) -> tuple[str, ...]:
    """The tables that a statement may read, told from its words; never too few."""
    found = words(sql)
    return tuple(name for name in readable(schema) if name in found or _ALL + name in found)


class Narrowing:
    """Works out the views of one run. ``columns_of`` tells the columns of a table of the book."""

    def __init__(
        self,
        schema: Schema,
        dialect: Dialect,
        columns_of: Callable[[str], list[str]],
        *,
        scope: Kind | None = None,
        until_day: int | None = None,
    ) -> None:
        self._dialect = dialect
        self._columns_of = columns_of
        self._scope = scope
        self._until = until_day
        self._kinds = {kind.plural: kind for kind in schema.kinds}
        self._owners = {table: kind.plural for kind in schema.kinds for table, _ in columns.child_fields(kind)}

    def sources(self, tables: Iterable[str]) -> list[str]:
        """The tables of the book that reading ``tables`` takes, owners and what customers are counted from included."""
        needed = dict.fromkeys(tables)
        if self._scope is not None:
            needed[self._scope.plural] = None
        if self._until is not None:
            needed |= dict.fromkeys((*sorted(_DATED), "deals_stage_log"))
        return [*needed, *{self._owners[table] for table in needed if table in self._owners} - set(needed)]

    def plan(self, sql: str, tables: Iterable[str]) -> list[Made]:
        """The views that ``sql``, which reads ``tables``, needs, in the order they are to be made."""
        found = words(sql)
        made: dict[str, Made] = {}
        for table in tables:
            if _ALL + table in found:
                self._whole(table, made)
            if self._scope is not None or self._until is not None:
                self._narrowed(table, made)
        return list(made.values())

    def _whole(self, table: str, made: dict[str, Made]) -> str:
        """Make ``all_<table>``: everything, as of the day."""
        name = _ALL + table
        if name not in made:
            if self._until is None or not self._is_dated(table):
                made[name] = self._view(name, f"SELECT * FROM {self._dialect.base}.{table}")
            elif table in self._owners:
                owner = self._whole(self._owners[table], made)
                made[name] = self._view(name, self._child_until(table, owner))
            else:
                self._kind_until(table, name, made)
        return name

    def _narrowed(self, table: str, made: dict[str, Made]) -> None:
        """Make ``<table>``: the same under the filter."""
        if table in made:
            return
        source = self._whole(table, made)
        condition = self._condition(table, made)
        made[table] = self._view(table, f"SELECT * FROM {source}{condition}")

    def _condition(self, table: str, made: dict[str, Made]) -> str:
        if self._scope is None:
            return ""
        if table in self._owners:
            owner = self._owners[table]
            if not self._condition(owner, made):
                return ""
            self._narrowed(owner, made)
            return f" WHERE owner IN (SELECT row_id FROM {owner})"
        if table == self._scope.plural:
            return " WHERE handle IN (SELECT handle FROM _picked)"
        kind = self._kinds.get(table)
        follows = kind is not None and self._scope.name == "customer" and _has_customer(kind)
        return " WHERE customer IN (SELECT handle FROM _picked)" if follows else ""

    def _is_dated(self, table: str) -> bool:
        return table in _DATED or self._owners.get(table) in _DATED - {"customers"}

    def _child_until(self, table: str, owner: str) -> str:
        also = f" AND at_day <= {self._until}" if table == "deals_stage_log" else ""
        return f"SELECT * FROM {self._dialect.base}.{table} WHERE owner IN (SELECT row_id FROM {owner}){also}"

    def _kind_until(self, table: str, name: str, made: dict[str, Made]) -> None:
        base = f"{self._dialect.base}.{table} t"
        if table == "customers":
            sources = [self._whole(other, made) for other in ("interactions", "deals", "cases", "followups")]
            sql = f"SELECT {self._picked(table, self._customer_columns())} FROM {base}{_counted(sources)}"
            made[name] = Made(name, f"{self._dialect.table} {name} AS {sql}", is_table=True)
            return
        changed = {"deals": self._deal_columns, "cases": self._case_columns, "followups": self._followup_columns}
        picked = self._picked(table, changed[table]()) if table in changed else "*"
        condition = {
            "interactions": f" WHERE t.at_day <= {self._until}",
            "deals": f" WHERE (t.opened_day IS NULL OR t.opened_day <= {self._until})",
            "cases": f" WHERE (t.opened_day IS NULL OR t.opened_day <= {self._until})",
        }.get(table, "")
        made[name] = self._view(name, f"SELECT {picked} FROM {base}{condition}")

    def _picked(self, table: str, changed: dict[str, str]) -> str:
        """All columns of a table in their order, some of them by another expression."""
        return ", ".join(
            f'{changed[name]} AS "{name}"' if name in changed else f't."{name}"' for name in self._columns_of(table)
        )

    def _view(self, name: str, sql: str) -> Made:
        return Made(name, f"{self._dialect.view} {name} AS {sql}")

    def _deal_columns(self) -> dict[str, str]:
        until = self._until
        log = f"FROM {self._dialect.base}.deals_stage_log l WHERE l.owner = t.row_id"
        decided = f"COALESCE(t.closed_day, (SELECT MIN(l.at_day) {log} AND l.stage = t.stage))"
        reopened = f"(t.status IN ('won', 'lost') AND {decided} > {until})"
        last = f"(SELECT l.stage {log} AND l.at_day <= {until} ORDER BY l.at_day DESC, l.position DESC LIMIT 1)"
        later = f"(SELECT MAX(l.at_day) {log}) > {until}"
        stage = f"COALESCE({last}, CASE WHEN {later} OR {reopened} THEN NULL ELSE t.stage END)"
        same = f"({stage} = t.stage)"
        return {
            "stage": stage,
            "status": f"CASE WHEN {reopened} THEN 'open' ELSE t.status END",
            "probability": f"CASE WHEN {same} THEN t.probability ELSE NULL END",
            "lost_reason": f"CASE WHEN {reopened} THEN NULL ELSE t.lost_reason END",
            "lost_reason_key": f"CASE WHEN {reopened} THEN NULL ELSE t.lost_reason_key END",
            **self._not_yet("closed"),
        }

    def _case_columns(self) -> dict[str, str]:
        later = f"t.resolved_day > {self._until}"
        return {
            "status": f"CASE WHEN {later} THEN 'open' ELSE t.status END",
            "satisfaction": f"CASE WHEN {later} THEN NULL ELSE t.satisfaction END",
            **self._not_yet("resolved", "_time"),
            **self._not_yet("responded", "_time"),
        }

    def _followup_columns(self) -> dict[str, str]:
        later = f"t.done_day > {self._until}"
        outcome = {name: f"CASE WHEN {later} THEN NULL ELSE t.{name} END" for name in ("outcome", "outcome_key")}
        return {**outcome, **self._not_yet("done")}

    def _not_yet(self, stem: str, *more: str) -> dict[str, str]:
        """The columns of a date, NULL when it lies behind the day."""
        return {
            f"{stem}{ending}": f"CASE WHEN t.{stem}_day > {self._until} THEN NULL ELSE t.{stem}{ending} END"
            for ending in ("", "_day", "_month", *more)
        }

    def _customer_columns(self) -> dict[str, str]:
        found = {
            "interactions": "COALESCE(i.interactions, 0)",
            "orders": "COALESCE(i.orders, 0)",
            "spent_minor": "COALESCE(i.spent, 0)",
            "open_deals": "COALESCE(d.number, 0)",
            "open_cases": "COALESCE(k.number, 0)",
        }
        for stem, column in (("first", "i.first_day"), ("last", "i.last_day"), ("next", "f.next_day")):
            text = self._dialect.date_text.format(column)
            found |= {stem: text, f"{stem}_day": column, f"{stem}_month": f"SUBSTR({text}, 1, 7)"}
        return found


def _counted(sources: list[str]) -> str:
    """The joins that count anew what customers have from other records."""
    interactions, deals, cases, followups = sources
    bought = "type = 'purchase' AND currency = (SELECT p.currency FROM params p) THEN amount_minor"
    return (
        " LEFT JOIN (SELECT customer, MIN(at_day) AS first_day, MAX(at_day) AS last_day, COUNT(*) AS interactions,"
        " SUM(CASE WHEN type = 'purchase' THEN 1 ELSE 0 END) AS orders,"
        f" SUM(CASE WHEN {bought} END) AS spent FROM {interactions} GROUP BY customer) i ON i.customer = t.handle"
        f" LEFT JOIN (SELECT customer, COUNT(*) AS number FROM {deals} WHERE status = 'open' GROUP BY customer) d"
        " ON d.customer = t.handle"
        f" LEFT JOIN (SELECT customer, COUNT(*) AS number FROM {cases}"
        " WHERE status IS NULL OR status NOT IN ('solved', 'closed') GROUP BY customer) k ON k.customer = t.handle"
        f" LEFT JOIN (SELECT customer, MIN(due_day) AS next_day FROM {followups}"
        " WHERE done IS NULL GROUP BY customer) f ON f.customer = t.handle"
    )


def _has_customer(kind: Kind) -> bool:
    return any(column == "customer" and field.kind == "customer" for column, field in columns.plain_fields(kind))
