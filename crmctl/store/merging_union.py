"""Joining a file whose lines are only ever added: every line of every side is kept, each once.

For the list of those who want nothing (``records/suppressions``): no merge, and no answer to one, may lose an entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.merge.policies import words
from crmctl.store import jsonl
from crmctl.store.filemerge import FileMerge

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap
    from crmctl.store.filemerge import Sides


def merge_union(sides: Sides) -> FileMerge:
    """All lines of base, ours and theirs, in the order of their moments and ids; refused where one cannot be read."""
    found: dict[str, tuple[RawMap, bytes]] = {}
    for name, data in sides.versions:
        lines, problems = jsonl.read_lines(data, sides.path)
        if problems:
            return sides.refused(f"{name} cannot be read: {problems[0].message}")
        for line in lines:
            text, raw = words(line.value), line.raw.rstrip(b"\r")
            found[text] = (line.value, min(raw, found[text][1]) if text in found else raw)
    ordered = sorted(found.items(), key=lambda item: (_text(item[1][0], "at"), _text(item[1][0], "id"), item[0]))
    return FileMerge(b"".join(raw + b"\n" for _, (_, raw) in ordered))


def _text(value: RawMap, name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
