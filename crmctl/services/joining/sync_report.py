"""What a sync brought and sent, record by record, and what to look at afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.joining import sync_checks
from crmctl.services.joining.sync import PLANNED
from crmctl.services.past import differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.services.book import Book
    from crmctl.services.joining.sync import Synced
    from crmctl.services.past.differences import RecordChange


_FIRST = 5


class Told(NamedTuple):
    """What came and what went (or would), and warnings. ``first`` says that the remote had nothing before."""

    came: list[RecordChange]
    went: list[RecordChange]
    warnings: list[str]
    first: bool = False


def told(book: Book, synced: Synced) -> Told:
    """Compare the records before and after.

    Raises:
        GitFailed: git does not have one of the commits.
    """
    if synced.state == PLANNED:
        return _planned(book, synced)
    came = differences.between(book, synced.before, synced.after) if synced.before != synced.after else []
    went = []
    if synced.sent and synced.theirs and synced.theirs != synced.after:
        went = differences.between(book, synced.theirs, synced.after)
    warnings = [*_refusable(book, synced), *sync_checks.warnings(book, came, went)]
    return Told(came, went, warnings, synced.sent and not synced.theirs)


def _refusable(book: Book, synced: Synced) -> Iterator[str]:
    """What came and would not have been taken by a server with our hook."""
    if synced.before == synced.after or not synced.theirs or not synced.before:
        return
    from crmctl.services.checking.received import check_fetched

    problems = check_fetched(book.places.top, synced.before, synced.theirs).problems
    for problem in problems[:_FIRST]:
        yield f"{problem}{f' ({problem.hint})' if problem.hint else ''}"
    if len(problems) > _FIRST:
        yield f"and {len(problems) - _FIRST:,} more that a hook would have refused: crmctl check"


def _planned(book: Book, synced: Synced) -> Told:
    repository = book.repository
    came, went = [], []
    if synced.merge is not None:
        files = synced.merge.files
        oids = repository.blobs(synced.before, files)
        ours = dict(zip(oids, repository.contents(oids.values()), strict=True))
        came = differences.told(book, {path: (ours.get(path), data) for path, data in files.items()})
    bases = repository.merge_bases(synced.before, synced.theirs) if synced.theirs else []
    if bases:
        went = differences.between(book, bases[0], synced.before)
    return Told(came, went, [], not synced.theirs)
