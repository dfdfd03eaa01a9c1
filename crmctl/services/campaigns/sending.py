"""Sending a campaign, message after message, so that a crash at any moment sends nobody anything twice.

The order of what is written is that of a write-ahead log: the bytes, that it is about to be tried, that all but the end
was handed over, and what the server said. Each is on the disk before the next thing happens.
"""

from __future__ import annotations

import contextlib
import heapq
from collections import Counter
from collections import deque
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.errors import NOT_SENT
from crmctl.errors import CrmError
from crmctl.errors import StorageFailed
from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import ascii_address
from crmctl.mail.identifiers import verp
from crmctl.mail.ledger import spool
from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import DEFERRED
from crmctl.mail.transport.outcomes import DOMAIN
from crmctl.mail.transport.outcomes import NOT_TRIED
from crmctl.mail.transport.outcomes import REJECTED
from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.mail.transport.pacing import Pace
from crmctl.mail.transport.replies import backoff
from crmctl.mail.transport.stops import Stops
from crmctl.services.campaigns.gatekeeping import GO
from crmctl.services.campaigns.gatekeeping import OUT
from crmctl.services.campaigns.plan import kind_of
from crmctl.services.campaigns.triage import Line
from crmctl.services.campaigns.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Sequence

    from crmctl.mail.ledger.log import Event
    from crmctl.mail.ledger.states import Row
    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.desk import Desk
    from crmctl.services.campaigns.gatekeeping import Gatekeeper
    from crmctl.services.campaigns.prepared import Prepared
    from crmctl.services.campaigns.triage import Item
    from crmctl.services.mailing.config import MailServer

PATIENCE = 90
"""Seconds that a run waits for a limit of the pace; what would take longer is left to the next run."""


class OutcomeLost(StorageFailed):
    """A server answered, and the answer could not be written down: it has to be told to a person, or it is lost."""

    code = NOT_SENT

    def __init__(self, sid: str, outcome: Outcome, cause: StorageFailed) -> None:
        reply = f"{outcome.state} {outcome.code} {outcome.text}".strip()
        how = "accepted" if outcome.state == ACCEPTED else "resend"
        super().__init__(
            f"{sid}: the server's answer could not be written down: {reply} ({cause.message})",
            hint=f"When there is room again: crmctl outbox resolve {sid} --as {how} --evidence {reply!r}",
        )
        self.reply = f"{sid} {reply}"


