"""What the book and the ledger know that ends a sequence for somebody, or holds it up.

Ends it: a reply, a call from them, a meeting, a purchase, a deal won or lost, an opt-out, a bounce, a complaint, a
record that is gone, a member of ours who has left. Holds it up: they are away, a step of ours is still to be done, mail
came back for now, a complaint is open. An automatic reply is never a reply.
"""

from __future__ import annotations

from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.mail.transport.windows import from_wall
from crmctl.mail.transport.windows import zone_for
from crmctl.model.columns import day_number
from crmctl.services.campaigns.audience import address_of
from crmctl.services.consenting import addresses
from crmctl.services.consenting.gate import Gate
from crmctl.services.consenting.permission import LASTING
from crmctl.services.consenting.permission import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from datetime import tzinfo

    from crmctl.mail.ledger.states import Row
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.following.enrolments import Enrolment
    from crmctl.services.following.enrolments import Sequence

AWAY, SOFT = timedelta(days=3), timedelta(days=3)
"""How long a sequence waits after an automatic reply without a date, and after mail that came back for now."""

SENSITIVE = ("sensitive", "dunning")
"""Tags of customers who are not to be followed up by a machine for now."""

_FROM_THEM = ("call", "email", "letter", "message", "survey", "visit")
_HISTORY = (
    "SELECT i.type, i.direction, i.outcome, i.at_time, b.value FROM interactions i "
    "LEFT JOIN interactions_external b ON b.owner = i.row_id AND b.key = 'back' "
    "WHERE i.customer = ? AND {since} ORDER BY i.at_time"
)
_SINCE = _HISTORY.format(since="i.at_time > ?")
_AWAY = _HISTORY.format(since="i.at_time <= ? AND b.value > ?")


class Reason(NamedTuple):
    """Something that ends a sequence: a stable code, and words."""

    code: str
    words: str


class Pause(NamedTuple):
    """Something that holds it up; ``until`` is None when nobody knows how long."""

    code: str
    words: str
    until: datetime | None


