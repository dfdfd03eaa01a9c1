"""``sender: any``: a message goes out from the machine that claims it first, by a push that only one can win.

A claim is a line in the machine's own tracked file. It counts when the team's repository has it, in a commit that
follows on all that the others had sent there until then: git takes no other push, and nothing is ever forced. Where
somebody was faster, what they have is merged, what they claimed is let go, and it begins anew.

A claim never runs out by itself, as nobody can know what a machine did that is silent. It is let go at the end of the
run, by the same machine later, or by a person (``taking_over``). A machine that was asleep looks again before it goes
on: claims that it has not looked at for ten minutes are not used.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import BranchMoved
from crmctl.errors import CrmError
from crmctl.errors import GitFailed
from crmctl.services.campaigns.machines import holding
from crmctl.services.campaigns.machines import remembering
from crmctl.services.campaigns.running import mirror
from crmctl.services.campaigns.running.desk import OTHERS
from crmctl.services.campaigns.running.refusing import NotSent
from crmctl.services.consenting.sends import MIRRORS
from crmctl.services.joining import sync
from crmctl.vcs import remotes

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.mail.ledger.states import Row
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.campaigns.running.triage import Item
    from crmctl.services.joining.sync import Synced

BATCH = 50
"""Messages that are claimed at once: two pushes a minute at the rates that mail servers like."""

FRESH = 600.0
"""Seconds for which a machine relies on what it has claimed without looking again."""

_ABLE = holding.UNTRIED | {"deferred"}


class Claims:
    """The claims of this machine on the messages of one campaign, during one run. ``pause`` waits so many seconds."""

    def __init__(
        self, book: Book, desk: Desk, campaign: Campaign, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._book = book
        self._desk = desk
        self._campaign = campaign
        self._pause = pause
        self._met: Synced | None = None
        self._looked = (0.0, 0.0)
        self.subject: Callable[[str], str] = lambda _sid: ""

    @property
    def is_stale(self) -> bool:
        """Whether it is too long ago that this machine looked what the others did; sleeping counts."""
        return max(abs(now - then) for now, then in zip(_clocks(), self._looked, strict=True)) > FRESH

    def meet(self) -> None:
        """Have what the others have, their lines of the ledger too.

        Raises:
            NotSent: they cannot be met, or what they have does not fit with what is here.
            Conflict, Locked, LedgerDamaged: as ``sync`` and ``Ledger.open``.
        """
        self._tried(lambda: True)

    def take(self, items: Sequence[Item], room: int, canary: int = 0) -> list[Item]:
        """Those of ``items`` that this machine may send now, at most ``BATCH`` or ``room`` (0: no limit) of them.

        With ``canary`` no more are tried by all machines together.

        Raises:
            NotSent: the others cannot be told, and so nothing was claimed.
            Conflict, Locked, LedgerDamaged, StorageFailed: it cannot be known what is claimed.
        """
        chosen: list[Item] = []

        def claim() -> bool:
            head = self._book.repository.head()
            self._desk.look_again()
            chosen[:] = self._claimed(items, room, canary)
            if chosen:
                self._send(head, {"status": "running"})
            return True

        try:
            self._tried(claim, meeting=self.is_stale)
        except BaseException:
            with contextlib.suppress(CrmError):
                self.let_go()
                self._write({})
            raise
        return chosen

    def let_go(self) -> None:
        """Give back what this machine has claimed and not begun with."""
        rows, free = self._rows()
        host = self._desk.host
        mine = [row for row in rows.values() if row.state in holding.UNTRIED and host in holding.holders(row, free)]
        self._release(mine, "unused")

    def publish(self) -> str:
        """Send what the book has; why the others do not know it yet, "" when they do."""
        try:
            self._tried(lambda: self._push(self._book.repository.head()), meeting=False)
        except CrmError as error:
            return f"The others do not know of this yet ({error.message}): crmctl sync tells them."
        return ""

    def note(self, events: Callable[[], Sequence[tuple[str, str, str, dict[str, str | int]]]]) -> int:
        """Have the ledger say what ``events`` makes of all that the others have said, and tell them; how many notes.

        Raises:
            NotSent, Conflict, Locked, LedgerDamaged, StorageFailed: as ``take``.
        """
        count = 0

        def tell() -> bool:
            nonlocal count
            head = self._book.repository.head()
            self._desk.look_again()
            told = self._desk.ledger.append_many(events())
            count = sum(event.ev == "note" for event in told)
            if told:
                self._send(head, {})
            return True

        self._tried(tell)
        return count

    # One after the other

    def _tried(self, act: Callable[[], bool], *, meeting: bool = True) -> None:
        """Do ``act`` on top of what the others have; again, as long as they are faster."""
        why = ""
        for attempt in range(sync.TRIES):
            if attempt:
                self._pause(sync.jitter(attempt))
            try:
                with self._told():
                    if meeting or attempt or self._met is None:
                        self._meet()
                    act()
            except (remotes.Moved, BranchMoved) as error:
                why = error.message
            else:
                return
        raise NotSent(
            f"nothing is sent: others were faster {sync.TRIES} times ({why})", hint="Run it again; nothing is lost."
        )

    def _meet(self) -> None:
        looked = _clocks()
        met = sync.merge_in(self._book)
        if met.state == sync.QUESTIONS:
            raise NotSent(
                "nothing is sent: what others changed and what is here do not fit together",
                hint="crmctl conflicts shows where; answer, then run it again.",
            )
        self._met = met
        self._book.refresh()
        self._remember({met.theirs, self._book.repository.head()} - {""})
        self._desk.look_again()
        self._looked = looked

    def _remember(self, commits: set[str]) -> None:
        handle, desk = self._campaign.handle, self._desk
        remembering.remember(self._book, desk.state / OTHERS / handle, f"{MIRRORS}/{handle}", commits, desk.host)

    def _claimed(self, items: Sequence[Item], room: int, canary: int) -> list[Item]:
        """Claim what nobody else holds, in the ledger here; what somebody else holds too is let go."""
        rows, free = self._rows()
        host = self._desk.host
        both = [
            row
            for row in rows.values()
            if row.state in holding.UNTRIED and host in (held := holding.holders(row, free)) and len(held) > 1
        ]
        self._release(both, "claimed by another machine")
        most = min(room or BATCH, BATCH)
        if canary:
            theirs = sum(row.attempts > 0 or bool(holding.others(row, host, free)) for row in rows.values())
            most = min(most, max(canary - theirs, 0))
        chosen: list[Item] = []
        for item in items:
            row = rows.get(item.entry.sid)
            if len(chosen) < most and row is not None and self._is_free(row, item, free):
                chosen.append(item)
        # Also what was claimed before: only a push shows that nobody has taken it over since.
        self._desk.ledger.append_many(("claim", item.entry.sid, self._campaign.id, {}) for item in chosen)
        return chosen

    def _is_free(self, row: Row, item: Item, free: dict[str, frozenset[str]]) -> bool:
        same = row.state in _ABLE and row.attempts == item.row.attempts
        return same and not holding.others(row, self._desk.host, free)

    def _send(self, before: str, fields: dict[str, str]) -> None:
        """Write the ledger's lines into the book, and have the others know; ``before`` is what was known to be here."""
        head = self._write(fields)
        if head != before and self._book.repository.parents(head) != [before]:
            raise BranchMoved("somebody else wrote here meanwhile")
        self._push(head)

    def _push(self, head: str) -> bool:
        assert self._met is not None
        if head != self._met.theirs:
            looked = _clocks()
            sync.send(self._book, self._met.remote, head)
            # Taken, so that the others have sent nothing since we met them.
            self._met = self._met._replace(theirs=head)
            self._looked = looked
        return True

    def _write(self, fields: dict[str, str]) -> str:
        mirror.write(self._book, self._desk, self._campaign, fields, self.subject)
        return self._book.repository.head()

    def _release(self, rows: Sequence[Row], why: str) -> None:
        self._desk.ledger.append_many([("release", row.sid, self._campaign.id, {"why": why}) for row in rows])

    def _rows(self) -> tuple[dict[str, Row], dict[str, frozenset[str]]]:
        return self._desk.rows(self._campaign.id), holding.freed(self._desk.events(self._campaign.id))

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong between two repositories, as a reason why nothing is sent."""
        alone = f"crmctl campaign set {self._campaign.handle} sender={self._desk.host}"
        try:
            yield
        except remotes.Offline as error:
            raise NotSent(
                f"nothing is sent, as nothing can be claimed: {error.message}",
                hint=f"Run it again when you are connected. Or only this machine is to send it: {alone}, crmctl sync",
            ) from None
        except GitFailed as error:
            raise NotSent(
                f"nothing is sent, as nothing can be claimed: {error.message}",
                hint=f"{error.hint or 'See that you may push there.'} Or have only this machine send it: {alone}",
            ) from None


def _clocks() -> tuple[float, float]:
    """The two clocks of a machine: one stands still while it sleeps, the other may be put back."""
    return clock.monotonic(), clock.wall_nanoseconds() / 1e9
