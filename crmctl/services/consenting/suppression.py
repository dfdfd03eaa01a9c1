"""Addresses that are never written to again, as keyed hashes: they outlive the record, an erasure and a new import.

One line an entry, in ``records/suppressions/<month>.jsonl``. Lines are only ever added: what is lifted is lifted by a
line of its own. So two clones that both added some are joined by taking all lines (``store.merging_union``).
"""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model import ids
from crmctl.services.consenting.keyrings import ring_of
from crmctl.services.consenting.suppression_entry import ALL
from crmctl.services.consenting.suppression_entry import FOLDER
from crmctl.services.consenting.suppression_entry import GONE
from crmctl.services.consenting.suppression_entry import Entry
from crmctl.services.consenting.suppression_entry import is_hash
from crmctl.services.consenting.suppression_files import everything

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

    from crmctl.model.settings import Purpose
    from crmctl.services.book import Book
    from crmctl.services.consenting.keyrings import Ring
    from crmctl.store.transaction import Transaction

REMOVABLE = frozenset({"manual", "hard-bounce"})
"""What nobody asked for themselves, so that a member of the team may take it back."""


class New(NamedTuple):
    """What is to be suppressed: an address in its normal form (or its hash), and what an ``Entry`` has.

    ``at`` is when it was asked for, in RFC 3339; "" for now.
    """

    address: str
    why: str
    scope: str = ALL
    channel: str = ""
    source: str = ""
    at: str = ""


class Suppressions:
    """The entries that count, found by address. ``every`` has all lines, the lifted ones too.

    ``purposes`` are those of the book, in lower case: an entry for another one must not be lost when somebody renames
    a purpose. None of them for when that does not matter.
    """

    def __init__(self, every: Sequence[Entry], ring: Ring, purposes: Iterable[str] = ()) -> None:
        scopes = {ALL, *purposes}
        self.every = every
        self.ring = ring
        self._by_hash: dict[str, list[Entry]] = {}
        for entry in active(every):
            known = entry if entry.scope in scopes or len(scopes) == 1 else entry._replace(scope=GONE)
            self._by_hash.setdefault(entry.to, []).append(known)

    @property
    def active(self) -> list[Entry]:
        """Those that are not lifted, the oldest first."""
        return active(self.every)

    def of(self, address: str) -> list[Entry]:
        """The entries of an address, by every key."""
        if not self._by_hash or not address:
            return []
        names = [address] if is_hash(address) else self.ring.hashes(address)
        return [entry for name in names for entry in self._by_hash.get(name, ())]

    def refusal(self, address: str, purpose: Purpose, channel: str) -> Entry | None:
        """The first entry that keeps a message from going out, None when there is none."""
        return next((entry for entry in self.of(address) if entry.concerns(purpose, channel)), None)

    def covers(self, new: New) -> bool:
        """Whether what ``new`` says is said already, for the same reason, and not on an earlier day.

        A later no is written down although there is one: another clone may lift the earlier one at this moment.
        """
        return any(
            entry.why == new.why
            and entry.scope in (ALL, new.scope.casefold())
            and entry.channel in ("", new.channel)
            and _day(entry.at) >= _day(new.at)
            for entry in self.of(new.address)
        )


def _day(at: str) -> str:
    """The day of a moment in UTC, "" for what is none."""
    try:
        return datetime.fromisoformat(at).astimezone(UTC).date().isoformat()
    except ValueError:
        return ""


def load(book: Book) -> Suppressions:
    """The entries of a book.

    Raises:
        InvalidData: a line cannot be read: who is in it is not known, so nothing may be sent.
        KeyMissing: a key that an entry or the book names is not here.
    """
    found = everything(book)
    return Suppressions(found.entries, ring_of(found.keys), book.settings.purposes)


def active(entries: Iterable[Entry]) -> list[Entry]:
    """The entries without those that lift, and without those that are lifted; each once."""
    entries = list(dict.fromkeys(entries))
    lifted = {(entry.lifts, entry.to) for entry in entries if entry.lifts}
    return [entry for entry in entries if not entry.lifts and (entry.id, entry.to) not in lifted]


def add(tx: Transaction, known: Suppressions, ring: Ring, news: Iterable[New], at: datetime) -> list[Entry]:
    """Put entries into the transaction, without those that ``known`` has already; those that were put."""
    fresh: dict[tuple[str, str, str, str], Entry] = {}
    for new in news:
        if not known.covers(new):
            to = new.address if is_hash(new.address) else ring.keyed(new.address)
            said = new.scope.casefold(), new.channel, new.why
            fresh.setdefault((to, *said), Entry(ids.new_id(), to, ring.id, *said, new.at or stamp(at), new.source))
    _append(tx, list(fresh.values()), at)
    return list(fresh.values())


def lift(tx: Transaction, entries: Iterable[Entry], why: str, source: str, at: datetime) -> list[Entry]:
    """Take entries back, each by a line of its own; ``why`` is what gave the right to."""
    lines = [
        Entry(ids.new_id(), entry.to, entry.key, entry.scope, entry.channel, why, stamp(at), source, entry.id)
        for entry in entries
    ]
    _append(tx, lines, at)
    return lines


def _append(tx: Transaction, entries: Sequence[Entry], at: datetime) -> None:
    from crmctl.store.jsonl import write_line

    if not entries:
        return
    path = f"{FOLDER}/{at:%Y-%m}.jsonl"
    before = tx.read(path) or b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    lines = [write_line({name: text for name, text in entry._asdict().items() if text}) for entry in entries]
    tx.put(path, before + b"".join(lines))


def stamp(at: datetime) -> str:
    """A moment as it stands in an entry."""
    return at.isoformat(timespec="seconds")
