"""The last look before a message goes out: may this person be written to, now, at this address, for this purpose?

What a plan found out may be old. Everything is asked again, from the record as it stands in the file at that moment;
what cannot be read is a no, and what cannot be known at all stops the run.
"""

from __future__ import annotations

import os
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.services import records
from crmctl.services.campaigns import daytime
from crmctl.services.campaigns.audience import Sieve
from crmctl.services.consenting.permission import NOT_YET
from crmctl.services.consenting.pressure import Pressure

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.plan import Entry

GO, WAIT, OUT = "go", "wait", "out"
_SLACK = 50_000_000


class Verdict(NamedTuple):
    """Whether a message may go out: ``go``; ``wait`` (until a moment, None when nobody knows); ``out`` for good."""

    what: str
    code: str = ""
    reason: str = ""
    until: datetime | None = None


class Gatekeeper:
    """Asked once more for everybody, right before they are written to.

    ``doubt`` is asked why the clock is not to be relied on ("": it is), before somebody is out of it for good.

    Raises:
        CrmError: who may not be written to cannot be told: a list that cannot be read, a key that is not here.
    """

    def __init__(self, book: Book, campaign: Campaign, doubt: Callable[[], str] = str) -> None:
        self._doubt = doubt
        self._book = book
        self._campaign = campaign
        self._kind = book.schema.require("customer")
        self._paths: dict[str, str] = {}
        self._look()

    def _look(self) -> None:
        self._looked = clock.wall_nanoseconds() - _SLACK
        self._sieve = Sieve(self._book, self._campaign, self._doubt)
        self._pressure = Pressure(self._book)

    def verdict(self, entry: Entry, now: datetime) -> Verdict:
        """What is to become of somebody's message at ``now``."""
        data = self._book.index.data(self._kind, entry.handle)
        if data is None and (self._book.root / records.path_of(self._book, self._kind, entry.handle)).exists():
            return Verdict(WAIT, "unreadable", "the customer's record cannot be read: crmctl check")
        if data is None or entry.cust not in (str(data.get("id") or entry.handle), entry.handle):
            name = self._name_now(entry)
            if name not in ("", entry.handle):
                return Verdict(WAIT, "renamed", f"is called {name} now; the next run writes to them")
            return Verdict(OUT, "unknown", "the customer's record is gone, or cannot be read")
        refused = self._sieve.refusal(entry.handle, data, entry.address, now)
        if refused is not None:
            return self._refused(entry, data, refused, now)
        # What somebody does by hand is only put onto their list, for a day on which it may be done.
        opens = now if self._campaign.by_hand else daytime.opens(self._book, self._campaign, data, entry.address, now)
        if opens is None:
            return Verdict(WAIT, "window", "nobody knows when it is day there: set their timezone, or a wider window")
        if opens > now:
            return Verdict(WAIT, "window", f"goes out at {opens:%a %Y-%m-%d %H:%M} their time", opens)
        free = self._pressure.next_free(entry.handle, self._campaign.purpose.name, now)
        if free is not None and free > now:
            return Verdict(WAIT, "pressure", "was written to often enough", free)
        return Verdict(GO)

    def _refused(self, entry: Entry, data: RawMap, refused: tuple[str, str], now: datetime) -> Verdict:
        """Out for good, unless it is only the clock that says so."""
        code, reason = refused
        if not self._sieve.is_for_now(code):
            return Verdict(OUT, code, reason)
        if code != NOT_YET:
            return Verdict(WAIT, code, f"{reason}; if the clock is right")
        return Verdict(WAIT, code, reason, self._sieve.gate.begins(data, self._campaign.purpose, entry.handle, now))

    def _name_now(self, entry: Entry) -> str:
        """The handle that somebody has now, "" when they are not in the book."""
        row = self._book.index.row("SELECT handle FROM customers WHERE id = ?", (entry.cust,))
        return str(row[0]) if row else ""

    def sent(self, entry: Entry, now: datetime) -> None:
        """Take note that somebody was written to."""
        self._pressure.note(entry.handle, self._campaign.purpose.name, now)

    def look_again(self, entry: Entry) -> None:
        """Read the book again if it was written to meanwhile, or somebody's record was touched by hand."""
        if self._sieve.gate.is_stale() or self._was_touched(entry.handle):
            self.look_anew()

    def look_anew(self) -> None:
        """Read the book again: much may have come from others."""
        self._book.refresh()
        self._paths.clear()
        self._look()

    def _was_touched(self, handle: str) -> bool:
        if not self._paths:
            rows = self._book.index.rows("SELECT handle, path FROM customers")
            self._paths = {str(name): f"{self._book.root}/{path}" for name, path in rows}
        try:
            state = os.stat(self._paths.get(handle, self._book.root), follow_symlinks=False)  # noqa: PTH116 - for each one
        except OSError:
            return True
        return max(state.st_mtime_ns, state.st_ctime_ns) > self._looked


def begins(campaign: Campaign, now: datetime, *, begun: bool, catch_up: bool) -> Verdict:
    """Whether a campaign may go out at all on the day of ``now``; ``begun`` says that some of it has.

    Nothing goes out before ``starts`` or after ``ends``; what should have begun more than ``max_lateness`` days ago
    is missed, and goes out only when ``catch_up`` says that it is wanted all the same.
    """
    starts, ends, late = campaign.day("starts"), campaign.day("ends"), campaign.max_lateness
    today = now.date()
    if starts is not None and today < starts:
        opens = datetime.combine(starts, datetime.min.time(), now.tzinfo)
        return Verdict(WAIT, "starts", f"the campaign starts on {starts:%a %Y-%m-%d}", opens)
    if ends is not None and today > ends:
        return Verdict(WAIT, "ended", f"the campaign ended on {ends:%a %Y-%m-%d}")
    if starts is not None and late is not None and not begun and not catch_up and today > starts + timedelta(late):
        return Verdict(
            WAIT, "missed", f"it should have begun on {starts:%a %Y-%m-%d}; --catch-up sends it all the same"
        )
    return Verdict(GO)
