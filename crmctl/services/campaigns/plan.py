"""A plan that has been frozen: who gets what, at which address, in which words, and who does not and why.

It stands outside of git, because it holds addresses, in a file for its owner only. What is done by it is in the ledger.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.mail.identifiers import send_id
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import replace
from crmctl.services.campaigns import audience
from crmctl.services.campaigns.audience import Recipient
from crmctl.services.campaigns.messages.rendering import Wording
from crmctl.services.campaigns.messages.rendering import wording
from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.mail.ledger.states import Row
    from crmctl.services.book import Book
    from crmctl.services.campaigns.audience import Plan
    from crmctl.services.campaigns.campaign import Campaign

FOLDER = "plans"
VERSION = 1
UNTOUCHED = frozenset({"planned", "rendered", "claimed", "suppressed", "held_out", "skipped", "cancelled"})
"""States in which nothing has been tried: a new revision of a plan may change such a row."""


class Entry(NamedTuple):
    """One person of a plan. ``code`` is "" for those who get it, else why not."""

    sid: str
    cust: str
    handle: str
    name: str
    address: str
    arm: str = ""
    code: str = ""
    reason: str = ""

    @property
    def recipient(self) -> Recipient:
        """The same for those who render."""
        return Recipient(self.handle, self.name, self.address, self.cust, self.arm)


class Frozen(NamedTuple):
    """A plan with its circumstances: revision, moment, commit, what the segment asked for, and the wording."""

    campaign: str
    handle: str
    revision: int
    at: str
    commit: str
    channel: str
    segment: str
    query: str
    words: Wording
    blobs: Mapping[str, str]
    entries: dict[str, Entry]


class Change(NamedTuple):
    """How one person's part differs between two plans: ``what`` is "enters", "leaves" or "changes"."""

    what: str
    handle: str
    name: str
    reason: str


def drafted(book: Book, campaign: Campaign, found: Plan | None = None, *, doubt: Callable[[], str] = str) -> Frozen:
    """The plan as it would be frozen now, with no revision yet; ``doubt`` as for ``audience.Sieve``.

    Raises:
        as ``audience.of`` and ``rendering.wording``.
    """
    found = audience.of(book, campaign, doubt) if found is None else found
    words = wording(book, campaign)
    people = [Entry(_sid(campaign, p.id), p.id, p.handle, p.name, p.address, p.arm) for p in found.recipients]
    for out in found.left_out:
        identity = out.id or out.handle
        sid = _sid(campaign, identity)
        people.append(Entry(sid, identity, out.handle, out.name, out.address, "", out.code, out.reason))
    segment = book.index.data(book.schema.require("segment"), campaign.segment) or {}
    return Frozen(
        campaign=campaign.id,
        handle=campaign.handle,
        revision=0,
        at=book.now().isoformat(),
        commit=book.commit,
        channel=campaign.channel,
        segment=campaign.segment,
        query=str(segment.get("filter") or ""),
        words=words,
        blobs=words.blobs(book),
        entries={entry.sid: entry for entry in people},
    )


def _sid(campaign: Campaign, identity: str) -> str:
    return send_id(campaign.id, identity, campaign.channel)


def revised(old: Frozen | None, new: Frozen, rows: Mapping[str, Row], hashed: Callable[[str], str]) -> Frozen:
    """``new`` as the revision after ``old``: whatever has been tried stays as it was, and nobody is written to twice
    because they are known under another record now. ``hashed`` gives the keyed hash of an address."""
    before = old.entries if old is not None else {}
    tried = {sid: row for sid, row in rows.items() if is_settled(row)}
    taken = {row.to for row in tried.values() if row.to}
    entries = {sid: entry for sid, entry in before.items() if sid in tried}
    for sid, entry in new.entries.items():
        if sid in tried:
            entries.setdefault(sid, entry)
        elif not entry.code and hashed(entry.address) in taken:
            reason = "somebody with the same address got it already"
            entries[sid] = entry._replace(code="duplicate-address", reason=reason)
        else:
            entries[sid] = entry
    return new._replace(revision=old.revision + 1 if old is not None else 1, entries=entries)


def is_settled(row: Row | None) -> bool:
    """Whether something has been tried for a row, so that no plan may change it any more."""
    return row is not None and (row.attempts > 0 or row.doubts > 0 or row.state not in UNTOUCHED)


def differences(old: Frozen, new: Frozen, rows: Mapping[str, Row]) -> list[Change]:
    """Who would enter, leave, or get it otherwise, in order of handles; what has been tried is not among them."""
    found = []
    for sid in {**old.entries, **new.entries}:
        before, after, row = old.entries.get(sid), new.entries.get(sid), rows.get(sid)
        if is_settled(row):
            continue
        lost = row.state in _OUT if row is not None else False  # Also whom a run found out about later.
        got, gets = before is not None and not before.code and not lost, after is not None and not after.code
        if gets and not got and after is not None:
            out = (before.reason if before else "") or (row.why.replace("-", " ") if row is not None else "")
            why = f"was left out: {out}" if before else "is new in the segment"
            found.append(Change("enters", after.handle, after.name, why))
        elif got and not gets and before is not None:
            why = after.reason if after else "is not in the segment any more"
            found.append(Change("leaves", before.handle, before.name, why))
        elif before is not None and after is not None and gets:
            why = _otherwise(before, after, old, new)
            if why:
                found.append(Change("changes", after.handle, after.name, why))
    return sorted(found, key=lambda change: (change.handle, change.what))


