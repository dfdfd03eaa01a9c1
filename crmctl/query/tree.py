"""What a filter means, as a tree of tuples."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Literal
from typing import NamedTuple
from typing import TypeAlias

from crmctl.query.problems import NOWHERE
from crmctl.query.problems import Place

if TYPE_CHECKING:
    from collections.abc import Iterable


class Value(NamedTuple):
    """One value of a term. ``wild`` says that an unquoted ``*`` followed it."""

    text: str
    wild: bool = False
    place: Place = NOWHERE

    @property
    def literal(self) -> str:
        """The text with its ``*``, for where that is a letter like any other."""
        return f"{self.text}*" if self.wild else self.text


class Term(NamedTuple):
    """``name op values``: any of the values. No value at all asks for the absence of the field (``!=``: presence)."""

    name: str
    op: str
    values: tuple[Value, ...]
    place: Place = NOWHERE


class Words(NamedTuple):
    """Text that stands anywhere in the record."""

    text: str
    place: Place = NOWHERE


# ``word`` keeps these three from being equal to each other, as tuples of the same parts would be.


class Not(NamedTuple):
    """What ``node`` does not match."""

    node: Node
    word: Literal["not"] = "not"


class And(NamedTuple):
    """What all ``nodes`` match; everything when there are none."""

    nodes: tuple[Node, ...]
    word: Literal["and"] = "and"


class Or(NamedTuple):
    """What any of the ``nodes`` matches; nothing when there are none."""

    nodes: tuple[Node, ...]
    word: Literal["or"] = "or"


Node: TypeAlias = Term | Words | Not | And | Or

EVERYTHING = And(())


def all_of(nodes: Iterable[Node]) -> Node:
    """The ``nodes`` joined by AND, without an AND inside an AND; a single one stays as it is."""
    flat: list[Node] = []
    for node in nodes:
        flat += node.nodes if isinstance(node, And) else (node,)
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def any_of(nodes: Iterable[Node]) -> Node:
    """The ``nodes`` joined by OR, without an OR inside an OR; of none, what nothing matches."""
    flat: list[Node] = []
    for node in nodes:
        flat += node.nodes if isinstance(node, Or) else (node,)
    if not flat:
        return Not(EVERYTHING)
    return flat[0] if len(flat) == 1 else Or(tuple(flat))
