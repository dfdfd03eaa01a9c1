"""Where records stand in a book: the one place that knows flat folders from sharded ones."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from crmctl.model.fields import Kind
    from crmctl.model.schema import Schema

RECORDS = "records"
ENDINGS = {"yaml": ".yaml", "jsonl": ".jsonl"}


class Place(NamedTuple):
    """What a path under ``records/`` is the file of. ``handle`` of an interactions file is the customer's."""

    kind: Kind
    handle: str


def path_of(kind: Kind, handle: str, *, sharded: bool) -> str:
    """The path of a record's file, relative to the book, with ``/``.

    In the sharded layout a record stands in a folder named by the last two characters of its handle.
    """
    name = handle + ENDINGS[kind.storage]
    if sharded:
        return f"{RECORDS}/{kind.plural}/{_shard(handle)}/{name}"
    return f"{RECORDS}/{kind.plural}/{name}"


def flat(path: str) -> str:
    """Where the same record stands in the flat layout; ``path`` itself for whatever is no record in a shard."""
    parts = path.split("/")
    if len(parts) != 4 or parts[0] != RECORDS or parts[2] != _shard(parts[3].rpartition(".")[0]):
        return path
    return f"{RECORDS}/{parts[1]}/{parts[3]}"


def _shard(handle: str) -> str:
    return handle[-2:].strip(".-_") or "_"


def place_of(path: str, schema: Schema) -> Place | None:
    """What the file at ``path`` is about, None when it is no record's file. Both layouts are read in every book."""
    parts = path.split("/")
    if len(parts) not in (3, 4) or parts[0] != RECORDS:
        return None
    kind = schema.kind(parts[1])
    if kind is None or kind.plural != parts[1]:
        return None
    ending = ENDINGS[kind.storage]
    if not parts[-1].endswith(ending) or parts[-1].startswith("."):
        return None
    return Place(kind, parts[-1].removesuffix(ending))
