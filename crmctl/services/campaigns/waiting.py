"""Why the messages of a campaign wait that have not gone out: what the next run would find, without making any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.campaign import EMAIL
from crmctl.services.campaigns.machines.plausible import Doubt
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.gatekeeping import GO
from crmctl.services.campaigns.running.gatekeeping import Gatekeeper
from crmctl.services.campaigns.running.gatekeeping import begins
from crmctl.services.campaigns.running.pacing import foreseen
from crmctl.services.campaigns.running.pacing import paced
from crmctl.services.campaigns.running.triage import Line
from crmctl.services.campaigns.running.triage import Sorter
from crmctl.services.campaigns.running.triage import traces
from crmctl.services.mailing.config import MailServer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.running.triage import Item


def reasons(book: Book, handle: str, mail: MailServer | None) -> list[Line]:
    """A line for everybody who was planned and is not done: "send" for those whom the next run sends it.

    None where that cannot be told here: the plan is on another machine, or something cannot be read.
    """
    try:
        campaign = campaigns.read(book, handle)
        desk = Desk(book)
        frozen = plans.load(desk.state, campaign.id)
        if frozen is None:
            return []
        now = book.now()
        told = traces(desk.events(campaign.id, tolerant=True))
        doubt = Doubt(book, desk)
        sorter = Sorter(campaign, Gatekeeper(book, campaign, doubt), told, now, desk.host, desk.keeps, doubt=doubt)
        sorted_ = sorter.sort(plans.as_named(frozen, book), desk.rows(campaign.id, tolerant=True))
        held = _held(campaign, now, begun=bool(told.first))
        if held is not None:
            return [*sorted_.lines, *(held._replace(entry=item.entry) for item in sorted_.due)]
        return [*sorted_.lines, *paced_lines(desk, campaign, sorted_.due, mail, now)]
    except CrmError:
        return []  # Sending says what is wrong; here it is only told what is known.


def _held(campaign: Campaign, now: datetime, *, begun: bool) -> Line | None:
    """Why nothing of a campaign goes out at all."""
    nobody = plans.Entry("", "", "", "", "")
    if campaign.status in ("paused", "cancelled"):
        return Line(nobody, "wait", campaign.status, f"the campaign is {campaign.status}")
    gate = begins(campaign, now, begun=begun, catch_up=False)
    return None if gate.what == GO else Line(nobody, "wait", gate.code, gate.reason, gate.until)


def paced_lines(
    desk: Desk, campaign: Campaign, items: Sequence[Item], mail: MailServer | None, now: datetime, most: int = 0
) -> list[Line]:
    """Which of those whose turn it is a run would send now, at most so many (0: all), and which not, and why."""
    server = mail if mail is not None and campaign.channel == EMAIL else MailServer()
    sender = server.sender.email if server.sender else ""
    held = foreseen(paced(server, sender, list(desk.ledger.events(tolerant=True))), items, sender, now, most)
    return [
        Line(item.entry, "wait", *held[item.entry.sid]) if item.entry.sid in held else Line(item.entry, "send")
        for item in items
    ]
