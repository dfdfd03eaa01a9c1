"""Turn one record text into another by replacing the characters of changed values, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmctl.store import yaml_writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.store.yaml_spans import Entry
    from crmctl.store.yaml_spans import Node

_DASH = re.compile(r"( *)-(?: +|$)")


class Unsafe(Exception):
    """This shape cannot be edited line by line."""


def insertions(present: Sequence[str], wanted: Sequence[str], order: Sequence[str]) -> list[tuple[str, str | None]]:
    """Each key of ``wanted`` that is not ``present``, with the present key it comes after (None: before all).

    A key goes after the nearest key before it in ``order``; one that ``order`` does not know goes to the end.
    """
    ranks = {key: rank for rank, key in enumerate(order)}
    missing = sorted((k for k in wanted if k not in present), key=lambda k: ranks.get(k, len(ranks)))
    found: list[tuple[str, str | None]] = []
    for key in missing:
        if key not in ranks:
            found.append((key, present[-1] if present else None))
            continue
        before = [k for k in present if ranks.get(k, len(ranks)) < ranks[key]]
        found.append((key, max(before, key=lambda k: ranks[k]) if before else None))
    return found


class Splicer:
    """Collects the replacements for one text. ``deep=False`` writes changed top-level entries anew as a whole."""

    def __init__(self, text: str, *, deep: bool = True) -> None:
        self.text = text
        self.deep = deep
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.edits: list[tuple[int, int, str]] = []

    def result(self) -> str:
        """The text with all replacements done."""
        parts, position = [], 0
        for start, end, new in sorted(self.edits, key=lambda edit: edit[:2]):
            parts += [self.text[position:start], new]
            position = max(position, end)
        return "".join(parts) + self.text[position:]

    def edit_map(self, node: Node, old: RawMap, new: RawMap, order: Sequence[str]) -> None:
        """Collect what turns the block map ``node`` from ``old`` into ``new``."""
        kept = [entry.name for entry in node.entries if entry.name in new]
        if not kept or not node.is_block:
            raise Unsafe
        for entry in node.entries:
            if entry.name not in new:
                self._remove(entry.key.start, entry.value.end)
            elif old[entry.name] != new[entry.name]:
                self._change_entry(entry, old[entry.name], new[entry.name])
        by_name = {entry.name: entry for entry in node.entries}
        column = self._column(node.entries[0].key.start)
        for name, after in insertions(kept, list(new), order):
            lines = list(yaml_writer.entry(name, new[name], " " * column))
            if after is None:
                self._insert(self._own_line(node.entries[0].key.start), lines)
            else:
                self._insert(self._next_line(by_name[after].value.end), lines)

    def edit_list(self, node: Node, old: list[Raw], new: list[Raw]) -> None:
        """Collect what turns the block list ``node`` from ``old`` into ``new``, item by item."""
        from difflib import SequenceMatcher

        if not new or not node.items or not node.is_block:
            raise Unsafe
        dashes = [self._dash(item) for item in node.items]
        matcher = SequenceMatcher(None, [repr(v) for v in old], [repr(v) for v in new], autojunk=False)
        for tag, i, i_end, j, j_end in matcher.get_opcodes():
            if tag == "equal":
                continue
            while i < i_end and j < j_end:
                self._change_item(node.items[i], dashes[i], old[i], new[j])
                i, j = i + 1, j + 1
            for item in node.items[i:i_end]:
                self._remove(item.start, item.end, dash=True)
            at = self._next_line(node.items[i - 1].end) if i else self._line_start(node.items[0].start)
            for value in new[j:j_end]:
                self._insert(at, list(yaml_writer.list_item(value, " " * dashes[0])))

    def _change_entry(self, entry: Entry, old: Raw, new: Raw) -> None:
        if self._change_inside(entry.value, old, new):
            return
        key = self.text[entry.key.start : entry.key.end]
        indent = " " * self._column(entry.key.start)
        lines = list(yaml_writer.entry(entry.name, new, indent))
        lines[0] = key + lines[0].removeprefix(indent).removeprefix(yaml_writer.inline(entry.name))
        if not lines[0].startswith(f"{key}:") or "?" in self._lead(entry.key.start):
            raise Unsafe
        self._replace(entry.key.start, entry.value, lines, self._head_comment(entry))

    def _change_item(self, item: Node, dash: int, old: Raw, new: Raw) -> None:
        if self._change_inside(item, old, new):
            return
        column = " " * (self._column(item.start) if item.start < item.end else dash + 2)
        if not new or isinstance(new, str):
            lines = yaml_writer.scalar(new, " " * dash + "  ")
        else:
            lines = list(yaml_writer.block(new, column))
            lines[0] = lines[0].removeprefix(column)
        if item.start == item.end and not self._lead(item.start).endswith(" "):
            lines[0] = f" {lines[0]}"
        self._replace(item.start, item, lines, "" if item.is_block else self._comment_after(item))

    def _change_inside(self, node: Node, old: Raw, new: Raw) -> bool:
        """Change only a part of the value, if the shapes allow it."""
        done = len(self.edits)
        try:
            if isinstance(old, str) and isinstance(new, str):
                return self._change_text(node, new)
            if self.deep and isinstance(old, dict) and isinstance(new, dict):
                self.edit_map(node, old, new, list(new))
                return True
            if self.deep and isinstance(old, list) and isinstance(new, list):
                self.edit_list(node, old, new)
                return True
        except Unsafe:
            del self.edits[done:]
        return False

    def _change_text(self, node: Node, new: str) -> bool:
        lines = yaml_writer.scalar(new, "")
        if len(lines) > 1 or node.is_block_text or "\n" in self.text[node.start : node.end]:
            return False
        space = " " if node.start == node.end and not self._lead(node.start).endswith(" ") else ""
        self.edits.append((node.start, node.end, space + lines[0]))
        return True

    def _replace(self, start: int, value: Node, lines: list[str], comment: str) -> None:
        """Put ``lines`` in place of everything from ``start`` to the end of the line the value ends on."""
        lines[0] += comment
        self.edits.append((start, self._swallow(self._line_end(value.end), lines), self.newline.join(lines)))

    def _remove(self, start: int, end: int, *, dash: bool = False) -> None:
        first = self._line_start(start) if dash else self._own_line(start)
        self.edits.append((first, self._next_line(end), ""))

    def _insert(self, at: int, lines: list[str]) -> None:
        new = self.newline.join(lines)
        at_end = at == len(self.text) and not self.text.endswith("\n")
        self.edits.append((at, at, self.newline + new if at_end else new + self.newline))

    def _swallow(self, end: int, lines: list[str]) -> int:
        """Where a replacement ends: blank lines after a text that ends in blank lines would join it, so they go."""
        if lines[-1] == "":
            found = re.compile(r"(?:\r?\n[ \t]*(?=\r?\n|$))*").match(self.text, end)
            end = found.end() if found else end
        return end

    def _head_comment(self, entry: Entry) -> str:
        """The comment on an entry's first line (or after its one-line value), with the spaces before it."""
        value = entry.value
        if value.is_block:
            after_colon = self.text.index(":", entry.key.end) + 1
            return self._only_comment(self.text[after_colon : self._line_end(after_colon)])
        return self._comment_after(value)

    def _comment_after(self, value: Node) -> str:
        if value.is_block_text:
            header = self.text[value.start : self._line_end(value.start)]
            return self._only_comment(header.lstrip("|>+-0123456789"))
        return self._only_comment(self.text[value.end : self._line_end(value.end)])

    def _only_comment(self, rest: str) -> str:
        if rest.strip() and not rest.lstrip().startswith("#"):
            raise Unsafe
        return rest.rstrip()

    def _dash(self, item: Node) -> int:
        """The column of an item's dash; ``Unsafe`` unless the dash is the first thing on the item's line."""
        found = _DASH.fullmatch(self._lead(item.start))
        if found is None:
            raise Unsafe
        return len(found.group(1))

    def _line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        end = self.text.find("\n", index)
        end = len(self.text) if end < 0 else end
        return end - 1 if end > index and self.text[end - 1] == "\r" else end

    def _next_line(self, index: int) -> int:
        end = self.text.find("\n", index)
        return len(self.text) if end < 0 else end + 1

    def _lead(self, index: int) -> str:
        return self.text[self._line_start(index) : index]

    def _column(self, index: int) -> int:
        return index - self._line_start(index)

    def _own_line(self, index: int) -> int:
        """The start of the line, if there is nothing on it before ``index``."""
        if self._lead(index).strip():
            raise Unsafe
        return self._line_start(index)
