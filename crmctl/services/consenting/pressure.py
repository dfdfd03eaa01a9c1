"""How often somebody has been written to, and when they may be again.

The limit of a purpose (``pressure`` in ``crm.yaml``: ``newsletter: 4 in 30d``) counts every contact that we began, on
every channel: what campaigns and sequences sent for that purpose, and what members of the team wrote or said without
naming a campaign. A purpose without a limit is not counted.
"""

from __future__ import annotations

from bisect import bisect_left
from bisect import insort
from datetime import UTC
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from crmctl.model.columns import day_number
from crmctl.services.consenting import identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmctl.services.book import Book
    from crmctl.services.consenting.sends import Sent

CONTACTS = ("call", "email", "letter", "message", "survey", "visit")
"""The types of interactions by which we turn to somebody; a meeting, a purchase or a note is none of that."""

_DAY = 86_400
_OUT = (
    "SELECT i.customer, i.at_time, i.at_day, i.campaign FROM interactions i "
    f"WHERE i.direction = 'out' AND i.type IN ({', '.join(repr(name) for name in CONTACTS)}) AND i.at_time >= ? "
    # What a sequence sent is told by the ledger.
    "AND i.row_id NOT IN (SELECT owner FROM interactions_external WHERE key = 'sequence')"
)


class Pressure:
    """The contacts of the longest period that a limit speaks of. ``sends`` is what the ledgers know; read when None."""

    def __init__(self, book: Book, sends: Iterable[Sent] | None = None) -> None:
        self._book = book
        self._limits = {name: limit for name, limit in book.settings.pressure.items() if limit.most and limit.days}
        self._sends = sends

    def next_free(self, customer: str, purpose: str, now: datetime) -> datetime | None:
        """When the customer (handle or id) may be written to: None for now, else the minute in which it opens."""
        limit = self._limits.get(purpose.casefold())
        if limit is None:
            return None
        moments = self._contacts.get((self._handle(customer), purpose.casefold()), [])
        moment, period = int(now.timestamp()), limit.days * _DAY
        # A stamp in the future comes from a clock that was wrong; it counts as now, and never for longer.
        within = [min(at, moment) for at in moments[bisect_left(moments, moment - period + 1) :]]
        if len(within) < limit.most:
            return None
        opens = within[-limit.most] + period
        minute = opens + -opens % 60
        return datetime.fromtimestamp(minute, UTC).astimezone(now.tzinfo)

    def note(self, customer: str, purpose: str, at: datetime) -> None:
        """Take note of a message that has just gone out."""
        if purpose.casefold() in self._limits:
            moments = self._contacts.setdefault((self._handle(customer), purpose.casefold()), [])
            insort(moments, int(at.timestamp()))

    @cached_property
    def _contacts(self) -> dict[tuple[str, str], list[int]]:
        """Moments in seconds since 1970, sorted, by handle and purpose."""
        found: dict[tuple[str, str], list[int]] = {}
        if not self._limits:
            return found
        purposes = self._purposes
        first = int(self._book.now().timestamp()) - _DAY * max(limit.days for limit in self._limits.values())
        campaigns = set()
        for sent in self._all_sends():
            handle, campaign = self._handle(sent.customer), self._campaigns.get(sent.campaign, sent.campaign)
            at = int(sent.at.timestamp())
            campaigns.add((handle, campaign, _day(self._book, sent.at)))
            if at >= first and purposes.get(campaign) in self._limits:
                found.setdefault((handle, purposes[campaign]), []).append(at)
        for handle, at, day, campaign in self._book.index.rows(_OUT, (first,)):
            if campaign and (handle, campaign, day) in campaigns:
                continue  # The ledger has told of it already.
            for purpose in [purposes[campaign]] if campaign in purposes else [] if campaign else self._limits:
                if purpose in self._limits:
                    found.setdefault((handle, purpose), []).append(at)
        for moments in found.values():
            moments.sort()
        return found

    def _all_sends(self) -> Iterable[Sent]:
        if self._sends is not None:
            return self._sends
        from crmctl.services.consenting import sends

        return sends.accepted(self._book)

    @cached_property
    def _purposes(self) -> dict[str, str]:
        """The purpose of every campaign and sequence, by handle."""
        sql = "SELECT handle, purpose FROM campaigns UNION ALL SELECT handle, purpose FROM sequences"
        return {str(handle): str(purpose or "").casefold() for handle, purpose in self._book.index.rows(sql)}

    @cached_property
    def _campaigns(self) -> dict[str, str]:
        """Handles of campaigns and sequences, by their ids."""
        return identity.every(self._book, "campaign") | identity.every(self._book, "sequence")

    @cached_property
    def _handles(self) -> dict[str, str]:
        return identity.every(self._book)

    def _handle(self, customer: str) -> str:
        return self._handles.get(customer, customer)


def _day(book: Book, at: datetime) -> int:
    """The day since 1970 in the book's zone, as the index counts them."""
    return day_number(at.astimezone(book.settings.zone).date())
