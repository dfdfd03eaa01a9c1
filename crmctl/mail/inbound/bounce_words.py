"""How bad a bounce is, by its status and by the words of servers in whatever language they have."""

from __future__ import annotations

import re

from crmctl.mail.inbound import headers

HOW = HARD, SOFT, POLICY, DELAYED, DELIVERED = "hard", "soft", "policy", "delayed", "delivered"

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.-])([45]\d\d)(?=[ -])")
_UNKNOWN = re.compile(
    r"user unknown|unknown user|unknown (?:local )?(?:recipient|address|mailbox)|no such (?:user|recipient|address|"
    r"mailbox|"
    r"person|account)|(?:user|recipient|mailbox|address|account)s? (?:was |is |are |does |do |could )?(?:not|n't) "
    r"(?:exist|found|be found|known|listed|valid|available here)|does(?: not|n['’]t) (?:exist|have (?:an?|"
    r"any) [\w. ]{0,30}"
    r"account)|invalid (?:recipient|mailbox|user|address)|no (?:mailbox|account|user) (?:here )?(?:by|with|"
    r"of) (?:that|this)|"
    r"not (?:a known|our) (?:user|customer)|unrouteable|unknown (?:host|domain)|host (?:unknown|not found)|"
    r"domain (?:not|does "
    r"not)|bad destination|account (?:has been |is )?(?:disabled|deleted|closed|inactive|discontinued|terminated)|"
    r"(?:mailbox|user) (?:has been |is )?(?:disabled|inactive|closed|deleted)|mailbox unavailable|is unknown|"
    r"nobody by that|"
    r"unbekannt|existiert nicht|n['’]existe pas|no existe|invalid final delivery|not recogni[sz]ed|no matches to|"
    r"could not be found|no longer (?:valid|works|employed|has an account|an? active)|not listed in",
    re.IGNORECASE,
)
_FULL = re.compile(
    r"(?:mailbox|inbox|quota|storage|disk|account|folder).{0,40}(?:full|exceed|over)|over (?:its |his |her |"
    r"the )?(?:disk )?quota|"
    r"quota exceeded|not enough (?:disk )?space|insufficient (?:system )?storage|size limit",
    re.IGNORECASE | re.DOTALL,
)
_REFUSED = re.compile(
    r"\bspam\b|black ?list|block(?:ed|ing|list)|dmarc|\bspf\b|dkim|policy|reputation|not accepting mail from|denied by|"
    r"content (?:rejected|filter)|virus|relaying denied|relay access denied|unable to relay",
    re.IGNORECASE,
)
_LATER = re.compile(
    r"will (?:be retried|keep trying|continue|retry)|still being retried|warning|delayed|not been delivered yet|"
    r"do not need to resend|delivery attempts will continue|temporar",
    re.IGNORECASE,
)
_GIVEN_BACK = re.compile(
    r"^(?:received:|-{2,}.{0,40}(?:original message|returned|copy of|unsent|message (?:text|header)))",
    re.IGNORECASE | re.MULTILINE,
)
_LONGEST = 20_000


def status_in(text: str) -> str:
    """The first enhanced status (RFC 3463) in a text, "" when there is none."""
    found = _STATUS.search(text)
    return found[0] if found else ""


def how_bad(status: str, said: str) -> str:
    """Whose fault a failure is, and for how long: the address' for good, for now, or a policy's.

    5.1.x and 5.2.1 say that the address is of no use; 5.2.2 is a full mailbox; 5.7.x is about who wrote, or what
    (RFC 3463). Where the status says only that it failed, the server's words count; anything else is for now.
    """
    kind, _, detail = status.partition(".")
    if kind == "4":
        return SOFT
    if (detail.startswith("1.") and detail not in ("1.7", "1.8", "1.9")) or detail == "2.1":
        return SOFT if _FULL.search(said) and not _UNKNOWN.search(said) else HARD
    if detail.startswith("7."):
        return POLICY
    if detail in ("2.2", "3.4", "2.3"):
        return SOFT
    if _UNKNOWN.search(said):
        return HARD
    if _FULL.search(said):
        return SOFT
    return POLICY if _REFUSED.search(said) else SOFT


def without_returned(text: str) -> str:
    """What a report says, without the message that it gives back."""
    text = text[:_LONGEST]
    end = _GIVEN_BACK.search(text)
    return text[: end.start()] if end and end.start() > 80 else text


def by_words(text: str, address: str, *, lasting: bool) -> tuple[str, str, str]:
    """(how, status, said) of an address, by the words near it."""
    at = max(text.lower().find(address.lower()), 0)
    near = text[max(at - 300, 0) : at + 1200]
    status = status_in(near) or status_in(text)
    said = headers.one_line(next((line for line in near.splitlines() if _CODE.search(line)), ""))[:300]
    if not lasting:
        return DELAYED if _LATER.search(text) or not status.startswith("5") else SOFT, status, said
    return how_bad(status, near), status, said
