"""Who gets a campaign, and who does not and why.

Everyone in the segment is either a recipient or left out for a reason that can be told. In doubt, someone is left out.
Whether somebody may be written to at all is told in ``permission``.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import query
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.model import values
from crmctl.model.kinds import CHANNELS
from crmctl.services import permission

if TYPE_CHECKING:
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Purpose
    from crmctl.services.book import Book


class Recipient(NamedTuple):
    """Someone who gets the message: the customer's handle, name, address on the campaign's channel, and id."""

    handle: str
    name: str
    address: str
    id: str


class LeftOut(NamedTuple):
    """Someone who does not: a stable code (``no-consent``, ``held-out`` ...) and the reason in words."""

    handle: str
    name: str
    code: str
    reason: str


class Plan(NamedTuple):
    """A campaign's audience. ``recipients`` and ``left_out`` together are the segment, each in order of handles."""

    campaign: str
    purpose: str
    channel: str
    segment: str
    recipients: list[Recipient]
    left_out: list[LeftOut]

    @property
    def reasons(self) -> dict[str, int]:
        """How many were left out for each reason, by code."""
        counts: dict[str, int] = {}
        for person in self.left_out:
            counts[person.code] = counts.get(person.code, 0) + 1
        return counts


def members(book: Book, segment: str) -> list[str]:
    """The handles of the customers in a segment: those that match its filter, and those it lists.

    Raises:
        NotFound, InvalidData: there is no such segment, or its filter cannot be understood.
    """
    data = book.index.data(book.schema.require("segment"), segment)
    if data is None:
        raise NotFound(f"there is no segment {segment!r}", hint="crmctl segment list")
    listed = data.get("customers") or []
    found = {str(handle) for handle in (listed if isinstance(listed, list) else [listed])}
    text = data.get("filter")
    if isinstance(text, str) and text.strip():
        try:
            where = query.compile_filter(query.parse(text), book.schema.require("customer"), book.context, book.now())
        except query.BadFilter as error:
            raise InvalidData(f"segment {segment}: {error.message}", hint=error.hint) from None
        rows = book.index.rows(f"SELECT t.handle FROM customers t WHERE {where.text}", where.params)
        found.update(row[0] for row in rows)
    return sorted(found)


def plan(book: Book, campaign: str) -> Plan:
    """The audience of a campaign as of now.

    Raises:
        UsageProblem, InvalidData: the campaign names no segment, or a purpose, channel or holdout that is none.
    """
    data = book.index.data(book.schema.require("campaign"), campaign)
    if data is None:
        raise NotFound(f"there is no campaign {campaign!r}", hint="crmctl campaign list")
    segment = str(data.get("segment") or "")
    if not segment:
        hint = f"crmctl campaign set {campaign} segment=NAME"
        raise UsageProblem(f"campaign {campaign} names no segment, so it is for nobody", hint=hint)
    purpose = book.settings.purposes.get(str(data.get("purpose") or "").lower())
    if purpose is None:
        known = ", ".join(book.settings.purposes)
        said = f"has the purpose {data['purpose']!r}, which crm.yaml does not know" if data.get("purpose") else ""
        message = f"campaign {campaign} {said or 'does not say what it is for'}"
        raise InvalidData(message, hint=f"Purposes of this book: {known}. crmctl campaign set {campaign} purpose=NAME")
    channel = str(data.get("channel") or "email").lower()
    if channel not in CHANNELS:
        hint = f"Channels are {', '.join(CHANNELS)}."
        raise InvalidData(f"campaign {campaign} goes by {channel!r}, which is no channel", hint=hint)
    share = _share(campaign, data.get("holdout") or "")
    sieve = _Sieve(book, purpose, channel, str(data.get("id") or campaign), share)
    result = Plan(campaign, purpose.name, channel, segment, [], [])
    for handle in members(book, segment):
        sieve.sort(handle, result)
    return result


def _share(campaign: str, raw: Raw) -> int:
    text = str(raw).strip().removesuffix("%").rstrip()
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= 100):
        message = f"campaign {campaign} holds out {str(raw)!r}, which is no whole percent from 0 to 100"
        raise InvalidData(message, hint=f"crmctl campaign set {campaign} holdout=10")
    return int(text)


