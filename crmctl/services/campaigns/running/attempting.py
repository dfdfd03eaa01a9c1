"""One message handed over, so that a crash at any moment sends nobody anything twice.

The order of what is written is that of a write-ahead log: the bytes, that it is about to be tried, that all but the end
was handed over, and what the server said. Each of the first three is on the disk before the next thing happens. What
the server said is written at once, so that a killed run knows it, and is on the disk with the next attempt, which waits
for the disk anyway, or with ``settle``; a power cut in between leaves that message unknown, and no other.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import NOT_SENT
from crmctl.errors import StorageFailed
from crmctl.mail.addresses import Refused
from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import DEFERRED
from crmctl.mail.transport.outcomes import DOMAIN
from crmctl.mail.transport.outcomes import NOT_TRIED
from crmctl.mail.transport.outcomes import REJECTED
from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.mail.transport.replies import backoff

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping
    from datetime import datetime

    from crmctl.mail.transport.outcomes import Transport
    from crmctl.mail.transport.pacing import Pace
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.campaigns.running.triage import Item
    from crmctl.services.campaigns.running.witness import Witness


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
    """What is handed over: the envelope's two addresses, and the bytes, which are in the spool; the ledger calls them
    ``eml``."""

    sender: str
    recipient: str
    data: bytes
    eml: str


class Tried(NamedTuple):
    """What became of an attempt, when that was, and when it may go on (None: it need not, or nobody knows)."""

    outcome: Outcome
    at: datetime
    until: datetime | None


class Attempts:
    """The attempts of one run over the campaign, or sequence, of this id. ``moment`` is asked for the time."""

    def __init__(
        self,
        desk: Desk,
        campaign_id: str,
        sender: str,
        transport: Transport,
        pace: Pace,
        witness: Witness,
        moment: Callable[[], datetime],
    ) -> None:
        self._ledger = desk.ledger
        self._camp = campaign_id
        self._sender = sender
        self._transport = transport
        self._pace = pace
        self._witness = witness
        self._moment = moment
        self._answer: tuple[str, Outcome] | None = None

    def write(self, *rows: tuple[str, str, str, Mapping[str, str | int]], wait: bool = True) -> None:
        """Write to the ledger; with ``wait`` that is on the disk then, and so is the last answer of the server.

        Raises:
            OutcomeLost, StorageFailed: it cannot be written; nothing more may be sent then.
        """
        try:
            self._ledger.append_many(rows, wait=wait)
        except StorageFailed as error:
            if self._answer is None or (wait and self._is_settled()):
                raise
            raise OutcomeLost(*self._answer, error) from error
        if wait:
            self._answer = None

    def settle(self) -> None:
        """Have the last answer of the server on the disk: wherever the next attempt does not follow at once.

        Raises:
            OutcomeLost: it cannot be written; nothing more may be sent then.
        """
        if self._answer is not None:
            self.write()

    def _is_settled(self) -> bool:
        """Whether what was written before is on the disk, where nothing more can be written."""
        try:
            self._ledger.settle()
        except StorageFailed:
            return False
        return True

    def attempt(self, item: Item, message: Message) -> Tried:
        """Try to hand a message over, once.

        Raises:
            OutcomeLost, StorageFailed: the ledger cannot be written; nothing more may be sent then.
        """
        sid, number = item.entry.sid, item.row.attempts + 1
        self.write(
            ("render", sid, self._camp, {"eml": message.eml}),
            ("claim", sid, self._camp, {}),
            ("attempt", sid, self._camp, {"n": number}),
        )
        self._witness.note(sid)
        self._pace.attempted(self._moment(), item.row.dom, self._sender)
        return self._noted(item, self._handed_over(sid, message, number), number)

    def _handed_over(self, sid: str, message: Message, number: int) -> Outcome:
        def before_dot() -> None:
            self.write(("dot", sid, self._camp, {"n": number}))

        try:
            return self._transport.send(*message[:3], sid=sid, before_dot=before_dot)
        except Refused as error:
            return Outcome(REJECTED, 0, error.message[:300], "mail")
        except TransportFailed as error:
            return Outcome(NOT_TRIED, 0, error.message[:300], error.phase, error.scope)

    def _noted(self, item: Item, outcome: Outcome, number: int) -> Tried:
        """Write down what became of an attempt, first of all; then tell the pace."""
        sid = item.entry.sid
        self._answer = sid, outcome
        said: dict[str, str | int] = {"n": number, "code": outcome.code, "text": outcome.text}
        now, until = self._moment(), None
        if outcome.state == ACCEPTED:
            ev = "accept"
        elif outcome.state == REJECTED:
            ev, said = "reject", {**said, "policy": int(outcome.policy), "phase": outcome.phase}
        elif outcome.state == DEFERRED:
            if outcome.scope == DOMAIN:
                until = self._pace.refused(now, item.row.dom)
            else:
                until = now + timedelta(seconds=backoff(number, outcome.code, outcome.text))
            ev, said = "defer", {**said, "next": until.isoformat(), "scope": outcome.scope}
        elif outcome.state == NOT_TRIED:
            ev, said = "release", {"why": outcome.phase or "connect", **said}
        else:
            ev = "unknown"
        self.write((ev, sid, self._camp, said), wait=False)
        if outcome.state == ACCEPTED:
            self._pace.accepted(item.row.dom)
        return Tried(outcome, now, until)
