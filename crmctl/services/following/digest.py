"""The morning's mail: what is due, in a few plain lines; nothing when nothing is. One a day to an address, and no more,
whatever calls this how often."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.mail.identifiers import message_id
from crmctl.mail.identifiers import send_id
from crmctl.mail.identifiers import verp
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import replace
from crmctl.mail.message.compose import Meant
from crmctl.mail.message.compose import compose
from crmctl.mail.message.verify import verify
from crmctl.services.following import drafts
from crmctl.services.mailing.host import mail_state
from crmctl.services.mailing.typed import typed_address
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

_SECTIONS = (
    ("Follow-ups", ("overdue", "due")),
    ("Cases", ("respond", "resolve")),
    ("Getting cold", ("cold",)),
    ("Deals", ("past-close", "no-next-step")),
    ("Birthdays", ("birthday",)),
)


class Digest(NamedTuple):
    """A subject and a text; both "" when nothing is due."""

    subject: str = ""
    text: str = ""


def made(book: Book, found: Sequence[Due]) -> Digest:
    """The digest of what is due, and of drafts that wait to be read."""
    waiting = [one for one in drafts.every(book) if not one.released]
    if not found and not waiting:
        return Digest()
    lines = [f"{book.now():%A %Y-%m-%d}"]
    for heading, slugs in _SECTIONS:
        section = [due for due in found if due.why in slugs]
        if section:
            lines += ["", heading, *(f"- {_line(due)}" for due in section[:MOST])]
        if len(section) > MOST:
            lines.append(f"  and {len(section) - MOST} more: crmctl today --all")
    if waiting:
        lines += ["", f"Drafts to read and release: {len(waiting)} (crmctl followup release)"]
    count = len(found) + len(waiting)
    name = book.settings.name or book.root.name
    return Digest(f"{name}: {count} thing{'' if count == 1 else 's'} to do", "\n".join(lines) + "\n")


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
    if mail.sender is None:
        raise UsageProblem("nobody writes this message", hint="Set from: Ada <ada@example.com> in config.yaml.")
    recipient = typed_address(address)
    day = book.now().date().isoformat()
    sid = send_id(f"digest {book.root}", recipient, "email", occurrence=day)
    folder = mail_state(book) / "following"
    make_folder(folder)
    mark = folder / f"digest-{send_id('digest', recipient, 'email')[:16].lower()}"
    with locked(folder / "digest.lock", "today --mail", 0):
        if mark.exists() and mark.read_text(encoding="ascii", errors="replace").strip() == day:
            return None
        meant = Meant(
            to_name="",
            to_email=recipient,
            sender=mail.sender,
            subject=digest.subject,
            text=digest.text,
            html="",
            message_id=message_id(sid, mail.sender.email.rpartition("@")[2]),
            date=book.now(),
            headers=(("Auto-Submitted", "auto-generated"),),
        )
        data = compose(meant)
        faults = verify(data, meant)
        if faults:
            raise InvalidData(f"the digest is not as it was meant: {faults[0]}")
        back = verp(sid, mail.bounces) if mail.bounces else mail.sender.email
        try:
            # Marked before the end is handed over: a digest that is lost is better than one that comes every minute.
            return transport.send(
                back, recipient, data, sid=sid, before_dot=lambda: replace(mark, f"{day}\n".encode("ascii"))
            )
        finally:
            transport.close()
