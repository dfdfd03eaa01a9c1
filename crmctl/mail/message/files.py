"""Files that travel with a message: attachments, and images that its page shows. Their ending tells what they are."""

from __future__ import annotations

import re
from binascii import b2a_base64
from hashlib import sha256
from typing import NamedTuple

from crmctl.mail.addresses import Refused

LARGEST = 10 * 1024 * 1024
"""Bytes of all files of a message together. Many servers refuse more than 10 to 25 MB, and base64 adds a third."""

TYPES = {
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "gif": "image/gif",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "md": "text/markdown",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "webp": "image/webp",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "zip": "application/zip",
}
"""What may be attached, by its ending. Programs are not among it: no mailbox takes them."""

_SHOWN = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp"})
_BAD_NAME = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"\\\\/]')
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._()+-]{0,49}\Z")
_ITSELF = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_CID = re.compile(r"[A-Za-z0-9._-]{1,80}@[A-Za-z0-9.-]{1,80}\Z")
_LONGEST_NAME = 120
_SECTION = 60


class File(NamedTuple):
    """A file: the name that the reader sees, its type, its bytes, and its Content-ID ("" for an attachment)."""

    name: str
    type: str
    data: bytes
    cid: str = ""

    @property
    def hash(self) -> str:
        """The SHA-256 of its bytes."""
        return sha256(self.data).hexdigest()


def named(name: str, data: bytes, cid: str = "") -> File:
    """The file ``name`` with its type, by its ending; with ``cid`` it is an image that the page shows.

    Raises:
        Refused: the name cannot be written in a header, or its ending is not in the table.
    """
    bad = _BAD_NAME.search(name)
    if bad or not name.strip(" .") or len(name) > _LONGEST_NAME:
        why = f"it holds U+{ord(bad[0]):04X}" if bad else "it is empty or too long"
        raise Refused(f"this cannot be the name of an attachment: {name!r} ({why})")
    ending = name.rpartition(".")[2].lower()
    kind = TYPES.get(ending, "") if "." in name else ""
    if not kind or (cid and kind not in _SHOWN):
        known = ", ".join(sorted(end for end, what in TYPES.items() if not cid or what in _SHOWN))
        what = "shown as an image" if cid else "attached"
        raise Refused(f"{name} cannot be {what}: its ending is not in the table", hint=f"There are {known}.")
    if cid and not _CID.match(cid):
        raise Refused(f"this is no Content-ID: {cid!r}")
    return File(name, kind, data, cid)


def part(file: File) -> bytes:
    """The part of a message that carries the file, in base64; its name by RFC 2231 where it is more than plain."""
    how = "inline" if file.cid else "attachment"
    lines = [f"Content-Type: {file.type}", "Content-Transfer-Encoding: base64"]
    if file.cid:
        lines.append(f"Content-ID: <{file.cid}>")
    lines.append(f"Content-Disposition: {how};\r\n {filename(file.name)}")
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + in_base64(file.data)


def filename(name: str) -> str:
    """The parameter ``filename`` of a Content-Disposition, folded."""
    if _PLAIN_NAME.match(name) and "  " not in name and not name.endswith(" "):
        return f'filename="{name}"'
    signs = [chr(byte) if byte in _ITSELF else f"%{byte:02X}" for byte in name.encode("utf-8")]
    sections = [""]
    for sign in signs:
        if len(sections[-1]) + len(sign) > _SECTION:
            sections.append("")
        sections[-1] += sign
    if len(sections) == 1:
        return f"filename*=utf-8''{sections[0]}"
    first, *rest = sections
    return ";\r\n ".join(
        [f"filename*0*=utf-8''{first}", *(f"filename*{at}*={text}" for at, text in enumerate(rest, 1))]
    )


def in_base64(data: bytes) -> bytes:
    """Bytes in base64, in lines of 76."""
    text = b2a_base64(data, newline=False)
    return b"\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + b"\r\n"
