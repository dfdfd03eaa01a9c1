"""A file that is merged: its three versions, and what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.store import markers

if TYPE_CHECKING:
    from crmctl.merge.outcome import Clash


class FileMerge(NamedTuple):
    """A merged file. With clashes, or when it was refused, it has markers in it and cannot be read as a record.

    ``refused`` says why the sides were not joined at all, "" when they were.
    """

    data: bytes
    clashes: tuple[Clash, ...] = ()
    refused: str = ""

    @property
    def clean(self) -> bool:
        """Whether the file is whole: nothing is asked, nothing was refused."""
        return not self.clashes and not self.refused


class Sides(NamedTuple):
    """The three versions of a file (no bytes for none), and the width of the markers in it."""

    path: str
    base: bytes
    ours: bytes
    theirs: bytes
    marker_size: int

    @property
    def versions(self) -> tuple[tuple[str, bytes], ...]:
        """What each version is called in messages, and its bytes."""
        return (("the base", self.base), ("our side", self.ours), ("their side", self.theirs))

    def refused(self, why: str) -> FileMerge:
        """Nothing is joined: the whole file stands between markers."""
        return FileMerge(markers.whole(self.base, self.ours, self.theirs, self.marker_size), refused=why)
