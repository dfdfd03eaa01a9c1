"""Sending what any machine may send: so many messages are claimed, and sent, and then the next."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.services.campaigns.machines import holding
from crmctl.services.campaigns.running.pacing import PACED
from crmctl.services.campaigns.running.sending import Result
from crmctl.services.campaigns.running.triage import Line

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    from crmctl.services.campaigns.machines.claiming import Claims
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.campaigns.running.gatekeeping import Gatekeeper
    from crmctl.services.campaigns.running.sending import Sending
    from crmctl.services.campaigns.running.triage import Item

STALE = "it is too long ago that this machine looked what the others did"


class Batches:
    """One run of the campaign ``camp`` in batches. ``halted`` says why it is to end."""

    def __init__(
        self,
        claims: Claims,
        sending: Sending,
        keeper: Gatekeeper,
        halted: Callable[[], str],
        desk: Desk,
        camp: str,
    ) -> None:
        self._claims = claims
        self._sending = sending
        self._keeper = keeper
        self._halted = halted
        self._desk = desk
        self._camp = camp
        self._lines: dict[str, Line] = {}
        self._counts: Counter[str] = Counter()

    def run(self, items: Sequence[Item], most: int, canary: int) -> Result:
        """Send those of ``items`` that this machine can claim, at most so many (0: all); see ``Claims.take``.

        Raises:
            NotSent, Conflict, Locked: nothing could be claimed, and nothing was sent.
            OutcomeLost, StorageFailed, LedgerDamaged: what was sent could not be known again.
        """
        left = list(items)
        stopped, pause = "", False
        while left and not stopped:
            tried = sum(self._counts.values())
            room = most - tried if most else 0
            if most and room <= 0:
                break
            try:
                batch = self._claims.take(left, room, canary)
            except CrmError as error:
                if not tried:
                    raise
                stopped = error.message
                break
            stopped = self._halted()
            if not batch or stopped:
                break
            self._keeper.look_anew()
            result = self._sending.run(batch, room)
            self._lines = {line.entry.sid: line for line in result.lines}
            self._counts = Counter(result.counts)
            pause = result.pause
            stopped = "" if result.stopped == STALE else result.stopped
            left = self._left(left, batch, again=result.stopped == STALE)
            if sum(self._counts.values()) == tried and self._waits(batch):
                break
        self._tell_of(items, stopped)
        return Result(list(self._lines.values()), self._counts, stopped, pause)

    def _left(self, items: Sequence[Item], batch: Sequence[Item], *, again: bool) -> list[Item]:
        """What is to be claimed yet; with ``again`` also what was claimed, and waits."""
        over = {item.entry.sid for item in batch}
        if again:
            over = {sid for sid in over if sid not in self._lines or self._lines[sid].state != "wait"}
        return [item for item in items if item.entry.sid not in over]

    def _waits(self, batch: Sequence[Item]) -> bool:
        """Whether as many went out as the limits, or those who take them in, allow."""
        lines = [self._lines[item.entry.sid] for item in batch if item.entry.sid in self._lines]
        return any(line.code in PACED for line in lines)

    def _tell_of(self, items: Sequence[Item], stopped: str) -> None:
        """A line for whoever was not claimed, and still waits."""
        rows = self._desk.rows(self._camp)
        for item in items:
            sid = item.entry.sid
            row = rows.get(sid)
            if sid in self._lines or row is None:
                continue
            theirs = [host for host in row.claimed_by if host != self._desk.host]
            if row.state in holding.UNTRIED and theirs:
                self._lines[sid] = Line(item.entry, "wait", "elsewhere", f"{', '.join(theirs)} has claimed it")
            elif row.state in holding.UNTRIED or row.state == "deferred":
                why = stopped or "so many were asked for"
                self._lines[sid] = Line(item.entry, "wait", "stopped" if stopped else "limit", why)
