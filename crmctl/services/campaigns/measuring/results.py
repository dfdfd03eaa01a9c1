"""What came of a campaign: what each arm and the holdout did afterwards, and what may be concluded from it.

By intention to treat: everybody who was assigned counts, sent to or not, with what the book knows they did within so
many days. The days begin for everybody when the campaign began to go out (or when they came into it later), so that
those who were held out are looked at for the same time as the others.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.analytics import experiments
from crmctl.analytics.experiments import FEWEST_BUYERS
from crmctl.analytics.experiments import REVENUE
from crmctl.analytics.experiments import Group
from crmctl.errors import UsageProblem
from crmctl.mail.ledger.states import Row
from crmctl.mail.ledger.states import fold
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns.measuring import assigned as assignments
from crmctl.services.campaigns.measuring import outcomes as happened
from crmctl.services.campaigns.measuring.outcomes import OPTED_OUT
from crmctl.services.campaigns.measuring.outcomes import OUTCOMES
from crmctl.services.campaigns.measuring.outcomes import Done
from crmctl.services.campaigns.measuring.outcomes import Window
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.consenting import identity as identities

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence
    from datetime import datetime

    from crmctl.analytics.bootstrap import Estimate
    from crmctl.analytics.experiments import Analysis
    from crmctl.mail.ledger.lines import Event
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.measuring.assigned import Assigned

EVERYTHING = (*OUTCOMES, REVENUE)
WITHIN = 30
"""Days."""
LONGEST = 3660
HOLDOUT = "holdout"
WHOLE = "campaign"
"""What those who were to get it are called where there are no arms."""


class Asked(NamedTuple):
    """What is asked of a campaign: outcomes within so many days; ``stage`` makes only that stage count as a deal."""

    within: int = WITHIN
    outcomes: tuple[str, ...] = EVERYTHING
    stage: str = ""


class Delivery(NamedTuple):
    """What became of a group's messages, in people: facts may come on top of any state."""

    accepted: int
    rejected: int
    unknown: int
    waiting: int
    bounced: int
    complained: int
    opted_out: int


class Cost(NamedTuple):
    """What it cost, in minor units of a currency; ``is_budget``: what it was to cost, for want of anything better."""

    amount: int
    currency: str
    is_budget: bool


class Results(NamedTuple):
    """What came of a campaign. ``groups`` are its arms, and the holdout last; ``delivery`` and ``purchases`` go by
    them. ``until`` is when the last person's days are over; both moments are None when nothing has gone out."""

    handle: str
    name: str
    status: str
    currency: str
    asked: Asked
    began: datetime | None
    until: datetime | None
    is_over: bool
    groups: list[Group]
    delivery: list[Delivery]
    purchases: list[int]
    analysis: Analysis
    cost: Cost | None
    notes: list[str]

    @property
    def buyers(self) -> int:
        """How many people spent anything."""
        return sum(len(group.spent) for group in self.groups)

    @property
    def brought(self) -> Estimate | None:
        """What the campaign brought in over the holdout; None when nobody can tell: without one, or without buyers."""
        return self.analysis.brought if self.buyers else None

    @property
    def gain(self) -> Estimate | None:
        """What is left of that when the cost is taken off."""
        brought, cost = self.brought, self.cost
        if brought is None or cost is None or cost.currency != self.currency:
            return None
        low, high = brought.interval
        interval = brought.interval._replace(low=low - cost.amount, high=high - cost.amount)
        return brought._replace(value=brought.value - cost.amount, interval=interval)


