"""One run of a campaign, from the frozen plan to the balance: what would go out, or what went."""

from __future__ import annotations

import contextlib
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.mail.ledger import spool
from crmctl.mail.ledger.states import PENDING
from crmctl.mail.ledger.states import balance
from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.services import records
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns import freezing
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.machines import announcing
from crmctl.services.campaigns.machines import meeting
from crmctl.services.campaigns.machines import pinning
from crmctl.services.campaigns.machines import sharing
from crmctl.services.campaigns.machines.batches import STALE
from crmctl.services.campaigns.machines.batches import Batches
from crmctl.services.campaigns.machines.plausible import Doubt
from crmctl.services.campaigns.machines.plausible import not_today
from crmctl.services.campaigns.messages.readying import made_ready
from crmctl.services.campaigns.running import handing_over
from crmctl.services.campaigns.running import mirror
from crmctl.services.campaigns.running.asking import Sent
from crmctl.services.campaigns.running.asking import most_of
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.campaigns.running.gatekeeping import GO
from crmctl.services.campaigns.running.gatekeeping import Gatekeeper
from crmctl.services.campaigns.running.gatekeeping import begins
from crmctl.services.campaigns.running.refusing import refuse_strange
from crmctl.services.campaigns.running.refusing import sendable
from crmctl.services.campaigns.running.sending import Sending
from crmctl.services.campaigns.running.sending import Way
from crmctl.services.campaigns.running.triage import Line
from crmctl.services.campaigns.running.triage import Sorter
from crmctl.services.campaigns.running.triage import traces
from crmctl.services.campaigns.running.watching import Watched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.machines.claiming import Claims
    from crmctl.services.campaigns.messages.prepared import Prepared
    from crmctl.services.campaigns.messages.readying import Ready
    from crmctl.services.campaigns.plan import Frozen
    from crmctl.services.campaigns.running.asking import Asked
    from crmctl.services.campaigns.running.asking import World
    from crmctl.services.campaigns.running.sending import Result
    from crmctl.services.campaigns.running.triage import Item
    from crmctl.services.campaigns.running.triage import Triage


def send(book: Book, handle: str, asked: Asked, world: World) -> Sent:
    """Send what may go out now.

    Raises:
        SendingElsewhere: another process sends from this book.
        NotSent: the campaign is paused, or the machine cannot connect.
        Conflict: it is cancelled, or another machine sends it.
        InvalidData: messages cannot be made; all are named, and nothing was sent.
        LedgerDamaged, StorageFailed: what is sent could not be known again, so nothing is.
    """
    with at_work(book, f"campaign send {handle}") as desk, pinning.alone(campaigns.read(book, handle)):
        doubt = Doubt(book, desk)
        claims = meeting.begin(book, desk, handle)
        campaign = sendable(book, handle, desk)
        frozen = plans.load(desk.state, campaign.id)
        notes: list[str] = []
        if claims is not None:
            frozen, notes = sharing.followed(book, desk, campaign, frozen)
        if frozen is not None:
            freezing.tell_the_rest(book, desk, campaign, frozen, desk.rows(campaign.id))
        else:
            if claims is None:
                refuse_strange(campaign, desk)
            freezing.refuse_namesake(book, desk, campaign)
            gate = begins(campaign, book.now(), begun=False, catch_up=asked.catch_up)
            if gate.what != GO:  # Whoever joins before it begins is to get it too.
                return not_today(desk, campaign, gate, doubt, balance({}), notes)
            if claims is None:
                announcing.meet(book, desk, campaign, tell=False)
                campaign = sendable(book, handle, desk)
            campaign = freezing.identified(book, campaign)
            frozen = plans.drafted(book, campaign, doubt=doubt)
        frozen = plans.as_named(frozen, book)
        handing_over.begin(desk, campaign, frozen, world.transport)
        return _Run(book, desk, campaign, frozen, asked, world, doubt, claims, notes).go()


