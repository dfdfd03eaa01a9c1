"""What an undo would change, record by record, in the words of ``history``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.services.past.history import differences
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.past.undo import Plan


def described(book: Book, plan: Plan) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(kind, handle, changes in words) of every record or line of a history that would change.

    A file that is no record is told by its path.
    """
    stands = book.repository.blobs(plan.head, plan.files)
    before = dict(zip(stands, book.repository.contents(stands.values()), strict=True))
    away = moved(plan.files)
    places = {layout.flat(path): path for path in before}
    for path, after in sorted(plan.files.items()):
        place = layout.place_of(path, book.schema)
        old = before.get(path)
        if layout.flat(path) in away:
            if after is None:
                continue
            old = before.get(places.get(layout.flat(path), path))
        if place is None:
            yield "file", path, (_verb(old, after),)
        elif old == after:
            yield place.kind.name, place.handle, (f"move to {path}",)
        elif place.kind.storage == "jsonl":
            was, will = _lines(old), _lines(after)
            for identity in dict.fromkeys([*was, *will]):
                if was.get(identity) != will.get(identity):
                    yield place.kind.name, identity, _words(place, was.get(identity), will.get(identity))
        else:
            yield place.kind.name, place.handle, _words(place, _record(old), _record(after))


def moved(files: Mapping[str, bytes | None]) -> set[str]:
    """The records that only go to their place in the other layout, by their paths in the flat one."""
    going, coming = (
        {layout.flat(path) for path, data in files.items() if (data is None) == gone} for gone in (True, False)
    )
    return going & coming


def _words(place: layout.Place, old: RawMap | None, new: RawMap | None) -> tuple[str, ...]:
    if old is None or new is None:
        return ("add" if old is None else "remove",)
    return tuple(differences(place.kind.stored, old, new)) or ("only its layout or its comments",)


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
