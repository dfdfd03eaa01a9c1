"""A record as a merge should have it, against the record as a merge has it: which fields were lost, which invented."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.model.kinds import KINDS
from crmctl.store.merging import SETTINGS
from crmctl.store.merging import is_mergeable
from crmctl.store.merging import merge_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence
    from typing import TypeAlias

    from crmctl.merge.outcome import Clash
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

    Contents: TypeAlias = Sequence[bytes | None]

LOST, INVENTED, UNREADABLE = "merge-lost", "merge-invented", "merge-unreadable"

_NONSENSE = "it cannot be read: lines of both sides, or the markers of a conflict"


class Finding(NamedTuple):
    """What is wrong in a file of a merge: ``field`` with dots, "" for the whole; ``what`` in words."""

    code: str
    field: str
    what: str


def expected_with(path: str, base: bytes | None, ours: bytes, theirs: bytes, actual: bytes) -> bytes:
    """What merging gives when each question is answered as ``actual`` has it; ours where that cannot be told."""
    clashes = merge_file(path, base, ours, theirs).clashes
    read = read_record(path, actual)
    answers = {} if read is None else {clash.path: _at(path, read, clash) for clash in clashes}
    merged = merge_file(path, base, ours, theirs, answers)
    return merged.data if merged.clean else actual


def unreadable(path: str, actual: bytes | None) -> Iterator[Finding]:
    """What is wrong with a file of which a person had to decide: it can be anything, but not nonsense."""
    if actual is not None and is_mergeable(path) and read_record(path, actual) is None:
        yield Finding(UNREADABLE, "", _NONSENSE)


def compare(path: str, expected: bytes | None, actual: bytes | None, sides: Contents) -> Iterator[Finding]:
    """What ``actual`` has otherwise than ``expected``; ``sides`` are the contents that were merged, and their base."""
    if expected == actual:
        return
    if not is_mergeable(path):
        if actual in sides:
            yield Finding(LOST, "", "the change of one side is lost")
        return
    if actual is None:
        yield Finding(LOST, "", "it is gone, though no merge of the two takes it away")
        return
    if expected is None:
        back = actual in sides
        yield Finding(INVENTED, "", "it is back, though one side removed it" if back else "neither side has it")
        return
    wanted, found = read_record(path, expected), read_record(path, actual)
    if found is not None:
        yield from compare_fields(path, wanted or {}, found, sides)
    elif wanted is not None:
        yield Finding(UNREADABLE, "", _NONSENSE)


def compare_fields(path: str, expected: RawMap, actual: RawMap, sides: Contents) -> Iterator[Finding]:
    """The same for what stands in a record (or, by their ids, for the lines of a history)."""
    known = [side for data in sides if data is not None and (side := read_record(path, data)) is not None]
    yield from _maps(expected, actual, known, "")


def _maps(expected: RawMap, actual: RawMap, sides: Sequence[RawMap], prefix: str) -> Iterator[Finding]:
    for name in dict.fromkeys([*expected, *actual]):
        wanted, found = expected.get(name), actual.get(name)
        before = [side.get(name) for side in sides]
        reordered = _same_entries(wanted, found)
        if wanted == found or (not wanted and not found) or (reordered and _same_order(wanted, found, before)):
            continue
        if isinstance(wanted, dict) and isinstance(found, dict):
            inner = [value for value in before if isinstance(value, dict)]
            yield from _maps(wanted, found, inner, f"{prefix}{name}.")
        elif found in before:
            yield Finding(LOST, f"{prefix}{name}", "the change of one side is lost")
        elif reordered:
            yield Finding(LOST, f"{prefix}{name}", "the order that one side gave it is lost")
        elif found is None:
            yield Finding(LOST, f"{prefix}{name}", "it is gone, though no side removed it")
        elif isinstance(wanted, list) and isinstance(found, list) and all(entry in wanted for entry in found):
            yield Finding(LOST, f"{prefix}{name}", "an entry that one side added is lost")
        else:
            yield Finding(INVENTED, f"{prefix}{name}", "no side gave it this value")


def _same_order(one: Raw | None, other: Raw | None, before: Sequence[Raw | None]) -> bool:
    """Whether the entries that all had before stand in the same order; where new ones stand, does not matter."""
    lists = [value for value in before if isinstance(value, list)]
    kept = [[entry for entry in value or () if all(entry in had for had in lists)] for value in (one, other)]
    return kept[0] == kept[1]


def _same_entries(one: Raw | None, other: Raw | None) -> bool:
    """Whether two lists have the same entries, in whatever order."""
    if not isinstance(one, list) or not isinstance(other, list) or len(one) != len(other):
        return False
    return all(one.count(entry) == other.count(entry) for entry in one)


def read_record(path: str, data: bytes) -> RawMap | None:
    """A record; a history as a map of its lines by their ids. None for what cannot be read."""
    if path.endswith(".jsonl"):
        from crmctl.store.jsonl import read_lines

        lines, problems = read_lines(data, path)
        found: RawMap = {str(line.value.get("id") or line.raw): line.value for line in lines}
        return None if problems or len(found) != len(lines) else found
    from crmctl.store.yaml_reader import read_yaml

    try:
        return read_yaml(data, path).data
    except InvalidData:
        return None


def _at(path: str, data: RawMap, clash: Clash) -> Raw | None:
    """The answer to ``clash`` that ``data`` gives."""
    way = clash.path
    found: Raw | None = data
    if path.endswith(".jsonl"):
        found, way = data.get(way[0]), way[1:]
    if len(clash.names) > 1:
        return {name: found[name] for name in clash.names if name in found} if isinstance(found, dict) else None
    for key in way:
        if isinstance(found, list):
            found = _entry(path, way[0], found, key)
        else:
            found = found.get(key) if isinstance(found, dict) else None
    return found


def _entry(path: str, name: str, entries: list[Raw], key: str) -> Raw | None:
    """The group of a keyed list that ``key`` names."""
    if path == SETTINGS:
        return None
    kind = next((kind for kind in KINDS if kind.plural == path.split("/")[1]), None)
    field = kind.field(name) if kind is not None else None
    part = field.key if field is not None else ""
    return next((entry for entry in entries if isinstance(entry, dict) and entry.get(part) == key), None)
