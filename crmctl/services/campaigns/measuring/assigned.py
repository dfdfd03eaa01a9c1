"""Who was assigned to what in a campaign, by the ledger: the people whom its results are about, sent to or not."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

    from crmctl.mail.ledger.lines import Event

_DECIDES = frozenset({"plan", "holdout", "suppress", "skip", "cancel"})
_ASSIGNS = frozenset({"plan", "holdout"})


class Assigned(NamedTuple):
    """One person of a campaign: their send, the customer's id, the arm, whether they were held out, and the moment from
    which on what they do counts."""

    sid: str
    customer: str
    arm: str
    is_held_out: bool
    since: datetime


class Assignment(NamedTuple):
    """Everybody who was assigned, and when the campaign began to go out (None: it has not, and nobody is)."""

    people: list[Assigned]
    began: datetime | None


def until(events: Iterable[Event], now: datetime) -> list[Event]:
    """The events up to ``now``, each log in its order.

    A stamp later than one further on in the same log is from a clock that was wrong, and counts as that one.
    """
    kept, earliest, host = [], "", ""
    limit = _stamp(now)
    for event in sorted(events, key=lambda event: (event.host, -event.seq)):
        if event.host != host:
            host, earliest = event.host, "9"
        earliest = min(earliest, event.t)
        if earliest <= limit:
            kept.append(event._replace(t=earliest))
    return kept[::-1]


def assigned(events: Sequence[Event]) -> Assignment:
    """Who was assigned to what, from the events of one campaign as ``until`` gives them.

    What counts is the plan as it was when the first message was tried; who comes in later belongs to it from then on.
    Nobody leaves it any more, whatever becomes of them: what became of them may have to do with the campaign. What they
    do counts for everybody from the same moment, those who were held out and those who never got it among them.
    """
    attempts = [event for event in events if event.ev == "attempt"]
    if not attempts:
        return Assignment([], None)
    began = min(event.t for event in attempts)
    first: dict[str, int] = {}
    for event in attempts:
        first[event.host] = min(first.get(event.host, event.seq), event.seq)
    counts: dict[str, Event] = {}
    open_: dict[str, Event] = {}
    for event in sorted((event for event in events if event.ev in _DECIDES), key=lambda event: (event.t, event.seq)):
        early = event.seq < first[event.host] if event.host in first else event.t < began
        if early:
            # What a plan decides names its revision. Who is left out right before a message goes out stays what they
            # were: nobody looks at those who are held out in that moment.
            if event.ev in _ASSIGNS or "rev" in event.about:
                open_[event.sid] = event
        elif event.ev in _ASSIGNS and event.sid not in counts:
            counts[event.sid] = event
    counts.update({sid: event for sid, event in open_.items() if event.ev in _ASSIGNS})
    people: dict[str, Assigned] = {}
    for sid in sorted(counts):
        event = counts[sid]
        customer = str(event.about.get("cust", "")) or sid
        since = datetime.fromisoformat(max(event.t, began))
        person = Assigned(sid, customer, str(event.about.get("arm", "")), event.ev == "holdout", since)
        known = people.get(customer)
        if known is None or person.since < known.since:
            people[customer] = person
    return Assignment(list(people.values()), datetime.fromisoformat(began))


def _stamp(now: datetime) -> str:
    from datetime import UTC

    return f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.999Z"
