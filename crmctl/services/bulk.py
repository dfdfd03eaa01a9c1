"""The same fields set in many records: first what would become of each, then one commit for all, or none."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import query
from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.errors import UsageProblem
from crmctl.model import entry
from crmctl.model import validate
from crmctl.services import consequences
from crmctl.services import lines
from crmctl.services import records
from crmctl.services.past.history import differences
from crmctl.services.records import Written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.records import Assignment
    from crmctl.store.transaction import Transaction

_BAD_VALUE = "bad-value"


class Changed(NamedTuple):
    """What becomes of one record: in words, and the names of its fields that change. Nothing, where it is so already.

    ``notes`` are the dates that were worked out.
    """

    handle: str
    words: tuple[str, ...]
    fields: tuple[str, ...]
    notes: tuple[str, ...] = ()


def matching(book: Book, kind: Kind, filters: Sequence[str]) -> list[str]:
    """The handles of the records that match every filter.

    Raises:
        query.BadFilter: a filter cannot be understood.
        UsageProblem: one is empty: that is a slip, and all records would match.
    """
    if not all(one.strip() for one in filters):
        raise UsageProblem("a filter is empty", hint=f"To mean all of them, say a field that all have: {kind.title}:*")
    where = query.compile_filter(query.parse_all(filters), kind, book.context, book.now())
    sql = f"SELECT t.handle FROM {kind.plural} t WHERE {where.text} ORDER BY t.handle"
    return [str(handle) for (handle,) in book.index.rows(sql, where.params)]


def looked_at(book: Book, kind: Kind, handles: Sequence[str], assignments: Sequence[Assignment]) -> list[Changed]:
    """What would become of each record; nothing is written.

    Raises:
        UsageProblem: a field or a value is none.
        InvalidData: some would not be valid; all problems are in it.
    """
    found: list[Changed] = []
    problems: list[Problem] = []
    for handle in handles:
        path = "" if kind.storage == "jsonl" else records.path_of(book, kind, handle)
        try:
            one, after = _changed(book, kind, handle, book.index.data(kind, handle) or {}, assignments)
        except InvalidData as error:
            problems.append(_problem(path or f"{kind.name} {handle}", error))
        else:
            found.append(one)
            problems += _wrong(book, kind, path, one, after) if path and one.fields else ()
    alike = {(problem.code, problem.message) for problem in problems}
    if len(problems) == len(handles) and [code for code, _ in alike] == [_BAD_VALUE]:
        raise InvalidData(problems[0].message, hint=problems[0].hint)  # The value is none for anybody.
    if problems:
        raise _refused(problems)
    return found


def change(
    book: Book, kind: Kind, handles: Sequence[str], assignments: Sequence[Assignment], *, adopt: bool = False
) -> Written:
    """Set fields of all these records, as one commit.

    Raises:
        UsageProblem: a field or a value is none.
        InvalidData: some would not be valid; all problems are in it, and nothing is written.
        NotFound, Conflict: one is gone, or is edited by hand in the same field; nothing is written.
    """
    with book.write(f"{kind.name} set, {len(handles)} records", adopt=adopt) as tx:
        put = _put_lines if kind.storage == "jsonl" else _put_records
        changed: list[Changed] = []
        problems: list[Problem] = []
        for one in put(book, tx, kind, handles, assignments):
            if isinstance(one, InvalidData):
                problems += one.problems
            elif one.fields:
                changed.append(one)
        if problems:
            raise _refused(problems)
        names = dict.fromkeys(name for one in changed for name in one.fields)
        message = f"{kind.name}: set {len(changed):,} {kind.plural if len(changed) != 1 else kind.name}"
        message = " ".join([message, *names])
        commit = tx.commit(message)
        notes = dict.fromkeys(note for one in changed for note in one.notes)
        return Written(tuple(one.handle for one in changed), message, commit, (*notes, *records.adopted(tx)))


def _wrong(book: Book, kind: Kind, path: str, one: Changed, after: RawMap) -> Iterator[Problem]:
    """What would be wrong with a record, as it is asked when it is written."""
    for finding in validate.check_record(kind, after, book.context, one.fields):
        if finding.code != "unknown-field":
            yield Problem(path, 0, 0, finding.code, finding.message, finding.hint)


def _problem(where: str, error: InvalidData) -> Problem:
    return Problem(where, 0, 0, _BAD_VALUE, error.message, error.hint)


def _refused(problems: Sequence[Problem]) -> InvalidData:
    number = len({problem.path for problem in problems})
    return InvalidData(f"{number:,} of these would not be valid; nothing was written", problems=problems)


def _changed(
    book: Book, kind: Kind, handle: str, before: RawMap, assignments: Sequence[Assignment]
) -> tuple[Changed, RawMap]:
    after, notes = before, []
    # A currency decides how many decimals an amount may have, so it is set first.
    for assignment in sorted(assignments, key=lambda one: not one.name.endswith("currency")):
        with contextlib.suppress(entry.NotInList):  # Who does not have it stays without it.
            after, more = records.assign_all(book, kind, after, [assignment])
            notes += more
    if kind.storage != "jsonl":
        after = consequences.follow(book, kind, before, after)
    names = tuple(name for name in {**before, **after} if before.get(name) != after.get(name))
    return Changed(handle, tuple(differences(kind.stored, before, after)), names, tuple(notes)), after


def _put_records(
    book: Book, tx: Transaction, kind: Kind, handles: Sequence[str], assignments: Sequence[Assignment]
) -> Iterator[Changed | InvalidData]:
    for handle in handles:
        path = records.path_of(book, kind, handle)
        one, after = _changed(book, kind, handle, records.load(tx, path), assignments)
        try:
            if one.fields:
                records.save(book, tx, kind, path, after, one.fields)
        except InvalidData as error:
            yield error
        else:
            yield one


def _put_lines(
    book: Book, tx: Transaction, kind: Kind, handles: Sequence[str], assignments: Sequence[Assignment]
) -> Iterator[Changed | InvalidData]:
    by_file: dict[str, list[str]] = {}
    for handle in handles:
        identity, _, path = lines.locate(book, kind, handle)
        by_file.setdefault(path, []).append(identity)
    for path, identities in by_file.items():
        file = lines.open_file(book, tx, path)
        for identity in identities:
            one, after = _changed(book, kind, identity, lines.line(file, identity, path), assignments)
            try:
                if one.fields:
                    file.replace(identity, lines.checked(book, kind, after, path))
            except InvalidData as error:
                yield error
            else:
                yield one
        tx.put(path, file.content())
