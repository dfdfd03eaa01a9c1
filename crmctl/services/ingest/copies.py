"""Two entries of one message: what two clones filed from copies that differ, before either knew of the other.

The id of an entry is decided by what it says, so joining two clones never asks which of two texts is right. Where the
copies differ (a mailing list writes its name and its footer into them), both come together, and the next run of ingest
in either clone takes the same one away.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services import lines
from crmctl.services import records
from crmctl.services.ingest import known

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.store.transaction import Transaction

_MAY_DIFFER = frozenset({"id", "at", "text", "type", "outcome", "campaign", "external"})
"""What the copies of one message may differ in. Anything else was written by a person, and keeps its entry."""

_WANTED = (
    "SELECT i.customer, x.value, r.data FROM interactions_external x "
    "JOIN interactions i ON i.row_id = x.owner JOIN interactions_raw r ON r.row_id = x.owner "
    "WHERE x.key = 'message-id' AND (i.customer, x.value) IN ("
    "SELECT j.customer, y.value FROM interactions_external y JOIN interactions j ON j.row_id = y.owner "
    "WHERE y.key = 'message-id' GROUP BY j.customer, y.value HAVING COUNT(*) > 1) ORDER BY 1, 2"
)


class Copy(NamedTuple):
    """An entry (by its id) in a customer's history that says what another one says, too."""

    customer: str
    entry: str


def find(book: Book) -> list[Copy]:
    """The entries that are to go; the same ones in every clone."""
    groups: dict[tuple[str, str], list[RawMap]] = {}
    for customer, message, data in book.index.rows(_WANTED):
        groups.setdefault((str(customer), str(message)), []).append(json.loads(str(data)))
    return [Copy(customer, name) for (customer, _), group in groups.items() for name in _superfluous(group)]


def take_out(book: Book, tx: Transaction, copies: Iterable[Copy]) -> None:
    """Take copies out of the histories; one that has changed or gone meanwhile is left alone."""
    by_customer: dict[str, list[str]] = {}
    for copy in copies:
        by_customer.setdefault(copy.customer, []).append(copy.entry)
    for customer, names in by_customer.items():
        path = records.interactions_path(book, customer)
        file = lines.open_file(book, tx, path)
        there = {str(data.get("id")) for data in file.all()}
        for name in (name for name in names if name in there):
            file.remove(name)
        tx.put(path, file.content())


def _superfluous(group: list[RawMap]) -> list[str]:
    """The ids of those that say no more than one that stays; the best is looked at first."""
    kept: list[RawMap] = []
    gone = []
    for data in sorted(group, key=_rank):
        if any(_is_copy(data, other) for other in kept):
            gone.append(str(data.get("id", "")))
        else:
            kept.append(data)
    return [name for name in gone if name]


def _rank(data: RawMap) -> tuple[bool, bool, int, str]:
    """The words of a person come before a note, what is known to answer us before the rest, and then the shorter."""
    external = data.get("external")
    answers = isinstance(external, dict) and "send" in external
    return data.get("type") != "email", not answers, len(str(data.get("text", ""))), str(data.get("id", ""))


def _is_copy(data: RawMap, other: RawMap) -> bool:
    if any(data.get(name) != other.get(name) for name in {*data, *other} - _MAY_DIFFER):
        return False
    if data.get("outcome") and data.get("outcome") not in (other.get("outcome"), "mailing list"):
        return False
    mine, its = (str(one.get("text", "")) for one in (data, other))
    return data.get("at") == other.get("at") and known.are_related(mine, its)
