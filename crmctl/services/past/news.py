"""What others changed since somebody here last looked. How far that was is kept in each clone, outside of the book."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import GitFailed
from crmctl.errors import NotFound
from crmctl.errors import StorageFailed
from crmctl.services.past import differences
from crmctl.services.past import moments
from crmctl.store.files import write_file
from crmctl.vcs import commits
from crmctl.vcs import moments as vcs

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from crmctl.services.book import Book
    from crmctl.services.past.differences import RecordChange
    from crmctl.vcs.commits import Commit

_NAME = "news.json"
_FIRST = timedelta(days=7)
_MOST = 100_000
"""Commits that are looked through."""


class Item(NamedTuple):
    """A commit that somebody made: when (in the book's zone), its id, by whom, its subject, and what it changed."""

    at: datetime
    commit: str
    author: str
    email: str
    subject: str
    changes: tuple[RecordChange, ...]


class News(NamedTuple):
    """The items, latest first; from when on they are (None: all there is), and the commit that they end with."""

    items: tuple[Item, ...]
    since: datetime | None
    head: str

    @property
    def changes(self) -> list[RecordChange]:
        """Everything that changed, in the order in which it did."""
        return [change for item in reversed(self.items) for change in item.changes]


def news(book: Book, since: date | None = None, *, everybody: bool = False) -> News:
    """What came into the book since it was last asked for; the first time, in the last 7 days.

    ``since`` is another day to begin with; with ``everybody``, what was done here counts too.

    Raises:
        GitFailed: the history cannot be read.
    """
    head = vcs.head(book.places)
    base, begin = _base(book, since)
    if not head or head == base:
        return News((), begin, head)
    found = commits.latest(book.places, _MOST, f"{base}..{head}" if base else head)
    mine = book.repository.user()[1].casefold()
    wanted = [
        commit
        for commit in found
        if len(commit.parents) < 2 and (everybody or not mine or commit.email.casefold() != mine)
    ]
    return News(tuple(_items(book, wanted)), begin, head)


def _items(book: Book, found: list[Commit]) -> list[Item]:
    changed = vcs.changes(book.places, [commit.id for commit in found]) if found else {}
    # All contents at once; many commits change the same few files.
    pairs = {(commit, path): pair for commit, paths in changed.items() for path, pair in paths.items()}
    contents = differences.blobs(book, {f"{commit}:{path}": pair for (commit, path), pair in pairs.items()})
    items = []
    for commit in found:
        files = {path: contents[f"{commit.id}:{path}"] for path in changed.get(commit.id, ())}
        at = datetime.fromtimestamp(commit.at, book.settings.zone)
        changes = tuple(differences.told(book, files))
        items.append(Item(at, commit.id, commit.author, commit.email, commit.subject, changes))
    return items


def _base(book: Book, since: date | None) -> tuple[str, datetime | None]:
    """The last commit that is no news, "" when all are; and the moment from which on there is news."""
    if since is None:
        seen = _seen(book)
        if seen:
            with contextlib.suppress(GitFailed):  # A history that was rewritten and cleaned up does not have it.
                return seen, datetime.fromtimestamp(vcs.of(book.places, seen).seconds, book.settings.zone)
        since = (book.now() - _FIRST).date()
    zone = book.settings.zone
    begin = datetime(since.year, since.month, since.day, tzinfo=zone)
    try:
        shown = moments.start_of(book, since, zone)
    except NotFound:  # The clone is shallow, or there is nothing yet.
        return "", begin
    return "" if shown.younger else shown.commit, begin


def keep(book: Book, head: str) -> None:
    """Note that everything up to ``head`` was seen, if that can be noted."""
    with contextlib.suppress(StorageFailed):
        write_file(book.places.own, _NAME, json.dumps({"seen": head}).encode(), durable=False)


def _path(book: Book) -> Path:
    return book.places.own / _NAME


def _seen(book: Book) -> str:
    try:
        seen = json.loads(_path(book).read_bytes())["seen"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return seen if isinstance(seen, str) and vcs.is_id(seen) else ""
