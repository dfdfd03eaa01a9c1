"""What stands where in the three trees of a merge: one unit a record, followed when its layout changed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.store import layout
from crmctl.vcs import trees

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.merge.outcome import Clash
    from crmctl.vcs.repository import Repository
    from crmctl.vcs.trees import Differences
    from crmctl.vcs.trees import TreeFile


class Question(NamedTuple):
    """Something that only a person can decide; the contents are those of the file in base, ours and theirs.

    ``what`` is "field" (both changed one field; ``clash`` is set), "deleted" (one side removed it, the other changed
    it), "identity" (two different records at one path), "joint" (each side is valid, both together are not) or
    "file" (no record, or an unreadable one: taken as a whole). ``joined`` is what both sides come to, where that alone
    is in question. Where one side removed a record and the other named it, ``named`` says in words what names it, and
    ``stuck`` what of it cannot go along; all that stays or goes together is ``about`` the path of that record.
    """

    path: str
    what: str
    clash: Clash | None
    base: bytes | None
    ours: bytes | None
    theirs: bytes | None
    reason: str = ""
    joined: bytes | None = None
    about: str = ""
    named: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """What becomes of a unit: files to be put (or, for None, taken away), or questions."""

    files: dict[str, bytes | None]
    questions: tuple[Question, ...]


class Version(NamedTuple):
    """A file of one of the trees; ``path`` is relative to the book (and leads out of it by ``../``)."""

    path: str
    file: TreeFile


class Unit(NamedTuple):
    """A record, or another file, in the three trees; None where it is not there.

    ``crowded`` says that a tree has the record at two places at once.
    """

    key: str
    base: Version | None
    ours: Version | None
    theirs: Version | None
    crowded: bool = False

    @property
    def path(self) -> str:
        """Where the unit is spoken of: at our path, where we have it."""
        version = self.ours or self.theirs or self.base
        assert version is not None
        return version.path

    @property
    def ours_changed(self) -> bool:
        """Whether our content is another than the base's, wherever it stands."""
        return _content(self.ours) != _content(self.base)

    @property
    def theirs_changed(self) -> bool:
        """The same for theirs."""
        return _content(self.theirs) != _content(self.base)

    @property
    def versions(self) -> Iterator[Version]:
        """Those that are there."""
        return (version for version in (self.base, self.ours, self.theirs) if version is not None)


class Base(NamedTuple):
    """What both sides started from: a tree, and what a folded base has otherwise than that (path -> (tree, base))."""

    tree: str
    overlay: Differences


