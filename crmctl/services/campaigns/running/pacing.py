"""How fast this machine may go on, by what it has sent in the last day."""

from __future__ import annotations

import contextlib
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.mail.transport.outcomes import DOMAIN
from crmctl.mail.transport.pacing import Pace
from crmctl.services.campaigns.campaign import EMAIL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.mail.ledger.log import Event
    from crmctl.services.mailing.config import MailServer

_NEVER = datetime.max.replace(tzinfo=UTC)


def paced(mail: MailServer, sender: str, events: Sequence[Event]) -> Pace:
    """The pace of this machine, with what went out in the last day; ``events`` host after host, in their order."""
    pace = Pace(mail.rate)
    oldest = clock.now() - timedelta(days=1)
    others = {event.sid for event in events if event.about.get("ch", EMAIL) != EMAIL}
    domains = {event.sid: str(event.about["dom"]) for event in events if "dom" in event.about}
    for event, moment in zip(events, _moments(events), strict=True):
        if event.ev not in ("attempt", "defer", "accept") or moment < oldest or event.sid in others:
            continue
        domain = domains.get(event.sid, "")
        if event.ev == "attempt":
            pace.attempted(moment, domain, sender)
        elif event.ev == "accept":
            pace.accepted(domain)
        elif event.about.get("scope") == DOMAIN:
            pace.refused(moment, domain)
    return pace


def _moments(events: Sequence[Event]) -> list[datetime]:
    """When each event was at the latest: not after any that the same machine wrote later, whatever its clock said."""
    found: list[datetime] = []
    host, bound = "", _NEVER
    for event in reversed(events):
        if event.host != host:
            host, bound = event.host, _NEVER
        with contextlib.suppress(ValueError):
            bound = min(bound, datetime.fromisoformat(event.t))
        found.append(bound)
    return found[::-1]
