"""The parts of a message that hold text, and the marks between parts."""

from __future__ import annotations

import re
from binascii import b2a_base64
from binascii import b2a_qp
from functools import lru_cache
from hashlib import sha256

from crmctl.mail.addresses import Refused

_LONGEST_BARE = 78
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_BYTES = bytes({*range(32), 127} - {9, 10})
_CONTROL_PAIR = re.compile(b"\xc2[\x80-\x9f]")


@lru_cache(maxsize=4)
def canonical(text: str) -> str:
    """The text of a part as it is read again: lines end in LF, the last one too.

    Raises:
        Refused: it holds a control character.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _has_control(text):
        bad = _CONTROL.search(text)
        shown = f" (U+{ord(bad[0]):04X})" if bad else ""
        raise Refused(f"the text of a message holds a control character{shown}")
    return text if text.endswith("\n") else f"{text}\n"


def _has_control(text: str) -> bool:
    """As the pattern ``_CONTROL`` has it; asking the bytes is twenty times faster."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return len(data.translate(None, _CONTROL_BYTES)) != len(data) or _CONTROL_PAIR.search(data) is not None


def text_part(subtype: str, text: str, parameters: str = "") -> bytes:
    """One text part with its headers, in the plainest encoding that keeps it as it is."""
    data = text.replace("\n", "\r\n").encode("utf-8")
    encoding, body = "7bit", data
    if not text.isascii() or max(map(len, text.split("\n"))) > _LONGEST_BARE:
        encoding, body = "quoted-printable", b2a_qp(data)
    # Mail boxes in the old format mark their messages by such lines, and change those of the text.
    if b"\nFrom " in body or body.startswith(b"From ") or len(body) > len(data) * 2:
        encoded = b2a_base64(data, newline=False)
        encoding, body = "base64", b"\r\n".join(encoded[i : i + 76] for i in range(0, len(encoded), 76)) + b"\r\n"
    head = f"Content-Type: text/{subtype}; charset=utf-8{parameters}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode("ascii") + body


def boundary(seed: str, body: bytes) -> str:
    """A mark that stands in no part, told from ``seed`` so that the same message has the same bytes."""
    mark = f"=_{sha256(seed.encode('ascii')).hexdigest()[:32]}"
    while mark.encode("ascii") in body:
        mark = f"=_{sha256(mark.encode('ascii')).hexdigest()[:32]}"
    return mark
