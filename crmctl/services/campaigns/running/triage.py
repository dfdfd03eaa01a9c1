"""What every message of a campaign is waiting for: whose turn it is now, who waits and until when, who is out of it."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.ledger.states import due_at
from crmctl.mail.transport.replies import RETRY_FOR
from crmctl.mail.transport.replies import backoff
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.campaign import ASK
from crmctl.services.campaigns.campaign import HOLD
from crmctl.services.campaigns.campaign import RESEND
from crmctl.services.campaigns.machines import holding
from crmctl.services.campaigns.running.gatekeeping import OUT
from crmctl.services.campaigns.running.gatekeeping import WAIT

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping

    from crmctl.mail.ledger.log import Event
    from crmctl.mail.ledger.states import Row
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.plan import Entry
    from crmctl.services.campaigns.plan import Frozen
    from crmctl.services.campaigns.running.gatekeeping import Gatekeeper

COPIES = 3
"""How often the same message is handed over to a server that loses its answers; each may have arrived. A person may
still ask for one more."""

About = dict[str, "str | int"]
Ask = "Callable[[Entry, Row], str]"


class Line(NamedTuple):
    """What has become, or would become, of one person's message; ``until`` is when it can go on."""

    entry: Entry
    state: str
    code: str = ""
    reason: str = ""
    until: datetime | None = None


class Item(NamedTuple):
    """A message whose turn it is."""

    entry: Entry
    row: Row


class Triage(NamedTuple):
    """Whose turn it is, in order of handles; everybody else who is not done; and what the ledger has to be told."""

    due: list[Item]
    lines: list[Line]
    events: list[tuple[str, str, str, About]]


class Traces(NamedTuple):
    """What happened to a campaign so far, beside the states of its rows: first attempts (RFC 3339) and those that may
    have been taken, by id; whether a canary was sent; why it paused last; when somebody let it go on last; and the
    machines that messages were taken over from."""

    first: dict[str, str]
    dotted: frozenset[str]
    canary_done: bool
    paused: str
    resumed: str
    freed: Mapping[str, frozenset[str]] = {}


def traces(events: Iterable[Event]) -> Traces:
    """What the events of a campaign tell beside its states."""
    events = list(events)
    first: dict[str, str] = {}
    dotted = set()
    canary, paused, resumed = False, "", ""
    for event in events:
        if event.ev == "attempt":
            first[event.sid] = min(first.get(event.sid, event.t), event.t)
        elif event.ev == "dot":
            dotted.add(event.sid)
        elif event.ev == "note":
            canary = canary or event.about.get("why") == "canary"
            if event.about.get("why") in ("canary", "paused"):
                paused = str(event.about.get("text", ""))
            elif event.about.get("why") == "resumed":
                paused, resumed = "", event.t
    return Traces(first, frozenset(dotted), canary, paused, resumed, holding.freed(events))


def untold(entry: Entry) -> Row:
    """The row of somebody whom the ledger does not know of yet."""
    from crmctl.mail.ledger.states import Row

    state = {"plan": "planned", "holdout": "held_out", "suppress": "suppressed", "skip": "skipped"}
    domain = entry.address.rpartition("@")[2].lower()
    return Row(entry.sid, cust=entry.cust, dom=domain, arm=entry.arm, state=state[plans.kind_of(entry)])


