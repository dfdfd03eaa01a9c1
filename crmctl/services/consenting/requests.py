"""Double opt-in: ask by mail whether somebody really agreed, and take their answer for the consent.

The question stands in the customer's history (an interaction ``consent``, direction out, that names the purpose and
what they were told); nothing is granted by it. The answer brings back a token that only that mail held: then the
consent is written down, with both interactions for its proof. An unanswered question ends by itself.

The mail is no advertising: the question, what it is about, who asks, and that silence is a no.
"""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.mail import tokens
from crmctl.model import ids
from crmctl.services import lines
from crmctl.services import records
from crmctl.services.consenting import addresses
from crmctl.services.consenting import consents
from crmctl.services.consenting import keys
from crmctl.services.consenting import permission
from crmctl.services.consenting import question
from crmctl.services.consenting import suppression
from crmctl.services.consenting.question import Asked
from crmctl.services.consenting.suppression_entry import ALL
from crmctl.services.consenting.suppression_entry import GONE
from crmctl.services.consenting.unsubscribing import Refused
from crmctl.services.records import Written

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Purpose
    from crmctl.services.book import Book
    from crmctl.services.consenting.keyrings import Ring
    from crmctl.services.mailing.single import Words
    from crmctl.store.transaction import Transaction

VALID_DAYS = 14
MARK = "double-opt-in"
"""The name under ``external`` by which such an interaction is known; its value is the purpose."""
_WORDING = "consent-wording"
_BACK = "Who comes back by another way is written down with it: crmctl consent grant, with --evidence"
_FIND = """
SELECT i.handle, i.customer, i.at, x.value FROM interactions i
JOIN interactions_external x ON x.owner = i.row_id AND x.key = ? WHERE i.type = 'consent' AND i.direction = 'out'
"""


class Request(NamedTuple):
    """A question: its interaction's id, whom, what for, when, until when it can be answered, what they were told."""

    id: str
    customer: str
    purpose: str
    at: datetime
    until: datetime
    wording: str


class Asking(NamedTuple):
    """What was written, and the mail to send: of which question, to whom, its words, and the token in its subject."""

    written: Written
    question: Request
    address: str
    words: Words
    token: str


def request(book: Book, handle: str, purpose: Purpose, wording: str = "", *, adopt: bool = False) -> Asking:
    """Ask a customer by e-mail whether they agree. A question that is open is not asked again: it is the same mail.

    Raises:
        Conflict: they may not be written to at all, or have agreed already.
        UsageProblem: they have no e-mail address, or an open question had other words.
        InvalidData: the template of the book that asks cannot be used.
    """
    data = book.index.data(book.schema.require("customer"), handle) or {}
    address = _address(book, data, purpose)
    told = wording or purpose.help or purpose.name
    now = book.now()
    open_one = next((one for one in requests(book, handle, purpose) if one.until > now), None)
    with book.write(f"consent request {handle}", adopt=adopt) as tx:
        ring = keys.load(book, tx)
        message = f"consent: ask {handle} about {purpose.name}"
        if open_one is None:
            identity = ids.new_id()
            line: RawMap = {
                "id": identity,
                "at": now.isoformat(),
                "type": "consent",
                "direction": "out",
                "text": f"asked by e-mail to confirm {purpose.name}",
                "external": {MARK: purpose.name, _WORDING: consents.kept(told)},
            }
            lines.put(book, tx, handle, [line])
            kept, until = consents.kept(told), now + timedelta(VALID_DAYS)
            open_one = Request(identity, handle, purpose.name, now, until, kept)
        token = ring.token(open_one.id, purpose.name, use=tokens.CONFIRM)
        asked = Asked(purpose.name, _told(open_one, told), open_one.until.date())
        words = question.words(book, handle, data, asked, token)
        commit = tx.commit(message)
        written = Written((handle,), message, commit, tuple(records.adopted(tx)))
    return Asking(written, open_one, address, words, token)


def _told(found: Request, told: str) -> str:
    """What a question says; of a long wording only the hash is kept, so it has to be said again."""
    if consents.kept(told) == found.wording:
        return told
    if found.wording.startswith(consents.HASHED):
        message = f"they were asked on {found.at:%Y-%m-%d}, in other words"
        raise UsageProblem(message, hint="The same --wording asks again.")
    return found.wording


def confirm(book: Book, text: str, source: str, at: datetime) -> Written:
    """Take the answer to a question; nothing changes when it was taken before.

    Raises:
        Refused: the token is forged, cut, another book's, too old, or they took consent back since.
    """
    with book.write("consent confirm") as tx:
        handle, message, notes = confirm_in(book, tx, text, source, at)
        commit = tx.commit(message)
        return Written((handle,), message, commit, tuple(notes) if commit else ())


