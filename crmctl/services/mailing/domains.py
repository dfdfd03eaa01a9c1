"""What the DNS says about a sender's domain: who may send for it (SPF), how it signs (DKIM), what it asks for (DMARC).

Every check takes ``lookup``, so that nothing here reaches the network by itself.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable
from pathlib import Path

from crmctl.errors import CrmError
from crmctl.services.finding import BAD
from crmctl.services.finding import OK
from crmctl.services.finding import WARN
from crmctl.services.finding import Finding

Lookup = Callable[[str, str], list[str]]
"""The records of a name and a type ("TXT", "MX", "A"), as texts; none when there are none. Raises ``LookupFailed``."""

FREEMAIL = frozenset(
    "gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com aol.com icloud.com me.com "
    "mac.com gmx.net gmx.de gmx.at gmx.ch gmx.com web.de mail.com t-online.de freenet.de proton.me pm.me "
    "protonmail.com mail.ru yandex.ru yandex.com zoho.com fastmail.com hey.com qq.com 163.com 126.com orange.fr "
    "free.fr laposte.net libero.it wp.pl o2.pl seznam.cz btinternet.com comcast.net".split()
)
"""Domains that belong to a provider of mailboxes: who sends for them is for that provider to say."""

_MOST_LOOKUPS = 10  # RFC 7208 section 4.6.4
_COSTS = re.compile(r"[+?~-]?(?:(include|exists|a|mx|ptr)(?:[:/]|\Z)|(redirect)=)(.*)", re.IGNORECASE)
_GONE_TAGS = frozenset({"pct", "rf", "ri"})  # RFC 9989, appendix C


class LookupFailed(CrmError):
    """The DNS could not be asked."""


def spf(lookup: Lookup, domain: str) -> Finding:
    """Whether ``domain`` says who may send for it."""
    what = f"SPF of {domain}"
    records = _texts(lookup, domain, "v=spf1")
    if not records:
        return Finding(WARN, what, "no record", 'Have a TXT record made: "v=spf1 include:YOUR-PROVIDER -all"')
    if len(records) > 1:
        return Finding(BAD, what, f"{len(records)} records, so none of them counts", "Leave one.")
    cost = _cost(lookup, records[0], {domain}, 0)
    if cost > _MOST_LOOKUPS:
        hint = "Servers stop there and the record does not count; leave out some include:."
        return Finding(BAD, what, f"it takes more than {_MOST_LOOKUPS} lookups", hint)
    ending = records[0].split()[-1].lower()
    if ending in ("+all", "all"):
        return Finding(BAD, what, f"{records[0]}", "It lets everybody send; end it with -all or ~all.")
    if not ending.endswith("all") and "redirect=" not in records[0].lower():
        return Finding(WARN, what, f"{records[0]}", "It does not say what to do with others; end it with -all or ~all.")
    return Finding(OK, what, f"{records[0]} ({cost} lookups)")


def _cost(lookup: Lookup, record: str, seen: set[str], so_far: int) -> int:
    for term in record.split()[1:]:
        found = _COSTS.match(term)
        if found is None:
            continue
        so_far += 1
        target = found[3].lower().rstrip(".")
        follows = (found[1] or found[2]).lower() in ("include", "redirect") and "%" not in target
        if so_far > _MOST_LOOKUPS:
            return so_far
        if follows and target not in seen:
            for inner in _texts(lookup, target, "v=spf1")[:1]:
                so_far = _cost(lookup, inner, {*seen, target}, so_far)
    return so_far


def dkim(lookup: Lookup, selector: str, domain: str, key: str) -> Finding:
    """Whether the public key in the DNS is there, and belongs to the private one in the file ``key``."""
    what = f"DKIM of {domain}"
    name = f"{selector}._domainkey.{domain}"
    records = [record for record in lookup(name, "TXT") if "p=" in record.replace(" ", "")]
    if not records:
        return Finding(BAD, what, f"no key at {name}", "Publish the public key there, or take dkim: out.")
    tags = _tags(records[0])
    public = tags.get("p", "").replace(" ", "")
    if not public:
        return Finding(BAD, what, f"the key at {name} was revoked", "Make a new one with another selector.")
    same = _belongs(public, key) if tags.get("k", "rsa") == "rsa" else None
    if same is False:
        return Finding(BAD, what, f"the key at {name} is not that of {key}", "Publish the one that belongs to it.")
    return Finding(OK, what, f"{name}" + (" and the private key belong together" if same else ""))


def _belongs(public: str, key: str) -> bool | None:
    """Whether two RSA keys are a pair; None when that cannot be told here."""
    try:
        from dkim.crypto import parse_pem_private_key  # type: ignore[import-untyped]
        from dkim.crypto import parse_public_key

        ours = parse_pem_private_key(Path(key).read_bytes())
        theirs = parse_public_key(a2b_base64(public))
    except ImportError:
        return None
    except Base64Error:
        return False
    except Exception:  # noqa: BLE001 - a parser with errors of many kinds; the file itself is checked elsewhere
        return None
    return bool(ours["modulus"] == theirs["modulus"])


def dmarc(lookup: Lookup, domain: str) -> Finding:
    """Whether ``domain``, or one above it, says what to do with mail that only claims to be from it (RFC 9989)."""
    what = f"DMARC of {domain}"
    for name in _walk(domain):
        records = _texts(lookup, f"_dmarc.{name}", "v=dmarc1")
        if len(records) == 1:
            tags = _tags(records[0])
            policy = tags.get("sp" if name != domain and "sp" in tags else "p", "").lower()
            if policy not in ("none", "quarantine", "reject"):
                return Finding(WARN, what, f"{records[0]}", "It has no valid p=; p=none is the least that counts.")
            old = sorted(_GONE_TAGS & tags.keys())
            hint = f"{', '.join(old)} mean nothing any more since RFC 9989." if old else ""
            return Finding(WARN if old else OK, what, f"p={policy} at _dmarc.{name}", hint)
    hint = f'Large providers want one: a TXT record at _dmarc.{domain}, "v=DMARC1; p=none" at least.'
    return Finding(WARN, what, "no record", hint)


def _walk(domain: str) -> list[str]:
    """The names to ask, from the domain upwards; of a very long one only the last seven labels, as the RFC has it."""
    labels = domain.split(".")
    names = [domain]
    start = max(1, len(labels) - 7)
    return names + [".".join(labels[at:]) for at in range(start, len(labels))]


def takes_mail(lookup: Lookup, domain: str) -> Finding:
    """Whether mail to ``domain`` arrives anywhere: bounces do not come back otherwise."""
    what = f"mail for {domain}"
    hosts = lookup(domain, "MX") or lookup(domain, "A") or lookup(domain, "AAAA")
    if not hosts or hosts[0].split()[-1] == ".":
        return Finding(
            BAD, what, "no server takes it", "Bounces and answers would be lost; look at bounces: and from:."
        )
    return Finding(OK, what, hosts[0].split()[-1].rstrip("."))


def aligned(one: str, other: str) -> bool:
    """Whether two domains count as one for DMARC in its relaxed form: the same, or one below the other.

    Two that stand side by side below a common owner are taken for one when at least two labels are common and one of
    them is not a mere suffix such as ``co.uk`` (told by its length, without a list of all suffixes).
    """
    one, other = one.lower(), other.lower()
    if one == other or one.endswith(f".{other}") or other.endswith(f".{one}"):
        return True
    common = 0
    for left, right in zip(reversed(one.split(".")), reversed(other.split(".")), strict=False):
        if left != right:
            break
        common += 1
    return common >= 3 or (common == 2 and len(one.split(".")[-2]) > 3)


def _texts(lookup: Lookup, name: str, version: str) -> list[str]:
    found = [record.strip() for record in lookup(name, "TXT")]
    return [record for record in found if re.match(rf"{re.escape(version)}(?:[\s;]|\Z)", record, re.IGNORECASE)]


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}