class _Run:
    """The parts of a run, one after the other."""

    def __init__(
        self,
        book: Book,
        desk: Desk,
        campaign: Campaign,
        frozen: Frozen,
        asked: Asked,
        world: World,
        doubt: Doubt,
        claims: Claims | None,
        notes: list[str],
    ) -> None:
        self._doubt = doubt
        self._claims = claims
        self._book = book
        self._desk = desk
        self._campaign = campaign
        self._frozen = frozen
        self._asked = asked
        self._world = world
        self._rows = desk.rows(campaign.id)
        self._told = traces(desk.events(campaign.id))
        self._notes: list[str] = [*desk.ledger.notes, *notes]
        path = records.path_of(book, book.schema.require("campaign"), campaign.handle)
        self._record = Watched(book.root / path, desk.host if claims is None else pinning.ANY)
        self._prepared: Prepared | None = None

    def go(self) -> Sent:
        now = self._book.now()
        gate = begins(self._campaign, now, begun=bool(self._told.first), catch_up=self._asked.catch_up)
        if gate.what != GO:
            found = balance(self._rows)
            return not_today(self._desk, self._campaign, gate, self._doubt, found, self._notes)
        keeper = Gatekeeper(self._book, self._campaign, self._doubt)
        host, kept, ask = self._desk.host, self._desk.keeps, self._world.ask
        sorter = Sorter(self._campaign, keeper, self._told, now, host, kept, ask, self._doubt)
        sorted_ = sorter.sort(self._frozen, self._rows)
        self._note_the_clock(now)
        mail, skip_bad = self._world.mail, self._asked.skip_bad
        ready = made_ready(self._book, self._desk, self._campaign, self._frozen, sorted_, self._told, mail, skip_bad)
        items, self._prepared = ready.items, ready.prepared
        lines = list(sorted_.lines)
        if items:
            try:
                self._world.transport.open()
            except TransportFailed as error:
                return self._not_connected(error, sorted_, items)
        try:
            items = self._frozen_now(items)
            if items and self._claims is None:
                announcing.meet(self._book, self._desk, self._campaign, tell=True)
            self._write_down(sorted_)
            if not items:
                return self._finish(lines, {}, "", complete=True)
            most, canary = most_of(self._campaign, self._asked, self._told, self._rows)
            result = self._sent(self._sending(keeper, ready), keeper, items, most)
        finally:
            self._world.transport.close()
        lines, stopped, pause = [*lines, *result.lines], result.stopped, result.pause
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

    def _frozen_now(self, items: list[Item]) -> list[Item]:
        """``items``, when the plan has been frozen: only now that they can be made, and the way out is open."""
        if self._frozen.revision:
            return items
        frozen, _ = freezing.freeze_alone(self._book, self._desk, self._campaign.handle, draft=self._frozen)
        self._campaign = campaigns.read(self._book, self._campaign.handle)
        self._frozen = plans.as_named(frozen, self._book)
        self._rows = self._desk.rows(self._campaign.id)
        self._record.forget()
        return [item for item in items if not self._frozen.entries[item.entry.sid].code]

    def _write_down(self, sorted_: Triage) -> None:
        """What was decided before anything is sent; not about those whose bytes are gone."""
        lost = self._prepared.lost if self._prepared is not None else set()
        self._desk.ledger.append_many(event for event in sorted_.events if event[1] not in lost)

    def _sent(self, sending: Sending, keeper: Gatekeeper, items: list[Item], most: int) -> Result:
        """Send those, or as many of them as this machine can claim."""
        if self._claims is None:
            if self._campaign.status != "running":
                self._mirror({"status": "running", "sender": self._desk.host})
            return sending.run(items, most)
        canary = 0 if self._asked.canary or self._told.canary_done else self._campaign.canary
        self._claims.subject = self._subject
        batches = Batches(self._claims, sending, keeper, self._stopped, self._desk, self._campaign.id)
        return batches.run(items, most, canary)

    def _subject(self, sid: str) -> str:
        return self._prepared.subject(sid) if self._prepared is not None else ""

    def _sending(self, keeper: Gatekeeper, ready: Ready) -> Sending:
        way = Way(
            transport=self._world.transport,
            mail=self._world.mail,
            moment=self._book.now,
            sleep=self._world.sleep,
            stopped=self._stopped,
            told=self._world.told,
            mirror=lambda: self._mirror({}),
        )
        # Those by which a run is stopped: since somebody had a look and let it go on.
        judged = [row for row in self._rows.values() if row.at >= self._told.resumed]
        return Sending(self._book, self._desk, self._campaign, keeper, ready.prepared, ready.sender, way, judged)

    def _stopped(self) -> str:
        """Why the run is to end before the next message, "" when it is not: Ctrl-C, or somebody paused the campaign."""
        if self._world.interrupted():
            return "interrupted"
        return self._record.halted() or (STALE if self._claims is not None and self._claims.is_stale else "")

    def _not_connected(self, error: TransportFailed, sorted_: Triage, items: list[Item]) -> Sent:
        """Nothing could be sent. A login that is refused has to be looked at; a network that is away comes back."""
        lines = sorted_.lines + [Line(item.entry, "wait", error.phase, error.message) for item in items]
        if not self._frozen.revision:
            self._notes.append("Nothing is frozen yet: who gets it and the templates can still be changed.")
            self._notes.append(f"hint: {error.hint or 'crmctl mail doctor looks at the server.'}")
            return self._done(lines, {}, error.message, complete=False)
        self._write_down(sorted_)
        pause = error.phase == "auth"
        if pause:
            self._note("paused", error.message)
        doctor = "Nothing went out. crmctl mail doctor looks at the server; then run it again."
        self._notes.append(f"hint: {error.hint or doctor}")
        return self._finish(lines, {}, error.message, complete=False, pause=pause)

    def _note_the_clock(self, now: datetime) -> None:
        """Where the clock was put back, say so: what was noted before counts from here on, and not for a year."""
        if self._doubt.found:
            self._note("clock", self._doubt.found)
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
        if pause:
            fields["status"] = "paused"
        elif found.finished and self._record.status() not in ("paused", "cancelled"):
            fields["status"] = "finished"
        if self._claims is not None:
            self._claims.let_go()
        self._mirror(fields)
        if self._claims is not None and (unknown := self._claims.publish()):
            self._notes.append(unknown)
        for sid in spool.kept(self._desk.spool):
            row = self._rows.get(sid)
            # What was never tried can be made again; it was left behind when a run was killed.
            if row is not None and row.state != ACCEPTED and (row.state not in PENDING or not row.attempts):
                self._forget(sid)
        return self._done(lines, counts, stopped, complete=complete and not found.unknown)

    def _done(self, lines: list[Line], counts: Mapping[str, int], stopped: str, *, complete: bool) -> Sent:
        return Sent(
            lines,
            counts,
            stopped,
            balance(self._rows),
            [*self._notes, *([f"Careful: {self._doubt.found}."] if self._doubt.found else [])],
            complete,
            interrupted=self._world.interrupted(),
        )

    def _mirror(self, fields: Mapping[str, str]) -> None:
        """Bring the book up to date; when that cannot be now, the ledger has it, and it is tried again later."""
        try:
            _, told = mirror.write(self._book, self._desk, self._campaign, fields, self._subject)
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
