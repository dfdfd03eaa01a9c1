"""Going on in place of another machine that is gone: what it had claimed, and nobody has heard of since.

It may have sent some of that, and died before it could say so. So all of it becomes unknown, and is settled like any
other: by ``on_unknown``, or one by one. Who knows that nothing was sent has it sent from here.
"""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.mail.ledger.states import PENDING
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns.machines import holding
from crmctl.services.campaigns.machines import pinning
from crmctl.services.campaigns.machines.claiming import FRESH
from crmctl.services.campaigns.machines.claiming import Claims
from crmctl.services.campaigns.running.desk import at_work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.running.desk import Desk

SILENT = timedelta(seconds=2 * FRESH)
"""So long a machine has to be silent: by then it looks again before it sends anything that it has claimed."""


class TakenOver(NamedTuple):
    """How many messages of a campaign the other machine held."""

    campaign: str
    held: int


def take_over(book: Book, other: str, *, hold: bool) -> list[TakenOver]:
    """Have nobody wait for ``other`` any more; with ``hold`` false nothing was sent by it, and it is sent from here.

    Raises:
        UsageProblem: that is this machine.
        NotFound: it holds nothing.
        Conflict: it was at work just now.
        NotSent: the others cannot be told, so it holds what it held.
    """
    done = []
    with at_work(book, f"outbox adopt --from {other}", wait=10) as desk:
        if other == desk.host:
            raise UsageProblem(
                f"{other} is this machine", hint="crmctl campaign send goes on with what it had claimed."
            )
        for handle in _shared(book):
            campaign = campaigns.read(book, handle)
            count = Claims(book, desk, campaign).note(partial(_events, book, desk, campaign, other, hold=hold))
            if count:
                done.append(TakenOver(handle, count))
    if not done:
        raise NotFound(f"{other} holds no message back", hint="crmctl outbox list shows what waits.")
    return done


def _shared(book: Book) -> list[str]:
    found = []
    for row in book.index.rows("SELECT handle FROM campaigns ORDER BY handle"):
        try:
            if pinning.is_shared(campaigns.read(book, str(row[0]))):
                found.append(str(row[0]))
        except CrmError:
            continue  # What cannot be read is not sent by anybody.
    return found


def _events(
    book: Book, desk: Desk, campaign: Campaign, other: str, *, hold: bool
) -> Sequence[tuple[str, str, str, dict[str, str | int]]]:
    """What the ledger is told: whose claims count no more, up to which line; and that nobody knows about these."""
    events = desk.events(campaign.id)
    theirs = [event for event in events if event.host == other]
    free = holding.freed(events)
    held = [
        row for row in desk.rows(campaign.id).values() if row.state in PENDING and other in holding.holders(row, free)
    ]
    if not held:
        return []
    last = max(datetime.fromisoformat(event.t) for event in theirs)
    if book.now() - last < SILENT:
        raise Conflict(
            f"{other} was at work at {last.astimezone(book.settings.zone):%H:%M}, and may be still",
            hint=f"Ask there. A machine that is gone can be taken over {SILENT.seconds // 60} minutes later.",
        )
    upto = max(event.seq for event in theirs)
    told: list[tuple[str, str, str, dict[str, str | int]]] = []
    for row in held:
        told.append(("note", row.sid, campaign.id, {"why": holding.TAKEN_OVER, "of": other, "upto": upto}))
        # What was begun with is never free: nobody can say what became of it but by looking at each.
        if (hold or row.state == "attempting") and row.state != "unknown":
            told.append(("unknown", row.sid, campaign.id, {"why": holding.TAKEN_OVER, "of": other}))
    return told
