"""Whether a message may go to somebody: the one place that plan, send and follow-ups ask.

A gate is made once a run, of the index and of the list of suppressions; a question to it then costs microseconds. What
cannot be read, or not be told for want of a key, is an error when the gate is made: nothing is sent.
"""

from __future__ import annotations

import os
from datetime import date
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from crmctl.services.consenting import addresses
from crmctl.services.consenting import permission
from crmctl.services.consenting import suppression
from crmctl.services.consenting import suppression_entry
from crmctl.services.consenting.grounds import Grounds

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Purpose
    from crmctl.model.values import Context
    from crmctl.services.book import Book


class Gate:
    """Says no, and why.

    Raises:
        InvalidData: the list of suppressions cannot be read.
        KeyMissing: a key that the book names is not here.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._seen = _state(book)
        self.suppressions = suppression.load(book)
        self._grounds = Grounds(book, book.now())
        self._closed: dict[tuple[str, str], dict[str, str]] = {}

    def refusal(
        self, data: RawMap, address: str, purpose: Purpose | str, channel: str, now: datetime, *, handle: str = ""
    ) -> tuple[str, str] | None:
        """(code, reason) why this customer may not be written to at ``address``, or None when they may.

        ``address`` may be "" where none is needed to tell (a letter). ``handle`` says whose record ``data`` is; without
        it, its id does. Nothing of the address is in the reason.
        """
        known = self._purpose(purpose)
        if known is None:
            return "unknown-purpose", "the purpose is none of this book's"
        found = permission.refusal(data, known, channel) or self._address(address, known, channel)
        if found:
            return found
        promotion = known.basis not in permission.TRANSACTIONAL
        if promotion and (gone := permission.taken_back_elsewhere(data, known, self._book.settings.purposes)):
            return gone
        implied = permission.is_implied(data, known)
        if not promotion and not implied:
            return None
        whose = handle or self._handles.get(str(data.get("id") or ""), "")
        if not whose:
            return "unknown", "the record has no id, so nobody can tell whose complaints and purchases are whose"
        if promotion and whose in self._grounds.complaints:
            return "open-complaint", "has a complaint that is not solved yet"
        if day := permission.not_before(data, known, now.date().isoformat()):
            return _on_that_day(known, day)
        return self._grounds.implied(whose, data, known, now) if implied else None

    def ends(self, data: RawMap, purpose: Purpose | str, handle: str) -> datetime | None:
        """When what speaks for writing to them will end by itself (implied consent in Canada); None for never."""
        known = self._purpose(purpose)
        if known is None or not permission.is_implied(data, known):
            return None
        return self._grounds.ends(handle, data, known)

    def begins(self, data: RawMap, purpose: Purpose | str, handle: str, now: datetime) -> datetime | None:
        """The moment from which what is ``permission.NOT_YET`` at ``now`` may go; None when nobody knows."""
        known = self._purpose(purpose)
        if known is None:
            return None
        day = permission.not_before(data, known, now.date().isoformat())
        if day:
            return datetime.combine(date.fromisoformat(day), datetime.min.time(), now.tzinfo)
        return self._grounds.begins(handle) if permission.is_implied(data, known) else None

    def is_stale(self) -> bool:
        """Whether the book or the list may have changed since: make another gate (of a refreshed book) then.

        Costs a look at a few files, so that it can be asked before every single message.
        """
        return _state(self._book) != self._seen

    def _purpose(self, purpose: Purpose | str) -> Purpose | None:
        name = purpose if isinstance(purpose, str) else purpose.name
        return self._book.settings.purposes.get(name.strip().lower())

    def _address(self, address: str, purpose: Purpose, channel: str) -> tuple[str, str] | None:
        if not address.strip() or channel not in ("email", "phone", "sms"):
            return None
        normal = addresses.normal(address, self._context)
        if not normal:
            return "bad-address", "has an address that cannot be used"
        entry = self.suppressions.refusal(normal, purpose, channel)
        if entry is not None:
            return "suppressed", entry.words
        other = self._closed_for(purpose, channel).get(normal)
        return ("suppressed", f"has the same address as {other}") if other else None

    def _closed_for(self, purpose: Purpose, channel: str) -> dict[str, str]:
        """The addresses of everybody who took consent back or wants no contact, with who that is and why.

        One mailbox, two records: whoever asked to be left alone must not be written to under the other one either.
        """
        found = self._closed.get((purpose.name, channel))
        if found is None:
            found = self._closed[purpose.name, channel] = {}
            for handle, data in self._suspects:
                refused = permission.refusal(data, purpose, channel)
                if refused and refused[0] in permission.LASTING:
                    for address in addresses.all_of(data, channel):
                        found.setdefault(addresses.normal(address, self._context), f"{handle}: {refused[1]}")
            found.pop("", None)
        return found

    @cached_property
    def _context(self) -> Context:
        return self._book.context

    @cached_property
    def _suspects(self) -> list[tuple[str, RawMap]]:
        return list(permission.suspects(self._book))

    @cached_property
    def _handles(self) -> dict[str, str]:
        """Handles by ids; an id that stands in two records is nobody's."""
        found: dict[str, str] = {}
        for handle, identity in self._book.index.rows("SELECT handle, id FROM customers WHERE id IS NOT NULL"):
            found[str(identity)] = "" if str(identity) in found else str(handle)
        return found


def _on_that_day(purpose: Purpose, day: str) -> tuple[str, str]:
    try:
        date.fromisoformat(day)
    except ValueError:
        return "no-consent", f"agreed to {purpose.name} on a day that cannot be understood"
    return permission.NOT_YET, f"agreed to {purpose.name} on {day}, a day that has not come yet"


def _state(book: Book) -> tuple[object, ...]:
    """What changes whenever somebody writes to the book or to the list: stamps of a few files."""
    head, common = f"{book.places.git_dir}/HEAD", f"{book.places.common_dir}/"
    try:
        with open(head, encoding="utf-8") as file:  # noqa: PTH123 - it is asked before every message
            branch = file.read().removeprefix("ref:").strip()
    except (OSError, UnicodeDecodeError):
        return (object(),)  # Nobody can tell, so it is another state each time.
    lists = f"{book.root}/{suppression_entry.FOLDER}"
    git = (head, f"{common}packed-refs", os.path.join(common, branch))  # noqa: PTH118 - for every message
    return tuple(map(_stamp, (*git, lists, *_lists(lists))))


def _lists(folder: str) -> list[str]:
    try:
        return [f"{folder}/{name}" for name in sorted(os.listdir(folder))]  # noqa: PTH208 - for every message
    except OSError:
        return []


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        state = os.stat(path)  # noqa: PTH116 - for every message
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
