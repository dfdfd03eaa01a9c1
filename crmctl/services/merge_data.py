"""What a template sees of one customer: plain data, made fresh for each, and nothing else."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any
from urllib.parse import quote

from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import ascii_address
from crmctl.services import merge_names
from crmctl.services.detail import details
from crmctl.services.detail import told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book


_BATCH = 256
# A mention of the customer behind which there is no name of a field, and no filter that needs no counted one.
_WHOLE = re.compile(r"customer\b(?!\.[a-z]|\s*\|\s*(?:greeting|first_name)\b)")
# A mention of the customer by which more of it can be reached than the fields that are named.
_AS_SUCH = re.compile(r"customer\b(?!\.[a-z])")
_NAME = re.compile(r"\w+")
_ALWAYS = frozenset({"language"})
"""Fields that count though no template names them."""


class MergeData:
    """Makes the data of one customer after another, for one template or campaign (``campaign`` is its record).

    ``shared`` is what stands in the data of all of them, as the same objects.
    """

    def __init__(self, book: Book, purpose: str = "", campaign: RawMap | None = None) -> None:
        self._book = book
        self._customer = book.schema.require("customer")
        self._member = book.schema.require("member")
        self._campaign = dict(campaign or {})
        self._now = int(book.now().timestamp())
        self._records: dict[tuple[str, str], RawMap | None] = {}
        self.me = self._sender()
        settings = book.settings
        self.shared: dict[str, Any] = {
            "me": self.me,
            "book": {name: getattr(settings, name) for name in merge_names.OF_BOOK},
            "campaign": self._campaign,
            "today": book.now().date().isoformat(),
            "unsubscribe": self.unsubscribe(purpose),
        }

    def unsubscribe(self, purpose: str) -> str:
        """Where someone writes to who wants no more of ``purpose``, as a mailto link; "" when nobody would read it."""
        try:
            address = ascii_address(self._book.settings.email or self.me["email"])
        except Refused:
            return ""
        # Quoted, or an address such as a?bcc=b@c.example would say more than where to write to (RFC 6068).
        return f"mailto:{quote(address, safe='@')}?subject={quote(f'unsubscribe {purpose}'.strip())}"

    def explained(self, problems: Sequence[str]) -> list[str]:
        """What a message lacks, in words; a name that no record can have is told from a value that one lacks."""
        return merge_names.explained(self._names, problems) if problems else []

    @cached_property
    def _names(self) -> merge_names.Names:
        return merge_names.names(self._book.schema)

    def of(self, handle: str) -> dict[str, Any]:
        """The data for the customer ``handle``.

        Raises:
            NotFound: there is no such customer.
        """
        return next(self.each([handle]))[1]

    def each(self, handles: Sequence[str], words: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        """(handle, data) of one customer after the other, read from the index in batches; errors as ``of``.

        ``words`` is everything that will be rendered, None when that is not known: what is not named in it, and takes
        long to find, is not looked for.
        """
        counted, named = self._counted(words), _named(words)
        has_orders, has_meetings = (words is None or name in words for name in ("last_order", "last_meeting"))
        for start in range(0, len(handles), _BATCH):
            batch = handles[start : start + _BATCH]
            orders = self._last(batch, "purchase") if has_orders else {}
            meetings = self._last(batch, "meeting") if has_meetings else {}
            for handle, one in zip(batch, self._customers(batch, counted, named), strict=True):
                yield handle, self._data(one, orders.get(handle), meetings.get(handle))

    def _counted(self, words: str | None) -> list[str]:
        """The counted fields that may be needed: those that are named, or all when the customer is used as a whole."""
        names = [field.name for field in self._customer.fields if field.derived]
        if words is None or _WHOLE.search(words):
            return names
        return [name for name in names if name in words]

    def _customers(
        self, handles: Sequence[str], counted: Sequence[str], named: frozenset[str] | None
    ) -> Iterator[dict[str, Any]]:
        """What there is of each customer; only those fields that are ``named``, unless that is None."""
        if named is None:
            for found in details(self._book, self._customer, handles, counted):
                yield {name: value for name, value in found.items() if value is not None}
            return
        stored = {field.name for field in self._customer.stored}
        for handle, data, numbers in told(self._book, self._customer, handles, counted):
            customer = {name: data[name] for name in named & data.keys() if data[name] or name not in stored}
            customer.update((name, value) for name, value in numbers.items() if value is not None)
            customer["handle"] = handle
            yield customer

    def _data(self, customer: dict[str, Any], order: str | None, meeting: str | None) -> dict[str, Any]:
        organization = customer.pop("organization", None)
        if organization:
            record = self._record(self._customer, str(organization))
            customer["organization"] = record or {"name": organization}
        data = {"customer": customer, **self.shared}
        owner = self._record(self._member, str(customer.get("owner") or ""))
        if owner:
            data["owner"] = owner
        if order:
            data["last_order"] = json.loads(order)
        if meeting:
            data["last_meeting"] = json.loads(meeting)
        return data

    def _record(self, kind: Kind, handle: str) -> RawMap | None:
        """A record that many customers have in common."""
        key = kind.name, handle
        if key not in self._records:
            self._records[key] = self._book.index.data(kind, handle) if handle else None
        return self._records[key]

    def _last(self, handles: Sequence[str], type_name: str) -> dict[str, str]:
        """The last interaction of a type that has happened by now, by customer; one that is planned does not count."""
        sql = (
            "SELECT t.customer, r.data FROM (SELECT customer, row_id, ROW_NUMBER() OVER"
            " (PARTITION BY customer ORDER BY at_time DESC, handle DESC) AS place FROM interactions"
            " WHERE type = ? AND at_time <= ? AND customer IN (SELECT value FROM json_each(?))) t"
            " JOIN interactions_raw r ON r.row_id = t.row_id WHERE t.place = 1"
        )
        return dict(self._book.index.rows(sql, (type_name, self._now, json.dumps([*handles]))))

    def _sender(self) -> dict[str, str]:
        """Whoever the message is from: the campaign's owner, else the member who runs this, else who git says it is."""
        owner = self._book.index.data(self._member, str(self._campaign.get("owner") or ""))
        name, email = self._book.repository.user()
        if owner is None and email:
            row = self._book.index.row("SELECT handle FROM members WHERE email_key = ?", (email.casefold(),))
            owner = self._book.index.data(self._member, row[0]) if row else None
        if owner is None:
            return {"name": name or self._book.settings.name, "email": email or self._book.settings.email}
        me = {key: str(owner[key]) for key in merge_names.OF_SENDER if owner.get(key)}
        return {"name": name, "email": self._book.settings.email or email, **me}


def _named(words: str | None) -> frozenset[str] | None:
    """The names in ``words``, None when a template may reach fields of the customer that it does not name."""
    if words is None or _AS_SUCH.search(words):
        return None
    return _ALWAYS.union(_NAME.findall(words))
