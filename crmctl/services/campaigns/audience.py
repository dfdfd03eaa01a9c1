"""Who gets a campaign, and who does not and why.

Everyone in the segment is either a recipient or left out for a reason that can be told. In doubt, someone is left out.
Whether somebody may be written to at all is told by the gate in ``consenting``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import query
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import sent_address
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns.campaign import slot
from crmctl.services.consenting import addresses
from crmctl.services.consenting.gate import Gate
from crmctl.services.consenting.permission import EXPIRED
from crmctl.services.consenting.permission import NOT_YET

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Sequence
    from datetime import datetime

    from crmctl.model.raw import RawMap
    from crmctl.model.values import Context
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign


_BATCH = 500


class Recipient(NamedTuple):
    """Someone who gets the message: the customer's handle, name, address on the campaign's channel, id, and arm.

    ``later`` says why it does not go out to them before some day; "" for most.
    """

    handle: str
    name: str
    address: str
    id: str
    arm: str = ""
    later: str = ""


class LeftOut(NamedTuple):
    """Someone who does not: a stable code (``no-consent``, ``held-out`` ...) and the reason in words.

    ``id`` and ``address`` are "" where there is none.
    """

    handle: str
    name: str
    code: str
    reason: str
    id: str = ""
    address: str = ""


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
        NotFound, UsageProblem, InvalidData: there is no such campaign, or it cannot be understood.
    """
    return of(book, campaigns.read(book, campaign))


def of(book: Book, campaign: Campaign, doubt: Callable[[], str] = str) -> Plan:
    """The same of a campaign that has been read; ``doubt`` as for a ``Sieve``."""
    sieve = Sieve(book, campaign, doubt)
    result = Plan(campaign.handle, campaign.purpose.name, campaign.channel, campaign.segment, [], [])
    for handle, data in _records(book, members(book, campaign.segment)):
        sieve.sort(handle, data, result)
    return result


def _records(book: Book, handles: Sequence[str]) -> Iterator[tuple[str, RawMap | None]]:
    """(handle, record) of customers, None where there is none; read some hundreds at a time."""
    sql = (
        "SELECT t.handle, r.data FROM customers t JOIN customers_raw r ON r.row_id = t.row_id"
        " WHERE t.handle IN (SELECT value FROM json_each(?))"
    )
    for start in range(0, len(handles), _BATCH):
        batch = handles[start : start + _BATCH]
        found = dict(book.index.rows(sql, (json.dumps([*batch]),)))
        for handle in batch:
            yield handle, json.loads(found[handle]) if handle in found else None


def is_held_out(campaign_id: str, customer_id: str, percent: int) -> bool:
    """Whether a customer is in the part that gets nothing: told by a keyed hash, so the same on every machine."""
    return percent > 0 and slot(campaign_id, customer_id) < percent * 100


