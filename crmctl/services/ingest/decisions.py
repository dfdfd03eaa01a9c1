"""What may become of a message, as plain values; ``deciding`` makes them, ``filing`` writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from crmctl.services.ingest.entries import Entry
    from crmctl.services.ingest.entries import Task
    from crmctl.services.ingest.sends import Fact

FILED, KNOWN, NOBODY, FOREIGN, UNCLEAR, OWN, NOTED = "filed", "known", "nobody", "foreign", "unclear", "own", "noted"
"""What became of a message: filed; filed before; of no customer; a report about nothing of ours; needs a person; a copy
of what we sent; noted in no history because it says nothing (a delay, a receipt)."""

SOFT_MOST, SOFT_DAYS = 3, 14
"""So many soft bounces within so many days, and the address is left alone."""


class Bad(NamedTuple):
    """An address not to write to any more: the customer whose it is, or the hash it has in the ledger; and why."""

    customer: str
    addresses: tuple[str, ...]
    why: str
    source: str


class OptOut(NamedTuple):
    """Somebody wants no more mail: who ("" when no record is left), from which address, of what, and when.

    ``dated`` says whether the message told when; otherwise it is when it was read, which no record should say: another
    clone reads it at another time.
    """

    customer: str
    address: str
    scope: str
    at: datetime
    dated: bool = True


class Confirmed(NamedTuple):
    """Somebody answered the question whether they really agreed: the token that our mail to them held, and when."""

    token: str
    at: datetime


class Decision(NamedTuple):
    """What is to be done about one message. ``at`` is when it was written, ``subject`` what it says it is about."""

    kind: str
    verdict: str
    at: datetime
    subject: str = ""
    how: str = ""
    entries: tuple[Entry, ...] = ()
    tasks: tuple[Task, ...] = ()
    facts: tuple[Fact, ...] = ()
    bad: tuple[Bad, ...] = ()
    opt_outs: tuple[OptOut, ...] = ()
    confirmed: tuple[Confirmed, ...] = ()

    @property
    def has_effect(self) -> bool:
        """Whether anything has to be written."""
        return any((self.entries, self.tasks, self.facts, self.bad, self.opt_outs, self.confirmed))
