"""Which state of a book is meant: a day or a commit, as typed, and the commit that it is; found once, then remembered.

What is remembered stands beside the indexes of past states, and holds only for the HEAD it was found from.
"""

from __future__ import annotations

import contextlib
import json
import re
from datetime import MAXYEAR
from datetime import MINYEAR
from datetime import UTC
from datetime import datetime
from datetime import time
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.model.settings import FILE
from crmctl.model.settings import zone_named
from crmctl.store.files import write_file
from crmctl.vcs import moments as vcs
from crmctl.vcs.history import is_shallow

if TYPE_CHECKING:
    from datetime import date
    from datetime import tzinfo
    from pathlib import Path

    from crmctl.services.book import Book
    from crmctl.vcs.moments import Moment

_ID = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
# What git would take for more than the name of one commit: options, ranges, exclusions, searches, paths.
_UNSAFE = re.compile(r"[-^:]|.*(?:\.\.|:|\^\{/|[\x00-\x1f\x7f])", re.DOTALL)
# So many commits back from another.
_BACK = re.compile(r"[~^]")
_VERSION = 1
_MOST = 64
"""Days that are remembered."""
_LAST_SECOND = time(23, 59, 59)


class Shown(NamedTuple):
    """A state of a book: its commit, the id of that one's content, and up to when it counts.

    ``seconds`` (since 1970) is the end of the day asked for or the commit's own moment, ``day`` that day in the book's
    zone. ``younger`` says that the book did not exist yet on the day asked for, and that its first commit stands in.
    """

    commit: str
    tree: str
    seconds: int
    day: date
    younger: bool = False


def find(book: Book, text: str, now: datetime, *, before: bool = False) -> Shown:
    """The state that ``text`` means: a day or moment, or a commit; read at ``now``, in the book's zone.

    A day means its end, or with ``before`` its beginning. It wins, unless ``text`` could be the id of a commit.

    Raises:
        BadDate, UsageProblem: it is neither.
        NotFound: there is no such commit, or the clone is shallow and does not have that day.
    """
    from crmctl.model.when import BadDate
    from crmctl.model.when import parse_when

    if _ID.fullmatch(text.strip()):
        with contextlib.suppress(NotFound):
            return of_commit(book, book.repository.resolve(text.strip()), now)
    try:
        when = parse_when(text, now, "past")
    except BadDate as error:
        return _by_name(book, text.strip(), now, error)
    if when.moment is not None:
        return until(book, int(when.moment.timestamp()), when.moment.astimezone(now.tzinfo).date())
    zone = now.tzinfo or UTC
    return start_of(book, when.first, zone) if before else end_of(book, when.last, zone)


def _by_name(book: Book, text: str, now: datetime, error: CrmError) -> Shown:
    if _UNSAFE.match(text) or not text:
        raise error
    try:
        return of_commit(book, book.repository.resolve(text), now)
    except NotFound:
        if (_ID.fullmatch(text) or _BACK.search(text)) and is_shallow(book.places):
            raise NotFound(
                f"this clone is shallow: its history is cut, and {text!r} is not in what it has",
                hint="git fetch --unshallow brings the rest.",
            ) from None
        if _ID.fullmatch(text):
            raise
        # A date that could be two is told as such.
        if not error.message.startswith("no date"):
            raise error from None
        hint = f"{error.hint} A commit is its id, or such as HEAD~3; git log --oneline shows them."
        raise UsageProblem(f"{text!r} is neither a day nor a commit", hint=hint) from None


def end_of(book: Book, day: date, zone: tzinfo) -> Shown:
    """The state at the end of a day in ``zone``; errors as ``until``."""
    if day.year == MAXYEAR:
        raise UsageProblem("a range without an end is no day to go back to", hint="Say one day.")
    return until(book, int(datetime.combine(day, _LAST_SECOND, zone).timestamp()), day)


