"""When a run has to stop by itself, before it does harm: to the addresses written to, or to the sender's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import DEFERRED
from crmctl.mail.transport.outcomes import NOT_TRIED
from crmctl.mail.transport.outcomes import REJECTED
from crmctl.mail.transport.outcomes import RUN
from crmctl.mail.transport.outcomes import UNKNOWN

if TYPE_CHECKING:
    from crmctl.mail.transport.outcomes import Outcome

CONNECTION_ERRORS = 5
"""In a row."""

UNKNOWNS = 3
"""In a row; one more stops the run."""

ENOUGH_TO_JUDGE = 50
"""Messages that have an end, before which the share of bounces means little."""

BOUNCE_SHARE = 0.05
COMPLAINT_SHARE = 0.001


class Stops:
    """Counts outcomes and says when it is enough.

    ``accepted``, ``rejected`` (not by policy), ``bounced`` (accepted, and came back) and ``complained`` are those of
    the same campaign in earlier runs; refusals and bounces count alike.
    """

    def __init__(self, accepted: int = 0, bounced: int = 0, complained: int = 0, rejected: int = 0) -> None:
        self._accepted = accepted
        self._bounced = bounced
        self._complained = complained
        self._rejected = rejected
        self._lost = 0
        self._unknown = 0

    def note(self, outcome: Outcome) -> str:
        """Why the run has to stop after this outcome; "" when it may go on."""
        self._count(outcome)
        return self._verdict(outcome) or self.reason()

    def reason(self) -> str:
        """Why nothing more may be sent, by what is known of the campaign; "" when all is well."""
        ended = self._accepted + self._rejected
        bad = self._bounced + self._rejected
        if ended >= ENOUGH_TO_JUDGE and bad > BOUNCE_SHARE * ended:
            return f"{bad} of {ended} addresses do not take mail: the list needs a look before the next message"
        if self._complained > COMPLAINT_SHARE * max(self._accepted, 1):
            return f"{self._complained} of {self._accepted} recipients complained about spam"
        return ""

    def _count(self, outcome: Outcome) -> None:
        state = outcome.state
        self._accepted += state == ACCEPTED
        # A refusal by policy says nothing about the address.
        self._rejected += state == REJECTED and not outcome.policy
        self._unknown = self._unknown + 1 if state == UNKNOWN else 0
        self._lost = self._lost + 1 if _is_connection_error(outcome) else 0

    def _verdict(self, outcome: Outcome) -> str:
        said = f"{outcome.code} {outcome.text}" if outcome.code else outcome.text
        if outcome.scope == RUN:
            return f"{_ABOUT.get(outcome.phase, 'the server refuses our mail')}: {said}"
        if self._lost >= CONNECTION_ERRORS:
            return f"{self._lost} connection errors in a row, the last: {said}"
        if self._unknown > UNKNOWNS:
            return f"{self._unknown} messages in a row whose fate is unknown: the server breaks off after the end"
        return ""


_ABOUT = {
    "connect": "the server does not take our connections",
    "helo": "the server does not take our connections",
    "tls": "the connection cannot be secured",
    "auth": "logging in failed",
    "mail": "the server refuses the sender",
    "folder": "the folder cannot be written to",
}


def _is_connection_error(outcome: Outcome) -> bool:
    """Whether the server could not be reached, or left without a word, before it could have taken the message."""
    if outcome.state == NOT_TRIED:
        return True
    return outcome.state == DEFERRED and (outcome.code <= 0 or (outcome.code == 421 and outcome.phase == "mail"))