def results(book: Book, handle: str, asked: Asked | None = None) -> Results:
    """What came of a campaign up to now, by the ledgers of all machines that are known here; nothing is written.

    Raises:
        NotFound, UsageProblem, InvalidData: there is no such campaign, it cannot be understood, or no such outcome.
    """
    asked = _checked(book, asked or Asked())
    campaign = campaigns.read(book, handle)
    desk = Desk(book)
    events = assignments.until(desk.events(campaign.id, tolerant=True), book.now())
    people, began = assignments.assigned(events)
    windows = _windows(book, people, asked.within)
    found = happened.found(book, dict(windows.values()), campaign.purpose.name, asked.stage)
    done = _with_answers(events, people, windows, found.done)
    groups, delivery, purchases = _tally(campaign, people, fold(events), done)
    analysis = experiments.analyse(groups, asked.outcomes, f"crmctl|{campaign.id}")
    last = max((person.since for person in people), default=None)
    until = last.astimezone(book.settings.zone) + timedelta(days=asked.within) if last else None
    notes = _notes(book, people, windows, groups, delivery, found.foreign)
    return Results(
        handle,
        campaign.text("name"),
        campaign.status,
        book.settings.currency,
        asked,
        began.astimezone(book.settings.zone) if began else None,
        until,
        until is not None and book.now() >= until,
        groups,
        delivery,
        purchases,
        analysis,
        _cost(book, handle),
        [*notes, *(f"The ledger: {problem}" for problem in desk.ledger.problems)],
    )


def _checked(book: Book, asked: Asked) -> Asked:
    if not 1 <= asked.within <= LONGEST:
        raise UsageProblem(f"outcomes are counted within 1 to {LONGEST} days, not {asked.within}", hint="--within 30d")
    unknown = [outcome for outcome in asked.outcomes if outcome not in EVERYTHING]
    if unknown or not asked.outcomes:
        hint = f"Outcomes are {', '.join(EVERYTHING)}."
        raise UsageProblem(f"there is no outcome {', '.join(map(repr, unknown)) or 'to look at'}", hint=hint)
    if asked.stage and book.settings.stage("", asked.stage) is None:
        stages = dict.fromkeys(stage.name for stages in book.settings.pipelines.values() for stage in stages)
        raise UsageProblem(f"no pipeline has a stage {asked.stage!r}", hint=f"Stages are {', '.join(stages)}.")
    return asked._replace(outcomes=tuple(outcome for outcome in EVERYTHING if outcome in asked.outcomes))


def _windows(book: Book, people: Sequence[Assigned], within: int) -> dict[str, tuple[str, Window]]:
    """By customer id, the handle ("" when the record is gone) and the time in which what they do counts."""
    now = book.now()
    handles = identities.every(book)
    found = {}
    for person in people:
        since = person.since.astimezone(book.settings.zone).replace(microsecond=0)
        until = min(since + timedelta(days=within), now + timedelta(seconds=1))
        found[person.customer] = handles.get(person.customer, ""), Window(since, max(since, until))
    return found


def _with_answers(
    events: Sequence[Event],
    people: Sequence[Assigned],
    windows: Mapping[str, tuple[str, Window]],
    found: Mapping[str, Done],
) -> dict[str, Done]:
    """By send, what its customer did by the book, and what came back for the message itself in time."""
    done = {person.sid: found.get(windows[person.customer][0], _NOTHING) for person in people}
    in_time = {person.sid: windows[person.customer][1] for person in people}
    for event in events:
        outcome = _ANSWERS.get(event.ev)
        if outcome and event.sid in done and in_time[event.sid].has_day(str(event.about.get("on") or event.t[:10])):
            one = done[event.sid]
            done[event.sid] = one._replace(outcomes=one.outcomes | {outcome})
    return done


_ANSWERS = {"reply": happened.REPLY, "unsub": OPTED_OUT}
_NOTHING = Done(frozenset())


def _tally(
    campaign: Campaign, people: Sequence[Assigned], rows: Mapping[str, Row], done: Mapping[str, Done]
) -> tuple[list[Group], list[Delivery], list[int]]:
    """The groups, what became of their messages, and how many purchases they made."""
    members: dict[tuple[bool, str], list[str]] = {}
    for person in people:
        key = person.is_held_out, "" if person.is_held_out else person.arm
        members.setdefault(key, []).append(person.sid)
    groups, delivery, purchases = [], [], []
    for (is_holdout, arm), share in _shares(campaign, members).items():
        inside = members.get((is_holdout, arm), [])
        did = [done[sid] for sid in inside]
        groups.append(_group(HOLDOUT if is_holdout else arm or WHOLE, did, share, is_holdout=is_holdout))
        delivery.append(_delivery([rows.get(sid, Row(sid)) for sid in inside], did))
        purchases.append(sum(one.purchases for one in did))
    return groups, delivery, purchases


