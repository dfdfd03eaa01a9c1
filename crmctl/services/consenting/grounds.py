"""What the book knows of a customer that speaks for or against promotion: purchases, inquiries, open complaints.

Asked of the index once a run, for everybody at once.
"""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from crmctl.services.consenting import permission

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Purpose
    from crmctl.services.book import Book

AFTER_PURCHASE = 24
AFTER_INQUIRY = 6
"""Months for which a purchase or an inquiry stands for consent in Canada; source: CASL s. 10(10)."""

_PURCHASES = """
SELECT customer, MAX(at_time) FROM interactions WHERE type = 'purchase' AND at_time <= ? GROUP BY customer
"""
_INQUIRIES = """
SELECT customer, MAX(moment) FROM (
    SELECT customer, opened_time AS moment FROM cases WHERE type IN ('question', 'request')
    UNION ALL
    SELECT i.customer, i.at_time FROM interactions i JOIN interactions_tags t ON t.owner = i.row_id
    WHERE t.value_key = 'inquiry'
) WHERE moment <= ? GROUP BY customer
"""
_AHEAD = """
SELECT customer, MIN(moment) FROM (
    SELECT customer, at_time AS moment FROM interactions WHERE type = 'purchase'
    UNION ALL
    SELECT customer, opened_time AS moment FROM cases WHERE type IN ('question', 'request')
    UNION ALL
    SELECT i.customer, i.at_time FROM interactions i JOIN interactions_tags t ON t.owner = i.row_id
    WHERE t.value_key = 'inquiry'
) WHERE moment > ? GROUP BY customer
"""
_COMPLAINTS = """
SELECT DISTINCT customer FROM cases
WHERE type = 'complaint' AND COALESCE(status, 'open') NOT IN ('solved', 'closed')
"""


class Grounds:
    """What is known of each customer, by handle, as of ``now``."""

    def __init__(self, book: Book, now: datetime) -> None:
        self._book = book
        self._now = int(now.timestamp())

    @cached_property
    def complaints(self) -> frozenset[str]:
        """The handles of those with a complaint that is not solved."""
        return frozenset(str(row[0]) for row in self._book.index.rows(_COMPLAINTS))

    @cached_property
    def purchases(self) -> dict[str, int]:
        """The moment of the last purchase, in seconds since 1970."""
        return self._moments(_PURCHASES)

    @cached_property
    def inquiries(self) -> dict[str, int]:
        """The same for what they last asked: a case that is a question or request, or an interaction so tagged."""
        return self._moments(_INQUIRIES)

    def implied(self, handle: str, data: RawMap, purpose: Purpose, now: datetime) -> tuple[str, str] | None:
        """Why a purchase or an inquiry does not carry a message (soft opt-in), None when it does.

        Source: ePrivacy directive art. 13(2); for customers in Canada CASL s. 10(9) and (10).
        """
        if not self._is_canadian(data):
            if handle in self.purchases or not permission.needs_purchase(data, purpose):
                return None
            return self._not_yet(handle) or ("no-basis", "never bought anything, and did not agree")
        found = self._by_casl(handle, data, purpose)
        if not found:
            return self._not_yet(handle) or ("no-basis", "never bought or asked anything, and did not agree")
        ends, what, began = max(found)
        if now < ends:
            return None
        too_long = permission.EXPIRED, f"the last {what} was on {began:%Y-%m-%d}, too long ago (CASL)"
        return self._not_yet(handle) or too_long

    def begins(self, handle: str) -> datetime | None:
        """The moment of the first purchase or inquiry of theirs that lies ahead; None where none does."""
        at = self._ahead.get(handle)
        return None if at is None else datetime.fromtimestamp(at, self._book.settings.zone)

    def _not_yet(self, handle: str) -> tuple[str, str] | None:
        """What is ahead of the clock was written by another one: whichever is wrong, it speaks for them some day."""
        at = self.begins(handle)
        if at is None:
            return None
        return permission.NOT_YET, f"bought or asked something on {at:%Y-%m-%d}, a day that has not come yet"

    def ends(self, handle: str, data: RawMap, purpose: Purpose) -> datetime | None:
        """When a purchase or an inquiry will carry no more; None when it has no end, or never did."""
        found = self._by_casl(handle, data, purpose) if self._is_canadian(data) else []
        return max(found)[0] if found else None

    def _by_casl(self, handle: str, data: RawMap, purpose: Purpose) -> list[tuple[datetime, str, datetime]]:
        """When it ends, what it is, and when that was."""
        bought = self.purchases.get(handle, 0)
        if not permission.needs_purchase(data, purpose):
            bought = max([bought, *map(_seconds, permission.granted_on(data, purpose))])
        moments = [("purchase", bought, AFTER_PURCHASE), ("inquiry", self.inquiries.get(handle, 0), AFTER_INQUIRY)]
        zone = self._book.settings.zone
        known = [(what, datetime.fromtimestamp(at, zone), months) for what, at, months in moments if at]
        return [(later(at, months), what, at) for what, at, months in known]

    def _is_canadian(self, data: RawMap) -> bool:
        """Whether they are in Canada; where the record does not say, whether the book is."""
        from crmctl.model import countries

        address = data.get("address")
        said = address.get("country") if isinstance(address, dict) else None
        if not isinstance(said, str) or not said.strip():
            return self._book.settings.country == "CA"
        return countries.code_of(said) in ("CA", "")  # Where nobody knows, the stricter law.

    @cached_property
    def _ahead(self) -> dict[str, int]:
        """The first moment that lies ahead, in seconds since 1970."""
        return self._moments(_AHEAD)

    def _moments(self, sql: str) -> dict[str, int]:
        rows = self._book.index.rows(sql, (self._now,))
        return {str(handle): int(moment) for handle, moment in rows if moment is not None}


def later(moment: datetime, months: int) -> datetime:
    """So many months later, on the same day of the month; on its last day where that month is shorter."""
    from calendar import monthrange

    count = moment.year * 12 + moment.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))


def _seconds(day: str) -> int:
    try:
        moment = datetime.fromisoformat(day)
    except ValueError:
        return 0
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
