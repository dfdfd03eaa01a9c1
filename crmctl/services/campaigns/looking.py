"""A campaign looked at before it goes out: what would be sent now, what waits and why, and what cannot be made."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.mail.ledger.states import balance
from crmctl.mail.transport.sms import plain
from crmctl.mail.transport.sms import segments
from crmctl.render.rendering import ahead
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.campaign import EMAIL
from crmctl.services.campaigns.machines import pinning
from crmctl.services.campaigns.machines.plausible import Doubt
from crmctl.services.campaigns.messages.judging import OWED
from crmctl.services.campaigns.messages.judging import lacks_benefit
from crmctl.services.campaigns.messages.judging import lacks_hours
from crmctl.services.campaigns.messages.prepared import Prepared
from crmctl.services.campaigns.messages.readying import entry_of
from crmctl.services.campaigns.messages.rendering import Renderer
from crmctl.services.campaigns.messages.rendering import wording
from crmctl.services.campaigns.running.asking import Sent
from crmctl.services.campaigns.running.asking import most_of
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.gatekeeping import GO
from crmctl.services.campaigns.running.gatekeeping import Gatekeeper
from crmctl.services.campaigns.running.gatekeeping import begins
from crmctl.services.campaigns.running.triage import Line
from crmctl.services.campaigns.running.triage import Sorter
from crmctl.services.campaigns.running.triage import traces
from crmctl.services.campaigns.running.triage import untold
from crmctl.services.campaigns.waiting import paced_lines
from crmctl.services.consenting import rules

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.plan import Frozen
    from crmctl.services.campaigns.running.asking import Asked
    from crmctl.services.mailing.config import MailServer


def look(book: Book, handle: str, asked: Asked, mail: MailServer | None) -> Sent:
    """What would go out now, what waits and why; nothing is written, and nobody is connected to."""
    campaign = campaigns.read(book, handle)
    desk = Desk(book)
    doubt = Doubt(book, desk)
    frozen = plans.load(desk.state, campaign.id)
    notes = [f"--send refuses as long as this is not corrected: {problem}" for problem in rules.unclear(book)]
    if frozen is None:
        frozen = plans.drafted(book, campaign, doubt=doubt)
        notes.append("The plan is not frozen yet; --send freezes it as it is now.")
    else:
        notes += [f"Not wise: {words}." for words in _reworded(book, campaign, frozen)]
    if pinning.is_shared(campaign):
        notes.append("Any machine may send it: --send first asks what the others have claimed.")
    frozen = plans.as_named(frozen, book)
    rows = desk.rows(campaign.id, tolerant=True)
    told = traces(desk.events(campaign.id, tolerant=True))
    rows = {**{sid: untold(entry) for sid, entry in frozen.entries.items()}, **rows}
    now = book.now()
    gate = begins(campaign, now, begun=bool(told.first), catch_up=asked.catch_up)
    sorter = Sorter(campaign, Gatekeeper(book, campaign, doubt), told, now, desk.host, desk.keeps, doubt=doubt)
    sorted_ = sorter.sort(frozen, rows)
    lines, due = list(sorted_.lines), sorted_.due
    if gate.what != GO:
        lines += [Line(item.entry, "wait", gate.code, gate.reason, gate.until) for item in due]
        due = []
    renderer = Renderer(book, campaign, frozen.words, now, mail.sender if mail else None, mail)
    prepared = Prepared(renderer, due, desk.spool, told.dotted)
    bad = {
        made.person.handle: Line(entry_of(frozen, made.person.handle), "bad", made.code, made.reason)
        for made in prepared.bad
    }
    good = [item for item in due if item.entry.handle not in bad]
    lines += paced_lines(desk, campaign, good, mail, now, most_of(campaign, asked, told, rows)[0])
    lines += bad.values()
    lines.sort(key=lambda line: (_ORDER.get(line.state, 9), line.entry.handle))
    return Sent(lines, {}, told.paused if campaign.status == "paused" else "", balance(rows), notes, complete=not bad)


_ORDER = {"send": 0, "wait": 1, "hold": 2, "bad": 3, "out": 4}


class Checked(NamedTuple):
    """How many messages were made and are good; those that must not go out; and what is not wise, each once.

    ``lacking`` is what the campaign itself lacks; ``channel`` how it goes out; ``parts`` how many its text messages are
    sent in.
    """

    good: int
    bad: list[Line]
    warnings: list[str]
    lacking: tuple[str, ...] = ()
    channel: str = EMAIL
    parts: int = 0


@ahead()
def check(book: Book, handle: str, mail: MailServer | None) -> Checked:
    """Make every message that is still to go out, and look at it; nobody is connected to."""
    campaign = campaigns.read(book, handle)
    desk = Desk(book)
    kept = plans.load(desk.state, campaign.id)
    frozen = plans.as_named(kept or plans.drafted(book, campaign), book)
    rows = desk.rows(campaign.id, tolerant=True)
    waiting = [one for one in frozen.entries.values() if not one.code and not plans.is_settled(rows.get(one.sid))]
    there = {str(row[0]) for row in book.index.rows("SELECT handle FROM customers")}
    people = {entry.handle: entry for entry in waiting if entry.handle in there}
    bad = [
        Line(entry, "bad", "unknown", "the customer's record is gone") for entry in waiting if entry.handle not in there
    ]
    sender = mail.sender if mail else None
    renderer = Renderer(book, campaign, frozen.words, book.now(), sender, mail, judging=True)
    about = [*_purposeless(campaign, frozen), *(_reworded(book, campaign, frozen) if kept else ())] if waiting else []
    warnings = dict.fromkeys(about)
    parts = 0
    for made in renderer.messages([entry.recipient for entry in people.values()]):
        warnings.update(dict.fromkeys(made.warnings))
        if made.code or made.lacks:
            reason = made.reason or "; ".join(made.lacks)
            bad.append(Line(people[made.person.handle], "bad", made.code or "lacks", reason))
        elif campaign.channel == "sms":
            parts += segments(plain(made.content))
    good = len(waiting) - len(bad)
    bad.sort(key=lambda line: line.entry.handle)
    lacking: tuple[str, ...] = ()
    if waiting:
        lacking = (*lacks_benefit(campaign), *lacks_hours(campaign, book.settings.sending, book.now()))
    return Checked(good, bad, list(warnings), lacking, campaign.channel, parts)


def _purposeless(campaign: Campaign, frozen: Frozen) -> list[str]:
    """The templates that do not say what they are for, where nobody's consent is asked."""
    if campaign.purpose.basis not in OWED:
        return []
    return [
        f"templates/{file} does not say its purpose, and {campaign.purpose.name} needs nobody's consent"
        for arm, file in frozen.words.files.items()
        if not frozen.words.template(arm).front.purpose
    ]


def _reworded(book: Book, campaign: Campaign, frozen: Frozen) -> list[str]:
    """A word for it where the templates do not say any more what was frozen."""
    try:
        now = wording(book, campaign)
    except CrmError:  # What is wrong with a template of now is no matter for what was frozen.
        return []
    if all(frozen.words.sources.get(file) == now.sources[file] for file in now.files.values()):
        return []
    return [
        f"the template was changed after its wording was frozen on {frozen.at[:10]} "
        f"(crmctl campaign plan {campaign.handle} --refresh takes it as it is now)"
    ]
