"""What was sent, in the book: the ledger's lines in a tracked file, and a line in the history of everybody who got it.

Both in one commit, so that a crash in between neither doubles nor loses one: whoever is not yet told of in the tracked
file gets a line, and its id is told from the send's, the same wherever it is made.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from crmctl.mail.ledger.lines import checked
from crmctl.mail.ledger.lines import event_of
from crmctl.model import ids
from crmctl.services import lines as lines_service
from crmctl.services import records
from crmctl.services.campaigns.freezing import put_fields
from crmctl.services.campaigns.running.calls import Calls
from crmctl.services.consenting import identity as identities
from crmctl.services.consenting import refusals
from crmctl.services.consenting.sends import MIRRORS

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.mail.ledger.log import Event
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.store.transaction import Transaction

PIECE = 4000
"""Lines in one tracked file; a long campaign has several, so that a commit does not write all of them again."""


def write(
    book: Book,
    desk: Desk,
    campaign: Campaign,
    fields: Mapping[str, str],
    subject: Callable[[str], str],
) -> tuple[str, set[str]]:
    """Bring the book up to date with the ledger in one commit; its id, and the sends that it tells of.

    ``fields`` are set in the campaign's record. ``subject`` gives that of a message by its id.

    Raises:
        CrmError: the book cannot be written now; the ledger has it all, and the next time it is tried again.
    """
    raws = list(desk.ledger.lines(campaign.id))
    with book.write(f"campaign send {campaign.handle}") as tx:
        before = _pieces(tx, campaign, desk, len(raws))
        known = _told(before)
        told = _told(raws)
        _put_pieces(tx, campaign, desk, raws)
        fresh = {sid: event for sid, event in told.items() if sid not in known}
        rows = desk.rows(campaign.id)
        _log(book, tx, campaign, fresh, {sid: row.cust for sid, row in rows.items()}, subject, desk.spool)
        refusals.close(book, tx, before, raws, rows)
        put_fields(book, tx, campaign.handle, fields)
        told_of = f", {len(fresh)} accepted" if fresh else ""
        commit = tx.commit(f"campaign: send {campaign.handle}{told_of}") if tx.paths else ""
    if commit:
        book.refresh()
    return commit, set(told)


def _path(campaign: Campaign, host: str, piece: int) -> str:
    name = host if not piece else f"{host}-{piece + 1}"
    return f"{MIRRORS}/{campaign.handle}/{name}.jsonl"


def _pieces(tx: Transaction, campaign: Campaign, desk: Desk, count: int) -> list[bytes]:
    """The lines that are tracked already."""
    found: list[bytes] = []
    for piece in range(count // PIECE + 1):
        found += (tx.read(_path(campaign, desk.host, piece)) or b"").splitlines()
    return found


def _put_pieces(tx: Transaction, campaign: Campaign, desk: Desk, raws: list[bytes]) -> None:
    for piece in range(0, len(raws), PIECE):
        data = b"".join(raws[piece : piece + PIECE])
        path = _path(campaign, desk.host, piece // PIECE)
        if tx.read(path) != data:
            tx.put(path, data)


def _told(raws: Iterable[bytes]) -> dict[str, Event]:
    """By id the event that says that a server has taken a message; lines that cannot be read tell of nothing."""
    found: dict[str, Event] = {}
    for raw in raws:
        if b'"ev":"accept"' not in raw and b'"ev":"resolve"' not in raw:
            continue
        line = raw.rstrip(b"\r\n")
        if isinstance(checked(line), str):
            continue
        event = event_of(line)
        if event.ev == "accept" or event.about.get("result") == "accepted":
            found.setdefault(event.sid, event)
    return found


def _log(
    book: Book,
    tx: Transaction,
    campaign: Campaign,
    fresh: Mapping[str, Event],
    customers: Mapping[str, str],
    subject: Callable[[str], str],
    spool: Path,
) -> None:
    """A line for each of ``fresh`` in the history of whoever got it; whoever is gone from the book has none.

    What is done by hand has not happened yet: it is a follow-up.
    """
    if not fresh:
        return
    handles = identities.every(book)
    kind = book.schema.require("interaction")
    calls = Calls(book, campaign, spool) if campaign.by_hand else None
    for sid, event in fresh.items():
        identity = customers.get(sid, "")
        handle = handles.get(identity, identity if book.index.row(_THERE, (identity,)) else "")
        if not handle:
            continue
        if calls is not None:
            calls.put(tx, sid, handle, event)
            continue
        path = records.interactions_path(book, handle)
        file = lines_service.open_file(book, tx, path)
        new = lines_service.checked(book, kind, _interaction(book, campaign, sid, event, subject(sid)), path)
        if new["id"] not in {known.get("id") for known in file.all()}:
            file.add(new)
            tx.put(path, file.content())


_THERE = "SELECT 1 FROM customers WHERE handle = ?"


def _interaction(book: Book, campaign: Campaign, sid: str, event: Event, subject: str) -> RawMap:
    at = datetime.fromisoformat(event.t).astimezone(book.settings.zone).replace(microsecond=0)
    return {
        "id": _identity(sid, at),
        "at": at.isoformat(),
        "type": campaign.channel if campaign.channel in ("email", "letter") else "message",
        "direction": "out",
        "campaign": campaign.handle,
        "text": subject or campaign.text("name"),
        "source": "campaign",
        "external": {"send": sid},
    }


def _identity(sid: str, at: datetime) -> str:
    """A ULID that is the same for the same send: its moment, and bits of a digest instead of random ones."""
    digest = sha256(f"send|{sid}".encode()).digest()[:10]
    return ids.encode_ulid(int(at.timestamp() * 1000) << 80 | int.from_bytes(digest, "big"))