_OUT = frozenset({"suppressed", "skipped", "cancelled"})


def _otherwise(before: Entry, after: Entry, old: Frozen, new: Frozen) -> str:
    told = []
    if before.address != after.address:
        told.append("another address")
    if before.arm != after.arm:
        told.append(f"arm {after.arm or 'none'} instead of {before.arm or 'none'}")
    elif old.blobs.get(before.arm) != new.blobs.get(after.arm):
        told.append("another wording")
    return ", ".join(told)


# On the disk


def path_of(state: Path, campaign_id: str) -> Path:
    """Where the plan of a campaign stands. An id that was written by hand may be no name of a file."""
    from hashlib import sha256

    plain = campaign_id.isalnum() and campaign_id.isascii() and len(campaign_id) <= 64
    return state / FOLDER / f"{campaign_id if plain else sha256(campaign_id.encode()).hexdigest()[:32]}.jsonl"


def load(state: Path, campaign_id: str) -> Frozen | None:
    """The plan that was frozen last, None when there is none.

    Raises:
        InvalidData, StorageFailed: it cannot be read.
    """
    frozen = _read(path_of(state, campaign_id))
    if frozen is not None and frozen.campaign != campaign_id:
        raise InvalidData(f"{path_of(state, campaign_id)} is the plan of another campaign", hint=_REFRESH)
    return frozen


def every(state: Path) -> list[Frozen]:
    """All plans that are here, as far as they can be read."""
    found = []
    for path in sorted((state / FOLDER).glob("*.jsonl")):
        with contextlib.suppress(CrmError):
            found.append(_read(path))
    return [frozen for frozen in found if frozen is not None]


_REFRESH = "crmctl campaign plan --refresh makes a new one; what was sent is in the ledger and stays so."


def _read(path: Path) -> Frozen | None:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise storage_failed(str(path), exc, "read") from exc
    try:
        head: dict[str, Any] = json.loads(lines[0])
        entries = [Entry(**json.loads(line)) for line in lines[1:] if line]
        if head.pop("v") != VERSION or head.pop("count") != len(entries):
            raise ValueError("part of it is lost, or a newer crmctl has written it")
        words = Wording(**head.pop("words"))
        return Frozen(words=words, entries={entry.sid: entry for entry in entries}, **head)
    except (ValueError, TypeError, KeyError) as exc:
        raise InvalidData(f"{path}: the plan cannot be read: {exc}", hint=_REFRESH) from None


def save(state: Path, frozen: Frozen) -> None:
    """Put a plan where ``load`` finds it: the old one or the new one, never a mixture; for its owner only.

    Raises:
        StorageFailed: the system refuses.
    """
    path = path_of(state, frozen.campaign)
    make_folder(path.parent)
    replace(path, _content(frozen))


def digest(frozen: Frozen) -> str:
    """What the ledger calls a plan: it is another one as soon as anything in it is."""
    return f"sha256:{hashlib.sha256(_content(frozen)).hexdigest()}"


def _content(frozen: Frozen) -> bytes:
    head = frozen._asdict()
    del head["entries"]
    words = {name: dict(value) for name, value in frozen.words._asdict().items()}
    head |= {"v": VERSION, "count": len(frozen.entries), "blobs": dict(frozen.blobs), "words": words}
    lines = (head, *(entry._asdict() for entry in frozen.entries.values()))
    return "".join(_line(value) for value in lines).encode("ascii")


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def as_named(frozen: Frozen, book: Book) -> Frozen:
    """The same plan with the handles that its people have now: a record may have been renamed since."""
    rows = book.index.rows("SELECT id, handle FROM customers WHERE id IS NOT NULL")
    names = {str(identity): str(handle) for identity, handle in rows}
    entries = {
        sid: entry._replace(handle=names[entry.cust]) if names.get(entry.cust, entry.handle) != entry.handle else entry
        for sid, entry in frozen.entries.items()
    }
    return frozen._replace(entries=entries)


# In the ledger

_SUPPRESSED = frozenset("suppressed withdrawn objected erased no-consent no-basis expired open-complaint".split())
"""The codes of the gate that say that somebody may not be written to; all others say that it cannot be done."""


def kind_of(entry: Entry) -> str:
    """The ledger's word for what a plan decides about somebody."""
    if not entry.code:
        return "plan"
    if entry.code == "held-out":
        return "holdout"
    return "suppress" if entry.code in _SUPPRESSED else "skip"


def decided(row: Row | None, entry: Entry) -> bool:
    """Whether the ledger says already what a plan decides about somebody."""
    if row is None:
        return False
    wanted = {"plan": "planned", "holdout": "held_out", "suppress": "suppressed", "skip": "skipped"}[kind_of(entry)]
    same = row.state == wanted or (wanted == "planned" and row.state in ("rendered", "claimed"))
    return same and (bool(entry.code) or row.arm == entry.arm)


def dropped(rows: Iterable[Row], frozen: Frozen) -> list[Row]:
    """The rows that still wait to go out, or are held out to compare with, and are not in the plan any more."""
    states = ("planned", "rendered", "claimed", "held_out")
    return [row for row in rows if row.sid not in frozen.entries and row.state in states]
