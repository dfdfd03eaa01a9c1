"""Merge a file of records: three versions in, one out. Pure: the same bytes in give the same bytes out.

What the merged record says is the business of ``crmctl.merge``; here it becomes a file again, with the comments of both
sides, or with markers around what is a question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.merge.outcome import NO_ANSWERS
from crmctl.model.fields import Kind
from crmctl.model.kinds import ARTICLE
from crmctl.model.kinds import KINDS
from crmctl.store.filemerge import FileMerge as FileMerge
from crmctl.store.filemerge import Sides
from crmctl.store.markers import MIN_SIZE

if TYPE_CHECKING:
    from crmctl.merge.outcome import Answers

SETTINGS = "crm.yaml"
_UNION = "records/suppressions/"

# What a merge knows of the kinds that a book declares itself: it does not read the settings.
_COMMON = ("id", "tags", "external", "notes")
_OWN_KIND = Kind("record", "records", tuple(field for field in ARTICLE.fields if field.name in _COMMON))


def is_mergeable(path: str) -> bool:
    """Whether ``merge_file`` knows what to do with the file at ``path`` (relative to the book)."""
    return path == SETTINGS or (path.startswith("records/") and path.endswith((".yaml", ".jsonl")))


def is_union(path: str) -> bool:
    """Whether the file at ``path`` only ever grows: no merge takes a line of any side away."""
    return path.startswith(_UNION) and path.endswith(".jsonl")


def merge_file(
    path: str,
    base: bytes | None,
    ours: bytes,
    theirs: bytes,
    answers: Answers = NO_ANSWERS,
    *,
    marker_size: int = 7,
    of_one: bool = False,
) -> FileMerge:
    """``base`` with the changes of both sides; None for a file that both sides added.

    ``path`` is relative to the book and says which kind of record it is. ``answers`` are values by the path of a clash.
    ``marker_size`` is the width of conflict markers, 7 at least. ``of_one`` says that a history is known to be of one
    customer in all versions, which the lines alone cannot say. Nothing is raised for bad data: it is ``refused``.
    """
    sides = Sides(path, base or b"", ours, theirs, max(marker_size, MIN_SIZE))
    if is_union(path):
        from crmctl.store.merging_union import merge_union

        return merge_union(sides)
    if ours in (base, theirs):
        return FileMerge(theirs)
    if theirs == base:
        return FileMerge(ours)
    if path.endswith(".jsonl"):
        from crmctl.store.merging_lines import merge_lines

        return merge_lines(_kind_of(path, "jsonl"), sides, answers, of_one=of_one)
    from crmctl.store.merging_yaml import merge_yaml

    return merge_yaml(None if path == SETTINGS else _kind_of(path, "yaml"), sides, answers)


def _kind_of(path: str, storage: str) -> Kind:
    plural = path.split("/")[1]
    return next((kind for kind in KINDS if (kind.plural, kind.storage) == (plural, storage)), _OWN_KIND)
