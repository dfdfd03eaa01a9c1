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


class Journal(NamedTuple):
    """HEAD before (``old``) and after (``new``), and for each path the blob before and after ("" for no file)."""

    old: str
    new: str
    paths: dict[str, tuple[str, str]]


def write(folder: Path, journal: Journal) -> None:
    """Put the note on the disk before HEAD moves."""
    write_file(folder, NAME, json.dumps(journal._asdict()).encode())


def read(folder: Path) -> Journal | None:
    """The note that an interrupted write left, None when there is none (or only a torn one, from before HEAD moved)."""
    try:
        text, _ = read_file(folder, NAME)
        data = json.loads(text)
        return Journal(str(data["old"]), str(data["new"]), {path: (a, b) for path, (a, b) in data["paths"].items()})
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def drop(folder: Path) -> None:
    """The write is complete."""
    remove_file(folder, NAME, durable=False)
