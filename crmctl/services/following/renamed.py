"""The sequence that somebody is in, also when its file has another name by now: an enrolment's id is told from the ids
of both, so that a sequence which was only renamed ends for nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.services import records
from crmctl.services.following import enrolments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmctl.services.book import Book
    from crmctl.services.following.enrolments import Enrolment
    from crmctl.services.following.enrolments import Sequence

_MOST = 50
"""Times that somebody may have been in one sequence."""


def sequence_of(book: Book, handle: str, those: Iterable[tuple[Enrolment, str]]) -> Sequence | None:
    """The sequence called ``handle``; where that names nothing, the one by whose id some of ``those`` who are in it
    (with the ids of their customers) were enrolled; None when it is gone."""
    found = enrolments.sequence(book, handle)
    path = records.path_of(book, book.schema.require("sequence"), handle) if handle else ""
    if found is not None or (path and (book.root / path).exists()):
        return found
    rows = book.index.rows("SELECT handle, id FROM sequences WHERE id IS NOT NULL ORDER BY handle")
    known = [(str(name), str(identity)) for name, identity in rows]
    for one, customer_id in those:
        for name, identity in known:
            if one.id in (enrolments.identity(identity, customer_id, number) for number in range(1, _MOST)):
                return enrolments.sequence(book, name)
    return None
