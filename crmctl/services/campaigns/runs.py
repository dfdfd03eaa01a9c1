"""One run of a campaign, from the frozen plan to the balance: what would go out, or what went."""

from __future__ import annotations

import contextlib
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import NOT_SENT
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.errors import UsageProblem
from crmctl.mail.ledger import spool
from crmctl.mail.ledger.states import PENDING
from crmctl.mail.ledger.states import Balance
from crmctl.mail.ledger.states import balance
from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.services import records
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns import freezing
from crmctl.services.campaigns import mirror
from crmctl.services.campaigns import pinning
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.desk import Desk
from crmctl.services.campaigns.desk import at_work
from crmctl.services.campaigns.gatekeeping import GO
from crmctl.services.campaigns.gatekeeping import Gatekeeper
from crmctl.services.campaigns.gatekeeping import begins
from crmctl.services.campaigns.prepared import Prepared
from crmctl.services.campaigns.prepared import lacks
from crmctl.services.campaigns.rendering import Renderer
from crmctl.services.campaigns.sending import Sending
from crmctl.services.campaigns.sending import Way
from crmctl.services.campaigns.triage import Line
from crmctl.services.campaigns.triage import Sorter
from crmctl.services.campaigns.triage import traces
from crmctl.services.campaigns.watching import Watched
from crmctl.services.campaigns.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping

    from crmctl.mail.ledger.states import Row
    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.gatekeeping import Verdict
    from crmctl.services.campaigns.plan import Entry
    from crmctl.services.campaigns.plan import Frozen
    from crmctl.services.campaigns.triage import Item
    from crmctl.services.campaigns.triage import Traces
    from crmctl.services.campaigns.triage import Triage
    from crmctl.services.mailing.config import MailServer

BEGUN = ("planned", "running")


class NotSent(CrmError):
    """Messages wait, and this run may not send them."""

    code = NOT_SENT


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


def send(book: Book, handle: str, asked: Asked, world: World) -> Sent:
    """Send what may go out now.

    Raises:
        SendingElsewhere: another process sends from this book.
        NotSent: the campaign is paused, or the machine cannot connect.
        Conflict: it is cancelled, or another machine sends it.
        InvalidData: messages cannot be made; all are named, and nothing was sent.
        LedgerDamaged, StorageFailed: what is sent could not be known again, so nothing is.
    """
    with at_work(book, f"campaign send {handle}") as desk:
        campaign = _sendable(book, handle, desk)
        frozen = plans.load(desk.state, campaign.id)
        if frozen is None:
            _refuse_strange(campaign, desk)
            freezing.refuse_namesake(book, desk, campaign)
            gate = begins(campaign, book.now(), begun=False, catch_up=asked.catch_up)
            if gate.what != GO:  # Whoever joins before it begins is to get it too.
                return _too_soon_or_late(gate, balance({}), [])
            frozen, _ = freezing.freeze(book, desk, handle)
            campaign = campaigns.read(book, handle)
        else:
            freezing.tell_the_rest(book, desk, campaign, frozen, desk.rows(campaign.id))
        return _Run(book, desk, campaign, plans.as_named(frozen, book), asked, world).go()


def _sendable(book: Book, handle: str, desk: Desk) -> Campaign:
    campaign = freezing.with_its_id(book, desk, sent_by_mail(book, handle))
    pinning.require_sender(campaign, desk.host)
    pinning.require_clone(campaign, desk.state)
    Witness(campaign.id).require(desk.rows(campaign.id))
    if campaign.status == "cancelled":
        raise Conflict(f"campaign {handle} is cancelled", hint=f"crmctl campaign status {handle}")
    if campaign.status == "paused":
        why = traces(desk.events(campaign.id)).paused
        hint = f"Look at it (crmctl campaign status {handle}), then: crmctl campaign resume {handle}"
        raise NotSent(f"campaign {handle} is paused" + (f": {why}" if why else ""), hint=hint)
    return campaign


def sent_by_mail(book: Book, handle: str) -> Campaign:
    """The campaign, if it goes by e-mail.

    Raises:
        UsageProblem: it goes by letter, phone ...
    """
    campaign = campaigns.read(book, handle)
    if campaign.channel != "email":
        hint = f"crmctl campaign preview {handle} --to DIR writes what there is to print, to type or to say."
        raise UsageProblem(f"campaign {handle} goes by {campaign.channel}, and only e-mail is sent", hint=hint)
    return campaign


def _refuse_strange(campaign: Campaign, desk: Desk) -> None:
    """A campaign that was begun here, but whose plan is in another clone, is not begun again without a word."""
    if campaign.status in BEGUN and campaign.text("sender") and not pinning.is_ours(campaign, desk.state):
        raise Conflict(
            f"campaign {campaign.handle} was planned in another clone: its plan is not in this one",
            hint=f"Send it from there. If that clone is gone: crmctl campaign plan {campaign.handle} --freeze",
        )


