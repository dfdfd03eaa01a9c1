"""Which records are not called alike in the three trees of a merge, though they are the same by their ids."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.joining.treemerge_people import identity
from crmctl.services.joining.treemerge_units import Version
from crmctl.services.joining.treemerge_units import relative
from crmctl.store import layout
from crmctl.vcs import trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.services.joining.treemerge_units import Contents
    from crmctl.services.joining.treemerge_units import Sides
    from crmctl.vcs.trees import Differences

_RECORD = re.compile(r"records/([^/]+)/([^/]+)\.yaml")


class Named(NamedTuple):
    """How one record is called in base, ours and theirs ("" where it is not there), and how it is to be called."""

    plural: str
    base: str
    ours: str
    theirs: str
    handle: str

    @property
    def called(self) -> tuple[str, str, str]:
        """The names in base, ours and theirs."""
        return self.base, self.ours, self.theirs

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

    Also those that gave their names to each other. With ``keep_ours``, one that both sides gave another keeps ours,
    and one whose name a new record has by now is followed too; without, that is a question for a person.
    """
    changes = [_Changes(differences, sides.prefix) for differences in (sides.ours, sides.theirs)]
    for change in changes:
        change.tell_apart(contents, newcomers=keep_ours)
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

    def tell_apart(self, contents: Contents, *, newcomers: bool) -> None:
        """Take a record that stands at the place of another for new there, and the other for gone.

        Without ``newcomers`` only where the name was given on among records that the base has.
        """
        contents.load_versions(version for pair in self._edited.values() for version in pair)
        given = {}
        for key, (before, after) in self._edited.items():
            was, now = identity(contents.of(before)), identity(contents.of(after))
            if was and now and was != now:
                given[key] = (was, now)
        contents.load_versions(self.gone.values() if given else ())
        left = {was for was, _ in given.values()} | {identity(contents.of(one)) for one in self.gone.values() if given}
        told: set[bytes] = set()
        while True:
            found = [key for key, (was, now) in given.items() if newcomers or now in left or was in told]
            if not found:
                return
            for key in found:
                _, now = given.pop(key)
                told.add(now)
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
