"""The morning's mail: what is due, in a few plain lines; nothing when nothing is. One a day to an address, and no more,
whatever calls this how often."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.identifiers import send_id
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import replace
from crmctl.render.text import safe
from crmctl.services.mailing.host import mail_state
from crmctl.services.mailing.single import hand_over
from crmctl.services.mailing.to_ourselves import note
from crmctl.services.mailing.to_ourselves import writer
from crmctl.services.mailing.typed import typed_address
from crmctl.services.today import SECTIONS
from crmctl.store.lock import locked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.mail.transport.outcomes import Outcome
    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.book import Book
    from crmctl.services.mailing.config import MailServer
    from crmctl.services.today import Due

MOST = 15
"""Lines of a section; the rest is counted."""
_KEPT = 30
"""Days that are known to have had their digest."""


class Digest(NamedTuple):
    """A subject and a text; both "" when nothing is due."""

    subject: str = ""
    text: str = ""


def made(book: Book, found: Sequence[Due]) -> Digest:
    """The digest of what is due."""
    if not found:
        return Digest()
    lines = [f"{book.now():%A %Y-%m-%d}"]
    for heading, slugs in SECTIONS:
        section = [due for due in found if due.why in slugs]
        if section:
            lines += ["", heading, *(f"- {_line(due)}" for due in section[:MOST])]
        if len(section) > MOST:
            lines.append(f"  and {len(section) - MOST} more: crmctl today --all")
    count = len(found)
    name = " ".join((book.settings.name or book.root.name).split())
    subject = f"{name}: {count} thing{'' if count == 1 else 's'} to do"
    # A name with a control character in it would have the whole mail refused, every day.
    return Digest(safe(subject), safe("\n".join(lines), lines=True) + "\n")


def _line(due: Due) -> str:
    who = due.name or due.customer or ""
    parts = [who if due.kind == "customer" else due.what, "" if due.kind == "customer" else who, due.reason, due.handle]
    return " · ".join(" ".join(part.split()) for part in parts if part and part.strip())


def send(book: Book, digest: Digest, address: str, mail: MailServer, transport: Transport) -> Outcome | None:
    """Send a digest, unless today's went to this address already (None then).

    Raises:
        UsageProblem: the settings do not say who writes.
        Locked: another process is at it.
        CrmError: the server cannot be reached, or an address cannot be used.
    """
    writer(mail)
    recipient = typed_address(address)
    day = book.now().date().isoformat()
    sid = send_id(f"digest {book.root}", recipient, "email", occurrence=day)
    folder = mail_state(book) / "following"
    make_folder(folder)
    mark = folder / f"digest-{send_id('digest', recipient, 'email')[:16].lower()}"
    with locked(folder / "digest.lock", "today --mail", 0):
        days = mark.read_text(encoding="ascii", errors="replace").split() if mark.exists() else []
        if day in days:  # Also of a day that has come again because the clock was put back.
            return None
        told = "\n".join([*days[-_KEPT:], day, ""])
        made = note(mail, recipient, sid, digest.subject, digest.text, book.now())
        # Marked before the end is handed over: a digest that is lost is better than one that comes every minute.
        return hand_over(made, transport, lambda: replace(mark, told.encode("ascii", "replace")))
