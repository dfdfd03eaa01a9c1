"""What a customer agreed to, per purpose: given and taken back; each with how, when, its proof, what was said.

What they were told is kept as it is when it is short, and by its hash when it is long: who has the text can show that
it was this one. A grant after a withdrawal names that, so that no merge takes the withdrawal for the newer will.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import UsageProblem
from crmctl.model.kinds import CHANNELS
from crmctl.services import records
from crmctl.services.consenting import addresses
from crmctl.services.consenting import keys
from crmctl.services.consenting import permission
from crmctl.services.consenting import suppression
from crmctl.services.consenting.keyrings import KeyMissing
from crmctl.services.consenting.suppression import New
from crmctl.services.consenting.suppression import Suppressions
from crmctl.services.consenting.suppression_entry import ALL
from crmctl.services.consenting.suppression_entry import GONE
from crmctl.services.records import Written

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Purpose
    from crmctl.services.book import Book
    from crmctl.services.consenting.suppression_entry import Entry
    from crmctl.store.transaction import Transaction

LONGEST_WORDING = 300
HASHED = "sha256:"
"""What the hash of a longer one begins with."""
_STRICT = ("withdrawn", "objected", "erased")


class Terms(NamedTuple):
    """How consent was given or taken back. No channels means all of them; ``day`` is in ISO 8601."""

    day: str
    channels: tuple[str, ...] = ()
    how: str = ""
    evidence: str = ""
    wording: str = ""
    basis: str = "consent"


def purpose_of(book: Book, name: str) -> Purpose:
    """The purpose that ``name`` is.

    Raises:
        UsageProblem: the book has none by that name.
    """
    found = book.settings.purposes.get(name.strip().lower())
    if found is None:
        from difflib import get_close_matches

        known = list(book.settings.purposes)
        near = get_close_matches(name.strip().lower(), known, 1)
        what = f"{name!r} is no purpose of this book" if name else "what for is not said: a purpose is missing"
        meant = f"Did you mean {near[0]}? " if near else ""
        raise UsageProblem(what, hint=f"{meant}Its purposes are {', '.join(known)} (crm.yaml).")
    return found


def grant(book: Book, handle: str, purpose: Purpose, terms: Terms, *, adopt: bool = False) -> Written:
    """Write down that a customer agreed.

    Raises:
        Conflict: they asked to be erased.
        UsageProblem: the terms do not say enough.
    """
    if terms.basis == "soft-opt-in" and not terms.evidence:
        hint = "Name the order: --evidence 'order 4711'"
        raise UsageProblem("a soft opt-in rests on a purchase, and none is named", hint=hint)
    if any(channel not in CHANNELS for channel in terms.channels):
        raise UsageProblem(f"channels are {', '.join(CHANNELS)}")
    with book.write(f"consent grant {handle}", adopt=adopt) as tx:
        notes = grant_in(book, tx, handle, purpose, terms)
        message = f"consent: grant {purpose.name} of {handle}"
        commit = tx.commit(message)
        return Written((handle,), message, commit, (*notes, *records.adopted(tx)))


def grant_in(book: Book, tx: Transaction, handle: str, purpose: Purpose, terms: Terms) -> list[str]:
    """The same inside of a transaction; what is worth telling."""
    kind = book.schema.require("customer")
    path = records.path_of(book, kind, handle)
    data = records.load(tx, path)
    records.save(book, tx, kind, path, with_grant(data, purpose, terms), ("consent",))
    notes = []
    if data.get("do_not_contact"):
        notes.append(f"do_not_contact still says {listed(data['do_not_contact'])}")
    return notes + _lifted(book, tx, data, purpose)


def withdraw(
    book: Book, handle: str, purpose: Purpose, terms: Terms, *, state: str = "withdrawn", adopt: bool = False
) -> Written:
    """Write down that a customer took consent back, or (``objected``) wants none of it whatever the basis."""
    with book.write(f"consent withdraw {handle}", adopt=adopt) as tx:
        data, _ = withdraw_in(book, tx, handle, [purpose], terms, state)
        notes = suppress_in(book, tx, opted_out(book, data, purpose.name, terms), book.now())
        message = f"consent: withdraw {purpose.name} of {handle}"
        commit = tx.commit(message)
        return Written((handle,), message, commit, (*notes, *records.adopted(tx)))


def withdraw_in(
    book: Book, tx: Transaction, handle: str, purposes: Iterable[Purpose], terms: Terms, state: str = "withdrawn"
) -> tuple[RawMap, bool]:
    """The same for several purposes in the transaction, but for the list of suppressions.

    The record as it was, and whether it says something else now.
    """
    kind = book.schema.require("customer")
    path = records.path_of(book, kind, handle)
    data = records.load(tx, path)
    after = data
    for purpose in purposes:
        after = with_withdrawal(after, purpose, terms, state)
    if after != data:
        records.save(book, tx, kind, path, after, ("consent",))
    return data, after != data


def opted_out(book: Book, data: RawMap, scope: str, terms: Terms) -> list[New]:
    """What has to go onto the list of suppressions when a customer takes consent back for ``scope``."""
    return [
        New(normal, "unsubscribed", scope, channel, "consent withdrawn")
        for channel in terms.channels or ("",)
        for address in (addresses.all_of(data, channel) if channel else addresses.every(data))
        if (normal := addresses.normal(address, book.context))
    ]


def suppress_in(book: Book, tx: Transaction, news: Iterable[New], at: datetime) -> list[str]:
    """Put addresses on the list of suppressions, in the transaction; what is worth telling.

    Without the book's key that cannot be done; that somebody said no is written down all the same.
    """
    try:
        ring = keys.load(book, tx)
        known = suppression.load(book)
    except KeyMissing:
        return ["the address is not on the list of suppressions, for want of the book's key: crmctl key import"]
    suppression.add(tx, known, ring, news, at)
    return []


def with_grant(data: RawMap, purpose: Purpose, terms: Terms) -> RawMap:
    """A customer's record with a grant in it.

    Raises:
        Conflict: they asked to be erased.
    """
    before = strictest(data, purpose.name)
    state = said(before, "state").casefold()
    if state == "erased":
        hint = "If they come back themselves, make a new record of it."
        raise Conflict("they asked to be erased, so nothing can be granted", hint=hint)
    entry: RawMap = {"state": "granted", "basis": terms.basis}
    channels = _channels(before) if state == "granted" else None
    if terms.channels and not (state == "granted" and not channels):
        entry["channels"] = [name for name in CHANNELS if name in {*terms.channels, *(channels or ())}]
    entry["date"] = terms.day
    entry.update(_proof(terms))
    if state == "granted":
        entry.update(_earlier_proof(before, entry, terms))
    if state in _STRICT:
        entry["follows"] = f"{state} {said(before, 'date')}".rstrip()
    elif said(before, "follows"):
        entry["follows"] = said(before, "follows")
    return _with_entry(data, purpose.name, entry)


def _earlier_proof(before: Raw, entry: RawMap, terms: Terms) -> RawMap:
    """The evidence of a new grant with what there was for other channels, which it says nothing about."""
    others = [name for name in _channels(before) or CHANNELS if name not in terms.channels] if terms.channels else []
    was = {name: said(before, name) for name in ("date", "how", "evidence", "wording")}
    evidence = said(entry, "evidence")
    if not others or not any(text for name, text in was.items() if name != "date"):
        return {}
    if all(said(entry, name) == was[name] for name in ("date", "how", "wording")) and was["evidence"].startswith(
        evidence
    ):
        return {"evidence": was["evidence"]} if was["evidence"] else {}  # It was written down before.
    channels = ", ".join(others) if _channels(before) else "all channels"
    words = ", ".join(f"{name} {text}" if name == "wording" else text for name, text in was.items() if text)
    return {"evidence": "; ".join(part for part in (evidence, f"before that for {channels}: {words}") if part)}


def with_withdrawal(data: RawMap, purpose: Purpose, terms: Terms, state: str = "withdrawn") -> RawMap:
    """A customer's record in which a consent is taken back: on some channels where others are left, else as a whole.

    What is taken back already stays as it was, with its date; an objection is stricter than a withdrawal.
    """
    before = strictest(data, purpose.name)
    was = said(before, "state").casefold()
    if was in _STRICT and _STRICT.index(was) >= _STRICT.index(state):
        return data
    if terms.channels and was == "granted" and isinstance(before, dict):
        left = [name for name in _channels(before) or CHANNELS if name not in terms.channels]
        if left:
            return _with_entry(data, purpose.name, {**before, "channels": list(left)})
    entry: RawMap = {"state": state}
    if said(before, "basis"):
        entry["basis"] = said(before, "basis")
    entry["date"] = terms.day
    if said(before, "wording"):
        entry["wording"] = said(before, "wording")
    entry.update(_proof(terms))
    return _with_entry(data, purpose.name, entry)


def strictest(data: RawMap, name: str) -> Raw:
    """What the record says of a purpose; where it says several things, the strictest; "" when it says nothing."""
    consents = data.get("consent")
    if not isinstance(consents, dict):
        return consents or ""
    found = [entry for key, entry in consents.items() if key.strip().casefold() == name.strip().casefold() and entry]
    return max(found, key=_rank, default="")


def kept(wording: str) -> str:
    """What a customer was told, as it is kept: the words, or their SHA-256 when they are long."""
    text = " ".join(wording.split())
    if len(text) <= LONGEST_WORDING:
        return text
    return f"{HASHED}{hashlib.sha256(wording.encode()).hexdigest()}"


def _rank(entry: Raw) -> int:
    state = said(entry, "state").casefold()
    return _STRICT.index(state) + 1 if state in _STRICT else 0


def _lifted(book: Book, tx: Transaction, data: RawMap, purpose: Purpose) -> list[str]:
    """Take back that the customer's addresses opted out of this purpose; in words, what stays."""
    try:
        known = suppression.load(book)
    except KeyMissing:
        return ["whether the address is suppressed cannot be told, for want of the book's key: crmctl key import"]
    entries = [entry for address in addresses.every(data) for entry in _entries(book, known, address)]
    scopes = (ALL, GONE, purpose.name.casefold())
    own = [entry for entry in entries if entry.why == "unsubscribed" and entry.scope in scopes]
    suppression.lift(tx, own, "granted", "a grant after the withdrawal", book.now())
    # Whoever wanted nothing of all, and wants this now, still wants nothing of the rest.
    rest = [one.name for one in permission.promotion(book.settings.purposes)]
    every = [entry for entry in own if entry.scope == ALL]
    news = [
        New(entry.to, entry.why, name, entry.channel, entry.source, entry.at)
        for entry in every
        for name in rest
        if name != purpose.name
    ]
    suppression.add(tx, Suppressions((), known.ring), known.ring, news, book.now())
    stay = [entry for entry in entries if entry not in own and entry.concerns(purpose, entry.channel)]
    return list(dict.fromkeys(f"an address stays suppressed: {entry.words}" for entry in stay))


