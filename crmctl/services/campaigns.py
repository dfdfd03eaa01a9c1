"""Campaigns on paper: the messages of a plan, composed, verified and written into a folder to look at."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem
from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import ascii_address
from crmctl.mail.compose import Meant
from crmctl.mail.compose import Sender
from crmctl.mail.compose import compose
from crmctl.mail.verify import verify
from crmctl.model.ids import handle_from
from crmctl.services import audience
from crmctl.services import templates
from crmctl.services.audience import LeftOut
from crmctl.services.merge_data import MergeData
from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from crmctl.model.settings import Purpose
    from crmctl.render.rendering import Rendered
    from crmctl.render.templates import Template
    from crmctl.services.audience import Plan
    from crmctl.services.audience import Recipient
    from crmctl.services.book import Book


class Preview(NamedTuple):
    """What a preview wrote: (handle, file) pairs; the plan it followed; those whose message could not be made; and the
    names in the folder that are not of this preview."""

    files: list[tuple[str, Path]]
    plan: Plan
    failed: list[LeftOut]
    others: list[str]


def send_id(campaign_id: str, customer_id: str, channel: str) -> str:
    """The identity of one message: the same for the same campaign, customer and channel, wherever it is made."""
    digest = hashlib.sha256(f"{campaign_id}|{customer_id}|{channel}".encode()).digest()
    return base64.b32encode(digest).decode()[:26]


def preview(book: Book, campaign: str, folder: Path, *, force: bool = False) -> Preview:
    """Write the message of every recipient into ``folder``: ``.eml``, ``.html`` for letters, ``.txt`` for the rest.

    Every e-mail is parsed again and compared with what was meant before it is written. Files are readable by their
    owner only.

    Raises:
        Conflict: the folder has something in it, and ``force`` does not say that it may be written over.
        UsageProblem, InvalidData: the campaign names no template, or one that is for another purpose or channel; or
            nobody can be told as its sender.
    """
    plan = audience.plan(book, campaign)
    data = book.index.data(book.schema.require("campaign"), campaign) or {}
    name = str(data.get("template") or "")
    if not name:
        raise UsageProblem(
            f"campaign {campaign} names no template", hint=f"crmctl campaign set {campaign} template=NAME"
        )
    template = templates.load(book, name)
    _check_fit(plan, template)
    merge = MergeData(book, plan.purpose, data)
    writer = _Writer(book, plan, merge, str(data.get("id") or campaign), book.now())
    before = _make_folder(folder, force=force)
    files: list[tuple[str, Path]] = []
    failed: list[LeftOut] = []
    people = {recipient.handle: recipient for recipient in plan.recipients}
    for message in templates.rendered(book, template, list(people), merge):
        person = people[message.key]
        try:
            suffix, content = writer.content(person, message)
        except Refused as error:
            failed.append(LeftOut(person.handle, person.name, "refused", error.message))
            continue
        except InvalidData as error:
            failed.append(LeftOut(person.handle, person.name, "cannot-render", error.message))
            continue
        path = folder / f"{person.handle}{suffix}"
        _write(path, content, replace=path.name in before)
        files.append((person.handle, path))
    return Preview(files, plan, failed, sorted(before.difference(path.name for _, path in files)))


def _check_fit(plan: Plan, template: Template) -> None:
    """Whoever agreed to get news must not get them as a service: the template and the campaign have one purpose."""
    for what, theirs, ours in (
        ("purpose", template.front.purpose.lower(), plan.purpose),
        ("channel", template.front.channel.replace("email", ""), plan.channel),
    ):
        if theirs and theirs != ours:
            raise InvalidData(
                f"{template.path} has the {what} {theirs}, campaign {plan.campaign} has {ours}",
                hint=f"Take another template, or: crmctl campaign set {plan.campaign} {what}={theirs}",
            )


class _Writer:
    """Turns rendered messages into the bytes of files."""

    def __init__(self, book: Book, plan: Plan, merge: MergeData, campaign_id: str, now: datetime) -> None:
        self._plan = plan
        self._campaign_id = campaign_id
        self._now = now
        self._sender = Sender(merge.me.get("name", ""), merge.me.get("email", ""))
        self._domain = _domain(self._sender) if plan.channel == "email" else ""
        self._headers = self._list_headers(book.settings.purposes[plan.purpose], merge)

    def content(self, person: Recipient, message: Rendered) -> tuple[str, bytes]:
        """(ending, bytes) of the file for one recipient."""
        if message.problems:
            raise InvalidData("; ".join(message.problems))
        if self._plan.channel == "letter":
            return (".html", message.html.encode()) if message.html else (".txt", message.text.encode())
        if self._plan.channel != "email":
            return ".txt", message.text.encode()
        meant = self._meant(person, message)
        content = compose(meant)
        faults = verify(content, meant)
        if faults:
            raise Refused(f"the message does not say what was meant: {'; '.join(faults)}")
        return ".eml", content

    def _meant(self, person: Recipient, message: Rendered) -> Meant:
        sid = send_id(self._campaign_id, person.id, self._plan.channel)
        return Meant(
            to_name=person.name,
            to_email=person.address,
            sender=self._sender,
            subject=message.subject,
            text=message.text,
            html=message.html,
            message_id=f"<{sid}@{self._domain}>",
            date=self._now,
            headers=self._headers,
        )

    def _list_headers(self, purpose: Purpose, merge: MergeData) -> tuple[tuple[str, str], ...]:
        """How to get off the list, for what people agreed to get. Source: RFC 2369 and RFC 2919."""
        address = merge.unsubscribe(purpose.name)
        if purpose.basis in ("contract", "legal") or not address or self._plan.channel != "email":
            return ()
        return ("List-Id", f"<{handle_from(purpose.name)}.{self._domain}>"), ("List-Unsubscribe", f"<{address}>")


def _domain(sender: Sender) -> str:
    """The domain that messages are from, in ASCII.

    Raises:
        InvalidData: the sender has no address, or one that cannot be used.
    """
    hint = "Give the campaign's owner an `email:`, or set `email:` in crm.yaml, or git's user.email."
    if not sender.email:
        raise InvalidData("nobody can be named as the sender", hint=hint)
    try:
        return ascii_address(sender.email).rpartition("@")[2]
    except Refused as error:
        raise InvalidData(f"the sender cannot be used: {error.message}", hint=hint) from None


def _make_folder(folder: Path, *, force: bool) -> set[str]:
    """Have the folder there; the names in it, which there are none of without ``force``."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {path.name for path in folder.iterdir()}
    except FileExistsError:
        raise StorageFailed(f"{folder} is a file", hint="Name a folder; it is made if there is none.") from None
    except OSError as exc:
        raise storage_failed(str(folder), exc, "make the folder") from exc
    if names and not force:
        hint = "Name a new folder, or say --force to write over what is there."
        raise Conflict(f"{folder} is not empty", hint=hint)
    return names


def _write(path: Path, content: bytes, *, replace: bool) -> None:
    try:
        if replace:
            path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - opened with its mode
            file.write(content)
    except OSError as exc:
        raise storage_failed(str(path), exc, "write") from exc
