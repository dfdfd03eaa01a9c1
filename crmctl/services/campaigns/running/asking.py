"""What is asked of a run, what it needs of the world, and what it says when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping

    from crmctl.mail.ledger.states import Balance
    from crmctl.mail.ledger.states import Row
    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.plan import Entry
    from crmctl.services.campaigns.running.gatekeeping import Verdict
    from crmctl.services.campaigns.running.triage import Line
    from crmctl.services.campaigns.running.triage import Traces
    from crmctl.services.mailing.config import MailServer


class Asked(NamedTuple):
    """What a user asked of a run: at most so many (0: all), so many and then a pause, those that cannot be made left
    aside, a campaign that should have begun long ago sent all the same."""

    limit: int = 0
    canary: int = 0
    skip_bad: bool = False
    catch_up: bool = False


class World(NamedTuple):
    """What a run needs of the outside: the way out and its settings, waiting (None: the time stands still), whether
    somebody wants it to end, a word after each message, and what to do about an answer that was lost."""

    transport: Transport
    mail: MailServer
    sleep: Callable[[float], None] | None = None
    interrupted: Callable[[], bool] = bool
    told: Callable[[Line], None] = lambda _line: None
    ask: Callable[[Entry, Row], str] | None = None


class Sent(NamedTuple):
    """What a run did, or would do: a line for each message that is not done, the counts of what was tried, why it
    stopped, the balance afterwards, and what else there is to say. ``complete``: nothing went wrong; ``late``: its days
    are over."""

    lines: list[Line]
    counts: Mapping[str, int]
    stopped: str
    balance: Balance
    notes: list[str]
    complete: bool
    interrupted: bool = False
    late: bool = False


def too_soon_or_late(gate: Verdict, found: Balance, notes: list[str]) -> Sent:
    """Nothing is sent on this day; a campaign that has not begun yet is no reason for words."""
    late = gate.code in ("missed", "ended")
    return Sent([], {}, gate.reason if late else "", found, notes, complete=not late, late=late)


def most_of(campaign: Campaign, asked: Asked, told: Traces, rows: Mapping[str, Row]) -> tuple[int, bool]:
    """How many messages may be tried at most (0: all), and whether that is for a canary."""
    canary = asked.canary
    if not canary and campaign.canary and not told.canary_done:
        canary = max(campaign.canary - sum(row.attempts > 0 for row in rows.values()), 1)
    if canary and (not asked.limit or canary <= asked.limit):
        return canary, True
    return asked.limit, False
