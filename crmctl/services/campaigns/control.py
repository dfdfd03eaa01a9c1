"""How a campaign stands, and the words that hold it up, let it go on or end it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.mail.ledger.states import STATES
from crmctl.mail.ledger.states import Balance
from crmctl.mail.ledger.states import balance
from crmctl.services import records
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.machines import pinning
from crmctl.services.campaigns.running import handing_over
from crmctl.services.campaigns.running import mirror
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.campaigns.running.triage import traces
from crmctl.services.mailing import clones
from crmctl.services.mailing.host import mail_state
from crmctl.services.records import Assignment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmctl.mail.ledger.states import Row
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.records import Written

WAIT = 15.0
"""Seconds that cancelling waits for a run to notice and to end."""

_WITHDRAWN = ("planned", "rendered", "claimed", "deferred")


class Count(NamedTuple):
    """How many sends are in a state, for one reason ("" where there is none to tell)."""

    state: str
    reason: str
    number: int


class Status(NamedTuple):
    """How a campaign stands: its status, why it paused, the balance, the counts behind it, the machine that sends it,
    the revision of the plan that is here (0: none), and what is wrong with the ledger."""

    status: str
    paused: str
    balance: Balance
    counts: list[Count]
    sender: str
    revision: int
    problems: list[str]


class Due(NamedTuple):
    """The handles of campaigns to be sent from here, and of those that name no sender in a book that is shared: two
    machines would both send those, so a person has to plan them on one."""

    ours: list[str]
    unpinned: list[str]


def due(book: Book) -> Due:
    """The campaigns that this machine and this clone have begun to send, or have planned; and those that any machine
    may send."""
    state, host = mail_state(book), clones.name_perhaps(book)
    found = Due([], [])
    for row in book.index.rows("SELECT handle FROM campaigns WHERE status IN ('planned', 'running') ORDER BY handle"):
        try:
            campaign = campaigns.read(book, str(row[0]))
        except CrmError:
            found.ours.append(str(row[0]))  # What is wrong with it is told when it is sent.
            continue
        if not handing_over.goes_alone(campaign):
            continue
        planned = plans.path_of(state, campaign.id).exists() or pinning.is_ours(campaign, state)
        sender = campaign.text("sender")
        if not sender and not planned and _may_be_shared(book):
            found.unpinned.append(campaign.handle)
        elif not sender or pinning.is_shared(campaign) or (sender == host and planned):
            found.ours.append(campaign.handle)
    return found


def _may_be_shared(book: Book) -> bool:
    try:
        return pinning.has_others(book)
    except CrmError:
        return True  # There are several repositories, and nobody can tell which one the others have.


def status(book: Book, handle: str) -> Status:
    """How a campaign stands, by the ledgers of all machines that are known here; nothing is written."""
    campaign = campaigns.read(book, handle)
    desk = Desk(book)
    frozen = plans.load(desk.state, campaign.id)
    rows = desk.rows(campaign.id, tolerant=True)
    counts = Counter((row.state, reason) for row, reason in _with_reasons(rows.values()))
    ordered = sorted(counts.items(), key=lambda pair: (STATES.index(pair[0][0]), pair[0][1]))
    return Status(
        campaign.status,
        traces(desk.events(campaign.id, tolerant=True)).paused if campaign.status == "paused" else "",
        balance(rows),
        [Count(state, reason, count) for (state, reason), count in ordered],
        campaign.text("sender"),
        frozen.revision if frozen is not None else 0,
        [str(problem) for problem in desk.ledger.problems],
    )


def _with_reasons(rows: Iterable[Row]) -> list[tuple[Row, str]]:
    """Each with why it is in its state; where a server told several so by one number, in its shortest words."""
    said: dict[tuple[str, str], str] = {}
    answered = [row for row in rows if row.state in ("rejected", "deferred")]
    for row in sorted(answered, key=lambda row: (len(row.text), row.text)):
        said.setdefault((row.state, str(row.code or row.text)), _words(row))
    return [(row, said.get((row.state, str(row.code or row.text)), row.why)) for row in rows]


def _words(row: Row) -> str:
    """What the server said, as far as a line of a table goes."""
    words = f"{row.code or ''} {row.text}".strip() or row.why
    return words if len(words) <= _LONG else f"{words[: _LONG - 4].rsplit(' ', 1)[0]} ..."


_LONG = 72


def proof(found: Balance) -> str:
    """The balance as a sum that can be checked by hand; what nobody is in is left out."""
    shown = [name for name in found._fields[1:-1] if getattr(found, name) or name in ("accepted", "pending")]
    parts = [f"{getattr(found, name)} {name.replace('_', ' ')}" for name in shown]
    total = sum(found[1:-1])
    sign = "=" if found.holds else "is not"
    unknown = f" (of these {found.unknown} unknown)" if found.unknown else ""
    return f"{found.planned} planned {sign} {' + '.join(parts)}{unknown}" + ("" if found.holds else f" = {total}")


def pause(book: Book, handle: str) -> Written:
    """Hold a campaign up. A run that is under way notices before its next message."""
    found = campaigns.read(book, handle)
    if found.status in ("cancelled", "finished"):
        raise Conflict(f"campaign {handle} is {found.status}", hint=f"crmctl campaign status {handle}")
    return _set(book, handle, "paused")


def resume(book: Book, handle: str) -> Written:
    """Let a campaign go on that was paused; sending it is another command. One without a plan is a draft again."""
    campaign = campaigns.read(book, handle)
    if campaign.status != "paused":
        hint = "Only a campaign that is paused can be resumed."
        raise Conflict(f"campaign {handle} is {campaign.status}", hint=hint)
    with at_work(book, f"campaign resume {handle}", wait=WAIT) as desk:
        pinning.require_sender(campaign, desk.host)
        written = _set(book, handle, _goes_on_as(desk, campaign))
        desk.ledger.append("note", "", campaign.id, why="resumed")
    return written


def _goes_on_as(desk: Desk, campaign: Campaign) -> str:
    """The status of a campaign that is paused no more."""
    rows = desk.rows(campaign.id)
    if any(row.attempts for row in rows.values()):
        return "running"
    # A draft would otherwise be for cron to send, and nobody has seen who gets it.
    return "planned" if rows or plans.load(desk.state, campaign.id) is not None else "draft"


class Cancelled(NamedTuple):
    """The commit, how many messages will not go out, and the machine that sends the campaign when it is another one."""

    written: Written
    withdrawn: int
    elsewhere: str = ""


def cancel(book: Book, handle: str) -> Cancelled:
    """End a campaign: what has not gone out will not; what is unknown stays so.

    Where another machine sends it, that one has to hear of it and to say what of it waits.

    Raises:
        SendingElsewhere: a run is under way and has not ended in time; it has been told to.
    """
    campaign = campaigns.read(book, handle)
    written = _set(book, handle, "cancelled")  # First, so that a run that is under way ends.
    with at_work(book, f"campaign cancel {handle}", wait=WAIT) as desk:
        if pinning.is_elsewhere(campaign, desk.host):
            return Cancelled(written, 0, campaign.text("sender"))
        rows = desk.rows(campaign.id)
        waiting = [row for row in rows.values() if row.state in _WITHDRAWN]
        desk.ledger.append_many([("cancel", row.sid, campaign.id, {"why": "cancelled"}) for row in waiting])
        if rows:
            mirror.write(book, desk, campaign, {}, lambda _sid: "")
    return Cancelled(written, len(waiting))


def tell_others(book: Book, handle: str) -> str:
    """Have other machines that may send a campaign know how it stands now; why they do not, "" when they do."""
    campaign = campaigns.read(book, handle)
    if not pinning.is_shared(campaign):
        return ""
    from crmctl.services.campaigns.machines.claiming import Claims

    try:
        with at_work(book, f"campaign {handle}", wait=WAIT) as desk:
            return Claims(book, desk, campaign).publish()
    except CrmError as error:
        return f"The others do not know of this yet ({error.message}): crmctl sync tells them."


def _set(book: Book, handle: str, status: str) -> Written:
    written = records.change(book, book.schema.require("campaign"), handle, [Assignment("status", status)])
    book.refresh()
    return written
