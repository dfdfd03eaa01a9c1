"""Drafts: mails of a sequence that a person reads, edits and releases before they go out.

They stand outside of git, in the folder in which this clone keeps what it sends, for their owner only. A released one
has another name, and goes out with the next run.
"""

from __future__ import annotations

import re
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import replace
from crmctl.render.templates import FORMS
from crmctl.services import records
from crmctl.services.following import draft_texts
from crmctl.services.following import enrolments
from crmctl.services.following.draft_texts import Draft
from crmctl.services.mailing.host import mail_state
from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crmctl.services.book import Book
    from crmctl.services.following.enrolments import Step

_WAITS, _RELEASED = ".draft", ".released"
_NAME = re.compile(r"(?P<enrolment>[^.]+)\.(?P<step>\d{1,6})(?:-(?P<mark>[0-9a-f]{6}))?(?P<state>\.draft|\.released)\Z")


class Waiting(NamedTuple):
    """A draft: its file, of which enrolment and step, and whether it was released. ``mark`` tells the step from what
    it is when somebody has moved the enrolment to other steps ("" in an older draft)."""

    path: Path
    enrolment: str
    step: int
    released: bool
    mark: str = ""


def folder(book: Book) -> Path:
    """Where drafts stand."""
    return mail_state(book) / "drafts"


def every(book: Book) -> list[Waiting]:
    """The drafts of this clone that are of the step that comes next for somebody, in order of their names."""
    return [one for one in _files(book) if _standing(book, one) == _NEXT]


def tidy(book: Book) -> list[Waiting]:
    """Take away drafts of steps that are over, or are other ones now; those of the latter are returned."""
    changed = []
    for one in _files(book):
        standing = _standing(book, one)
        if standing in (_CHANGED, _OVER):
            with suppress(OSError):
                one.path.unlink(missing_ok=True)
                changed += [one] if standing == _CHANGED else []
    return changed


def put(book: Book, enrolment: str, step: int, draft: Draft, of: Step) -> Path:
    """Write a draft of the step ``of``; one that is there already stays as it is, with what somebody has made of it.

    Raises:
        StorageFailed: it cannot be written.
    """
    place = folder(book)
    make_folder(place)
    stem = place / f"{enrolment}.{step}-{mark_of(of)}"
    for path in (stem.with_name(f"{stem.name}{state}.{form}") for state in (_RELEASED, _WAITS) for form in FORMS):
        if path.exists():
            return path
    path = stem.with_name(f"{stem.name}{_WAITS}.{draft.form}")
    replace(path, draft.text.encode())
    return path


def mark_of(step: Step) -> str:
    """What tells the message of a step from that of another one."""
    return sha256(f"{step.template}|{step.thread}".encode()).hexdigest()[:6]


def _files(book: Book) -> list[Waiting]:
    found = []
    place = folder(book)
    for path in sorted(place.iterdir()) if place.is_dir() else []:
        name = _NAME.match(path.with_suffix("").name) if path.suffix[1:] in FORMS else None
        if name is not None:
            released = name["state"] == _RELEASED
            found.append(Waiting(path, name["enrolment"], int(name["step"]), released, name["mark"] or ""))
    return found


_NEXT, _CHANGED, _OVER, _UNREADABLE = "next", "changed", "over", "unreadable"


def _standing(book: Book, one: Waiting) -> str:
    """How a draft stands to the enrolment that it was made for."""
    try:
        found = enrolments.read(book, one.enrolment)
    except InvalidData:
        return _UNREADABLE
    if found is None:
        path = records.path_of(book, book.schema.require("enrolment"), one.enrolment)
        return _UNREADABLE if (book.root / path).exists() else _OVER
    if found.state != enrolments.ACTIVE or found.place > one.step or one.step > len(found.steps):
        return _OVER
    return _NEXT if one.mark in ("", mark_of(found.steps[one.step - 1])) else _CHANGED


def read(path: Path) -> Draft:
    """A draft as it was edited.

    Raises:
        InvalidData: it is no message, or no text.
        StorageFailed: it cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidData(f"{path} is not UTF-8 text", hint="Save it as UTF-8.") from None
    except OSError as exc:
        raise storage_failed(str(path), exc, "read") from exc
    draft = Draft(path.suffix[1:], text.replace("\r\n", "\n"))
    draft_texts.check(draft, str(path))
    return draft


def release(book: Book, ref: str, fault: Callable[[Waiting, Draft], str] | None = None) -> list[Waiting]:
    """Release the drafts of a customer, of an enrolment, or ``all``; the next run sends them.

    ``fault`` says why no message can be made of one, "" when one can.

    Raises:
        NotFound: there are none.
        InvalidData: one of them is no message; none is released then.
    """
    customers = {str(handle): str(who) for handle, who in book.index.rows("SELECT handle, customer FROM enrolments")}
    found = [
        one
        for one in every(book)
        if not one.released and ref in ("all", one.enrolment, customers.get(one.enrolment, ""))
    ]
    if not found:
        raise NotFound(f"no draft waits for {ref!r}", hint="crmctl followup release lists them.")
    for one in found:
        draft = read(one.path)
        wrong = fault(one, draft) if fault is not None else ""
        if wrong:
            raise InvalidData(f"{one.path}: {wrong}", hint="Mend it in that file, or remove the file for a new draft.")
    released = []
    for one in found:
        path = one.path.with_name(f"{one.path.with_suffix('').stem}{_RELEASED}{one.path.suffix}")
        try:
            one.path.replace(path)
        except OSError as exc:
            raise storage_failed(str(one.path), exc, "release") from exc
        released.append(one._replace(path=path, released=True))
    return released


def remove(book: Book, enrolment: str, step: int = 0) -> None:
    """Take a draft away that is done with; all of an enrolment when no step is named."""
    for one in _files(book):
        if one.enrolment == enrolment and step in (0, one.step):
            one.path.unlink(missing_ok=True)
