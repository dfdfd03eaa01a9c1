"""The customers as an address book: by words for mail programs, by number for whoever picks up the phone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model.text import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.services.book import Book


class Address(NamedTuple):
    """An e-mail address, the name that goes with it, and what else tells people apart (organisation or role)."""

    address: str
    name: str
    note: str


def find(book: Book, words: Sequence[str], limit: int) -> list[Address]:
    """The addresses in which, or in whose name or organisation, all words stand; latest contact first."""
    wanted = [word for text in words for word in fold(text).split()]
    if not wanted:
        return []
    where = " AND ".join(
        ["instr(t.name_key || ' ' || e.value_key || ' ' || COALESCE(o.name_key, ''), ?)"] * len(wanted)
    )
    sql = (
        "SELECT e.value, t.name, COALESCE(o.name, t.role, '') FROM customers_emails e "
        "JOIN customers t ON t.row_id = e.owner LEFT JOIN customers o ON o.handle = t.organization "
        f"WHERE {where} ORDER BY t.last_day IS NULL, t.last_day DESC, t.name_key, e.position LIMIT ?"
    )
    rows = book.index.rows(sql, (*wanted, limit))
    return [Address(*(" ".join(str(cell or "").split()) for cell in row)) for row in rows]


class Callers(NamedTuple):
    """The customers (handles) with a number; ``exact`` is False when only the end of theirs is the same."""

    handles: tuple[str, ...]
    exact: bool


def callers(book: Book, number: str, *, whole: bool = False) -> Callers:
    """The customers with a phone number, in whatever notation it is given.

    Where nobody has it, and it has no country code, those count whose number ends in the same digits (unless it is
    known to be ``whole``): a telephone system may leave out what was not dialled.
    """
    from crmctl.model import phones

    plain = number.strip()
    digits = "".join(letter for letter in plain if letter.isdecimal())
    if len(digits) < 5:
        return Callers((), exact=True)
    abroad = plain.startswith(("+", "00"))
    exact = phones.digits(f"+{digits.removeprefix('00')}" if abroad else plain, book.settings.country)
    sql = (
        "SELECT DISTINCT t.handle FROM customers_phones p JOIN customers t ON t.row_id = p.owner "
        "WHERE p.value_key {} ORDER BY t.handle LIMIT 20"
    )
    for guess in dict.fromkeys((exact, "" if abroad else digits)):  # Many systems leave out the plus sign.
        found = book.index.rows(sql.format("= ?"), (guess,)) if guess else []
        if found:
            return Callers(tuple(str(handle) for (handle,) in found), exact=True)
    end = digits.lstrip("0")
    if whole or abroad or len(end) < 7:
        return Callers((), exact=True)
    found = book.index.rows(sql.format("LIKE '%' || ?"), (end,))
    return Callers(tuple(str(handle) for (handle,) in found), exact=False)
