"""How fast this machine may go on, by what it has sent in the last day."""

from __future__ import annotations

import contextlib
import heapq
from collections import deque
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.mail.transport.outcomes import DOMAIN
from crmctl.mail.transport.pacing import Pace
from crmctl.mail.transport.pacing import mail_system
from crmctl.services.campaigns.campaign import EMAIL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.mail.ledger.log import Event
    from crmctl.services.campaigns.running.triage import Item
    from crmctl.services.mailing.config import MailServer

PACED = ("pace", "domain")
"""The codes of what waits for the pace."""

PATIENCE = 90
"""Seconds that a run waits for a limit of the pace; what would take longer is left to the next run."""

_NEVER = datetime.max.replace(tzinfo=UTC)


class Held(NamedTuple):
    """Why a message waits for a later run, as a code and in words, and until when (None: nobody knows)."""

    code: str
    reason: str
    until: datetime | None


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


def held_by(pace: Pace, domain: str, now: datetime) -> tuple[str, str]:
    """(code, reason) why a message to ``domain`` waits for the pace."""
    if pace.is_refused(domain, now):
        return "domain", f"{mail_system(domain)} said that too many come at once"
    return "pace", "as many went out as the limits allow"


def foreseen(pace: Pace, items: Sequence[Item], sender: str, now: datetime, most: int) -> dict[str, Held]:
    """Those of ``items`` that a run which begins now would leave to a later one, by their ids: it tries ``most`` (0:
    all), and waits ``PATIENCE`` for a limit of the pace, but no longer. ``pace`` is used up by that."""
    queue = deque(items)
    later: list[tuple[datetime, int, Item]] = []
    numbers = count()
    tried = 0
    while (queue or later) and not (most and tried >= most):
        if not queue:
            if (later[0][0] - now).total_seconds() > PATIENCE:
                break
            now = later[0][0]
            while later and later[0][0] <= now:
                queue.append(heapq.heappop(later)[2])
        item = queue.popleft()
        free = pace.next_free(item.row.dom, now, sender)
        if free > now:
            heapq.heappush(later, (free, next(numbers), item))
        else:
            pace.attempted(now, item.row.dom, sender)
            tried += 1
    held = {item.entry.sid: Held(*held_by(pace, item.row.dom, now), free) for free, _, item in later}
    if most and tried >= most:
        beyond = Held("limit", "more than were asked for", None)
        held |= {item.entry.sid: beyond for item in (*queue, *(item for _, _, item in later))}
    return held


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
