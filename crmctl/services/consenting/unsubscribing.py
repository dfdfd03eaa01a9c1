"""Honouring at once that somebody wants no more: by the token of a message, or for an address.

The consent is withdrawn in the customer's record, and the address goes onto the list of suppressions: one commit, and
none when it was done before. A request that is older than what they agreed to since is no news.
"""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import UsageProblem
from crmctl.mail import tokens
from crmctl.services.consenting import addresses
from crmctl.services.consenting import consents
from crmctl.services.consenting import identity as identities
from crmctl.services.consenting import keys
from crmctl.services.consenting import permission
from crmctl.services.consenting import sends
from crmctl.services.consenting import suppression
from crmctl.services.consenting.suppression import New
from crmctl.services.consenting.suppression_entry import ALL
from crmctl.services.records import Written
from crmctl.services.records import adopted

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence
    from datetime import datetime

    from crmctl.mail.ledger.states import Row
    from crmctl.model.settings import Purpose
    from crmctl.services.book import Book
    from crmctl.services.consenting.keyrings import Ring
    from crmctl.store.transaction import Transaction

HONOURED, BEFORE, REFUSED = "honoured", "before", "refused"


class Refused(UsageProblem):
    """A token that is forged, cut, another book's, or about nobody this book knows."""


class Asked(NamedTuple):
    """A request: its token, when it was made, and where it came from in words (``mail``, ``access.log:17``)."""

    token: str
    at: datetime
    source: str


class Answer(NamedTuple):
    """What became of a request: ``honoured``, ``before`` (nothing was left to do) or ``refused``, and why."""

    asked: Asked
    state: str
    handle: str = ""
    scope: str = ""
    why: str = ""


class _Whom(NamedTuple):
    """Who it is about: a customer ("" when there is none any more), the hash of an address, and what of."""

    handle: str
    to: str
    scope: str


def honour_all(book: Book, asked: Sequence[Asked]) -> tuple[Written, list[Answer]]:
    """Honour many requests in one commit; what became of each.

    Raises:
        KeyMissing, InvalidData: the list of suppressions cannot be used.
    """
    finder = _Finder(book, keys.existing(book))
    found = [(one, finder.whom(one)) for one in asked]
    if all(isinstance(whom, str) for _, whom in found):
        return Written((), "unsub: nobody", ""), [Answer(one, REFUSED, why=str(whom)) for one, whom in found]
    written, answers = _written(book, lambda done: [done.take(one, whom) for one, whom in found])
    notes = _counted(book, finder, answers)
    return written._replace(notes=(*written.notes, *notes)), answers


def honour_address(book: Book, address: str, source: str, at: datetime, *, scope: str = ALL) -> Written:
    """The same for an address, whoever has it; it is suppressed also when it is nobody's.

    Raises:
        UsageProblem: it is no address.
    """
    normal = addresses.typed(address, book.context)
    handles = holders(book, normal)
    whom = [*(_Whom(handle, "", scope) for handle in handles), _Whom("", normal, scope)]
    asked = Asked("", at, source)
    return _written(book, lambda done: [done.take(asked, one) for one in whom])[0]


def _written(book: Book, work: Callable[[_Done], list[Answer]]) -> tuple[Written, list[Answer]]:
    """One commit of everything that ``work`` does; where a record cannot be written, at least of the list.

    Whoever said no is honoured at once, also while somebody has changes in hand that are not committed.
    """
    try:
        return _once(book, work, with_records=True)
    except Conflict:
        return _once(book, work, with_records=False)


def _once(book: Book, work: Callable[[_Done], list[Answer]], *, with_records: bool) -> tuple[Written, list[Answer]]:
    with book.write("unsub") as tx:
        done = _Done(book, tx, keys.load(book, tx), with_records=with_records)
        answers = work(done)
        return done.written(book.now()), answers


def holders(book: Book, normal: str) -> list[str]:
    """The customers that have an address, given as ``addresses.normal`` has it."""
    table = "customers_emails" if "@" in normal else "customers_phones"
    sql = f"SELECT t.handle, c.value FROM customers t JOIN {table} c ON c.owner = t.row_id ORDER BY 1"
    rows = book.index.rows(sql)
    return list(dict.fromkeys(str(handle) for handle, value in rows if addresses.normal(value, book.context) == normal))


