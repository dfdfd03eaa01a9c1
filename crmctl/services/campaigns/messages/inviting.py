"""The invitations that travel with a campaign's messages: the first about a meeting, its changes, its end.

A calendar knows a meeting by its UID and takes a change for newer by its SEQUENCE (RFC 5546 section 2.1.4). The UID is
made of the campaign that invited first and the customer; a template names the campaign before it (``updates:``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.mail.addresses import Refused
from crmctl.mail.message.invitation import Invitation
from crmctl.model.when import BadDate
from crmctl.model.when import parse_strict_moment
from crmctl.services import templates

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from datetime import tzinfo

    from crmctl.services.book import Book

_EMAIL = "email"


class Meeting(NamedTuple):
    """The meeting that an invitation changes: the id of the campaign that invited to it first, and the least sequence
    that makes a calendar take the change."""

    first: str
    sequence: int


def meeting(book: Book, said: Mapping[str, str], campaign: str) -> Meeting | None:
    """What the invitation of a template for ``campaign`` (a handle) changes; None when it is the first of its meeting.

    Raises:
        InvalidData: it names a campaign that there is not, that invites to nothing, or that is a change of this one.
        CrmError: what that campaign says cannot be read.
    """
    return _before(book, said, (campaign,))


def _before(book: Book, said: Mapping[str, str], after: tuple[str, ...]) -> Meeting | None:
    handle = said.get("updates", "")
    if not handle:
        return None
    if handle in after:
        chain = " updates ".join((*after[after.index(handle) :], handle))
        raise InvalidData(f"invitation: {chain}", hint="updates: names the campaign that was sent before.")
    if book.index.data(book.schema.require("campaign"), handle) is None:
        hint = "updates: names the campaign that sent the invitation before this one: crmctl campaign list"
        raise InvalidData(f"invitation: there is no campaign {handle!r} to update", hint=hint)
    found = _sent_by(book, handle, after)
    if len({one.first for one in found}) != 1:
        what = "invites to several meetings" if found else "sends no invitation"
        raise InvalidData(f"invitation: campaign {handle} {what}, so it cannot be updated")
    return Meeting(found[0].first, max(one.sequence for one in found) + 1)


def _sent_by(book: Book, handle: str, after: tuple[str, ...]) -> list[Meeting]:
    """The meetings that a campaign invites to, by its templates, with the sequence of its own invitations."""
    from crmctl.services.campaigns import campaign as campaigns

    campaign = campaigns.read(book, handle)
    found = []
    for name in dict.fromkeys(campaign.templates().values()) if campaign.channel == _EMAIL else ():
        said = templates.load(book, name).front.enclosed.invitation
        if said:
            before = _before(book, said, (*after, handle)) or Meeting(campaign.id, 0)
            own = said.get("sequence", "")
            found.append(before._replace(sequence=max(before.sequence, int(own) if own.isdecimal() else 0)))
    return found


def invitation(fields: Mapping[str, str], uid: str, zone: tzinfo, least: int = 0) -> Invitation | None:
    """The invitation of one recipient, None when the template has none; times are those of ``zone``. ``least`` is the
    sequence it has to have.

    Raises:
        Refused: a time or a number in it cannot be read.
    """
    said = {name.partition(".")[2]: text for name, text in fields.items() if name.startswith("invitation.")}
    if not said:
        return None
    from datetime import timedelta

    starts = _moment("starts", said["starts"], zone)
    if "ends" in said:
        ends = _moment("ends", said["ends"], zone)
    else:
        # By the clock of the world, so that a meeting over the hour that is put back does not end before it starts.
        from datetime import UTC

        ends = (starts.astimezone(UTC) + timedelta(minutes=_number("minutes", said["minutes"]))).astimezone(zone)
    sequence = _number("sequence", said["sequence"]) if "sequence" in said else least
    if sequence < least:
        raise Refused(f"invitation: calendars would not take the change: sequence has to be {least} or more")
    return Invitation(
        uid=uid,
        sequence=sequence,
        starts=starts,
        ends=ends,
        summary=said["summary"],
        location=said.get("location", ""),
        description=said.get("description", ""),
        method=said.get("method", "request").upper(),
    )


def _moment(name: str, text: str, zone: tzinfo) -> datetime:
    try:
        if ":" not in text:
            raise Refused(f"invitation: {name} is a day and a time, such as 2026-03-01 14:00, not {text!r}")
        return parse_strict_moment(text, zone)
    except BadDate as error:
        raise Refused(f"invitation: {name}: {error.message}", hint=error.hint) from None


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise Refused(f"invitation: {name} is a whole number, not {text!r}")
    return int(text)
