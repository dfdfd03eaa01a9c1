"""Every error a user can meet, with its exit code, and the shape of a problem found in data.

Operations raise a ``CrmError``; problems in data are values (``Problem``) that are collected and all shown.
Constructors never print. ``cli`` turns an error into text and an exit status, nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
INVALID = 4
CONFLICT = 5
NO_BOOK = 6
LOCKED = 7
NOT_SENT = 8
BUG = 70
INTERRUPTED = 130
BROKEN_PIPE = 141


class Problem(NamedTuple):
    """Something wrong in a file: where it is, what it is, and what to do.

    ``path`` is relative to the book; ``line`` and ``column`` count from 1, 0 means "the whole file".
    ``code`` is a stable slug such as ``unknown-field`` that scripts can match.
    """

    path: str
    line: int
    column: int
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"

    @property
    def where(self) -> str:
        """``path``, ``path:line`` or ``path:line:column``, as far as it is known."""
        parts = [self.path, *(str(n) for n in (self.line, self.column) if n)]
        return ":".join(parts)


class CrmError(Exception):
    """Base of all errors that are told to the user without a traceback."""

    code = FAILED

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.problems = tuple(problems)


class UsageProblem(CrmError):
    """The words of the command do not fit: a wrong option value, a bad filter, an unknown field."""

    code = USAGE


class NotFound(CrmError):
    """Nothing answers to the name given."""

    code = NOT_FOUND


class Ambiguous(CrmError):
    """Several records answer to the name given; ``candidates`` are (handle, title) pairs."""

    code = NOT_FOUND

    def __init__(self, message: str, candidates: Sequence[tuple[str, str]], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.candidates = tuple(candidates)


class InvalidData(CrmError):
    """A record, a value or a file of records is not valid."""

    code = INVALID


class Conflict(CrmError):
    """The book is not in a state in which this can be written."""

    code = CONFLICT


class BranchMoved(Conflict):
    """Someone else committed between our reading HEAD and our moving it."""


class NoBook(CrmError):
    """There is no book here, or its settings cannot be used."""

    code = NO_BOOK


class Locked(CrmError):
    """Another crmctl is writing; trying again later helps."""

    code = LOCKED


class GitFailed(CrmError):
    """git refused or failed; the message carries its own words."""


class StorageFailed(CrmError):
    """The operating system refused to read or write: full disk, read-only, permission."""
