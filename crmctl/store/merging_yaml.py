"""Merge a YAML file: a record, or the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.merge.records import merge_record
from crmctl.merge.texts import take_apart
from crmctl.store.filemerge import FileMerge
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.merge.outcome import Answers
    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.store.filemerge import Sides


class States(NamedTuple):
    """What the three versions of a file say."""

    base: RawMap
    ours: RawMap
    theirs: RawMap


def merge_yaml(kind: Kind | None, sides: Sides, answers: Answers) -> FileMerge:
    """The merged file; ``kind`` None for the settings."""
    found: list[RawMap] = []
    for words, data in sides.versions:
        try:
            found.append(read_yaml(data, sides.path).data if data or found else {})
        except InvalidData as error:
            return sides.refused(f"{words} cannot be read: {error.problems[0].message}")
    states = States(*found)
    if kind is not None and not _is_one_record(states, added=not sides.base):
        return sides.refused("these are different records: their ids are not the same")
    merged = merge_record(kind, *states, answers)
    order = [*dict.fromkeys([*(field.name for field in (kind.stored if kind else ())), *states.theirs, *states.ours])]
    try:
        data = _written(sides, states, merged.data, order)
    except InvalidData:
        return sides.refused("the merged record would be more than a file may hold")
    if not merged.clashes:
        return FileMerge(data)
    from crmctl.store.marking import Versions
    from crmctl.store.marking import marked

    base, theirs = (
        merge_record(kind, *states, {**answers, **{clash.path: getattr(clash, side) for clash in merged.clashes}}).data
        for side in ("base", "theirs")
    )
    return FileMerge(marked(data, Versions(merged.data, base, theirs), order, sides.marker_size), merged.clashes)


def _is_one_record(states: States, *, added: bool) -> bool:
    """Whether no two ids differ; when both sides ``added`` the file, both have to have one."""
    names = [state.get("id", "") for state in states]
    known = [name for name in names if name]
    return all(isinstance(name, str) and name == known[0] for name in known) and (not added or len(known) == 2)


def _written(sides: Sides, states: States, data: RawMap, order: Sequence[str]) -> bytes:
    """``data`` as a file in which the comments of both sides stay; raises ``InvalidData`` when no file can hold it."""
    texts = take_apart(*(version.decode("utf-8") for _, version in sides.versions))
    if states.ours == states.theirs == data:
        first = min(sides.ours, sides.theirs)
        woven = _bytes_of(texts.woven("ours" if first == sides.ours else "theirs"))
        return woven if _read(woven) == data else first
    woven = _bytes_of(texts.woven())
    if _read(woven) == data:
        return woven
    from crmctl.store.yaml_editor import edit_yaml

    woven = _bytes_of(texts.woven("ours"))
    old = _read(woven)
    if old is None:
        woven, old = sides.ours, states.ours
    return edit_yaml(woven, old, data, order, sides.path)


def _bytes_of(text: str | None) -> bytes:
    return (text or "").encode("utf-8")


def _read(data: bytes) -> RawMap | None:
    try:
        return read_yaml(data, "").data
    except InvalidData:
        return None
