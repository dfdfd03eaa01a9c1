"""What is to be done about one person in one sequence, at one moment. Nothing is written here, and nothing is sent.

Every decision has a reason, also that nothing is done. The same facts at the same moment give the same decision; a step
that was taken is known by its number, so that no pattern of calls takes one twice.
"""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import query
from crmctl.errors import CrmError
from crmctl.mail.ledger.states import due_at
from crmctl.mail.transport.windows import next_open
from crmctl.services import records
from crmctl.services.campaigns import daytime
from crmctl.services.campaigns.audience import address_of
from crmctl.services.campaigns.running.triage import COPIES
from crmctl.services.consenting.permission import TRANSACTIONAL
from crmctl.services.following import enrolments
from crmctl.services.following import waits
from crmctl.services.following.messages import as_campaign

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from crmctl.mail.ledger.states import Row
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.following.enrolments import Enrolment
    from crmctl.services.following.enrolments import Sequence
    from crmctl.services.following.enrolments import Step
    from crmctl.services.following.facts import Facts

SEND, TASK, PAPER, DRAFT, SKIP = "send", "task", "paper", "draft", "skip"
STOP, FINISH, RECORD = "stop", "finish", "record"
WAIT, HOLD, MISSED, DONE = "wait", "hold", "missed", "done"
ACTS = frozenset({SEND, TASK, PAPER, DRAFT, SKIP, STOP, FINISH, RECORD})
"""Decisions by which something is done; by the others nothing is."""

NO_DRAFT = "a text message goes out as its template has it, and approval: draft is for mail"

GAP = timedelta(hours=20)
"""The least time between two steps to one person, whatever sequences they are in."""


class Decision(NamedTuple):
    """What is done about an enrolment: ``what``, for which step, a stable code, the reason in words, and until when it
    waits."""

    enrolment: str
    customer: str
    sequence: str
    step: int
    what: str
    code: str
    reason: str
    until: datetime | None = None

    @property
    def acts(self) -> bool:
        """Whether anything is done."""
        return self.what in ACTS


class World(NamedTuple):
    """What a decision rests on besides the record.

    ``stale_inbox`` says why the inbox cannot be relied on, ``not_pinned`` by sequence why this clone may not act; both
    "" when all is well. ``drafts`` says by enrolment and step whether one was released, ``last`` by customer when they
    got a step of any sequence; ``catch_up``: what was missed is wanted all the same; ``templates`` are those there are.
    """

    book: Book
    facts: Facts
    clone: str
    rows: Mapping[str, Row]
    stale_inbox: str = ""
    not_pinned: Mapping[str, str] = {}
    drafts: Mapping[tuple[str, int], bool] = {}
    last: Mapping[str, datetime] = {}
    catch_up: bool = False
    templates: frozenset[str] = frozenset()


