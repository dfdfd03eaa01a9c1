"""What happened with a customer: write it down, with the follow-up it calls for, and read it back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.model import money

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.following.followups import Promise
    from crmctl.services.records import Assignment
    from crmctl.services.records import Written

WORDLESS = frozenset({"purchase", "payment"})
"""Interactions whose figures say enough: nobody is asked for a text."""


class Line(NamedTuple):
    """One line of a purchase as typed: a product, how many ("" is one), the price of one ("" is the product's own)."""

    product: str
    quantity: str = ""
    price: str = ""


def parse_line(text: str) -> Line:
    """``PRODUCT[*QUANTITY][@PRICE]`` in its parts.

    Raises:
        UsageProblem: a part is empty.
    """
    rest, at, price = text.partition("@")
    product, star, quantity = rest.partition("*")
    line = Line(product.strip(), quantity.strip(), price.strip())
    if not line.product or (at and not line.price) or (star and not line.quantity):
        raise UsageProblem(
            f"{text!r} is not a line of a purchase", hint="Write it as PRODUCT, PRODUCT*3 or PRODUCT*3@9.90"
        )
    return line


def interaction_type(book: Book, word: str) -> str:
    """The interaction type that ``word`` is.

    Raises:
        UsageProblem: it is none of this book's, with the nearest one.
    """
    field = book.schema.require("interaction").field("type")
    assert field is not None
    if word.lower() in field.choices:
        return word.lower()
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), field.choices, 1)
    hint = f"Did you mean {near[0]}?" if near else f"It is one of {', '.join(field.choices)}."
    raise UsageProblem(f"{word!r} is not a type of interaction", hint=hint)


def log(
    book: Book,
    customer: str,
    type_: str,
    text: str = "",
    *,
    at: str = "",
    assignments: Sequence[Assignment] = (),
    bought: Sequence[Line] = (),
    promise: Promise | None = None,
    adopt: bool = False,
) -> Written:
    """Write down one interaction with ``customer`` (a handle), and its follow-up if there is one, as one commit.

    ``at`` are date words that lean to the past, now when empty. ``assignments`` set further fields. Without an amount
    among them, that of a purchase is the sum of what was ``bought``. The handles written come back in this order:
    interaction, follow-up.

    Raises:
        UsageProblem, InvalidData, NotFound, Ambiguous: something given does not fit.
    """
    from crmctl.services import lines
    from crmctl.services import records

    data: RawMap = {"at": _moment(book, at), "type": interaction_type(book, type_)}
    data, notes = _told(book, data, text, assignments, bought)
    notes = [*_echo(book, str(data.get("at", "")), at), *_strangers(book, customer, data), *notes]
    with book.write(f"log {customer}", adopt=adopt) as tx:
        written = lines.put(book, tx, customer, [data])[0]
        handles = [str(written["id"])]
        message = f"log: {written['type']} with {customer}"
        if promise is not None:
            from crmctl.services.following import followups

            handle, note = followups.put(book, tx, promise, customer, written)
            handles.append(handle)
            message += f", followup {handle}"
            notes.append(note)
        commit = tx.commit(message)
        notes += records.adopted(tx)
    return records.Written(tuple(handles), message, commit, tuple(notes))


def _told(
    book: Book, data: RawMap, text: str, assignments: Sequence[Assignment], bought: Sequence[Line]
) -> tuple[RawMap, list[str]]:
    """The interaction with all that was told of it, and what is worth saying about that."""
    if text.strip():
        data["text"] = text.replace("\r\n", "\n").strip()
    data, notes = _assigned(book, data, assignments)
    if bought:
        _add_lines(book, data, bought)
    return data, notes


def _assigned(book: Book, data: RawMap, assignments: Sequence[Assignment]) -> tuple[RawMap, list[str]]:
    """``data`` with further fields, and who it is by where nobody said; what is worth telling."""
    from crmctl.services import records

    named = {assignment.name for assignment in assignments}
    writer = [records.Assignment("by", member)] if "by" not in named and (member := author(book)) else []
    return records.assign_all(book, book.schema.require("interaction"), data, [*writer, *assignments])


def author(book: Book) -> str:
    """The member of the team whom git would name as author, by e-mail address; "" when there is none."""
    if book.index.row("SELECT 1 FROM members WHERE email_key IS NOT NULL LIMIT 1") is None:
        return ""
    from crmctl.vcs.run import attempt

    done = attempt(book.places.top, "var", "GIT_AUTHOR_IDENT")
    email = done.stdout.decode("utf-8", "replace").rpartition(">")[0].rpartition("<")[2].strip().casefold()
    found = book.index.rows("SELECT handle FROM members WHERE email_key = ? AND ended IS NULL LIMIT 2", (email,))
    return str(found[0][0]) if email and len(found) == 1 else ""


def _moment(book: Book, words: str) -> str:
    """When it happened, RFC 3339 with the offset of the book's time zone."""
    now = book.now()
    if not words.strip():
        return now.isoformat()
    from crmctl.model.when import parse_moment

    return parse_moment(words, now, "past").astimezone(book.context.zone).replace(microsecond=0).isoformat()


def _echo(book: Book, at: str, typed: str) -> list[str]:
    """The moment, when it was worked out from words; nothing that lies ahead can have happened."""
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return []  # The checks before writing say what is wrong with it.
    if moment > book.now():
        raise UsageProblem(
            f"{moment:%a %Y-%m-%d %H:%M} lies ahead, and log is for what happened",
            hint="What is still to come is a follow-up: crmctl followup add WHAT --customer REF --due WHEN",
        )
    return [f"at {moment:%a %Y-%m-%d %H:%M}"] if typed.strip() not in ("", at) else []