class Message(NamedTuple):
    """What is handed over: the envelope's two addresses, and the bytes."""

    sender: str
    recipient: str
    data: bytes


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
        self._prepared = prepared
        self._sender = sender
        self._way = way
        self._witness = Witness(campaign.id)
        self._witness.require(desk.rows(campaign.id))
        self._pace = paced(way.mail, sender, list(desk.ledger.events()))
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
        queue = deque(items)
        later: list[tuple[float, int, Item]] = []
        tried = 0
        while queue or later:
            asked = self._way.stopped()
            if asked:
                return self._ended([*queue, *(item for _, _, item in sorted(later))], asked)
            if most and tried >= most:
                return self._ended([*queue, *(item for _, _, item in sorted(later))], "")
            if not queue and not self._wait(queue, later):
                break
            item = queue.popleft()
            now = self._way.moment()
            free = self._pace.next_free(item.row.dom, now, self._sender)
            if free > now:
                heapq.heappush(later, (free.timestamp(), next(self._numbers), item))
                continue
            if not self._may_go(item, now):
                continue
            message = self._message(item)
            if message is None:
                continue
            tried += 1
            outcome = self._attempt(item, message)
            stopped = self._stops.note(outcome)
            if stopped:
                return self._ended([*queue, *(item for _, _, item in sorted(later))], stopped, pause=True)
            self._mirror_perhaps()
        for moment, _, item in sorted(later):
            until = datetime.fromtimestamp(moment, self._way.moment().tzinfo)
            self._line(item, "wait", "pace", "as many went out as the limits allow", until)
        return Result(self._lines, self._counts, "", pause=False)

    def _ended(self, left: Iterable[Item], why: str, *, pause: bool = False) -> Result:
        for item in left:
            self._line(item, "wait", "stopped" if why else "limit", why or "so many were asked for")
        return Result(self._lines, self._counts, why, pause)

    def _wait(self, queue: deque[Item], later: list[tuple[float, int, Item]]) -> bool:
        """Wait until the next message may go, if that is soon; whether one may."""
        now = self._way.moment().timestamp()
        pause = later[0][0] - now
        if pause > PATIENCE or (pause > 0 and self._way.sleep is None):
            return False
        if pause > 0 and self._way.sleep is not None:
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
            self._desk.ledger.append(kind, entry.sid, self._campaign.id, why=verdict.code)
        self._line(item, verdict.what, verdict.code, verdict.reason, verdict.until)
        return False

    def _message(self, item: Item) -> Message | None:
        """What is handed over, None when it can no longer be made."""
        try:
            data = self._prepared.take(item)
            back = verp(item.entry.sid, self._way.mail.bounces) if self._way.mail.bounces else self._sender
            return Message(ascii_address(back), ascii_address(item.entry.address), data)
        except StorageFailed:
            raise
        except CrmError as error:
            self._line(item, "bad", "cannot-render", error.message)
            return None

    def _attempt(self, item: Item, message: Message) -> Outcome:
        sid, camp, ledger = item.entry.sid, self._campaign.id, self._desk.ledger
        eml = spool.put(self._desk.spool, sid, message.data)
        number = item.row.attempts + 1
        ledger.append_many(
            [
                ("render", sid, camp, {"eml": eml}),
                ("claim", sid, camp, {}),
                ("attempt", sid, camp, {"n": number}),
            ]
        )
        self._witness.note(sid)
        self._pace.attempted(self._way.moment(), item.row.dom, self._sender)

        def before_dot() -> None:
            ledger.append("dot", sid, camp, n=number)

        try:
            outcome = self._way.transport.send(*message, sid=sid, before_dot=before_dot)
        except Refused as error:
            outcome = Outcome(REJECTED, 0, error.message[:300], "mail")
        except TransportFailed as error:
            outcome = Outcome(NOT_TRIED, 0, error.message[:300], error.phase, error.scope)
        try:
            self._note(item, outcome, number)
        except StorageFailed as error:
            raise OutcomeLost(sid, outcome, error) from error
        return outcome

    def _note(self, item: Item, outcome: Outcome, number: int) -> None:
        """Write down what became of an attempt, first of all; then tell the others."""
        sid, camp, ledger = item.entry.sid, self._campaign.id, self._desk.ledger
        said: dict[str, str | int] = {"n": number, "code": outcome.code, "text": outcome.text}
        now, until = self._way.moment(), None
        if outcome.state == ACCEPTED:
            ledger.append("accept", sid, camp, **said)
            self._pace.accepted(item.row.dom)
            self._keeper.sent(item.entry, now)
        elif outcome.state == REJECTED:
            ledger.append("reject", sid, camp, **said, policy=int(outcome.policy))
        elif outcome.state == DEFERRED:
            if outcome.scope == DOMAIN:
                until = self._pace.refused(now, item.row.dom)
            else:
                until = now + timedelta(seconds=backoff(number, outcome.code, outcome.text))
            ledger.append("defer", sid, camp, **said, next=until.isoformat(), scope=outcome.scope)
        elif outcome.state == NOT_TRIED:
            ledger.append("release", sid, camp, why=outcome.phase or "connect", **said)
        else:
            ledger.append("unknown", sid, camp, **said)
        self._counts[outcome.state] += 1
        words = f"{outcome.code} {outcome.text}".strip() if outcome.code else outcome.text
        self._line(item, outcome.state, outcome.phase, words, until)

    def _line(self, item: Item, state: str, code: str, reason: str, until: datetime | None = None) -> None:
        line = Line(item.entry, state, code, reason, until)
        self._lines.append(line)
        self._way.told(line)

    def _mirror_perhaps(self) -> None:
        """Bring the book up to date, at most once a minute; the ledger has it all in the meantime."""
        if clock.monotonic() - self._mirrored >= 60:
            self._way.mirror()
            self._mirrored = clock.monotonic()


def paced(mail: MailServer, sender: str, events: Sequence[Event]) -> Pace:
    """The pace of this machine, with what went out in the last day; ``events`` host after host, in their order."""
    pace = Pace(mail.rate)
    oldest = clock.now() - timedelta(days=1)
    domains = {event.sid: str(event.about["dom"]) for event in events if "dom" in event.about}
    for event, moment in zip(events, _moments(events), strict=True):
        if event.ev not in ("attempt", "defer", "accept") or moment < oldest:
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


_NEVER = datetime.max.replace(tzinfo=UTC)
