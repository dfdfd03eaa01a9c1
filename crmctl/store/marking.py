"""Put markers into a merged record: around the whole of each top-level field that is in question."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.store import markers
from crmctl.store import yaml_writer
from crmctl.store.yaml_spans import spans
from crmctl.store.yaml_splice import insertions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.model.raw import RawMap


class Versions(NamedTuple):
    """What a merged record says with ours, with the base and with theirs wherever there is a question."""

    ours: RawMap
    base: RawMap
    theirs: RawMap


def marked(data: bytes, versions: Versions, order: Sequence[str], size: int) -> bytes:
    """The file ``data``, which says what ``versions.ours`` says, with markers of ``size`` characters.

    ``order`` is that of the top-level keys: it says where a field goes that the file does not have.
    """
    text = data.decode("utf-8")
    root = spans(text)
    if not root.is_block or "\r" in text.replace("\r\n", "\n"):
        base, theirs = (yaml_writer.write_yaml(version).encode("utf-8") for version in versions[1:])
        return markers.whole(base, data, theirs, size)
    newline = "\r\n" if "\r\n" in text else "\n"
    starts = {entry.name: text.rfind("\n", 0, entry.key.start) + 1 for entry in root.entries}
    ends = {entry.name: text.find("\n", entry.value.end) + 1 or len(text) for entry in root.entries}
    first = root.entries[0].key.start
    indent = text[text.rfind("\n", 0, first) + 1 : first]

    def entry(version: RawMap, name: str) -> str:
        lines = yaml_writer.entry(name, version[name], indent) if name in version else ()
        return "".join(line + newline for line in lines)

    asked = [name for name in order if versions.ours.get(name) != versions.theirs.get(name)]
    behind = dict(insertions([*starts], asked, order))
    edits = []
    for name in asked:
        after = behind.get(name)
        place = min(starts.values()) if after is None else ends[after]
        start, end = starts.get(name, place), ends.get(name, place)
        block = markers.block(text[start:end], entry(versions.base, name), entry(versions.theirs, name), size, newline)
        edits.append((start, end, block))
    return _edited(text, edits, newline).encode("utf-8")


def _edited(text: str, edits: Sequence[tuple[int, int, str]], newline: str) -> str:
    found, position = "", 0
    for start, end, block in sorted(edits, key=lambda edit: edit[:2]):
        found += text[position:start]
        found += newline if found and not found.endswith("\n") else ""
        found += block
        position = end
    return found + text[position:]
