"""Merge in both directions: what is ours and what is theirs must not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.merge.outcome import NO_ANSWERS
from crmctl.merge.outcome import Answers
from crmctl.merge.outcome import Clash
from crmctl.merge.outcome import Merged
from crmctl.merge.outcome import Value
from crmctl.merge.records import merge_record

if TYPE_CHECKING:
    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap


def swapped(clash: Clash) -> Clash:
    """The same question as the other side sees it."""
    return clash._replace(ours=clash.theirs, theirs=clash.ours)


def merge_both_ways(
    kind: Kind | None, base: RawMap, ours: RawMap, theirs: RawMap, answers: Answers = NO_ANSWERS
) -> Merged:
    """The merged record; fails when the sides, exchanged, give another one or other questions."""
    merged = merge_record(kind, base, ours, theirs, answers)
    other = merge_record(kind, base, theirs, ours, answers)
    assert [swapped(clash) for clash in other.clashes] == [*merged.clashes]
    asked = {name for clash in merged.clashes for name in clash.names}
    for name in {**merged.data, **other.data}:
        assert name in asked or merged.data[name] == other.data[name]
    return merged


def three_records(name: str, base: Value, ours: Value, theirs: Value) -> tuple[RawMap, RawMap, RawMap]:
    """Three records with one field, or without it where it is None."""
    one, two, three = ({} if value is None else {name: value} for value in (base, ours, theirs))
    return one, two, three
