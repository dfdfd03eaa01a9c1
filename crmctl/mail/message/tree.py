"""The body of a message that has more than words: which part stands within which.

``mixed`` holds ``alternative`` and the attachments; ``alternative`` the text, the page and the calendar, the best last;
``related`` the page with its images (RFC 2046, RFC 2387, RFC 6047).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.mail.addresses import Refused
from crmctl.mail.message import files
from crmctl.mail.message import invitation
from crmctl.mail.message.files import File
from crmctl.mail.message.invitation import Party
from crmctl.mail.message.parts import boundary
from crmctl.mail.message.parts import canonical
from crmctl.mail.message.parts import text_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.mail.message.compose import Meant

ICS = "invite.ics"


def calendar(meant: Meant) -> str:
    """The calendar of a message with an invitation."""
    assert meant.invitation is not None
    organizer, attendee = parties(meant)
    return invitation.calendar(meant.invitation, organizer, attendee, meant.date)


def parties(meant: Meant) -> tuple[Party, Party]:
    """Who invites, and who is invited."""
    return Party(meant.sender.name, meant.sender.email), Party(meant.to_name, meant.to_email)


def body(meant: Meant) -> bytes:
    """Content-Type and content of the whole message.

    Raises:
        Refused: files are too large together, or have the same name, or an image is in no page.
    """
    _check(meant)
    choices = [text_part("plain", canonical(meant.text))]
    attached = [files.part(file) for file in meant.files if not file.cid]
    if meant.html:
        page = text_part("html", canonical(meant.html))
        shown = [files.part(file) for file in meant.files if file.cid]
        choices.append(_joined(meant, "related", [page, *shown]) if shown else page)
    if meant.invitation is not None:
        text = calendar(meant)
        choices.append(text_part("calendar", canonical(text), f"; method={meant.invitation.method}"))
        attached.insert(0, files.part(File(ICS, "application/ics", text.encode("utf-8"))))
    content = _joined(meant, "alternative", choices) if len(choices) > 1 else choices[0]
    return _joined(meant, "mixed", [content, *attached]) if attached else content


def _check(meant: Meant) -> None:
    size = sum(len(file.data) for file in meant.files)
    if size > files.LARGEST:
        most = files.LARGEST // 2**20
        raise Refused(f"the files of the message have {size:,} bytes together; {most} MB may travel with one")
    names = [file.name.casefold() for file in meant.files if not file.cid]
    cids = [file.cid for file in meant.files if file.cid]
    if meant.invitation is not None:
        names.append(ICS)
    if len({*names}) != len(names) or len({*cids}) != len(cids):
        raise Refused("two files of the message have the same name")
    if cids and not meant.html:
        raise Refused("an image needs a page to be shown in, and this template has none")
    for file in meant.files:
        if files.named(file.name, b"", file.cid)[:2] != file[:2]:
            raise Refused(f"{file.name} is not of the type {file.type}")


def _joined(meant: Meant, kind: str, parts: Sequence[bytes]) -> bytes:
    mark = boundary(f"{meant.message_id}|{kind}", b"".join(parts))
    more = ' type="text/html";' if kind == "related" else ""
    head = f'Content-Type: multipart/{kind};{more}\r\n boundary="{mark}"\r\n\r\n'.encode("ascii")
    between = f"\r\n--{mark}\r\n".encode("ascii")
    return head + between[2:] + between.join(parts) + f"\r\n--{mark}--\r\n".encode("ascii")
