"""What a customer's record says about writing to them: what they agreed to, took back, and never want.

A record may come from any editor. What cannot be understood here counts as a no.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from crmctl.model.kinds import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Purpose
    from crmctl.services.book import Book

LASTING = frozenset({"suppressed", "withdrawn", "objected", "erased"})
"""The codes of those who said that they want nothing, which closes their address for others too."""

NOT_YET = "not-yet"
"""The code of what will be allowed by itself: what speaks for it is of a day that has not come. It is no refusal for
good, as the day may have come, and only the clock be wrong."""

EXPIRED = "expired"
"""The code of what was allowed until some time ago: that is for good, if the clock is right."""

TRANSACTIONAL = frozenset({"contract", "legal"})
"""The bases of what is no promotion: it goes to those who opted out of promotion, and to those who complained."""

_TAKEN_BACK = {"erased": "asked to be erased", "objected": "objected", "withdrawn": "consent withdrawn"}


def refusal(data: RawMap, purpose: Purpose, channel: str) -> tuple[str, str] | None:
    """(code, reason) why the customer with this record may not be written to for ``purpose`` on ``channel``, or None.

    ``needs_purchase`` tells whether that holds only for those who bought something.
    """
    return _do_not_contact(data, channel) or _erased(data) or _consent(data, purpose, channel)


def needs_purchase(data: RawMap, purpose: Purpose) -> bool:
    """Whether nothing but an earlier purchase speaks for it (soft opt-in), for one whom ``refusal`` lets through.

    A grant on that basis which names its evidence, the order, stands for the purchase.
    """
    if is_implied(data, purpose):
        return not any(_said(entry, "evidence") for entry in entries(data, purpose))
    return False


def is_implied(data: RawMap, purpose: Purpose) -> bool:
    """Whether the ground is not that they said yes, but that they bought or asked (soft opt-in)."""
    found = entries(data, purpose)
    if not found:
        return purpose.basis == "soft-opt-in"
    return any(_said(entry, "basis").casefold() == "soft-opt-in" for entry in found)


def granted_on(data: RawMap, purpose: Purpose) -> list[str]:
    """The days that stand at what is granted, as they are written."""
    return [day for entry in entries(data, purpose) if (day := _said(entry, "date"))]


def not_before(data: RawMap, purpose: Purpose, today: str) -> str:
    """The day (ISO 8601) before which what is granted does not count yet; "" when all of it does."""
    return max((day[:10] for day in granted_on(data, purpose) if day > today), default="")


def agreed_since(data: RawMap, purpose: Purpose, day: str, today: str) -> bool:
    """Whether the record has a grant of a later day than somebody's no (both ISO 8601), which is then no news.

    One of a day that has not come is none, and whoever said no since has not agreed.
    """
    if any(_state(entry) != "granted" for entry in entries(data, purpose)):
        return False
    return any(day < given[:10] <= today for given in granted_on(data, purpose))


def promotion(purposes: Mapping[str, Purpose]) -> list[Purpose]:
    """The purposes that somebody means who wants nothing of all: no promotion, whatever the ground."""
    return [one for one in purposes.values() if one.basis not in TRANSACTIONAL]


def entries(data: RawMap, purpose: Purpose) -> list[Raw]:
    """What the record says of the purpose; a name in another case is the same purpose."""
    consents = data.get("consent")
    if not consents:
        return []
    if not isinstance(consents, dict):
        return [consents]
    wanted = purpose.name.casefold()
    return [entry for name, entry in consents.items() if name.strip().casefold() == wanted and entry]


def taken_back_elsewhere(data: RawMap, purpose: Purpose, purposes: Collection[str]) -> tuple[str, str] | None:
    """(code, reason) when something was taken back for a purpose that the book has no more, and this was not granted.

    Whoever renames a purpose must not open those who said no to it; which one it is now, nobody can tell.
    """
    consents = data.get("consent")
    if not isinstance(consents, dict) or entries(data, purpose):
        return None
    for name, entry in consents.items():
        state = _state(entry)
        if name.strip().casefold() not in purposes and state in _TAKEN_BACK:
            return state, f"{_taken_back(state, entry)}, for {name.strip()!r}, which is no purpose any more"
    return None


def suspects(book: Book) -> Iterator[tuple[str, RawMap]]:
    """(handle, record) of every customer who may have taken something back; some of them have not."""
    words = (*_TAKEN_BACK, '"do_not_contact"')
    told = " OR ".join("r.data LIKE ?" for _ in words)
    sql = (
        f"SELECT t.handle, r.data FROM customers t JOIN customers_raw r ON r.row_id = t.row_id WHERE {told} ORDER BY 1"
    )
    for handle, data in book.index.rows(sql, [f"%{word}%" for word in words]):
        yield handle, json.loads(data)


def _do_not_contact(data: RawMap, channel: str) -> tuple[str, str] | None:
    words = words_of(data.get("do_not_contact") or [])
    unknown = [word for word in words if word not in ("all", *CHANNELS)]
    for word in ("all", channel, *unknown):
        if word in words:
            return "suppressed", f"do not contact ({word})"
    return None


def words_of(raw: Raw) -> list[str]:
    """The words of a list, however it was written: ``[email, sms]``, ``email, sms``."""
    items = raw if isinstance(raw, list) else [raw]
    return [word for item in items for word in str(item).casefold().replace(",", " ").replace(";", " ").split()]


def _erased(data: RawMap) -> tuple[str, str] | None:
    """Whoever asked to be erased asked for all of it, whichever purpose it was written down at."""
    consents = data.get("consent")
    for entry in consents.values() if isinstance(consents, dict) else ():
        if _state(entry) == "erased":
            return "erased", _taken_back("erased", entry)
    return None


def _consent(data: RawMap, purpose: Purpose, channel: str) -> tuple[str, str] | None:
    found = entries(data, purpose)
    states = [_state(entry) for entry in found]
    for state in _TAKEN_BACK:
        for entry, said in zip(found, states, strict=True):
            if said == state:
                return state, _taken_back(state, entry)
    if any(state != "granted" for state in states):
        return "no-consent", f"what is said of consent for {purpose.name} cannot be understood"
    for entry in found:
        channels = words_of(entry.get("channels") or []) if isinstance(entry, dict) else []
        if channels and channel not in channels:
            return "no-consent", f"agreed to {purpose.name} only by {', '.join(channels)}"
    if not found and purpose.basis == "consent":
        return "no-consent", f"no consent for {purpose.name}"
    return None


def _taken_back(state: str, entry: Raw) -> str:
    date = _said(entry, "date")
    return _TAKEN_BACK[state] + (f" since {date}" if date else "")


def _state(entry: Raw) -> str:
    return str(entry.get("state")).strip().casefold() if isinstance(entry, dict) else ""


def _said(entry: Raw, name: str) -> str:
    value = entry.get(name) if isinstance(entry, dict) else None
    return value.strip() if isinstance(value, str) else ""