class Contents:
    """The contents of blobs: asked for all at once, and those of a folded base, that git does not have."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._known: dict[str, bytes] = {}

    def load(self, units: Iterable[Unit]) -> None:
        """Read whatever stands in ``units`` and is not known yet."""
        self.load_versions(version for unit in units for version in unit.versions)

    def load_versions(self, versions: Iterable[Version]) -> None:
        """The same for single files."""
        wanted = {
            version.file.oid: None
            for version in versions
            if version.file.mode != trees.SUBMODULE and version.file.oid not in self._known
        }
        if wanted:
            self._known.update(zip(wanted, self._repository.contents(wanted), strict=True))

    def of(self, version: Version | None) -> bytes | None:
        """The content of a file; None where there is none (or another repository)."""
        if version is None or version.file.mode == trees.SUBMODULE:
            return None
        if version.file.oid not in self._known:
            (self._known[version.file.oid],) = self._repository.contents([version.file.oid])
        return self._known[version.file.oid]

    def keep(self, data: bytes) -> TreeFile:
        """A plain file of that content, which git need not have."""
        oid = self._repository.blob_id(data)
        self._known[oid] = data
        return trees.TreeFile(trees.PLAIN, oid)


class Sides:
    """What each side changed since the base, sorted by what it is about."""

    def __init__(self, repository: Repository, base: Base, ours: Base, theirs: Base) -> None:
        self.prefix = repository.places.prefix
        self.bases = (base, ours, theirs)
        self.ours = between(repository, base, ours)
        self.theirs = between(repository, base, theirs)

    @cached_property
    def paths(self) -> frozenset[str]:
        """The paths that either side changed."""
        return frozenset(relative(path, self.prefix) for path in (*self.ours, *self.theirs))

    def ours_at(self, path: str) -> TreeFile | None:
        """What we have at a path (from the top of the repository) that either side changed."""
        return self.ours[path][1] if path in self.ours else self.theirs[path][0]

    def standing(self, path: str) -> tuple[TreeFile | None, TreeFile | None, TreeFile | None] | None:
        """What base, ours and theirs have at a path (from the top); None for one that neither side changed."""
        if path not in self.ours and path not in self.theirs:
            return None
        before = (self.ours.get(path) or self.theirs[path])[0]
        return before, self.ours.get(path, (before, before))[1], self.theirs.get(path, (before, before))[1]

    @cached_property
    def units(self) -> dict[str, Unit]:
        """Everything that either side changed, by the path it would have in the flat layout."""
        grouped: dict[str, list[str]] = {}
        for path in dict.fromkeys([*self.ours, *self.theirs]):
            grouped.setdefault(layout.flat(relative(path, self.prefix)), []).append(path)
        return {key: self._unit(key, paths) for key, paths in sorted(grouped.items())}

    def _unit(self, key: str, paths: list[str]) -> Unit:
        base: list[Version] = []
        ours: list[Version] = []
        theirs: list[Version] = []
        for path in paths:
            for versions, file in zip((base, ours, theirs), self.standing(path) or (), strict=True):
                if file is not None:
                    versions.append(Version(relative(path, self.prefix), file))
        crowded = any(len(versions) > 1 for versions in (base, ours, theirs))
        return Unit(key, _only(base), _only(ours), _only(theirs), crowded)


def asked(unit: Unit, contents: Contents, what: str, reason: str) -> Outcome:
    """The question what is to become of a unit as a whole."""
    return Outcome({}, (question(unit, contents, what, reason),))


def question(unit: Unit, contents: Contents, what: str, reason: str = "", clash: Clash | None = None) -> Question:
    """A question about a unit, with what the three trees have of it."""
    base, ours, theirs = (contents.of(version) for version in (unit.base, unit.ours, unit.theirs))
    return Question(unit.path, what, clash, base, ours, theirs, reason)


def _content(version: Version | None) -> str:
    return "" if version is None else version.file.oid


def _only(versions: list[Version]) -> Version | None:
    return versions[0] if versions else None


def between(repository: Repository, old: Base, new: Base) -> Differences:
    """What differs between two bases, what they have otherwise than their trees taken into account."""
    found = trees.differences(repository.places, old.tree, new.tree)
    for path in {**old.overlay, **new.overlay}:
        same = (old.overlay.get(path) or new.overlay[path])[0]
        before, after = found.pop(path, (same, same))
        before, after = _over(old.overlay, path, before), _over(new.overlay, path, after)
        if before != after:
            found[path] = (before, after)
    return found


def _over(
    overlay: Mapping[str, tuple[TreeFile | None, TreeFile | None]], path: str, file: TreeFile | None
) -> TreeFile | None:
    return overlay[path][1] if path in overlay else file


def told_of(ours: Base, files: Mapping[str, bytes | None], contents: Contents, prefix: str) -> dict[str, bytes | None]:
    """``files``, that are to change in ``ours``, as what is to change in the commit that it was made of."""
    found = dict(files)
    for full, (stood, now) in ours.overlay.items():
        path = relative(full, prefix)
        before = None if stood is None else contents.of(Version(path, stood))
        found.setdefault(path, None if now is None else contents.of(Version(path, now)))
        if found[path] == before:
            del found[path]
    return found


def relative(path: str, prefix: str) -> str:
    """A path from the top of the repository, told from the book in the folder ``prefix`` ("" or "crm/")."""
    return path[len(prefix) :] if path.startswith(prefix) else "../" * prefix.count("/") + path


def from_top(path: str, prefix: str) -> str:
    """The other way round."""
    up = "../" * prefix.count("/")
    return path[len(up) :] if up and path.startswith(up) else prefix + path