def is_held_out(campaign_id: str, customer_id: str, percent: int) -> bool:
    """Whether a customer is in the part that gets nothing: told by a keyed hash, so the same on every machine."""
    digest = hmac.new(campaign_id.encode(), customer_id.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") % 10_000 < percent * 100


class _Sieve:
    """Puts one customer after the other where they belong; knows which addresses were given away."""

    def __init__(self, book: Book, purpose: Purpose, channel: str, campaign_id: str, holdout: int) -> None:
        self._book = book
        self._kind = book.schema.require("customer")
        self._purpose = purpose
        self._channel = channel
        self._campaign_id = campaign_id
        self._holdout = holdout
        self._seen: dict[str, str] = {}
        self._closed = self._closed_addresses()

    def sort(self, handle: str, plan: Plan) -> None:
        data = self._book.index.data(self._kind, handle)
        if data is None:
            reason = "there is no such customer, or the record cannot be read"
            plan.left_out.append(LeftOut(handle, "", "unknown", reason))
            return
        name, identity = str(data.get("name") or handle), str(data.get("id") or handle)
        address = self._address(data)
        found = self._may_not(handle, data) or self._cannot(handle, address)
        if not found and is_held_out(self._campaign_id, identity, self._holdout):
            found = "held-out", f"held out to compare with ({self._holdout} %)"
        if found:
            plan.left_out.append(LeftOut(handle, name, *found))
        else:
            plan.recipients.append(Recipient(handle, name, address, identity))

    def _may_not(self, handle: str, data: RawMap) -> tuple[str, str] | None:
        found = permission.refusal(data, self._purpose, self._channel)
        if found is None and permission.needs_purchase(data, self._purpose):
            row = self._book.index.row("SELECT orders FROM customers WHERE handle = ?", (handle,))
            if not row or not row[0]:
                return "no-basis", "never bought anything, and did not agree"
        return found

    def _cannot(self, handle: str, address: str) -> tuple[str, str] | None:
        if not address:
            return "no-address", f"has no {_WANTED[self._channel]}"
        key = self._key(address)
        if not key:
            return "bad-address", f"has an address that cannot be used: {address}"
        if key in self._closed:
            return "suppressed", f"has the same address as {self._closed[key]}"
        first = self._seen.setdefault(key, handle)
        return None if first == handle else ("duplicate-address", f"has the same address as {first}")

    def _address(self, data: RawMap) -> str:
        if self._channel in _POSTAL:
            return _postal(data)
        return next(iter(self._all_addresses(data)), "")

    def _all_addresses(self, data: RawMap) -> list[str]:
        value = data.get("emails" if self._channel == "email" else "phones") or []
        items = value if isinstance(value, list) else [value]
        return [item.strip() for item in items if isinstance(item, str) and item.strip()]

    def _key(self, address: str) -> str:
        """What two addresses have in common when they are the same; empty when it is none."""
        if self._channel in _POSTAL:
            return address.casefold()
        if self._channel == "email":
            from crmctl.mail.addresses import Refused
            from crmctl.mail.addresses import ascii_address

            try:
                return ascii_address(address).casefold()
            except Refused:
                return ""
        field = self._kind.field("phones")
        assert field is not None
        try:
            return str(values.normal(field, address, self._book.context))
        except ValueError:
            return ""

    def _closed_addresses(self) -> dict[str, str]:
        """The addresses of everybody who took consent back or wants no contact, with who that is and why.

        One mailbox, two records: whoever asked to be left alone must not be written to under the other one either.
        """
        if self._channel in _POSTAL:
            return {}
        closed: dict[str, str] = {}
        for handle, data in permission.suspects(self._book):
            found = permission.refusal(data, self._purpose, self._channel)
            if found and found[0] in permission.LASTING:
                for address in self._all_addresses(data):
                    closed.setdefault(self._key(address), f"{handle}: {found[1]}")
        closed.pop("", None)
        return closed


_POSTAL = ("letter", "visit")
_WANTED = {
    "email": "e-mail address",
    "phone": "phone number",
    "sms": "phone number",
    "letter": "postal address",
    "visit": "postal address",
}


def _postal(data: RawMap) -> str:
    address = data.get("address")
    if not isinstance(address, dict) or not address.get("city"):
        return ""
    names = ("street", "postal_code", "city", "country")
    parts = [str(data.get("name") or ""), *(str(address.get(name) or "") for name in names)]
    return ", ".join(" ".join(part.split()) for part in parts if part.strip())