class Sieve:
    """Tells of one customer after the other whether they may be written to; knows which addresses were given away.

    ``doubt`` is asked why the clock is not to be relied on ("": it is), before somebody is left out because of it.

    Raises:
        CrmError: who may not be written to cannot be told: a list that cannot be read, a key that is not here.
    """

    def __init__(self, book: Book, campaign: Campaign, doubt: Callable[[], str] = str) -> None:
        self._book = book
        self._campaign = campaign
        self._doubt = doubt
        self._channel = campaign.channel
        self._context = book.context
        self._seen: dict[str, str] = {}
        self.gate = Gate(book)

    def sort(self, handle: str, data: RawMap | None, plan: Plan) -> None:
        """Put a customer, whose record is ``data`` if there is one, where they belong in a plan."""
        if data is None:
            reason = "there is no such customer, or the record cannot be read"
            plan.left_out.append(LeftOut(handle, "", "unknown", reason))
            return
        name, identity = str(data.get("name") or handle), str(data.get("id") or handle)
        address = address_of(data, self._channel, self._context)
        found, later = self.refusal(handle, data, address), ""
        if found is not None and self.is_for_now(found[0]):
            later, found = found[1], None
        found = found or self._is_second(handle, address)
        if not found and is_held_out(self._campaign.id, identity, self._campaign.holdout):
            found = "held-out", f"held out to compare with ({self._campaign.holdout} %)"
        if found:
            plan.left_out.append(LeftOut(handle, name, *found, id=identity, address=address))
        else:
            arm = self._campaign.arm_of(identity)
            plan.recipients.append(Recipient(handle, name, address, identity, arm, later))

    def is_for_now(self, code: str) -> bool:
        """Whether a refusal will be none by itself, or would be none if the clock were wrong, which nobody knows."""
        return code == NOT_YET or (code == EXPIRED and bool(self._doubt()))

    def refusal(self, handle: str, data: RawMap, address: str, now: datetime | None = None) -> tuple[str, str] | None:
        """(code, reason) why this customer may not be written to at this address now, or None."""
        now = now or self._book.now()
        found = self.gate.refusal(data, address, self._campaign.purpose, self._channel, now, handle=handle)
        if found is None or found[0] in (BAD_ADDRESS, NOT_YET, EXPIRED):
            return self._unusable(address, bad=found is not None and found[0] == BAD_ADDRESS) or found
        return found

    def _unusable(self, address: str, *, bad: bool) -> tuple[str, str] | None:
        if not address:
            return "no-address", f"has no {_WANTED[self._channel]}"
        if bad or not self._can_be_written(address):
            return BAD_ADDRESS, f"has {_ONE[self._channel]} that cannot be used: {address}"
        if self._channel == _SMS and not addresses.can_be_texted(address, self._context):
            return "landline", f"has no mobile number, and no text message reaches {address}"
        return None

    def _can_be_written(self, address: str) -> bool:
        try:
            if self._channel == "email":
                sent_address(address)
            elif self._channel == _SMS:
                from crmctl.model import phones

                phones.dialled(address, self._context.region)
        except (Refused, ValueError):
            return False
        return True

    def key(self, address: str) -> str:
        """What two addresses have in common when they are the same; empty when it is none."""
        return same(address, self._channel, self._context)

    def _is_second(self, handle: str, address: str) -> tuple[str, str] | None:
        first = self._seen.setdefault(self.key(address), handle)
        what = "number" if self._channel in _RUNG_UP else "address"
        return None if first == handle else ("duplicate-address", f"has the same {what} as {first}")


def address_of(data: RawMap, channel: str, context: Context) -> str:
    """Where a customer is written to on a channel: the first of their addresses; "" when there is none."""
    if channel == _SMS:
        return addresses.texted(data, context)
    return next(iter(addresses_of(data, channel)), "")


def addresses_of(data: RawMap, channel: str) -> list[str]:
    """Every address of a customer on a channel; the postal one begins with the name."""
    if channel not in _POSTAL:
        return addresses.all_of(data, channel)
    return [address] if (address := _postal(data)) else []


def same(address: str, channel: str, context: Context) -> str:
    """What all writings of one address on a channel have in common, to be compared and hashed; "" when it is none."""
    return address.casefold() if channel in _POSTAL else addresses.normal(address, context)


BAD_ADDRESS = "bad-address"
_SMS = "sms"
_POSTAL = ("letter", "visit")
_RUNG_UP = ("phone", "sms")
_ONE = {"email": "an address", "phone": "a number", "sms": "a number", "letter": "an address", "visit": "an address"}
_WANTED = {
    "email": "e-mail address",
    "phone": "phone number",
    "sms": "phone number",
    "letter": "postal address",
    "visit": "postal address",
}


def _postal(data: RawMap) -> str:
    """Where a letter goes; "" without a street (or a box, which is written there): a town alone is no address."""
    address = data.get("address")
    if not isinstance(address, dict) or not all(str(address.get(name) or "").strip() for name in ("street", "city")):
        return ""
    names = ("street", "postal_code", "city", "country")
    parts = [str(data.get("name") or ""), *(str(address.get(name) or "") for name in names)]
    return ", ".join(" ".join(part.split()) for part in parts if part.strip())
