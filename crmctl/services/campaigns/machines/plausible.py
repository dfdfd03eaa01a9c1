"""Whether the clock is to be believed, before anything is given up for good because it is so late.

A machine whose clock is years ahead for one run would give up all that waits. So the time has to fit what is known: no
more than a day after the newest line of any ledger, or the last commit. Where nothing was written for longer, one run
says so, gives nothing up and leaves a line; the next one, if the clock still says the same, does.
"""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.mail.ledger.opening import stamp
from crmctl.services.campaigns.running.asking import too_soon_or_late

if TYPE_CHECKING:
    from crmctl.mail.ledger.states import Balance
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.running.asking import Sent
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.campaigns.running.gatekeeping import Verdict

MOST = timedelta(days=1)


class Doubt:
    """Why the clock of a run cannot be relied on; made before the run writes anything, asked only when it matters."""

    def __init__(self, book: Book, desk: Desk) -> None:
        self._book = book
        self._desk = desk
        self._head = book.repository.head()
        self._began = stamp()
        self.found = ""
        """What was answered last to whoever asked, if it was not "": nobody can rely on the rest of the run."""

    def __call__(self) -> str:
        """Why not, in words; "" when it can be. A clock may be put ahead while a run is under way."""
        now, newest = self._book.now(), self._newest
        if newest is not None and now - newest > MOST:
            days = (now - newest).days
            self.found = (
                f"the clock says {now:%Y-%m-%d}, {days} day{'' if days == 1 else 's'} after the last thing that is "
                "known here; nothing is given up in this run"
            )
        return self.found

    @cached_property
    def _newest(self) -> datetime | None:
        """The newest stamp from before this run; one of another machine may be from while it runs."""
        own = self._desk.host
        events = self._desk.ledger.events(tolerant=True)
        stamps = [event.t for event in events if event.t < self._began or event.host != own]
        found = [moment for moment in (_moment(max(stamps, default="")), self._commit()) if moment is not None]
        return max(found, default=None)

    def _commit(self) -> datetime | None:
        from crmctl.vcs import commits

        try:
            return datetime.fromtimestamp(commits.one(self._book.places, self._head).at, UTC) if self._head else None
        except (CrmError, ValueError, OverflowError, OSError):
            return None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def not_today(desk: Desk, campaign: Campaign, gate: Verdict, doubt: Doubt, found: Balance, notes: list[str]) -> Sent:
    """Nothing is sent on this day; that it is too late is not taken from a clock that nobody can believe."""
    done = too_soon_or_late(gate, found, notes)
    if done.late and doubt():
        desk.ledger.append("note", "", campaign.id, why="clock", text=doubt())
        return done._replace(stopped=doubt(), late=False)
    return done
