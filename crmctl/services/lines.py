"""Interactions as records: log one, change one, remove one. They are lines in the file of their customer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import Problem
from crmctl.model import entry
from crmctl.model import ids
from crmctl.model import validate
from crmctl.services import records
from crmctl.services import refs
from crmctl.services.records import Written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence
    from datetime import tzinfo

    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.records import Assignment
    from crmctl.store.interactions import InteractionFile
    from crmctl.store.transaction import Transaction


def time_order(zone: tzinfo) -> Any:
    """The key by which interactions stand in their file: the moment, then the id; what has no time comes first."""
    from datetime import datetime

    def key(value: Mapping[str, Any]) -> tuple[float, str]:
        try:
            moment = datetime.fromisoformat(str(value.get("at", "")))
        except ValueError:
            return 0.0, str(value.get("id", ""))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.timestamp(), str(value.get("id", ""))

    return key


def open_file(book: Book, tx: Transaction, path: str) -> InteractionFile:
    """The interactions at ``path``, for changing."""
    from crmctl.store.interactions import InteractionFile

    return InteractionFile(tx.read(path) or b"", path, time_order(book.context.zone))


def checked(book: Book, kind: Kind, data: RawMap, path: str) -> RawMap:
    """An interaction that is valid, has an id, and stands in canonical order.

    Raises:
        InvalidData: it is not valid.
    """
    findings = [
        finding for finding in validate.check_record(kind, data, book.context) if finding.code != "unknown-field"
    ]
    if findings:
        problems = [Problem(path, 0, 0, finding.code, finding.message, finding.hint) for finding in findings]
        raise InvalidData(findings[0].message, hint=findings[0].hint, problems=problems)
    return entry.ordered(kind, data if data.get("id") else {**data, "id": ids.new_id()})


def put(book: Book, tx: Transaction, customer: str, interactions: Sequence[RawMap]) -> list[RawMap]:
    """Add interactions of one customer to the transaction; as they were written."""
    kind = book.schema.require("interaction")
    path = records.interactions_path(book, customer)
    file = open_file(book, tx, path)
    written = [checked(book, kind, interaction, path) for interaction in interactions]
    file.add_many(written)
    tx.put(path, file.content())
    return written


def change(book: Book, kind: Kind, ref: str, assignments: Sequence[Assignment], *, adopt: bool = False) -> Written:
    """Set fields of one interaction."""
    handle, customer, path = locate(book, kind, ref)
    with book.write(f"interaction set {handle}", adopt=adopt) as tx:
        file = open_file(book, tx, path)
        before = line(file, handle, path)
        after, notes = records.assign_all(book, kind, before, assignments)
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        if names:
            file.replace(handle, checked(book, kind, after, path))
        tx.put(path, file.content())
        message = f"interaction: set {handle[-8:].lower()} of {customer} {' '.join(names)}".rstrip()
        commit = tx.commit(message)
        return Written((handle,), message, commit, (*notes, *records.adopted(tx)))


def remove(book: Book, kind: Kind, ref: str, *, adopt: bool = False) -> Written:
    """Take one interaction away."""
    handle, customer, path = locate(book, kind, ref)
    with book.write(f"interaction rm {handle}", adopt=adopt) as tx:
        file = open_file(book, tx, path)
        line(file, handle, path)
        file.remove(handle)
        content = file.content()
        if content:
            tx.put(path, content)
        else:
            tx.remove(path)
        message = f"interaction: remove {handle[-8:].lower()} of {customer}"
        commit = tx.commit(message)
        return Written((handle,), message, commit, tuple(records.adopted(tx)))


def locate(book: Book, kind: Kind, ref: str) -> tuple[str, str, str]:
    """(id, customer, path of the file) of the interaction that ``ref`` means."""
    handle = refs.find(book, kind, ref)
    row = book.index.row("SELECT customer, path FROM interactions WHERE handle = ?", (handle,))
    assert row is not None
    if "#" in handle:
        hint = "crmctl fmt gives every line an id."
        raise NotFound(f"interaction {handle} has no id to find it by", hint=hint)
    return handle, str(row[0]), str(row[1])


def line(file: InteractionFile, handle: str, path: str) -> RawMap:
    """The interaction called ``handle`` in the file at ``path``.

    Raises:
        NotFound: somebody removed it just now.
    """
    for data in file.all():
        if data.get("id") == handle:
            return data
    raise NotFound(f"{path} has no interaction {handle} any more")
