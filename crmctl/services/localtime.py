"""What time it is where a customer is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from datetime import datetime
    from datetime import tzinfo

    from crmctl.services.book import Book


class Clock(NamedTuple):
    """The customer's local time: the zone it was told by, and how far ahead of the book's it is, in minutes."""

    zone: str
    now: datetime
    ahead: int


def local_clock(book: Book, timezone: str, country: str) -> Clock | None:
    """The time where the customer is: by the time zone given, else by the country's, where its clocks all agree."""
    from crmctl.model.settings import zone_named

    now = book.now()
    if timezone and (zone := zone_named(timezone)) is not None:
        return _clock(timezone, now, zone)
    if not country:
        return None
    from crmctl.model import countries

    names = _zones_of(countries.code_of(country))
    zones = [(name, zone) for name in names if (zone := zone_named(name)) is not None]
    if not zones or len({now.astimezone(zone).utcoffset() for _, zone in zones}) > 1:
        return None
    return _clock(*(zones[0][0], now, zones[0][1]))


def _clock(name: str, now: datetime, zone: tzinfo) -> Clock:
    there = now.astimezone(zone)
    ahead = (there.utcoffset() or timedelta(0)) - (now.utcoffset() or timedelta(0))
    return Clock(name, there, int(ahead.total_seconds()) // 60)


def _zones_of(code: str) -> list[str]:
    """The time zones of a country, by zone.tab of the system's IANA time zone database; none where that is missing."""
    import zoneinfo
    from pathlib import Path

    for folder in zoneinfo.TZPATH:
        try:
            text = (Path(folder) / "zone.tab").read_text(encoding="utf-8")
        except OSError:
            continue
        rows = (line.split("\t") for line in text.splitlines() if line.startswith(f"{code}\t"))
        return [row[2] for row in rows if len(row) > 2]
    return []
