"""What was done, in the book: the enrolment's log, a line in the customer's history, the ledger's lines in a tracked
file. All in one commit, so that a crash in between neither doubles nor loses one."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.ledger import spool
from crmctl.model import ids
from crmctl.services import lines
from crmctl.services import records
from crmctl.services.consenting import refusals
from crmctl.services.consenting.sends import MIRRORS
from crmctl.services.following import drafts
from crmctl.services.following import enrolling
from crmctl.services.following import enrolments

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence as Many

    from crmctl.mail.ledger.states import Row
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.following.enrolments import Enrolment
    from crmctl.services.following.enrolments import Sequence
    from crmctl.store.transaction import Transaction

PIECE = 4000
"""Lines in one tracked file."""


class Gone(NamedTuple):
    """A step that went out: its enrolment, its number, and its row in the ledger. ``by_hand``: somebody has to post
    it, or to type it."""

    enrolment: Enrolment
    number: int
    row: Row
    by_hand: bool = False

    @property
    def is_mail(self) -> bool:
        """Whether it was an e-mail; of a ledger that was adopted nobody knows it any other way."""
        return self.row.ch in ("", enrolments.EMAIL)


class Head(NamedTuple):
    """What is told of a message: its Message-ID and its subject."""

    message_id: str = ""
    subject: str = ""


def sent(book: Book, desk: Desk, sequence: Sequence, gone: Many[Gone]) -> str:
    """Tell the book of steps that went out; the commit.

    Raises:
        CrmError: the book cannot be written now; the next run finds in the ledger what is missing here.
    """
    heads = {one.row.sid: _head(desk, one.row.sid) if one.is_mail else Head() for one in gone}
    with book.write(f"followup run {sequence.handle}") as tx:
        mirror(book, tx, desk, sequence)
        for one in gone:
            head = heads[one.row.sid]
            at = _moment(book, one.row.at)
            if one.by_hand:
                ref = task(book, tx, one.enrolment, one.number, at)
                took(book, tx, one.enrolment, one.number, one.row.ch, ref, at)
            else:
                took(book, tx, one.enrolment, one.number, enrolments.SENT, head.message_id, at, head.subject)
            _history(book, tx, sequence, one, head, at)
        commit = tx.commit(f"sequence: {sequence.handle}, {len(gone)} sent") if tx.paths else ""
    book.refresh()
    for one in gone:
        drafts.remove(book, one.enrolment.handle, one.number)
        spool.remove(desk.spool, one.row.sid)
    return commit


def took(
    book: Book,
    tx: Transaction,
    enrolment: Enrolment,
    number: int,
    what: str,
    ref: str,
    at: datetime,
    subject: str = "",
) -> None:
    """Put into a transaction that a step was taken; after the last one the enrolment is finished.

    What stands in the file already is not told again.
    """
    path = records.path_of(book, book.schema.require("enrolment"), enrolment.handle)
    data = records.load(tx, path)
    log = [item for item in _items(data.get("log")) if isinstance(item, dict)]
    if str(number) in {str(item.get("step")) for item in log}:
        return
    entry = {"step": str(number), "at": at.isoformat(), "what": what, "ref": ref, "subject": subject}
    fields: RawMap = {"log": [*log, {name: value for name, value in entry.items() if value}]}
    if number >= len(enrolment.steps) and data.get("state", enrolments.ACTIVE) == enrolments.ACTIVE:
        fields |= {"state": enrolments.FINISHED, "reason": f"{enrolments.FINISHED}: all steps were taken"}
    enrolling.put(book, tx, enrolment, fields)


def _items(raw: object) -> list[RawMap]:
    return list(raw) if isinstance(raw, list) else []


def _head(desk: Desk, sid: str) -> Head:
    """Message-ID and subject of a message in the spool; empty when it is not there any more."""
    from email.header import decode_header
    from email.header import make_header
    from email.parser import BytesHeaderParser

    try:
        found = BytesHeaderParser().parsebytes((desk.spool / f"{sid}.eml").read_bytes())
        subject = " ".join(str(make_header(decode_header(str(found["Subject"] or "")))).split())
    except (OSError, ValueError, LookupError):
        return Head()
    return Head(str(found["Message-ID"] or "").strip(), subject)


def _moment(book: Book, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return book.now()
    return moment.astimezone(book.settings.zone).replace(microsecond=0)


def _history(book: Book, tx: Transaction, sequence: Sequence, one: Gone, head: Head, at: datetime) -> None:
    """A line in the history of whoever got it; its id is told from the send's."""
    digest = sha256(f"send|{one.row.sid}".encode()).digest()[:10]
    data: RawMap = {
        "id": ids.encode_ulid(int(at.timestamp() * 1000) << 80 | int.from_bytes(digest, "big")),
        "at": at.isoformat(),
        "type": "email" if one.is_mail else "letter" if one.row.ch == "letter" else "message",
        "direction": "out",
        "text": head.subject or one.enrolment.steps[one.number - 1].what,
        "source": "sequence",
        "external": {"send": one.row.sid, "sequence": sequence.handle},
    }
    path = records.interactions_path(book, one.enrolment.customer)
    file = lines.open_file(book, tx, path)
    new = lines.checked(book, book.schema.require("interaction"), data, path)
    if new["id"] not in {known.get("id") for known in file.all()}:
        file.add(new)
        tx.put(path, file.content())


