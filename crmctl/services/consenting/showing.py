"""What a customer agreed to, as it is shown: per purpose, and whether they may be written to for it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.consenting import addresses
from crmctl.services.consenting import consents
from crmctl.services.consenting.gate import Gate

if TYPE_CHECKING:
    from crmctl.services.book import Book


class Shown(NamedTuple):
    """What holds for one purpose, and whether somebody may be written to for it by e-mail (else why not).

    ``until`` is the day on which consent that is only implied ends, "" where it does not.
    """

    purpose: str
    state: str
    basis: str
    channels: str
    date: str
    how: str
    evidence: str
    wording: str
    follows: str
    until: str
    refused: str


def show(book: Book, handle: str) -> list[Shown]:
    """What holds for every purpose of the book, and for others that the record speaks of.

    Raises:
        InvalidData, KeyMissing: the list of suppressions cannot be read.
    """
    data = book.index.data(book.schema.require("customer"), handle) or {}
    gate = Gate(book)
    entries = data.get("consent")
    spoken_of = list(entries) if isinstance(entries, dict) else []
    known = {name.casefold() for name in book.settings.purposes}
    address = next(iter(addresses.all_of(data, "email")), "")
    shown = []
    for name in [*book.settings.purposes, *(name for name in spoken_of if name.strip().casefold() not in known)]:
        entry = consents.strictest(data, name)
        refused = gate.refusal(data, address, name, "email", book.now(), handle=handle)
        if refused is None and not address:
            refused = "no-address", "has no e-mail address"
        purpose = book.settings.purposes.get(name.lower())
        basis = consents.said(entry, "basis") or (purpose.basis if purpose else "")
        said_of = {part: consents.said(entry, part) for part in ("date", "how", "evidence", "wording", "follows")}
        channels = consents.listed(entry.get("channels") if isinstance(entry, dict) else None)
        why = "" if refused is None else refused[1]
        ends = gate.ends(data, name, handle)
        until = "" if ends is None else ends.date().isoformat()
        shown.append(Shown(name, consents.said(entry, "state"), basis, channels, until=until, refused=why, **said_of))
    return shown
