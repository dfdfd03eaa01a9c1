"""``sync``: bring this book and the team's together: fetch, merge in process, send; again when others were faster.

Nothing is ever forced and nothing is asked here: what a person has to decide waits, and the book stays as it was.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import clock
from crmctl.errors import BranchMoved
from crmctl.errors import Conflict
from crmctl.errors import GitFailed
from crmctl.errors import Locked
from crmctl.services.clone import mergedriver
from crmctl.services.clone import trust
from crmctl.services.joining import conflicts
from crmctl.services.joining import seen
from crmctl.services.joining import sync_removals
from crmctl.services.joining import sync_writing
from crmctl.services.joining.sync_writing import Joined
from crmctl.vcs import health
from crmctl.vcs import history
from crmctl.vcs import remotes

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.services.book import Book
    from crmctl.services.joining.treemerge import TreeMerge
    from crmctl.vcs.places import Places
    from crmctl.vcs.remotes import Remote

TRIES = 5
"""How often to begin anew because the remote moved."""

SYNCED, MERGED, OFFLINE, QUESTIONS, PLANNED = "synced", "merged", "offline", "questions", "planned"


class How(NamedTuple):
    """How to sync: only look; let many records go; go on with a rewound remote; seconds to wait for the lock."""

    dry_run: bool = False
    allow_removals: bool = False
    accept_rewind: bool = False
    wait: float | None = None


USUAL = How()


class Synced(NamedTuple):
    """What a sync did.

    ``state`` is "synced", "offline" (nothing went), "questions" (nothing was merged: a person has to answer first) or
    "planned" (a dry run). ``before`` and ``after`` are the commits of this book, ``theirs`` is what the remote had (""
    for nothing yet). ``merge`` is what was (or would be) merged, None when nothing had to be. ``waiting`` counts the
    commits that the remote does not have, ``sent`` says that it has them all. ``kept`` names files with hand edits.
    """

    state: str
    remote: Remote
    before: str
    after: str
    theirs: str = ""
    merge: TreeMerge | None = None
    waiting: int = 0
    sent: bool = False
    kept: tuple[str, ...] = ()

    @property
    def questions(self) -> int:
        """How many answers it waits for."""
        return sum(1 for _ in conflicts.grouped(self.merge.questions)) if self.merge else 0


def sync(book: Book, name: str = "", how: How = USUAL, *, pause: Callable[[float], None] = time.sleep) -> Synced:
    """Merge what the remote has, and send what this book has.

    Raises:
        GitFailed: there is no remote, or it does not want us.
        Conflict: a merge must not be made: too much would vanish, the remote was rewound, the histories are unrelated,
            a file holds an edit by hand that cannot be kept, or git is in the middle of something.
        Locked: another crmctl was writing all the time, or the remote moved at every attempt.
    """
    places = book.places
    result = _in_attempts(book, _begun(book, name, how), how, pause)
    if result.sent:
        remotes.set_upstream(places, health.branch(places), result.remote)
        remotes.tidy(places)
    return result


def merge_in(book: Book) -> Synced:
    """Merge what the remote has, once, and send nothing: for whoever has to know it before they add to it.

    Its state is "questions", or "merged" where this book has more than the remote, else "synced".

    Raises:
        Offline: the remote cannot be reached.
        BranchMoved: somebody committed here meanwhile.
        GitFailed, Conflict, Locked: as ``sync``.
    """
    return _attempt(book, _begun(book, "", USUAL), USUAL)


def send(book: Book, remote: Remote, commit: str) -> None:
    """Send ``commit``, which follows on what the remote has, and is refused when it does not any more.

    Raises:
        Moved: somebody else was there first.
        Offline: the remote cannot be reached.
        GitFailed: it does not take it.
    """
    remotes.push(book.places, remote, commit)
    seen.save(book, remote, commit)


def _begun(book: Book, name: str, how: How) -> Synced:
    """A sync that has done nothing yet: the book is in a state to be synced, and there is somebody to sync it with."""
    places = book.places
    mergedriver.ensure(places)
    trust.require(places)
    _refuse_unfinished(places)
    if how.dry_run:
        book.repository.check_writable()
    else:
        sync_writing.recover(book, how.wait)
    before = book.repository.head()
    branch = health.branch(places)
    if not before:
        raise Conflict("nothing is committed on a branch here yet", hint="To get the team's book: crmctl clone URL")
    remote = remotes.choose(places, branch, name)
    if remote is None:
        hint = "Add one: git remote add origin URL (an empty repository on a server or a disk), then crmctl sync."
        raise GitFailed("this book has no remote to sync with", hint=hint)
    return Synced(SYNCED, remote, before, before)


def finish(book: Book) -> str:
    """Make the merge commit of a sync whose questions have all been answered; its id. ``sync`` sends it.

    Raises:
        Conflict: no sync waits, or there are questions left.
    """
    pending = conflicts.load(book)
    if pending is None:
        raise Conflict("no sync waits for answers", hint="crmctl sync")
    _refuse_unfinished(book.places)
    joined = _join(book, pending.remote, pending.theirs, How(allow_removals=True))
    if joined.merge is not None and joined.merge.questions:
        raise Conflict("there are questions left", hint="crmctl conflicts shows them.")
    return joined.head


def _in_attempts(book: Book, so_far: Synced, how: How, pause: Callable[[float], None]) -> Synced:
    """Fetch, merge and send, again as long as others are faster."""
    why = ""
    for attempt in range(TRIES):
        if attempt:
            pause(jitter(attempt))
        try:
            so_far = _attempt(book, so_far, how)
            if so_far.state != MERGED:
                return so_far
            send(book, so_far.remote, so_far.after)
        except remotes.Offline:
            waiting, _ = remotes.ahead_behind(book.places, so_far.after, remotes.last_seen(book.places, so_far.remote))
            return so_far._replace(state=OFFLINE, waiting=waiting)
        except (remotes.Moved, BranchMoved) as exc:
            why = exc.message  # Others sent something, or somebody committed here by git itself.
        else:
            return so_far._replace(state=SYNCED, sent=True)
    raise Locked(
        f"{so_far.remote.key} moved {TRIES} times while this was being sent ({why})",
        hint="What came is merged; run crmctl sync again.",
    )


def _attempt(book: Book, so_far: Synced, how: How) -> Synced:
    """Fetch and merge, once; "merged" says that it is to be sent now."""
    remote = so_far.remote
    seen.remember(book, remote)
    theirs = remotes.fetch(book.places, remote)
    if not how.accept_rewind:
        seen.check(book, remote, theirs)
    if how.dry_run:
        return _planned(book, so_far._replace(theirs=theirs), how)
    joined = _join(book, remote.key, theirs, how) if theirs else Joined(book.repository.head(), None)
    kept = tuple(dict.fromkeys((*so_far.kept, *joined.kept)))
    result = so_far._replace(after=joined.head, theirs=theirs, merge=joined.merge, kept=kept)
    if joined.merge is not None and joined.merge.questions:
        seen.save(book, remote, theirs)
        return result._replace(state=QUESTIONS)
    if joined.head != theirs:
        return result._replace(state=MERGED)
    seen.save(book, remote, theirs)
    return result._replace(state=SYNCED, sent=True)


def _planned(book: Book, so_far: Synced, how: How) -> Synced:
    """What a sync would come to now."""
    head, theirs = so_far.before, so_far.theirs
    waiting, _ = remotes.ahead_behind(book.places, head, theirs)
    result = so_far._replace(state=PLANNED, waiting=waiting)
    if not theirs or book.repository.descends(head, theirs):
        return result
    merge = _merged(book, so_far.remote.key, theirs, how)
    return result._replace(merge=merge)


def _join(book: Book, remote: str, theirs: str, how: How) -> Joined:
    """Bring what ``theirs`` has into this book, as one commit of two parents, or by going on to ``theirs``."""
    with sync_writing.locked(book, how.wait):
        head = book.repository.head()
        pending = conflicts.load(book) or conflicts.Pending(theirs, remote)
        if book.repository.descends(head, theirs):
            if pending.remote == remote:
                conflicts.drop(book)
            return Joined(head, None)
        merge = _merged(book, remote, theirs, how)
        if merge.questions:
            paths = tuple(sorted({question.path for question in merge.questions}))
            conflicts.save(book, pending._replace(theirs=theirs, remote=remote, paths=paths))
            return Joined(head, merge)
        joined = sync_writing.write(book, head, theirs, merge, follow=not pending.answers)
        conflicts.drop(book)
        book.refresh()
        return joined


def _merged(book: Book, remote: str, theirs: str, how: How) -> TreeMerge:
    """The merge of HEAD with ``theirs``, with the answers that were given already.

    Raises:
        Conflict: the histories are unrelated, or too much would vanish.
    """
    head = book.repository.head()
    if not book.repository.merge_bases(head, theirs):
        if history.is_shallow(book.places):
            hint = "This clone is shallow; git fetch --unshallow brings the rest of its history."
        else:
            hint = "It is another book. Make a clone of it (crmctl clone URL), and import there what only this one has."
        raise Conflict(f"{remote} and this book have no history in common", hint=hint)
    pending = conflicts.load(book)
    answers = pending.answers if pending is not None else {}
    merge = conflicts.settled(book, conflicts.Pending(theirs, remote, answers))
    if how.dry_run:
        return merge
    sync_removals.check_settings(merge)
    if not how.allow_removals:
        sync_removals.check(book, head, merge)
    return merge


def _refuse_unfinished(places: Places) -> None:
    for mark, what in (("MERGE_HEAD", "a merge"), ("CHERRY_PICK_HEAD", "a cherry-pick"), ("REVERT_HEAD", "a revert")):
        if (places.git_dir / mark).exists():
            hint = "Answer its questions (crmctl conflicts) and finish it, or give it up; then sync."
            raise Conflict(f"git is in the middle of {what} in this book", hint=hint)


def jitter(attempt: int) -> float:
    """Seconds to wait before another attempt, so that two clones do not keep step."""
    chance = int.from_bytes(clock.randomness(2), "big") / 65_535
    return float((0.1 + chance) * attempt)
