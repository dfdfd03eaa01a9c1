"""Two people under one handle: theirs gets another one, and so does what theirs says about them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.model import ids
from crmctl.services.joining.treemerge_layout import joined
from crmctl.services.joining.treemerge_people import identity
from crmctl.services.joining.treemerge_units import Base
from crmctl.services.joining.treemerge_units import from_top
from crmctl.services.joining.treemerge_units import relative
from crmctl.store import jsonl
from crmctl.store import layout
from crmctl.vcs import trees
from crmctl.vcs import unmerged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.schema import Schema
    from crmctl.services.book import Book
    from crmctl.services.joining.conflict_joining import Joining
    from crmctl.services.joining.treemerge import Question


class Rename(NamedTuple):
    """A record of ``kind`` that is to be called ``new``; ``original`` when it is the one the base had."""

    kind: Kind
    old: str
    new: str
    original: bool


def check(book: Book, joining: Joining, question: Question, handle: str) -> None:
    """Refuse a new handle for their record that cannot be given.

    Raises:
        UsageProblem: it is no handle, or what is asked is something else.
        Conflict: somebody has it already, or it cannot be known who came with theirs.
    """
    place = layout.place_of(question.path, schema(book))
    if question.what != "identity" or place is None or place.kind.storage != "yaml":
        raise UsageProblem("only one of two different records gets another handle", hint="crmctl conflicts")
    problem = ids.handle_problem(handle)
    if problem:
        raise UsageProblem(f"{handle!r} cannot be a handle: {problem}")
    if not joining.known:
        raise Conflict(
            f"git does not say where the other {place.handle} comes from, so its history cannot be followed",
            hint="Take one of the two (--ours or --theirs), and add the other again.",
        )
    paths = twins(place.kind, handle)
    for side in (joining.ours, joining.theirs):
        if book.repository.blobs(side, paths):
            raise Conflict(f"there is a {place.kind.name} {handle} already", hint="Choose another handle.")


def renamed(book: Book, joining: Joining, theirs: str, question: Question, handle: str) -> str:
    """The tree of ``theirs`` with the record that is asked about, and what came with it, under another handle.

    Its interactions move with it; of a history that both sides started from, only the lines that theirs added. Fields
    that name it are changed in the records that came with theirs. Under the old handle stands what the base had.
    """
    known = schema(book)
    place = layout.place_of(question.path, known)
    assert place is not None
    original = bool(question.base) and identity(question.base) == identity(question.theirs)
    rename = Rename(place.kind, place.handle, handle, original)
    base = joining.bases[0] if joining.bases else trees.empty_tree(book.repository.algorithm)
    sides = (Base(tree, {}) for tree in (base, joining.ours, theirs))
    sharded = joined(book.repository, sides).settings.layout == "sharded"
    interaction = known.require("interaction")
    before, after = came_with(book, joining, theirs, [twins(place.kind, rename.old), twins(interaction, rename.old)])
    files: dict[str, bytes | None] = {}
    for path, data in after.items():
        here = layout.place_of(path, known)
        if here is None:
            continue
        changed = rewritten(here, path, data, before.get(path), rename)
        history = here.kind.name == "interaction" and rename.kind.name == "customer"
        if here.handle == rename.old and (history or here.kind.name == rename.kind.name):
            files[path] = before.get(path)
            new = _gone_along(path, changed, before.get(path), rename) if history else changed
            if new:
                files[layout.path_of(here.kind, handle, sharded=sharded)] = new
        elif changed != data:
            files[path] = changed
    prefix = book.places.prefix
    full = {from_top(path, prefix): data for path, data in files.items()}
    return unmerged.tree_with(book.places, theirs, full)


def schema(book: Book) -> Schema:
    """The kinds of the book; those that every book has while its settings are in conflict themselves."""
    from crmctl.errors import NoBook
    from crmctl.model import schema as schemas

    try:
        return book.schema
    except NoBook:
        return schemas.build({})[0]


def twins(kind: Kind, handle: str) -> list[str]:
    """The two places where a record (or history) of that handle can stand."""
    return [layout.path_of(kind, handle, sharded=sharded) for sharded in (False, True)]


def came_with(
    book: Book, joining: Joining, theirs: str, more: Iterable[list[str]]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files that theirs added or changed since the base, and ``more``: as the base has them, and as theirs has."""
    places = book.places
    base = joining.bases[0] if joining.bases else trees.empty_tree(book.repository.algorithm)
    extra = [path for paths in more for path in paths]
    oids = [book.repository.blobs(tree, extra) for tree in (base, theirs)]
    for path, pair in trees.differences(places, base, theirs).items():
        for known, file in zip(oids, pair, strict=True):
            if file is not None and file.mode != trees.SUBMODULE:
                known[relative(path, places.prefix)] = file.oid
    before, after = (dict(zip(known, book.repository.contents(known.values()), strict=True)) for known in oids)
    return before, after


