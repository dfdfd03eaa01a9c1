"""Taking in records from a file: plan it, have it agreed to, and make it one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import Protocol
from typing import TypeVar

from crmctl.errors import Conflict
from crmctl.render.text import safe
from crmctl.services import lines
from crmctl.services import records
from crmctl.services.importing import index
from crmctl.services.importing.rows import plan as make_plan
from crmctl.services.records import Written
from crmctl.store import jsonl
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.services.book import Book
    from crmctl.services.importing.plan import Change
    from crmctl.services.importing.plan import Line
    from crmctl.services.importing.plan import Plan
    from crmctl.services.importing.plan import Request
    from crmctl.services.importing.source import Source
    from crmctl.store.transaction import Transaction

T = TypeVar("T")


class Watch(Protocol):
    """Shows how far a step is: hands on what it is given, and counts."""

    def __call__(self, what: str, items: Iterable[T], total: int, /) -> Iterable[T]:
        """``items``, of which there are about ``total``; ``what`` is being done with them."""
        ...


def unwatched(_what: str, items: Iterable[T], _total: int) -> Iterable[T]:
    """A ``Watch`` that shows nothing."""
    return items


def plan(book: Book, source: Source, request: Request, watch: Watch = unwatched) -> Plan:
    """What the import would do; see ``import_rows.plan``."""
    return make_plan(book, source, request, lambda rows: watch("Reading", rows, source.lines))


def carry_out(
    book: Book, source: Source, request: Request, planned: Plan, watch: Watch = unwatched, *, adopt: bool = False
) -> Written:
    """Do what was planned, as one commit.

    Should the book have moved on since the plan was made, the plan is made again under the lock; it is followed when
    its counts are those that were agreed to.

    Raises:
        Conflict: they are not, or files that would change are being edited by hand.
    """
    if not planned.new and not planned.changed:
        return Written((), subject(planned, source), "")
    with book.write(f"import {source.name}", adopt=adopt) as tx:
        if not _stands(book, tx, planned):
            book.refresh()
            again = plan(book, source, request, watch)
            if again.counts != planned.counts or not _stands(book, tx, again):
                hint = "Nothing was imported. Run the command again to see what it would do now."
                raise Conflict("the book was changed meanwhile, and the import would do something else now", hint=hint)
            planned = again
        files = _put(book, tx, planned, watch)
        tx.watch = lambda paths: watch("Writing", paths, len(files))
        message = subject(planned, source)
        return Written((), message, _commit(book, tx, files, f"{message}\n\n{body(planned, source)}"))


def _commit(book: Book, tx: Transaction, files: Mapping[str, bytes], message: str) -> str:
    feed = index.start(book, book.probe.result().head, files)
    commit = ""
    try:
        commit = tx.commit(message)
    finally:
        if feed is not None:
            feed.finish(commit)
    return commit


def subject(planned: Plan, source: Source) -> str:
    """The line by which git and we tell what an import did."""
    count = planned.new + planned.changed
    kind = planned.kind.name if count == 1 else planned.kind.plural
    parts = [f"{number} {what}" for number, what in ((planned.new, "new"), (planned.changed, "changed")) if number]
    return f"import: {count} {kind} from {safe(source.name)} ({', '.join(parts) or 'nothing new'})"


def body(planned: Plan, source: Source) -> str:
    """What else stands in the commit message: all counts, and which file it was."""
    new, changed, same, rejected = planned.counts
    counts = f"new: {new}\nchanged: {changed}\nsame: {same}\nrejected: {rejected}"
    key = f"\nkey: {planned.key}" if planned.key else ""
    return f"{counts}{key}\nsha256: {source.sha256}"


def _stands(book: Book, tx: Transaction, planned: Plan) -> bool:
    """Whether the files to be written are as they were when the plan was made, and HEAD too."""
    blob_id = book.repository.blob_id
    if book.repository.head() != book.probe.result().head:
        return False
    known: dict[str, str] = dict(book.index.rows("SELECT path, oid FROM files"))
    for path in _paths(book, planned):
        data, oid = tx.read(path), known.get(path, "")
        if data is None:
            if oid:
                return False
        elif oid != blob_id(data) and oid != blob_id(data.replace(b"\r\n", b"\n")):
            return False
    return True


def _paths(book: Book, planned: Plan) -> list[str]:
    customers = dict.fromkeys((*planned.lines, *planned.line_changes))
    where = _histories(book)
    return [*planned.files, *planned.changes, *(where(customer) for customer in customers)]


def _histories(book: Book) -> Callable[[str], str]:
    """Where the interactions of a customer stand, or would be put; one query for all customers."""
    known: dict[str, str] = dict(book.index.rows("SELECT handle, path FROM files WHERE kind = 'interaction'"))
    kind, sharded = book.schema.require("interaction"), book.sharded
    return lambda customer: known.get(customer) or layout.path_of(kind, customer, sharded=sharded)


def _put(book: Book, tx: Transaction, planned: Plan, watch: Watch) -> dict[str, bytes]:
    """Put all that is to be written into the transaction; the files."""
    files = dict(planned.files)
    changes = list(planned.changes.items())
    for path, change in watch("Changing", changes, len(changes)) if changes else ():
        records.save(book, tx, planned.kind, path, change.after, change.names)
        files[path] = tx.read(path) or b""
    customers: dict[str, Any] = dict.fromkeys((*planned.lines, *planned.line_changes))
    where, order = _histories(book), lines.time_order(book.context.zone)
    for customer in customers:
        path = where(customer)
        before = tx.read(path) or b""
        added, replaced = planned.lines.get(customer, ()), planned.line_changes.get(customer, {})
        files[path] = _history(book, before, path, added, replaced, order)
        jsonl.check_size(len(files[path]), path)
    for path, content in files.items():
        tx.put(path, content)
    return files


def _history(
    book: Book,
    before: bytes,
    path: str,
    added: Sequence[Line],
    replaced: Mapping[str, Change],
    order: Callable[[Mapping[str, Any]], tuple[float, str]],
) -> bytes:
    """A customer's interactions with new and changed ones in their places; the other lines are the bytes they were."""
    from crmctl.errors import InvalidData
    from crmctl.model import entry

    if not before:
        return b"".join(line.content for line in sorted(added))
    kept, problems = jsonl.read_lines(before, path)
    if problems:
        message = f"{problems[0]}; nothing is written to a history that cannot be read"
        raise InvalidData(message, hint=problems[0].hint, problems=problems)
    kind = book.schema.require("interaction")
    every = [(line.order, line.content) for line in added]
    for line in kept:
        change = replaced.get(str(line.value.get("id", "")))
        content = line.raw + b"\n" if change is None else jsonl.write_new_line(entry.ordered(kind, change.after))
        every.append((order(line.value if change is None else change.after), content))
    every.sort(key=lambda pair: pair[0])
    return b"".join(content for _, content in every)
