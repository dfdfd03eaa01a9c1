"""A tree back to text that a person could have typed, and that parses to an equal tree."""

from __future__ import annotations

import re

from crmctl.query.lexer import KEYWORDS
from crmctl.query.tree import And
from crmctl.query.tree import Node
from crmctl.query.tree import Not
from crmctl.query.tree import Or
from crmctl.query.tree import Term
from crmctl.query.tree import Value
from crmctl.query.tree import Words

_PLAIN_WORD = r"\w[\w.@+/-]*"
_PLAIN_VALUE = r"[\w.+@/-][\w.+@/:-]*"


def format(node: Node) -> str:  # noqa: A001 - this is its name for callers, as query.format
    """The text of a tree that ``parse``, ``all_of`` or ``any_of`` made; "" for everything."""
    return "" if node == And(()) else _text(node)


def _text(node: Node) -> str:
    if isinstance(node, Or):
        return " or ".join(map(_text, node.nodes)) or "-()"
    if isinstance(node, And):
        return " ".join(map(_part, node.nodes)) or "()"
    return _part(node)


def _part(node: Node) -> str:
    """The text of a node that stands beside others, or behind a minus."""
    if isinstance(node, Term):
        return f"{node.name}{node.op}{','.join(map(_value, node.values))}"
    if isinstance(node, Words):
        bare = re.fullmatch(_PLAIN_WORD, node.text) and node.text.lower() not in KEYWORDS
        return node.text if bare else _quoted(node.text)
    if isinstance(node, Not):
        return f"not {_part(node.node)}" if isinstance(node.node, Not) else f"-{_part(node.node)}"
    return f"({_text(node)})" if node.nodes else _text(node)


def _value(value: Value) -> str:
    star = "*" if value.wild else ""
    if re.fullmatch(_PLAIN_VALUE, value.text) or (value.wild and not value.text):
        return f"{value.text}{star}"
    return f"{_quoted(value.text)}{star}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
