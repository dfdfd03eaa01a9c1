"""What a template speaks of: the dotted names that it reads, each with its line, and the names that it makes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from jinja2 import nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_JINJA = frozenset({"caller", "kwargs", "loop", "self", "super", "varargs"})
EACH = "0"
"""The step from a list to one of its entries."""


class Uses(NamedTuple):
    """``read`` are (dotted name, line) pairs, ``made`` the names that the template sets, takes or imports.

    ``open`` says that it takes part in others: names may be made there.
    """

    read: list[tuple[str, int]]
    made: set[str]
    open: bool


def uses(tree: nodes.Template) -> Uses:
    """What the template parsed into ``tree`` speaks of."""
    made = set(_OF_JINJA)
    for name in tree.find_all(nodes.Name):
        if name.ctx != "load":
            made.add(name.name)
    for macro in tree.find_all(nodes.Macro):
        made.add(macro.name)
    for whole in tree.find_all(nodes.Import):
        made.add(whole.target)
    for some in tree.find_all(nodes.FromImport):
        made.update(each if isinstance(each, str) else each[1] for each in some.names)
    shared = any(tree.find(tag) is not None for tag in (nodes.Include, nodes.Extends))
    return Uses([*dict.fromkeys(_read(tree))], made, shared)


def _read(node: nodes.Node) -> Iterator[tuple[str, int]]:
    """The longest dotted names in a part of a template."""
    steps = _steps(node)
    if steps:
        yield ".".join(steps), node.lineno
    for child in _beside(node) if steps else node.iter_child_nodes():
        yield from _read(child)


def _steps(node: nodes.Node) -> list[str]:
    """``customer.emails[0]`` as its steps; nothing for what is no such name."""
    if isinstance(node, nodes.Name):
        return [node.name] if node.ctx == "load" else []
    if isinstance(node, nodes.Getattr):
        before = _steps(node.node)
        return [*before, node.attr] if before else []
    if isinstance(node, nodes.Getitem):
        before = _steps(node.node)
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        return [*before, key if isinstance(key, str) else EACH] if before else []
    return []


def _beside(node: nodes.Node) -> Iterator[nodes.Node]:
    """What stands in the brackets of a name: ``numbers[customer.place]``."""
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getitem):
            yield node.arg
        node = node.node
