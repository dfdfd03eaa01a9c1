"""Where later edits overlap with a commit that is to be undone: which field, what it is now, who and when."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.services.joining.treemerge import merge_trees
from crmctl.services.joining.treemerge_moves import GONE
from crmctl.services.joining.treemerge_people import identity
from crmctl.services.past.names import both_layouts
from crmctl.services.past.undo_names import Moves
from crmctl.store import layout
from crmctl.vcs import commits

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.merge.outcome import Clash
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.joining.treemerge import Question
    from crmctl.services.joining.treemerge_named import Named
    from crmctl.services.past.undo_refs import Loose
    from crmctl.vcs.commits import Commit

# Stands in for a line that stays when a whole history would go: see ``_history``.
_STAYS = b'{"id": "-", "text": "undo"}\n'


class Overlap(NamedTuple):
    """Something of a commit that a later edit changed too.

    ``field`` is "" for a whole record. ``before`` is what was there before the commit, ``made`` what it made of it,
    ``now`` what it is now: values, or words in parentheses. ``later`` is the commit that made it so, None when unknown.
    ``reference`` says what names what, where it is not an edit of the same that is in the way but a reference.
    """

    kind: str
    handle: str
    path: str
    field: str
    before: Raw
    made: Raw
    now: Raw
    later: Commit | None
    at: datetime | None
    reference: str = ""


class Merged(NamedTuple):
    """What would have to change, the later edits that overlap, and the records that are called otherwise by now."""

    files: dict[str, bytes | None]
    overlaps: list[Overlap]
    moves: Moves


def merged(book: Book, commit: Commit, head: str, *, rest: bool) -> Merged:
    """What undoing ``commit`` comes to in ``head``.

    With ``rest``, the fields that overlap keep what they are now and the other fields of those files are undone.
    """
    found, questions = _merge(book, commit, head, {}, {})
    if rest and questions:
        answers: dict[str, dict[tuple[str, ...], Raw | None]] = {}
        whole: dict[str, bytes | None] = {}
        for one in questions:
            if one.clash is None:
                whole[one.path] = one.ours
            else:
                answers.setdefault(one.path, {})[one.clash.path] = one.clash.ours
        again, _ = _merge(book, commit, head, answers, whole)
        stays = _standing(book, head, whole)
        files = {path: data for path, data in again.files.items() if path not in whole or data != stays.get(path)}
        found = found._replace(files=files)
    return found


def _standing(book: Book, head: str, paths: Iterable[str]) -> dict[str, bytes]:
    oids = book.repository.blobs(head, paths)
    return dict(zip(oids, book.repository.contents(oids.values()), strict=True))


def _merge(
    book: Book,
    commit: Commit,
    head: str,
    answers: Mapping[str, Mapping[tuple[str, ...], Raw | None]],
    whole: Mapping[str, bytes | None],
) -> tuple[Merged, list[Question]]:
    base, theirs = [commit.id], commit.parents[0]
    result = merge_trees(book.repository, base, head, theirs, answers, whole, follow=True, keep_ours=True)
    files, moves = dict(result.files), Moves(book.schema, result.names)
    touched = {layout.flat(path) for _, path in commits.touched(book.places, [commit])[commit.id]}
    open_ones: list[Question] = []
    for question in result.questions:
        if touched.isdisjoint(map(layout.flat, moves.paths(question.path))):
            continue  # Something that was wrong in the book before, and is none of this commit's business.
        left: Sequence[Question] = [question]
        if question.what == "deleted" and question.ours == question.base:
            # Asked because of what belongs to it; here that is for the references to say.
            files[question.path] = question.theirs
            continue
        if question.theirs is None and _is_another(question):
            continue  # What the commit added is gone, and nothing is left to take away.
        if question.what == "deleted" and _is_history(book, head, question):
            data, left = _history(question, answers.get(question.path, {}))
            if not left:
                files[question.path] = data
        open_ones += left
    since = _Since(book, commit, head, moves)
    overlaps = [_overlap(book, question, since) for question in open_ones]
    overlaps += [_of_name(book, kind, named, since) for kind, named in moves.clashing()]
    return Merged(files, overlaps, moves), open_ones


def _is_another(question: Question) -> bool:
    """Whether somebody else stands there by now."""
    made, now = identity(question.base), identity(question.ours)
    return bool(made and now) and made != now


def _is_history(book: Book, head: str, question: Question) -> bool:
    """Whether a history went on that the commit began, or one has no line left by now whose customer is still there."""
    place = layout.place_of(question.path, book.schema)
    if place is None or place.kind.storage != "jsonl" or question.base is None:
        return False
    if question.ours is not None:
        return True
    return bool(book.repository.blobs(head, both_layouts(book.schema.require("customer"), place.handle)))


def _history(question: Question, answers: Mapping[tuple[str, ...], Raw | None]) -> tuple[bytes | None, list[Question]]:
    """A history without what the commit did to it, and with what came later, where a side has no line at all.

    For a merge, a side that has no line left is another history; with one line that all have, it is the same.
    """
    from crmctl.store.merging import merge_file

    base, ours, theirs = (_STAYS + (data or b"") for data in (question.base, question.ours, question.theirs))
    found = merge_file(question.path, base, ours, theirs, answers)
    if found.refused:
        return None, [question]
    left = [question._replace(what="field", clash=clash) for clash in found.clashes]
    lines = [line for line in found.data.splitlines(keepends=True) if line != _STAYS]
    return b"".join(lines) or None, left


class _Since:
    """The commits that came after one, asked for when there is an overlap."""

    def __init__(self, book: Book, commit: Commit, head: str, moves: Moves) -> None:
        self._book = book
        self._range = f"{commit.id}..{head}"
        self._moves = moves

    def last(self, path: str, *others: str, clash: Clash | None = None, record: bytes | None = None) -> Commit | None:
        """The latest that touched a file (or another); when it is about a field of ``record``, that changed this."""
        paths = [name for one in (path, *others) for name in self._moves.paths(one)]
        found = commits.latest(self._book.places, 2 if clash is not None else 1, self._range, paths=paths)
        if len(found) < 2 or clash is None:
            return found[0] if found else None
        from crmctl.vcs.history import changes

        for change in changes(self._book.places, paths, self._range):
            if _value(change.before, paths, clash, record) != _value(change.after, paths, clash, record):
                return commits.one(self._book.places, change.commit)
        return found[0]


def _value(contents: Mapping[str, bytes], paths: Iterable[str], clash: Clash, record: bytes | None) -> Raw | None:
    """The value in a record, wherever it stood; others that stood there are told apart by the id."""
    from crmctl.services.past.reaching import value_at

    known = identity(record)
    standing = [path for path in paths if path in contents]
    own = [path for path in standing if not known or identity(contents[path]) in (known, b"")]
    found = (value_at(path, contents[path], clash.path) for path in own)
    return next((value for value in found if value is not None), None)


def _of_name(book: Book, kind: Kind, named: Named, since: _Since) -> Overlap:
    """A record that the commit renamed, and that cannot get its name back: it has a third, or somebody else has it."""
    path = layout.path_of(kind, named.ours, sharded=False)
    taken = layout.path_of(kind, named.theirs, sharded=False)
    later = since.last(path if named.ours != named.base else taken)
    now = named.ours if named.ours != named.base else f"({named.theirs} is another {kind.name} by now)"
    at = _at(book, later)
    return Overlap(kind.name, named.ours, path, "handle", named.theirs, named.base, now, later, at)


def _overlap(book: Book, question: Question, since: _Since) -> Overlap:
    place = layout.place_of(question.path, book.schema)
    kind, handle = (place.kind.name, place.handle.removesuffix(GONE)) if place is not None else ("file", question.path)
    path: tuple[str, ...] = ()
    if question.clash is not None:
        clash, path = question.clash, question.clash.path
        if place is not None and place.kind.storage == "jsonl":
            handle, path = path[0], path[1:]
        values = clash.theirs, clash.base, clash.ours
        before, made, now = map(_or_none, values) if path else _whole(*map(_line, values))
    else:
        before, made, now = _whole(*map(_record, (question.theirs, question.base, question.ours)))
    later = since.last(question.path, clash=question.clash, record=question.ours)
    return Overlap(kind, handle, question.path, ".".join(path), before, made, now, later, _at(book, later))


def _or_none(value: Raw | None) -> Raw:
    return "(none)" if value is None else value


def _whole(then: RawMap | None, made: RawMap | None, now: RawMap | None) -> tuple[str, str, str]:
    """What happened to a whole file or line, in words: before, by the commit, and since. None: it was not there."""
    before = "(not there)" if then is None else "(as it was)"
    done = "(removed)" if made is None else "(added)" if then is None else "(changed)"
    if now is None:
        return before, done, "(removed)"
    if not (made and now):
        return before, done, "(another one)"
    names = [name for name in dict.fromkeys([*made, *now]) if made.get(name) != now.get(name)]
    return before, done, f"(changed: {', '.join(names)})" if names else "(another one)"


def _line(value: Raw | None) -> RawMap | None:
    return value if isinstance(value, dict) else None


def _record(data: bytes | None) -> RawMap | None:
    """The record in a file; {} for what is none."""
    from crmctl.store.yaml_reader import read_yaml

    try:
        return None if data is None else read_yaml(data, "").data
    except InvalidData:
        return {}


def _at(book: Book, commit: Commit | None) -> datetime | None:
    return datetime.fromtimestamp(commit.at, book.settings.zone) if commit is not None else None


def of_references(book: Book, commit: Commit, ends: Sequence[Loose], moves: Moves) -> Iterator[Overlap]:
    """Overlaps for what would be left without the record it names."""
    head = book.repository.head()
    since = _Since(book, commit, head, moves)
    for end in ends:
        place = layout.place_of(end.path, book.schema)
        kind, handle = (place.kind.name, place.handle) if place is not None else ("file", end.path)
        later = since.last(end.naming) if end.naming else since.last(*end.gone)
        made = "(added)" if end.naming else "(removed)"
        before = "(not there)" if end.naming else "(there)"
        at = _at(book, later)
        yield Overlap(kind, handle, end.path, "", before, made, f"({end.because})", later, at, end.because)
