"""Putting answers to work: files of git's conflicts are written and staged, and what was under way is finished."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.services.clone import trust
from crmctl.services.joining import conflict_answers
from crmctl.services.joining.conflict_joining import SYNC
from crmctl.services.joining.conflict_joining import look
from crmctl.services.joining.conflicts import grouped
from crmctl.services.joining.treemerge_units import from_top
from crmctl.store.files import check_path
from crmctl.store.files import read_file
from crmctl.store.files import remove_file
from crmctl.store.files import write_file
from crmctl.vcs import trees
from crmctl.vcs import unmerged

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from crmctl.services.book import Book
    from crmctl.services.joining.conflict_joining import State
    from crmctl.vcs.unmerged import Operation

_MARKERS = re.compile(rb"^(?:<{7}|>{7}|\|{7})", re.MULTILINE)


class Settled(NamedTuple):
    """What came of the answers: files that were ``written`` and staged, how many questions are ``left``.

    ``by_hand`` are files in conflict that somebody has edited since; they are left alone. ``commit`` is what git or the
    sync made of it once all was answered; ``go_on`` is git's command to continue with, which was not run. ``name`` is
    what was under way: "sync", "merge", "rebase" ... ``done`` says that nothing is in conflict any more.
    """

    name: str = ""
    written: tuple[str, ...] = ()
    left: int = 0
    by_hand: tuple[str, ...] = ()
    done: bool = False
    commit: str = ""
    go_on: str = ""


def settle(book: Book, *, go_on: bool = False) -> Settled:
    """Do what the answers so far allow: all of it for a sync, file by file for git.

    A merge of git is committed when its last conflict is settled; a rebase, cherry-pick or revert only goes on with
    ``go_on``.

    Raises:
        CrmError: the book cannot be written, or git refuses to go on.
    """
    book.refresh()
    state = look(book)
    if state is None:
        how = unfinished(book) if go_on else None
        return Settled() if how is None else _gone_on(book, how, Settled(how.name, done=True))
    if state.joining.how.name == SYNC:
        return _settle_sync(book, state)
    from crmctl.store.lock import locked

    with locked(book.places.shared / "lock", "resolve"):
        written, by_hand = _write(book, state)
    book.refresh()
    done = Settled(state.joining.how.name, tuple(written), _left(state), tuple(by_hand))
    if unmerged.unmerged(book.places):
        return done
    return _finish(book, state, done._replace(done=True), go_on=go_on)


def unfinished(book: Book) -> Operation | None:
    """The git command that waits to be continued, though nothing is in conflict (any more)."""
    how = unmerged.operation(book.places)
    return how if how.go_on else None


def _settle_sync(book: Book, state: State) -> Settled:
    done = Settled(SYNC, left=_left(state))
    if state.questions:
        pending = conflict_answers.load(book)
        if pending is not None:
            paths = tuple(dict.fromkeys(question.path for question in state.questions))
            conflict_answers.save(book, pending._replace(paths=paths))
        return done
    from crmctl.services.joining import sync

    return done._replace(done=True, commit=sync.finish(book))


def _finish(book: Book, state: State, done: Settled, *, go_on: bool) -> Settled:
    """What git was at is continued, or the words to continue are given."""
    how = state.joining.how
    if not how.go_on or (how.name != "merge" and not go_on):
        if not how.go_on:
            conflict_answers.save_answers(book, {})
            return done
        return done._replace(go_on=f"git {' '.join(unmerged.continuing(book.places, how))}")
    return _gone_on(book, how, done)


def _gone_on(book: Book, how: Operation, done: Settled) -> Settled:
    trust.require(book.places)
    if how.name == "rebase":
        _refuse_wrong(book)
    before = book.repository.head()
    unmerged.go_on(book.places, how)
    conflict_answers.save_answers(book, {})
    book.refresh()
    head = book.repository.head()
    again = look(book)
    left = 0 if again is None else _left(again)
    return done._replace(commit=head if head != before else "", done=again is None, left=left)


def _refuse_wrong(book: Book) -> None:
    """What is staged must be right; of a rebase's commits git asks no hook.

    Raises:
        InvalidData: it is not.
    """
    from crmctl.services.checking.staged import check_staged

    problems = check_staged(book.places.top).problems
    if problems:
        hint = "Mend it, git add it, then: crmctl resolve --continue"
        raise InvalidData("what is staged is not right, so the rebase waits", hint=hint, problems=problems)


def _left(state: State) -> int:
    return sum(1 for _ in grouped(state.questions))


def _write(book: Book, state: State) -> tuple[list[str], list[str]]:
    """Write and stage all that is settled: the files written, and those that somebody has edited by hand."""
    places = book.places
    written, by_hand = [], []
    chosen = dict(_to_write(state))
    results = _results(book, state, chosen)
    staged = book.repository.standing("", [path for path, in_conflict in chosen.items() if not in_conflict])
    for path in chosen:
        full = from_top(path, places.prefix)
        data = results[path]
        if not _may_write(book, state, path, data, staged.get(path, ("", ""))[1]):
            by_hand.append(path)
            continue
        check_path(places.top, full)
        if data is None:
            remove_file(places.top, full)
        else:
            write_file(places.top, full, data)
        written.append(path)
    unmerged.stage(places, [from_top(path, places.prefix) for path in written])
    return written, by_hand


def _to_write(state: State) -> Iterator[tuple[str, bool]]:
    """The settled files: those in conflict, what git mixed them with, and others that an answer has changed."""
    plain, merged = state.plain.files, state.merged.files
    still_open = {question.path for question in state.merged.questions}
    waiting = state.joining.files.keys() - state.ready
    found: dict[str, bool] = {}
    for path in sorted(state.ready):
        found[path] = True
        for other in sorted(state.joining.others.get(path, ())):
            found.setdefault(other, False)
    asked = {question.path for question in state.plain.questions}
    together = {one for path in found for one in (path, *_partners(path))}
    for path in sorted(asked & together):
        found.setdefault(path, False)
    for path in sorted(plain.keys() | merged.keys()):
        # One that was asked about has been written when it was answered, and may have been edited since.
        if path not in asked and plain.get(path, path) != merged.get(path, path):
            found.setdefault(path, False)
    yield from ((path, known) for path, known in found.items() if path not in still_open and path not in waiting)


def _partners(path: str) -> tuple[str, ...]:
    from crmctl.services.joining.conflict_joining import partner

    return tuple(filter(None, (partner(path),)))


def _results(book: Book, state: State, paths: Iterable[str]) -> dict[str, bytes | None]:
    """What is to stand at each path: the merge's content, or ours where it changes nothing."""
    merged = state.merged.files
    oids = book.repository.blobs(state.joining.ours, [path for path in paths if path not in merged])
    ours = dict(zip(oids, book.repository.contents(oids.values()), strict=True)) if oids else {}
    return {path: merged[path] if path in merged else ours.get(path) for path in paths}


def _may_write(book: Book, state: State, path: str, result: bytes | None, staged: str) -> bool:
    """Whether nobody has put an edit of their own where ``result`` is to stand; ``staged`` is what git's index has."""
    if path.startswith("../"):
        return False  # It is none of the book's.
    try:
        data, _ = read_file(book.places.top, from_top(path, book.places.prefix))
    except FileNotFoundError:
        return True
    except InvalidData:
        return False
    plain = data.replace(b"\r\n", b"\n")
    ids = {book.repository.blob_id(data), book.repository.blob_id(plain)}
    file = state.joining.files.get(path)
    if file is None:
        return staged in ids or plain == result
    stages = [side for side in (file.base, file.ours, file.theirs) if side is not None]
    if any(side.mode != trees.PLAIN for side in stages):
        return False
    return any(side.oid in ids for side in stages) or _MARKERS.search(data) is not None
