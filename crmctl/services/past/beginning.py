"""Where there is no book to show: before its first commit, or in one without its settings; and where there is one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from crmctl.errors import NotFound
from crmctl.model.settings import FILE
from crmctl.services.past.moments import zone_of
from crmctl.vcs import moments as vcs

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.past.moments import Shown


def too_early(book: Book, shown: Shown) -> NotFound:
    """The error for a moment before the book's first commit, which is the one that ``shown`` names."""
    if FILE not in book.repository.blobs(shown.commit, [FILE]):
        return _never(book)
    begin = _begin(book, shown.commit)
    asked = datetime.fromtimestamp(shown.seconds, begin.tzinfo)
    form = "%a %Y-%m-%d" if asked.date() != begin.date() else "%a %Y-%m-%d %H:%M"
    hint = f"Its first day: crmctl customer list --as-of {begin:%Y-%m-%d}"
    return NotFound(f"the book begins on {begin:{form}}, later than {asked:{form}}", hint=hint)


def without_settings(book: Book, commit: str) -> NotFound:
    """The error for a commit that has no ``crm.yaml``."""
    first = vcs.first(book.places, FILE)
    if first is None or FILE not in book.repository.blobs(first.commit, [FILE]):
        return _never(book)
    begin = _begin(book, first.commit)
    hint = f"The first one that has it is of {begin:%Y-%m-%d}: crmctl customer list --as-of {first.commit[:10]}"
    return NotFound(f"commit {commit[:10]} has no {FILE}, so there is no book in it", hint=hint)


def _begin(book: Book, commit: str) -> datetime:
    return datetime.fromtimestamp(vcs.of(book.places, commit).seconds, zone_of(book))


def _never(book: Book) -> NotFound:
    hint = f"Commit it: git -C {book.root} add {FILE}, then git commit"
    return NotFound(f"no commit of this branch has a {FILE}, so there is no past to show", hint=hint)
