"""``check --merges``: every merge of the history made again, and what it lost or invented; whoever made it.

A hosting site's button, another program or a person with an editor join records without knowing what they are. Most
merges are told by the ids of their files alone; the others are merged again by ``docs/merging.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import __version__
from crmctl.errors import Problem
from crmctl.services.checking import merge_compare
from crmctl.services.checking.merge_again import Case
from crmctl.services.checking.merge_again import derived
from crmctl.services.joining import conflict_rename
from crmctl.store.layout import place_of
from crmctl.store.merging import is_mergeable
from crmctl.store.merging import merge_file
from crmctl.vcs import mergegraph
from crmctl.vcs import trees
from crmctl.vcs.mergegraph import Graph
from crmctl.vcs.mergegraph import Merge

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.services.book import Book
    from crmctl.services.checking.merge_compare import Finding
    from crmctl.vcs.trees import Differences
    from crmctl.vcs.trees import TreeFile

CHECKED = "merges-checked"
_RULES = f"merges found right by crmctl {__version__}"
_AT_ONCE = 100
"""So many merges are looked at in one go."""


class Report(NamedTuple):
    """What is wrong in which merges. ``merges`` were asked about, ``looked_at`` were not known to be right before.

    ``skipped`` are merges whose beginnings this clone, a shallow one, does not have; ``shallow`` says that it is one.
    """

    problems: list[Problem]
    merges: int
    looked_at: int
    skipped: int
    shallow: bool


class _Suspect(NamedTuple):
    """A file of a merge that both sides changed, or that is not what one side made of it: what each of them has."""

    path: str
    base: TreeFile | None
    ours: TreeFile | None
    theirs: TreeFile | None
    merge: TreeFile | None


def check_merges(book: Book, since: str = "", progress: Callable[[int, int], None] | None = None) -> Report:
    """Derive every merge of HEAD's history again from its parents; only those that ``since`` does not have, if given.

    Merges that were found right are noted in this clone and not looked at again.

    Raises:
        NotFound: there is no commit ``since``.
        GitFailed: the history cannot be read.
    """
    places = book.places
    start = book.repository.resolve(since) if since else ""
    shallow = bool(mergegraph.cut_off(places))
    if not book.repository.head():
        return Report([], 0, 0, 0, shallow)
    found = mergegraph.merges(places, book.revision, start)
    known = _noted(book)
    new = [merge for merge in found if merge.commit not in known]
    graph = Graph(places, book.revision) if new else None
    problems: list[Problem] = []
    skipped = 0
    right: list[str] = []
    for position in range(0, len(new), _AT_ONCE):
        assert graph is not None
        cases, cut = _cases(graph, new[position : position + _AT_ONCE])
        skipped += cut
        found_in = _looked_at(book, graph, cases)
        for number, case in enumerate(cases):
            wrong = [_problem(book, case.merge, path, finding) for path, finding in next(found_in)]
            problems += wrong
            right += [] if wrong else [case.merge.commit]
            if progress is not None and not number % 10:
                progress(position + number, len(new))
    _note(book, known, right)
    return Report(problems, len(found), len(new) - skipped, skipped, shallow)


def check_commit(book: Book, commit: str) -> list[Problem]:
    """What is wrong with one merge, which no branch needs to have yet; nothing where its beginnings are not here.

    Raises:
        GitFailed: the history cannot be read.
    """
    graph = Graph(book.places, commit)
    cases, _ = _cases(graph, [Merge(commit, tuple(book.repository.parents(commit)))])
    looked_at = zip(cases, _looked_at(book, graph, cases), strict=True)
    return [_problem(book, case.merge, *found) for case, wrong in looked_at for found in wrong]


def _cases(graph: Graph, merges: Iterable[Merge]) -> tuple[list[Case], int]:
    """The merges with what they started from, and how many started before this clone does."""
    cases, cut = [], 0
    for merge in merges:
        bases, limited = graph.bases(merge.parents[-1], merge.parents[:-1])
        if limited:
            cut += 1
        else:
            cases.append(Case(merge, tuple(bases)))
    return cases, cut


def _looked_at(book: Book, graph: Graph, cases: Sequence[Case]) -> Iterator[list[tuple[str, Finding]]]:
    """What is wrong with each of ``cases``."""
    simple = [case for case in cases if len(case.bases) <= 1 and len(case.merge.parents) == 2]
    suspects = dict(zip([case.merge.commit for case in simple], _suspects(book, simple), strict=True))
    prefix = book.places.prefix
    plain = {commit: files for commit, files in suspects.items() if all(_is_plain(file, prefix) for file in files)}
    oids = {side.oid: None for files in plain.values() for file in files for side in file[1:] if side is not None}
    contents = dict(zip(oids, book.repository.contents(oids), strict=True)) if oids else {}
    for case in cases:
        files = plain.get(case.merge.commit)
        right = files is not None and _are_right(files, contents, prefix)
        yield [] if right else list(derived(book, graph, case))


def _suspects(book: Book, cases: Sequence[Case]) -> Iterator[list[_Suspect]]:
    """For each merge of two the files that do not follow from the ids of their contents alone."""
    empty = trees.empty_tree(book.repository.algorithm)
    commits = {commit for case in cases for commit in (case.merge.commit, *case.merge.parents, *case.bases)}
    ids = mergegraph.tree_ids(book.places, sorted(commits)) if commits else {}
    pairs = []
    for case in cases:
        base = ids[case.bases[0]] if case.bases else empty
        pairs += [(base, ids[commit]) for commit in (*case.merge.parents, case.merge.commit)]
    found = mergegraph.differences(book.places, pairs) if pairs else []
    for number in range(len(cases)):
        yield list(_unclear(*found[3 * number : 3 * number + 3]))


def _unclear(ours: Differences, theirs: Differences, merge: Differences) -> Iterator[_Suspect]:
    for path in {**ours, **theirs, **merge}:
        before = next(side[path][0] for side in (ours, theirs, merge) if path in side)
        one, other, result = (side[path][1] if path in side else before for side in (ours, theirs, merge))
        if one in (before, other):
            clear = result == other
        else:
            clear = other == before and result == one
        if not clear:
            yield _Suspect(path, before, one, other, result)


def _is_plain(file: _Suspect, prefix: str) -> bool:
    """Whether it is a record of this book that was there all the time: then it is joined without its neighbours."""
    sides = (file.base, file.ours, file.theirs, file.merge)
    if any(side is None or side.mode != trees.PLAIN for side in sides):
        return False
    return file.path.startswith(prefix) and is_mergeable(file.path[len(prefix) :])


def _are_right(files: Sequence[_Suspect], contents: Mapping[str, bytes], prefix: str) -> bool:
    """Whether ``files`` are what joining them one by one gives; if not, the whole merge has to be looked at."""
    for file in files:
        path = file.path[len(prefix) :]
        base, ours, theirs, actual = (contents[side.oid] for side in file[1:] if side is not None)
        merged = merge_file(path, base, ours, theirs)
        if merged.refused or (merged.clashes and any(merge_compare.unreadable(path, actual))):
            return False
        expected = merge_compare.expected_with(path, base, ours, theirs, actual) if merged.clashes else merged.data
        if any(merge_compare.compare(path, expected, actual, (base, ours, theirs))):
            return False
    return True


def _problem(book: Book, merge: Merge, path: str, finding: Finding) -> Problem:
    short = merge.commit[:10]
    place = place_of(path, conflict_rename.schema(book))
    field = f"{finding.field}: " if finding.field else ""
    hint = f"See both sides: git show -m {short} -- {path}"
    if place is not None:
        kind = "customer" if place.kind.storage == "jsonl" else place.kind.name
        hint = f"crmctl history {kind} {place.handle} shows what was. Once it is right: crmctl check --merges {short}.."
    return Problem(path, 0, 0, finding.code, f"in merge {short}: {field}{finding.what}", hint)


def _noted(book: Book) -> frozenset[str]:
    """The merges that were found right before, by the same rules."""
    try:
        head, *commits = (book.places.own / CHECKED).read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return frozenset()
    return frozenset(commits) if head == _RULES else frozenset()


def _note(book: Book, known: frozenset[str], right: Sequence[str]) -> None:
    """Note more of them. It saves time and nothing else, so failing to does no harm."""
    from crmctl.errors import StorageFailed
    from crmctl.store.files import write_file

    if not right:
        return
    text = "\n".join((_RULES, *sorted(known.union(right)), ""))
    try:
        book.places.own.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(book.places.own, CHECKED, text.encode(), durable=False)
    except (OSError, StorageFailed):
        return