def mirror(book: Book, tx: Transaction, desk: Desk, sequence: Sequence) -> None:
    """Put this machine's lines about the sequence into a tracked file; no campaign has a handle that begins so.

    Addresses that do not exist, by what is told there for the first time, are closed.
    """
    raws = list(desk.ledger.lines(sequence.id))
    told: list[bytes] = []
    for piece in range(0, len(raws), PIECE):
        number = piece // PIECE
        name = desk.host if not number else f"{desk.host}-{number + 1}"
        path = f"{MIRRORS}/_{sequence.handle}/{name}.jsonl"
        data = b"".join(raws[piece : piece + PIECE])
        before = tx.read(path)
        told += (before or b"").splitlines()
        if before != data:
            tx.put(path, data)
    refusals.close(book, tx, told, raws, desk.rows(sequence.id))


def task(book: Book, tx: Transaction, enrolment: Enrolment, number: int, at: datetime, notes: str = "") -> str:
    """Put a follow-up for one step into a transaction; its handle, the same in every clone."""
    step = enrolment.steps[number - 1]
    kind = book.schema.require("followup")
    identity = ids.id_from(f"step {enrolment.id} {number}")
    handle = f"s-{identity[-16:].lower()}"
    words = {"phone": "Call: ", "visit": "Visit: ", "letter": "Post a letter: ", "sms": "Send an SMS: "}
    data: RawMap = {
        "id": identity,
        "what": words.get(step.channel, "") + step.what,
        "due": at.astimezone(book.settings.zone).date().isoformat(),
        "customer": enrolment.customer,
        "sequence": enrolment.sequence,
        "step": str(number),
        "enrolment": enrolment.handle,
        "owner": enrolment.owner or _owner(book, enrolment.customer),
        "notes": notes,
    }
    path = records.path_of(book, kind, handle)
    if tx.read(path) is None:
        records.save(book, tx, kind, path, {name: value for name, value in data.items() if value})
    return handle


def _owner(book: Book, customer: str) -> str:
    row = book.index.row("SELECT owner FROM customers WHERE handle = ?", (customer,))
    return str(row[0]) if row and row[0] else ""


def cancel(desk: Desk, sequence_id: str, rows: Iterable[Row]) -> None:
    """Have the ledger know that mails which only waited will not go out."""
    open_ = ("planned", "rendered", "claimed", "deferred")
    events: list[tuple[str, str, str, dict[str, str | int]]] = [
        ("cancel", row.sid, sequence_id, {"why": "stopped"}) for row in rows if row.state in open_
    ]
    desk.ledger.append_many(events)
