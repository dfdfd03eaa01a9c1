"""What records were called when a commit was made that is to be undone, and what they are called now."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.fields import Kind
    from crmctl.model.schema import Schema
    from crmctl.services.joining.treemerge_named import Named


class Moves(NamedTuple):
    """The records that are not called alike in the commit (``base``), in HEAD (``ours``) and before it (``theirs``).

    They are the same by their ids.
    """

    schema: Schema
    names: Sequence[Named] = ()

    def paths(self, path: str) -> list[str]:
        """Where the record (or the history) of ``path`` stands under any of its names, in both layouts; there first."""
        place = layout.place_of(path, self.schema)
        if place is None:
            return [path]
        owner = "customer" if place.kind.storage == "jsonl" else place.kind.name
        handles = [place.handle]
        for handle in handles:  # It grows: who took a name from another is called as that one was.
            handles += [name for name in self._others(owner, handle) if name not in handles]
        return list(dict.fromkeys((path, *(twin for handle in handles for twin in _twins(place.kind, handle)))))

    def clashing(self) -> Iterator[tuple[Kind, Named]]:
        """Those that the commit gave a name, and that do not get the one back that they had before it."""
        for named in self.names:
            kind = self.schema.kind(named.plural)
            if kind and named.base and named.ours and named.theirs not in ("", named.base, named.handle):
                yield kind, named

    def back(self, files: Mapping[str, bytes | None]) -> dict[str, str]:
        """Of the ``files`` that an undo writes, those of records that get a name back: where they stand now."""
        found = {}
        for named in self.names:
            kind = self.schema.kind(named.plural)
            if kind is None or named.ours in ("", named.handle):
                continue
            for one in (kind, *((self.schema.require("interaction"),) if kind.name == "customer" else ())):
                stands = next((path for path in _twins(one, named.ours) if path in files), "")
                if stands:
                    found.update({path: stands for path in _twins(one, named.handle) if files.get(path) is not None})
        return found

    def _others(self, kind: str, handle: str) -> Iterator[str]:
        for named in self.names:
            called = (named.handle, named.base, named.ours, named.theirs)
            if handle in called and self.schema.kind(named.plural) is self.schema.kind(kind):
                yield from dict.fromkeys(filter(None, called))


def _twins(kind: Kind, handle: str) -> list[str]:
    return [layout.path_of(kind, handle, sharded=sharded) for sharded in (False, True)]
