"""Sending a campaign, message after message: whose turn it is, whether it may go, and when a run ends."""

from __future__ import annotations

import heapq
from collections import Counter
from collections import deque
from datetime import datetime
from itertools import count
from itertools import islice
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.errors import CrmError
from crmctl.errors import StorageFailed
from crmctl.mail.addresses import ascii_address
from crmctl.mail.addresses import sent_address
from crmctl.mail.identifiers import verp
from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import REJECTED
from crmctl.mail.transport.stops import Stops
from crmctl.services.campaigns.campaign import EMAIL
from crmctl.services.campaigns.plan import kind_of
from crmctl.services.campaigns.running.attempting import Attempts
from crmctl.services.campaigns.running.attempting import Message
from crmctl.services.campaigns.running.gatekeeping import GO
from crmctl.services.campaigns.running.gatekeeping import OUT
from crmctl.services.campaigns.running.pacing import PATIENCE
from crmctl.services.campaigns.running.pacing import held_by
from crmctl.services.campaigns.running.pacing import paced
from crmctl.services.campaigns.running.spooling import Spooler
from crmctl.services.campaigns.running.triage import Line
from crmctl.services.campaigns.running.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Sequence

    from crmctl.mail.ledger.states import Row
    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.messages.prepared import Prepared
    from crmctl.services.campaigns.running.attempting import Tried
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.campaigns.running.gatekeeping import Gatekeeper
    from crmctl.services.campaigns.running.triage import Item
    from crmctl.services.mailing.config import MailServer


class Way(NamedTuple):
    """How a run goes out and meets the world: the transport, the settings, waiting, and who may stop it.

    ``moment`` is asked for the time; ``sleep`` waits so many seconds, None where time stands still. ``stopped`` says
    that somebody wants it to end; ``told`` is called after each message.
    """

    transport: Transport
    mail: MailServer
    moment: Callable[[], datetime]
    sleep: Callable[[float], None] | None
    stopped: Callable[[], str]
    told: Callable[[Line], None]
    mirror: Callable[[], None]


class Result(NamedTuple):
    """What a run did: a line for each message that was tried or left; how many ended how; why it stopped (``pause``:
    the campaign has to be looked at first), "" when it came to its end."""

    lines: list[Line]
    counts: Counter[str]
    stopped: str
    pause: bool


