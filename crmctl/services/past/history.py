"""Who did what to a record, from git: each commit told by the fields it changed."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.model import ids
from crmctl.services import refs
from crmctl.services.past import names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence
    from datetime import datetime

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.past.names import Trail
    from crmctl.vcs.history import Change

_SHOWN = 60
"""Longer values are cut to this many characters."""


class Event(NamedTuple):
    """One commit: when (in the book's zone), its id, who, its subject, and in words what it did to the record.

    ``cut`` says that the clone does not have what came before.
    """

    at: datetime
    commit: str
    author: str
    email: str
    subject: str
    changes: tuple[str, ...]
    cut: bool


def locate(book: Book, ref: str, kind: Kind | None = None) -> tuple[Kind, str]:
    """The kind and handle of the record that ``ref`` means: of ``kind``, or of any, customers first.

    A record that was removed is found by its whole handle.

    Raises:
        NotFound, Ambiguous: as ``refs.find``.
    """
    kinds = book.schema.kinds if kind is None else (kind,)
    for candidate in kinds:
        row = book.index.row(f"SELECT handle FROM {candidate.plural} WHERE handle IN (?, ?)", (ref, ref.lower()))
        if row is not None:
            return candidate, str(row[0])
    missing = NotFound(f"there is no record {ref!r}", hint="crmctl find WORDS looks everywhere.")
    for candidate in kinds:
        try:
            return candidate, refs.find(book, candidate, ref)
        except NotFound as error:
            missing = error if kind is not None else missing
    removed = _removed(book, kinds, ref.lower())
    if removed is None:
        raise missing
    return removed, ref.lower()


def _removed(book: Book, kinds: Sequence[Kind], handle: str) -> Kind | None:
    """The kind of a record that was there once."""
    from crmctl.vcs.history import changes

    if ids.handle_problem(handle):
        return None
    paths = {path: kind for kind in kinds if kind.storage == "yaml" for path in names.both_layouts(kind, handle)}
    for change in changes(book.places, list(paths), book.revision):
        for path in (*change.after, *change.before):
            return paths[path]
    return None


def history(book: Book, kind: Kind, handle: str, limit: int = 0) -> list[Event]:
    """What happened to a record, latest first; to a customer's history of interactions too.

    Raises:
        GitFailed: the history cannot be read.
    """
    found = _events(book, kind, handle)
    return list(islice(found, limit)) if limit else list(found)


def _events(book: Book, kind: Kind, handle: str) -> Iterator[Event]:
    from crmctl.vcs.history import changes

    interactions = book.schema.require("interaction")
    zone = book.settings.zone
    only = handle if kind.storage == "jsonl" else ""
    trail = names.trail(book, *_owner(book, kind, handle))
    lines = trail.along(interactions) if trail.kind.name == "customer" else []
    for change in changes(book.places, [*trail.paths, *lines], book.revision):
        words = [] if only else list(_record_words(change, trail))
        words += _line_words(interactions, change, trail, only) if lines else ()
        if not words and (only or trail.concerns_another(change)):
            continue
        yield Event(
            change.at.astimezone(zone),
            change.commit,
            change.author,
            change.email,
            change.subject,
            tuple(words),
            change.cut,
        )


def _owner(book: Book, kind: Kind, handle: str) -> tuple[Kind, str]:
    """The record whose names say where this one stood: itself, or of an interaction the customer."""
    if kind.storage != "jsonl":
        return kind, handle
    row = book.index.row(f"SELECT customer FROM {kind.plural} WHERE handle = ?", (handle,))
    return book.schema.require("customer"), str(row[0]) if row else handle


def _record_words(change: Change, trail: Trail) -> Iterator[str]:
    old_path, new_path = trail.where(change.before), trail.where(change.after)
    before, after = change.before.get(old_path), change.after.get(new_path)
    if before is not None and after is not None and names.handle_of(old_path) != names.handle_of(new_path):
        yield f"renamed from {names.handle_of(old_path)}"
        if before == after:
            return
    elif before == after:
        return
    if before is None:
        yield "was there already" if change.cut else "added"
    elif after is None:
        yield "removed"
    else:
        old, new = record_in(before), record_in(after)
        if old is None or new is None:
            yield "cannot be read any more" if new is None else "can be read again"
        else:
            words = list(differences(trail.kind.stored, old, new))
            yield from words or ["only its layout or its comments"]


def record_in(data: bytes) -> RawMap | None:
    """The record in the content of a file, None when it cannot be read."""
    from crmctl.store.yaml_reader import read_yaml

    try:
        return read_yaml(data, "").data
    except InvalidData:
        return None


def differences(fields: Sequence[Field], before: RawMap, after: RawMap, prefix: str = "") -> Iterator[str]:
    """What changed between two versions of a record, field by field in words, in the order of the fields."""
    known = {field.name: field for field in fields}
    for name in dict.fromkeys([*known, *before, *after]):
        old, new = before.get(name, ""), after.get(name, "")
        if old != new:
            yield from _difference(known.get(name), prefix + name, old, new)


def _difference(field: Field | None, name: str, old: Raw, new: Raw) -> Iterator[str]:
    if isinstance(old or new, dict) and isinstance(new or old, dict):
        parts = field.fields if field is not None and field.shape == "one" else ()
        yield from differences(parts, _as_map(old), _as_map(new), f"{name}.")
    elif isinstance(old or new, list) and isinstance(new or old, list):
        yield _list_difference(name, old, new)
    elif field is not None and field.type == "note" and old and new:
        yield f"change {name}"
    elif not new:
        yield f"clear {name} (was {_shown(old)})"
    elif not old:
        yield f"set {name}: {_shown(new)}"
    else:
        yield f"set {name}: {_shown(old)} -> {_shown(new)}"


def _as_map(value: Raw) -> RawMap:
    return value if isinstance(value, dict) else {}


def _list_difference(name: str, old: Raw, new: Raw) -> str:
    """``tags +vip -cold``; of lists whose items have parts only how many came and went."""
    had = list(old) if isinstance(old, list) else []
    has = list(new) if isinstance(new, list) else []
    added = [item for item in has if item not in had]
    gone = [item for item in had if item not in has]
    if not added and not gone:
        return f"reorder {name}"
    if all(isinstance(item, str) for item in [*added, *gone]):
        return " ".join([name, *(f"+{_shown(item)}" for item in added), *(f"-{_shown(item)}" for item in gone)])
    same = min(len(added), len(gone))
    counts = [(len(added) - same, "+{}"), (len(gone) - same, "-{}"), (same, "{} changed")]
    return " ".join([name, *(form.format(count) for count, form in counts if count)])


def _shown(value: Raw) -> str:
    text = value if isinstance(value, str) else f"{len(value)} entries"
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _line_words(kind: Kind, change: Change, trail: Trail, only: str) -> Iterator[str]:
    """What happened to interactions: how many of which type came, went or changed; of a single one, its fields."""
    before = lines_in(trail.along_in(change.before, kind, change.after))
    after = lines_in(trail.along_in(change.after, kind, change.before))
    if only:
        before, after = ({key: item[key] for key in item if key == only} for item in (before, after))
    added = [value for key, value in after.items() if key not in before]
    gone = [value for key, value in before.items() if key not in after]
    changed = [key for key in after if key in before and before[key] != after[key]]
    if change.cut:
        yield from _counted(added, "{} {} there already")
    else:
        yield from ("added" for _ in added) if only else _counted(added, "+{} {}")
    yield from ("removed" for _ in gone) if only else _counted(gone, "-{} {}")
    if only:
        for key in changed:
            yield from differences(kind.stored, before[key], after[key])
    else:
        yield from _counted([after[key] for key in changed], "{} {} changed")


def _counted(values: Sequence[RawMap], form: str) -> Iterator[str]:
    for name, number in sorted(Counter(str(value.get("type") or "interaction") for value in values).items()):
        yield form.format(number, name)


def lines_in(data: bytes | None) -> dict[str, RawMap]:
    """The interactions of a file by their ids; those without one by their text and how often it came before."""
    from crmctl.store.jsonl import read_lines

    found: dict[str, RawMap] = {}
    for line in read_lines(data or b"", "")[0]:
        key = base = str(line.value.get("id") or line.raw)
        number = 1
        while key in found:
            number += 1
            key = f"{base}#{number}"
        found[key] = line.value
    return found
