"""Whether somebody may be written to: what they agreed to, took back, and never want.

A record may come from any editor. What cannot be understood here counts as a no.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from crmctl.model.kinds import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Purpose
    from crmctl.services.book import Book

LASTING = frozenset({"suppressed", "withdrawn", "objected", "erased"})
"""The codes of those who said that they want nothing, which closes their address for others too."""

_TAKEN_BACK = {"erased": "asked to be erased", "objected": "objected", "withdrawn": "consent withdrawn"}


def refusal(data: RawMap, purpose: Purpose, channel: str) -> tuple[str, str] | None:
    """(code, reason) why the customer with this record may not be written to for ``purpose`` on ``channel``, or None.

    ``needs_purchase`` tells whether that holds only for those who bought something.
    """
    return _do_not_contact(data, channel) or _consent(data, purpose, channel)


def needs_purchase(data: RawMap, purpose: Purpose) -> bool:
    """Whether nothing but an earlier purchase speaks for it (soft opt-in), for one whom ``refusal`` lets through."""
    return purpose.basis == "soft-opt-in" and not _entries(data, purpose)


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
    words = _words(data.get("do_not_contact") or [])
    unknown = [word for word in words if word not in ("all", *CHANNELS)]
    for word in ("all", channel, *unknown):
        if word in words:
            return "suppressed", f"do not contact ({word})"
    return None


def _words(raw: Raw) -> list[str]:
    """The words of a list, however it was written: ``[email, sms]``, ``email, sms``."""
    items = raw if isinstance(raw, list) else [raw]
    return [word for item in items for word in str(item).casefold().replace(",", " ").replace(";", " ").split()]


def _entries(data: RawMap, purpose: Purpose) -> list[Raw]:
    """What the record says of the purpose; a name in another case is the same purpose."""
    consents = data.get("consent")
    if not consents:
        return []
    if not isinstance(consents, dict):
        return [consents]
    wanted = purpose.name.casefold()
    return [entry for name, entry in consents.items() if name.strip().casefold() == wanted and entry]


def _consent(data: RawMap, purpose: Purpose, channel: str) -> tuple[str, str] | None:
    entries = _entries(data, purpose)
    states = [str(entry.get("state")).strip().casefold() if isinstance(entry, dict) else "" for entry in entries]
    for state, words in _TAKEN_BACK.items():
        for entry, found in zip(entries, states, strict=True):
            if found == state and isinstance(entry, dict):
                return state, words + (f" since {entry['date']}" if entry.get("date") else "")
    if any(state != "granted" for state in states):
        return "no-consent", f"what is said of consent for {purpose.name} cannot be understood"
    for entry in entries:
        channels = _words(entry.get("channels") or []) if isinstance(entry, dict) else []
        if channels and channel not in channels:
            return "no-consent", f"agreed to {purpose.name} only by {', '.join(channels)}"
    if not entries and purpose.basis == "consent":
        return "no-consent", f"no consent for {purpose.name}"
    return None