def _entries(book: Book, known: Suppressions, address: str) -> list[Entry]:
    return known.of(addresses.normal(address, book.context))


def _with_entry(data: RawMap, name: str, entry: RawMap) -> RawMap:
    """The record with one entry for the purpose, under the name it had."""
    consents = data.get("consent")
    before = consents if isinstance(consents, dict) else {}
    names = [key for key in before if key.strip().casefold() == name.casefold()]
    after = {key: value for key, value in before.items() if key not in names[1:]}
    after[names[0] if names else name] = entry
    return {**data, "consent": after}


def _proof(terms: Terms) -> RawMap:
    words = {"how": terms.how, "evidence": terms.evidence, "wording": kept(terms.wording)}
    return {name: text for name, text in words.items() if text}


def _channels(entry: Raw) -> tuple[str, ...]:
    found = entry.get("channels") if isinstance(entry, dict) else None
    return tuple(permission.words_of(found)) if found else ()


def listed(value: Raw | None) -> str:
    """The words of a list, as they are shown."""
    return ", ".join(permission.words_of(value)) if value else ""


def said(entry: Raw | None, name: str) -> str:
    """One part of a consent's entry, "" where it says nothing."""
    found = entry.get(name) if isinstance(entry, dict) else None
    return found if isinstance(found, str) else ""
