"""A tree to SQL: a condition over the rows of a kind's table, which is true or false and never NULL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model.columns import in_side_table
from crmctl.model.columns import suffixes
from crmctl.query import sql
from crmctl.query.asked import Asked
from crmctl.query.conditions import condition
from crmctl.query.conditions import phone_digits
from crmctl.query.names import field_target
from crmctl.query.problems import BadFilter
from crmctl.query.sql import Sql
from crmctl.query.tree import And
from crmctl.query.tree import Node
from crmctl.query.tree import Not
from crmctl.query.tree import Or
from crmctl.query.tree import Term
from crmctl.query.tree import Words

if TYPE_CHECKING:
    from datetime import datetime

    from crmctl.model.columns import Target
    from crmctl.model.fields import Kind
    from crmctl.model.values import Context

STEEPEST = 50
"""Places on the stack of SQLite's parser that a filter may take; it has 100, a single term takes about 30."""

_TRIGRAM = 3
_PHONE_LIKE = r"(?:\+[0-9]|[0-9(])[0-9()./ -]+"
_FEWEST_DIGITS = 5


class _Asker(NamedTuple):
    """What stays the same while a tree is translated."""

    kind: Kind
    context: Context
    now: datetime
    alias: str

    @property
    def row(self) -> str:
        return f'{self.alias}."row_id"'


def compile_filter(node: Node, kind: Kind, context: Context, now: datetime, alias: str = "t") -> Sql:
    """The condition on rows of ``kind``'s table, called ``alias`` in the query around it.

    ``context`` has the book's currency (of amounts without one) and its region for phone numbers; date words are
    read at ``now``, which is aware and in the book's zone.

    Raises:
        BadFilter: a field, a value or an operator does not fit the kind.
    """
    if _steepness(node) > STEEPEST:
        raise BadFilter("the filter is nested too deeply", advice="Save the inner part as a segment.")
    return _node(node, _Asker(kind, context, now, alias), positive=True)


def _steepness(node: Node) -> int:
    """Places on the parser's stack: one a level, as the steepest part is written first, and two more for others."""
    if isinstance(node, Not):
        return _steepness(node.node)
    if isinstance(node, Term | Words):
        return 0
    parts = sorted((_steepness(part) for part in node.nodes), reverse=True)
    return 1 + max(parts[:1] + [part + 2 for part in parts[1:2]], default=0)


def _node(node: Node, asker: _Asker, *, positive: bool) -> Sql:
    """The condition, or its opposite: negations move down to the terms by De Morgan's laws."""
    if isinstance(node, Not):
        return _node(node.node, asker, positive=not positive)
    if isinstance(node, And | Or):
        both = isinstance(node, And) == positive
        if not node.nodes:
            return sql.TRUE if both else sql.FALSE
        parts = sorted(node.nodes, key=_steepness, reverse=True)
        return sql.joined([_node(part, asker, positive=positive) for part in parts], "AND" if both else "OR")
    if isinstance(node, Words):
        found = _words(node, asker)
    else:
        found = _term(node, asker)
        positive = positive != (node.op == "!=")
    return found if positive else sql.negated(found)


def _words(words: Words, asker: _Asker) -> Sql:
    """Text anywhere in the record; what looks like a phone number also by its digits, as numbers are kept."""
    from crmctl.model.text import fold

    text = fold(words.text)
    if not text:
        raise BadFilter("there is nothing to search for in this", words.place, "Write letters or digits.")
    forms = [text]
    if re.fullmatch(_PHONE_LIKE, text):
        digits = phone_digits(text)
        if digits != text and (text[0] == "+" or len(digits) >= _FEWEST_DIGITS):
            forms.append(digits)
    table = sql.quoted(f"{asker.kind.plural}_words")
    return sql.joined([_anywhere(form, table, asker) for form in forms], "OR")


def _anywhere(text: str, table: str, asker: _Asker) -> Sql:
    if len(text) < _TRIGRAM:
        return sql.among(asker.row, "w.rowid", f"{table} w", Sql("instr(w.body, ?) > 0", (text,)))
    phrase = '"' + text.replace('"', '""') + '"'
    return sql.among(asker.row, "rowid", table, Sql(f"{table} MATCH ?", (phrase,)))


def _term(term: Term, asker: _Asker) -> Sql:
    """The condition of a term, as if its ``!=`` were ``=``."""
    target = field_target(asker.kind, term.name, term.place.head(len(term.name)))
    kind, alias = asker.kind, asker.alias
    source = "c" if target.table else "r" if _aside(target) else alias
    if not term.values:
        return sql.negated(_rows(_present(target, source), target, asker))
    if term.op == ":" and any(value.wild and not value.text for value in term.values):
        return _rows(_present(target, source), target, asker)
    op = "=" if term.op == "!=" else term.op
    parent = "p" if target.table else alias
    asked = Asked(kind, target, op, term.values, term.place, asker.context, asker.now, source, parent)
    return _rows(condition(asked), target, asker)


def _present(target: Target, source: str) -> Sql:
    """Whether there is a value; of a whole list or map, whether it has any entry."""
    if target.table and "." not in target.name:
        return sql.TRUE
    return sql.present(f"{source}.{sql.quoted(target.column + suffixes(target.field)[0])}")


def _aside(target: Target) -> bool:
    return in_side_table(target.field, target.table)


def _rows(found: Sql, target: Target, asker: _Asker) -> Sql:
    """The condition on the kind's own table: its row has the value, or the list, map or side table has it for it."""
    if _aside(target):
        return sql.among(asker.row, "r.row_id", f"{sql.quoted(f'{asker.kind.plural}_raw')} r", found)
    if not target.table:
        return found
    tables = f"{sql.quoted(target.table)} c"
    if target.field.type == "money":
        tables += f" JOIN {sql.quoted(asker.kind.plural)} p ON p.row_id = c.owner"
    if target.key:
        found = Sql(f"c.key = ? COLLATE NOCASE AND {found.text}", (target.key, *found.params))
    return sql.among(asker.row, "c.owner", tables, found)
