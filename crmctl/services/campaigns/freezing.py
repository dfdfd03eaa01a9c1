"""Freezing a plan: it is put aside as it is, told to the ledger, and the campaign is pinned to this machine."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.model import ids
from crmctl.services import records
from crmctl.services.campaigns import audience
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.machines import holding
from crmctl.services.campaigns.machines import pinning
from crmctl.services.campaigns.machines import sharing
from crmctl.services.consenting import keys
from crmctl.services.mailing.host import mail_state

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.mail.ledger.log import Event
    from crmctl.mail.ledger.states import Row
    from crmctl.services.book import Book
    from crmctl.services.campaigns.audience import Plan
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.plan import Change
    from crmctl.services.campaigns.plan import Frozen
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.store.transaction import Transaction


class Looked(NamedTuple):
    """What a plan would be now: the audience, the plan that was frozen last, and how the two differ."""

    audience: Plan
    frozen: Frozen | None
    changes: list[Change]


def look(book: Book, handle: str) -> Looked:
    """The audience as of now beside the plan that was frozen last; nothing is written."""
    campaign = campaigns.read(book, handle)
    found = audience.of(book, campaign)
    old = _last(mail_state(book), campaign, tolerant=True)
    if old is None:
        return Looked(found, None, [])
    from crmctl.services.campaigns.running.desk import Desk

    rows = Desk(book).rows(campaign.id, tolerant=True)
    return Looked(found, old, plans.differences(old, plans.drafted(book, campaign, found=found), rows))


def freeze(book: Book, desk: Desk, handle: str, *, refresh: bool = False) -> tuple[Frozen, list[Change]]:
    """Freeze the plan as of now, and how it differs from the last one.

    Raises:
        NobodyGets: it is for nobody.
        Conflict: there is one already, here or in another clone, and ``refresh`` does not ask for a new revision; or
            the campaign is cancelled, or another machine sends it.
        SendingElsewhere: it is being sent from another clone on this machine.
        UsageProblem, InvalidData, NotFound: the campaign cannot be planned.
    """
    campaign = with_its_id(book, desk, campaigns.read(book, handle))
    with pinning.alone(campaign):
        if not refresh:
            pinning.require_clone(campaign, desk.state)
        return freeze_alone(book, desk, handle, refresh=refresh)


def freeze_alone(
    book: Book, desk: Desk, handle: str, *, refresh: bool = False, draft: Frozen | None = None
) -> tuple[Frozen, list[Change]]:
    """The same, or that of a ``draft`` made just before, for whoever sees to it that nobody else is at it."""
    campaign = with_its_id(book, desk, campaigns.read(book, handle))
    pinning.require_sender(campaign, desk.host)
    if campaign.status == "cancelled":
        raise Conflict(f"campaign {handle} is cancelled", hint=f"crmctl campaign set {handle} status=draft")
    old = _last(desk.state, campaign, tolerant=refresh)
    if old is not None and not refresh:
        raise Conflict(
            f"the plan of {handle} is frozen already (revision {old.revision}, {old.at[:16].replace('T', ' ')})",
            hint=f"crmctl campaign plan {handle} --refresh makes a new revision; what was tried stays as it was.",
        )
    campaign = identified(book, campaign)
    rows = desk.rows(campaign.id)
    new = _revised(book, desk, campaign, old, draft or plans.drafted(book, campaign))
    _refuse_empty(campaign, new, rows)
    changes = plans.differences(old, new, rows) if old is not None else []
    pinning.take(campaign, desk.state)
    _pin(book, campaign, desk.host)  # Before the rest: where the record cannot be written, nothing is planned.
    plans.save(desk.state, new)
    tell(book, desk, campaign, new, rows)
    return new, changes


def _revised(book: Book, desk: Desk, campaign: Campaign, old: Frozen | None, draft: Frozen) -> Frozen:
    """What becomes of the plan that was frozen last, by one made now."""
    ring, rows = keys.load(book), desk.rows(campaign.id)

    def hashed(address: str) -> str:
        return ring.keyed(audience.same(address, draft.channel, book.context))

    new = plans.revised(old, draft, rows, hashed)
    if not pinning.is_shared(campaign):
        return new
    return new._replace(revision=max(new.revision, sharing.newest(desk, campaign) + 1))


class NobodyGets(InvalidData):
    """A plan by which nobody gets anything: to freeze it would end the campaign before it has begun."""


def _refuse_empty(campaign: Campaign, new: Frozen, rows: Mapping[str, Row]) -> None:
    if any(not entry.code for entry in new.entries.values()) or any(row.attempts for row in rows.values()):
        return
    out = Counter(entry.code for entry in new.entries.values())
    told = ", ".join(f"{count:,} {code.replace('-', ' ')}" for code, count in out.most_common())
    why = f"everybody in segment {campaign.segment} is left out ({told})"
    raise NobodyGets(
        f"campaign {campaign.handle} is for nobody: {why if out else f'nobody is in segment {campaign.segment}'}",
        hint=f"crmctl campaign plan {campaign.handle} names everybody with the reason.",
    )


def identified(book: Book, campaign: Campaign) -> Campaign:
    """The campaign with an id in its record: the ids of its messages are told from it."""
    if campaign.data.get("id"):
        return campaign
    with book.write(f"campaign plan {campaign.handle}") as tx:
        put_fields(book, tx, campaign.handle, {"id": ids.new_id()})
        tx.commit(f"campaign: plan {campaign.handle}")
    book.refresh()
    return campaigns.read(book, campaign.handle)


def with_its_id(book: Book, desk: Desk, campaign: Campaign) -> Campaign:
    """A campaign that had its id from its plan, and lost it when the work tree was reset, with that id again."""
    former = [] if campaign.data.get("id") else _namesakes(book, desk, campaign)
    if not former:
        return campaign
    with book.write(f"campaign plan {campaign.handle}") as tx:
        put_fields(book, tx, campaign.handle, {"id": former[-1].campaign})
        tx.commit(f"campaign: plan {campaign.handle}")
    book.refresh()
    return campaigns.read(book, campaign.handle)


def refuse_namesake(book: Book, desk: Desk, campaign: Campaign) -> None:
    """Refuse to begin a campaign whose name another one had, which is gone from the book and was sent.

    Raises:
        Conflict: there was one; those who got it would get this one too, and only a person can want that.
    """
    for frozen in _namesakes(book, desk, campaign):
        if any(row.attempts for row in desk.rows(frozen.campaign).values()):
            raise Conflict(
                f"another campaign {campaign.handle} was sent from here before, and is not in the book any more",
                hint=f"If this is a new one, for the same people too: crmctl campaign plan {campaign.handle} --freeze",
            )


def _namesakes(book: Book, desk: Desk, campaign: Campaign) -> list[Frozen]:
    """The plans of campaigns with this handle that are in the book no more, the last one last."""
    there = {str(row[0]) for row in book.index.rows("SELECT id FROM campaigns WHERE id IS NOT NULL")}
    found = [one for one in plans.every(desk.state) if one.handle == campaign.handle and one.campaign not in there]
    return sorted(found, key=lambda one: one.at)


def _last(state: Path, campaign: Campaign, *, tolerant: bool) -> Frozen | None:
    """The plan that was frozen last; with ``tolerant`` one that cannot be read is none."""
    try:
        return plans.load(state, campaign.id)
    except InvalidData:
        if not tolerant:
            raise
        return None


def tell(book: Book, desk: Desk, campaign: Campaign, frozen: Frozen, rows: Mapping[str, Row]) -> None:
    """Have the ledger say what the plan decides; what it says already is not said again."""
    ring = keys.load(book)
    seal = ring.keyed(plans.digest(frozen))  # Keyed, as addresses are in it.
    events: list[tuple[str, str, str, dict[str, str | int]]] = []
    for entry in frozen.entries.values():
        row = rows.get(entry.sid)
        known = row is not None and bool(row.cust)  # Not when the ledger was lost, and only the send is known of.
        if (plans.is_settled(row) and known) or plans.decided(row, entry):
            continue
        about: dict[str, str | int] = {"cust": entry.cust, "ch": frozen.channel, "rev": frozen.revision}
        if address := audience.same(entry.address, frozen.channel, book.context):
            about["to"] = ring.keyed(address)
        if frozen.channel == campaigns.EMAIL and "@" in entry.address:
            about["dom"] = entry.address.rpartition("@")[2].lower()
        if entry.code:
            about["why"] = entry.code
        else:
            about |= {"arm": entry.arm, "tpl": f"blob:{frozen.blobs[entry.arm]}"}
        events.append((plans.kind_of(entry), entry.sid, campaign.id, about))
    known_events = desk.events(campaign.id)
    free = holding.freed(known_events)
    for row in plans.dropped(rows.values(), frozen):
        if not holding.others(row, desk.host, free):
            # Whoever is held out stays so whatever is cancelled; that they are not looked at any more is to be said.
            ev = "skip" if row.state == "held_out" else "cancel"
            events.append((ev, row.sid, campaign.id, {"why": "left the plan", "rev": frozen.revision}))
    if frozen_as(known_events, desk.host) != (frozen.revision, seal) or not sharing.is_told(desk, campaign):
        events.append(sharing.noted(book, campaign, frozen))
    desk.ledger.append_many(events)


def tell_the_rest(book: Book, desk: Desk, campaign: Campaign, frozen: Frozen, rows: Mapping[str, Row]) -> None:
    """Have the ledger say what a crash has kept it from saying; what was decided since then stands.

    Raises:
        InvalidData: the plan is not the one that was frozen.
    """
    known = frozen_as(desk.events(campaign.id), desk.host)
    if known is None or frozen.revision > known[0] or not sharing.is_told(desk, campaign):
        tell(book, desk, campaign, frozen, rows)
    elif known[0] != frozen.revision or known[1] not in keys.load(book).hashes(plans.digest(frozen)):
        raise InvalidData(
            f"nothing is sent: the plan of {campaign.handle} is not the one that was frozen (revision {known[0]})",
            hint=f"crmctl campaign plan {campaign.handle} --refresh freezes it anew; what was tried stays as it was.",
        )


def frozen_as(events: Iterable[Event], host: str) -> tuple[int, str] | None:
    """The revision and the keyed digest of the plan that ``host`` froze last, by the ledger."""
    found = None
    for event in events:
        if event.ev == "note" and event.host == host and event.about.get("why") == sharing.FROZEN:
            found = int(event.about.get("rev", 0)), str(event.about.get("text", ""))
    return found


def _pin(book: Book, campaign: Campaign, host: str) -> None:
    fields = {"id": campaign.id, "sender": pinning.ANY if pinning.is_shared(campaign) else host}
    if campaign.status in ("draft", "finished"):
        fields["status"] = "planned"
    with book.write(f"campaign plan {campaign.handle}") as tx:
        put_fields(book, tx, campaign.handle, fields)
        tx.commit(f"campaign: plan {campaign.handle}")
    book.refresh()


def put_fields(book: Book, tx: Transaction, handle: str, fields: Mapping[str, str]) -> None:
    """Put fields of a campaign into a transaction; those that say the same already are left alone.

    A campaign that somebody has paused or cancelled meanwhile stays so.
    """
    kind = book.schema.require("campaign")
    path = records.path_of(book, kind, handle)
    before = records.load(tx, path)
    changed = {name: value for name, value in fields.items() if before.get(name) != value}
    if before.get("status") in ("paused", "cancelled"):
        changed.pop("status", None)
    if changed:
        records.save(book, tx, kind, path, {**before, **changed}, list(changed))
