"""Which machines hold a message back from all others: those that have claimed it, until they or a person let it go.

No claim runs out by itself. A person who knows that a machine is gone takes its messages over (``claiming.take_over``):
a note says so, by machine and by the last line of it that was seen. What that machine claims after that counts again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container
    from collections.abc import Iterable
    from collections.abc import Mapping

    from crmctl.mail.ledger.log import Event
    from crmctl.mail.ledger.states import Row

TAKEN_OVER = "taken-over"
"""What a note says (``why``) about a message whose claim by the machine ``of`` counts no more, up to line ``upto``."""

UNTRIED = frozenset({"planned", "rendered", "claimed"})
"""States of a message that nobody has begun with."""


def freed(events: Iterable[Event]) -> dict[str, frozenset[str]]:
    """By message the machines whose claims were taken over, and that have not claimed it anew since."""
    claims: dict[tuple[str, str], int] = {}
    taken: dict[tuple[str, str], int] = {}
    for event in events:
        if event.ev == "claim":
            key = event.sid, event.host
            claims[key] = max(claims.get(key, 0), event.seq)
        elif event.ev == "note" and event.about.get("why") == TAKEN_OVER:
            key = event.sid, str(event.about.get("of", ""))
            taken[key] = max(taken.get(key, 0), int(event.about.get("upto", 0)))
    found: dict[str, frozenset[str]] = {}
    for (sid, host), upto in taken.items():
        if claims.get((sid, host), 0) <= upto:
            found[sid] = found.get(sid, frozenset()) | {host}
    return found


def holders(row: Row, free: Mapping[str, Container[str]]) -> list[str]:
    """The machines that hold a message, by its row and by what ``freed`` gave."""
    let_go = free.get(row.sid, ())
    found = [host for host in row.claimed_by if host not in let_go]
    if row.state == "attempting" and row.host not in found and row.host not in let_go:
        found.append(row.host)
    return found


def others(row: Row, host: str, free: Mapping[str, Container[str]]) -> list[str]:
    """The machines that keep ``host`` from sending a message."""
    return [other for other in holders(row, free) if other != host]
