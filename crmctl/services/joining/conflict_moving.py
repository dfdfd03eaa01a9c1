"""A record that one side still has under a handle that the other side has given to somebody else: it moves along.

One of the two records that are asked about stands on the other side too, under the handle that it has there by now.
What was changed, added and said about it under the old handle belongs there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.services.joining.conflict_rename import Rename
from crmctl.services.joining.conflict_rename import came_with
from crmctl.services.joining.conflict_rename import rewritten
from crmctl.services.joining.conflict_rename import schema
from crmctl.services.joining.conflict_rename import twins
from crmctl.services.joining.treemerge_people import identity
from crmctl.services.joining.treemerge_units import from_top
from crmctl.services.joining.treemerge_units import relative
from crmctl.store import layout
from crmctl.vcs import trees
from crmctl.vcs import unmerged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.model.schema import Schema
    from crmctl.services.book import Book
    from crmctl.services.joining.conflict_joining import Joining
    from crmctl.services.joining.treemerge import Question

OURS, THEIRS = "ours", "theirs"


class Elsewhere(NamedTuple):
    """Whose record is meant ("ours" or "theirs", as the merge has them), and where the other side has it."""

    side: str
    handle: str
    path: str


def elsewhere(book: Book, joining: Joining, question: Question) -> Elsewhere | None:
    """Where one of two records stands on the other side, None when each stands at the path in question alone."""
    known = schema(book)
    here = layout.place_of(question.path, known)
    if question.what != "identity" or here is None or here.kind.storage != "yaml" or not joining.known:
        return None
    for side, data, tree in ((OURS, question.ours, joining.theirs), (THEIRS, question.theirs, joining.ours)):
        wanted = identity(data)
        _, after = came_with(book, joining, tree, []) if wanted else ({}, {})
        for path, other in after.items():
            place = layout.place_of(path, known)
            if place is None or place.kind.name != here.kind.name or place.handle == here.handle:
                continue
            if identity(other) == wanted:
                return Elsewhere(side, place.handle, path)
    return None


def check(book: Book, joining: Joining, question: Question, found: Elsewhere, handle: str) -> None:
    """Refuse any other handle than the one that the record has already.

    Raises:
        Conflict: it would be one record under two handles, or another one stands in the way.
    """
    here = layout.place_of(question.path, schema(book))
    assert here is not None
    if handle != found.handle:
        raise Conflict(
            f"one of the two is {found.handle} on the other side already; a third handle would make two of it",
            hint=f"crmctl resolve {here.handle} --rename {found.handle}",
        )
    mine = question.ours if found.side == OURS else question.theirs
    tree = joining.ours if found.side == OURS else joining.theirs
    third = identity(question.base) not in (b"", identity(mine))
    if third or book.repository.blobs(tree, twins(here.kind, handle)):
        raise Conflict(
            f"{handle} and {here.handle} were both given to others, so it cannot be told who is meant",
            hint=f"git mv the file of your {here.handle} to another name, commit that, then answer again.",
        )


def moved(book: Book, joining: Joining, question: Question, found: Elsewhere) -> Joining:
    """``joining`` as if the record had been called as the other side calls it from the start.

    The record, its interactions and what names it stand under that handle in what one side has and in the base.
    """
    known = schema(book)
    here = layout.place_of(question.path, known)
    assert here is not None
    rename = Rename(here.kind, here.handle, found.handle, original=True)
    tree = joining.ours if found.side == OURS else joining.theirs
    more = [twins(here.kind, rename.old), twins(known.require("interaction"), rename.old)]
    before, after = came_with(book, joining, tree, more)
    base = joining.bases[0] if joining.bases else trees.empty_tree(book.repository.algorithm)
    sharded = layout.flat(found.path) != found.path
    changed = [
        unmerged.tree_with(book.places, one, _moved_files(book, known, files, rename, sharded=sharded))
        for one, files in ((base, before), (tree, after))
    ]
    if found.side == OURS:
        return joining._replace(bases=(changed[0],), ours=changed[1])
    return joining._replace(bases=(changed[0],), theirs=changed[1])


def _moved_files(
    book: Book, known: Schema, files: Mapping[str, bytes], rename: Rename, *, sharded: bool
) -> dict[str, bytes | None]:
    """What changes in a tree when a record gets its other handle; paths are from the top of the repository."""
    found: dict[str, bytes | None] = {}
    for path, data in files.items():
        here = layout.place_of(path, known)
        if here is None:
            continue
        new = rewritten(here, path, data, None, rename)
        history = here.kind.name == "interaction" and rename.kind.name == "customer"
        if here.handle == rename.old and (history or here.kind.name == rename.kind.name):
            found[path] = None
            found[layout.path_of(here.kind, rename.new, sharded=sharded)] = new
        elif new != data:
            found[path] = new
    return {from_top(path, book.places.prefix): data for path, data in found.items()}


def with_moves(book: Book, ours: str, moved_ours: str, files: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """``files``, that are to change in ``moved_ours``, as what is to change in ``ours``."""
    found = dict(files)
    pairs = {
        relative(path, book.places.prefix): pair
        for path, pair in trees.differences(book.places, ours, moved_ours).items()
    }
    left = {path: new.oid for path, (_, new) in pairs.items() if new is not None and path not in files}
    contents = dict(zip(left, book.repository.contents(left.values()), strict=True)) if left else {}
    for path, (old, _) in pairs.items():
        found.setdefault(path, contents.get(path))
        if found[path] is None and old is None:
            del found[path]
    return found
