"""Answers where each side of a file is valid, and what both come to is not: a side, or fields one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.model.settings import FILE
from crmctl.model.settings import KEYS
from crmctl.services.checking.merge_compare import read_record
from crmctl.services.joining import conflict_rename
from crmctl.store.jsonl import read_lines
from crmctl.store.layout import place_of
from crmctl.store.yaml_editor import edit_yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.joining.conflict_answering import Said
    from crmctl.services.joining.conflict_joining import State
    from crmctl.services.joining.conflicts import Asked
    from crmctl.services.joining.treemerge import Question


def leaning(book: Book, state: State, part: Question, side: str) -> str:
    """What both sides come to, with as little from one ("ours" or "theirs", as the merge has them) as is needed."""
    from crmctl.services.joining.treemerge_valid import Judge
    from crmctl.services.joining.treemerge_valid import settings_of

    assert part.joined is not None
    data = (part.ours if side == "ours" else part.theirs) or b""
    joined, wanted = read_record(part.path, part.joined) or {}, read_record(part.path, data) or {}
    judge = Judge(settings_of(book.repository, state.joining.ours, state.merged.files.get(FILE)))
    found = judge.closest(part.path, joined, wanted)
    if part.path.endswith(".jsonl"):
        return _lines_of(found, (part.joined, data), part.path)
    return _written(book, part, joined, found)


def assigned(book: Book, one: Asked, said: Sequence[Said]) -> tuple[str, list[str]]:
    """The record that both sides make together, with the fields that were said, and what to tell about them.

    Raises:
        InvalidData: it is still not valid.
    """
    from crmctl.model import validate
    from crmctl.services import consequences
    from crmctl.services import records

    kind = conflict_rename.schema(book).kind(one.kind)
    part = one.parts[0]
    assert kind is not None
    assert part.joined is not None
    before = read_record(part.path, part.joined) or {}
    new, typed = dict(before), [records.Assignment(each.name, each.value) for each in said if not each.side]
    for each in said:
        side = one.yours.value if each.side == "ours" else one.theirs.value
        if each.side and isinstance(side, dict):
            new.pop(each.name, None)
            new.update({each.name: side[each.name]} if each.name in side else {})
    new, notes = records.assign_all(book, kind, new, typed)
    new = consequences.follow(book, kind, before, new)
    for finding in validate.check_record(kind, new, book.context):
        if finding.code != "unknown-field":
            raise InvalidData(f"{one.record}: {finding.message}", hint=finding.hint)
    return _written(book, part, before, new), notes


def _written(book: Book, part: Question, before: RawMap, new: RawMap) -> str:
    """The joined file with ``new`` in place of ``before``."""
    place = place_of(part.path, conflict_rename.schema(book))
    order = KEYS if place is None else [field.name for field in place.kind.stored]
    return edit_yaml(part.joined or b"", before, new, order, part.path).decode()


def _lines_of(wanted: RawMap, files: Sequence[bytes], path: str) -> str:
    """A history of the lines ``wanted``, each as one of ``files`` writes it."""
    lines = [line for data in files for line in read_lines(data, path)[0]]
    return "".join(next(line.raw.decode() + "\n" for line in lines if line.value == value) for value in wanted.values())
