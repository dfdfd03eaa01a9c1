"""DKIM signatures (RFC 6376): over the headers that say who writes to whom about what, and those of the list.

RFC 8058 wants both List-Unsubscribe headers signed. From and the others are signed once more than they are there
(section 5.4.2), so that nobody can add a second one.
"""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.errors import InvalidData

ONCE_MORE = (b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type")
OTHERS = (
    b"reply-to",
    b"list-id",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"in-reply-to",
    b"references",
    b"auto-submitted",
    b"feedback-id",
)
_NAME = re.compile(rb"^([A-Za-z0-9-]+):", re.MULTILINE)
_HEADER = re.compile(rb"DKIM-Signature: (?:[!-~ \t]|\r\n[ \t]+(?=[!-~]))+\r\n\Z")
_LARGEST_KEY = 64 * 1024
_LONGEST = 998


class Signer(NamedTuple):
    """Whose signature it is: the selector and the domain of the public key in the DNS, and the private key (PEM)."""

    selector: str
    domain: str
    key: bytes

    def sign(self, data: bytes) -> bytes:
        """The message with its signature before it; nothing else of it changes.

        Raises:
            CrmError: the library dkimpy is missing.
            InvalidData: the key cannot be used.
        """
        library = _library()
        names = [name.lower() for name in _NAME.findall(data.partition(b"\r\n\r\n")[0])]
        covered = [name for name in OTHERS if name in names]
        include = [name for name in ONCE_MORE for _ in range(names.count(name) + 1)] + covered
        try:
            header: bytes = library.sign(
                data,
                self.selector.encode("ascii"),
                self.domain.encode("ascii"),
                self.key,
                canonicalize=(b"relaxed", b"relaxed"),
                include_headers=include,
            )
        except (library.DKIMException, ValueError, ArithmeticError) as exc:
            raise InvalidData(f"the message cannot be signed for {self.domain}: {exc}", hint=_HINT) from None
        if not _HEADER.match(header) or max(map(len, header.split(b"\r\n"))) > _LONGEST:
            raise InvalidData("the signature is not one header", hint=_HINT)
        return header + data


_HINT = "dkim: key: in config.yaml names an RSA key in PEM (openssl genrsa -traditional -out FILE 2048)."


def signer(selector: str, domain: str, key: str) -> Signer:
    """The signer whose private key is in the file ``key``.

    Raises:
        InvalidData: there is no such file, others can read it, or it holds no key that can be used.
        CrmError: the library dkimpy is missing.
    """
    library = _library("dkim.crypto")
    path = Path(key)
    try:
        with path.open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise InvalidData(f"{path} can be read by others, who could sign as {domain}", hint=f"chmod 600 {path}")
            data = file.read(_LARGEST_KEY)
    except OSError as exc:
        raise InvalidData(f"{path}: cannot read: {(exc.strerror or str(exc)).lower()}", hint=_HINT) from None
    try:
        bits = library.parse_pem_private_key(data)["modulus"].bit_length()
    except (library.UnparsableKeyError, ValueError, KeyError, IndexError, TypeError):
        raise InvalidData(f"{path} holds no RSA key in PEM", hint=_HINT) from None
    if bits < 1024:
        raise InvalidData(f"{path}: {bits} bits are too few; nobody accepts fewer than 1024 (RFC 8301)", hint=_HINT)
    return Signer(selector, domain, data)


def _library(name: str = "dkim") -> Any:
    try:
        return import_module(name)
    except ImportError:
        message = "signing messages needs the library dkimpy, which is not installed"
        raise CrmError(message, hint="pip install 'crmctl[mail]', or take dkim: out of config.yaml") from None
