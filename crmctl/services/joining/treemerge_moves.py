"""Records that a side renamed by hand, recognised by their ids: all three trees are made to call them alike.

Whatever was done on the other side to the record, to its history and by naming it then follows to the new handle, as
if the record had been called so from the start.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.joining.conflict_rename import Rename
from crmctl.services.joining.conflict_rename import rewritten
from crmctl.services.joining.conflict_rename import twins
from crmctl.services.joining.treemerge_people import identity
from crmctl.services.joining.treemerge_units import Base
from crmctl.services.joining.treemerge_units import Sides
from crmctl.services.joining.treemerge_units import Version
from crmctl.services.joining.treemerge_units import from_top
from crmctl.services.joining.treemerge_units import relative
from crmctl.store import layout
from crmctl.store.merging import merge_file
from crmctl.vcs import trees

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping

    from crmctl.model.fields import Kind
    from crmctl.model.schema import Schema
    from crmctl.services.joining.treemerge_units import Contents
    from crmctl.vcs.repository import Repository
    from crmctl.vcs.trees import Differences
    from crmctl.vcs.trees import TreeFile

_RECORD = re.compile(r"records/([^/]+)/([^/]+)\.yaml")


class Named(NamedTuple):
    """How one record is called in base, ours and theirs ("" where it is not there), and how it is to be called."""

    plural: str
    base: str
    ours: str
    theirs: str
    handle: str

    @property
    def old(self) -> tuple[str, ...]:
        """The names that are given up."""
        return tuple(sorted({self.base, self.ours, self.theirs} - {"", self.handle}))


def _to_be_called(base: str, ours: str, theirs: str, *, keep_ours: bool) -> str:
    """The name that a side gave it; of two different ones ours, or else the first in the order of the alphabet."""
    if not ours or base == ours:
        return theirs or ours
    if not theirs or base == theirs or keep_ours:
        return ours
    return min(ours, theirs)


def renamed(sides: Sides, contents: Contents, *, keep_ours: bool = False) -> list[Named]:
    """The records that are not called alike in the three trees, though they have one id.

    With ``keep_ours``, one that both sides gave another name keeps ours, and one whose name somebody else has by now is
    followed too; without, that is a question for a person.
    """
    changes = [_Changes(differences, sides.prefix) for differences in (sides.ours, sides.theirs)]
    if keep_ours:
        for change in changes:
            change.tell_apart(contents)
    gone = {key: version for change in changes for key, version in change.gone.items()}
    if not any(change.added for change in changes) or not (gone or all(change.added for change in changes)):
        return []
    before = _by_id(gone, contents)
    ours, theirs = (_by_id(change.added, contents) for change in changes)
    found = []
    for key in sorted({*ours, *theirs}):
        base = before.get(key, "")
        mine, other = (
            side.get(key, base if change.has_still(f"records/{key[0]}/{base}.yaml", key[1], contents) else "")
            for side, change in zip((ours, theirs), changes, strict=True)
        )
        named = Named(key[0], base, mine, other, _to_be_called(base, mine, other, keep_ours=keep_ours))
        if named.old:
            found.append(named)
    return found


class _Changes:
    """The records that a side has no more, and those that it has anew, by their places in the flat layout."""

    def __init__(self, differences: Differences, prefix: str) -> None:
        self.gone: dict[str, Version] = {}
        self.added: dict[str, Version] = {}
        self._edited: dict[str, tuple[Version, Version]] = {}
        for full, (before, after) in differences.items():
            path = relative(full, prefix)
            file = after or before
            key = layout.flat(path)
            if file is None or file.mode != trees.PLAIN or not _RECORD.fullmatch(key):
                continue
            if before is not None and after is not None:
                self._edited[key] = Version(path, before), Version(path, after)
            else:
                group = self.gone if after is None else self.added
                group[key] = Version(path, file)
        for key in self.gone.keys() & self.added.keys():  # It only moved to its place in the other layout.
            self._edited[key] = self.gone.pop(key), self.added.pop(key)

    def tell_apart(self, contents: Contents) -> None:
        """Take a record that stands at the place of another for new there, and the other for gone."""
        if not (self.gone or self.added):
            return
        contents.load_versions(version for pair in self._edited.values() for version in pair)
        for key, (before, after) in list(self._edited.items()):
            was, now = identity(contents.of(before)), identity(contents.of(after))
            if was and now and was != now:
                self.gone[key], self.added[key] = self._edited.pop(key)

    def has_still(self, key: str, name: bytes, contents: Contents) -> bool:
        """Whether what the base has at ``key`` is there with the id ``name``."""
        edited = self._edited.get(key)
        return key not in self.gone and (edited is None or identity(contents.of(edited[1])) == name)


def _by_id(versions: Mapping[str, Version], contents: Contents) -> dict[tuple[str, bytes], str]:
    """Handles by kind and id, without ids that are there twice."""
    contents.load_versions(versions.values())
    found: dict[tuple[str, bytes], str] = {}
    twice = set()
    for path, version in versions.items():
        match = _RECORD.fullmatch(path)
        name = identity(contents.of(version))
        if match is None or not name:
            continue
        if (match[1], name) in found:
            twice.add((match[1], name))
        found[match[1], name] = match[2]
    return {key: handle for key, handle in found.items() if key not in twice}


class Follower:
    """Gives records one name in all three trees.

    ``moved`` has the paths whose contents are others now, with the paths that they stood at before; ``names`` are those
    that could be followed.
    """

    def __init__(self, repository: Repository, contents: Contents, schema: Schema, sides: Sides) -> None:
        self._repository = repository
        self._contents = contents
        self._schema = schema
        self._sides = sides
        self.moved: dict[str, str] = {}
        self.names: list[Named] = []
        self._trees = [_Tree(repository, contents, sides, number) for number in range(3)]
        self._touched = [
            version.path
            for unit in sides.units.values()
            if unit.ours_changed or unit.theirs_changed
            for version in unit.versions
        ]

    def followed(self, names: Iterable[Named], *, keep_ours: bool = False) -> Sides:
        """The sides with all of ``names`` followed that can be; the others are left to be asked about.

        With ``keep_ours``, one whose new name is taken by another record keeps the name that we have for it.
        """
        known = [(kind, named) for named in names if (kind := self._schema.kind(named.plural)) is not None]
        places = [
            path for kind, named in known for handle in (named.handle, *named.old) for path in self._at(kind, handle)
        ]
        self._contents.load(self._sides.units.values())
        for tree in self._trees:
            tree.look_up(places)
        left = self._follow_all(known)
        if keep_ours:
            self._follow_all([(kind, named._replace(handle=named.ours)) for kind, named in left if named.ours])
        return Sides(self._repository, *(tree.result() for tree in self._trees))

    def _at(self, kind: Kind, handle: str) -> list[str]:
        """Where the record can stand, and the history of a customer."""
        return twins(kind, handle) + (self._histories(handle) if kind.name == "customer" else [])

    def _histories(self, handle: str) -> list[str]:
        return twins(self._schema.require("interaction"), handle)

    def _follow_all(self, names: list[tuple[Kind, Named]]) -> list[tuple[Kind, Named]]:
        """Follow as many as can be, one often making room for another; those that are left."""
        left = [(kind, named) for kind, named in names if not self._follow(kind, named)]
        return self._follow_all(left) if left and len(left) < len(names) else left

    def _follow(self, kind: Kind, named: Named) -> bool:
        changes = []
        for tree, handle in zip(self._trees, (named.base, named.ours, named.theirs), strict=True):
            change = self._in_tree(tree, kind, named, handle)
            if change is None:
                return False
            changes.append(change)
        for tree, change in zip(self._trees, changes, strict=True):
            tree.changed.update(change)
            self.moved.update({path: self.moved.get(path, path) for path in change})
        for old in named.old:
            self.moved.update(zip(self._at(kind, named.handle), self._at(kind, old), strict=True))
        self.names.append(named)
        return True

    def _in_tree(self, tree: _Tree, kind: Kind, named: Named, handle: str) -> dict[str, bytes | None] | None:
        """What changes in a tree in which the record is called ``handle``; None when its new name is taken there."""
        new = named.handle
        if handle != new and tree.has(twins(kind, new)):
            return None
        found: dict[str, bytes | None] = {}
        for old in named.old:
            if old == handle:
                _move(tree, found, twins(kind, old), twins(kind, new))
            elif tree.has(twins(kind, old)):
                continue  # There it is somebody else.
            if kind.name == "customer" and not _move(tree, found, self._histories(old), self._histories(new)):
                return None
            self._name_anew(tree, found, Rename(kind, old, new, original=True))
        return found

    def _name_anew(self, tree: _Tree, found: dict[str, bytes | None], rename: Rename) -> None:
        """Change the handle wherever something that a side changed names the record."""
        for path in (*self._touched, *found):
            data = found[path] if path in found else tree.of(path)
            place = layout.place_of(path, self._schema)
            if data is not None and place is not None and rename.old.encode() in data:
                changed = rewritten(place, path, data, None, rename)
                if changed != data:
                    found[path] = changed


def _move(tree: _Tree, found: dict[str, bytes | None], old: Iterable[str], new: Iterable[str]) -> bool:
    """Note in ``found`` that a file stands under its new name, in the layout that it is in; whether that can be."""
    for before, after in zip(old, new, strict=True):
        data = tree.of(before)
        if data is None:
            continue
        known = found[after] if after in found else tree.of(after)
        if known is not None:
            merged = merge_file(layout.flat(after), None, known, data)
            if not merged.clean:
                return False
            data = merged.data
        found[before], found[after] = None, data
    return True


class _Tree:
    """One of the three trees, as it comes to be."""

    def __init__(self, repository: Repository, contents: Contents, sides: Sides, number: int) -> None:
        self.changed: dict[str, bytes | None] = {}
        self._repository = repository
        self._contents = contents
        self._sides = sides
        self._number = number
        self._base = sides.bases[number]
        self._unchanged: dict[str, TreeFile] = {}

    def look_up(self, paths: Iterable[str]) -> None:
        """Ask git for files that no side need have changed."""
        found = self._repository.blobs(self._base.tree, dict.fromkeys(paths))
        self._unchanged = {path: trees.TreeFile(trees.PLAIN, oid) for path, oid in found.items()}

    def has(self, paths: Iterable[str]) -> bool:
        """Whether anything stands at one of ``paths``."""
        return any(self.of(path) is not None for path in paths)

    def of(self, path: str) -> bytes | None:
        """What stands at ``path`` (relative to the book); None for nothing."""
        if path in self.changed:
            return self.changed[path]
        file = self._now(path)
        return None if file is None else self._contents.of(Version(path, file))

    def result(self) -> Base:
        """The tree with its changes."""
        overlay = dict(self._base.overlay)
        for path, data in self.changed.items():
            full = from_top(path, self._sides.prefix)
            stood = overlay[full][0] if full in overlay else self._now(path)
            overlay[full] = (stood, None if data is None else self._contents.keep(data))
        return Base(self._base.tree, overlay)

    def _now(self, path: str) -> TreeFile | None:
        known = self._sides.standing(from_top(path, self._sides.prefix))
        return self._unchanged.get(path) if known is None else known[self._number]
