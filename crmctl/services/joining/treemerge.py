"""Merging two trees in process: what would have to change in ours, and what a person has to answer first.

No git merge runs, no driver is started, and neither the work tree nor any reference is touched. What one side alone
changed is taken; records that both changed are joined by the rules of ``docs/merging.md``, other texts line by line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model.settings import FILE
from crmctl.services.joining import treemerge_people as people
from crmctl.services.joining.treemerge_units import Base
from crmctl.services.joining.treemerge_units import Contents
from crmctl.services.joining.treemerge_units import Outcome
from crmctl.services.joining.treemerge_units import Question
from crmctl.services.joining.treemerge_units import Sides
from crmctl.services.joining.treemerge_units import Unit
from crmctl.services.joining.treemerge_units import asked
from crmctl.services.joining.treemerge_units import from_top
from crmctl.services.joining.treemerge_units import question
from crmctl.services.joining.treemerge_units import told_of
from crmctl.vcs import trees

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence
    from typing import TypeAlias

    from crmctl.model.raw import Raw
    from crmctl.model.settings import Settings
    from crmctl.services.joining.treemerge_named import Named
    from crmctl.store.merging import FileMerge
    from crmctl.vcs.repository import Repository
    from crmctl.vcs.trees import TreeFile

    Answers: TypeAlias = Mapping[tuple[str, ...], Raw | None]

__all__ = ["Question", "TreeMerge", "merge_trees"]

_KEEP = Outcome({}, ())
_PLAIN_ONLY = "stands there, and crmctl writes plain files only"
_ODD = {
    trees.EXECUTABLE: "an executable file stands there: look at it before you take it",
    trees.LINK: f"a symbolic link {_PLAIN_ONLY}",
    trees.SUBMODULE: f"another repository {_PLAIN_ONLY}",
}


class TreeMerge(NamedTuple):
    """What a merge comes to. Paths are relative to the book; those of files outside of it lead there by ``../``.

    ``files`` has what would have to change in ours: the new content, or None for a file to be taken away. Nothing of
    what a question is about is in it. ``moved`` are the paths of records that a side
    calls otherwise (and of what names them), with the paths where that side has them; ``names`` are those records.
    """

    files: dict[str, bytes | None]
    questions: tuple[Question, ...]
    moved: Mapping[str, str] = {}
    names: tuple[Named, ...] = ()


def merge_trees(
    repository: Repository,
    bases: Sequence[str],
    ours: str,
    theirs: str,
    answers: Mapping[str, Answers] | None = None,
    whole: Mapping[str, bytes | None] | None = None,
    *,
    follow: bool = False,
    keep_ours: bool = False,
) -> TreeMerge:
    """The merge of two commits (or trees) that started from ``bases``: the merge bases, or none for unrelated ones.

    Several bases are folded into one, as git does: what clashes in that stays as it was in the older text.
    ``answers`` settle fields, by path; ``whole`` settles a path by the content it gets (None: nothing stands there),
    whatever is asked about it; a path of ``whole`` that nothing is asked about is written too. With ``follow``, records
    that a side renamed are recognised by their ids, and all that the sides changed stands in the merged layout; with
    ``keep_ours`` too, our names stay: of what both sides renamed, and of whoever has the other's name by now.

    Raises:
        GitFailed: git cannot read one of the trees.
    """
    contents = Contents(repository)
    base = _Merging(repository, contents, {}).fold(bases)
    sides = Sides(repository, base, Base(ours, {}), Base(theirs, {}))
    merging = _Merging(repository, contents, answers or {})
    return merging.followed(sides, whole or {}, keep_ours=keep_ours) if follow else merging.merge(sides, whole or {})


class _Merging:
    def __init__(self, repository: Repository, contents: Contents, answers: Mapping[str, Answers]) -> None:
        self._repository = repository
        self._contents = contents
        self._answers = answers

    def followed(self, sides: Sides, whole: Mapping[str, bytes | None], *, keep_ours: bool) -> TreeMerge:
        """The merge of both sides, with records that were renamed or laid out anew followed to where they are now."""
        from crmctl.services.joining import treemerge_layout
        from crmctl.services.joining import treemerge_moves as moves
        from crmctl.services.joining.treemerge_named import renamed

        names = renamed(sides, self._contents, keep_ours=keep_ours)
        joined = treemerge_layout.joined(self._repository, sides.bases) if names or FILE in sides.paths else None
        if joined is None:
            return self.merge(sides, whole, named=not keep_ours)
        follower = moves.Follower(self._repository, self._contents, joined.settings.schema, sides)
        now = follower.followed(names, keep_ours=keep_ours) if names else sides
        merge = self.merge(now, whole, joined.settings if joined.laid_anew else None, named=not keep_ours)
        files = told_of(now.bases[1], merge.files, self._contents, sides.prefix)
        return merge._replace(files=files, moved=follower.moved, names=tuple(follower.names))

    def merge(
        self,
        sides: Sides,
        whole: Mapping[str, bytes | None],
        laid_out: Settings | None = None,
        *,
        named: bool = False,
    ) -> TreeMerge:
        """The merge of two trees; with the settings ``laid_out``, records come to their places by these.

        With ``named`` it is asked about records that one side removed and the other named meanwhile.
        """
        from crmctl.services.joining.treemerge_valid import kept_valid

        outcomes = self._outcomes(sides)
        outcomes.update(kept_valid(self._repository, sides.bases[1].tree, sides.units, outcomes, self._contents))
        if named:
            from crmctl.services.joining.treemerge_refs import named_meanwhile

            ours = sides.bases[1].tree
            outcomes.update(named_meanwhile(self._repository, ours, sides.units, outcomes, self._contents))
        for key, outcome in outcomes.items():
            unit = sides.units[key]
            if unit.path in whole:
                outcomes[key] = self._answered(unit, outcome, whole[unit.path])
        if whole:
            outcomes.update(people.standing_twice(sides.units, outcomes, whole, self._contents))
        if laid_out is not None:
            from crmctl.services.joining.treemerge_layout import in_their_places

            outcomes.update(in_their_places(sides.units, outcomes, laid_out, self._contents))
        files = {path: data for outcome in outcomes.values() for path, data in outcome.files.items()}
        files.update({path: data for path, data in whole.items() if path not in sides.paths})
        return TreeMerge(files, tuple(question for outcome in outcomes.values() for question in outcome.questions))

    def _answered(self, unit: Unit, outcome: Outcome, wanted: bytes | None) -> Outcome:
        """``outcome``, with the answer that ``wanted`` shall stand there."""
        if outcome.questions:
            return Outcome({unit.path: wanted}, ())
        comes = outcome.files[unit.path] if unit.path in outcome.files else self._contents.of(unit.ours)
        if wanted is None or comes == wanted:
            return outcome
        if comes is None:
            return Outcome({**outcome.files, unit.path: wanted}, ())
        return self._asked(unit, "identity", "an answer puts a record here, where another one stands by now")

    def fold(self, bases: Sequence[str]) -> Base:
        """The one base that ``bases`` make, by merging them with each other."""
        if not bases:
            return Base(trees.empty_tree(self._repository.algorithm), {})
        folded = Base(bases[0], {})
        for count, other in enumerate(bases[1:], 1):
            older = self.fold(trees.merge_bases(self._repository.places, other, bases[:count]))
            sides = Sides(self._repository, older, folded, Base(other, {}))
            folded = self._folded(folded, sides, self._outcomes(sides))
        return folded

    def _folded(self, base: Base, sides: Sides, outcomes: Mapping[str, Outcome]) -> Base:
        """``base`` with what came out of merging it with another; where that is a question, with the older text."""
        overlay = dict(base.overlay)
        for key, outcome in outcomes.items():
            unit = sides.units[key]
            new: dict[str, TreeFile | None] = {}
            if outcome.questions:
                new.update({version.path: None for version in (unit.ours, unit.theirs) if version is not None})
                if unit.base is not None:
                    new[unit.base.path] = unit.base.file
            for path, data in outcome.files.items():
                new[path] = None if data is None else self._contents.keep(data)
            for path, file in new.items():
                full = from_top(path, self._repository.places.prefix)
                stood = base.overlay[full][0] if full in base.overlay else sides.ours_at(full)
                overlay[full] = (stood, file)
        return Base(base.tree, overlay)

    def _outcomes(self, sides: Sides) -> dict[str, Outcome]:
        """What becomes of everything that either side changed."""
        units = sides.units
        self._contents.load(unit for unit in units.values() if unit.theirs not in (unit.base, unit.ours))
        outcomes = {key: self._decide(unit, units) for key, unit in units.items()}
        outcomes.update(self._in_the_way(units.values(), outcomes))
        outcomes.update(people.kept_apart(units, outcomes, self._contents))
        return outcomes

    def _decide(self, unit: Unit, units: Mapping[str, Unit]) -> Outcome:
        base, ours, theirs = unit.base, unit.ours, unit.theirs
        if self._only_grows(unit):
            return self._united(unit)
        if theirs in (base, ours) and not unit.crowded:
            return _KEEP
        if unit.crowded:
            return self._asked(unit, "file", "it stands at two places at once, in the flat layout and in the sharded")
        odd = next((_ODD[side.file.mode] for side in (theirs, ours) if side and side.file.mode in _ODD), "")
        if odd and not (theirs is None and ours == base):
            return self._asked(unit, "file", odd)
        if ours == base:
            return self._moved(unit, theirs.path if theirs else "", self._contents.of(theirs))
        left = ours or theirs
        assert left is not None
        if ours is None or theirs is None:
            if base is not None and left.file.oid == base.file.oid:
                return self._moved(unit, "", None)  # It was only moved to its place in the other layout.
            who = "we removed it, they changed it" if ours is None else "they removed it, we changed it"
            return self._asked(unit, "deleted", who)
        if base is not None and ours.path == base.path:
            return self._joined(unit, theirs.path, units)
        return self._joined(unit, ours.path, units)

    def _only_grows(self, unit: Unit) -> bool:
        from crmctl.store.merging import is_union

        return is_union(_in_its_book(unit.key)) and not any(version.file.mode in _ODD for version in unit.versions)

    def _united(self, unit: Unit) -> Outcome:
        """All lines of all sides, also when only one side changed the file, or took it away."""
        from crmctl.store.merging import merge_file

        self._contents.load([unit])
        base, ours, theirs = (self._contents.of(version) for version in (unit.base, unit.ours, unit.theirs))
        merged = merge_file(_in_its_book(unit.key), base, ours or b"", theirs or b"")
        if not merged.clean:
            return self._asked(unit, "file", merged.refused)
        if ours is not None and set(ours.splitlines()) == set(merged.data.splitlines()):
            return _KEEP
        return self._moved(unit, unit.path, merged.data)

    def _joined(self, unit: Unit, path: str, units: Mapping[str, Unit]) -> Outcome:
        """The content of both sides as one file at ``path``."""
        assert unit.ours is not None
        assert unit.theirs is not None
        base, ours, theirs = (self._contents.of(version) for version in (unit.base, unit.ours, unit.theirs))
        assert ours is not None
        assert theirs is not None
        if theirs in (ours, base):
            return self._moved(unit, path, ours)
        if ours == base:
            return self._moved(unit, path, theirs)
        from crmctl.store.merging import is_mergeable
        from crmctl.store.merging import merge_file

        inside = _in_its_book(unit.key)
        if is_mergeable(inside):
            of_one = people.is_of_one(unit, units, self._contents)
            merged = merge_file(inside, base, ours, theirs, self._answers.get(unit.path, {}), of_one=of_one)
            return self._moved(unit, path, merged.data) if merged.clean else self._clashing(unit, merged)
        text = trees.merge_texts(self._repository.places, base or b"", ours, theirs) if base is not None else None
        if text is None:
            return self._asked(unit, "file", "both sides changed the same lines" if base else "both sides added it")
        return self._moved(unit, path, text)

    def _clashing(self, unit: Unit, merged: FileMerge) -> Outcome:
        if merged.refused:
            what = "identity" if people.are_readable(unit, self._contents) else "file"
            return self._asked(unit, what, merged.refused)
        return Outcome({}, tuple(question(unit, self._contents, "field", clash=clash) for clash in merged.clashes))

    def _moved(self, unit: Unit, path: str, data: bytes | None) -> Outcome:
        """``data`` at ``path`` ("" for nowhere), and nothing where we had it before."""
        files: dict[str, bytes | None] = {}
        if unit.ours is not None and unit.ours.path != path:
            files[unit.ours.path] = None
        if data is not None and (unit.ours is None or files or data != self._contents.of(unit.ours)):
            files[path] = data
        return Outcome(files, ())

    def _asked(self, unit: Unit, what: str, reason: str) -> Outcome:
        return asked(unit, self._contents, what, reason)

    def _in_the_way(self, units: Iterable[Unit], outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
        """Files that one side added where the other has a folder."""
        ours = {unit.ours.path for unit in units if unit.ours is not None}
        added = {path: unit for unit in units for path, data in outcomes[unit.key].files.items() if data is not None}
        folders = {folder for path in ours for folder in _folders(path)}
        found = {}
        for path, unit in added.items():
            if path in folders or not ours.isdisjoint(_folders(path)):
                found[unit.key] = self._asked(unit, "file", "a file stands where the other side has a folder")
        return found


def _folders(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def _in_its_book(path: str) -> str:
    """The path of a file of another book in the repository, as that book sees it: records are records there too."""
    if not path.startswith("../"):
        return path
    before, records, rest = path.rpartition("/records/")
    if records and before:
        return f"records/{rest}"
    return path.rpartition("/")[2] if path.endswith("/crm.yaml") else path
