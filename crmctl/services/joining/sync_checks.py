"""What no single record can tell: that two sides, each right by itself, do not go together. Told as warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.services.naming import naming_records
from crmctl.services.past.differences import ADDED
from crmctl.services.past.differences import REMOVED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.services.book import Book
    from crmctl.services.past.differences import RecordChange


def warnings(book: Book, came: Sequence[RecordChange], went: Sequence[RecordChange]) -> list[str]:
    """What to look at after ``came`` and ``went`` were brought together; little when only one side had anything."""
    found = [*_same_id(book, came)]
    if not came or not went:
        return found
    found += [*_dangling(book, came, went), *_dangling(book, went, came)]
    found += _same_address(book, _handles(came, "customer"), _handles(went, "customer"))
    found += _unwanted_mail(book, came, went)
    return found


def _handles(changes: Iterable[RecordChange], kind: str) -> set[str]:
    return {change.handle for change in changes if change.kind == kind and change.what != REMOVED}


def _same_id(book: Book, came: Iterable[RecordChange]) -> Iterator[str]:
    """Records that came with the id of another one."""
    for name in sorted({change.kind for change in came if change.what == ADDED}):
        kind = book.schema.kind(name)
        if kind is None or kind.storage != "yaml":
            continue
        twice = f"SELECT id FROM {kind.plural} GROUP BY id HAVING COUNT(*) > 1"
        groups: dict[str, list[str]] = {}
        for handle, key in book.index.rows(f"SELECT handle, id FROM {kind.plural} WHERE id IN ({twice}) ORDER BY 1"):
            groups.setdefault(str(key), []).append(str(handle))
        new = _handles(came, name)
        for handles in groups.values():
            if not new.isdisjoint(handles):
                yield f"{kind.plural} {' and '.join(handles)} have one id: one was copied from the other"


def _dangling(book: Book, removed: Iterable[RecordChange], written: Iterable[RecordChange]) -> Iterator[str]:
    """Records of one side that name what the other side removed."""
    fresh = {(change.kind, change.handle) for change in written}
    for change in removed:
        kind = book.schema.kind(change.kind)
        if change.what != REMOVED or kind is None or kind.storage != "yaml":
            continue
        naming = [f"{other} {handle}" for other, handle in naming_records(book, kind, change.handle)]
        naming = [words for words in naming if tuple(words.split(" ", 1)) in fresh]
        if naming:
            more = f" and {len(naming) - 1} more" if len(naming) > 1 else ""
            yield f"{change.kind} {change.handle} was removed, but {naming[0]}{more} names it"


def _same_address(book: Book, came: set[str], went: set[str]) -> Iterator[str]:
    """One e-mail address with two people, of whom each side brought one."""
    sql = (
        "SELECT c.value_key, t.handle FROM customers_emails c JOIN customers t ON t.row_id = c.owner"
        " WHERE c.value_key IN"
        " (SELECT value_key FROM customers_emails GROUP BY value_key HAVING COUNT(DISTINCT owner) > 1) ORDER BY 1, 2"
    )
    groups: dict[str, list[str]] = {}
    for key, handle in book.index.rows(sql):
        groups.setdefault(key, []).append(handle)
    for handles in groups.values():
        if any(one in came and other in went for one in handles for other in handles if one != other):
            yield f"customers {' and '.join(handles)} have one e-mail address: are they one person?"


def _unwanted_mail(book: Book, came: Sequence[RecordChange], went: Sequence[RecordChange]) -> Iterator[str]:
    """A message that one side planned, to somebody whom the other side is not to write to any more."""
    sql = (
        "SELECT DISTINCT f.handle, t.handle FROM followups f JOIN customers t ON t.handle = f.customer"
        " LEFT JOIN customers_do_not_contact d ON d.owner = t.row_id AND d.value IN ('all', 'email')"
        " LEFT JOIN customers_consent c ON c.owner = t.row_id AND c.state IN ('withdrawn', 'objected', 'erased')"
        " WHERE f.done IS NULL AND f.template IS NOT NULL AND (d.owner IS NOT NULL OR c.owner IS NOT NULL) ORDER BY 1"
    )
    pairs = [(_handles(one, "followup"), _handles(other, "customer")) for one, other in ((came, went), (went, came))]
    for followup, customer in book.index.rows(sql):
        if any(followup in planned and customer in people for planned, people in pairs):
            yield f"follow-up {followup} plans a message to {customer}, who does not want any"
