"""The book as it was: opened at an earlier commit, to be looked at and not to be changed."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING
from typing import NoReturn

from crmctl.errors import CrmError
from crmctl.errors import UsageProblem
from crmctl.model.settings import FILE
from crmctl.services.book import Book
from crmctl.services.past import beginning
from crmctl.services.past import moments
from crmctl.services.past import pastindex

if TYPE_CHECKING:
    from datetime import date
    from datetime import tzinfo

    from crmctl.index.index import Index
    from crmctl.model.fields import Kind
    from crmctl.model.settings import Settings
    from crmctl.services.bookfiles import Files
    from crmctl.services.past.moments import Shown
    from crmctl.vcs.status import Probe


class PastBook(Book):
    """A book as it was: everything it tells is from one commit, and nothing can be written to it.

    ``shown`` says which commit, and for which day; ``present`` is the book as it is. Where there is no book in that
    commit, asking for anything raises NotFound.
    """

    def __init__(self, present: Book, shown: Shown) -> None:
        super().__init__(present.root, places=present.places)
        self.present = present
        self.shown = shown
        self.revision = shown.commit

    @cached_property
    def _refreshed(self) -> tuple[Index, Settings]:
        return pastindex.index_of(self, self.shown.commit, self.shown.tree)

    @cached_property
    def files(self) -> Files:
        """The files as they stand in the commit."""
        from crmctl.services.bookfiles import Committed

        files = Committed(self.repository, self.shown.commit)
        if not files.what(FILE):
            raise beginning.without_settings(self.present, self.shown.commit)
        return files

    @property
    def commit(self) -> str:
        """The commit that is shown."""
        return self.shown.commit

    def called_then(self, kind: Kind, handle: str) -> str:
        """The handle that the record had which is called ``handle`` by now; "" when it was not there."""
        try:
            if self.present.schema.kind(kind.name) is None:
                return ""
            row = self.present.index.row(f"SELECT id FROM {kind.plural} WHERE handle = ?", (handle,))
        except CrmError:
            return ""  # The past can be looked at whatever state the present is in.
        then = row and row[0] and self.index.row(f"SELECT handle FROM {kind.plural} WHERE id = ?", (row[0],))
        return str(then[0]) if then else ""

    @property
    def probe(self) -> Probe:
        """There is nothing to ask: what stands in the work tree is not of this time.

        Raises:
            UsageProblem: always.
        """
        raise UsageProblem("the past has no work tree")

    def now_in(self, zone: tzinfo) -> datetime:
        """The end of the day that is shown or the moment of its commit, in ``zone``; never later than the present."""
        return min(super().now_in(zone), datetime.fromtimestamp(self.shown.seconds, zone))

    def discard_damaged_index(self, error: BaseException) -> bool:
        """Throw the index of this state away if ``error`` says that it is damaged; whether that was it."""
        return pastindex.discard_damaged(self, self.shown.tree, error)

    def write(self, *_: object, **__: object) -> NoReturn:
        """Refuse.

        Raises:
            UsageProblem: always.
        """
        raise UsageProblem("the past cannot be changed", hint="Leave --as-of out to change the book as it is now.")


def open_past(present: Book, text: str, *, stand_in: bool = False) -> PastBook:
    """The book as it was on the day, or in the commit, that ``text`` means; errors as ``moments.find``.

    For a moment before the first commit that one stands in if ``stand_in`` says so; otherwise NotFound is raised.
    """
    zone = moments.zone_of(present)
    shown = moments.find(present, text, present.now_in(zone))
    if shown.younger and not stand_in:
        raise beginning.too_early(present, shown)
    return PastBook(present, shown)


def on_day(present: Book, day: date) -> PastBook:
    """The book at the end of ``day``, in its time zone; its first commit if it is younger. Errors as ``open_past``."""
    return PastBook(present, moments.end_of(present, day, moments.zone_of(present)))
