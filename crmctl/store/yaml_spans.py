"""Where everything in a YAML text stands: a tree of nodes with the indices of their first and last characters.

Only for texts ``read_yaml`` has accepted: nothing is checked again here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from crmctl.store import yaml_events

if TYPE_CHECKING:
    from collections.abc import Iterator


class Node:
    """A text, map or list in the source: ``text[start:end]``, without comments and blank lines after it."""

    __slots__ = ("end", "entries", "flow", "items", "kind", "start", "style")

    def __init__(self, kind: str, start: int, end: int, style: str, *, flow: bool) -> None:
        self.kind = kind  # "text", "map" or "list"
        self.start = start
        self.end = end
        self.style = style  # of a text: "" plain, quotes, "|" or ">"
        self.flow = flow  # a [list] or {map}
        self.entries: list[Entry] = []
        self.items: list[Node] = []

    @property
    def is_block(self) -> bool:
        """Whether it is a block map or list: one that can be edited line by line."""
        return self.kind != "text" and not self.flow

    @property
    def is_block_text(self) -> bool:
        """Whether it is a text under ``|`` or ``>``."""
        return self.style in ("|", ">")


class Entry:
    """One ``key: value`` of a map."""

    __slots__ = ("key", "name", "value")

    def __init__(self, name: str, key: Node, value: Node) -> None:
        self.name = name
        self.key = key
        self.value = value


def spans(text: str) -> Node:
    """The node of the record in ``text``."""
    kinds = yaml_events.kinds()
    events = yaml_events.events(text)
    for event in events:
        if type(event) is kinds.mapping_start:
            return _container(event, events, text, kinds)
    raise ValueError("no map in the text")


def _container(event: Any, events: Iterator[Any], text: str, kinds: yaml_events.Kinds) -> Node:
    is_map = type(event) is kinds.mapping_start
    flow = bool(event.flow_style)
    node = Node("map" if is_map else "list", event.start_mark.index, event.end_mark.index, "", flow=flow)
    key: Any = None
    for inner in events:
        kind = type(inner)
        if kind is kinds.mapping_end or kind is kinds.sequence_end:
            if flow:
                node.end = inner.end_mark.index
            break
        if is_map and key is None:
            key = inner
            continue
        child = _text(inner, text) if kind is kinds.scalar else _container(inner, events, text, kinds)
        if is_map:
            _add_entry(node, key, child, text)
            key = None
        else:
            node.items.append(child)
        node.end = child.end
    return node


def _add_entry(node: Node, key: Any, value: Node, text: str) -> None:
    key_node = _text(key, text)
    if value.start == value.end:  # nothing: the parsers differ on where that is
        value.start = value.end = text.find(":", key_node.end) + 1 or key_node.end
    node.entries.append(Entry(key.value, key_node, value))


def _text(event: Any, text: str) -> Node:
    start, end, style = event.start_mark.index, event.end_mark.index, event.style or ""
    if style in ("|", ">"):
        header = text[start:end].split("\n", 1)[0].split("#", 1)[0]
        body = text[start:end]
        # Under |+ the blank lines at the end are part of the text; otherwise they are nobody's.
        body = body.removesuffix("\n").removesuffix("\r") if "+" in header else body.rstrip()
        end = start + len(body)
    return Node("text", start, end, style, flow=False)
