"""Sending the question of a double opt-in: as from the settings, signed, and not twice within a day from one clone."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.mail.identifiers import send_id
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import read
from crmctl.mail.ledger.durable import replace
from crmctl.mail.message.compose import Sender
from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import UNKNOWN
from crmctl.services.mailing.host import mail_state
from crmctl.services.mailing.single import Writer
from crmctl.services.mailing.single import hand_over
from crmctl.services.merge_data import MergeData
from crmctl.store.lock import locked

if TYPE_CHECKING:
    from crmctl.mail.transport.outcomes import Outcome
    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.book import Book
    from crmctl.services.consenting.requests import Asking
    from crmctl.services.mailing.config import MailServer
    from crmctl.services.mailing.single import Note

AGAIN = timedelta(days=1)
"""How long after a question has gone out the same one does not go out again."""


class Sent(NamedTuple):
    """What became of it: ``outcome``, or None when it was handed over at ``before`` already, and was not again."""

    outcome: Outcome | None
    before: datetime | None = None


def writer(book: Book, mail: MailServer | None) -> Writer:
    """Who asks: ``from`` of the settings, else whoever a campaign would be from.

    Raises:
        InvalidData: nobody can be named; or messages are to be signed, and the key cannot be used.
        CrmError: the library that signs is missing.
    """
    sender = mail.sender if mail is not None else None
    if sender is None:
        me = MergeData(book).me
        sender = Sender(me.get("name", ""), me.get("email", ""))
    if not sender.email:
        hint = "Set from: Ada <ada@example.com> in config.yaml, `email:` in crm.yaml, or git's user.email."
        raise InvalidData("nobody can be named as the sender", hint=hint)
    return Writer(sender, mail)


def note(book: Book, asking: Asking, by: Writer) -> Note:
    """The mail; its Message-ID is told from the question, so that it is one mail however often it is made.

    Raises:
        Refused: an address cannot be used, or something in it cannot stand in a message.
        InvalidData: what came of it is not what was meant, or cannot be signed.
    """
    sid = send_id("consent request", asking.question.id, "email")
    return by.note(asking.address, sid, asking.words, book.now())


def send(book: Book, made: Note, transport: Transport) -> Sent:
    """Send it, unless this clone has handed it over within a day.

    Raises:
        Locked: another process is at it.
        CrmError: the server cannot be reached, or an address cannot be used.
    """
    folder = mail_state(book) / "asked"
    make_folder(folder)
    mark = folder / made.sid.lower()
    now = book.now()
    with locked(folder / "lock", "consent request --send", 0):
        before = _moment(read(mark))
        if before is not None and abs(now - before) < AGAIN:
            return Sent(None, before)
        # Marked before the end is handed over: when the answer is lost, it is not asked twice.
        outcome = hand_over(made, transport, lambda: replace(mark, now.isoformat().encode("ascii")))
        if outcome.state not in (ACCEPTED, UNKNOWN):
            mark.unlink(missing_ok=True)
    return Sent(outcome)


def _moment(data: bytes) -> datetime | None:
    try:
        found = datetime.fromisoformat(data.decode("ascii"))
    except ValueError:
        return None
    return found if found.tzinfo else None