def _strangers(book: Book, customer: str, data: RawMap) -> list[str]:
    """A word about a deal or case that is another customer's: it may be right, between a person and their firm."""
    notes = []
    for name in ("deal", "case"):
        handle = data.get(name)
        row = book.index.row(f"SELECT customer FROM {name}s WHERE handle = ?", (handle,)) if handle else None
        if row is not None and row[0] and row[0] != customer:
            notes.append(f"{name} {handle} is with {row[0]}")
    return notes


def _add_lines(book: Book, data: RawMap, bought: Sequence[Line]) -> None:
    """Put the lines of a purchase into ``data``, and their sum unless an amount is there."""
    priced = [_priced(book, line, str(data.get("currency") or "")) for line in bought]
    currencies = {currency for _, _, _, currency in priced if currency}
    if len(currencies) > 1:
        hint = "Say a price for each (PRODUCT*2@9.90) and --currency."
        raise UsageProblem(f"the products are priced in {' and '.join(sorted(currencies))}", hint=hint)
    currency = str(data.get("currency") or "") or next(iter(currencies), book.settings.currency)
    entries: list[Any] = []
    for line, quantity, price, _ in priced:
        shown = {"quantity": f"{quantity:f}"} if line.quantity else {}
        entries.append({"product": line.product, **shown, "price": money.amount_text(price, currency)})
    data["lines"] = entries
    if not data.get("amount"):
        data["amount"] = _in_full(sum(quantity * price for _, quantity, price, _ in priced), currency)
    if currency != book.settings.currency:
        data["currency"] = currency


def _in_full(amount: Decimal | int, currency: str) -> str:
    """An amount rounded (half up) to the decimals its currency has."""
    from decimal import ROUND_HALF_UP
    from decimal import Decimal

    places = Decimal(1).scaleb(-money.exponent(currency))
    return f"{Decimal(amount).quantize(places, ROUND_HALF_UP):f}"


def _priced(book: Book, line: Line, currency: str) -> tuple[Line, Decimal, Decimal, str]:
    """A line with its quantity, its price, and the currency that follows from a product's own price ("" if typed)."""
    from decimal import Decimal

    try:
        quantity = money.read_amount(line.quantity or "1")
        if line.price:
            return line, quantity, money.read_amount(line.price), ""
    except ValueError as exc:
        raise InvalidData(f"line {line.product}: {exc}", hint="Write it as PRODUCT*3@9.90") from None
    row = book.index.row("SELECT price_minor, currency FROM products WHERE handle = ?", (line.product,))
    if row is None or row[0] is None:
        raise UsageProblem(f"product {line.product} has no price", hint=f"Say one: --line {line.product}@9.90")
    own = str(row[1] or book.settings.currency)
    if currency and own != currency:
        hint = f"Say the price in {currency}: --line {line.product}@9.90"
        raise UsageProblem(f"product {line.product} is priced in {own}, not {currency}", hint=hint)
    return line, quantity, Decimal(money.from_minor(row[0], own)), own


class Event(NamedTuple):
    """One interaction of a history: ``at`` as written, ``local`` the moment in the book's zone (None if it is none)."""

    id: str
    at: str
    local: datetime | None
    type: str
    direction: str | None
    by: str | None
    text: str | None
    outcome: str | None
    minutes: int | None
    amount: str | None
    currency: str | None
    deal: str | None
    case: str | None
    campaign: str | None
    lines: list[dict[str, str]]

    @property
    def gist(self) -> str:
        """What is said about it: the text, else what was bought, else how it ended."""
        bought = ", ".join(
            (line.get("text") or line.get("product") or "")
            + (f" × {line['quantity']}" if line.get("quantity", "1") != "1" else "")
            for line in self.lines
        )
        return self.text or bought or self.outcome or ""


def timeline(
    book: Book, customer: str, filters: Sequence[str] = (), *, limit: int = 0, oldest_first: bool = False
) -> list[Event]:
    """The newest ``limit`` (0 is all) interactions of ``customer`` (a handle) that match the filters, newest first.

    Raises:
        BadFilter: a filter cannot be understood.
    """
    import json
    from datetime import datetime

    where, params = _condition(book, filters) if filters else ("1", ())
    sql = (
        'SELECT t.handle, t.at, t.at_time, t.type, t.direction, t."by", t.outcome, t.minutes, t.amount_minor, '
        't.currency, t.deal, t."case", t.campaign, r.data '
        "FROM interactions t JOIN interactions_raw r ON r.row_id = t.row_id "
        f"WHERE t.customer = ? AND {where} ORDER BY t.at_time DESC, t.handle DESC LIMIT ?"
    )
    zone = book.context.zone
    events = []
    for row in book.index.rows(sql, (customer, *params, limit or -1)):
        handle, at, time, type_, direction, by, outcome, minutes, minor, currency, deal, case, campaign, data = row
        local = None if time is None else datetime.fromtimestamp(time, zone)
        raw = json.loads(data)
        amount = None if minor is None else money.from_minor(minor, currency)
        text = raw.get("text")
        text = text if isinstance(text, str) else None  # Another shape is a problem for `check`, not for readers.
        events.append(
            Event(
                *(handle, at or "", local, type_ or "", direction, by, text, outcome, minutes, amount),
                *(currency if amount else None, deal, case, campaign, list(_maps(raw.get("lines")))),
            )
        )
    return events[::-1] if oldest_first else events


def _condition(book: Book, filters: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
    from crmctl import query

    kind = book.schema.require("interaction")
    return query.compile_filter(query.parse_all(filters), kind, book.context, book.now())


def _maps(value: object) -> Iterable[dict[str, str]]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield {name: text for name, text in item.items() if isinstance(text, str)}