def rewritten(place: layout.Place, path: str, data: bytes, base: bytes | None, rename: Rename) -> bytes:
    """The content with the handle changed where the record is named; what cannot be read stays as it is."""
    if place.kind.storage == "jsonl":
        return _rewritten_lines(place.kind, path, data, base, rename)
    from crmctl.store.yaml_editor import edit_yaml
    from crmctl.store.yaml_reader import read_yaml

    try:
        old = read_yaml(data, path).data
        start = read_yaml(base, path).data if base else {}
        new = _with_refs(place.kind.stored, old, start, rename)
        return edit_yaml(data, old, new, [field.name for field in place.kind.stored], path) if new != old else data
    except InvalidData:
        return data


def _rewritten_lines(kind: Kind, path: str, data: bytes, base: bytes | None, rename: Rename) -> bytes:
    lines, problems = jsonl.read_lines(data, path)
    if problems:
        return data
    before = {line.value.get("id"): line.value for line in _lines(base, path) if line.value.get("id")}
    parts = []
    for line in lines:
        value = _with_refs(kind.stored, line.value, before.get(line.value.get("id")) or {}, rename)
        parts.append(jsonl.write_line(value) if value != line.value else line.raw + b"\n")
    return b"".join(parts)


def _with_refs(fields: Iterable[Field], data: RawMap, base: RawMap, rename: Rename) -> RawMap:
    """``data`` with the handle changed in fields that name the record, unless they named the one of the base."""
    new = dict(data)
    for field in fields:
        value = data.get(field.name)
        if value is not None:
            new[field.name] = _with_ref(field, value, base.get(field.name), rename)
    return new


def _with_ref(field: Field, value: Raw, base: Raw | None, rename: Rename) -> Raw:
    if field.type == "group":
        return _with_group(field, value, base, rename)
    if field.type != "ref" or field.kind != rename.kind.name:
        return value
    if isinstance(value, list):
        stays = isinstance(base, list) and rename.old in base and not rename.original
        return value if stays else [rename.new if item == rename.old else item for item in value]
    return rename.new if value == rename.old and (rename.original or base != value) else value


def _with_group(field: Field, value: Raw, base: Raw | None, rename: Rename) -> Raw:
    if isinstance(value, list):
        known = base if isinstance(base, list) else []
        return [
            _with_refs(field.fields, item, item if item in known and not rename.original else {}, rename)
            if isinstance(item, dict)
            else item
            for item in value
        ]
    if not isinstance(value, dict):
        return value
    start = base if isinstance(base, dict) else {}
    if field.shape == "one":
        return _with_refs(field.fields, value, start, rename)
    return {
        key: _with_refs(field.fields, item, _map(start.get(key)), rename) if isinstance(item, dict) else item
        for key, item in value.items()
    }


def _map(value: Raw | None) -> RawMap:
    return value if isinstance(value, dict) else {}


def _gone_along(path: str, data: bytes, base: bytes | None, rename: Rename) -> bytes:
    """The lines of a history that are about the record that is renamed, and not about the one of the base."""
    if rename.original or base is None:
        return data
    known = {line.value.get("id") or line.raw for line in _lines(base, path)}
    return b"".join(line.raw + b"\n" for line in _lines(data, path) if (line.value.get("id") or line.raw) not in known)


def _lines(data: bytes | None, path: str) -> list[jsonl.JsonLine]:
    return jsonl.read_lines(data or b"", path)[0]
