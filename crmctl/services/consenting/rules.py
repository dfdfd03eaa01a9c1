"""When and how often anybody may be written to, by ``crm.yaml``: what cannot be read there is no leave to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.model.settings import FILE

if TYPE_CHECKING:
    from crmctl.errors import Problem
    from crmctl.services.book import Book

RESTRAINTS = ("purposes", "pressure", "send_window", "send_weekdays", "holidays")
"""The settings for which a default that stands in would let more go out than was meant."""


def unclear(book: Book) -> list[Problem]:
    """What is wrong among the settings that hold mail back."""
    wrong = {message for path, message in book.settings.problems if path[:1] and path[0] in RESTRAINTS}
    if not wrong:
        return []
    from crmctl.services.checking import settings

    return [problem for problem in settings.load(book.root).problems if problem.message in wrong]


def require(book: Book) -> None:
    """Refuse to send while it is not clear what the book allows.

    Raises:
        InvalidData: with all that is wrong there.
    """
    problems = unclear(book)
    if problems:
        message = f"nothing is sent: {FILE} does not say clearly when or how often people may be written to"
        hint = f"Correct it, then: crmctl check {FILE}"
        raise InvalidData(message, hint=hint, problems=problems)
