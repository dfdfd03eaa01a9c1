"""Meetings from a calendar file: what was, goes into histories; what is to come, becomes a follow-up on its day.

An event is known by UID, RECURRENCE-ID and SEQUENCE (RFC 5545): the same one changes nothing, a later one changes what
was filed, a cancelled one ends the follow-up. Of a series, every instance that was, and the first one to come, count.
"""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import NotFound
from crmctl.mail.inbound import calendar_parts
from crmctl.mail.inbound import recurring
from crmctl.services import lines
from crmctl.services import records
from crmctl.services.ingest import entries
from crmctl.services.ingest.matching import Matcher
from crmctl.services.ingest.sends import Sends
from crmctl.services.records import Written
from crmctl.services.records import adopted
from crmctl.store import layout
from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from collections.abc import Container
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.mail.inbound.calendar_parts import Event
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.store.interactions import InteractionFile
    from crmctl.store.transaction import Transaction

CANCELLED = "cancelled"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MOST_SERIES = 500
_SEQUENCE = "sequence"


class Meetings(NamedTuple):
    """What a calendar came to: how many of what, and the commit."""

    counts: Mapping[str, int]
    written: Written


def take_in(book: Book, path: Path, *, own: Iterable[str] = (), dry_run: bool = False) -> Meetings:
    """File the events of a calendar that customers take part in.

    Raises:
        NotFound, InvalidData: there is no such file, or it is no calendar.
        CrmError: the library that reads calendars is not installed.
    """
    events = calendar_parts.read(_bytes(path), book.context.zone, path.name)
    matcher = Matcher(book, Sends({}, (), ()), tuple(own))
    counts: dict[str, int] = {}
    wanted = []
    latest = _latest(events)
    own_entries = {(event.uid, event.instance) for event in latest}
    series, patience = 0, recurring.Patience()
    for event in latest:
        customers, unclear = _customers(matcher, event)
        if not customers:
            counts["unclear" if unclear else "nobody"] = counts.get("unclear" if unclear else "nobody", 0) + 1
        if customers and event.lost:
            counts["lost"] = counts.get("lost", 0) + 1
        each = [event]
        if customers and event.series is not None and not event.cancelled and series < MOST_SERIES:
            series += 1
            each = list(_instances(event, book.now(), own_entries, patience))
        wanted += [(one, customer) for one in each for customer in customers]
    if not wanted:
        return Meetings(counts, Written((), "ingest: no meetings", ""))
    with book.write("ingest calendar") as tx:
        desk = _Desk(book, tx, counts)
        for event, customer in wanted:
            desk.take(event, customer)
        desk.finish()
        changed = counts.get("new", 0) + counts.get("changed", 0)
        message = f"ingest: {changed} meeting{'' if changed == 1 else 's'}"
        if dry_run:
            return Meetings(counts, Written((), message, ""))
        handles = tuple(dict.fromkeys(customer for _, customer in wanted))
        return Meetings(counts, Written(handles, message, tx.commit(message), tuple(adopted(tx))))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(calendar_parts.LARGEST + 1)
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except OSError as exc:
        raise storage_failed(str(path), exc, "read") from exc


def _latest(events: Iterable[Event]) -> list[Event]:
    """The last version of each event, in the order of their starts."""
    found: dict[tuple[str, str], Event] = {}
    for event in events:
        known = found.get((event.uid, event.instance))
        if known is None or event.sequence >= known.sequence:
            found[event.uid, event.instance] = event
    return sorted(found.values(), key=lambda event: (event.starts, event.uid))


def _instances(
    event: Event, now: datetime, own_entries: Container[tuple[str, str]], patience: recurring.Patience
) -> Iterator[Event]:
    """The event that recurs, and each of its instances that was; not those that have an entry of their own.

    The first one is known by the event's own name, as it is before anybody knows that there will be more.
    """
    assert event.series is not None
    first = calendar_parts.instance_of(event.starts)
    found = recurring.instances(event.series, event.starts, max(now, event.starts), patience)
    for at in found:
        name = calendar_parts.instance_of(at)
        if (event.uid, name) not in own_entries:
            yield event._replace(instance="" if name == first else name, starts=at)


def _customers(matcher: Matcher, event: Event) -> tuple[list[str], bool]:
    """The customers who take part, without those who declined; and whether an address is that of several."""
    found: dict[str, None] = {}
    unclear = False
    for person in event.people:
        if person.address.casefold() in matcher.own or person.answer == "declined":
            continue
        customers = matcher.with_address(person.address)
        unclear = unclear or len(customers) > 1
        if len(customers) == 1:
            found[customers[0]] = None
    return list(found), unclear


