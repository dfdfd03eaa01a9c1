"""What a clone remembers of what it looked at: marks of messages, places in mailboxes, and when it last looked.

Only a help against looking twice: what was filed is known by the book itself. It holds hashes, and nothing to read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from crmctl.services.book import Book

MARK = 32
"""Letters of a mark."""


def mark(*parts: str | bytes) -> str:
    """A short name for what makes a message what it is: its place in a mailbox, or its content."""
    from hashlib import sha256

    digest = sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:MARK]


class Notebook:
    """The marks of one clone, in the folder that holds its mail state."""

    def __init__(self, book: Book) -> None:
        from crmctl.services.mailing.host import mail_state

        self.folder: Path = mail_state(book) / "inbox"
        self._marks: set[str] | None = None

    @property
    def lock(self) -> Path:
        """The lock that one run of ingest holds."""
        return self.folder / "lock"

    @property
    def marks(self) -> set[str]:
        """The marks of what was looked at."""
        if self._marks is None:
            text = self._read("seen")
            self._marks = {line for line in text.split("\n") if len(line) == MARK}
        return self._marks

    def add(self, marks: Iterable[str]) -> None:
        """Note that these were looked at.

        Raises:
            StorageFailed: they cannot be written down.
        """
        new = [one for one in dict.fromkeys(marks) if one not in self.marks]
        if new:
            before = self._read("seen")
            torn = "\n" if before and not before.endswith("\n") else ""
            self._write("seen", torn + "".join(f"{one}\n" for one in new), os.O_APPEND)
            self.marks.update(new)

    def place(self, name: str) -> str:
        """Where reading of the mailbox called ``name`` ended; "" at first."""
        return self._read(f"place-{mark(name)}").strip()

    def keep_place(self, name: str, text: str) -> None:
        """Note where reading of a mailbox ended."""
        self._write(f"place-{mark(name)}", f"{text}\n", os.O_TRUNC)

    def done(self, at: datetime) -> None:
        """Note that everything that was to be read has been."""
        self._write("last", f"{at.isoformat(timespec='seconds')}\n", os.O_TRUNC)

    def last(self) -> datetime | None:
        """When everything was read for the last time; None when it never was, or nobody can tell."""
        from datetime import datetime

        try:
            found = datetime.fromisoformat(self._read("last").strip())
        except ValueError:
            return None
        return found if found.tzinfo is not None else None

    def _read(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as exc:
            raise storage_failed(str(self.folder / name), exc, "read") from exc

    def _write(self, name: str, text: str, how: int) -> None:
        path = self.folder / name
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how | getattr(os, "O_NOFOLLOW", 0), 0o600)
            with open(descriptor, "w", encoding="ascii", newline="") as file:  # noqa: PTH123 - opened with its rights
                file.write(text)
        except OSError as exc:
            raise storage_failed(str(path), exc, "write") from exc
