"""What a sync brought and sent, record by record, and what to look at afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.joining import sync_checks
from crmctl.services.joining.sync import PLANNED
from crmctl.services.past import differences

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.joining.sync import Synced
    from crmctl.services.past.differences import RecordChange


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
    return Told(came, went, sync_checks.warnings(book, came, went), synced.sent and not synced.theirs)


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
