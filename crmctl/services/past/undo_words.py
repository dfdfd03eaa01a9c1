"""What an undo would change, record by record, in the words of ``history``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.services.past.history import differences
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.past.undo import Plan

_VERBS = {"A": "added", "D": "removed", "R": "moved", "N": "renamed"}


def counted(book: Book, touched: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """``2 customers added``, ``1 deal changed`` for files and what happened to them; interactions by their files."""
    counts: Counter[tuple[str, str]] = Counter()
    for letter, path in touched:
        place = layout.place_of(path, book.schema)
        verb = _VERBS.get(letter, "changed")
        if place is None:
            counts[(path, verb)] = 0
        elif place.kind.storage == "jsonl":
            counts[("history", "changed")] += 1
        else:
            counts[(place.kind.name, verb)] += 1
    return tuple(f"{_plural(book, name, number)} {verb}" for (name, verb), number in counts.items())


def _plural(book: Book, name: str, number: int) -> str:
    if not number:
        return name
    kind = book.schema.kind(name)
    many = kind.plural if kind is not None else "histories"
    return f"{number:,} {name if number == 1 else many}"


def summary(book: Book, plan: Plan) -> tuple[str, ...]:
    """In words, how many records of which kind change."""
    stands = _standing(book, plan)
    relaid, away = moved(plan.files), set(plan.back.values())
    letters = []
    for path, data in plan.files.items():
        if path in plan.back:
            # A history goes with its customer, and is told of only when its lines change too.
            if path.endswith(".yaml") or stands.get(plan.back[path]) != data:
                letters.append(("N", path))
        elif path in away:
            continue
        elif layout.flat(path) not in relaid:
            letters.append(("D" if data is None else "M" if path in stands else "A", path))
        elif data is not None:
            letters.append(("R", path))
    return counted(book, letters)


def described(book: Book, plan: Plan) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(kind, handle, changes in words) of every record or line of a history that would change.

    A file that is no record is told by its path; a record that gets a name back, by the one it has now.
    """
    before = _standing(book, plan)
    relaid, away = moved(plan.files), set(plan.back.values())
    places = {layout.flat(path): path for path in before}
    for path, after in sorted(plan.files.items()):
        stands = plan.back.get(path, path)
        place = layout.place_of(stands, book.schema)
        old = before.get(stands)
        if path in away and path not in plan.back:
            continue
        if layout.flat(path) in relaid and path not in plan.back:
            if after is None:
                continue
            old = before.get(places.get(layout.flat(path), path))
        if place is None:
            yield "file", path, (_verb(old, after),)
        elif place.kind.storage == "jsonl":
            was, will = _lines(old), _lines(after)
            for identity in dict.fromkeys([*was, *will]):
                if was.get(identity) != will.get(identity):
                    yield place.kind.name, identity, _words(place, was.get(identity), will.get(identity))
        elif path in plan.back:
            changes = _differences(place, _record(old), _record(after))
            yield place.kind.name, place.handle, (f"rename to {_handle(book, path)}", *changes)
        elif old == after:
            yield place.kind.name, place.handle, (f"move to {path}",)
        else:
            yield place.kind.name, place.handle, _words(place, _record(old), _record(after))


def _standing(book: Book, plan: Plan) -> dict[str, bytes]:
    oids = book.repository.blobs(plan.head, plan.files)
    return dict(zip(oids, book.repository.contents(oids.values()), strict=True))


def _handle(book: Book, path: str) -> str:
    place = layout.place_of(path, book.schema)
    return place.handle if place is not None else path


def moved(files: Mapping[str, bytes | None]) -> set[str]:
    """The records that only go to their place in the other layout, by their paths in the flat one."""
    going, coming = (
        {layout.flat(path) for path, data in files.items() if (data is None) == gone} for gone in (True, False)
    )
    return going & coming


def _words(place: layout.Place, old: RawMap | None, new: RawMap | None) -> tuple[str, ...]:
    if old is None or new is None:
        return ("add" if old is None else "remove",)
    return _differences(place, old, new) or ("only its layout or its comments",)


def _differences(place: layout.Place, old: RawMap | None, new: RawMap | None) -> tuple[str, ...]:
    return tuple(differences(place.kind.stored, old or {}, new or {}))


def _verb(old: bytes | None, new: bytes | None) -> str:
    return "remove" if new is None else "add" if old is None else "change"


def _record(data: bytes | None) -> RawMap | None:
    from crmctl.store.yaml_reader import read_yaml

    if data is None:
        return None
    try:
        return read_yaml(data, "").data
    except InvalidData:
        return {}


def _lines(data: bytes | None) -> dict[str, RawMap]:
    from crmctl.store.jsonl import read_lines

    return {str(line.value.get("id") or line.raw): line.value for line in read_lines(data or b"", "")[0]}
