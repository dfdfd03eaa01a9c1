"""What people did after a campaign, as far as the book knows: replies, meetings, deals, purchases. Never opens."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model.columns import day_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.services.book import Book

REPLY, MEETING, DEAL, WON, PURCHASE = "reply", "meeting", "deal", "won", "purchase"
OUTCOMES = (REPLY, MEETING, DEAL, WON, PURCHASE)
OPTED_OUT = "opted-out"
_MET = frozenset({"meeting", "visit"})
_NO_WORDS = frozenset({"purchase", "payment", "note", "consent"})
"""Types of interactions that come from a customer and are no reply."""
_NOT_MEANT = ("opt-out", "auto-reply")


class Window(NamedTuple):
    """The time in which what somebody does counts: from ``since`` on, and before ``until``."""

    since: datetime
    until: datetime

    def has(self, at: datetime) -> bool:
        """Whether a moment is in it. Midnight is how a day without an hour stands in a record."""
        if (at.hour, at.minute, at.second) == (0, 0, 0):
            return self.has_day(at.date().isoformat())
        return self.since <= at < self.until

    def has_day(self, day: str) -> bool:
        """Whether a day (ISO) is in it: the first one is, too."""
        return self.since.date().isoformat() <= day <= (self.until - timedelta(seconds=1)).date().isoformat()


class Done(NamedTuple):
    """What one person did: the outcomes they had, and what they spent, in minor units of the book's currency."""

    outcomes: frozenset[str]
    purchases: int = 0
    spent: int = 0


class Found(NamedTuple):
    """What everybody did, by handle; and how many purchases were in other currencies, so that only they count."""

    done: dict[str, Done]
    foreign: int


def found(book: Book, windows: Mapping[str, Window], purpose: str, stage: str = "") -> Found:
    """What customers (by handle) did within their windows; among it, whether they took consent to ``purpose`` back.

    ``stage`` makes only that stage count as ``deal``.
    """
    if not windows:
        return Found({}, 0)
    kinds: dict[str, set[str]] = {handle: set() for handle in windows}
    bought: dict[str, list[int]] = {handle: [] for handle in windows}
    first = min(window.since for window in windows.values()).date()
    last = max(window.until for window in windows.values()).date()
    days = day_number(first), day_number(last)
    foreign = 0
    for handle, time, type_, direction, outcome, amount, currency in book.index.rows(_INTERACTIONS, days):
        window = windows.get(handle)
        if window is None or not window.has(datetime.fromtimestamp(time, book.settings.zone)):
            continue
        if type_ == "purchase":
            ours = amount is not None and currency in (None, book.settings.currency)
            foreign += amount is not None and not ours
            bought[handle].append(amount if ours else 0)
            kinds[handle].add(PURCHASE)
        elif type_ in _MET:
            kinds[handle].add(MEETING)
        elif direction == "in" and type_ not in _NO_WORDS and not str(outcome or "").startswith(_NOT_MEANT):
            kinds[handle].add(REPLY)
    days_of = [*_deals(book, first.isoformat(), last.isoformat(), stage), *_withdrawals(book, purpose)]
    for handle, day, what in days_of:
        window = windows.get(handle)
        if window is not None and window.has_day(day):
            kinds[handle].add(what)
    done = {handle: Done(frozenset(had), len(bought[handle]), sum(bought[handle])) for handle, had in kinds.items()}
    return Found(done, foreign)


_INTERACTIONS = (
    "SELECT customer, at_time, type, direction, outcome, amount_minor, currency FROM interactions "
    "WHERE at_day BETWEEN ? AND ? AND at_time IS NOT NULL"
)


def _deals(book: Book, first: str, last: str, stage: str) -> Iterator[tuple[str, str, str]]:
    """(customer, day, deal or won): opened, moved to a stage that is not lost (or to ``stage``), won."""
    for handle, pipeline, day, name in book.index.rows(_MOVED, (first, last)):
        outcome = book.settings.deal_status(str(pipeline or ""), str(name))
        if outcome == "won":
            yield handle, day, WON
        if name == stage or (not stage and outcome != "lost"):
            yield handle, day, DEAL
    for handle, opened, closed, status in book.index.rows(_OPENED, (first, last, first, last)):
        if opened and not stage:
            yield handle, opened, DEAL
        if closed and status == "won":
            yield handle, closed, WON


_MOVED = (
    "SELECT d.customer, d.pipeline, l.at, l.stage FROM deals_stage_log l JOIN deals d ON d.row_id = l.owner "
    "WHERE l.at BETWEEN ? AND ? AND d.customer IS NOT NULL"
)
_OPENED = (
    "SELECT customer, opened, closed, status FROM deals "
    "WHERE (opened BETWEEN ? AND ? OR closed BETWEEN ? AND ?) AND customer IS NOT NULL"
)


def _withdrawals(book: Book, purpose: str) -> Iterator[tuple[str, str, str]]:
    for handle, day in book.index.rows(_WITHDRAWN, (purpose,)):
        yield handle, day, OPTED_OUT


_WITHDRAWN = (
    "SELECT t.handle, c.date FROM customers_consent c JOIN customers t ON t.row_id = c.owner "
    "WHERE c.key = ? AND c.state IN ('withdrawn', 'objected') AND c.date IS NOT NULL"
)
