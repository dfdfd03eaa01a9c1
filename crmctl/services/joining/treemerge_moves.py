"""Records that a side renamed by hand, recognised by their ids: all three trees are made to call them alike.

Whatever was done on the other side to the record, to its history and by naming it then follows to the new handle, as
if the record had been called so from the start.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmctl.services.joining.conflict_rename import Rename
from crmctl.services.joining.conflict_rename import rewritten
from crmctl.services.joining.conflict_rename import twins
from crmctl.services.joining.treemerge_named import Named
from crmctl.services.joining.treemerge_units import Base
from crmctl.services.joining.treemerge_units import Sides
from crmctl.services.joining.treemerge_units import Version
from crmctl.services.joining.treemerge_units import from_top
from crmctl.store import layout
from crmctl.store.merging import merge_file
from crmctl.vcs import trees

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from crmctl.model.fields import Kind
    from crmctl.model.schema import Schema
    from crmctl.services.joining.treemerge_units import Contents
    from crmctl.vcs.repository import Repository
    from crmctl.vcs.trees import TreeFile

_ASIDE, GONE = "..aside", "..gone"
"""What follows the handle of a record for a while, or because ours does not have it; no handle has two dots in a row.
"""


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

    def followed(self, wanted: Iterable[Named], *, keep_ours: bool = False) -> Sides:
        """The sides with all of ``wanted`` followed that can be; the others are left to be asked about.

        With ``keep_ours``, one whose new name is taken by another record keeps the name that we have for it.
        """
        known = [(kind, named) for named in wanted if (kind := self._schema.kind(named.plural)) is not None]
        places = [
            path for kind, named in known for handle in (named.handle, *named.old) for path in self._at(kind, handle)
        ]
        self._contents.load(self._sides.units.values())
        for tree in self._trees:
            tree.look_up(places)
        if keep_ours:
            self._make_room(known)
        else:
            self._let_go(known)
        left = self._follow_rings(self._follow_all(known))
        if keep_ours:
            # Who is not there any more is in nobody's way under the name that the base has.
            names = [(kind, named._replace(handle=named.ours or named.base)) for kind, named in left]
            self._make_room(names)
            self._follow_rings(self._follow_all([(kind, named) for kind, named in names if named.handle]))
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

    def _make_room(self, names: list[tuple[Kind, Named]]) -> None:
        """Call those otherwise that ours does not have any more, where one that it has is called so by now."""
        for kind, named in names:
            if not named.ours or named.ours != named.handle:
                continue
            known = [one.called for _, one in names if one.plural == named.plural]
            base, _, theirs = (
                tree.has(twins(kind, named.handle)) and all(called[number] != named.handle for called in known)
                for number, tree in enumerate(self._trees)
            )
            if base or theirs:
                handles = (named.handle if base else "", "", named.handle if theirs else "")
                self._follow(kind, Named(named.plural, *handles, f"{named.handle}{GONE}"))

    def _let_go(self, names: list[tuple[Kind, Named]]) -> None:
        """Take away, on the other side too, those whom a side removed before it gave their name to another record.

        Only where the other side wrote nothing to them or about them; else that is to be asked.
        """
        base, *sides = self._trees
        for kind, named in names:
            places = self._at(kind, named.handle)
            for number, tree in enumerate(sides, 1):
                known = [one.called for _, one in names if one.plural == named.plural]
                if named.called[3 - number] != named.handle or any(one[number] == named.handle for one in known):
                    continue
                if base.has(twins(kind, named.handle)) and all(base.of(path) == tree.of(path) for path in places):
                    word = re.compile(rb"(?<![\w.-])%b(?![\w-])" % re.escape(named.handle.encode()))
                    if not any(word.search(tree.of(path) or b"") for path in self._touched_by(number)):
                        gone = {path: None for path in places if tree.of(path) is not None}
                        base.changed.update(gone)
                        tree.changed.update(gone)

    def _touched_by(self, number: int) -> Iterator[str]:
        """What a side (1: ours, 2: theirs) wrote."""
        for unit in self._sides.units.values():
            version = (unit.base, unit.ours, unit.theirs)[number]
            if version is not None and (unit.ours_changed, unit.theirs_changed)[number - 1]:
                yield version.path

    def _follow_rings(self, names: list[tuple[Kind, Named]]) -> list[tuple[Kind, Named]]:
        """Follow those who took names from each other, all of a ring at once; those that are left."""
        for one in names:
            ring = self._ring(one, names)
            if ring and self._follow_ring(ring):
                return self._follow_rings(self._follow_all([other for other in names if other not in ring]))
        return names

    def _ring(self, one: tuple[Kind, Named], names: list[tuple[Kind, Named]]) -> list[tuple[Kind, Named]]:
        """``one`` and all who have to go for it to move; [] when somebody of another name is in the way."""
        ring = [one]
        for kind, named in ring:  # It grows.
            for number, (tree, handle) in enumerate(zip(self._trees, named.called, strict=True)):
                if handle == named.handle or not tree.has(twins(kind, named.handle)):
                    continue
                holders = (other for other in names if other[0] is kind and other[1].called[number] == named.handle)
                holder = next(holders, None)
                if holder is None:
                    return []
                if holder not in ring:
                    ring.append(holder)
        return ring

    def _follow_ring(self, ring: list[tuple[Kind, Named]]) -> bool:
        """Follow all of a ring, or nobody: the first goes aside until the others have moved on."""
        trees_before, moved, names = [dict(tree.changed) for tree in self._trees], dict(self.moved), list(self.names)
        (kind, first), *others = ring
        aside = first._replace(handle=f"{first.handle}{_ASIDE}")
        base, ours, theirs = (name and aside.handle for name in (first.base, first.ours, first.theirs))
        home = Named(first.plural, base, ours, theirs, first.handle)
        done = self._follow(kind, aside) and not self._follow_all(others) and self._follow(kind, home)
        for number, (tree, before) in enumerate(zip(self._trees, trees_before, strict=True)):
            # Where all are called as they are to be, nothing is written anew for the way there and back.
            if not done or all(named.called[number] == named.handle for _, named in ring):
                tree.changed = before
        if not done:
            self.moved = moved
        self.names = [*names, *(named for _, named in ring if done)]
        return done

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
        for path in dict.fromkeys((*self._touched, *tree.changed, *found)):
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