def confirm_in(book: Book, tx: Transaction, text: str, source: str, at: datetime) -> tuple[str, str, list[str]]:
    """The same inside of a transaction: the customer, what was done in words, and what else is worth telling.

    Raises:
        Refused: as ``confirm``; nothing is changed then.
    """
    found = _asked(book, keys.existing(book), text)
    purpose = consents.purpose_of(book, found.purpose)
    if at >= found.until:
        message = f"the question was open until {found.until:%Y-%m-%d}"
        raise Refused(message, hint=f"crmctl consent request {found.customer} --purpose {purpose.name}")
    kind = book.schema.require("customer")
    data = records.load(tx, records.path_of(book, kind, found.customer))
    message = f"consent: {found.customer} confirmed {purpose.name}"
    if _is_of(consents.strictest(data, purpose.name), found):
        return found.customer, message, []
    if _taken_back(book, data, purpose, found):
        raise Refused("they took consent back after that question", hint="Ask again: crmctl consent request")
    from crmctl.services.ingest.entries import same_id

    answer: RawMap = {
        "id": same_id(at, "confirm", found.id),  # The same in every clone that reads the same answer.
        "at": at.isoformat(),
        "type": "consent",
        "direction": "in",
        "text": f"confirmed {purpose.name} by e-mail",
        "source": source,
    }
    (line,) = lines.put(book, tx, found.customer, [answer])
    evidence = f"interactions {found.id} and {line['id']}"
    day = at.astimezone(book.settings.zone).date().isoformat()
    terms = consents.Terms(day, ("email",), "double opt-in by e-mail", evidence, found.wording)
    return found.customer, message, consents.grant_in(book, tx, found.customer, purpose, terms)


def requests(book: Book, handle: str, purpose: Purpose) -> list[Request]:
    """The questions that a customer was asked about a purpose, the newest first."""
    rows = book.index.rows(f"{_FIND} AND i.customer = ? ORDER BY i.at_time DESC", (MARK, handle))
    found = [_request(book, *map(str, row)) for row in rows]
    return [one for one in found if one.purpose.casefold() == purpose.name.casefold()]


def pending(book: Book, handle: str, purpose: Purpose) -> Request | None:
    """The question that waits for its answer, None when there is none."""
    data = book.index.data(book.schema.require("customer"), handle) or {}
    entry = consents.strictest(data, purpose.name)
    now = book.now()
    return next((one for one in requests(book, handle, purpose) if one.until > now and not _is_of(entry, one)), None)


def _request(book: Book, identity: str, customer: str, at: str, purpose: str) -> Request:
    data = book.index.data(book.schema.require("interaction"), identity) or {}
    external = data.get("external")
    wording = external.get(_WORDING, "") if isinstance(external, dict) else ""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise InvalidData(f"interaction {identity} has no moment") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=book.settings.zone)
    return Request(identity, customer, purpose, moment, moment + timedelta(VALID_DAYS), str(wording))


def _asked(book: Book, ring: Ring, text: str) -> Request:
    read = ring.read(text, book.settings.purposes)
    if read is None or read[0].use != tokens.CONFIRM:
        raise Refused("the token is forged, cut, or another book's", hint="It is in the subject of the mail, whole.")
    token, scope = read
    row = book.index.row(f"{_FIND} AND i.handle = ?", (MARK, token.subject))
    if row is None or str(row[3]).casefold() != scope:
        raise Refused("the token is about a question that this book knows nothing of", hint="crmctl sync")
    return _request(book, *map(str, row))


def _address(book: Book, data: RawMap, purpose: Purpose) -> str:
    """The address to ask at; whoever took consent back may be asked, because they want to come back."""
    address = next(iter(addresses.all_of(data, "email")), "")
    if not address:
        raise UsageProblem("they have no e-mail address to ask at", hint="crmctl consent grant, with --evidence")
    if refused := _never(data, purpose):
        raise Conflict(f"they may not be asked: {refused}", hint=_BACK)
    entry = consents.strictest(data, purpose.name)
    if (
        isinstance(entry, dict)
        and entry.get("state") == "granted"
        and permission.refusal(data, purpose, "email") is None
    ):
        raise Conflict(f"they agreed to {purpose.name} already", hint="crmctl consent show tells when and how.")
    normal = addresses.normal(address, book.context)
    for entry_ in suppression.load(book).of(normal):
        one_no = entry_.why == "unsubscribed" and entry_.scope not in (ALL, GONE)
        if entry_.channel in ("", "email") and not one_no:
            raise Conflict(f"they may not be asked: {entry_.words}", hint=_BACK)
    for other, theirs in permission.suspects(book):
        refused = _never(theirs, purpose)
        if refused and normal in (addresses.normal(one, book.context) for one in addresses.all_of(theirs, "email")):
            raise Conflict(f"they may not be asked: {other} has the same address: {refused}", hint=_BACK)
    return address


def _never(data: RawMap, purpose: Purpose) -> str:
    """Why somebody may not even be asked, "" when they may."""
    refused = permission.refusal(data, purpose._replace(basis="contract"), "email")
    return refused[1] if refused and refused[0] in ("suppressed", "erased", "objected") else ""


def _is_of(entry: object, found: Request) -> bool:
    """Whether a consent was given by the answer to this question."""
    return isinstance(entry, dict) and entry.get("state") == "granted" and found.id in str(entry.get("evidence"))


def _taken_back(book: Book, data: RawMap, purpose: Purpose, found: Request) -> bool:
    """Whether consent was taken back after the question, by the day in the record or the moment in the list."""
    entry = consents.strictest(data, purpose.name)
    asked = found.at.astimezone(book.settings.zone).date().isoformat()
    state = str(entry.get("state", "")) if isinstance(entry, dict) else ""
    if state in ("objected", "erased"):
        return True
    if state == "withdrawn" and isinstance(entry, dict) and str(entry.get("date") or "9999") > asked:
        return True
    known = suppression.load(book)
    listed = [one for address in addresses.every(data) for one in known.of(addresses.normal(address, book.context))]
    return any(_later(one.at, found.at) for one in listed if one.concerns(purpose, one.channel))


def _later(at: str, moment: datetime) -> bool:
    try:
        return datetime.fromisoformat(at) > moment
    except (ValueError, TypeError):
        return True
