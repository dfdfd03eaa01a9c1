"""Several machines with one book between them, and a campaign that any of them may send."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from crmctl.services.book import Book
from crmctl.services.joining import sync
from crmctl.services.mailing.host import host_id
from helpers import campaign_book as books
from helpers.books import commit
from helpers.books import git
from helpers.told_transport import Told
from helpers.told_transport import go

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from crmctl.services.campaigns.running.asking import Asked
    from crmctl.services.campaigns.running.asking import Sent

PEOPLE = 6
RECORD = "records/campaigns/spring.yaml"


class Died(Exception):
    """The process ends here."""


class Machine:
    """One of the machines: a state folder of its own, and a clone."""

    def __init__(self, folder: Path, remote: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = folder / "book"
        self.state = folder / "state"
        self._patch = patch
        git(remote, "clone", "-q", str(remote), str(self.root))

    @contextmanager
    def on(self) -> Iterator[Book]:
        """Work on this machine for a while."""
        with self._patch.context() as patch:
            patch.setenv("XDG_STATE_HOME", str(self.state))
            yield Book(self.root)

    @property
    def name(self) -> str:
        with self.on():
            return host_id()

    def go(self, way: Told | None = None, asked: Asked | None = None, **more: object) -> Sent:
        with self.on():
            return go(self.root, way, asked, **more)

    def sync(self) -> None:
        with self.on() as book:
            assert sync.sync(book).state == sync.SYNCED

    def push(self, files: dict[str, str]) -> None:
        """Have the others know of records that are written by hand here."""
        commit(self.root, files)
        self.sync()

    def sender(self, sender: str) -> None:
        """Name another sender, and have the others know."""
        lines = (self.root / RECORD).read_text().splitlines(keepends=True)
        kept = "".join(line for line in lines if not line.startswith("sender:"))
        commit(self.root, {"campaigns/spring.yaml": kept + (f"sender: {sender}\n" if sender else "")})
        self.sync()

    def states(self) -> dict[str, str]:
        with self.on():
            return {who: row.state for who, row in books.rows(self.root).items()}


def shared_book(folder: Path, more: str = "sender: any\n") -> Path:
    """The repository that the machines share: a campaign for six people that any of them may send, unless ``more`` of
    its record says otherwise."""
    first = books.make(folder / "first", PEOPLE, more)
    git(folder, "clone", "-q", "--bare", str(first), "remote.git")
    return folder / "remote.git"
