"""Calls with customers, from the records of a telephone system: one entry a call, whatever its legs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import NotFound
from crmctl.services.ingest import callrecords
from crmctl.services.ingest import entries
from crmctl.services.ingest import filing
from crmctl.services.ingest.callrecords import Call
from crmctl.services.ingest.callrecords import Rejected
from crmctl.services.ingest.entries import Entry
from crmctl.services.ingest.entries import Task
from crmctl.services.records import Written
from crmctl.services.records import adopted
from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.ingest.callrecords import CallMapping

_RESULTS = {
    "no answer": "no answer",
    "noanswer": "no answer",
    "busy": "busy",
    "failed": "failed",
    "congestion": "failed",
}
_HIDDEN = frozenset({"", "anonymous", "unknown", "private", "withheld", "restricted", "unavailable", "s", "h"})


class Calls(NamedTuple):
    """What a file of calls came to: how many of what, the rows that could not be read, and the commit."""

    counts: Mapping[str, int]
    rejected: tuple[Rejected, ...]
    written: Written


def take_in(book: Book, path: Path, format_: str, mapping_path: Path | None, *, dry_run: bool = False) -> Calls:
    """File the calls with customers that stand in a file; a last line without its end is left for the next time.

    Raises:
        NotFound, UsageProblem, InvalidData: the file or its mapping cannot be used.
    """
    from crmctl.model.settings import zone_named
    from crmctl.store.yaml_reader import read_yaml

    said = read_yaml(_bytes(mapping_path), str(mapping_path)).data if mapping_path else None
    mapping = callrecords.read_mapping(said, format_, str(mapping_path or ""))
    zone = zone_named(mapping.timezone) if mapping.timezone else book.context.zone
    if zone is None:
        from crmctl.errors import UsageProblem

        raise UsageProblem(f"{mapping_path}: there is no time zone {mapping.timezone!r}", hint="Such as Europe/Berlin.")
    log = _Log(book, mapping)
    rejected = []
    for one in callrecords.read(_bytes(path), mapping, zone, path.name):
        if isinstance(one, Rejected):
            rejected.append(one)
        else:
            log.take(one)
    found, tasks = log.entries(), log.tasks()
    message = f"ingest: {len(found)} call{'' if len(found) == 1 else 's'}"
    written = Written((), message, "")
    if (found or tasks) and not dry_run:
        with book.write("ingest calls") as tx:
            filing.put_entries(book, tx, found)
            filing.put_tasks(book, tx, tasks)
            handles = tuple(dict.fromkeys(entry.customer for entry in found))
            written = Written(handles, message, tx.commit(message), tuple(adopted(tx)))
    return Calls({**log.counts, "new": len(found)}, tuple(rejected), written)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(callrecords.LARGEST)
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except OSError as exc:
        raise storage_failed(str(path), exc, "read") from exc


class _Log:
    """The calls of one file, legs together."""

    def __init__(self, book: Book, mapping: CallMapping) -> None:
        self.counts: dict[str, int] = {}
        self._book = book
        self._mapping = mapping
        self._region = mapping.country or book.settings.country
        rows = book.index.rows("SELECT value FROM interactions_external WHERE key = 'call'")
        self._known = {str(value) for (value,) in rows}
        self._legs: dict[str, list[tuple[Call, str, str]]] = {}
        self._by_number: dict[str, tuple[str, ...]] = {}
        self._own = {self._digits(number) for number in mapping.own}
        self._members = {str(handle) for (handle,) in book.index.rows("SELECT handle FROM members")}

    def take(self, call: Call) -> None:
        """Look at one leg: internal ones, callers without a number and those that nobody knows are counted only."""
        key = entries.clean(f"{call.key}")[:200]
        if key in self._known:
            self._count("known")
            return
        inside_from, inside_to = self._is_inside(call.from_), self._is_inside(call.to)
        if inside_from and inside_to:
            self._count("internal")
            return
        incoming = not inside_from
        other = call.from_ if incoming else call.to
        if other.strip().lower() in _HIDDEN:
            self._count("anonymous")
            return
        digits = self._digits(other)
        if not digits or not self._customers(digits):
            self._count("unknown")
            return
        self._legs.setdefault(key, []).append((call, digits, "in" if incoming else "out"))

    def entries(self) -> list[Entry]:
        """An entry for each call with one customer."""
        found = []
        for key, legs in self._legs.items():
            customers = self._customers(legs[0][1])
            if len(customers) == 1:
                found.append(self._entry(key, legs, customers[0]))
        return found

    def tasks(self) -> list[Task]:
        """A follow-up for each number that several customers have: one, however often it calls."""
        numbers: dict[str, tuple[Call, tuple[str, ...]]] = {}
        for legs in self._legs.values():
            call, digits, _ = legs[0]
            customers = self._customers(digits)
            if len(customers) > 1:
                numbers.setdefault(digits, (call, customers))
                self._count("unclear")
        return [
            Task(
                f"call {digits}",
                "Say whose phone number it is",
                "",
                f"Calls with +{digits} were not filed: {', '.join(customers)} all have this number.",
                call.started,
                7,
            )
            for digits, (call, customers) in numbers.items()
        ]

    def _entry(self, key: str, legs: list[tuple[Call, str, str]], customer: str) -> Entry:
        first, _, direction = min(legs, key=lambda leg: leg[0].started)
        seconds = max(leg[0].seconds if leg[0].answered else 0 for leg in legs)
        answered = any(leg[0].answered for leg in legs)
        missed = "missed" if direction == "in" else _RESULTS.get(first.result, "no answer")
        at = first.started.astimezone(self._book.context.zone)
        inside = [
            leg[0].to if direction == "in" else leg[0].from_
            for leg in sorted(legs, key=lambda leg: not leg[0].answered)
        ]
        data: RawMap = {
            "id": entries.same_id(at, "call", key, customer),
            "at": entries.stamp(at),
            "type": "call",
            "direction": direction,
            "by": next((member for one in inside if (member := self._member(one))), ""),
            "text": f"Call {'from' if direction == 'in' else 'to'} +{legs[0][1]}",
            "outcome": "reached" if answered else missed,
            "minutes": str(-(-seconds // 60)) if answered else "",
            "source": "phone system",
            "external": {"call": key},
        }
        return Entry(customer, {name: value for name, value in data.items() if value})

    def _member(self, number: str) -> str:
        member = self._mapping.extensions.get(_extension(number), "")
        return member if member in self._members else ""

    def _is_inside(self, number: str) -> bool:
        """Whether a number is one of our own: an extension, or what the mapping calls ours."""
        plain = _extension(number)
        if number.lower().startswith("ext.") or plain in self._mapping.extensions:
            return True
        if plain.isdecimal() and len(plain) <= self._mapping.internal_digits:
            return True
        return bool(self._own) and self._digits(number) in self._own

    def _digits(self, number: str) -> str:
        from crmctl.model import phones

        plain = number.strip()
        if plain.startswith("00") and len(plain) > 7:
            plain = f"+{plain[2:]}"
        return phones.digits(plain, self._region)

    def _customers(self, digits: str) -> tuple[str, ...]:
        if digits not in self._by_number:
            sql = (
                "SELECT DISTINCT t.handle FROM customers_phones p JOIN customers t ON t.row_id = p.owner "
                "WHERE p.value_key = ? ORDER BY t.handle LIMIT 20"
            )
            self._by_number[digits] = tuple(str(handle) for (handle,) in self._book.index.rows(sql, (digits,)))
        return self._by_number[digits]

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def _extension(number: str) -> str:
    return number.strip().lower().removeprefix("ext.").strip()
