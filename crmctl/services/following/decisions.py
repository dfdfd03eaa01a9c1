"""The decisions that runs of this clone made, also those to do nothing: a few for each person, so that ``explain`` can
tell. They stand outside of git, and are only told, never relied on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import StorageFailed
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import replace
from crmctl.services.mailing.host import mail_state

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from crmctl.services.book import Book
    from crmctl.services.following.deciding import Decision

KEPT = 12
"""Decisions of one enrolment; the same one again only moves its end."""


class Noted(NamedTuple):
    """A decision that held from one run to another: when first, when last (RFC 3339), in what words."""

    first: str
    last: str
    sequence: str
    step: int
    what: str
    code: str
    reason: str


class Decisions:
    """The notes of one clone."""

    def __init__(self, book: Book) -> None:
        self._path: Path = mail_state(book) / "following" / "decisions.json"
        self._found = self._read()

    def _read(self) -> dict[str, list[Noted]]:
        try:
            raw = json.loads(self._path.read_bytes())
            return {str(key): [Noted(*item) for item in items] for key, items in raw.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def of(self, enrolment: str) -> list[Noted]:
        """The decisions about an enrolment, the oldest first."""
        return self._found.get(enrolment, [])

    def is_news(self, decision: Decision) -> bool:
        """Whether the last decision about the same enrolment was another one."""
        noted = self.of(decision.enrolment)
        if not noted:
            return True
        last = noted[-1]
        return (last.what, last.code, last.step) != (decision.what, decision.code, decision.step)

    def note(self, decisions: Iterable[Decision], now: datetime, keep: Iterable[str]) -> None:
        """Add the decisions of a run; forget those about enrolments that are none of ``keep``. A full disk is no reason
        not to go on: they are words, no more."""
        wanted = set(keep)
        self._found = {key: noted for key, noted in self._found.items() if key in wanted}
        at = now.isoformat()
        for one in decisions:
            noted = self._found.setdefault(one.enrolment, [])
            new = Noted(at, at, one.sequence, one.step, one.what, one.code, one.reason)
            if noted and noted[-1][2:] == new[2:]:
                noted[-1] = noted[-1]._replace(last=at)
            else:
                noted.append(new)
                del noted[:-KEPT]
        try:
            make_folder(self._path.parent)
            replace(self._path, json.dumps(self._found, separators=(",", ":")).encode("ascii"))
        except StorageFailed:
            return
