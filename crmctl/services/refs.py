"""Finding the record somebody means: by handle, start of a handle or id, e-mail, phone, or words of the name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import Ambiguous
from crmctl.errors import NotFound
from crmctl.model import columns
from crmctl.model.ids import handle_problem
from crmctl.model.text import fold
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.fields import Kind
    from crmctl.services.book import Book

_MANY = 20
_PHONE = frozenset("+0123456789 ()/.-\u00a0")


def find(book: Book, kind: Kind, text: str) -> str:
    """The handle of the one record of ``kind`` that ``text`` means.

    Raises:
        NotFound: there is none; the hint has the nearest ones.
        Ambiguous: there are several; ``candidates`` has them.
    """
    text = text.strip()
    for exact in (text, text.lower()):
        row = book.index.row(f"SELECT handle FROM {kind.plural} WHERE handle = ?", (exact,))
        if row is not None:
            return str(row[0])
    then = book.called_then(kind, text.lower())
    if then:
        return then
    for candidates in _by_every_way(book, kind, text):
        if candidates:
            candidates += _hidden(book, kind, text)
        if len(candidates) == 1:
            return candidates[0][0]
        if candidates:
            more = f"{_MANY} or more" if len(candidates) >= _MANY else str(len(candidates))
            raise Ambiguous(
                f"{text!r} can be {more} {kind.plural}",
                candidates,
                hint="Say more of the handle, or the e-mail address.",
            )
    raise _unreadable(book, kind, text) or NotFound(f"there is no {kind.one} {text!r}", hint=_nearest(book, kind, text))


def title_column(kind: Kind) -> str:
    """The SQL that names a record of ``kind`` ``t`` to people."""
    field = kind.field(kind.title)
    if field is None or field.type in columns.KEY_ONLY or field.shape != "one":
        return "t.handle"
    return f't."{field.name}"'


def _by_every_way(book: Book, kind: Kind, text: str) -> Iterator[list[tuple[str, str]]]:
    table, title = kind.plural, title_column(kind)

    def ask(condition: str, *params: str) -> list[tuple[str, str]]:
        sql = f"SELECT DISTINCT t.handle, {title} FROM {table} t WHERE {condition} ORDER BY t.handle LIMIT {_MANY}"
        return [(str(handle), str(name or "")) for handle, name in book.index.rows(sql, params)]

    if not text:
        return
    low = text.lower()
    if low.isascii() and " " not in low:
        yield ask("t.handle >= ? AND t.handle < ?", low, f"{low}\x7f")
        upper = text.upper()
        if len(text) >= 4:
            yield ask("t.id >= ? AND t.id < ?", upper, f"{upper}\x7f")
    if "@" in text:
        yield from _by_child_or_column(kind, "email", ask, "= ?", text.casefold())
    digits = "".join(c for c in text if c.isdigit())
    if len(digits) >= 5 and set(text) <= _PHONE:
        for number in dict.fromkeys((_subscriber(book, text, digits), digits.lstrip("0"))):
            yield from _by_child_or_column(kind, "phone", ask, "LIKE '%' || ?", number)
    name = kind.field(kind.title)
    words = fold(text).split()
    if words and name is not None and name.type == "text":
        column = f"t.{kind.title}_key"
        yield ask(f"{column} = ?", fold(text))
        yield ask(" AND ".join([f"instr({column}, ?)"] * len(words)), *words)


def _by_child_or_column(
    kind: Kind, type_name: str, ask: object, test: str, value: str
) -> Iterator[list[tuple[str, str]]]:
    assert callable(ask)
    for field in kind.stored:
        if field.type == type_name:
            if field.shape == "one":
                yield ask(f"t.{field.name}_key {test}", value)
            else:
                table = f"{kind.plural}_{field.name}"
                yield ask(f"t.row_id IN (SELECT owner FROM {table} WHERE value_key {test})", value)


def _subscriber(book: Book, text: str, digits: str) -> str:
    """The digits by which a number is found however it was written down."""
    if text.lstrip().startswith("+"):
        return digits
    if digits.startswith("00"):
        return digits[2:]
    if book.settings.country and len(digits) >= 7:
        from crmctl.model import phones

        return phones.digits(text, book.settings.country) or digits.lstrip("0")
    return digits.lstrip("0")


def _hidden(book: Book, kind: Kind, text: str) -> list[tuple[str, str]]:
    """Those who may be meant as well, and whose files cannot be read now: nobody else is taken for them."""
    words = fold(text).replace("-", " ").split()
    found = []
    for path in dict.fromkeys(problem.path for problem in book.unreadable()):
        place = layout.place_of(path, book.schema)
        if place is not None and place.kind.name == kind.name and kind.storage == "yaml":
            parts = place.handle.split("-")
            if all(any(part.startswith(word) for part in parts) for word in words):
                found.append((place.handle, "(cannot be read now)"))
    return found


def _unreadable(book: Book, kind: Kind, text: str) -> NotFound | None:
    """Why the record with the handle ``text`` is not among those that were read, though there is one."""
    handle = text.lower()
    if handle_problem(handle) or kind.storage != "yaml":
        return None
    paths = {layout.path_of(kind, handle, sharded=sharded) for sharded in (False, True)}
    for problem in book.unreadable():
        if problem.path in paths:
            return NotFound(f"{kind.name} {handle} cannot be read now: {problem.message}", hint=problem.hint)
    if not paths.isdisjoint(book.left_out()):
        from crmctl.services.absent import WAY_OUT

        return NotFound(f"{kind.name} {handle} is not here: git sparse-checkout leaves it out", hint=WAY_OUT)
    return None


def _nearest(book: Book, kind: Kind, text: str) -> str:
    from difflib import get_close_matches

    sql = f"SELECT handle FROM {kind.plural} WHERE handle LIKE ? || '%' LIMIT 5000"
    start = fold(text)[:1].replace("%", "").replace("_", "")
    handles = [str(row[0]) for row in book.index.rows(sql, (start,))]
    near = get_close_matches(fold(text).replace(" ", "-"), handles, 3)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"crmctl {kind.name} list shows them all; crmctl find WORDS looks everywhere."
