"""The note of a write under way: enough to finish it, or to see that it never happened, after any interruption."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.store.files import read_file
from crmctl.store.files import remove_file
from crmctl.store.files import write_file

if TYPE_CHECKING:
    from pathlib import Path

NAME = "journal.json"


class Step(NamedTuple):
    """What happens to one file, told by blob ids; "" where there is no file.

    ``before`` is what stood in the work tree, ``after`` what shall stand there, and ``committed`` what HEAD gets: the
    same as ``after``, unless a person's own uncommitted edit stays in the file. ``staged`` says that this edit was
    staged, and has to be so afterwards.
    """

    before: str
    after: str
    committed: str
    staged: bool = False

    @property
    def shows_as_changed(self) -> bool:
        """Whether the file differs from git's index when all is done."""
        return self.committed != self.after and not self.staged


class Journal(NamedTuple):
    """HEAD before (``old``) and after (``new``), and for each path what happens to it."""

    old: str
    new: str
    steps: dict[str, Step]


def write(folder: Path, journal: Journal) -> None:
    """Put the note on the disk before HEAD moves."""
    write_file(folder, NAME, json.dumps(journal._asdict()).encode())


def read(folder: Path) -> Journal | None:
    """The note that an interrupted write left, None when there is none (or only a torn one, from before HEAD moved)."""
    try:
        text, _ = read_file(folder, NAME)
        data = json.loads(text)
        steps = {path: _step(*parts) for path, parts in data["steps"].items() if isinstance(parts, list)}
        return Journal(str(data["old"]), str(data["new"]), steps) if len(steps) == len(data["steps"]) else None
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _step(before: str, after: str, committed: str, staged: object = None) -> Step:
    return Step(before, after, committed, bool(staged))


def began(folder: Path) -> int | None:
    """When the write began to move HEAD that left its note, in nanoseconds since 1970; None when there is none."""
    try:
        return (folder / NAME).stat().st_mtime_ns if read(folder) is not None else None
    except FileNotFoundError:
        return None


def drop(folder: Path) -> None:
    """The write is complete."""
    remove_file(folder, NAME, durable=False)
