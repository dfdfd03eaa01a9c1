"""Mail that waits for a person: messages whose fate is unknown, campaigns that paused by themselves, drafts.

It is looked at every morning, so it costs nothing where nothing was ever sent, and little where much was.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import StorageFailed
from crmctl.services.consenting.sends import MIRRORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crmctl.mail.ledger.glance import Glance
    from crmctl.services.book import Book

UNKNOWN, PAUSED, DRAFTS = "unknown", "paused", "drafts"


class Waiting(NamedTuple):
    """Something to settle: ``why`` (one of the above) at which campaign or sequence (``kind``), what it is and what to
    do about it in words, and whose it is (None when nobody's)."""

    why: str
    kind: str
    handle: str
    what: str
    reason: str
    owner: str | None


def unsettled(book: Book) -> list[Waiting]:
    """All of it, messages that are unknown first; what cannot be read is left to the command that sends."""
    state = _state(book)
    ours = (state / "wal", state / "others") if state else ()
    logs = [folder for folder in (*ours, book.root / MIRRORS) if folder.is_dir()]
    found: list[Waiting] = []
    if logs:
        from crmctl.mail.ledger.glance import glance

        try:
            seen = glance(logs)
        except StorageFailed:
            seen = None
        if seen is not None:
            found += [*_unknown(book, seen), *_paused(book, seen)]
    return [*found, *_drafts(book)] if state and (state / "drafts").is_dir() else found


def _state(book: Book) -> Path | None:
    """What this clone keeps about mail, None when that is nothing."""
    if not (book.places.shared / "mail").is_dir():
        return None
    from crmctl.services.mailing.host import mail_state

    return mail_state(book)


def _unknown(book: Book, seen: Glance) -> Iterator[Waiting]:
    counts = Counter(row.camp for row in seen.unknown)
    senders = _senders(book) if counts else {}
    for camp, count in counts.items():
        kind, handle, owner = senders.get(camp, ("campaign", "", None))
        named = f" {handle}" if handle else ""
        what = f"{count} message{'' if count == 1 else 's'} that may or may not have arrived"
        reason = f"crmctl outbox list{named} --state unknown, then crmctl outbox resolve"
        yield Waiting(UNKNOWN, kind, handle, what, reason, owner)


def _paused(book: Book, seen: Glance) -> Iterator[Waiting]:
    """Campaigns that stopped by themselves; a person who paused one knows why."""
    sql = "SELECT COALESCE(id, handle), handle, name, owner FROM campaigns WHERE status = 'paused' ORDER BY handle"
    for camp, handle, name, owner in book.index.rows(sql) if seen.notes else ():
        from crmctl.services.campaigns.running.triage import traces

        why = traces(event for event in seen.notes if event.camp in (camp, handle)).paused
        if why:
            reason = f"{why}; crmctl campaign status {handle}, then crmctl campaign resume {handle}"
            yield Waiting(PAUSED, "campaign", handle, str(name or handle), reason, owner)


def _drafts(book: Book) -> Iterator[Waiting]:
    from crmctl.services.following import drafts

    waiting = [one.enrolment for one in drafts.every(book) if not one.released]
    if not waiting:
        return
    sql = "SELECT e.handle, e.sequence, s.owner FROM enrolments e LEFT JOIN sequences s ON s.handle = e.sequence"
    of = {str(handle): (str(sequence), owner) for handle, sequence, owner in book.index.rows(sql)}
    counts = Counter(of.get(one, ("", None)) for one in waiting)
    for (sequence, owner), count in sorted(counts.items(), key=lambda item: item[0][0]):
        what = f"{count} draft{'' if count == 1 else 's'} to read and release"
        yield Waiting(DRAFTS, "sequence", sequence, what, "crmctl followup release", owner)


def _senders(book: Book) -> dict[str, tuple[str, str, str | None]]:
    """Kind, handle and owner of all that sends, by what ledgers call them: the handle, of whatever had no id then."""
    found: dict[str, tuple[str, str, str | None]] = {}
    for kind in ("campaign", "sequence"):
        plural = book.schema.require(kind).plural
        for identity, handle, whose in book.index.rows(f"SELECT id, handle, owner FROM {plural}"):
            found[str(handle)] = found[str(identity or handle)] = (kind, str(handle), whose)
    return found
