"""Every send of this book, one by one: what waits, what happened to one, and what a person found out about it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Ambiguous
from crmctl.errors import Conflict
from crmctl.errors import NotFound
from crmctl.mail.ledger.states import PENDING
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.machines import pinning
from crmctl.services.campaigns.running import mirror
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.campaigns.running.desk import sending_lock
from crmctl.services.campaigns.running.witness import Witness
from crmctl.services.consenting import identity as identities
from crmctl.services.consenting.sends import MIRRORS
from crmctl.services.following import enrolled
from crmctl.services.following.enrolled import Place
from crmctl.services.mailing import clones
from crmctl.services.mailing.host import mail_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.mail.ledger.adopt import Adopted
    from crmctl.mail.ledger.log import Event
    from crmctl.mail.ledger.states import Row
    from crmctl.services.book import Book
    from crmctl.services.campaigns.plan import Entry
    from crmctl.services.campaigns.plan import Frozen

_UNTOLD = {
    "unknown": "the run ended before the server answered",
    "attempting": "a run has begun with it, and not said yet what came of it",
}
ANSWERS = ("accepted", "resend", "abandoned")
_ABANDONED_FROM = ("unknown", "deferred", "rendered", "planned", "claimed")


class Send(NamedTuple):
    """One send: its row, the handles of its campaign, or of its sequence, and of its customer ("" when they are not in
    the book any more), and the number of the step ("" for a campaign)."""

    row: Row
    campaign: str
    customer: str
    sequence: str = ""
    step: str = ""

    @property
    def words(self) -> str:
        """What the server said last, or why it is in its state."""
        return self.row.text or self.row.why or _UNTOLD.get(self.row.state, "")

    @property
    def source(self) -> str:
        """What it belongs to, in words; "" when that is not in the book any more."""
        return f"{self.sequence} step {self.step or '?'}" if self.sequence else self.campaign


def sends(
    book: Book, *, campaign: str = "", sequence: str = "", states: Sequence[str] = (), everything: bool = False
) -> list[Send]:
    """The sends that are not done, or those in ``states``, or all of them; of one campaign, of one sequence, or of
    all."""
    desk = Desk(book)
    campaign_names, sequence_names = _names(book, "campaign"), _names(book, "sequence")
    people = _names(book, "customer")
    wanted = campaigns.read(book, campaign).id if campaign else ""
    if sequence:
        wanted = next(identity for identity, handle in sequence_names.items() if handle == sequence)
    places: dict[str, Place] | None = None
    found = []
    for row in desk.ledger.rows(wanted, tolerant=True).values():
        if not (row.state in states or (not states and (everything or row.state in PENDING))):
            continue
        send = Send(row, campaign_names.get(row.camp, ""), people.get(row.cust, ""))
        if row.camp in sequence_names:
            send = send._replace(sequence=sequence_names[row.camp], step=row.step)
            if not (row.cust and row.step):  # A ledger that was adopted knows no more than that it was tried.
                places = enrolled.places(book) if places is None else places
                place = places.get(row.sid, Place())
                send = send._replace(customer=send.customer or place.customer, step=row.step or place.step)
        found.append(send)
    return sorted(found, key=lambda send: (send.source, send.customer, send.row.sid))


def _names(book: Book, kind: str) -> dict[str, str]:
    return identities.every(book, kind)


def one(book: Book, text: str) -> tuple[Send, list[Event]]:
    """The send whose id begins with ``text``, and all that happened to it.

    Raises:
        NotFound, Ambiguous: there is none, or there are several.
    """
    start = text.strip().upper()
    found = [send for send in sends(book, everything=True) if start and send.row.sid.startswith(start)]
    if len(found) > 1:
        names = [(send.row.sid, f"{send.source} {send.customer}".strip()) for send in found[:20]]
        raise Ambiguous(f"{text!r} can be {len(found)} sends", names, hint="Say more of the id.")
    if not found:
        raise NotFound(f"there is no send {text!r}", hint="crmctl outbox list --all")
    events = [event for event in Desk(book).ledger.events(tolerant=True) if event.sid == found[0].row.sid]
    return found[0], events


def resolve(book: Book, text: str, answer: str, evidence: str) -> Send:
    """Write down what somebody found out about a send whose answer was lost, and what is to become of it.

    ``resend`` has the same bytes sent again by the next run, and is refused where they are not. ``abandoned`` also ends
    what only waits.

    Raises:
        NotFound, Ambiguous: as ``one``.
        Conflict: there is nothing to find out about it, or another machine or clone sends it.
    """
    send, _ = one(book, text)
    with at_work(book, f"outbox resolve {send.row.sid}", wait=10) as desk:
        row = desk.ledger.rows(send.row.camp).get(send.row.sid, send.row)
        allowed = _ABANDONED_FROM if answer == "abandoned" else ("unknown",)
        if row.state not in allowed:
            hint = f"crmctl outbox show {row.sid} tells what happened."
            raise Conflict(f"{row.sid} is {row.state.replace('_', ' ')}, and not unknown", hint=hint)
        campaign = campaigns.read(book, send.campaign) if send.campaign else None
        if campaign is not None:
            pinning.require_sender(campaign, desk.host)
        if send.sequence:
            enrolled.require_here(book, send.sequence)
        if answer == "resend" and not _can_be_sent_again(desk, send._replace(row=row)):
            raise Conflict(
                f"{row.sid} cannot be sent again as it was: its plan or its bytes are not in this clone",
                hint="--as accepted, or --as abandoned, and another campaign for whoever got nothing.",
            )
        about: dict[str, str | int] = {"result": answer, "n": row.doubts, "text": evidence[:300], "by": "user"}
        desk.ledger.append("resolve", row.sid, row.camp, **about)
        if campaign is not None:
            mirror.write(book, desk, campaign, {}, lambda _sid: "")
        elif send.sequence:
            enrolled.tell(book, desk, send.sequence)
        after = desk.ledger.rows(row.camp)[row.sid]
    return send._replace(row=after)


def unknown(book: Book, campaign: str) -> list[str]:
    """The ids of the sends of a campaign that are to be settled.

    Raises:
        NotFound: there are none, or there is no such campaign.
    """
    found = [send.row.sid for send in sends(book, campaign=campaign, states=("unknown",))]
    if not found:
        raise NotFound(f"nothing of campaign {campaign} is unknown", hint=f"crmctl outbox list {campaign}")
    return found


def _can_be_sent_again(desk: Desk, send: Send) -> bool:
    """Whether this clone has the bytes of a mail, and of a campaign the plan too.

    Of a ledger that was adopted nobody knows the bytes: what was made anew would be another message.
    """
    return desk.keeps(send.row) and (bool(send.sequence) or plans.load(desk.state, send.row.camp) is not None)


def adopt(book: Book, *, hold: bool) -> Adopted:
    """Have this machine go on after its ledger was lost, cut or put back from an older copy.

    Whoever may have been written to in what is missing becomes unknown; with ``hold`` false nobody does: for those who
    know that nothing was sent.

    Raises:
        Conflict: the ledger is whole.
        SendingElsewhere: a run is under way.
        LedgerDamaged, StorageFailed: as ``mail.ledger_adopt.adopt_mirror``.
    """
    from crmctl.mail.ledger.adopt import adopt_mirror

    state = mail_state(book)
    with sending_lock(book, "outbox adopt"):
        planned = [(entry.sid, frozen.campaign) for frozen in plans.every(state) for entry in _to_send(frozen)]
        witnesses = {camp: Witness(camp) for camp in _senders(book)}
        tried = [(sid, camp) for camp, witness in witnesses.items() for sid in witness.tried()]
        noted = {camp for camp, witness in witnesses.items() if witness.tried()}
        host, mirrors = clones.name_of(book), [book.root / MIRRORS]
        done = adopt_mirror(state, host, mirrors=mirrors, planned=planned, tried=tried, noted=noted, hold=hold)
        if not hold:
            rows = Desk(book).ledger.rows()
            for witness in witnesses.values():
                witness.forget([sid for sid in witness.tried() if not plans.is_settled(rows.get(sid))])
    return done


def _senders(book: Book) -> list[str]:
    """The ids of all that sends: campaigns and sequences."""
    return [*_names(book, "campaign"), *_names(book, "sequence")]


def _to_send(frozen: Frozen) -> list[Entry]:
    return [entry for entry in frozen.entries.values() if not entry.code]