def start_of(book: Book, day: date, zone: tzinfo) -> Shown:
    """The state before the first moment of a day in ``zone``; errors as ``until``."""
    if day.year == MINYEAR:
        raise UsageProblem("a range without a beginning is no day to go back to", hint="Say one day.")
    return until(book, int(datetime.combine(day, time(), zone).timestamp()) - 1, day)


def until(book: Book, seconds: int, day: date) -> Shown:
    """The state at a moment (seconds since 1970) that is on ``day``.

    Raises:
        NotFound: there is no commit at all, or the clone is shallow and does not go back as far.
    """
    head = vcs.head(book.places)
    notes = _read(book)
    days = notes.get("days", {}) if notes.get("head") == head else {}
    known = days.get(str(seconds))
    if known is not None:
        return Shown(known[0], known[1], seconds, day)
    found = vcs.at(book.places, seconds) if seconds > 0 else None
    if found is None:
        return _younger(book, seconds, day)
    days = dict([*days.items(), (str(seconds), found[:2])][-_MOST:])
    _write(book, {**notes, "head": head, "days": days})
    return Shown(found.commit, found.tree, seconds, day)


def _younger(book: Book, seconds: int, day: date) -> Shown:
    """The first commit, for a day before it."""
    found = vcs.first(book.places, FILE)
    if found is None:
        raise NotFound("this book has no history yet", hint="Nothing was committed so far.")
    if vcs.is_cut(book.places, found.commit):
        since = datetime.fromtimestamp(found.seconds, zone_of(book))
        raise NotFound(
            f"this clone is shallow: it has nothing from before {since:%Y-%m-%d}",
            hint="git fetch --unshallow brings the rest.",
        )
    return Shown(found.commit, found.tree, seconds, day, younger=True)


def of_head(book: Book, now: datetime) -> Shown:
    """The state in the latest commit.

    Raises:
        NotFound: there is none.
    """
    head = vcs.head(book.places)
    if not head:
        raise NotFound("this book has no history yet", hint="Nothing was committed so far.")
    return of_commit(book, head, now)


def of_commit(book: Book, commit: str, now: datetime) -> Shown:
    """The state in a commit, told by its whole id."""
    notes = _read(book)
    known = notes.get("commits", {}).get(commit)
    found: Moment = vcs.Moment(commit, *known) if known is not None else vcs.of(book.places, commit)
    if known is None:
        commits = dict([*notes.get("commits", {}).items(), (commit, found[1:])][-_MOST:])
        _write(book, {**notes, "commits": commits})
    day = datetime.fromtimestamp(found.seconds, now.tzinfo).date()
    return Shown(found.commit, found.tree, found.seconds, day)


def zone_of(book: Book) -> tzinfo:
    """The time zone that ``crm.yaml`` in the work tree names; the index is not asked for it."""
    if book.was_read:
        return book.settings.zone
    try:
        state = (book.root / FILE).stat()
        stamp = [state.st_mtime_ns, state.st_size, state.st_ino]
    except OSError:
        stamp = []
    notes = _read(book)
    known = notes.get("zone", [])
    if known and known[0] == stamp:
        return zone_named(known[1]) or UTC
    from crmctl.services.checking.settings import load

    try:
        name = load(book.root).settings.timezone
    except CrmError:
        return UTC  # The past can be read all the same.
    _write(book, {**notes, "zone": [stamp, name]})
    return zone_named(name) or UTC


def _path(book: Book) -> Path:
    return book.places.own / "past" / "moments.json"


def _read(book: Book) -> dict[str, Any]:
    try:
        notes = json.loads(_path(book).read_bytes())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) and notes.get("version") == _VERSION else {}


def _write(book: Book, notes: dict[str, Any]) -> None:
    """Keep the notes if that can be done: they only save time."""
    path = _path(book)
    with contextlib.suppress(CrmError):
        write_file(path.parent, path.name, json.dumps({**notes, "version": _VERSION}).encode(), durable=False)
