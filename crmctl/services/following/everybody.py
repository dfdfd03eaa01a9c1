"""Decisions about everybody at one moment: who is in a sequence, and whom to stay in touch with."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.checking.files import templates
from crmctl.services.following import cadence
from crmctl.services.following import deciding
from crmctl.services.following import drafts
from crmctl.services.following import enrolments
from crmctl.services.following import pinning
from crmctl.services.following import renamed
from crmctl.services.following.deciding import Decider
from crmctl.services.following.deciding import Decision
from crmctl.services.following.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from datetime import datetime

    from crmctl.mail.ledger.states import Row
    from crmctl.services.book import Book
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.following.enrolments import Enrolment
    from crmctl.services.following.enrolments import Sequence

CADENCE = "cadence"
"""What stands in a decision for a sequence, where it is about staying in touch."""

STEPS = frozenset({deciding.SEND, deciding.TASK, deciding.PAPER, deciding.DRAFT})
"""Decisions that take a step to a person."""


class Case(NamedTuple):
    """A decision, and what it is about."""

    decision: Decision
    enrolment: Enrolment
    sequence: Sequence | None


def mails(book: Book, desk: Desk, *, tolerant: bool) -> dict[str, Row]:
    """The mails of all sequences, by their ids."""
    found: dict[str, Row] = {}
    for handle, identity in book.index.rows("SELECT handle, id FROM sequences"):
        found |= desk.rows(str(identity or handle), tolerant=tolerant)
    return found


def decided(
    book: Book, rows: Mapping[str, Row], *, catch_up: bool = False, stale: str = "", customer: str = ""
) -> list[Case]:
    """What is to be done about everybody who is in a sequence, or about one customer, those who are through included.

    At most one step for each person; who waits longest comes first. ``stale`` says why the inbox cannot be relied on.
    """
    every = enrolments.every(book)
    if customer:
        wanted = [one for one in every if one.customer == customer]
    else:
        wanted = [one for one in every if one.state == enrolments.ACTIVE]
    ids = {str(handle): str(identity or handle) for handle, identity in book.index.rows(_IDS)}
    those: dict[str, list[tuple[Enrolment, str]]] = {}
    for one in wanted:
        those.setdefault(one.sequence, []).append((one, ids.get(one.customer, one.customer)))
    sequences = {name: renamed.sequence_of(book, name, several) for name, several in those.items()}
    world = _world(book, rows, [found for found in sequences.values() if found is not None], _last(every))
    world = world._replace(stale_inbox=stale, catch_up=catch_up)
    cases, touched = [], set()
    for one in sorted(wanted, key=lambda one: (one.base, one.handle)):
        sequence = sequences[one.sequence]
        decision = Decider(world, sequence, one, ids.get(one.customer, one.customer)).decide()
        if decision.what in STEPS:
            if one.customer in touched:
                words = "another step is taken in this run"
                decision = decision._replace(what=deciding.WAIT, code="one-step", reason=words)
            touched.add(one.customer)
        cases.append(Case(decision, one, sequence))
    return cases


def _last(every: Iterable[Enrolment]) -> dict[str, datetime]:
    """By customer when they got a step of any sequence last."""
    last: dict[str, datetime] = {}
    for one in every:
        for did in one.log:
            if did.what != enrolments.SKIPPED:
                last[one.customer] = max(did.at, last.get(one.customer, did.at))
    return last


def _world(
    book: Book, rows: Mapping[str, Row], sequences: Iterable[Sequence], last: Mapping[str, datetime]
) -> deciding.World:
    """What the decisions rest on."""
    clone = pinning.here(book)
    mine = [found for found in sequences if found.text("sender") == clone]
    return deciding.World(
        book=book,
        facts=Facts(book, book.now()),
        clone=clone,
        rows=rows,
        not_pinned={found.handle: pinning.why_not(book, found, clone) for found in mine},
        drafts={(one.enrolment, one.step): one.released for one in drafts.every(book)},
        last=last,
        templates=frozenset(templates(book.files)),
    )


def broken(book: Book) -> list[Decision]:
    """Records that cannot be understood: nothing is done about them, and that is told."""
    found = []
    for handle, why in enrolments.broken(book):
        row = book.index.row("SELECT customer, sequence FROM enrolments WHERE handle = ?", (handle,))
        customer, sequence = (str(value or "") for value in row or ("", ""))
        found.append(Decision(handle, customer, sequence, 0, deciding.HOLD, "unreadable", why))
    return found


_IDS = "SELECT handle, id FROM customers"


def in_touch(book: Book) -> list[Decision]:
    """Whom to get in touch with, and which follow-ups of that kind are answered."""
    now = book.now()
    found = [
        Decision(handle, customer, CADENCE, 0, deciding.FINISH, "in-touch", f"in touch on {day}")
        for handle, customer, day in cadence.answered(book, now)
    ]
    for cold in cadence.due(book, now):
        words = f"last real contact on {cold.last}, wanted every {cold.days} days"
        found.append(Decision(cold.handle, cold.customer, CADENCE, 0, deciding.TASK, "cold", words))
    return found
