"""What the events of the ledger amount to: the state of every send, and the balance that shows none is lost.

The fold is pure, and the same for any order in which the lines of several hosts come together: within a host the
numbers of its lines decide, between hosts a rule, and never a clock. Facts only add. Where hosts disagree, the answer
is the one after which nobody gets a mail twice.

One attempt is ``attempt``, ``dot``, and an outcome. Before the dot the server cannot have taken the message, so an
attempt that ends there was none. After it, without an outcome, nobody can know (RFC 1047): that is one *doubt*. A send
is unknown while it has more doubts than a ``resolve`` has settled, so that a new doubt needs a new answer. A
``resolve`` says ``result`` (one of ``sides.RESULTS``) and ``n``, the doubts that were there (``Row.doubts``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.ledger.sides import LIFE
from crmctl.mail.ledger.sides import Side

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from datetime import datetime

    from crmctl.mail.ledger.lines import Event

STATES = (
    "planned",
    "suppressed",
    "held_out",
    "skipped",
    "cancelled",
    "rendered",
    "claimed",
    "attempting",
    "accepted",
    "rejected",
    "deferred",
    "unknown",
    "expired",
    "abandoned",
)
PENDING = frozenset(("planned", "rendered", "claimed", "attempting", "deferred", "unknown"))

_FACTS = {
    "bounce": "bounced",
    "complain": "complained",
    "reply": "replied",
    "autoreply": "autoreplied",
    "unsub": "unsubscribed",
    "goal": "goal",
}
_PROOF = ("bounced", "soft_bounced", "complained", "replied", "autoreplied", "unsubscribed")
# Of several hosts with something to say, the one whose answer comes first here is heard.
_RANK = ("rejected", "expired", "suppressed", "held_out", "skipped", "cancelled", "attempting", "deferred", "claimed")


class Row(NamedTuple):
    """One send.

    ``state`` is one of STATES; ``attempting`` means that another host has begun and its end has not come here yet.
    ``next_at`` (RFC 3339) is set while it is deferred; ``at`` is when the state came about; ``code`` and ``text`` are
    the server's last words. ``facts``: bounced, soft_bounced, complained, replied, autoreplied, unsubscribed, goal.
    ``eml`` names the bytes that were sent, or will be. ``doubts`` is what a ``resolve`` has to say as ``n``.
    ``claimed_by`` are the hosts that have said it is theirs; ``host`` is the one that decided the state.
    """

    sid: str
    camp: str = ""
    cust: str = ""
    step: str = ""
    ch: str = ""
    dom: str = ""
    to: str = ""
    arm: str = ""
    state: str = "planned"
    attempts: int = 0
    next_at: str = ""
    code: int = 0
    text: str = ""
    at: str = ""
    why: str = ""
    facts: frozenset[str] = frozenset()
    eml: str = ""
    claimed_by: tuple[str, ...] = ()
    doubts: int = 0
    host: str = ""


class Balance(NamedTuple):
    """How many sends were planned, and where each of them is. ``unknown`` is a part of ``pending``."""

    planned: int
    accepted: int
    rejected: int
    expired: int
    abandoned: int
    suppressed: int
    held_out: int
    skipped: int
    cancelled: int
    pending: int
    unknown: int

    @property
    def holds(self) -> bool:
        """Whether every send that was planned is accounted for, once."""
        return self.planned == sum(self[1:-1]) and self.unknown <= self.pending

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.holds and not self.pending


def fold(events: Iterable[Event], host: str = "") -> dict[str, Row]:
    """The state of every send that the events tell of, by its id.

    ``host`` is the one that asks. Its own log is whole, so that its attempts without a dot are known to have ended
    there; those of other hosts may have gone on. Without a host, all logs are taken to be whole. Events may come in any
    order and more than once; kinds that are not known, and facts about sends that nobody planned, are passed over.
    """
    found: dict[str, list[Event]] = {}
    for event in events:
        if event.sid:
            known = found.get(event.sid)
            if known is None:
                found[event.sid] = [event]
            else:
                known.append(event)
    rows = {sid: _row(sid, _ordered(found[sid]), host) for sid in sorted(found)}
    return {sid: row for sid, row in rows.items() if row is not None}


def _ordered(events: list[Event]) -> list[Event]:
    """The events host by host and by number, each once."""
    before = events[0]
    for event in events[1:]:
        if event.host < before.host or (event.host == before.host and event.seq <= before.seq):
            break
        before = event
    else:
        return events
    kept: list[Event] = []
    for event in sorted(events, key=_place):
        if not kept or event != kept[-1]:
            kept.append(event)
    return kept


def _place(event: Event) -> tuple[object, ...]:
    """Where an event stands; what comes after host and number only matters when a host wrote one number twice."""
    return (event.host, *event[:7], sorted((name, str(value)) for name, value in event.about.items()))


def _row(sid: str, events: list[Event], host: str) -> Row | None:
    sides: list[Side] = []
    facts = set()
    for event in events:
        ev = event.ev
        fact = _FACTS.get(ev)
        if fact is not None:
            facts.add("soft_bounced" if ev == "bounce" and event.about.get("why") == "soft" else fact)
        elif ev in LIFE:
            if not sides or sides[-1].host != event.host:
                sides.append(Side(event.host))
            sides[-1].take(event)
    if not sides:
        return None
    doubts = sum(side.all_doubts for side in sides)
    side, state, why = _verdict(sides, facts, doubts, host)
    return _told(sid, sides, side, state)._replace(
        attempts=sum(each.attempts for each in sides),
        facts=frozenset(facts),
        claimed_by=tuple(each.host for each in sides if each.claim),
        doubts=doubts,
        why=why,
    )


def _verdict(sides: list[Side], facts: set[str], doubts: int, host: str) -> tuple[Side, str, str]:
    """The side that decides, the state, and why."""
    for side in sides:
        if side.taken is not None:
            return side, "accepted", str(side.taken.about.get("why", ""))
    tried = next((side for side in sides if side.attempts or side.all_doubts), None)
    standing = [(side.standing(not host or side.host == host), side) for side in sides]
    if tried is not None and not any(state in ("rejected", "expired") for state, _side in standing):
        proof = [fact for fact in _PROOF if fact in facts]
        if proof:
            return tried, "accepted", f"evidence:{proof[0]}"
    if doubts > max(0, *(side.settled for side in sides)):
        side = max(sides, key=lambda side: side.all_doubts)
        return side, "unknown", str(side.why)
    for side in sides:
        if side.result in ("abandoned", "rejected") and side.settled >= doubts:
            return side, side.result, str(side.about.get("why", ""))
    for rank in _RANK:
        for state, side in standing:
            if state == rank:
                return side, state, str(side.why)
    for state, side in standing:
        if state == "rendered":
            return side, state, str(side.why)
    return sides[0], "planned", str(sides[0].why)


def _told(sid: str, sides: list[Side], side: Side, state: str) -> Row:
    """What is known of a send besides its state: its bytes by the host that tried, the rest by the one that decides."""
    about: dict[str, str | int] = {}
    for each in (*(each for each in sides if each is not side), side):
        about.update(each.about)
    tried = next((each.eml for each in (side, *sides) if each.eml), "")
    taken = side.taken if state == "accepted" else None
    reply = side.about if taken is None else taken.about
    code = reply.get("code", 0)
    return Row(
        sid,
        camp=next((each.camp for each in (side, *sides) if each.camp), ""),
        cust=str(about.get("cust", "")),
        step=str(about.get("step", "")),
        ch=str(about.get("ch", "")),
        dom=str(about.get("dom", "")),
        to=str(about.get("to", "")),
        arm=str(about.get("arm", "")),
        state=state,
        next_at=str(side.about.get("next", "")) if state == "deferred" else "",
        code=code if isinstance(code, int) else 0,
        text=str(reply.get("text", "")),
        at=side.at if taken is None else taken.t,
        eml=str(tried or about.get("eml", "")),
        host=side.host,
    )


def sendable(row: Row, host: str) -> bool:
    """Whether ``host`` may try this send now or, when it is deferred, later: never one that a server may have taken."""
    return row.state in ("rendered", "claimed", "deferred") and set(row.claimed_by) <= {host}


def due_at(row: Row, now: datetime) -> datetime:
    """When a deferred send may be tried again.

    A stamp in the future, from a clock that was wrong, counts as now: the wait starts over, and is never a year.
    Whoever finds one writes the ``defer`` again, so that the next run counts from there.
    """
    if not row.next_at:
        return now
    then, stamped = type(now).fromisoformat(row.next_at), type(now).fromisoformat(row.at)
    if stamped <= now:
        return then
    return now if then <= stamped else now + (then - stamped)


def balance(rows: Iterable[Row] | Mapping[str, Row], planned: int | None = None) -> Balance:
    """How many sends are in which state. ``planned`` is how many the frozen plan has; without it, all rows count."""
    states: dict[str, int] = dict.fromkeys(STATES, 0)
    for row in rows.values() if hasattr(rows, "values") else rows:
        states[row.state] += 1
    return Balance(
        planned=sum(states.values()) if planned is None else planned,
        accepted=states["accepted"],
        rejected=states["rejected"],
        expired=states["expired"],
        abandoned=states["abandoned"],
        suppressed=states["suppressed"],
        held_out=states["held_out"],
        skipped=states["skipped"],
        cancelled=states["cancelled"],
        pending=sum(count for state, count in states.items() if state in PENDING),
        unknown=states["unknown"],
    )
