"""When somebody may be written to or rung up, by the clock where they are.

Nobody knows which clock that is for whoever has no time zone of their own in a country that has several. Letters and
mail then keep to that of its largest cities; a telephone rings when it is day in all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.transport.windows import next_open
from crmctl.mail.transport.windows import zone_for
from crmctl.mail.transport.zones import ends_of_country
from crmctl.model.settings import zone_named
from crmctl.services.campaigns.campaign import DAY

if TYPE_CHECKING:
    from datetime import datetime
    from datetime import tzinfo

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign

_ROUNDS = 50


class _Clock(NamedTuple):
    """The clock that somebody most likely has, and those that they may have as well."""

    zone: tzinfo
    others: tuple[tzinfo, ...]


def opens(book: Book, campaign: Campaign, data: RawMap, address: str, now: datetime) -> datetime | None:
    """The first moment from ``now`` on for a customer whose record is ``data``, by their clock; None where there is
    none at which it is day wherever they may be.

    Raises:
        InvalidData: the hours of the campaign leave nothing.
    """
    sending = book.settings.sending
    window, weekdays = campaign.hours(sending.window), campaign.weekdays or sending.weekdays
    if not (window or weekdays or sending.holidays):
        return now
    clock = _clock(book, campaign, data, address)
    at = next_open(now, window, weekdays, sending.holidays, clock.zone)
    for _ in range(_ROUNDS):
        day = at
        for zone in clock.others:
            day = next_open(day, DAY, (), (), zone)
        opened = next_open(day, window, weekdays, sending.holidays, clock.zone)
        if opened == at:
            return opened
        at = opened
    return None


def _clock(book: Book, campaign: Campaign, data: RawMap, address: str) -> _Clock:
    own = str(data.get("timezone") or "")
    country = _country(book, campaign, data, address)
    zone = zone_for(own, country, book.settings.zone)
    if not campaign.rings or (own and zone_named(own) is not None):
        return _Clock(zone, ())
    ends = (zone_named(name) for name in ends_of_country(country))
    return _Clock(zone, tuple(end for end in ends if end is not None))


def _country(book: Book, campaign: Campaign, data: RawMap, address: str) -> str:
    """Two letters, of the postal address, else of the number that is rung up; "" when nobody knows."""
    from crmctl.model import values
    from crmctl.model.fields import Field

    postal = data.get("address")
    said = str(postal.get("country") or "") if isinstance(postal, dict) else ""
    try:
        found = str(values.normal(Field("country", "country"), said, book.context)) if said else ""
    except ValueError:
        found = ""
    if not found and campaign.rings and address:
        from crmctl.model import phones

        found = phones.country(address, book.context.region)
    return found.upper()