class Sorter:
    """Sorts the rows of one campaign at one moment; see ``Triage``. ``ask`` is asked about what is unknown; ``doubt``
    why the moment is not to be relied on ("": it is), before anything is given up for good. ``kept`` tells whether the
    bytes of a row are still there, to be sent again."""

    def __init__(
        self,
        campaign: Campaign,
        keeper: Gatekeeper,
        told: Traces,
        now: datetime,
        host: str,
        kept: Callable[[Row], bool],
        ask: Callable[[Entry, Row], str] | None = None,
        doubt: Callable[[], str] = str,
    ) -> None:
        self._campaign = campaign
        self._keeper = keeper
        self._told = told
        self._now = now
        self._host = host
        self._kept = kept
        self._ask = ask
        self._doubt = doubt
        self._out = Triage([], [], [])

    def sort(self, frozen: Frozen, rows: Mapping[str, Row]) -> Triage:
        """Everybody in a plan, and those rows of the ledger that are pending and not in it."""
        for entry in sorted(frozen.entries.values(), key=lambda entry: entry.handle):
            self._one(entry, rows.get(entry.sid) or untold(entry))
        for sid, row in rows.items():
            if sid not in frozen.entries and row.state in _OPEN:
                entry = plans.Entry(sid, row.cust, row.cust, "", "")
                self._wait(entry, "hold", "not-planned", "the plan that is here does not know them")
        return self._out

    def _one(self, entry: Entry, row: Row) -> None:
        if row.state not in _OPEN:
            return
        others = holding.others(row, self._host, self._told.freed)
        if row.state == "unknown" and others:  # Only they have the bytes, and may know more by now.
            self._wait(entry, "hold", "unknown", f"the server's answer to {', '.join(others)} was lost")
        elif row.state == "unknown":
            self._unknown(entry, row)
        elif others:
            self._wait(entry, "hold", "elsewhere", f"{', '.join(others)} has begun with it")
        elif row.state == "deferred":
            self._deferred(entry, row)
        else:
            self._gated(entry, row)

    def _deferred(self, entry: Entry, row: Row) -> None:
        first = self._told.first.get(entry.sid, row.at)
        if self._now - _moment(first, self._now) >= timedelta(seconds=RETRY_FOR) and not self._doubt():
            self._event("expire", entry, {"why": "deferred for too long"})
            self._wait(entry, "expired", "expired", f"the server put it off for {RETRY_FOR // 3600} hours")
            return
        due = due_at(row, self._now)
        if due > self._now:
            self._wait(entry, "wait", "deferred", _said(row), due)
            if _moment(row.at, self._now) != _stamp(row.at):
                # Written by a clock that was ahead: said again, or the wait would begin anew with every run.
                said: About = {"n": row.attempts, "code": row.code, "text": row.text, "next": due.isoformat()}
                self._event("defer", entry, said)
        else:
            self._gated(entry, row)

    def _unknown(self, entry: Entry, row: Row) -> None:
        policy = self._campaign.on_unknown
        if policy != HOLD and not self._kept(row):
            reason = "the server's answer was lost, and its bytes are not on this machine: crmctl outbox resolve"
            self._wait(entry, "hold", "lost", reason)
            return
        answer = policy
        if policy == ASK:
            answer = self._ask(entry, row) if self._ask is not None else ""
        if answer in ("accepted", "abandoned", "rejected"):
            self._event("resolve", entry, {"result": answer, "n": row.doubts, "by": "user"})
            return
        since = _moment(self._told.first.get(entry.sid, row.at), self._now)
        late = self._now - since >= timedelta(seconds=RETRY_FOR)
        if answer != RESEND or late or (policy != ASK and row.doubts >= COPIES):
            self._wait(entry, "hold", "unknown", "the server's answer was lost: crmctl outbox resolve")
            return
        due = _moment(row.at, self._now) + timedelta(seconds=backoff(row.attempts, 0, ""))
        if due > self._now and policy != ASK:
            self._wait(entry, "wait", "unknown", "the server's answer was lost; the same is sent again", due)
            return
        if not self._gated(entry, row):
            return
        self._event(
            "resolve", entry, {"result": "resend", "n": row.doubts, "by": "policy" if policy != ASK else "user"}
        )

    def _gated(self, entry: Entry, row: Row) -> bool:
        verdict = self._keeper.verdict(entry, self._now)
        if verdict.what == OUT and row.state == "unknown":
            self._wait(entry, "hold", verdict.code, f"the server's answer was lost, and now: {verdict.reason}")
        elif verdict.what == OUT:
            kind = plans.kind_of(entry._replace(code=verdict.code))
            self._event(kind, entry, {"why": verdict.code})
            self._wait(entry, "out", verdict.code, verdict.reason)
        elif verdict.what == WAIT:
            self._wait(entry, "wait", verdict.code, verdict.reason, verdict.until)
        else:
            self._out.due.append(Item(entry, row))
            return True
        return False

    def _wait(self, entry: Entry, state: str, code: str, reason: str, until: datetime | None = None) -> None:
        local = until.astimezone(self._now.tzinfo) if until is not None else None  # The ledger has UTC.
        self._out.lines.append(Line(entry, state, code, reason, local))

    def _event(self, ev: str, entry: Entry, about: About) -> None:
        self._out.events.append((ev, entry.sid, self._campaign.id, about))


_OPEN = frozenset({"planned", "rendered", "claimed", "attempting", "deferred", "unknown"})


def _moment(text: str, now: datetime) -> datetime:
    """A stamp of the ledger; one in the future counts as now, and so does one that cannot be read."""
    return min(_stamp(text) or now, now)


def _stamp(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _said(row: Row) -> str:
    reply = f"{row.code} {row.text}".strip() if row.code else row.text
    return f"the server put it off: {reply}" if reply else "the server put it off"
