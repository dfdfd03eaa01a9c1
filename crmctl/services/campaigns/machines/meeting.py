"""How a run begins of a campaign that any machine may send, or could before: what the others have to know first."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.errors import UsageProblem
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns.machines import pinning
from crmctl.services.campaigns.machines import sharing
from crmctl.services.campaigns.machines.claiming import Claims

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.running.desk import Desk


def begin(book: Book, desk: Desk, handle: str) -> Claims | None:
    """What a run needs to claim messages, after it has met the others; None for a campaign that one machine sends.

    Raises:
        NotSent: the others cannot be met.
        UsageProblem: the campaign does not go by e-mail.
        Conflict: the others do not know that only this machine sends it now.
    """
    campaign = campaigns.read(book, handle)
    if not pinning.is_shared(campaign):
        if sharing.was_shared(desk, campaign):
            _tell_that_alone(book, desk, campaign)
        return None
    if campaign.channel != campaigns.EMAIL:
        hint = f"crmctl campaign set {handle} sender={desk.host} has this machine do it."
        raise UsageProblem(
            f"only e-mail is sent by any machine; campaign {handle} goes by {campaign.channel}", hint=hint
        )
    claims = Claims(book, desk, campaign)
    claims.meet()
    campaign = campaigns.read(book, handle)
    if pinning.is_shared(campaign):
        return claims
    if sharing.was_shared(desk, campaign):
        _tell_that_alone(book, desk, campaign)
    return None


def _tell_that_alone(book: Book, desk: Desk, campaign: Campaign) -> None:
    """Send without claims what any machine could send before: not until the others know, who may do so again.

    Otherwise one that is asked to, while this one is at it, would take all for free that it has not heard of.
    """
    if not campaign.text("sender"):
        raise Conflict(
            f"campaign {campaign.handle} was for any machine to send, and names no sender now",
            hint=f"On one machine: crmctl campaign set {campaign.handle} sender=any (or sender={desk.host}), then "
            "crmctl sync on all.",
        )
    pinning.require_sender(campaign, desk.host)
    pinning.require_known(book, campaign)
    if sharing.set_out_alone(desk, campaign) and pinning.has_others(book):
        Claims(book, desk, campaign).note(partial(sharing.set_out_alone, desk, campaign))
        pinning.require_sender(campaigns.read(book, campaign.handle), desk.host)
