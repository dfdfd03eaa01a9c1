"""Drafts: mails of a sequence that a person reads, edits and releases before they go out.

They stand outside of git, in the folder in which this clone keeps what it sends, for their owner only: a line with the
subject, an empty line, the text. A released one has another name, and goes out with the next run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import replace
from crmctl.services.following.outgoing import Draft
from crmctl.services.mailing.host import mail_state
from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.book import Book

_WAITS, _RELEASED = ".draft.txt", ".released.txt"
_SUBJECT = "Subject: "


class Waiting(NamedTuple):
    """A draft: its file, of which enrolment and step, and whether it was released."""

    path: Path
    enrolment: str
    step: int
    released: bool


def folder(book: Book) -> Path:
    """Where drafts stand."""
    return mail_state(book) / "drafts"


def every(book: Book) -> list[Waiting]:
    """The drafts of this clone, in order of their names."""
    found = []
    place = folder(book)
    for path in sorted(place.glob("*.txt")) if place.is_dir() else []:
        released = path.name.endswith(_RELEASED)
        name = path.name.removesuffix(_RELEASED if released else _WAITS)
        enrolment, _, step = name.rpartition(".")
        if enrolment and step.isdecimal():
            found.append(Waiting(path, enrolment, int(step), released))
    return found


def put(book: Book, enrolment: str, step: int, draft: Draft) -> Path:
    """Write a draft; one that is there already stays as it is, with what somebody has made of it.

    Raises:
        StorageFailed: it cannot be written.
    """
    place = folder(book)
    make_folder(place)
    path = place / f"{enrolment}.{step}{_WAITS}"
    if not path.exists():
        subject = " ".join(draft.subject.split())
        replace(path, f"{_SUBJECT}{subject}\n\n{draft.text.rstrip()}\n".encode())
    return path


def read(path: Path) -> Draft:
    """A draft as it was edited.

    Raises:
        InvalidData: it has no subject, or is not text.
        StorageFailed: it cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidData(f"{path} is not UTF-8 text", hint="Save it as UTF-8.") from None
    except OSError as exc:
        raise storage_failed(str(path), exc, "read") from exc
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    subject = head.removeprefix(_SUBJECT).strip()
    if not head.startswith(_SUBJECT) or not subject or "\n" in head or not body.strip():
        hint = "Its first line is `Subject: WORDS`, then an empty line, then the text."
        raise InvalidData(f"{path} is no message", hint=hint)
    return Draft(subject, body.rstrip() + "\n")


def release(book: Book, ref: str) -> list[Waiting]:
    """Release the drafts of a customer, of an enrolment, or ``all``; the next run sends them.

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
        read(one.path)
    released = []
    for one in found:
        path = one.path.with_name(one.path.name.removesuffix(_WAITS) + _RELEASED)
        try:
            one.path.replace(path)
        except OSError as exc:
            raise storage_failed(str(one.path), exc, "release") from exc
        released.append(one._replace(path=path, released=True))
    return released


def remove(book: Book, enrolment: str, step: int = 0) -> None:
    """Take a draft away that is done with; all of an enrolment when no step is named."""
    for one in every(book):
        if one.enrolment == enrolment and step in (0, one.step):
            one.path.unlink(missing_ok=True)
