"""A campaign on paper: the messages of a plan, composed, verified and written into a folder to look at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import StorageFailed
from crmctl.mail.transport.sms import plain
from crmctl.mail.transport.sms import segments
from crmctl.render.rendering import ahead
from crmctl.services.campaigns import audience
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns.audience import LeftOut
from crmctl.services.campaigns.messages import rendering
from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.book import Book
    from crmctl.services.campaigns.audience import Plan
    from crmctl.services.mailing.config import MailServer


class Preview(NamedTuple):
    """What a preview wrote: (handle, file) pairs; the plan it followed; those whose message could not be made; the
    names in the folder that are not of this preview; and how many parts its text messages are sent in."""

    files: list[tuple[str, Path]]
    plan: Plan
    failed: list[LeftOut]
    others: list[str]
    parts: int = 0


@ahead()
def preview(book: Book, handle: str, folder: Path, *, force: bool = False, mail: MailServer | None = None) -> Preview:
    """Write the message of every recipient into ``folder``: ``.eml``, ``.html`` for letters, ``.txt`` for the rest.

    Every e-mail is parsed again and compared with what was meant before it is written. Files are readable by their
    owner only. ``mail`` are the user's own settings, where there are any.

    Raises:
        Conflict: the folder has something in it, and ``force`` does not say that it may be written over.
        UsageProblem, InvalidData: the campaign names no template, or one that is for another purpose or channel; or
            nobody can be told as its sender.
    """
    campaign = campaigns.read(book, handle)
    plan = audience.of(book, campaign)
    words, sender = rendering.wording(book, campaign), mail.sender if mail else None
    renderer = rendering.Renderer(book, campaign, words, book.now(), sender, mail)
    before = _make_folder(folder, force=force)
    files: list[tuple[str, Path]] = []
    failed: list[LeftOut] = []
    parts = 0
    for made in renderer.messages(plan.recipients):
        person = made.person
        if made.code:
            failed.append(LeftOut(person.handle, person.name, made.code, made.reason))
            continue
        path = folder / f"{person.handle}{made.suffix}"
        _write(path, made.content, replace=path.name in before)
        files.append((person.handle, path))
        parts += segments(plain(made.content)) if plan.channel == "sms" else 0
    return Preview(files, plan, failed, sorted(before.difference(path.name for _, path in files)), parts)


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
