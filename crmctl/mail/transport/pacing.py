"""How fast messages may go out: per minute, hour and day, by mailbox and by the recipient's domain.

Nothing is kept here: a ``Pace`` is told of every attempt, those of earlier runs first, so limits survive a restart. The
windows slide. A stamp that lies in the future (the clock was put back) counts as now: nobody waits for a year, and
nothing goes out early.
"""

from __future__ import annotations

from bisect import bisect_right
from bisect import insort
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.transport.replies import domain_pause

if TYPE_CHECKING:
    from collections.abc import Iterable

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MANY = 4096

# Domains behind which stands one and the same mail system, which counts them together.
_GROUPS = {
    "gmail.com": "googlemail.com",
    "outlook.com": "hotmail.com hotmail.co.uk hotmail.de hotmail.fr hotmail.it hotmail.es live.com live.de live.fr "
    "live.co.uk live.nl msn.com outlook.de outlook.fr outlook.es outlook.it passport.com",
    "yahoo.com": "yahoo.co.uk yahoo.de yahoo.fr yahoo.it yahoo.es yahoo.ca yahoo.com.br yahoo.co.in ymail.com "
    "rocketmail.com aol.com aim.com",
    "icloud.com": "me.com mac.com",
    "gmx.net": "gmx.de gmx.at gmx.ch gmx.com web.de mail.com",
    "proton.me": "protonmail.com protonmail.ch pm.me",
}
_GROUP = {other: head for head, others in _GROUPS.items() for other in others.split()}


class Rate(NamedTuple):
    """How many messages at most, 0 for no limit. ``minute``, ``hour`` and ``day`` count all of this run's and earlier
    ones; ``mailbox_*`` those from one sender's address, ``domain_*`` those to one mail system."""

    minute: int = 0
    hour: int = 0
    day: int = 0
    mailbox_hour: int = 0
    mailbox_day: int = 0
    domain_minute: int = 0
    domain_hour: int = 0
    domain_day: int = 0


def mail_system(domain: str) -> str:
    """The name under which attempts to ``domain`` are counted: ``googlemail.com`` counts as ``gmail.com``."""
    domain = domain.lower().rstrip(".")
    return _GROUP.get(domain, domain)


class Pace:
    """The attempts so far, and when the next one may be made."""

    def __init__(self, rate: Rate, attempts: Iterable[tuple[datetime, str]] = ()) -> None:
        self._all = ((rate.minute, _MINUTE), (rate.hour, _HOUR), (rate.day, _DAY))
        self._mailbox = ((rate.mailbox_hour, _HOUR), (rate.mailbox_day, _DAY))
        self._domain = ((rate.domain_minute, _MINUTE), (rate.domain_hour, _HOUR), (rate.domain_day, _DAY))
        self._stamps: dict[str, list[float]] = {"": []}
        self._refusals: dict[str, int] = {}
        self._paused: dict[str, float] = {}
        for moment, domain in attempts:
            self.attempted(moment, domain)

    def attempted(self, moment: datetime, domain: str, mailbox: str = "") -> None:
        """Note an attempt to ``domain``, whatever became of it; in the order of the ledger, not of the clock."""
        stamp = moment.timestamp()
        for key in ("", f"@{mail_system(domain)}", *((f"<{mailbox.lower()}>",) if mailbox else ())):
            insort(self._stamps.setdefault(key, []), stamp)

    def refused(self, moment: datetime, domain: str) -> datetime:
        """Note that ``domain`` said we come too often (an outcome of scope ``domain``); until when nothing goes there.

        An hour at least, doubled each time until something is accepted there.
        """
        name = mail_system(domain)
        self._refusals[name] = self._refusals.get(name, 0) + 1
        pause = domain_pause(self._refusals[name])
        self._paused[name] = moment.timestamp() + pause
        return moment + timedelta(seconds=pause)

    def accepted(self, domain: str) -> None:
        """Note that ``domain`` took a message: the next pause is a short one again."""
        self._refusals.pop(mail_system(domain), None)

    def is_refused(self, domain: str, now: datetime) -> bool:
        """Whether nothing goes to ``domain`` now because it said that we come too often."""
        name = mail_system(domain)
        present = now.timestamp()
        return self._pause_ends(name, present) > present

    def next_free(self, domain: str, now: datetime, mailbox: str = "") -> datetime:
        """The earliest moment at which a message may go to ``domain``: ``now``, or later; never more than a day."""
        present = now.timestamp()
        name = mail_system(domain)
        keys = [("", self._all), (f"@{name}", self._domain), (f"<{mailbox.lower()}>", self._mailbox)]
        free = max(self._free(key, limits, present) for key, limits in keys)
        free = max(free, self._pause_ends(name, present))
        return now if free <= present else now + timedelta(seconds=free - present)

    def _free(self, key: str, limits: Iterable[tuple[int, int]], present: float) -> float:
        stamps = self._stamps.get(key)
        if not stamps:
            return present
        ahead = bisect_right(stamps, present)
        if ahead < len(stamps):
            # They age from now on, so that a run with a wrong clock does not stand still until it is right again.
            stamps[ahead:] = [present] * (len(stamps) - ahead)
        if len(stamps) > _MANY:
            del stamps[: bisect_right(stamps, present - _DAY)]
        free = present
        for most, seconds in limits:
            if 0 < most <= len(stamps):
                free = max(free, stamps[-most] + seconds)
        return free

    def _pause_ends(self, name: str, present: float) -> float:
        ends = self._paused.get(name)
        if ends is None:
            return present
        if present >= ends:
            del self._paused[name]
            return present
        # Noted by a clock that was ahead, if it is longer than any pause there is.
        longest = present + domain_pause(self._refusals.get(name, 1))
        if ends > longest:
            self._paused[name] = ends = longest
        return ends
