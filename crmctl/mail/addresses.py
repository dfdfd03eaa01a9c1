"""E-mail addresses as they may stand in a header: one address, and a name that cannot become another.

Domains travel in ASCII. Letters beyond ASCII before the @ travel as they are (RFC 6532), to servers that take them
(SMTPUTF8, RFC 6531); an address of our own has none, because everybody has to be able to answer.
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category
from unicodedata import normalize

from crmctl.errors import InvalidData
from crmctl.mail.message.words import encoded
from crmctl.mail.message.words import is_plain
from crmctl.mail.message.words import words

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_BEYOND_ASCII = re.compile("[\x80-\U0010ffff]+")
_LONGEST_LOCAL, _LONGEST = 64, 254  # Octets, RFC 5321 section 4.5.3.1 and its erratum 1690.
_LONGEST_QUOTED = 50
_USED = len("From: ")
_QUOTED = str.maketrans({'"': '\\"', "\\": "\\\\"})


class Refused(InvalidData):
    """A message that cannot be written as it was meant."""


@lru_cache(maxsize=1024)
def ascii_address(email: str) -> str:
    """An address that every server takes: ``info@bücher.example`` gives ``info@xn--bcher-kva.example``.

    Raises:
        Refused: as ``sent_address``; or what is before the @ is not ASCII.
    """
    if not email.rpartition("@")[0].isascii():
        raise _no_address(email, "letters before the @ that are not ASCII do not reach every server")
    return sent_address(email)


@lru_cache(maxsize=16384)
def sent_address(email: str) -> str:
    """``email`` as it travels: its domain in ASCII, what is before the @ in one form of Unicode (NFC).

    Raises:
        Refused: it is not one address of RFC 5322 without quotes or comments, with letters beyond ASCII by RFC 6531.
    """
    local, at, domain = email.rpartition("@")
    if not at:
        raise _no_address(email, "there is no @")
    local = normalize("NFC", local)
    if not _is_local(local) or len(local.encode("utf-8")) > _LONGEST_LOCAL:
        raise _no_address(email, "what is before the @ cannot be used")
    domain = ascii_domain(domain)
    if not domain or len(local.encode("utf-8")) + 1 + len(domain) > _LONGEST:
        raise _no_address(email, "what is behind the @ is not a domain")
    if "=?" in local:
        raise _no_address(email, "what is before the @ looks like an encoded word")
    return f"{local}@{domain}"


def _is_local(local: str) -> bool:
    """Whether this may stand before the @; letters beyond ASCII count as one of its letters."""
    if local.isascii():
        return _LOCAL.match(local) is not None
    # Neither what cannot be seen, nor a mark that would change the sign before the address.
    if not local.isprintable() or category(local[0]).startswith("M"):
        return False
    # Some programs take a full-width @ or comma for the plain one.
    plain = normalize("NFKC", local)
    return all(_LOCAL.match(_BEYOND_ASCII.sub("x", form)) for form in (local, plain))


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
    address = sent_address(email)
    if not name:
        return [address]
    if _ATOMS.match(name) and is_plain(name):
        return [*words(name, _USED), f"<{address}>"]
    if not is_plain(name) or len(name) > _LONGEST_QUOTED:
        return [*encoded(name, _USED), f"<{address}>"]
    return [f'"{name.translate(_QUOTED)}"', f"<{address}>"]