class _Done:
    """The requests of one transaction."""

    def __init__(self, book: Book, tx: Transaction, ring: Ring, *, with_records: bool) -> None:
        self._book = book
        self._tx = tx
        self._ring = ring
        self._with_records = with_records
        self._notes: dict[str, None] = {}
        self._known = suppression.load(book)
        self._handles: dict[str, None] = {}
        self._fresh: dict[tuple[str, str], New] = {}

    def take(self, asked: Asked, whom: _Whom | str) -> Answer:
        """Do what one request asks for; words for ``whom`` say why it is refused."""
        if isinstance(whom, str):
            return Answer(asked, REFUSED, why=whom)
        purposes = _purposes(self._book, whom.scope)
        scope = whom.scope if whom.scope == ALL else purposes[0].name
        day = asked.at.astimezone(self._book.settings.zone).date().isoformat()
        terms = consents.Terms(day, how="unsubscribed", evidence=asked.source)
        changed, scopes = False, [scope]
        news: list[New] = []
        if whom.handle:
            data = self._book.index.data(self._book.schema.require("customer"), whom.handle) or {}
            today = self._book.now().date().isoformat()
            wanted = [one for one in purposes if not permission.agreed_since(data, one, day, today)]
            if len(wanted) < len(purposes):
                scopes = [one.name for one in wanted]
            changed = self._withdraw(whom.handle, wanted, terms)
            news = [new for name in scopes for new in consents.opted_out(self._book, data, name, terms)]
        if whom.to:
            news += [New(whom.to, "unsubscribed", name) for name in scopes]
        listed = self._list(news, asked)
        if not changed and not listed:
            return Answer(asked, BEFORE, whom.handle, scope, "" if scopes else "agreed again since")
        self._handles[whom.handle] = None
        return Answer(asked, HONOURED, whom.handle, scope)

    def _withdraw(self, handle: str, purposes: list[Purpose], terms: consents.Terms) -> bool:
        """Whether the customer's record says it now and did not before; it may not be writable."""
        why = "it has changes by hand that are not committed"
        if self._with_records:
            try:
                return consents.withdraw_in(self._book, self._tx, handle, purposes, terms)[1]
            except CrmError as error:
                why = error.message
        self._notes[f"{handle}: only the address is on the list, the record is as it was ({why})"] = None
        return False

    def written(self, now: datetime) -> Written:
        """The commit of it all."""
        suppression.add(self._tx, self._known, self._ring, self._fresh.values(), now)
        handles = tuple(handle for handle in self._handles if handle)
        who = handles[0] if len(handles) == 1 else f"{len(handles)} customers" if handles else "an address"
        message = f"unsub: {who}"
        commit = self._tx.commit(message)
        return Written(handles, message, commit, (*self._notes, *adopted(self._tx)))

    def _list(self, news: list[New], asked: Asked) -> bool:
        """Whether any of it is not on the list of suppressions yet."""
        at = suppression.stamp(asked.at)
        dated = [new._replace(source=asked.source, at=at) for new in news]
        wanted = {(new.address, new.scope): new for new in dated if not self._known.covers(new)}
        fresh = {key: new for key, new in wanted.items() if key not in self._fresh}
        self._fresh.update(fresh)
        return bool(fresh)


def _purposes(book: Book, scope: str) -> list[Purpose]:
    """What a scope means: one purpose, or all that are promotion."""
    if scope != ALL:
        return [consents.purpose_of(book, scope)]
    return permission.promotion(book.settings.purposes)


def _counted(book: Book, finder: _Finder, answers: Sequence[Answer]) -> tuple[str, ...]:
    """Have the ledger know which messages people opted out by, for the campaigns' results; what is worth telling."""
    from crmctl.services.ingest import sends as inbox

    facts = [
        inbox.Fact("unsub", inbox.Send(row.sid, row.camp, row.cust, row.to, row.at), _digest(answer.asked.token), {})
        for answer in answers
        if answer.state == HONOURED and (row := finder.row(answer.asked)) is not None and row.state in inbox.OURS
    ]
    try:
        return inbox.tell(book, facts).notes
    except CrmError as error:
        return (f"not counted for campaigns: {error.message}",)


def _digest(token: str) -> str:
    return sha256(token.lower().encode()).hexdigest()[:32]


class _Finder:
    """Tells whom a token is about."""

    def __init__(self, book: Book, ring: Ring) -> None:
        self._book = book
        self._ring = ring

    def whom(self, asked: Asked) -> _Whom | str:
        """Whom a request is about; or why it is refused."""
        found = self._ring.read(asked.token, self._book.settings.purposes)
        if found is None or found[0].use != tokens.UNSUBSCRIBE:
            return "the token is forged, cut, or another book's"
        subject, scope = found[0].subject, found[1] or ALL
        handle = self._handle(subject)
        if handle:
            return _Whom(handle, "", scope)
        row = self._sends.get(subject)
        if row is not None:
            return _Whom(self._handle(row.cust), row.to, scope)
        handle = self._guessed.get(subject, "")
        return _Whom(handle, "", scope) if handle else "the token is about nobody whom this book knows"

    def row(self, asked: Asked) -> Row | None:
        """What the ledgers know of the message that the token of a request stood in."""
        found = self._ring.read(asked.token, ())
        return self._sends.get(found[0].subject) if found is not None else None

    def _handle(self, identity: str) -> str:
        found = identities.handles_of(self._book, identity) if identity else []
        return found[0] if found else ""

    @cached_property
    def _sends(self) -> dict[str, Row]:
        """The ledgers' rows by send id; none when no ledger can be read: then the id tells who it was."""
        try:
            return sends.rows(self._book)
        except CrmError:
            return {}

    @cached_property
    def _guessed(self) -> dict[str, str]:
        return identities.by_send(self._book)
