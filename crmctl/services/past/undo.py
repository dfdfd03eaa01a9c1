"""Taking a commit back: a three-way merge that leads from what it made to what was before, with all later edits kept.

The base is the commit, ours is HEAD, theirs is its parent. Where later edits overlap with it, nothing is decided here:
they are shown, and the rest is undone only when that is asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import NotFound
from crmctl.model.settings import FILE
from crmctl.services import absent
from crmctl.services.joining import sync_removals
from crmctl.services.joining.treemerge import TreeMerge
from crmctl.services.past import undo_overlaps
from crmctl.services.past import undo_words
from crmctl.services.past.undo_consent import kept_closed
from crmctl.services.past.undo_refs import loose_ends
from crmctl.services.records import Written
from crmctl.services.records import adopted
from crmctl.store import layout
from crmctl.vcs import commits
from crmctl.vcs import history as past

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.services.book import Book
    from crmctl.services.past.undo_overlaps import Overlap
    from crmctl.vcs.commits import Commit

_LOOKED_AT = 1_000
"""So many of the latest commits are looked at for one to undo."""

LIST = "crmctl undo --list shows the latest writes."
# What crmctl writes as the first line of a commit; others may have anything in theirs, and it is not repeated.
_OURS = re.compile(r"(?:undo|redo)?:? ?[a-z][a-z-]*: \S.{0,200}\Z")


class Write(NamedTuple):
    """A commit of the book: when (in the book's zone), what it did to how many files, and by what it was undone."""

    commit: Commit
    at: datetime
    what: tuple[str, ...]
    undone_by: str


class Plan(NamedTuple):
    """What undoing ``commit`` comes to, from ``head``: files to put (None: to take away), and what is in the way.

    ``back`` are those of them whose records get a name back, with the paths where they stand now.
    """

    commit: Commit
    head: str
    files: Mapping[str, bytes | None]
    overlaps: tuple[Overlap, ...]
    notes: tuple[str, ...]
    back: Mapping[str, str]


def latest(book: Book, limit: int) -> list[Write]:
    """The newest writes to the book, latest first; none before the first commit."""
    if not book.repository.head():
        return []
    found = commits.latest(book.places, limit)
    touched = commits.touched(book.places, found)
    undone = _undone(found)
    zone = book.settings.zone
    writes = []
    for one in found:
        what = undo_words.counted(book, touched[one.id])
        writes.append(Write(one, datetime.fromtimestamp(one.at, zone), what, undone.get(one.id, "")))
    return writes


def _undone(found: Iterable[Commit]) -> dict[str, str]:
    """Which of the commits (latest first) are undone now, and by which: an undo that is undone does not count."""
    undone: dict[str, str] = {}
    for commit in found:
        if commit.undoes and commit.id not in undone:
            undone[commit.undoes] = commit.id
    return undone


def chosen(book: Book, text: str = "") -> Commit:
    """The commit that ``text`` means; without a text, the latest of the user's own that is not undone yet.

    An undo is never chosen by itself: saying it twice goes further back, not back and forth. Nor is a commit of which
    nothing is left, since its changes went with a merge that was undone, or were replaced.

    Raises:
        NotFound: there is none, or it is not in the history of this book.
        Conflict: it cannot be undone: the first one, or one that is undone already.
    """
    if not book.repository.head():
        raise NotFound("this book has no history yet", hint="Nothing was committed so far.")
    found = commits.latest(book.places, _LOOKED_AT)
    undone = _undone(found)
    commit = _named(book, text) if text else _last_of_mine(book, found, undone)
    touched = commits.touched(book.places, [commit])[commit.id]
    shown = commit.id[:10]
    if commit.id in past.boundary_of(book.places):  # It has no parents here, and they are known elsewhere.
        raise Conflict(f"this clone is shallow: what was before {shown} is not in it", hint="git fetch --unshallow")
    if not commit.parents:
        raise Conflict(f"{shown} is the first commit: there is nothing before it", hint=LIST)
    if not touched:
        raise NotFound(f"{shown} changed nothing in this book", hint=LIST)
    if ("A", FILE) in touched:
        raise Conflict(f"{shown} made this book: there is nothing of it before", hint=LIST)
    if commit.id in undone:
        by = undone[commit.id][:10]
        raise Conflict(f"{shown} is undone already, by {by}", hint=f"crmctl undo {by} brings it back.")
    return commit


def _named(book: Book, text: str) -> Commit:
    try:
        found = book.repository.resolve(text)
    except NotFound as error:
        raise NotFound(error.message, hint=LIST) from None
    if not book.repository.contains(found):
        raise NotFound(f"{found[:10]} is not in the history of this branch", hint=LIST)
    return commits.one(book.places, found)


def _last_of_mine(book: Book, found: Iterable[Commit], undone: Mapping[str, str]) -> Commit:
    _, mine = book.repository.user()
    for commit in found:
        if commit.email != mine or len(commit.parents) > 1 or commit.undoes or commit.id in undone:
            continue
        if not commit.parents or _does_something(plan(book, commit)):
            return commit
    if past.is_shallow(book.places):
        raise NotFound("this clone is shallow, and nothing of yours is in it", hint="git fetch --unshallow")
    raise NotFound("there is nothing of yours to undo here", hint=LIST)


def _does_something(wanted: Plan) -> bool:
    return bool(wanted.files or wanted.overlaps)


def plan(book: Book, commit: Commit, *, rest: bool = False) -> Plan:
    """What undoing a commit comes to; with ``rest``, what overlaps stays as it is and is still told.

    Raises:
        GitFailed: the history cannot be read.
    """
    head = book.repository.head()
    found, overlaps, moves = undo_overlaps.merged(book, commit, head, rest=rest)
    files = {path: data for path, data in found.items() if not path.startswith("../")}
    outside = len(found) - len(files)
    notes = [f"{outside} file(s) outside the book are left as they are"] if outside else []
    files, closed = kept_closed(book, commit, head, files, moves)
    notes += closed
    while ends := loose_ends(book, files, head, commit.parents[0]):
        overlaps += undo_overlaps.of_references(book, commit, ends, moves)
        # With its place in the other layout or under its other name: never the one without the other.
        stay = {layout.flat(path) for end in ends for path in moves.paths(end.path)}
        files = {path: data for path, data in files.items() if layout.flat(path) not in stay}
    if files and len(commit.parents) > 1:
        notes.append(
            "what this merge brought is taken back; a sync does not bring it again, because git has it for merged"
        )
    return Plan(commit, head, files, tuple(overlaps), tuple(notes), moves.back(files))


def refusal(book: Book, wanted: Plan, *, rest: bool = False, allow_removals: bool = False) -> Conflict | None:
    """Why a plan is not carried out, None when it is.

    Later edits overlap, and ``rest`` does not say that they may stay; what belongs to a removed record, or may name it,
    is not here (``git sparse-checkout``); or it takes more records away than a sync may, and ``allow_removals`` does
    not say that this is meant.
    """
    if wanted.overlaps and not rest:
        return overlapping(wanted)
    try:
        for path in (path for path, data in wanted.files.items() if data is None):
            place = layout.place_of(path, book.schema)
            if place is not None:
                absent.require_to_remove(book, place.kind, place.handle)
    except Conflict as error:
        return error
    if allow_removals:
        return None
    try:
        sync_removals.check(book, wanted.head, TreeMerge({**wanted.files}, (), wanted.back))
    except Conflict as error:
        shown = wanted.commit.id[:10]
        command = f"crmctl undo {shown}{' --rest' if rest else ''}"
        return Conflict(
            f"{error.message.partition(', so ')[0]}, so nothing was undone",
            hint=f"{command} -n shows which. If that is meant: {command} --allow-removals. "
            f"Where {shown} only moved files: git revert {shown}",
        )
    return None


def carry_out(book: Book, wanted: Plan, *, rest: bool = False, allow_removals: bool = False) -> Written:
    """Undo as planned, as one commit that says what it undid.

    Raises:
        Conflict: see ``refusal``; nothing was written.
    """
    with book.write(f"undo {wanted.commit.id[:10]}") as tx:
        if book.repository.head() != wanted.head:
            book.refresh()  # Someone wrote while this was planned.
            wanted = plan(book, wanted.commit, rest=rest)
        refused = refusal(book, wanted, rest=rest, allow_removals=allow_removals)
        if refused is not None:
            raise refused
        for path, data in wanted.files.items():
            if data is None:
                tx.remove(path)
            else:
                tx.put(path, data)
        subject = _subject(wanted.commit)
        commit = tx.commit(commits.undo_message(subject, wanted.commit.id), of_head=True)
        notes = [*undo_words.summary(book, wanted), *wanted.notes, *adopted(tx)]
        if wanted.overlaps:
            notes += _staying(wanted.overlaps)
        elif not (commit or wanted.notes):
            notes.append("later edits have replaced all of it")
        return Written(tuple(_handles(book, wanted.files)), subject, commit, tuple(notes))


def overlapping(wanted: Plan) -> Conflict:
    """The error that says that a commit cannot be undone as a whole."""
    shown = wanted.commit.id[:10]
    references = [one for one in wanted.overlaps if one.reference]
    number = len(wanted.overlaps) - len(references)
    what = [f"a later edit overlaps with {shown}" if number == 1 else f"{number:,} later edits overlap with {shown}"]
    if not number:
        what = []
    if len(references) == 1:
        (one,) = references
        verb = "is " if one.reference.startswith("named") else ""
        what.append(f"{one.kind} {one.handle} {verb}{one.reference}")
    elif references:
        what.append(f"{len(references):,} records are named by others or name what is gone")
    return Conflict(f"{', and '.join(what)}; nothing was undone", hint=f"crmctl undo {shown} --rest undoes the rest.")


def _staying(overlaps: Iterable[Overlap]) -> Iterator[str]:
    """What ``--rest`` left as it is, in words."""
    counts = Counter(bool(one.reference) for one in overlaps)
    if counts[False]:
        yield "a later edit stays" if counts[False] == 1 else f"{counts[False]:,} later edits stay"
    if counts[True]:
        number = counts[True]
        yield (
            "a record stays because of a reference" if number == 1 else f"{number:,} records stay because of references"
        )


def _subject(commit: Commit) -> str:
    """``undo: customer: set ada phone``, ``redo: ...`` for what undoes an undo."""
    verb, _, what = commit.subject.partition(": ")
    if commit.undoes and verb in ("undo", "redo"):
        return f"{'redo' if verb == 'undo' else 'undo'}: {what}"
    return f"undo: {commit.subject if _OURS.match(commit.subject) else commit.id[:10]}"


def _handles(book: Book, files: Iterable[str]) -> Iterable[str]:
    places = (layout.place_of(path, book.schema) for path in files)
    return dict.fromkeys(place.handle for place in places if place is not None)
