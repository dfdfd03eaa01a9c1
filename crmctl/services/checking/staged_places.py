"""Where a commit puts files, and what it leaves behind: by the names of the files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import Problem
from crmctl.services.bookfiles import FILE
from crmctl.services.bookfiles import FOLDER
from crmctl.services.bookfiles import Entry
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.model.settings import Settings

# What would be in the book and read by nobody. A note among records, or a record that waits for another layout, does no
# harm until ``check`` tells of it.
_UNREAD = frozenset({"wrong-ending", "unknown-folder"})


class _Added:
    """The folders that some files stand in, with these files alone."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._folders: dict[str, set[Entry]] = {}
        for path in paths:
            folder, _, name = path.rpartition("/")
            what = FILE
            while name:
                self._folders.setdefault(folder, set()).add(Entry(name, what))
                what = FOLDER
                folder, _, name = folder.rpartition("/")

    def entries(self, folder: str) -> list[Entry]:
        return sorted(self._folders.get(folder, ()))


def unread(added: Collection[str], settings: Settings) -> Iterator[Problem]:
    """The files among ``added`` that look like records and stand where none is read, as ``check`` says it."""
    if not any(path.startswith(f"{layout.RECORDS}/") for path in added):
        return
    from crmctl.services.checking.files import walk

    yield from (problem for problem in walk(_Added(added), settings).problems if problem.code in _UNREAD)


def left_behind(
    removed: Iterable[str], there: Collection[str], handles: Mapping[str, set[str]], settings: Settings
) -> Iterator[Problem]:
    """Histories that stay without their customer."""
    interaction = settings.schema.require("interaction")
    for path in removed:
        place = layout.place_of(path, settings.schema)
        if place is None or place.kind.name != "customer" or place.handle in handles.get("customer", ()):
            continue
        for sharded in (False, True):
            history = layout.path_of(interaction, place.handle, sharded=sharded)
            if history in there:
                message = f"customer {place.handle} goes, and this history stays"
                hint = f"Let it go too (git rm {history}), or along with them to another name (git mv)."
                yield Problem(history, 0, 0, "unknown-reference", message, hint)