class Facts:
    """The facts of one moment; what they have in common is read once."""

    def __init__(self, book: Book, now: datetime) -> None:
        self._book = book
        self.now = now
        self._customer = book.schema.require("customer")

    @cached_property
    def gate(self) -> Gate:
        """Whoever says no."""
        return Gate(self._book)

    def data(self, customer: str) -> RawMap | None:
        """A customer's record."""
        return self._book.index.data(self._customer, customer)

    def zone(self, data: RawMap) -> tzinfo:
        """The time zone of a customer."""
        address = data.get("address")
        country = str(address.get("country") or "") if isinstance(address, dict) else ""
        return zone_for(str(data.get("timezone") or ""), country, self._book.settings.zone)

    # What ends it

    def stop(self, sequence: Sequence, enrolment: Enrolment, rows: Iterable[Row]) -> Reason | None:
        """What ends the sequence for somebody, the first thing that is found; ``rows`` are its mails so far."""
        data = self.data(enrolment.customer)
        if data is None:
            return Reason("erased", f"customer {enrolment.customer} is gone")
        wanted = sequence.stops
        found: list[Reason] = [
            *self._told_by_ledger(rows),
            *self._history(enrolment),
            *self._deals(enrolment),
            *(self._colleagues(enrolment, data) if "colleague" in wanted else ()),
        ]
        for reason in found:
            if reason.code in wanted or reason.code == "left":
                return reason
        return self._unwanted(sequence, enrolment, data) or self._owner_gone(sequence, enrolment, data)

    def _told_by_ledger(self, rows: Iterable[Row]) -> Iterator[Reason]:
        words = {"bounced": "bounce", "complained": "complaint", "unsubscribed": "opt-out", "replied": "reply"}
        for row in rows:
            for fact, code in words.items():
                if fact in row.facts:
                    yield Reason(code, f"{_WORDS[code]} after step {row.step or '?'}")
            if row.state == "rejected":
                yield Reason("bounce", f"the server refused step {row.step}: {row.code} {row.text}".rstrip())

    def _history(self, enrolment: Enrolment) -> Iterator[Reason]:
        for type_, direction, outcome, at, _ in self._since(enrolment):
            said = str(outcome or "").lower()
            day = _shown(at, self._book.settings.zone)
            if type_ == "meeting":
                yield Reason("meeting", f"a meeting on {day}")
            elif at > int(self.now.timestamp()):
                continue
            elif said == "opt-out":
                yield Reason("opt-out", f"wanted no more mail on {day}")
            elif said == "hard bounce":
                yield Reason("bounce", f"our message came back on {day}")
            elif said == "complaint":
                yield Reason("complaint", f"complained about our mail on {day}")
            elif said.startswith("auto-reply") and "left" in said:
                yield Reason("left", f"an automatic reply of {day} says that they have left")
            elif type_ == "purchase":
                yield Reason("purchase", f"bought something on {day}")
            elif direction == "in" and type_ in _FROM_THEM:
                yield Reason("reply", f"{'called' if type_ == 'call' else 'wrote'} on {day}")

    def _since(self, enrolment: Enrolment) -> list[tuple[Any, ...]]:
        return list(self._book.index.rows(_SINCE, (enrolment.customer, int(enrolment.started.timestamp()))))

    def _away_before(self, enrolment: Enrolment) -> list[tuple[Any, ...]]:
        """Automatic replies from before it began that name a day after that."""
        began = enrolment.started.astimezone(self._book.settings.zone)
        bounds = enrolment.customer, int(began.timestamp()), began.date().isoformat()
        return list(self._book.index.rows(_AWAY, bounds))

    def _deals(self, enrolment: Enrolment) -> Iterator[Reason]:
        first = day_number(enrolment.started.astimezone(self._book.settings.zone).date())
        sql = (
            "SELECT handle, status FROM deals WHERE customer = ? AND status IN ('won', 'lost') AND closed_day >= ? "
            "AND closed_day <= ? ORDER BY closed_day"
        )
        last = day_number(self.now.astimezone(self._book.settings.zone).date())
        for handle, status in self._book.index.rows(sql, (enrolment.customer, first, last)):
            if handle not in enrolment.closed:
                yield Reason(str(status), f"deal {handle} was {status}")

    def _colleagues(self, enrolment: Enrolment, data: RawMap) -> Iterator[Reason]:
        organization = str(data.get("organization") or "")
        if not organization:
            return
        types = ", ".join(repr(name) for name in _FROM_THEM)
        sql = (
            "SELECT c.handle, i.at_time FROM interactions i JOIN customers c ON c.handle = i.customer "
            f"WHERE c.organization = ? AND i.direction = 'in' AND i.type IN ({types}) AND i.at_time > ? "
            "AND i.at_time <= ? ORDER BY i.at_time LIMIT 1"
        )
        bounds = organization, int(enrolment.started.timestamp()), int(self.now.timestamp())
        for handle, at in self._book.index.rows(sql, bounds):
            yield Reason(
                "colleague", f"{handle} of the same organization answered on {_shown(at, self._book.settings.zone)}"
            )

    def _unwanted(self, sequence: Sequence, enrolment: Enrolment, data: RawMap) -> Reason | None:
        step = enrolment.next
        channel = step.channel if step is not None else ""
        words = words_of(data.get("do_not_contact") or [])
        if "all" in words or (channel and channel in words):
            return Reason("opt-out", f"do not contact ({'all' if 'all' in words else channel})")
        if step is None or not any(one.is_mail or one.is_paper for one in enrolment.steps):
            return None
        # Who wants no more of the mail of this sequence is not called about it either.
        usual = next(one.channel for one in enrolment.steps if one.is_mail or one.is_paper)
        channel = channel if step.is_mail or step.is_paper else usual
        refused = self.refusal(sequence, enrolment.customer, data, channel)
        return Reason("opt-out", refused[1]) if refused is not None and refused[0] in LASTING else None

    def refusal(
        self, sequence: Sequence, customer: str, data: RawMap, channel: str = "email"
    ) -> tuple[str, str] | None:
        """(code, reason) why the sequence may not write to this customer, None when it may."""
        context = self._book.context
        texted = channel == "sms"
        address = address_of(data, channel, context)
        purpose = sequence.text("purpose").lower()
        found = self.gate.refusal(data, address, purpose, channel, self.now, handle=customer)
        if not found and texted and address and not addresses.can_be_texted(address, context):
            return "landline", "has no mobile number, and no text message reaches any other"
        if found or address:
            return found
        return "no-address", f"has no {_WANTED.get(channel, 'phone number')}"

    def _owner_gone(self, sequence: Sequence, enrolment: Enrolment, data: RawMap) -> Reason | None:
        owner = enrolment.owner or sequence.text("owner") or str(data.get("owner") or "")
        today = day_number(self.now.astimezone(self._book.settings.zone).date())
        sql = "SELECT 1 FROM members WHERE handle = ? AND ended_day <= ?"
        gone = bool(owner) and self._book.index.row(sql, (owner, today)) is not None
        return Reason("owner", f"{owner}, who looks after it, is gone") if gone else None

    # What holds it up

    def pauses(self, enrolment: Enrolment, data: RawMap) -> Iterator[Pause]:
        """What held the sequence up since it began, or does now, in no order."""
        zone = self.zone(data)
        for type_, _, outcome, at, back in [*self._away_before(enrolment), *self._since(enrolment)]:
            said = str(outcome or "").lower()
            moment = datetime.fromtimestamp(at, UTC)
            if type_ == "note" and said.startswith("auto-reply") and moment <= self.now:
                until = _day_start(str(back or ""), zone) or moment + AWAY
                yield Pause("away", "is out of office", until)
            elif type_ == "note" and said == "soft bounce" and moment <= self.now:
                yield Pause("soft-bounce", "our message came back for now", moment + SOFT)
        for handle, done in self._tasks(enrolment):
            if done is None:
                yield Pause("open-task", f"follow-up {handle} of an earlier step is not done", None)
            else:
                yield Pause("open-task", f"follow-up {handle} was done on {done}", _day_start(str(done), zone))
        if self._book.index.row(_COMPLAINT, (enrolment.customer,)):
            yield Pause("open-complaint", "has a complaint that is not solved yet", None)
        for tag in sorted({word.lower() for word in words_of(data.get("tags") or [])}.intersection(SENSITIVE)):
            yield Pause("sensitive", f"is tagged {tag}", None)

    def _tasks(self, enrolment: Enrolment) -> list[tuple[Any, ...]]:
        sql = "SELECT handle, done FROM followups WHERE enrolment = ? ORDER BY handle"
        return list(self._book.index.rows(sql, (enrolment.handle,)))


_COMPLAINT = (
    "SELECT 1 FROM cases WHERE customer = ? AND type = 'complaint' AND COALESCE(status, 'open') NOT IN "
    "('solved', 'closed') LIMIT 1"
)
_WANTED = {"email": "e-mail address", "letter": "postal address"}
_WORDS = {
    "bounce": "our message came back",
    "complaint": "complained about our mail",
    "opt-out": "wanted no more mail",
    "reply": "answered",
}


def _shown(at: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d}"


def _day_start(text: str, zone: tzinfo) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return from_wall(datetime(day.year, day.month, day.day), zone)  # noqa: DTZ001 - wall time
