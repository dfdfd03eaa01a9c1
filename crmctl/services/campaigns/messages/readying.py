"""The messages whose turn it is, all made and verified before anything is connected; or nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.mail.ledger import spool
from crmctl.services import records
from crmctl.services.campaigns.messages.prepared import Prepared
from crmctl.services.campaigns.messages.prepared import lacks
from crmctl.services.campaigns.messages.rendering import Renderer
from crmctl.services.campaigns.running.triage import Line
from crmctl.services.consenting import keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.messages.rendering import Made
    from crmctl.services.campaigns.plan import Entry
    from crmctl.services.campaigns.plan import Frozen
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.campaigns.running.triage import Item
    from crmctl.services.campaigns.running.triage import Traces
    from crmctl.services.campaigns.running.triage import Triage
    from crmctl.services.mailing.config import MailServer


class Ready(NamedTuple):
    """The messages that can go out, their bytes, and the address they come from."""

    items: list[Item]
    prepared: Prepared
    sender: str


def made_ready(
    book: Book,
    desk: Desk,
    campaign: Campaign,
    frozen: Frozen,
    sorted_: Triage,
    told: Traces,
    mail: MailServer,
    skip_bad: bool,
) -> Ready:
    """Make those that are due; the lines of ``sorted_`` say which of them are left aside.

    Raises:
        InvalidData: some cannot be made, and nobody said that those are to be left aside.
        StorageFailed: there is no room for them.
    """
    _require_lawful(book, campaign, frozen, sorted_.due, mail)
    keys.load(book)  # Made on first need: the first campaign of a book has its tokens too.
    renderer = Renderer(book, campaign, frozen.words, book.now(), mail.sender, mail)
    prepared = Prepared(renderer, sorted_.due, desk.spool, told.dotted)
    bad = {made.person.handle: made for made in prepared.bad}
    if bad and not skip_bad:
        raise _cannot_be_made(book, campaign, frozen, bad, len(sorted_.due))
    for made in bad.values():
        sorted_.lines.append(Line(entry_of(frozen, made.person.handle), "bad", made.code, made.reason))
    lost = [item for item in sorted_.due if item.entry.sid in prepared.lost]
    for item in lost:
        reason = "the message is not in the spool any more, so the same cannot be sent again"
        sorted_.lines.append(Line(item.entry, "hold", "lost", reason))
    if sorted_.due:
        spool.reserve(desk.spool, prepared.size)
    left_aside = {*bad, *(item.entry.handle for item in lost)}
    return Ready([item for item in sorted_.due if item.entry.handle not in left_aside], prepared, renderer.sender.email)


def entry_of(frozen: Frozen, handle: str) -> Entry:
    """The entry of a customer in a plan."""
    return next(entry for entry in frozen.entries.values() if entry.handle == handle)


def _cannot_be_made(book: Book, campaign: Campaign, frozen: Frozen, bad: Mapping[str, Made], count: int) -> InvalidData:
    where = records.path_of(book, book.schema.require("campaign"), campaign.handle)
    problems = [Problem(where, 0, 0, one.code, f"{name}: {one.reason}") for name, one in sorted(bad.items())]
    hint = "Nothing is frozen yet: correct it, and run it again. Or: --skip-bad"
    if frozen.revision:
        hint = (
            f"The wording was frozen on {frozen.at[:10]}. Correct it, then: crmctl campaign plan "
            f"{campaign.handle} --refresh. Or: --skip-bad"
        )
    message = f"nothing was sent: {len(bad)} of {count} messages cannot be made"
    return InvalidData(message, hint=hint, problems=problems)


def _require_lawful(book: Book, campaign: Campaign, frozen: Frozen, due: list[Item], mail: MailServer) -> None:
    """Refuse marketing mail that does not say whose it is; of each arm, one message is looked at.

    Raises:
        InvalidData: with all that is lacking.
    """
    first = {item.entry.arm: item.entry.recipient for item in due if not item.row.attempts}
    lacking = lacks(book, campaign, frozen.words, list(first.values()), mail)
    if lacking:
        where = records.path_of(book, book.schema.require("campaign"), campaign.handle)
        problems = [Problem(where, 0, 0, "lacks", words) for words in lacking]
        hint = f"crmctl campaign check {campaign.handle} looks at every message."
        raise InvalidData(f"nothing was sent: {lacking[0]}", hint=hint, problems=problems)
