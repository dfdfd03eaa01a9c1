"""Why a campaign is not sent at all, found out before anything else is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import NOT_SENT
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns import freezing
from crmctl.services.campaigns.machines import pinning
from crmctl.services.campaigns.running.triage import traces
from crmctl.services.campaigns.running.witness import Witness
from crmctl.services.consenting import rules

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.running.desk import Desk

BEGUN = ("planned", "running")


class NotSent(CrmError):
    """Messages wait, and this run may not send them."""

    code = NOT_SENT


def sendable(book: Book, handle: str, desk: Desk) -> Campaign:
    """The campaign, if this machine may send it now.

    Raises:
        NotSent: it is paused.
        Conflict: it is cancelled, or another machine or clone sends it.
        InvalidData: the book does not say clearly when or how often people may be written to.
        LedgerBehind: the ledger has forgotten what was tried.
    """
    campaign = freezing.with_its_id(book, desk, campaigns.read(book, handle))
    pinning.require_clone(campaign, desk.state)
    pinning.require_sender(campaign, desk.host)
    Witness(campaign.id).require(desk.rows(campaign.id))
    if campaign.status == "cancelled":
        raise Conflict(f"campaign {handle} is cancelled", hint=f"crmctl campaign status {handle}")
    if campaign.status == "paused":
        why = traces(desk.events(campaign.id)).paused
        hint = f"Look at it (crmctl campaign status {handle}), then: crmctl campaign resume {handle}"
        raise NotSent(f"campaign {handle} is paused" + (f": {why}" if why else ""), hint=hint)
    rules.require(book)
    return campaign


def refuse_strange(campaign: Campaign, desk: Desk) -> None:
    """A campaign that was begun here, but whose plan is in another clone, is not begun again without a word.

    Raises:
        Conflict: it is one.
    """
    if campaign.status in BEGUN and campaign.text("sender") and not pinning.is_ours(campaign, desk.state):
        raise Conflict(
            f"campaign {campaign.handle} was planned in another clone: its plan is not in this one",
            hint=f"Send it from there. If that clone is gone: crmctl campaign plan {campaign.handle} --freeze",
        )
