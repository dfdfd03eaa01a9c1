"""The names that a record has had: git knows files only, and a record is the same by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import GitFailed
from crmctl.services.joining.treemerge_people import identity
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.fields import Kind
    from crmctl.services.book import Book
    from crmctl.vcs.history import Change


class Trail(NamedTuple):
    """A record under all of its names: the one that was asked for, then the others.

    Whoever else had one of them is told apart by the id; what has none is the record as long as that has one name only.
    """

    kind: Kind
    handles: tuple[str, ...]
    identity: bytes

    @property
    def paths(self) -> list[str]:
        """Where it stood, in both layouts."""
        return [path for handle in self.handles for path in both_layouts(self.kind, handle)]

    def along(self, other: Kind) -> list[str]:
        """Where the file of another kind that goes with it stood: a customer's interactions."""
        return [path for handle in self.handles for path in both_layouts(other, handle)]

    def where(self, contents: Mapping[str, bytes]) -> str:
        """The path of the record among the files of a tree; "" when it is not there."""
        return next((path for path in self.paths if path in contents and self._is_it(contents[path])), "")

    def _is_it(self, data: bytes) -> bool:
        known = identity(data)
        return known == self.identity or (len(self.handles) == 1 and b"" in (known, self.identity))

    def concerns_another(self, change: Change) -> bool:
        """Whether a commit left the record where it was, or was not: what it changed has, or had, one of its names."""
        path = self.where(change.before)
        return path == self.where(change.after) and (not path or len(self.handles) > 1)

    def along_in(self, contents: Mapping[str, bytes], other: Kind, beside: Mapping[str, bytes]) -> bytes | None:
        """What goes with it in a tree; where the record is in another tree only, by the name it has there."""
        path = self.where(contents) or self.where(beside)
        if not path and not contents.keys().isdisjoint(self.paths):
            return None  # That is what goes with somebody else.
        wanted = both_layouts(other, handle_of(path) if path else self.handles[0])
        return next((contents[path] for path in wanted if path in contents), None)


def both_layouts(kind: Kind, handle: str) -> list[str]:
    """The places of a record's file; it may have moved when the book's layout changed."""
    return [layout.path_of(kind, handle, sharded=sharded) for sharded in (False, True)]


def handle_of(path: str) -> str:
    """The handle in the path of a record's file."""
    return path.rpartition("/")[2].rpartition(".")[0]


def trail(book: Book, kind: Kind, handle: str) -> Trail:
    """A record with the names that it had before and after the commits that renamed it.

    Raises:
        GitFailed: the history cannot be read.
    """
    row = book.index.row(f"SELECT id FROM {kind.plural} WHERE handle = ?", (handle,))
    wanted = str(row[0] or "").upper().encode() if row is not None else b""
    handles = [handle]
    for one in handles:  # It grows.
        for parent, commit in _steps(book, both_layouts(kind, one)):
            before, after = _versions(book, kind, parent, commit)
            was, became = (next(_identities(book, versions, [one]), b"") for versions in (before, after))
            wanted = wanted or became or was
            if was == became or wanted not in (was, became):
                continue
            others = after if was == wanted else before
            found = zip(others, _identities(book, others, others), strict=True)
            handles += [name for name, other in found if other == wanted and name not in handles]
    return Trail(kind, tuple(handles), wanted)


def _steps(book: Book, paths: Sequence[str]) -> list[tuple[str, str]]:
    """The commits in which a file came or went, each with the parents that it had before it; latest first."""
    from crmctl.vcs.commits import that_moved

    if not book.repository.head():
        return []
    try:
        moves = that_moved(book.places, paths, book.revision)
    except GitFailed as error:
        raise GitFailed(f"the history cannot be read: {error.message}", hint=error.hint) from None
    return [(parent, commit) for commit, *parents in moves for parent in parents]


def _versions(book: Book, kind: Kind, old: str, new: str) -> tuple[dict[str, str], dict[str, str]]:
    """The records of a kind that differ between two commits: handles with the ids of their blobs, before and after."""
    from crmctl.vcs import trees

    folder = f"{book.places.prefix}{layout.RECORDS}/{kind.plural}/"
    found: tuple[dict[str, str], dict[str, str]] = {}, {}
    for path, sides in trees.differences(book.places, old, new).items():
        if path.startswith(folder) and path.endswith(layout.ENDINGS[kind.storage]):
            for versions, file in zip(found, sides, strict=True):
                if file is not None and file.mode in trees.FILES:
                    versions[handle_of(path)] = file.oid
    return found


def _identities(book: Book, versions: Mapping[str, str], handles: Iterable[str]) -> Iterator[bytes]:
    """The ids in the records of ``handles``, without those that are not among ``versions``."""
    asked = [versions[handle] for handle in handles if handle in versions]
    return map(identity, book.repository.contents(asked)) if asked else iter(())
