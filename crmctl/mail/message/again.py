"""A message read again by the standard library, and held against what was meant."""

from __future__ import annotations

from binascii import a2b_base64
from binascii import a2b_qp
from email.parser import BytesParser
from email.policy import compat32
from email.utils import getaddresses
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.addresses import sent_address
from crmctl.mail.message import invitation
from crmctl.mail.message.parts import canonical
from crmctl.mail.message.tree import ICS
from crmctl.mail.message.tree import parties

if TYPE_CHECKING:
    from email.message import Message

    from crmctl.mail.message.compose import Meant
    from crmctl.mail.message.files import File


class _Leaf(NamedTuple):
    """A part that should be there; ``text`` None: it is the file."""

    type: str
    text: str | None = None
    file: File | None = None


class _Branch(NamedTuple):
    """A multipart that should be there, and what should be in it."""

    type: str
    parts: tuple[_Leaf | _Branch, ...]


def faults(data: bytes, meant: Meant, names: list[str]) -> list[str]:
    """What in the message ``data`` is not as ``meant``: the headers by their ``names``, and of the parts their order,
    number, names, types and contents."""
    message = BytesParser(policy=compat32).parsebytes(data)
    if message.keys() != names:
        return [f"the headers are {', '.join(message.keys())}, not {', '.join(names)}"]
    return [*_stray_recipients(message, meant), *_compare(message, _expected(meant), meant, top=True)]


def _stray_recipients(message: Message, meant: Meant) -> list[str]:
    """Whether a message goes to the one recipient alone; the library cannot read one with letters beyond ASCII."""
    wanted = sent_address(meant.to_email)
    found = [address for _, address in getaddresses([str(message["To"])])]
    return [] if found == [wanted] or not wanted.isascii() else [f"it would go to {', '.join(found)}"]


def _expected(meant: Meant) -> _Leaf | _Branch:
    choices: list[_Leaf | _Branch] = [_Leaf("text/plain", meant.text)]
    attached = [_Leaf(file.type, None, file) for file in meant.files if not file.cid]
    shown = [_Leaf(file.type, None, file) for file in meant.files if file.cid]
    if meant.html:
        page = _Leaf("text/html", meant.html)
        choices.append(_Branch("multipart/related", (page, *shown)) if shown else page)
    if meant.invitation is not None:
        choices.append(_Leaf("text/calendar"))
        attached.insert(0, _Leaf("application/ics"))
    whole: _Leaf | _Branch = _Branch("multipart/alternative", tuple(choices)) if len(choices) > 1 else choices[0]
    return _Branch("multipart/mixed", (whole, *attached)) if attached else whole


def _compare(part: Message, wanted: _Leaf | _Branch, meant: Meant, *, top: bool = False) -> list[str]:
    if part.get_content_type() != wanted.type or part.defects:
        return [f"there is a part {part.get_content_type()} where {wanted.type} should be"]
    if isinstance(wanted, _Leaf):
        return _leaf_faults(part, wanted, meant, top=top)
    inside = part.get_payload()
    if not isinstance(inside, list) or len(inside) != len(wanted.parts) or part.preamble or part.epilogue:
        return [f"{wanted.type} does not have exactly {len(wanted.parts)} parts"]
    found = [] if top or part.keys() == ["Content-Type"] else [f"{wanted.type} has other headers"]
    for one, expected in zip(inside, wanted.parts, strict=True):
        found += _compare(one, expected, meant)
    return found


def _leaf_faults(part: Message, wanted: _Leaf, meant: Meant, *, top: bool) -> list[str]:
    content = _decoded(part)
    if content is None:
        return [f"the part {wanted.type} cannot be decoded"]
    names = ["Content-Type", "Content-Transfer-Encoding"]
    if wanted.file is None and wanted.type != "application/ics":
        found = [] if top or part.keys() == names else [f"the part {wanted.type} has other headers"]
        if part.get_content_charset() != "utf-8" or part.get_filename() or part.get_content_disposition():
            found.append(f"the part {wanted.type} is not text in UTF-8")
        text = content.decode("utf-8").replace("\r\n", "\n")
        if wanted.text is None:
            return found + _calendar_faults(part, content, meant)
        return found if text == canonical(wanted.text) else [*found, f"the {wanted.type} part is not what was meant"]
    if wanted.file is None:
        found = _file_faults(part, ICS, "", [*names, "Content-Disposition"])
        return found + _calendar_faults(None, content, meant)
    file = wanted.file
    names += ["Content-ID", "Content-Disposition"] if file.cid else ["Content-Disposition"]
    found = _file_faults(part, file.name, file.cid, names)
    if len(content) != len(file.data) or sha256(content).hexdigest() != file.hash:
        found.append(f"the file {file.name} has other contents")
    return found


def _file_faults(part: Message, name: str, cid: str, headers: list[str]) -> list[str]:
    how = "inline" if cid else "attachment"
    same = part.get_filename() == name and part.get_content_disposition() == how
    if same and part.keys() == headers and str(part.get("Content-ID", "")) == (f"<{cid}>" if cid else ""):
        return []
    return [f"the file {name} would arrive as {part.get_filename()!r}"]


def _calendar_faults(part: Message | None, content: bytes, meant: Meant) -> list[str]:
    assert meant.invitation is not None
    if part is not None and part.get_param("method") != meant.invitation.method:
        return ["the calendar has another method than its part"]
    text = content.decode("utf-8")
    return invitation.faults(text, meant.invitation, *parties(meant))


def _decoded(part: Message) -> bytes | None:
    """The bytes of a part, None when its encoding is not one that is written here."""
    payload = part.get_payload()
    if not isinstance(payload, str):
        return None
    raw = payload.encode("ascii")
    encoding = str(part.get("Content-Transfer-Encoding", ""))
    if encoding == "7bit":
        return raw
    if encoding == "quoted-printable":
        return a2b_qp(raw)
    if encoding == "base64":
        return a2b_base64(raw.replace(b"\r\n", b""), strict_mode=True)
    return None
