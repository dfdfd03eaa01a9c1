"""E-mail addresses as they may stand in a header: one address, ASCII, and a name that cannot become another."""

from __future__ import annotations

import re
from functools import lru_cache

from crmctl.errors import InvalidData
from crmctl.mail.message.words import encoded
from crmctl.mail.message.words import is_plain
from crmctl.mail.message.words import words

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_LONGEST_QUOTED = 50
_USED = len("From: ")
_QUOTED = str.maketrans({'"': '\\"', "\\": "\\\\"})


class Refused(InvalidData):
    """A message that cannot be written as it was meant."""


@lru_cache(maxsize=1024)
def ascii_address(email: str) -> str:
    """``email`` as it travels: its domain in ASCII (``info@bücher.example`` gives ``info@xn--bcher-kva.example``).

    Raises:
        Refused: it is not one address of RFC 5322 without quotes or comments, or what is before the @ is not ASCII.
    """
    local, at, domain = email.rpartition("@")
    if not at:
        raise _no_address(email, "there is no @")
    if not local.isascii():
        raise _no_address(email, "letters before the @ that are not ASCII do not reach every server")
    if not _LOCAL.match(local) or len(local) > 64:
        raise _no_address(email, "what is before the @ cannot be used")
    domain = ascii_domain(domain)
    if not domain or len(local) + 1 + len(domain) > 254:
        raise _no_address(email, "what is behind the @ is not a domain")
    if "=?" in local:
        raise _no_address(email, "what is before the @ looks like an encoded word")
    return f"{local}@{domain}"


def _no_address(email: str, why: str) -> Refused:
    return Refused(f"this is not an address to write to: {email!r} ({why})", hint="correct the address in the record")


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str:
    """The domain in A-labels (IDNA 2008), or nothing when it is none."""
    if not domain.isascii():
        import idna

        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return ""
    labels = domain.split(".")
    return domain if len(domain) <= 253 and all(_LABEL.match(label) for label in labels) else ""


def mailbox(name: str, email: str) -> list[str]:
    """A name and an address for From or To, in pieces between which the line may be folded.

    The name comes as atoms, as a quoted string, or as encoded words (RFC 2047) when it holds more than plain ASCII or
    anything that looks like an encoded word; an empty name gives the bare address.

    Raises:
        Refused: the address cannot be used, or the name has a control character.
    """
    address = ascii_address(email)
    if not name:
        return [address]
    if _ATOMS.match(name) and is_plain(name):
        return [*words(name, _USED), f"<{address}>"]
    if not is_plain(name) or len(name) > _LONGEST_QUOTED:
        return [*encoded(name, _USED), f"<{address}>"]
    return [f'"{name.translate(_QUOTED)}"', f"<{address}>"]