def _shares(campaign: Campaign, by_group: Mapping[tuple[bool, str], object]) -> dict[tuple[bool, str], float | None]:
    """The groups with the part of all people that was to be in each, the holdout last.

    Nobody knows the shares when people are in an arm that the record does not name any more.
    """
    rest = (100 - campaign.holdout) / 100
    arms = {arm.name: arm.slots / 10_000 for arm in campaign.arms} or {"": 1.0}
    shares: dict[tuple[bool, str], float | None] = {(False, name): share * rest for name, share in arms.items()}
    others = [key for key in by_group if key not in shares and not key[0]]
    if campaign.holdout or (True, "") in by_group:
        shares[True, ""] = campaign.holdout / 100
    if others or ((True, "") in by_group and not campaign.holdout):
        held = {key: None for key in shares if key[0]}
        shares = {**dict.fromkeys(key for key in shares if not key[0]), **dict.fromkeys(others), **held}
    return {key: share for key, share in shares.items() if share != 0 or key in by_group}


def _group(name: str, done: Sequence[Done], share: float | None, *, is_holdout: bool) -> Group:
    counts = {outcome: sum(outcome in one.outcomes for one in done) for outcome in OUTCOMES}
    return Group(name, len(done), counts, [one.spent for one in done if one.spent], share, is_holdout)


def _delivery(rows: Sequence[Row], done: Sequence[Done]) -> Delivery:
    states = [row.state for row in rows]
    return Delivery(
        states.count("accepted"),
        states.count("rejected"),
        states.count("unknown"),
        sum(state in _WAITING for state in states),
        sum("bounced" in row.facts for row in rows),
        sum("complained" in row.facts for row in rows),
        sum(OPTED_OUT in one.outcomes for one in done),
    )


_WAITING = frozenset(("planned", "rendered", "claimed", "attempting", "deferred"))


def _cost(book: Book, handle: str) -> Cost | None:
    sql = "SELECT cost_minor, budget_minor, currency FROM campaigns WHERE handle = ?"
    row = book.index.row(sql, (handle,))
    cost, budget, currency = row if row is not None else (None, None, None)
    amount = budget if cost is None else cost
    return None if amount is None else Cost(amount, str(currency or book.settings.currency), cost is None)


def _notes(
    book: Book,
    people: Sequence[Assigned],
    windows: Mapping[str, tuple[str, Window]],
    groups: Sequence[Group],
    delivery: Sequence[Delivery],
    foreign: int,
) -> list[str]:
    """What a reader has to know beside the numbers."""
    notes = []
    gone = sum(not windows[person.customer][0] for person in people)
    if gone:
        notes.append(
            f"People who are not in the book any more: {gone} of {len(people)}; they count, with nothing done."
        )
    waiting = sum(one.waiting for one, group in zip(delivery, groups, strict=True) if not group.is_holdout)
    if waiting:
        notes.append(f"Messages that have not gone out yet: {waiting}; those people count all the same.")
    if foreign:
        currency = book.settings.currency
        notes.append(
            f"Purchases in other currencies than {currency}: {foreign}; they are counted, and their amounts are not."
        )
    few = [group.name for group in groups if 0 < len(group.spent) < FEWEST_BUYERS]
    if few:
        notes.append(
            f"Fewer than {FEWEST_BUYERS} bought anything in {', '.join(few)}: intervals of revenue are too narrow."
        )
    if any(group.share is None for group in groups):
        notes.append("The arms or the holdout of the record are not those that were planned: shares are not checked.")
    return notes