def _too_soon_or_late(gate: Verdict, found: Balance, notes: list[str]) -> Sent:
    """Nothing is sent on this day; a campaign that has not begun yet is no reason for words."""
    late = gate.code in ("missed", "ended")
    return Sent([], {}, gate.reason if late else "", found, notes, complete=not late, late=late)


class _Run:
    """The parts of a run, one after the other."""

    def __init__(self, book: Book, desk: Desk, campaign: Campaign, frozen: Frozen, asked: Asked, world: World) -> None:
        self._book = book
        self._desk = desk
        self._campaign = campaign
        self._frozen = frozen
        self._asked = asked
        self._world = world
        self._rows = desk.rows(campaign.id)
        self._told = traces(desk.events(campaign.id))
        self._notes: list[str] = list(desk.ledger.notes)
        path = records.path_of(book, book.schema.require("campaign"), campaign.handle)
        self._record = Watched(book.root / path, desk.host)
        self._prepared: Prepared | None = None
        self._sender = ""

    def go(self) -> Sent:
        now = self._book.now()
        gate = begins(self._campaign, now, begun=bool(self._told.first), catch_up=self._asked.catch_up)
        if gate.what != GO:
            return _too_soon_or_late(gate, balance(self._rows), self._notes)
        self._note_the_clock(now)
        keeper = Gatekeeper(self._book, self._campaign)
        sorter = Sorter(self._campaign, keeper, self._told, now, self._desk.host, self._world.ask)
        sorted_ = sorter.sort(self._frozen, self._rows)
        items = self._ready(sorted_)
        lost = self._prepared.lost if self._prepared is not None else set()
        self._desk.ledger.append_many(event for event in sorted_.events if event[1] not in lost)
        lines = list(sorted_.lines)
        if not items:
            return self._finish(lines, {}, "", complete=True)
        most, canary = most_of(self._campaign, self._asked, self._told, self._rows)
        try:
            self._world.transport.open()
        except TransportFailed as error:
            return self._not_connected(error, lines, items)
        try:
            if self._campaign.status != "running":
                self._mirror({"status": "running", "sender": self._desk.host})
            result = self._sending(keeper).run(items, most)
        finally:
            self._world.transport.close()
        lines += result.lines
        stopped, pause = result.stopped, result.pause
        tried = sum(result.counts.values())
        if canary and tried >= most and len(items) > tried and not stopped:
            stopped, pause = f"{tried} went out as a canary; have a look at them", True
            self._note("canary", stopped)
            handle = self._campaign.handle
            self._notes.append(f"{handle} is paused: look at what went out, then crmctl campaign resume {handle}")
        elif pause:
            self._note("paused", stopped)
        complete = not stopped and set(result.counts) <= {ACCEPTED} and not any(line.state == "bad" for line in lines)
        return self._finish(lines, result.counts, stopped, complete=complete or bool(canary and pause), pause=pause)

    def _ready(self, sorted_: Triage) -> list[Item]:
        """The messages whose turn it is, made and verified.

        Raises:
            InvalidData: some cannot be made, and nobody said that those are to be left aside.
            StorageFailed: there is no room for them.
        """
        self._require_lawful(sorted_.due)
        mail = self._world.mail
        renderer = Renderer(self._book, self._campaign, self._frozen.words, self._book.now(), mail.sender, mail)
        self._sender = renderer.sender.email
        prepared = Prepared(renderer, sorted_.due, self._desk.spool, self._told.dotted)
        self._prepared = prepared
        bad = {made.person.handle: made for made in prepared.bad}
        if bad and not self._asked.skip_bad:
            where = records.path_of(self._book, self._book.schema.require("campaign"), self._campaign.handle)
            problems = [Problem(where, 0, 0, one.code, f"{name}: {one.reason}") for name, one in sorted(bad.items())]
            counted = f"{len(bad)} of {len(sorted_.due)} messages"
            hint = (
                f"The wording was frozen on {self._frozen.at[:10]}. Correct it, then: crmctl campaign plan "
                f"{self._campaign.handle} --refresh. Or: --skip-bad"
            )
            raise InvalidData(f"nothing was sent: {counted} cannot be made", hint=hint, problems=problems)
        for made in bad.values():
            entry = entry_of(self._frozen, made.person.handle)
            sorted_.lines.append(Line(entry, "bad", made.code, made.reason))
        lost = [item for item in sorted_.due if item.entry.sid in prepared.lost]
        for item in lost:
            reason = "the message is not in the spool any more, so the same cannot be sent again"
            sorted_.lines.append(Line(item.entry, "hold", "lost", reason))
        if sorted_.due:
            spool.reserve(self._desk.spool, prepared.size)
        left_aside = {*bad, *(item.entry.handle for item in lost)}
        return [item for item in sorted_.due if item.entry.handle not in left_aside]

    def _require_lawful(self, due: list[Item]) -> None:
        """Refuse marketing mail that does not say whose it is; of each arm, one message is looked at.

        Raises:
            InvalidData: with all that is lacking.
        """
        first = {item.entry.arm: item.entry.recipient for item in due if not item.row.attempts}
        lacking = lacks(self._book, self._campaign, self._frozen.words, list(first.values()), self._world.mail)
        if lacking:
            where = records.path_of(self._book, self._book.schema.require("campaign"), self._campaign.handle)
            problems = [Problem(where, 0, 0, "lacks", words) for words in lacking]
            hint = f"crmctl campaign check {self._campaign.handle} looks at every message."
            raise InvalidData(f"nothing was sent: {lacking[0]}", hint=hint, problems=problems)

    def _sending(self, keeper: Gatekeeper) -> Sending:
        assert self._prepared is not None
        way = Way(
            transport=self._world.transport,
            mail=self._world.mail,
            moment=self._book.now,
            sleep=self._world.sleep,
            stopped=self._stopped,
            told=self._world.told,
            mirror=lambda: self._mirror({}),
        )
        return Sending(
            self._book, self._desk, self._campaign, keeper, self._prepared, self._sender, way, self._judged()
        )

    def _judged(self) -> list[Row]:
        """The rows by which a run is stopped: those since somebody had a look and let it go on."""
        return [row for row in self._rows.values() if row.at >= self._told.resumed]

    def _stopped(self) -> str:
        """Why the run is to end before the next message, "" when it is not: Ctrl-C, or somebody paused the campaign."""
        return "interrupted" if self._world.interrupted() else self._record.halted()

    def _not_connected(self, error: TransportFailed, lines: list[Line], items: list[Item]) -> Sent:
        """Nothing could be sent. A login that is refused has to be looked at; a network that is away comes back."""
        lines += [Line(item.entry, "wait", error.phase, error.message) for item in items]
        pause = error.phase == "auth"
        if pause:
            self._note("paused", error.message)
        doctor = "Nothing went out. crmctl mail doctor looks at the server; then run it again."
        self._notes.append(f"hint: {error.hint or doctor}")
        return self._finish(lines, {}, error.message, complete=False, pause=pause)

    def _note_the_clock(self, now: datetime) -> None:
        """Where the clock was put back, say so: what was noted before counts from here on, and not for a year."""
        own = [event.t for event in self._desk.events(self._campaign.id) if event.host == self._desk.host]
        if own and datetime.fromisoformat(own[-1]) > now + timedelta(seconds=1):
            self._note("clock", "the clock was put back")

    def _note(self, why: str, text: str) -> None:
        self._desk.ledger.append("note", "", self._campaign.id, why=why, text=text[:300])

    def _finish(
        self, lines: list[Line], counts: Mapping[str, int], stopped: str, *, complete: bool, pause: bool = False
    ) -> Sent:
        """Tell the book, and count."""
        self._rows = self._desk.rows(self._campaign.id)
        found = balance(self._rows)
        fields = {}
        in_file = self._record.status()
        if pause:
            fields["status"] = "paused"
        elif found.finished and in_file not in ("paused", "cancelled"):
            fields["status"] = "finished"
        self._mirror(fields)
        for sid in spool.kept(self._desk.spool):
            row = self._rows.get(sid)
            if row is not None and row.state not in PENDING and row.state != ACCEPTED:
                self._forget(sid)
        return self._done(lines, counts, stopped, complete=complete and not found.unknown)

    def _done(self, lines: list[Line], counts: Mapping[str, int], stopped: str, *, complete: bool) -> Sent:
        return Sent(
            lines,
            counts,
            stopped,
            balance(self._rows),
            self._notes,
            complete,
            interrupted=self._world.interrupted(),
        )

    def _mirror(self, fields: Mapping[str, str]) -> None:
        """Bring the book up to date; when that cannot be now, the ledger has it, and it is tried again later."""
        subject = self._prepared.subject if self._prepared is not None else lambda _sid: ""
        try:
            _, told = mirror.write(self._book, self._desk, self._campaign, fields, subject)
        except CrmError as error:
            note = f"The book could not be brought up to date ({error.message}); the next run does it."
            if note not in self._notes:
                self._notes.append(note)
            return
        finally:
            self._record.forget()
        for sid in told.intersection(spool.kept(self._desk.spool)):
            self._forget(sid)

    def _forget(self, sid: str) -> None:
        """Nobody asks for these bytes any more, and they are somebody's."""
        with contextlib.suppress(CrmError):
            spool.remove(self._desk.spool, sid)


def most_of(campaign: Campaign, asked: Asked, told: Traces, rows: Mapping[str, Row]) -> tuple[int, bool]:
    """How many messages may be tried at most (0: all), and whether that is for a canary."""
    canary = asked.canary
    if not canary and campaign.canary and not told.canary_done:
        canary = max(campaign.canary - sum(row.attempts > 0 for row in rows.values()), 1)
    if canary and (not asked.limit or canary <= asked.limit):
        return canary, True
    return asked.limit, False


def entry_of(frozen: Frozen, handle: str) -> Entry:
    """The entry of a customer in a plan."""
    return next(entry for entry in frozen.entries.values() if entry.handle == handle)
