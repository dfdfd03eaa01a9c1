"""What undoing would leave without the record it names."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.model import columns
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book

_CHUNK = 500


class Loose(NamedTuple):
    """A file that cannot be undone alone: ``because`` says why, ``naming`` is the file that is in the way, if any.

    ``gone`` are the files that are missing, wherever they may have stood.
    """

    path: str
    because: str
    naming: str = ""
    gone: tuple[str, ...] = ()


class Named(NamedTuple):
    """A reference: the file that names, and the kind and handle of what it names."""

    path: str
    kind: str
    handle: str


def loose_ends(book: Book, files: Mapping[str, bytes | None], head: str, before: str) -> list[Loose]:
    """The files among ``files`` (new contents by path, None for one that goes) that would break a reference.

    A record that goes must not be named by one that stays; one that comes back must not name one that is gone. What
    dangled already in the tree ``before`` the undone commit, or does now in ``head``, is not made worse.
    """
    found = list(_still_named(book, files, before))
    missing: dict[str, list[Named]] = {}
    for path, data in files.items():
        place = layout.place_of(path, book.schema)
        if place is None or data is None:
            continue
        missing[path] = [Named(path, kind, handle) for kind, handle in _missing(book, files, place, data)]
    suspects = [one for named in missing.values() for one in named]
    known = {one for tree in (before, head) for one in _dangling(book, tree, suspects)} if suspects else set()
    for path, named in missing.items():
        left = [one for one in named if one not in known]
        if left:
            names = ", ".join(f"{one.kind} {one.handle}" for one in left)
            gone = tuple(place for one in left for place in _places(book, one.kind, one.handle))
            found.append(Loose(path, f"names {names}, which is gone", gone=gone))
    return found


def _dangling(book: Book, tree: str, suspects: Iterable[Named]) -> set[Named]:
    """Those of ``suspects`` that a tree has, without what they name."""
    asked = list(suspects)
    namers = {path: _elsewhere(book, path) for path in dict.fromkeys(one.path for one in asked)}
    targets = {one: _places(book, one.kind, one.handle) for one in asked}
    wanted = dict.fromkeys(path for paths in (*namers.values(), *targets.values()) for path in paths)
    oids = book.repository.blobs(tree, wanted)
    standing = [path for paths in namers.values() for path in paths if path in oids]
    contents = book.repository.contents([oids[path] for path in standing]) if standing else ()
    named = {path: _named(book, path, data) for path, data in zip(standing, contents, strict=True)}
    return {
        one
        for one in asked
        if oids.keys().isdisjoint(targets[one])
        and any((one.kind, one.handle) in named.get(path, ()) for path in namers[one.path])
    }


def _named(book: Book, path: str, data: bytes) -> dict[tuple[str, str], None]:
    """(kind, handle) of what a file names."""
    place = layout.place_of(path, book.schema)
    return _pairs(place, data) if place is not None else {}


def _pairs(place: layout.Place, data: bytes) -> dict[tuple[str, str], None]:
    named = dict.fromkeys(pair for record in _records(place, data) for pair in _references(place.kind.stored, record))
    if place.kind.storage == "jsonl":
        named[("customer", place.handle)] = None
    return named


def _elsewhere(book: Book, path: str) -> tuple[str, ...]:
    """Where the record of ``path`` may stand: there, or in the other layout."""
    place = layout.place_of(path, book.schema)
    both = _places(book, place.kind.name, place.handle, place.kind.storage) if place is not None else ()
    return tuple(dict.fromkeys((path, *both)))


def _places(book: Book, name: str, handle: str, storage: str = "yaml") -> tuple[str, ...]:
    kinds = (kind for kind in book.schema.kinds if kind.name == name and kind.storage == storage)
    return tuple(layout.path_of(kind, handle, sharded=sharded) for kind in kinds for sharded in (False, True))


def _still_named(book: Book, files: Mapping[str, bytes | None], before: str) -> Iterator[Loose]:
    come = {layout.flat(path) for path, data in files.items() if data is not None}
    going: dict[str, dict[str, str]] = {}
    for path, data in files.items():
        place = layout.place_of(path, book.schema)
        if data is None and place is not None and place.kind.storage == "yaml" and layout.flat(path) not in come:
            going.setdefault(place.kind.name, {})[place.handle] = path
    for name, paths in going.items():
        by_handle: dict[str, list[tuple[str, str, str]]] = {}
        namers = [one for one in _naming(book, name, paths) if one[3] not in files]
        known = _dangling(book, before, [Named(one[3], name, one[0]) for one in namers]) if namers else set()
        for target, kind, handle, path in namers:
            if Named(path, name, target) not in known:
                by_handle.setdefault(target, []).append((kind, handle, path))
        for target, found in sorted(by_handle.items()):
            shown = ", ".join(f"{kind} {handle}" for kind, handle, _ in found[:3])
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            yield Loose(paths[target], f"named by {shown}{more}", found[0][2])


def _naming(book: Book, name: str, handles: Iterable[str]) -> Iterator[tuple[str, str, str, str]]:
    """(handle named, kind, handle, path) of all that names one of ``handles`` of a kind."""
    asked = iter(handles)
    while chunk := list(islice(asked, _CHUNK)):
        marks = ", ".join("?" * len(chunk))
        for other in book.schema.kinds:
            for sql in _queries(other, name):
                for target, handle, path in book.index.rows(f"{sql} IN ({marks})", tuple(chunk)):
                    yield str(target), other.name, str(handle), str(path)


def _queries(other: Kind, name: str) -> Iterator[str]:
    for column, field in columns.plain_fields(other):
        if field.type == "ref" and field.kind == name:
            yield f'SELECT "{column}", handle, path FROM {other.plural} WHERE "{column}"'
    for table, field in columns.child_fields(other):
        for column, part in columns.child_columns(field):
            if part.type == "ref" and part.kind == name:
                yield (
                    f'SELECT DISTINCT c."{column}", t.handle, t.path FROM {other.plural} t '
                    f'JOIN {table} c ON c.owner = t.row_id WHERE c."{column}"'
                )


def _missing(
    book: Book, files: Mapping[str, bytes | None], place: layout.Place, data: bytes
) -> Iterator[tuple[str, str]]:
    """(kind, handle) of what a file names, and what will not be there."""
    for name, handle in _pairs(place, data):
        kind = book.schema.kind(name)
        if kind is not None and not _will_be_there(book, files, kind, handle):
            yield name, handle


def _will_be_there(book: Book, files: Mapping[str, bytes | None], kind: Kind, handle: str) -> bool:
    paths = [layout.path_of(kind, handle, sharded=sharded) for sharded in (False, True)]
    if any(files.get(path) is not None for path in paths):
        return True  # Though it may go at its place in the other layout.
    row = book.index.row(f"SELECT path FROM {kind.plural} WHERE handle = ?", (handle,))
    return row is not None and row[0] not in files


def _records(place: layout.Place, data: bytes) -> Iterator[RawMap]:
    from crmctl.store.jsonl import read_lines
    from crmctl.store.yaml_reader import read_yaml

    if place.kind.storage == "jsonl":
        yield from (line.value for line in read_lines(data, "")[0])
        return
    try:
        yield read_yaml(data, "").data
    except InvalidData:
        return


def _references(fields: Iterable[Field], record: RawMap) -> Iterator[tuple[str, str]]:
    for field in fields:
        for value in _each(field, record.get(field.name, "")):
            if field.type == "group" and isinstance(value, dict):
                yield from _references(field.fields, value)
            elif field.type == "ref" and isinstance(value, str) and value:
                yield field.kind, value


def _each(field: Field, value: Raw) -> list[Raw]:
    if field.shape == "one":
        return [value]
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []
