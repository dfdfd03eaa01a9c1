"""The brake on a merge that would take many records away: an emptied folder, a script gone wrong, a bad answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.model.settings import FILE
from crmctl.services.joining.conflict_joining import partner
from crmctl.store import layout
from crmctl.store.jsonl import read_lines
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.joining.treemerge import TreeMerge

MOST = 50
"""So many records never vanish at once unless told."""

SHARE = 0.2
"""Nor does more than this part of all of them,"""

FEW = 2
"""but so few may always."""


def check(book: Book, head: str, merge: TreeMerge) -> None:
    """Refuse a merge that takes too many of the records away that ``head`` has.

    Interactions count too, but for those of a customer who goes as a whole: that is one record. A record that only gets
    another handle stays.

    Raises:
        Conflict: it would.
    """
    changed = [path for path in merge.files if path.startswith(f"{layout.RECORDS}/")]
    come = {layout.flat(path) for path in changed if merge.files[path] is not None}
    come |= {layout.flat(old) for new, old in merge.moved.items() if layout.flat(new) in come}
    gone = [path for path in changed if merge.files[path] is None and layout.flat(path) not in come]
    records = sum(path.endswith(".yaml") for path in gone)
    going = {layout.flat(path) for path in gone}
    staying = [path for path in changed if path.endswith(".jsonl") and partner(layout.flat(path)) not in going]
    records += _lines_gone(book, head, merge, staying)
    if records <= FEW:
        return
    total = _total(book)
    if records >= MOST or records > SHARE * total:
        raise Conflict(
            f"this would take away {records:,} of {total:,} records, so nothing was merged",
            hint="crmctl sync --dry-run shows which. If that is meant: crmctl sync --allow-removals",
        )


def check_settings(merge: TreeMerge) -> None:
    """Refuse a merge after which this would be no book any more.

    Raises:
        Conflict: it would be none.
    """
    if FILE not in merge.files:
        return
    hint = "Have whoever changed it put it right, and sync again."
    data = merge.files[FILE]
    if data is None:
        raise Conflict(f"this would take {FILE} away, so nothing was merged", hint=hint)
    try:
        read_yaml(data, FILE)
    except InvalidData as exc:
        if not any(problem.code == "empty" for problem in exc.problems):
            raise Conflict(
                f"{FILE} could not be read any more, so nothing was merged: {exc.message}", hint=hint
            ) from None


def _lines_gone(book: Book, head: str, merge: TreeMerge, paths: list[str]) -> int:
    """How many interactions would be there no more, by their ids (or texts)."""
    oids = book.repository.blobs(head, paths)
    before = {key for data in book.repository.contents(oids.values()) for key in _keys(data)} if oids else set()
    after = {key for path in paths for key in _keys(merge.files[path] or b"")}
    return len(before - after)


def _keys(data: bytes) -> set[str | bytes]:
    keys: set[str | bytes] = set()
    for line in read_lines(data, "")[0]:
        identity = line.value.get("id")
        keys.add(identity if isinstance(identity, str) and identity else line.raw)
    return keys


def _total(book: Book) -> int:
    rows = (book.index.row(f"SELECT COUNT(*) FROM {kind.plural}") for kind in book.schema.kinds)
    return sum(int(row[0]) for row in rows if row)
