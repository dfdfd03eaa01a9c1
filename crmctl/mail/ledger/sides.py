"""What one host's lines say about one send, taken in line by line; ``states`` puts the hosts together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmctl.mail.ledger.lines import Event

RESULTS = ("accepted", "rejected", "resend", "abandoned")
"""What ``resolve`` may say (``result``) about a send that was unknown."""
LIFE = frozenset(
    "plan holdout suppress skip render claim release attempt dot accept reject defer unknown resolve expire "
    "cancel".split()
)
"""The events that move a send; all others are facts about it, or notes."""

_UNSENT = {"holdout": "held_out", "suppress": "suppressed", "skip": "skipped", "cancel": "cancelled"}
_REOPENED = frozenset(("", *_UNSENT.values()))
_OVER = frozenset(("accepted", "rejected", "expired"))
_NEEDS_PLAN = frozenset(("render", "claim", "release", "attempt", "defer", "cancel", "expire"))
_REPLIES = {"attempt": "attempting", "defer": "deferred", "reject": "rejected"}


class Side:
    """What one host's lines say about one send."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.state = ""
        self.attempts = 0
        self.doubts = 0
        self.settled = -1
        self.result = ""
        self.claim = False
        self.rendered = False
        self.eml: str | int = ""
        self.camp = ""
        self.at = ""
        self.why: str | int = ""
        self.taken: Event | None = None
        self.about: dict[str, str | int] = {}

    @property
    def all_doubts(self) -> int:
        """Attempts that may have got through, with the one that is open."""
        return self.doubts + (self.state == "dot")

    def take(self, event: Event) -> None:
        """Let the next line of this host count."""
        ev = event.ev
        self.about.update(event.about)
        self.camp = event.camp or self.camp
        state = self._after(ev, event)
        if state != self.state or ev in ("defer", "attempt"):
            self.state, self.at, self.why = state, event.t, event.about.get("why", "")

    def _after(self, ev: str, event: Event) -> str:
        """The state after an event; doubts, claims and the like are noted on the way."""
        if ev == "accept":
            self.taken = self.taken or event
            return "accepted"
        if ev == "dot":
            self._leave_dot()
            return "dot"
        if ev == "unknown":
            self.doubts += 1
            return "unknown"
        if ev == "resolve":
            return self._resolve(event)
        if ev == "claim" or ev == "release":
            self.claim = ev == "claim"
        if ev == "attempt":
            self._leave_dot()
            self.attempts += 1
            self.eml = self.eml or self.about.get("eml", "")
        if self.state in _OVER or (self.state in _UNSENT.values() and ev in _NEEDS_PLAN):
            return self.state
        return _REPLIES.get(ev) or self._before_sending(ev) or self._ended(ev)

    def _before_sending(self, ev: str) -> str:
        """The state after an event that makes ready to send; "" for all others."""
        state = self.state
        if ev == "plan":
            # Planned anew, when nothing was sent before: the reason for leaving it out is gone.
            return "planned" if state in _REOPENED else state
        if ev == "render":
            self.rendered = True
            return "rendered" if state in ("", "planned", "attempting") else state
        if ev == "claim":
            return "claimed" if state in ("", "planned", "rendered") else state
        if ev == "release":
            ready = "rendered" if self.rendered or self.attempts else "planned"
            return ready if state in ("claimed", "attempting") else state
        return ""

    def _ended(self, ev: str) -> str:
        """The state after it was decided that this is not sent, or not tried any more."""
        self._leave_dot()
        return _UNSENT.get(ev, "expired")

    def _resolve(self, event: Event) -> str:
        result = event.about.get("result", "")
        if result == "accepted":
            self.taken = self.taken or event
        elif result in RESULTS:
            known = event.about.get("n", self.all_doubts)
            self.settled = max(self.settled, known if isinstance(known, int) else 0)
            self.result = str(result)
        self._leave_dot()
        return self.state

    def _leave_dot(self) -> None:
        if self.state == "dot":
            self.doubts += 1
            self.state = "unknown"

    def standing(self, own: bool) -> str:
        """The state for the others to reckon with, once doubts are settled."""
        if self.state in ("dot", "unknown"):
            return "rendered"
        if self.state == "attempting" and own:
            return "rendered"
        return self.state
