"""What a server's reply means: for this message, for a whole domain, or for the run; and when to try again.

The codes are those of RFC 5321 section 4.2, the enhanced ones (``5.1.1``) those of RFC 3463.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import DEFERRED
from crmctl.mail.transport.outcomes import DOMAIN
from crmctl.mail.transport.outcomes import NOT_TRIED
from crmctl.mail.transport.outcomes import REJECTED
from crmctl.mail.transport.outcomes import ROW
from crmctl.mail.transport.outcomes import RUN
from crmctl.mail.transport.outcomes import UNKNOWN

LONGEST = 300
"""Characters of a reply that are kept."""

RETRY_FOR = 48 * 3600
"""Seconds from the first attempt in which a deferred message is tried again; an MTA does so for 4-5 days (RFC 5321)."""

_MINUTE, _HOUR = 60, 3600
_STEPS = (5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR)
_LONGEST_STEP = 4 * _HOUR
_LONGEST_PAUSE = 24 * _HOUR

_ENHANCED = re.compile(r"(?<![\w.])([245])\.(\d{1,3})\.(\d{1,3})(?![\w.])")
_POLICY_WORDS = re.compile(
    r"\b(?:spam|blacklist|blocklist|black list|block list|blocked|listed at|policy|reputation|spf|dkim|dmarc|relay\w*|"
    r"not authori[sz]ed|unauthenticated|authentication|rbl|dnsbl|unsolicited)\b",
    re.IGNORECASE,
)
# The address does not exist or does not take mail any more: RFC 3463 section 3.2, 3.3; 5.1.10 is RFC 7505.
_DEAD = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)})
_NO_SUCH = re.compile(
    r"\b(?:no such|unknown|does ?n[o']t exist|not exist|invalid|unavailable|disabled|no mailbox|not found|no longer)\b",
    re.IGNORECASE,
)
_WAIT = re.compile(
    r"(?:\bin|\bafter|\bfor|\bwait)\s+(\d{1,6})\s*(s|sec|secs|seconds?|m|min|mins|minutes?)\b", re.IGNORECASE
)
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")
# What a server says at once when we come too often: Gmail (4.7.28, 4.7.0), Yahoo (4.7.0 [TSS..]), Microsoft (4.7.650).
_RATE = frozenset({(7, 28)})
_RATE_421 = frozenset({(7, 0), (7, 28), (7, 650)})


class Verdict(NamedTuple):
    """See ``Outcome``: the state, what it is about, and whether it is for what we are rather than for the address."""

    state: str
    scope: str = ROW
    policy: bool = False


def classify(code: int, text: str, phase: str) -> Verdict:
    """What the reply ``code text`` to ``phase`` means; a code of 0 or less stands for no reply that can be read.

    A lost connection is safe up to the last dot, and unknown after it. What is refused before the recipient has been
    named is about us, and no row is to suffer for it.
    """
    if phase in ("connect", "helo", "tls", "auth"):
        return Verdict(NOT_TRIED, ROW if code <= 0 or code // 100 == 4 else RUN, code // 100 == 5)
    kind = code // 100 if code > 0 else 0
    if kind == 2:
        # An answer of success to what was not finished is none we understand.
        return Verdict({"dot": ACCEPTED, "body": UNKNOWN}.get(phase, DEFERRED))
    if kind not in (4, 5):
        return Verdict(UNKNOWN if phase == "dot" else DEFERRED)
    detail = enhanced(text)
    if kind == 4:
        slow = detail in _RATE or (code == 421 and detail in _RATE_421 and phase != "mail")
        return Verdict(DEFERRED, DOMAIN if slow else ROW, slow)
    return _refused(code, detail, text, phase)


def _refused(code: int, detail: tuple[int, int] | None, text: str, phase: str) -> Verdict:
    if code == 503 and phase != "dot":
        return Verdict(DEFERRED)  # We and the server do not agree on where we are; a new connection helps.
    if detail is not None and (detail[0] == 6 or detail in ((3, 4), (2, 3))):
        return Verdict(REJECTED)  # This very message: too large, or letters that the server does not take.
    if phase == "mail" or code in (530, 534, 535, 538):
        return Verdict(DEFERRED if phase == "dot" else NOT_TRIED, RUN, policy=True)
    if detail is not None:
        return Verdict(REJECTED, RUN, policy=True) if detail[0] == 7 else Verdict(REJECTED)
    if code == 552:
        return Verdict(REJECTED)
    return Verdict(REJECTED, RUN, policy=True) if _POLICY_WORDS.search(text) else Verdict(REJECTED)


def enhanced(text: str) -> tuple[int, int] | None:
    """The subject and detail of the first enhanced status code in ``text``: (1, 1) for ``5.1.1``."""
    found = _ENHANCED.match(text.lstrip()) or _ENHANCED.search(text)
    return (int(found[2]), int(found[3])) if found else None


def address_is_dead(code: int, text: str, phase: str) -> bool:
    """Whether a refusal says that the address takes no mail and never will; a full mailbox or a policy does not."""
    verdict = classify(code, text, phase)
    if verdict.state != REJECTED or verdict.policy:
        return False
    detail = enhanced(text)
    if detail is not None:
        return detail in _DEAD
    return phase == "rcpt" and code in (550, 551, 553) and _NO_SUCH.search(text) is not None


def backoff(attempts: int, code: int, text: str) -> int:
    """Seconds to wait after the ``attempts``-th attempt (from 1) was deferred with this reply.

    Five minutes first, which is what greylists ask for, up to four hours; longer when the server says so, or when a
    mailbox is full; an hour and more, doubled each time, when we come too often.
    """
    attempts = max(attempts, 1)
    verdict = classify(code, text, "rcpt")
    if verdict.scope == DOMAIN:
        return domain_pause(attempts)
    step = _STEPS[attempts - 1] if attempts <= len(_STEPS) else _LONGEST_STEP
    if enhanced(text) == (2, 2):
        step = max(step, _HOUR)
    asked = _WAIT.search(text)
    if asked:
        unit = 1 if asked[2].lower().startswith("s") else _MINUTE
        step = max(step, min(int(asked[1]) * unit + 1, _LONGEST_STEP))
    return step


def domain_pause(times: int) -> int:
    """Seconds in which nothing goes to a domain that said for the ``times``-th time in a row that we come too often."""
    return min(_HOUR << min(max(times, 1) - 1, 10), _LONGEST_PAUSE)


def made_safe(text: str | bytes, recipient: str = "", sid: str = "") -> str:
    """A reply as it may be kept and shown: one line, at most 300 characters, nothing that steers a terminal, and no
    address (the ledger may be shared). What holds ``sid`` stays, it names nobody."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = _ESCAPE.sub(" ", text[: 8 * LONGEST])
    text = _ADDRESS.sub(lambda found: found[0] if sid and sid.lower() in found[0].lower() else "[address]", text)
    local = recipient.rpartition("@")[0]
    for name in (recipient, local):
        # Most replies name nobody, and a pattern for each recipient takes longer than all the rest.
        if len(name) > 1 and not (f"{name}{text}".isascii() and name.lower() not in text.lower()):
            text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", "[address]", text, flags=re.IGNORECASE)
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
