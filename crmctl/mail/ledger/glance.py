"""A glance at the ledger for whoever only wants to know what waits for a person: messages whose fate is unknown, and
why campaigns stopped. Most lines are passed over unread, and no chain is checked; nothing is sent by what is seen here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.ledger.durable import read
from crmctl.mail.ledger.lines import checked
from crmctl.mail.ledger.lines import event_of
from crmctl.mail.ledger.lines import event_perhaps
from crmctl.mail.ledger.states import fold

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from pathlib import Path

    from crmctl.mail.ledger.lines import Event
    from crmctl.mail.ledger.states import Row

_TOLD = re.compile(rb'"ev":"(attempt|dot|unknown|accept|reject|defer|note)","sid":"([^"\\]*)"')
_SID = re.compile(rb'"sid":"([^"\\]*)"')


class Glance(NamedTuple):
    """The sends that are unknown, and the notes about campaigns, host after host in the order of their lines."""

    unknown: list[Row]
    notes: list[Event]


def glance(places: Iterable[Path]) -> Glance:
    """What the files in some folders say, logs and tracked copies of them alike.

    Raises:
        StorageFailed: one cannot be read.
    """
    lines: dict[bytes, None] = {}
    doubtful: set[bytes] = set()
    accepted: set[bytes] = set()
    notes: list[bytes] = []
    for file in (file for place in places for file in sorted(place.rglob("*.jsonl"))):
        fresh = [line for raw in read(file).split(b"\n") if (line := raw.rstrip(b"\r")) not in lines]
        lines.update(dict.fromkeys(fresh))
        told = [(line, found[1], found[2]) for line in fresh if (found := _TOLD.search(line))]
        notes += [line for line, ev, _ in told if ev == b"note"]
        accepted.update(sid for _, ev, sid in told if ev == b"accept")
        doubtful |= _doubtful((ev, sid) for _, ev, sid in told)
    doubtful -= accepted
    about = (line for line in lines if (named := _SID.search(line)) and named[1] in doubtful)
    rows = fold(_events(about)) if doubtful else {}
    unknown = [row for row in rows.values() if row.state == "unknown"]
    return Glance(unknown, sorted(_events(notes), key=lambda event: (event.host, event.seq)))


def _doubtful(told: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    """The sends that may be unknown by the lines of one file; each line is told by its event and its send."""
    found: set[bytes] = set()
    dotted: set[bytes] = set()
    for ev, sid in told:
        if ev == b"unknown" or (ev in (b"attempt", b"dot") and sid in dotted):
            found.add(sid)
        if ev == b"dot":
            dotted.add(sid)
        else:
            dotted.discard(sid)
    return found | dotted


def _events(lines: Iterable[bytes]) -> Iterator[Event]:
    for line in lines:
        event = event_perhaps(line) if isinstance(checked(line), str) else event_of(line)
        if event is not None:
            yield event
