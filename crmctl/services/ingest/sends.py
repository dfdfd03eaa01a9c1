"""What the ledger knows of our own messages, for whoever files what came back; and the facts that are added to it.

Facts go to a log of their own (``<host>-inbox``): one program writes one file, and a campaign may be under way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.consenting.sends import MIRRORS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from datetime import date
    from datetime import datetime

    from crmctl.mail.ledger.log import Ledger
    from crmctl.mail.ledger.states import Row
    from crmctl.services.book import Book

OURS = frozenset({"accepted", "unknown", "deferred", "rejected", "attempting"})
"""States in which a message has left us, or may have."""


class Send(NamedTuple):
    """One message of ours: its id, its campaign as the ledger names it, the customer's id, the hash of the address."""

    sid: str
    camp: str
    customer: str
    to: str
    at: str

    @property
    def moment(self) -> datetime | None:
        """When it went out, None when the ledger does not say."""
        from datetime import datetime

        try:
            return datetime.fromisoformat(self.at)
        except ValueError:
            return None


class Fact(NamedTuple):
    """Something that came back for a send. ``mail`` is a hash of the message that told it, so that it is told once."""

    event: str
    send: Send
    mail: str
    about: Mapping[str, str | int]


class Told(NamedTuple):
    """What the ledger was told: the lines of the inbox's log by campaign and log, for the tracked mirror; and notes."""

    lines: Mapping[tuple[str, str], bytes]
    notes: tuple[str, ...]


class Sends:
    """All messages of ours, by id and by customer."""

    def __init__(self, rows: Mapping[str, Row], told: Iterable[tuple[str, str, str]], soft: Iterable[tuple[str, str]]):
        self._rows = rows
        self._told = set(told)
        self._soft: dict[str, set[str]] = {}
        for to, day in soft:
            self._soft.setdefault(to, set()).add(day)
        self._accepted: dict[str, list[Send]] | None = None

    @classmethod
    def of(cls, book: Book) -> Sends:
        """Those in the ledger of this clone and in what others mirrored; what cannot be read of it is left out."""
        ledger = open_ledger(book)
        if ledger is None:
            return cls({}, (), ())
        from crmctl.mail.ledger.states import fold

        events = list(ledger.events(tolerant=True))
        told = [(event.ev, event.sid, str(event.about["mail"])) for event in events if "mail" in event.about]
        soft = [
            (str(event.about.get("to", "")), str(event.about.get("on", "")))
            for event in events
            if event.ev == "bounce" and event.about.get("why") == "soft"
        ]
        return cls(fold(events), told, soft)

    def find(self, sid: str) -> Send | None:
        """The message with this id, None when none of ours that left us has it."""
        row = self._rows.get(sid)
        if row is None or row.state not in OURS:
            return None
        return Send(row.sid, row.camp, row.cust, row.to, row.at)

    def latest_to(self, customer: str, since: str, until: str) -> Send | None:
        """The last message that a customer (an id) got in a time (RFC 3339, in UTC; both ends belong to it)."""
        if self._accepted is None:
            self._accepted = {}
            for row in sorted(self._rows.values(), key=lambda row: row.at):
                if row.state == "accepted":
                    send = Send(row.sid, row.camp, row.cust, row.to, row.at)
                    self._accepted.setdefault(row.cust, []).append(send)
        got = reversed(self._accepted.get(customer, []))
        return next((send for send in got if since <= send.at <= until), None)

    @property
    def told(self) -> bool:
        """Whether the ledger has any fact that came from a message."""
        return bool(self._told)

    def is_told(self, fact: Fact) -> bool:
        """Whether the ledger has this fact already, from this very message."""
        return (fact.event, fact.send.sid, fact.mail) in self._told

    def note(self, fact: Fact) -> None:
        """Count a fact that is about to be told."""
        self._told.add((fact.event, fact.send.sid, fact.mail))
        if fact.event == "bounce" and fact.about.get("why") == "soft":
            self._soft.setdefault(fact.send.to, set()).add(str(fact.about.get("on", "")))

    def soft_days(self, send: Send, on: date, days: int) -> int:
        """On how many days mail to the address of ``send`` came back for now, in the ``days`` up to ``on``, with it."""
        from datetime import timedelta

        first, last = (on - timedelta(days=days)).isoformat(), on.isoformat()
        return len({day for day in self._soft.get(send.to, ()) if first <= day <= last} | {last})


def open_ledger(book: Book, *, write: bool = False) -> Ledger | None:
    """The ledger, to read or to ``write`` to; None when nothing was ever sent from this book."""
    from crmctl.mail.ledger.log import Ledger
    from crmctl.services.mailing import clones
    from crmctl.services.mailing import host

    folder = host.mail_state(book)
    mirrors = sorted((book.root / MIRRORS).glob("*/*.jsonl"))
    if not mirrors and not (folder / "wal").is_dir():
        return None
    name = clones.name_of(book) if write else clones.name_perhaps(book)
    return Ledger(folder, f"{name}{clones.INBOX}", mirrors=mirrors)


def tell(book: Book, facts: Iterable[Fact], *, catch_up: bool = False) -> Told:
    """Append facts to the ledger.

    ``catch_up`` has the lines of all campaigns told, also without a new fact: a run may have been killed before they
    were mirrored.

    A ledger that cannot be relied on keeps nobody's opt-out or reply from being filed: it is told, and left alone.

    Raises:
        StorageFailed: the log of the inbox cannot be written; nothing may be filed then.
    """
    from crmctl.mail.ledger.log import LedgerDamaged

    facts = list(facts)
    ledger = open_ledger(book, write=True) if facts or catch_up else None
    if ledger is None:
        return Told({}, ())
    rows = [
        (
            fact.event,
            fact.send.sid,
            fact.send.camp,
            {"cust": fact.send.customer, "to": fact.send.to, "mail": fact.mail, **fact.about},
        )
        for fact in facts
    ]
    try:
        with ledger:
            if rows:
                ledger.append_many(rows)
            camps = dict.fromkeys(fact.send.camp for fact in facts)
            if catch_up:
                camps.update(dict.fromkeys(one.camp for one in ledger.events() if one.host == ledger.host and one.camp))
            return Told({(camp, ledger.host): b"".join(ledger.lines(camp)) for camp in camps}, ())
    except LedgerDamaged as error:
        return Told({}, (f"filed, but not counted for campaigns: {error.message}",))
