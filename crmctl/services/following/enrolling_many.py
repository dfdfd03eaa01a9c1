"""Putting many people into a sequence at once: first who may be enrolled and who not, then one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import query
from crmctl.errors import CrmError
from crmctl.services.campaigns import audience
from crmctl.services.following import enrolling
from crmctl.services.following import enrolments
from crmctl.services.following.facts import Facts
from crmctl.services.records import Written

if TYPE_CHECKING:
    from collections.abc import Sequence as Many

    from crmctl.services.book import Book
    from crmctl.services.following.enrolments import Enrolment
    from crmctl.services.following.enrolments import Sequence

ENROLL, IN, REFUSED = "enroll", "in", "refused"


class Candidate(NamedTuple):
    """Somebody who is to be enrolled: ``what`` is done (ENROLL), or why nothing is (IN: they are in it already), and
    the reason in words. ``number``: which of their enrolments in this sequence it would be."""

    customer: str
    what: str
    reason: str = ""
    number: int = 1


def wanted(book: Book, handles: Many[str], segment: str, filters: Many[str]) -> list[str]:
    """The customers who are named, those of a segment, and those that match every filter; each once.

    Raises:
        NotFound, InvalidData: there is no such segment, or its filter cannot be understood.
        query.BadFilter: a filter cannot be.
    """
    found = [*handles, *(audience.members(book, segment) if segment else ())]
    if filters:
        where = query.compile_filter(
            query.parse_all(filters), book.schema.require("customer"), book.context, book.now()
        )
        sql = f"SELECT t.handle FROM customers t WHERE {where.text} ORDER BY t.handle"
        found += [str(handle) for (handle,) in book.index.rows(sql, where.params)]
    return list(dict.fromkeys(found))


def considered(book: Book, sequence: str, customers: Many[str], *, again: bool = False) -> list[Candidate]:
    """What would be done about each of these; nothing is written.

    Raises:
        NotFound, UsageProblem, InvalidData: nobody can be enrolled in this sequence.
    """
    found = enrolling.require(book, sequence)
    before: dict[str, list[Enrolment]] = {}
    for one in enrolments.every(book, sequence=sequence):
        before.setdefault(one.customer, []).append(one)
    known = Facts(book, book.now())
    return [_considered(book, found, who, before.get(who, []), known, again=again) for who in customers]


def _considered(
    book: Book, found: Sequence, customer: str, before: list[Enrolment], known: Facts, *, again: bool
) -> Candidate:
    if any(one.state == enrolments.ACTIVE for one in before):
        return Candidate(customer, IN, "is in it already")
    try:
        enrolling.refuse(book, found, customer, before, known, again=again)
    except CrmError as error:
        return Candidate(customer, REFUSED, error.message.removeprefix(f"{customer} "))
    return Candidate(customer, ENROLL, number=len(before) + 1)


def enroll(book: Book, sequence: str, candidates: Many[Candidate], *, again: bool = False) -> Written:
    """Enroll those of ``candidates`` who can be, as one commit.

    Much may have happened since they were ``considered`` (a person was asked): who cannot be any more is left out.

    Raises:
        CrmError: one of them cannot be put; nothing is written.
    """
    book.refresh()
    found = enrolling.require(book, sequence)
    asked = [one.customer for one in candidates if one.what == ENROLL]
    considered_now = considered(book, sequence, asked, again=again)
    chosen = [one for one in considered_now if one.what == ENROLL]
    left = _left_out([one for one in considered_now if one.what != ENROLL])
    message = f"sequence: enroll {len(chosen)} in {sequence}"
    if not chosen:
        return Written((), message, "", left)
    with book.write(f"sequence enroll {sequence}") as tx:
        clone = enrolling.pin(book, tx, found)
        handles = [enrolling.put_new(book, tx, found, one.customer, one.number) for one in chosen]
        commit = tx.commit(message)
    book.refresh()
    return Written(tuple(handles), message, commit, (*enrolling.sender_note(found, clone), *left))


def _left_out(candidates: Many[Candidate]) -> tuple[str, ...]:
    """Words for those who could be enrolled a moment ago, and cannot be now."""
    words = [f"{one.customer} was left out: {one.reason}" for one in candidates[:_NAMED]]
    more = len(candidates) - _NAMED
    return (*words, f"and {more:,} more were") if more > 0 else (*words,)


_NAMED = 3
