"""The filter language: text to a tree, a tree to SQL. Pure: no file, no database, no clock.

``parse_all`` reads the arguments of a command, ``compile_filter`` gives the condition for a kind's table, ``order_by``
the order of its rows, and ``field_target`` says what the name of a field means.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmctl.query.compiler import compile_filter
    from crmctl.query.names import field_target
    from crmctl.query.order import order_by
    from crmctl.query.parser import parse
    from crmctl.query.parser import parse_all
    from crmctl.query.problems import BadFilter
    from crmctl.query.sql import Sql
    from crmctl.query.tree import EVERYTHING
    from crmctl.query.tree import And
    from crmctl.query.tree import Node
    from crmctl.query.tree import Not
    from crmctl.query.tree import Or
    from crmctl.query.tree import Term
    from crmctl.query.tree import Value
    from crmctl.query.tree import Words
    from crmctl.query.tree import all_of
    from crmctl.query.tree import any_of
    from crmctl.query.writer import format  # noqa: A004 - callers write query.format(node)
else:  # Who checks types is to know each name.

    def __getattr__(name: str) -> object:
        """A name from its module, loaded when first asked for (PEP 562): a list without a filter needs few of them."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = found
        return found


__all__ = [
    "EVERYTHING",
    "And",
    "BadFilter",
    "Node",
    "Not",
    "Or",
    "Sql",
    "Term",
    "Value",
    "Words",
    "all_of",
    "any_of",
    "compile_filter",
    "field_target",
    "format",
    "order_by",
    "parse",
    "parse_all",
]

_HOMES = {
    "compile_filter": "compiler",
    "field_target": "names",
    "order_by": "order",
    "parse": "parser",
    "parse_all": "parser",
    "BadFilter": "problems",
    "Sql": "sql",
    "EVERYTHING": "tree",
    "And": "tree",
    "Node": "tree",
    "Not": "tree",
    "Or": "tree",
    "Term": "tree",
    "Value": "tree",
    "Words": "tree",
    "all_of": "tree",
    "any_of": "tree",
    "format": "writer",
}
"""The module that each name stands in."""