class Decider:
    """Decides about one enrolment."""

    def __init__(self, world: World, sequence: Sequence | None, enrolment: Enrolment, customer_id: str) -> None:
        self._world = world
        self._sequence = sequence
        self._enrolment = enrolment
        self._now = world.facts.now
        self._rows = self._mails(customer_id)

    def _mails(self, customer_id: str) -> dict[int, Row]:
        """What the ledger knows of the mails of this enrolment, by step."""
        if self._sequence is None:
            return {}
        found = {}
        for number in range(1, len(self._enrolment.steps) + 1):
            sid = enrolments.sid_of(self._sequence.id, self._enrolment, customer_id, number)
            if sid in self._world.rows:
                found[number] = self._world.rows[sid]
        return found

    def decide(self) -> Decision:
        """What is to be done now, and why."""
        enrolment, sequence = self._enrolment, self._sequence
        if enrolment.state != enrolments.ACTIVE:
            return self._told(DONE, enrolment.state, enrolment.reason or enrolment.state)
        if sequence is None:
            return self._without("sequence", enrolment.sequence)
        sender = sequence.text("sender")
        if sender != self._world.clone:
            return self._told(
                WAIT, "elsewhere", f"{sender or 'no clone yet'} takes its steps (crmctl sequence adopt moves that here)"
            )
        row = self._rows.get(enrolment.place)
        if row is not None and row.state == "accepted":
            return self._told(RECORD, "sent", "the mail went out, and is not in the book yet")
        if enrolment.next is None:
            return self._told(FINISH, "end", "all steps were taken")
        fault = enrolments.fault(sequence)
        if fault:
            return self._told(HOLD, "unreadable", f"sequence {sequence.handle}: {fault}")
        if self._world.facts.data(enrolment.customer) is None:
            return self._without("customer", enrolment.customer)
        behind = self._clock()
        if behind is not None:
            return behind
        reason = self._world.facts.stop(sequence, enrolment, self._rows.values())
        if reason is not None:
            return self._told(STOP, reason.code, reason.words)
        if self._world.not_pinned.get(sequence.handle):
            return self._told(WAIT, "not-synced", self._world.not_pinned[sequence.handle])
        data = self._world.facts.data(enrolment.customer)
        assert data is not None  # Or it would have ended above.
        return self._waiting(sequence, enrolment.next, data) or self._acting(sequence, enrolment.next, data)

    def _told(self, what: str, code: str, reason: str, until: datetime | None = None) -> Decision:
        one = self._enrolment
        return Decision(one.handle, one.customer, one.sequence, one.place, what, code, reason, until)

    def _without(self, kind_name: str, handle: str) -> Decision:
        """A record that is gone ends it; one that cannot be read, as after a slip of the pen, does not."""
        book = self._world.book
        path = records.path_of(book, book.schema.require(kind_name), handle) if handle else ""
        if path and (book.root / path).exists():
            return self._told(HOLD, "unreadable", f"{path} cannot be read: crmctl check")
        code = "erased" if kind_name == "customer" else "sequence"
        return self._told(STOP, code, f"{kind_name} {handle} is gone")

    def _clock(self) -> Decision | None:
        """A clock that was put back: nothing is early, and nothing is twice."""
        latest = max([self._enrolment.started, *(did.at for did in self._enrolment.log)])
        if latest <= self._now:
            return None
        begins = not self._enrolment.log
        words = "begins" if begins else "the clock is behind the last step, which was taken"
        return self._told(WAIT, "begins" if begins else "clock", f"{words} on {latest:%Y-%m-%d %H:%M}", latest)

    # Nothing is done yet

    def _waiting(self, sequence: Sequence, step: Step, data: RawMap) -> Decision | None:
        facts, now = self._world.facts, self._now
        zone = facts.zone(data)
        pauses = list(facts.pauses(self._enrolment, data))
        ended = [pause.until for pause in pauses if pause.until is not None and pause.until <= now]
        done = [pause.until for pause in pauses if pause.code == "open-task" and pause.until is not None]
        base = max([self._enrolment.base, *done])
        holidays = self._world.book.settings.sending.holidays
        due = waits.due(base, step.wait, zone, business=step.business, holidays=holidays)
        if due > now:
            return self._told(WAIT, "not-due", f"step {self._enrolment.place} is due {_day(due)}", due)
        for pause in pauses:
            if pause.until is None or pause.until > now:
                return self._told(WAIT, pause.code, pause.words, pause.until)
        last = self._world.last.get(self._enrolment.customer)
        if last is not None and now < last + GAP:
            return self._told(WAIT, "gap", "got another step a short while ago", last + GAP)
        held = self._held(sequence)
        if held is not None:
            return held
        ready = max([due, *ended])
        opens = self._opens(sequence, ready, zone) if step.is_mail or step.is_paper else ready
        late = now - opens
        if late > timedelta(days=sequence.max_lateness) and not self._world.catch_up and not self._begun:
            words = f"step {self._enrolment.place} was due {_day(ready)}, {late.days} days ago"
            return self._told(MISSED, "late", f"{words}; --catch-up takes it all the same")
        return None

    def _held(self, sequence: Sequence) -> Decision | None:
        """What an earlier attempt at the same step left behind."""
        row = self._rows.get(self._enrolment.place)
        if row is None:
            return None
        step = self._enrolment.next
        if row.state in ("deferred", "unknown") and step is not None and row.ch not in ("", step.channel):
            words = f"was tried by {row.ch} before it was to go by {step.channel or 'hand'}"
            hint = f"crmctl outbox resolve {row.sid}"
            return self._told(HOLD, "changed", f"step {self._enrolment.place} {words}: {hint}")
        if row.state == "deferred" and due_at(row, self._now) > self._now:
            reply = f"{row.code} {row.text}".strip()
            return self._told(WAIT, "deferred", f"the server put it off: {reply}", due_at(row, self._now))
        purpose = self._world.book.settings.purposes.get(sequence.text("purpose").lower())
        again = purpose is not None and purpose.basis in TRANSACTIONAL and row.doubts < COPIES
        if row.state == "unknown" and not again:
            return self._told(HOLD, "unknown", f"the server's answer was lost: crmctl outbox resolve {row.sid}")
        if row.state in ("abandoned", "expired"):
            words = {"abandoned": "was given up", "expired": "was put off by the server for too long"}[row.state]
            return self._told(SKIP, row.state, f"step {self._enrolment.place} {words}")
        return None

    @property
    def _begun(self) -> bool:
        """Whether something was done about the step already: an attempt, or a draft."""
        row = self._rows.get(self._enrolment.place)
        tried = row is not None and row.state != "planned"
        return tried or (self._enrolment.handle, self._enrolment.place) in self._world.drafts

    def _opens(self, sequence: Sequence, moment: datetime, zone: tzinfo) -> datetime:
        settings = self._world.book.settings.sending
        window = sequence.text("window") or settings.window
        said = sequence.data.get("weekdays")
        weekdays = [str(day).lower() for day in said] if isinstance(said, list) else settings.weekdays
        if not (window or weekdays or settings.holidays):
            return moment
        return next_open(moment, window, weekdays, settings.holidays, zone)

    # Something is done

    def _acting(self, sequence: Sequence, step: Step, data: RawMap) -> Decision:
        number = self._enrolment.place
        if step.when:
            try:
                if not self._matches(step.when):
                    return self._told(SKIP, "condition", f"step {number} is only for {step.when}")
            except CrmError as error:
                return self._told(HOLD, "condition", f"step {number}: {error.message}")
        if step.template and step.template not in self._world.templates and not self._begun:
            return self._told(HOLD, "no-template", f"step {number}: there is no template {step.template!r}")
        if not (step.is_mail or step.is_paper):
            return self._told(TASK, step.channel or "task", f"step {number}: {step.what}")
        if self._world.stale_inbox and "reply" in sequence.stops:
            return self._told(WAIT, "stale-inbox", self._world.stale_inbox)
        refused = self._world.facts.refusal(sequence, self._enrolment.customer, data, step.channel)
        if refused is not None:
            return self._told(HOLD, refused[0], f"may not be written to: {refused[1]}")
        return self._mail(sequence, step, data, number) if step.is_mail else self._paper(sequence, step, data, number)

    def _paper(self, sequence: Sequence, step: Step, data: RawMap, number: int) -> Decision:
        """A letter keeps to the hours of mail; a telephone rings by day."""
        book = self._world.book
        if step.draft and step.channel == "sms":
            return self._told(HOLD, "draft", f"step {number}: {NO_DRAFT}")
        campaign = as_campaign(book, sequence, step.template, step.channel)
        try:
            opens = daytime.opens(book, campaign, data, address_of(data, step.channel, book.context), self._now)
        except CrmError as error:
            return self._told(HOLD, "window", error.message)
        if opens is None:
            return self._told(WAIT, "window", "nobody knows when it is day there: set their timezone")
        if opens > self._now:
            return self._told(WAIT, "window", f"goes out at {opens:%a %Y-%m-%d %H:%M} their time", opens)
        return self._told(PAPER, step.channel, f"step {number}: {step.what}")

    def _mail(self, sequence: Sequence, step: Step, data: RawMap, number: int) -> Decision:
        row = self._rows.get(number)
        # What was tried once goes out as it was released, whatever has become of its draft.
        tried = row is not None and row.state in ("deferred", "unknown")
        released = tried or self._world.drafts.get((self._enrolment.handle, number))
        if step.draft and released is None:
            return self._told(DRAFT, "draft", f"step {number}: {step.what}")
        if step.draft and not released:
            hint = f"crmctl followup release {self._enrolment.handle}"
            return self._told(WAIT, "draft", f"a draft waits to be read: {hint}")
        zone = self._world.facts.zone(data)
        opens = self._opens(sequence, self._now, zone)
        if opens > self._now:
            return self._told(WAIT, "window", f"goes out at {opens:%a %Y-%m-%d %H:%M} their time", opens)
        return self._told(SEND, "email", f"step {number}: {step.what}")

    def _matches(self, when: str) -> bool:
        book = self._world.book
        kind = book.schema.require("customer")
        where = query.compile_filter(query.parse(when), kind, book.context, self._now)
        sql = f"SELECT 1 FROM customers t WHERE t.handle = ? AND ({where.text})"
        return book.index.row(sql, (self._enrolment.customer, *where.params)) is not None


def _day(moment: datetime) -> str:
    return f"{moment:%a %Y-%m-%d}"
