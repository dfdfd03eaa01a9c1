"""Edit a record file as a careful person would: what does not change stays byte for byte.

Changed values are spliced into the text. Whatever comes out is read back and compared; when it is not what was asked
for, a larger piece is written anew, up to the whole record. What is returned always reads back as asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.store import yaml_writer
from crmctl.store.yaml_events import BOM
from crmctl.store.yaml_events import MAX_BYTES
from crmctl.store.yaml_events import decode
from crmctl.store.yaml_reader import read_yaml
from crmctl.store.yaml_spans import spans
from crmctl.store.yaml_splice import Splicer
from crmctl.store.yaml_splice import Unsafe
from crmctl.store.yaml_splice import insertions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.model.raw import RawMap
    from crmctl.store.yaml_spans import Node

_LONE_CR = re.compile(r"\r(?!\n)")


def edit_yaml(text: bytes, old: RawMap, new: RawMap, order: Sequence[str], path: str) -> bytes:
    """The file ``text``, whose content is ``old``, changed so that its content is ``new``.

    ``order`` is the schema's order of top-level keys: it says where new keys go. Comments, blank lines, quoting, key
    order and line endings outside what changed are kept. Raises ``Conflict`` when ``text`` does not hold ``old``, and
    ``InvalidData`` when ``new`` is more than a file may hold.
    """
    if read_yaml(text, path).data != old:
        raise Conflict(f"{path}: the file has changed since it was read", hint="look at it and try again")
    if old == new:
        return text
    bom = BOM if text.startswith(BOM) else b""
    for attempt in _attempts(decode(text, path), old, new, order):
        result = bom + attempt.encode("utf-8")
        if _reads_as(result, new, path):
            return result
    whole = yaml_writer.write_yaml(new).encode("utf-8")
    if read_yaml(whole, path).data != new:
        raise InvalidData(f"{path}: this cannot be written as a record", hint="change fewer fields at a time")
    return whole


def _reads_as(data: bytes, wanted: RawMap, path: str) -> bool:
    try:
        return read_yaml(data, path).data == wanted
    except InvalidData:
        return False


def _attempts(text: str, old: RawMap, new: RawMap, order: Sequence[str]) -> Iterator[str]:
    """Candidates, from the smallest change to the largest."""
    if _LONE_CR.search(text) is None:
        yield from _spliced(text, old, new, order)
        if not text.endswith("\n") and len(text) < MAX_BYTES // 4:
            # The last text under | changes when a line follows it: see it as it then reads, and mend it.
            text += "\n"
            yield from _spliced(text, read_yaml(text.encode("utf-8"), "").data, new, order)
    head = re.match(r"(?:[ \t]*(?:#.*)?\r?\n)*", text)
    ordered = {key: new[key] for key in _arranged(list(old), new, order)}
    yield (head.group() if head else "") + yaml_writer.write_yaml(ordered)


def _spliced(text: str, old: RawMap, new: RawMap, order: Sequence[str]) -> Iterator[str]:
    root = spans(text)
    for deep in (True, False):
        splicer = Splicer(text, deep=deep)
        try:
            splicer.edit_map(root, old, new, order)
        except Unsafe:
            continue
        yield splicer.result()
    if root.is_block and root.entries:
        for blanks in (True, False):
            yield _rebuilt(text, root, old, new, order, blanks=blanks)


def _arranged(present: list[str], new: RawMap, order: Sequence[str]) -> list[str]:
    """The keys of ``new``: those present in their order, the others where ``order`` puts them."""
    kept = [key for key in present if key in new]
    added = insertions(kept, list(new), order)
    keys = [key for key, after in added if after is None]
    for name in kept:
        keys += [name, *(key for key, after in added if after == name)]
    return keys


def _rebuilt(text: str, root: Node, old: RawMap, new: RawMap, order: Sequence[str], *, blanks: bool) -> str:
    """Unchanged entries as they stand, changed ones written anew, every comment between entries at the margin.

    For the rare file in which an indented comment (or, without ``blanks``, a blank line) would become part of the text
    above it.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    sources: dict[str, str] = {}
    before: dict[str, list[str]] = {}
    position = 0
    for entry in root.entries:
        start = text.rfind("\n", 0, entry.key.start) + 1
        end = text.find("\n", entry.value.end) + 1 or len(text)
        before[entry.name] = _margin(text[position:start], blanks=blanks)
        sources[entry.name] = text[start:end].removesuffix("\n").removesuffix("\r")
        position = end
    lines: list[str] = []
    added = insertions([e.name for e in root.entries if e.name in new], list(new), order)
    for number, entry in enumerate(root.entries):
        name = entry.name
        lines += before[name]
        for key in (key for key, after in added if after is None and not number):
            lines += yaml_writer.entry(key, new[key], "")
        if name in new:
            lines += [sources[name]] if old[name] == new[name] else yaml_writer.entry(name, new[name], "")
        for key in (key for key, after in added if after == name):
            lines += yaml_writer.entry(key, new[key], "")
    lines += _margin(text[position:], blanks=blanks)
    return newline.join(lines) + newline


def _margin(between: str, *, blanks: bool) -> list[str]:
    """The comment lines, document marks and ``blanks`` between two entries, moved to the margin."""
    return [line.strip() for line in between.splitlines() if blanks or line.strip()]
