"""What the store needs from version control, which is handed in: the store runs no git."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Protocol

from crmctl.store.handwork import Standings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from contextlib import AbstractContextManager


class Commits(Standings, Protocol):
    """What a transaction needs from version control. Paths are relative to the book."""

    def head(self) -> str:
        """The commit HEAD points to, "" before the first."""
        ...

    def blobs(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        """The blob ids of ``paths`` in ``commit``."""
        ...

    def changes_between(self, old: str, new: str) -> dict[str, tuple[str, str]]:
        """What differs between two commits: path -> (blob before, blob after), "" where there is none."""
        ...

    def check_writable(self, *, moving_since: int | None = None) -> None:
        """Refuse while a rebase or the like is under way, and sweep away the locks of a write that was killed.

        ``moving_since`` is when that one began to move HEAD; a merge under way is then refused, too.
        """
        ...

    def build(self, parent: str, message: str, files: Mapping[str, bytes | None], *, merging: str = "") -> str:
        """Make a commit that nothing points to yet; of two parents when ``merging`` names the second."""
        ...

    def keep(self, contents: Iterable[bytes]) -> None:
        """Keep contents that are in no commit, so that they can be asked for by their ids."""
        ...

    def programs(self, commit: str, paths: Iterable[str]) -> frozenset[str]:
        """Those of ``paths`` that are marked as programs in ``commit``, and may be."""
        ...

    def advance(self, new: str, old: str, message: str) -> None:
        """Move HEAD's branch by compare-and-swap."""
        ...

    def index_held(self) -> AbstractContextManager[None]:
        """Keep everybody else from committing what git's index has, or from changing it."""
        ...

    def stage(self, paths: Iterable[str]) -> None:
        """Make git's index agree with HEAD and the files."""
        ...

    def unstage(self, paths: Iterable[str]) -> None:
        """Make git's index agree with HEAD, whatever the files are."""
        ...

    def contains(self, commit: str) -> bool:
        """Whether HEAD's history has a commit."""
        ...

    def descends(self, new: str, old: str) -> bool:
        """Whether the history of ``new`` has ``old`` in it."""
        ...

    def announce(self, *, merged: bool) -> None:
        """Tell the user's own hooks that HEAD has moved."""
        ...


class BlobId(Protocol):
    """How the id of a content is told."""

    def __call__(self, data: bytes) -> str:
        """The blob id of ``data``."""
        ...
