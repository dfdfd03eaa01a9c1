"""What this clone has ever seen of the list of suppressions, kept beside git's own things.

``git reset --hard``, an old branch or a deleted folder must not open an address that was closed: lines that stood in
the list once count here even when the files have lost them. Only this clone knows of them, and only as hashes.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from crmctl.services.bookfiles import WorkTree

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from crmctl.services.book import Book

NAME = "suppressions.jsonl"


def path(book: Book) -> Path:
    """The file, in the common git folder: no checkout, reset or clean takes it away."""
    from crmctl.services.mailing.host import mail_state

    return mail_state(book) / NAME


def remembered(book: Book, standing: Iterable[bytes]) -> list[bytes]:
    """The lines that stood in the list once and are not among those ``standing`` there now; these are noted.

    Nothing when the book is looked at as it was. What cannot be noted is noted by the next one who looks.
    """
    if not isinstance(book.files, WorkTree):
        return []
    now = dict.fromkeys(line for raw in standing if (line := raw.strip()))
    file = path(book)
    try:
        known = dict.fromkeys(line for raw in file.read_bytes().split(b"\n") if (line := raw.strip()))
    except OSError:
        known = {}
    fresh = [line for line in now if line not in known]
    if fresh:
        with contextlib.suppress(OSError):
            _note(file, fresh)
    return [line for line in known if line not in now]


def _note(file: Path, lines: Iterable[bytes]) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        # The line feed in front ends whatever a killed one left unfinished.
        os.write(descriptor, b"\n" + b"".join(line + b"\n" for line in lines))
    finally:
        os.close(descriptor)
