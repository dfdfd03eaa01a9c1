"""What differs between two states of a book, record by record and in words, and all of it in one sentence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model.settings import FILE
from crmctl.services.past.history import differences
from crmctl.services.past.history import lines_in
from crmctl.services.past.history import record_in
from crmctl.services.past.pairing import paired
from crmctl.services.past.turns import Turn
from crmctl.services.past.turns import amount_words
from crmctl.services.past.turns import text_in
from crmctl.services.past.turns import turns_of
from crmctl.store import layout
from crmctl.vcs.trees import empty_tree

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings
    from crmctl.services.book import Book

    Contents = Mapping[str, tuple[bytes | None, bytes | None]]
    """The files that differ: path -> what stood in it before and what after, None where there was no file."""

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_LAYOUT = "only its layout or its comments"


class RecordChange(NamedTuple):
    """A record that differs between two states.

    ``kind`` is the name of its kind, "settings" for ``crm.yaml``, "file" for what is no record (``handle`` is its path
    then); an interaction has a change of its own, with its ``type``. ``what`` is "added", "removed" or "changed".
    ``words`` say what changed, field by field; ``turns`` what that means. ``customer`` is whom it is about.
    """

    kind: str
    plural: str
    handle: str
    what: str
    title: str = ""
    customer: str = ""
    type: str = ""
    words: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()


def between(book: Book, old: str, new: str) -> list[RecordChange]:
    """What differs between two commits (or trees), by kind and handle; ``old`` may be "", for nothing at all.

    Raises:
        GitFailed: git does not have one of them.
    """
    repository = book.repository
    empty = empty_tree(repository.algorithm)
    return told(book, blobs(book, repository.changes_between(old or empty, new or empty)))


def with_work_tree(book: Book, old: str) -> list[RecordChange]:
    """What differs between a commit and the files as they stand: what was committed since, and what was not.

    Raises:
        GitFailed, NoBook: git does not have that commit, or cannot look at the work tree.
    """
    from crmctl.errors import CrmError
    from crmctl.services.freshness import differing

    repository = book.repository
    empty = empty_tree(repository.algorithm)
    status = book.probe.result()
    contents = dict(blobs(book, repository.changes_between(old or empty, status.head or empty)))
    edited = differing(book.root, status)
    known = repository.blobs(old, edited)
    before = blobs(book, {path: (known.get(path, ""), "") for path in edited})
    for path in edited:
        try:
            after: bytes | None = book.files.read(path)
        except FileNotFoundError:
            after = None
        except CrmError:
            after = b""  # It stands there and cannot be read.
        contents[path] = before[path][0], after
    return told(book, contents)


def blobs(book: Book, paths: Mapping[str, tuple[str, str]]) -> Contents:
    """The contents of files by the ids of their blobs before and after ("" for none), all from one call of git."""
    wanted = list(dict.fromkeys(oid for pair in paths.values() for oid in pair if oid))
    found = dict(zip(wanted, book.repository.contents(wanted), strict=True)) if wanted else {}
    return {path: (found.get(old), found.get(new)) for path, (old, new) in paths.items()}


def told(book: Book, contents: Contents) -> list[RecordChange]:
    """The changes that files with other contents make, by kind (in the order of the schema) and handle."""
    settings = book.settings
    records: dict[tuple[str, str], tuple[bytes | None, bytes | None]] = {}
    others: list[RecordChange] = []
    for path, (before, after) in contents.items():
        place = layout.place_of(path, settings.schema)
        if place is None:
            others += _file(path, before, after)
            continue
        # A record that moved, because the book has another layout now, is one record.
        key = (place.kind.name, place.handle)
        known = records.get(key, (None, None))
        records[key] = (known[0] if before is None else before, known[1] if after is None else after)
    changes = [
        _with_old_handle(change, pair.old)
        for pair in paired(records)
        if pair.before != pair.after or pair.old
        for change in _changes(settings, settings.schema.require(pair.kind), pair.handle, pair.before, pair.after)
    ]
    order = {kind.name: number for number, kind in enumerate(settings.schema.kinds)}
    changes.sort(key=lambda change: (order[change.kind], change.customer if change.type else "", change.handle))
    return changes + sorted(others, key=lambda change: (change.kind != "settings", change.handle))


def _with_old_handle(change: RecordChange, old: str) -> RecordChange:
    if not old:
        return change
    return change._replace(words=(f"renamed from {old}", *(word for word in change.words if word != _LAYOUT)))


def _changes(
    settings: Settings, kind: Kind, handle: str, before: bytes | None, after: bytes | None
) -> Iterator[RecordChange]:
    if kind.storage == "jsonl":
        yield from _lines(kind, handle, before, after)
        return
    old, new = (None if data is None else record_in(data) for data in (before, after))
    known: RawMap = new or old or {}
    what = ADDED if before is None else REMOVED if after is None else CHANGED
    words: tuple[str, ...] = ()
    if what == CHANGED and (old is None or new is None):
        words = ("cannot be read any more" if new is None else "can be read again",)
    elif old is not None and new is not None:
        words = tuple(differences(kind.stored, old, new)) or (_LAYOUT,)
    title, customer = text_in(known, kind.title), handle if kind.name == "customer" else text_in(known, "customer")
    turns = tuple(turns_of(settings, kind, old or {}, new)) if new is not None else ()
    yield RecordChange(kind.name, kind.plural, handle, what, title, customer, "", words, turns)


def _lines(kind: Kind, customer: str, before: bytes | None, after: bytes | None) -> Iterator[RecordChange]:
    old, new = lines_in(before), lines_in(after)
    numbers = {key: number for lines in (old, new) for number, key in enumerate(lines, 1)}
    for key in dict.fromkeys([*old, *new]):
        was, now = old.get(key), new.get(key)
        if was == now:
            continue
        what = ADDED if was is None else REMOVED if now is None else CHANGED
        value = now or was or {}
        words = tuple(differences(kind.stored, was, now)) if was is not None and now is not None else ()
        handle = text_in(value, "id") or f"{customer}#{numbers[key]}"
        type_ = text_in(value, "type") or kind.name
        yield RecordChange(kind.name, kind.plural, handle, what, "", customer, type_, words)


def _file(path: str, before: bytes | None, after: bytes | None) -> Iterator[RecordChange]:
    if before == after:
        return
    what = ADDED if before is None else REMOVED if after is None else CHANGED
    words: tuple[str, ...] = ()
    if path == FILE and before is not None and after is not None:
        old, new = record_in(before), record_in(after)
        if old is not None and new is not None:
            words = tuple(differences((), old, new)) or (_LAYOUT,)
    kind = "settings" if path == FILE else "file"
    yield RecordChange(kind, "settings" if path == FILE else "files", path, what, words=words)


# All of it in one sentence


def summary(changes: Iterable[RecordChange]) -> str:
    """``3 customers changed, 12 interactions, 1 deal won (4,000.00 EUR)``; "nothing changed" when there are none.

    A record counts once, however many changes of it are in ``changes`` (those of several commits, say).
    """
    return ", ".join(_parts(list(changes))) or "nothing changed"


def _parts(changes: list[RecordChange]) -> Iterator[str]:
    met: dict[tuple[str, str], dict[str, set[str]]] = {}
    for change in changes:
        by_what = met.setdefault((change.kind, change.plural), {})
        by_what.setdefault(_counted_as(change), set()).add(f"{change.customer}/{change.handle}")
    for (kind, plural), by_what in met.items():
        for what in (ADDED, CHANGED, "done", "solved", "won", "lost", "moved", REMOVED):
            who = by_what.get(what, set())
            if what == CHANGED:  # What else happened to it says more.
                who = who.difference(*(others for told_as, others in by_what.items() if told_as != CHANGED))
            if who:
                worth = _sum(changes, kind, what) if what in ("won", "lost") else ""
                yield f"{_noun(len(who), kind, plural)}{_verb(kind, what)}{worth}"
    consents = Counter(turn.what for change in changes if change.kind == "customer" for turn in change.turns)
    for state, number in consents.items():
        yield f"{number} consent{'' if number == 1 else 's'} {state}"


def _counted_as(change: RecordChange) -> str:
    """A deal that was won is told as won, whether it is new or changed; a follow-up that was done as done."""
    told_as = [turn.what for turn in change.turns if turn.what in ("won", "lost", "moved", "done", "solved")]
    return told_as[0] if told_as else change.what


def _verb(kind: str, what: str) -> str:
    """Interactions happen: that they were added goes without saying."""
    return "" if kind == "interaction" and what == ADDED else f" {what}"


def _noun(number: int, kind: str, plural: str) -> str:
    if kind == "settings":
        return "the settings"
    word = (kind if number == 1 else plural).replace("_", " ").replace("followup", "follow-up")
    return f"{number:,} {word}"


def _sum(changes: list[RecordChange], kind: str, what: str) -> str:
    """What the deals that were won (or lost) are worth, by currency; each with what it was worth last."""
    worth: dict[str, Turn] = {}
    for change in changes:
        worth.update((change.handle, turn) for turn in change.turns if change.kind == kind and turn.what == what)
    sums: Counter[str] = Counter()
    for turn in worth.values():
        if turn.units is not None:
            sums[turn.currency] += turn.units
    words = " + ".join(amount_words(units, currency) for currency, units in sorted(sums.items()))
    return f" ({words})" if words else ""
