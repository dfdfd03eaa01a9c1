"""The envelope of a message: who it is from and for, as commands of SMTP with what the server offers; and the text as
it goes over the wire."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import sent_address

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNSAFE = re.compile("[\x00-\x20\x7f-\x9f<>\ud800-\udfff]")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")
_LONGEST = 320


class Envelope(NamedTuple):
    """``sender`` may be empty, as in bounces; ``eight_bit`` and ``utf8`` say what the message needs of the server."""

    sender: str
    recipient: str
    sid: str
    eight_bit: bool
    utf8: bool

    @classmethod
    def of(cls, sender: str, recipient: str, sid: str, data: bytes) -> Envelope:
        """The envelope of ``data``, with domains in ASCII.

        Raises:
            Refused: an address holds what would end it, or another command.
        """
        sender, recipient = (_checked(address) for address in (sender, recipient))
        if not recipient:
            raise Refused("a message needs a recipient")
        head = data.partition(b"\r\n\r\n")[0]
        utf8 = not (sender.isascii() and recipient.isascii() and head.isascii())
        return cls(sender, recipient, sid, utf8 or not data.isascii(), utf8)

    def lacking(self, offered: Mapping[str, str]) -> str:
        """What the message needs and the server does not offer; "" when nothing is missing."""
        if self.utf8 and "smtputf8" not in offered:
            return "SMTPUTF8, which letters beyond ASCII in an address or a header need"
        return "8BITMIME, which text beyond ASCII needs" if self.eight_bit and "8bitmime" not in offered else ""

    def mail(self, offered: Mapping[str, str], size: int) -> str:
        """The MAIL command; the envelope's ID (RFC 3461) comes back in bounces."""
        words = [f"MAIL FROM:<{self.sender}>"]
        if "size" in offered:
            words.append(f"SIZE={size}")
        if self.eight_bit:
            words.append("BODY=8BITMIME")
        if self.utf8:
            words.append("SMTPUTF8")
        if "dsn" in offered:
            words += ["RET=HDRS", *((f"ENVID={xtext(self.sid)}",) if self.sid else ())]
        return " ".join(words)

    def rcpt(self, offered: Mapping[str, str]) -> str:
        """The RCPT command."""
        words = [f"RCPT TO:<{self.recipient}>"]
        if "dsn" in offered:
            words.append("NOTIFY=FAILURE")
            if self.recipient.isascii():
                words.append(f"ORCPT=rfc822;{xtext(self.recipient)}")
        return " ".join(words)


def xtext(text: str) -> str:
    """ASCII ``text`` as it may stand in a parameter, RFC 3461 section 4."""
    return _NOT_XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", text)


def check_data(data: bytes) -> None:
    """Refuse a message that would not arrive as it is, or that could end early.

    Raises:
        Refused: a line does not end in CR LF, or there is a CR or LF by itself.
    """
    if not data.endswith(b"\r\n") or not data.count(b"\r\n") == data.count(b"\r") == data.count(b"\n"):
        raise Refused("a line of the message does not end in CR LF", hint="This is a bug of ours; please report it.")


def stuffed(data: bytes) -> bytes:
    """The message with a dot more before each line that begins with one, RFC 5321 section 4.5.2."""
    data = data.replace(b"\r\n.", b"\r\n..")
    return b"." + data if data.startswith(b".") else data


def _checked(address: str) -> str:
    if _UNSAFE.search(address) or len(address) > _LONGEST:
        raise Refused("an address of the envelope cannot be used", hint="correct the address in the record")
    return address if address.isascii() else sent_address(address)
