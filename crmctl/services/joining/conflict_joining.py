"""What is being joined, by a sync that waits or by a git command that stopped, and what that comes to so far."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.joining import conflict_answers
from crmctl.services.joining.conflict_answers import fingerprint
from crmctl.services.joining.treemerge import TreeMerge
from crmctl.services.joining.treemerge import merge_trees
from crmctl.services.joining.treemerge_units import from_top
from crmctl.services.joining.treemerge_units import relative
from crmctl.store import layout
from crmctl.vcs import trees
from crmctl.vcs import unmerged
from crmctl.vcs.unmerged import Operation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.raw import Raw
    from crmctl.services.book import Book
    from crmctl.services.joining.conflict_answers import Answer
    from crmctl.services.joining.conflict_answers import Pending
    from crmctl.services.joining.treemerge import Question
    from crmctl.vcs.unmerged import Unmerged

SYNC = "sync"


class Joining(NamedTuple):
    """Two states to be joined (commits or trees), and what they started from.

    ``files`` are those in conflict in git's index, by their paths from the book; with each stand the ``others`` that
    are settled together with it. Both are empty for a sync. ``known`` says that the two are whole commits, so that
    files beside those in conflict can be followed.
    """

    how: Operation
    bases: tuple[str, ...]
    ours: str
    theirs: str
    files: Mapping[str, Unmerged]
    others: Mapping[str, frozenset[str]]
    known: bool = True


class State(NamedTuple):
    """A joining with the answers so far. ``plain`` is what it comes to without them, ``merged`` with them.

    ``questions`` are those still open, ``ready`` the files of git's conflict that need no (further) answer.
    """

    joining: Joining
    answers: Mapping[str, Answer]
    plain: TreeMerge
    merged: TreeMerge
    questions: tuple[Question, ...]
    ready: frozenset[str]


def look(book: Book) -> State | None:
    """What waits for answers now: git's own conflicts before a sync; None when nothing does.

    Raises:
        GitFailed: git cannot tell.
    """
    files = unmerged.unmerged(book.places) if book.probe.result().unmerged else []
    if files:
        return derive(book, _of_git(book, files), conflict_answers.load_answers(book))
    pending = conflict_answers.load(book)
    return None if pending is None else derive(book, _of_sync(book, pending), pending.answers)


def settled(book: Book, pending: Pending) -> TreeMerge:
    """What the merge of HEAD with what a sync brought comes to, as far as it has been answered."""
    return derive(book, _of_sync(book, pending), pending.answers).merged


def derive(book: Book, joining: Joining, answers: Mapping[str, Answer]) -> State:
    """The merge without and with ``answers``."""
    plain = _merge(book, joining)
    merged = _answered(book, joining, plain, answers)
    questions = tuple(question for question in merged.questions if _concerns(joining, question.path))
    still_open = {layout.flat(question.path) for question in questions}
    ready = {path for path in joining.files if still_open.isdisjoint(_together(joining, path))}
    return State(joining, answers, plain, merged, questions, frozenset(ready))


def _merge(
    book: Book,
    joining: Joining,
    fields: Mapping[str, Mapping[tuple[str, ...], Raw | None]] | None = None,
    whole: Mapping[str, bytes | None] | None = None,
) -> TreeMerge:
    # What git itself joins goes by the places that git knows; nothing is moved while its conflict stands in the files.
    follow = joining.how.name == SYNC
    return merge_trees(book.repository, joining.bases, joining.ours, joining.theirs, fields, whole, follow=follow)


def _answered(book: Book, joining: Joining, plain: TreeMerge, answers: Mapping[str, Answer]) -> TreeMerge:
    """``plain`` with all ``answers`` that fit its questions."""
    given = _fitting(plain.questions, answers)
    now = _with_renames(book, joining, given)
    merged = plain
    if now != joining:
        merged = _merge(book, now)
        given = _fitting(merged.questions, answers)
    fields: dict[str, dict[tuple[str, ...], Raw | None]] = {}
    whole: dict[str, bytes | None] = {}
    kept: dict[str, bytes | None] = {}
    for question, answer in given:
        if question.clash is not None:
            fields.setdefault(question.path, {})[question.clash.path] = value_of(question, answer)
        elif answer.take in ("ours", "theirs"):
            whole[question.path] = question.ours if answer.take == "ours" else question.theirs
            kept.update({question.path: question.ours} if answer.take == "ours" else {})
        elif answer.take == "content":
            whole[question.path] = str(answer.value).encode()
    if fields or whole:
        merged = _merge(book, now, fields, whole)
        # What ours has is there already, unless it comes to another place.
        there = {path: data for path, data in kept.items() if path not in merged.moved}
        new = {path: data for path, data in merged.files.items() if path not in there or data != there[path]}
        merged = merged._replace(files=new)
    if now.ours == joining.ours:
        return merged
    from crmctl.services.joining.conflict_moving import with_moves

    return merged._replace(files=with_moves(book, joining.ours, now.ours, merged.files))


def _with_renames(book: Book, joining: Joining, given: Iterable[tuple[Question, Answer]]) -> Joining:
    """``joining`` with the other handles that were given to one of two records."""
    now = joining
    for question, answer in given:
        if answer.take != "rename":
            continue
        from crmctl.services.joining import conflict_moving
        from crmctl.services.joining import conflict_rename

        found = conflict_moving.elsewhere(book, joining, question)
        if found is not None and found.handle == answer.handle:
            now = conflict_moving.moved(book, now, question, found)
        else:
            now = now._replace(theirs=conflict_rename.renamed(book, now, now.theirs, question, answer.handle))
    return now


def _fitting(questions: Iterable[Question], answers: Mapping[str, Answer]) -> list[tuple[Question, Answer]]:
    """The questions that have been answered, with their answers."""
    pairs = ((question, answers.get(fingerprint(question))) for question in questions) if answers else ()
    return [(question, answer) for question, answer in pairs if answer is not None]


def value_of(question: Question, answer: Answer) -> Raw | None:
    """The value that an answer gives to a field."""
    assert question.clash is not None
    if answer.take == "value":
        return answer.value
    return question.clash.ours if answer.take == "ours" else question.clash.theirs


def partner(path: str) -> str:
    """The other file of the same customer: the history of a record, the record of a history; "" for other files."""
    flat = layout.flat(path)
    for kind, ending, other, other_ending in (
        ("customers", ".yaml", "interactions", ".jsonl"),
        ("interactions", ".jsonl", "customers", ".yaml"),
    ):
        start = f"{layout.RECORDS}/{kind}/"
        if flat.startswith(start) and flat.endswith(ending):
            return f"{layout.RECORDS}/{other}/{flat[len(start) : -len(ending)]}{other_ending}"
    return ""


def _together(joining: Joining, path: str) -> frozenset[str]:
    """The places (in the flat layout) that are settled at once with ``path``."""
    found = {layout.flat(one) for one in (path, *joining.others.get(path, ()))}
    return frozenset({*found, *(partner(one) for one in found)})


def _concerns(joining: Joining, path: str) -> bool:
    """Whether a question is still open where ``path`` stands: always in a sync, in git while its file is unmerged."""
    if joining.how.name == SYNC or path in joining.files:
        return True
    return any(layout.flat(path) in _together(joining, one) for one in joining.files)


def _of_sync(book: Book, pending: Pending) -> Joining:
    head = book.repository.head()
    bases = book.repository.merge_bases(head, pending.theirs)
    base = bases[0] if bases else ""
    how = Operation(SYNC, base, head, pending.theirs)
    return Joining(how, tuple(bases), head, pending.theirs, {}, {})


def _of_git(book: Book, files: Sequence[Unmerged]) -> Joining:
    """The commits that git is joining; where they cannot be told, trees of just the files in conflict."""
    places = book.places
    how = unmerged.operation(places)
    by_path = {relative(file.path, places.prefix): file for file in files}
    if not unmerged.are_these(places, how, files):
        sides = [
            unmerged.tree_of(places, {file.path: side for file in files if (side := _side(file, number)) is not None})
            for number in range(3)
        ]
        return Joining(how, (sides[0],), sides[1], sides[2], by_path, {}, known=False)
    bases = (how.base,) if how.base else tuple(book.repository.merge_bases(how.ours, how.theirs))
    others = {
        relative(path, places.prefix): frozenset(relative(one, places.prefix) for one in found)
        for path, found in unmerged.origins(places, how, files).items()
    }
    return Joining(how, bases, how.ours, how.theirs, by_path, others)


def _side(file: Unmerged, number: int) -> trees.TreeFile | None:
    return (file.base, file.ours, file.theirs)[number]


def marks(
    book: Book, joining: Joining, paths: Iterable[str], moved: Mapping[str, str]
) -> tuple[dict[str, unmerged.Mark], ...]:
    """Who changed each of ``paths`` last on our side and on theirs, and when.

    ``moved`` says where a side has some of them under another name.
    """
    prefix = book.places.prefix
    asked = list(paths)
    wanted = {from_top(moved[path], prefix): path for path in asked if path in moved}
    wanted.update({from_top(path, prefix): path for path in asked})
    found = []
    for include, exclude in ((joining.how.ours, joining.how.theirs), (joining.how.theirs, joining.how.ours)):
        latest = unmerged.latest(book.places, include, exclude, wanted)
        # Where a side has both, what it did under the new name came last.
        named = sorted(latest.items(), key=lambda pair: wanted[pair[0]] == relative(pair[0], prefix))
        found.append({wanted[path]: mark for path, mark in named})
    return tuple(found)
