"""The last look before the mail of a step goes out: who answered or was taken out since the run decided gets nothing.

A run goes as slowly as the limits of the pace have it, so that much may be written to the book while it is under way.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.services import records
from crmctl.services.campaigns.running.gatekeeping import GO
from crmctl.services.campaigns.running.gatekeeping import WAIT
from crmctl.services.campaigns.running.gatekeeping import Gatekeeper
from crmctl.services.campaigns.running.gatekeeping import Verdict
from crmctl.services.following import enrolments
from crmctl.services.following.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.plan import Entry
    from crmctl.services.following.enrolments import Sequence
    from crmctl.services.following.messages import Mail

_MEANWHILE = Verdict(WAIT, "changed", "was changed while the run was under way")


class StepKeeper(Gatekeeper):
    """Asked right before each mail of a sequence; what would end or hold up the sequence holds the mail back.

    Raises:
        CrmError: as a ``Gatekeeper``.
    """

    def __init__(self, book: Book, campaign: Campaign, sequence: Sequence, mails: Iterable[Mail]) -> None:
        self._sequence = sequence
        self._mails = {mail.sid: mail for mail in mails}
        self._facts: Facts | None = None  # Nothing has changed since the run decided.
        super().__init__(book, campaign)

    def look_anew(self) -> None:
        """Read the book again: much may have come from others."""
        super().look_anew()
        self._facts = Facts(self._book, self._book.now())

    def verdict(self, entry: Entry, now: datetime) -> Verdict:
        """What is to become of somebody's mail at ``now``; what only this run can not know, the next one decides."""
        found = super().verdict(entry, now)
        if found.what != GO or self._facts is None:
            return found
        try:
            return self._meanwhile(self._facts, self._mails[entry.sid], now)
        except CrmError as error:
            return Verdict(WAIT, "unreadable", error.message)

    def _meanwhile(self, facts: Facts, mail: Mail, now: datetime) -> Verdict:
        one = enrolments.read(self._book, mail.enrolment.handle)
        sequence = enrolments.sequence(self._book, self._sequence.handle)
        data = facts.data(mail.entry.handle)
        if one is None or sequence is None or data is None:
            return _MEANWHILE
        moved = sequence.text("sender") != self._sequence.text("sender") or one.next != mail.step
        if moved or (one.state, one.place) != (enrolments.ACTIVE, mail.number):
            return _MEANWHILE
        reason = facts.stop(sequence, one, ())
        if reason is not None:
            return Verdict(WAIT, reason.code, reason.words)
        for pause in facts.pauses(one, data):
            if pause.until is None or pause.until > now:
                return Verdict(WAIT, pause.code, pause.words, pause.until)
        return Verdict(GO)

    def _was_touched(self, handle: str) -> bool:
        """Also by a line in the history that nobody has committed yet."""
        if super()._was_touched(handle):
            return True
        try:
            state = os.stat(self._book.root / records.interactions_path(self._book, handle))  # noqa: PTH116 - for each
        except OSError:
            return False
        return max(state.st_mtime_ns, state.st_ctime_ns) > self._looked