class Sending:
    """One run over the messages whose turn it is."""

    def __init__(
        self,
        book: Book,
        desk: Desk,
        campaign: Campaign,
        keeper: Gatekeeper,
        prepared: Prepared,
        sender: str,
        way: Way,
        judged: Sequence[Row],
    ) -> None:
        self._book = book
        self._desk = desk
        self._campaign = campaign
        self._keeper = keeper
        self._spooler = Spooler(desk.spool, prepared)
        self._sender = sender
        self._way = way
        witness = Witness(campaign.id)
        witness.require(desk.rows(campaign.id))
        self._pace = paced(way.mail, sender, list(desk.ledger.events()))
        self._attempts = Attempts(desk, campaign.id, sender, way.transport, self._pace, witness, way.moment)
        self._stops = Stops(
            accepted=sum(row.state == ACCEPTED for row in judged),
            bounced=sum("bounced" in row.facts or row.state == REJECTED for row in judged),
            complained=sum("complained" in row.facts for row in judged),
        )
        self._numbers = count()
        self._lines: list[Line] = []
        self._counts: Counter[str] = Counter()
        self._mirrored = clock.monotonic()

    def run(self, items: Sequence[Item], most: int) -> Result:
        """Send ``items``, at most so many of them (0: all).

        Raises:
            OutcomeLost, StorageFailed: the ledger cannot be written; nothing more was sent then.
        """
        stopped = self._stops.reason()
        if stopped:
            return Result([], self._counts, stopped, pause=True)
        try:
            result = self._run(items, most)
            self._attempts.settle()
            return result
        finally:
            self._spooler.clear()

    def _run(self, items: Sequence[Item], most: int) -> Result:
        queue = deque(items)
        later: list[tuple[float, int, Item]] = []
        tried = 0
        while queue or later:
            asked = self._way.stopped()
            if asked:
                return self._ended([*queue, *(item for _, _, item in sorted(later))], asked)
            if most and tried >= most:
                return self._ended([*queue, *(item for _, _, item in sorted(later))], "")
            if not queue:
                if not self._wait(queue, later):
                    break
                continue  # A machine may have slept meanwhile, and much may be different.
            item = queue.popleft()
            message = self._ready(item, later, islice(queue, most - tried - 1) if most else queue)
            if message is None:
                self._attempts.settle()
                continue
            tried += 1
            done = self._attempts.attempt(item, message)
            self._note(item, done)
            stopped = self._stops.note(done.outcome)
            if stopped:
                return self._ended([*queue, *(item for _, _, item in sorted(later))], stopped, pause=True)
            self._mirror_perhaps()
        for moment, _, item in sorted(later):
            until = datetime.fromtimestamp(moment, self._way.moment().tzinfo)
            self._line(item, "wait", *held_by(self._pace, item.row.dom, self._way.moment()), until)
        return Result(self._lines, self._counts, "", pause=False)

    def _ended(self, left: Iterable[Item], why: str, *, pause: bool = False) -> Result:
        for item in left:
            self._line(item, "wait", "stopped" if why else "limit", why or "so many were asked for")
        return Result(self._lines, self._counts, why, pause)

    def _ready(self, item: Item, later: list[tuple[float, int, Item]], upcoming: Iterable[Item]) -> Message | None:
        """What is handed over, None when it does not go out now; ``upcoming`` are expected to follow."""
        now = self._way.moment()
        free = self._pace.next_free(item.row.dom, now, self._sender)
        if free > now:
            heapq.heappush(later, (free.timestamp(), next(self._numbers), item))
            return None
        return self._message(item, upcoming) if self._may_go(item, now) else None

    def _wait(self, queue: deque[Item], later: list[tuple[float, int, Item]]) -> bool:
        """Wait until the next message may go, if that is soon; whether one may."""
        now = self._way.moment().timestamp()
        pause = later[0][0] - now
        if pause > PATIENCE or (pause > 0 and self._way.sleep is None):
            return False
        if pause > 0 and self._way.sleep is not None:
            self._attempts.settle()
            self._mirror_perhaps()
            self._way.sleep(pause)
            now += pause
        while later and later[0][0] <= now:
            queue.append(heapq.heappop(later)[2])
        return bool(queue)

    def _may_go(self, item: Item, now: datetime) -> bool:
        """Ask once more, from the files as they stand now."""
        entry = item.entry
        self._keeper.look_again(entry)
        verdict = self._keeper.verdict(entry, now)
        if verdict.what == GO:
            return True
        if verdict.what == OUT:
            kind = kind_of(entry._replace(code=verdict.code))
            self._attempts.write((kind, entry.sid, self._campaign.id, {"why": verdict.code}))
        self._spooler.drop(item)
        self._line(item, verdict.what, verdict.code, verdict.reason, verdict.until)
        return False

    def _message(self, item: Item, upcoming: Iterable[Item]) -> Message | None:
        """What is handed over, None when it can no longer be made."""
        try:
            sender, recipient = "", item.entry.address
            if self._campaign.channel == EMAIL:
                back = verp(item.entry.sid, self._way.mail.bounces) if self._way.mail.bounces else self._sender
                sender, recipient = ascii_address(back), sent_address(recipient)
            return Message(sender, recipient, *self._spooler.take(item, upcoming))
        except StorageFailed:
            raise
        except CrmError as error:
            self._line(item, "bad", "cannot-render", error.message)
            return None

    def _note(self, item: Item, done: Tried) -> None:
        """Take note of what became of an attempt; the ledger has it already."""
        outcome = done.outcome
        if outcome.state == ACCEPTED:
            self._keeper.sent(item.entry, done.at)
        self._counts[outcome.state] += 1
        words = f"{outcome.code} {outcome.text}".strip() if outcome.code else outcome.text
        self._line(item, outcome.state, outcome.phase, words, done.until)

    def _line(self, item: Item, state: str, code: str, reason: str, until: datetime | None = None) -> None:
        line = Line(item.entry, state, code, reason, until)
        self._lines.append(line)
        self._way.told(line)

    def _mirror_perhaps(self) -> None:
        """Bring the book up to date, at most once a minute; the ledger has it all in the meantime."""
        if clock.monotonic() - self._mirrored >= 60:
            self._attempts.settle()
            self._way.mirror()
            self._mirrored = clock.monotonic()
