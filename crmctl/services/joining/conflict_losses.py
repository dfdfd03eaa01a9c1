"""What would be lost, or come to be about somebody else, if one of two records under one handle were dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.services.joining import conflict_moving
from crmctl.services.joining.conflict_moving import THEIRS
from crmctl.services.joining.conflict_rename import Rename
from crmctl.services.joining.conflict_rename import came_with
from crmctl.services.joining.conflict_rename import rewritten
from crmctl.services.joining.conflict_rename import schema
from crmctl.services.joining.conflict_rename import twins
from crmctl.store import jsonl
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.services.book import Book
    from crmctl.services.joining.conflict_joining import Joining
    from crmctl.services.joining.treemerge import Question

_NAMED = 3


def check(book: Book, joining: Joining, question: Question, kept: str, said: str, *, drop: bool) -> None:
    """Refuse to keep one side of two records where that loses what the other side alone has.

    ``kept`` is "ours" or "theirs" as the merge has them, ``said`` is what the user calls it.
    With ``drop`` the user means it; one record under two handles is refused all the same.

    Raises:
        Conflict: it does; what is lost is named.
    """
    here = layout.place_of(question.path, schema(book))
    if question.what != "identity" or here is None or here.kind.storage != "yaml":
        return
    found = conflict_moving.elsewhere(book, joining, question)
    start = f"crmctl resolve {here.kind.name} {here.handle}"
    if found is not None and found.side == kept:
        raise Conflict(
            f"--{said} would leave one record under two handles: on one side it is {found.handle} already",
            hint=f"{start} --rename {found.handle} keeps both records, each under one handle.",
        )
    lost = [] if drop else _lost(book, joining, question, kept, found.handle if found is not None else "")
    if lost:
        new = found.handle if found is not None else "NEW-HANDLE"
        ways = f"{start} --rename {new} keeps both; " if joining.known else ""
        raise Conflict(
            f"--{said} drops one {here.handle}: {'; '.join(lost)}",
            hint=f"{ways}{start} --{said} --drop drops it all the same.",
        )


def _lost(book: Book, joining: Joining, question: Question, kept: str, home: str) -> list[str]:
    """In words: interactions that the kept side does not have, and records that would name somebody else."""
    known = schema(book)
    here = layout.place_of(question.path, known)
    assert here is not None
    tree, other = (joining.ours, joining.theirs) if kept == THEIRS else (joining.theirs, joining.ours)
    found: list[str] = []
    if here.kind.name == "customer":
        interaction = known.require("interaction")
        histories = twins(interaction, here.handle)
        homes = twins(interaction, home) if home else []
        base = list(joining.bases[:1])
        there = {raw for one in (other, *base) for raw, _ in _lines(book, one, [*histories, *homes])}
        ids = [name for raw, name in _lines(book, tree, histories) if raw not in there]
        if ids:
            count = f"{len(ids):,} interaction{'' if len(ids) == 1 else 's'}"
            found.append(f"{count} ({_few(ids)}) would be lost")
    data = question.ours if kept == THEIRS else question.theirs
    if home and data != question.base:
        found.append(f"what was changed of {home} would be lost")
    names = _naming(book, joining, tree, other, Rename(here.kind, here.handle, f"{here.handle}-x", original=False))
    if names:
        found.append(f"{_few(names)} would name the one that stays")
    return found


def _naming(book: Book, joining: Joining, tree: str, other: str, rename: Rename) -> list[str]:
    """The records that name the record that is dropped, and did not in the base; ``other`` has not got them so."""
    known = schema(book)
    before, after = came_with(book, joining, tree, [])
    same = book.repository.blobs(other, list(after))
    oids = book.repository.blobs(tree, list(after))
    found = []
    for path, data in after.items():
        here = layout.place_of(path, known)
        if here is None or (path in same and same[path] == oids.get(path)):
            continue
        own = here.kind.name == rename.kind.name or (here.kind.storage == "jsonl" and rename.kind.name == "customer")
        if own and here.handle == rename.old:
            continue
        if rewritten(here, path, data, before.get(path), rename) != data:
            name = "the history of" if here.kind.storage == "jsonl" else here.kind.name
            found.append(f"{name} {here.handle}")
    return found


def _lines(book: Book, tree: str, paths: Sequence[str]) -> list[tuple[bytes, str]]:
    """The interactions in files of a tree: as they are written, and how they are called."""
    found = []
    for path, oid in book.repository.blobs(tree, list(paths)).items():
        (data,) = book.repository.contents([oid])
        for line in jsonl.read_lines(data, path)[0]:
            found.append((line.raw, str(line.value.get("id", ""))[-8:].lower()))
    return found


def _few(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