class _Desk:
    """The events of one calendar in one transaction."""

    def __init__(self, book: Book, tx: Transaction, counts: dict[str, int]) -> None:
        self._book = book
        self._tx = tx
        self._counts = counts
        self._now = book.now()
        self._files: dict[str, InteractionFile] = {}
        self._known: dict[str, dict[str, RawMap]] = {}
        self._changed: set[str] = set()

    def take(self, event: Event, customer: str) -> None:
        """File an event with one customer, as news or as a change, or leave it as it is."""
        before = self._meeting(event, customer)
        promised = self._promise(event, customer)
        known = [int(version) for version in (_version(before), _version(promised)) if version]
        over = event.starts <= self._now
        if known and event.sequence < max(known):
            self._count("same")
        elif event.cancelled:
            self._cancel(event, customer, before, promised)
        elif over:
            self._file(event, customer, before, promised)
        else:
            self._put_promise(event, customer, promised)

    # What was

    def _identity(self, event: Event, customer: str) -> str:
        """The id of the entry: decided by the event, not by its time, which may change."""
        return entries.same_id(_EPOCH, "meeting", event.uid, event.instance, customer)

    def _meeting(self, event: Event, customer: str) -> RawMap | None:
        self._file_of(customer)
        return self._known[customer].get(self._identity(event, customer))

    def _file_of(self, customer: str) -> InteractionFile:
        """The history of a customer, read once."""
        if customer not in self._files:
            file = lines.open_file(self._book, self._tx, records.interactions_path(self._book, customer))
            self._files[customer] = file
            self._known[customer] = {str(data.get("id")): data for data in file.all()}
        return self._files[customer]

    def finish(self) -> None:
        """Put the histories that changed into the transaction."""
        for customer in sorted(self._changed):
            path = records.interactions_path(self._book, customer)
            self._tx.put(path, self._files[customer].content())

    def _file(self, event: Event, customer: str, before: RawMap | None, promised: RawMap | None) -> None:
        if promised is not None and not promised.get("done"):
            self._put(event, customer, {**promised, "done": _day(event.starts), "outcome": "took place"})
        data = self._entry(event, customer)
        if before == data:
            self._count("same")
            return
        self._replace(customer, data)
        self._count("changed" if before is not None else "new")

    def _entry(self, event: Event, customer: str, outcome: str = "") -> RawMap:
        at = event.starts.astimezone(self._book.context.zone)
        pieces = [event.summary or "(no title)", event.place and f"Place: {event.place}"]
        data: RawMap = {
            "id": self._identity(event, customer),
            "at": entries.stamp(at),
            "type": "meeting",
            "text": entries.clean("\n".join(piece for piece in pieces if piece)),
            "outcome": outcome,
            "minutes": str(event.minutes) if event.minutes else "",
            "source": "calendar",
            "external": _external(event),
        }
        return {name: value for name, value in data.items() if value}

    def _replace(self, customer: str, data: RawMap) -> None:
        path, file, identity = records.interactions_path(self._book, customer), self._file_of(customer), str(data["id"])
        checked = lines.checked(self._book, self._book.schema.require("interaction"), data, path)
        if identity in self._known[customer]:
            file.replace(identity, checked)
        else:
            file.add(checked)
        self._known[customer][identity] = checked
        self._changed.add(customer)

    # What is to come

    def _handle(self, event: Event, customer: str) -> str:
        return f"meeting-{entries.digest(event.uid, event.instance, customer)[:12]}"

    def _path(self, event: Event, customer: str) -> str:
        kind = self._book.schema.require("followup")
        handle = self._handle(event, customer)
        row = self._book.index.row("SELECT path FROM followups WHERE handle = ?", (handle,))
        return str(row[0]) if row else layout.path_of(kind, handle, sharded=self._book.sharded)

    def _promise(self, event: Event, customer: str) -> RawMap | None:
        path = self._path(event, customer)
        return records.load(self._tx, path) if self._tx.read(path) is not None else None

    def _put_promise(self, event: Event, customer: str, before: RawMap | None) -> None:
        at = event.starts.astimezone(self._book.context.zone)
        clock = "" if event.all_day else f" at {at:%H:%M}"
        place = f" ({event.place})" if event.place else ""
        data: RawMap = {
            **(before or {}),
            "id": str(
                (before or {}).get("id") or entries.same_id(_EPOCH, "promise", event.uid, event.instance, customer)
            ),
            "what": entries.clean(f"Meeting{clock}: {event.summary or '(no title)'}{place}"),
            "due": _day(at),
            "customer": customer,
            "tags": ["meeting"],
            "external": _external(event),
        }
        data.pop("done", None)
        data.pop("outcome", None)
        if data == before:
            self._count("same")
            return
        self._put(event, customer, data)
        self._count("changed" if before is not None else "new")

    def _put(self, event: Event, customer: str, data: RawMap) -> None:
        kind = self._book.schema.require("followup")
        records.save(self._book, self._tx, kind, self._path(event, customer), data)

    def _cancel(self, event: Event, customer: str, before: RawMap | None, promised: RawMap | None) -> None:
        changed = False
        if before is not None and before.get("outcome") != CANCELLED:
            self._replace(customer, {**before, "outcome": CANCELLED, "external": _external(event)})
            changed = True
        if promised is not None and promised.get("outcome") != CANCELLED:
            done = {"done": str(promised.get("done") or _day(self._now)), "outcome": CANCELLED}
            self._put(event, customer, {**promised, **done, "external": _external(event)})
            changed = True
        self._count("changed" if changed else "same" if before or promised else "cancelled")

    def _count(self, what: str) -> None:
        self._counts[what] = self._counts.get(what, 0) + 1


def _external(event: Event) -> RawMap:
    found: RawMap = {"ical": entries.clean(event.uid), _SEQUENCE: str(event.sequence)}
    if event.instance:
        found["instance"] = event.instance
    return found


def _version(data: RawMap | None) -> str:
    external = (data or {}).get("external")
    version = external.get(_SEQUENCE, "") if isinstance(external, dict) else ""
    return version if isinstance(version, str) and version.isdecimal() else ""


def _day(at: datetime) -> str:
    return at.date().isoformat()
