"""One merge made again from its parents, in full: with removed files, two people under one handle, many parents."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.checking import merge_compare
from crmctl.services.joining import conflict_moving
from crmctl.services.joining import conflict_rename
from crmctl.services.joining.conflict_joining import Joining
from crmctl.services.joining.treemerge import merge_trees
from crmctl.services.joining.treemerge_people import identity
from crmctl.services.joining.treemerge_units import from_top
from crmctl.services.joining.treemerge_units import relative
from crmctl.services.joining.treemerge_valid import Judge
from crmctl.services.joining.treemerge_valid import settings_of
from crmctl.store.layout import flat
from crmctl.store.layout import place_of
from crmctl.vcs import mergegraph
from crmctl.vcs import trees
from crmctl.vcs import unmerged
from crmctl.vcs.unmerged import Operation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.model.settings import Settings
    from crmctl.services.book import Book
    from crmctl.services.checking.merge_compare import Finding
    from crmctl.services.joining.treemerge import Question
    from crmctl.services.joining.treemerge import TreeMerge
    from crmctl.vcs.mergegraph import Graph
    from crmctl.vcs.mergegraph import Merge


class Case(NamedTuple):
    """A merge, and the commits that it started from."""

    merge: Merge
    bases: tuple[str, ...]


def derived(book: Book, graph: Graph, case: Case) -> Iterator[tuple[str, Finding]]:
    """What a merge has otherwise than merging its parents gives, with the path of the file."""
    if len(case.merge.parents) > 2:
        return _octopus(book, graph, case)
    return _pair(book, case)


def _pair(book: Book, case: Case) -> Iterator[tuple[str, Finding]]:
    # A sync follows records to other names, git does not: either is right.
    found = list(_merged_again(book, case, follow=False))
    if found:
        found = min(found, list(_merged_again(book, case, follow=True)), key=len)
    yield from found


def _merged_again(book: Book, case: Case, *, follow: bool) -> Iterator[tuple[str, Finding]]:
    ours, theirs = case.merge.parents
    merged = merge_trees(book.repository, case.bases, ours, theirs, follow=follow)
    actual = _Actual(book, case.merge.commit, ours, (*case.bases[:1], ours, theirs))
    actual.load([*merged.files, *(question.path for question in merged.questions)])
    findings = [*_compared(merged, actual)]
    renamed = _with_renames(book, case, merged, actual) if findings else None
    if renamed is None:
        yield from findings
        return
    bases, ours, theirs = renamed.bases, renamed.ours, renamed.theirs
    merged = merge_trees(book.repository, bases, ours, theirs, follow=follow)
    actual = _Actual(book, case.merge.commit, ours, (*bases[:1], ours, theirs))
    actual.load([*merged.files, *(question.path for question in merged.questions)])
    yield from _compared(merged, actual)


def _compared(merged: TreeMerge, actual: _Actual) -> Iterator[tuple[str, Finding]]:
    asked: dict[str, list[Question]] = {}
    for question in merged.questions:
        asked.setdefault(flat(question.path), []).append(question)
    for path in actual.paths:
        content = actual.of(path)
        about = asked.get(flat(path), ())  # An answer goes to its place in the layout that the merge has.
        findings: Iterable[Finding]
        if not about:
            expected = merged.files[path] if path in merged.files else actual.ours(path)
            findings = merge_compare.compare(path, expected, content, actual.sides(path))
        elif content is None or about[0].clash is None:
            findings = _decided(about[0], content, actual)
        elif not (findings := [*merge_compare.unreadable(path, content)]):
            one = about[0]
            assert one.ours is not None
            assert one.theirs is not None
            expected = merge_compare.expected_with(path, one.base, one.ours, one.theirs, content)
            findings = merge_compare.compare(path, expected, content, (one.base, one.ours, one.theirs))
        yield from ((path, finding) for finding in findings)


def _decided(asked: Question, content: bytes | None, actual: _Actual) -> Iterator[Finding]:
    """What is wrong with a file of which a person had to decide as a whole.

    It can be anything that can be read; but where the sides do not fit together, what fits must be there.
    """
    path = asked.path
    yield from merge_compare.unreadable(path, content)
    found = merge_compare.read_record(path, content) if content is not None else None
    if asked.joined is None or found is None:
        return
    joined = merge_compare.read_record(path, asked.joined) or {}
    expected = Judge(actual.settings()).closest(path, joined, found)
    yield from merge_compare.compare_fields(path, expected, found, (asked.base, asked.ours, asked.theirs))


class _Actual:
    """What a merge has, and what its sides had, for the files that it is about."""

    def __init__(self, book: Book, commit: str, ours: str, sides: Sequence[str]) -> None:
        self._repository = book.repository
        self._prefix = book.places.prefix
        self._commits = (commit, ours, *sides)
        changed = trees.differences(book.places, ours, commit)
        self._changed = [relative(path, self._prefix) for path in changed]
        self.paths: list[str] = []
        self._oids: list[dict[str, str]] = []
        self._contents: dict[str, bytes] = {}

    def load(self, more: Iterable[str]) -> None:
        """Read the files that the merge changed, and ``more``."""
        self.paths = sorted({*self._changed, *more})
        top = [from_top(path, self._prefix) for path in self.paths]
        names = [f"{commit}:{path}" for commit in self._commits for path in top]
        found = mergegraph.blob_ids(self._repository.places, names)
        count = len(top)
        self._oids = [
            dict(zip(self.paths, found[number * count : (number + 1) * count], strict=True))
            for number in range(len(self._commits))
        ]
        wanted = list(dict.fromkeys(oid for oids in self._oids for oid in oids.values() if oid))
        self._contents = dict(zip(wanted, self._repository.contents(wanted), strict=True))

    def of(self, path: str) -> bytes | None:
        """What the merge has."""
        return self._contents.get(self._oids[0][path])

    def ours(self, path: str) -> bytes | None:
        """What its first parent has."""
        return self._contents.get(self._oids[1][path])

    def settings(self) -> Settings:
        """The settings that the merge has."""
        return settings_of(self._repository, self._commits[0])

    def sides(self, path: str) -> list[bytes | None]:
        """What was merged, and what that started from."""
        return [self._contents.get(oids[path]) for oids in self._oids[2:]]

    def new_ids(self) -> Iterator[tuple[str, bytes]]:
        """The records that the merge has at paths where none of its sides has one, by path, with their ids."""
        for path in self.paths:
            content = self.of(path)
            if content is not None and path.endswith(".yaml") and not any(self.sides(path)):
                yield path, identity(content)


def _with_renames(book: Book, case: Case, merged: TreeMerge, actual: _Actual) -> Joining | None:
    """What was merged, with the other handles that one of two records got, None when that did not happen."""
    people = [question for question in merged.questions if question.what == "identity"]
    if not people:
        return None
    added = {found: path for path, found in actual.new_ids() if found}
    ours, theirs = case.merge.parents
    start = now = Joining(Operation("merge", ours=ours, theirs=theirs), case.bases, ours, theirs, {}, {})
    for question in people:
        moves = conflict_moving.elsewhere(book, start, question)
        if moves is not None:
            now = conflict_moving.moved(book, now, question, moves)
            continue
        for number, data in enumerate((question.ours, question.theirs)):
            place = place_of(added.get(identity(data), ""), conflict_rename.schema(book))
            if place is None or not question.path.endswith(".yaml"):
                continue
            sides = [now.ours, now.theirs]
            joining = now._replace(ours=sides[1 - number], theirs=sides[number])
            mirrored = question._replace(theirs=data)
            sides[number] = conflict_rename.renamed(book, joining, sides[number], mirrored, place.handle)
            now = now._replace(ours=sides[0], theirs=sides[1])
    return now if now != start else None


def _octopus(book: Book, graph: Graph, case: Case) -> Iterator[tuple[str, Finding]]:
    """A merge of more than two: one after the other is joined to what came out before."""
    places, repository = book.places, book.repository
    first, *others = case.merge.parents
    joined, done = first, [first]
    asked: set[str] = set()
    for other in others:
        bases, _ = graph.bases(other, done)
        merged = merge_trees(repository, bases, joined, other)
        asked.update(question.path for question in merged.questions)
        files = {from_top(path, places.prefix): data for path, data in merged.files.items()}
        joined = unmerged.tree_with(places, joined, files) if files else joined
        done.append(other)
    actual = _Actual(book, case.merge.commit, joined, (*case.bases[:1], *case.merge.parents))
    actual.load(asked)
    for path in actual.paths:
        content = actual.of(path)
        if path in asked:
            findings = merge_compare.unreadable(path, content)
        else:
            findings = merge_compare.compare(path, actual.ours(path), content, actual.sides(path))
        yield from ((path, finding) for finding in findings)
