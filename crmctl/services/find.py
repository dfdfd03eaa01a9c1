"""Finding anything: every word has to be somewhere in one record, whatever kind it is of, or in one interaction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.model import columns
from crmctl.model.columns import day_of
from crmctl.model.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.model.fields import Kind
    from crmctl.services.book import Book

TRIGRAM = 3
"""The full text knows runs of three letters; shorter words are looked for in the texts themselves."""
MANY = 2000
"""A word that more interactions have than this is common: the newest with it are found by going back in time."""
BACK = 50_000
"""How many interactions are gone through for a common word, newest first."""
SNIPPET = 72
_PHONE = re.compile(r"\+?[0-9 ()/.-]{5,}\Z")


class Hit(NamedTuple):
    """A record or interaction that has every word. ``where`` is the text around a hit that the title does not show.

    Of an interaction ``handle`` is the id, ``kind`` is ``interaction``, ``title`` its type; ``date`` and ``customer``
    belong to interactions, and ``customer`` to records about one.
    """

    handle: str
    kind: str
    title: str
    where: str
    date: str | None
    customer: str | None


class Asked(NamedTuple):
    """What is looked for: an entry a word, with the forms it may have in the texts; ``digits`` of a phone number."""

    whole: str
    words: tuple[tuple[str, ...], ...]
    digits: str = ""

    @property
    def handle(self) -> str:
        """The handle that these words would make."""
        return self.whole.replace(" ", "-")

    @property
    def match(self) -> str:
        """The full-text query of the words that are long enough for it."""
        parts = [" OR ".join(f'"{form.replace(chr(34), chr(34) * 2)}"' for form in forms) for forms in self._indexed]
        return " AND ".join(f"({part})" for part in parts)

    @property
    def _indexed(self) -> list[tuple[str, ...]]:
        return [forms for forms in self.words if all(len(form) >= TRIGRAM for form in forms)]

    @property
    def short(self) -> list[str]:
        """The words that are too short for the full text."""
        return [forms[0] for forms in self.words if forms not in self._indexed]


def asked(text: str) -> Asked:
    """The words in ``text``; a phone number is one word, in the notations it may be stored in."""
    whole = fold(text.replace("\0", " "))
    digits = re.sub("[^0-9]", "", whole)
    if _PHONE.match(whole) and len(digits) >= 5:
        from crmctl.query.conditions import phone_digits

        digits = phone_digits(whole)
        return Asked(whole, (tuple(dict.fromkeys((whole, digits))),), digits)
    return Asked(whole, tuple((word,) for word in dict.fromkeys(whole.split())))


def find(book: Book, text: str, *, limit: int = 50) -> list[Hit]:
    """At most ``limit`` hits for the words of ``text``.

    Exact names and handles come first, then other records, then interactions, newest first.
    """
    words = asked(text)
    if not words.words:
        return []
    kinds = [kind for kind in book.schema.kinds if kind.storage == "yaml"]
    exact = [(kind, row) for kind in kinds for row in _called(book, kind, words, limit)]
    begun = [(kind, row) for kind in kinds for row in _beginning(book, kind, words, limit)]
    loose = [(kind, row) for kind in kinds for row in _containing(book, kind, words, limit)]
    order = {kind.name: place for place, kind in enumerate(kinds)}
    ranked = sorted(loose, key=lambda found: (_rank(words, found[1][1]), order[found[0].name], fold(found[1][1] or "")))
    chosen = {(kind.name, row[0]): (kind, row) for kind, row in [*exact, *begun, *ranked]}
    hits = [_hit(book, kind, row, words) for kind, row in list(chosen.values())[:limit]]
    left = limit - len(hits)
    return hits + [_happened(book, row, words) for row in _interactions(book, words, left)] if left > 0 else hits


def _rank(words: Asked, title: str | None) -> int:
    """0 when the title begins with the words, 1 when it has them all, 2 when they are elsewhere."""
    folded = fold(title or "")
    if folded.startswith(words.whole):
        return 0
    return 1 if all(any(form in folded for form in forms) for forms in words.words) else 2


def _selected(kind: Kind) -> str:
    from crmctl.services.refs import title_column

    of_customer = any(column == "customer" for column, _ in columns.plain_fields(kind))
    return f"t.handle, {title_column(kind)}, {'t.customer' if of_customer else 'NULL'} FROM {kind.plural} t"


def _called(book: Book, kind: Kind, words: Asked, limit: int) -> Iterator[tuple[Any, ...]]:
    """Records whose handle or name is just what was asked."""
    title = kind.field(kind.title)
    select = f"SELECT {_selected(kind)} WHERE"
    yield from book.index.rows(f"{select} t.handle = ?", (words.handle,))
    if title is not None and title.type == "text":
        yield from book.index.rows(f"{select} t.{kind.title}_key = ? ORDER BY t.handle LIMIT ?", (words.whole, limit))


def _beginning(book: Book, kind: Kind, words: Asked, limit: int) -> list[tuple[Any, ...]]:
    """Records whose handle begins with what was asked."""
    sql = f"SELECT {_selected(kind)} WHERE t.handle >= ? AND t.handle < ? ORDER BY t.handle LIMIT ?"
    return book.index.rows(sql, (words.handle, f"{words.handle}\x7f", limit))


def _containing(book: Book, kind: Kind, words: Asked, limit: int) -> Iterator[tuple[Any, ...]]:
    """Records that have every word in their texts, or the phone number in a field of its own."""
    select = f"SELECT {_selected(kind)} WHERE"
    inner, params = _matching(kind.plural, words)
    yield from book.index.rows(f"{select} t.row_id IN ({inner} LIMIT {MANY})", params)
    if words.digits:
        for column, field in columns.plain_fields(kind):
            if field.type == "phone":
                sql = f'{select} instr(t."{column}_key", ?) > 0 LIMIT ?'
                yield from book.index.rows(sql, (words.digits, limit))


def _matching(plural: str, words: Asked) -> tuple[str, list[object]]:
    """The query for the rowids of a kind whose texts have every word."""
    conditions, params = [], []
    if words.match:
        conditions.append(f"{plural}_words MATCH ?")
        params.append(words.match)
    for word in words.short:
        conditions.append("instr(body, ?) > 0")
        params.append(word)
    return f"SELECT rowid FROM {plural}_words WHERE {' AND '.join(conditions)}", list(params)


_HAPPENED = "SELECT t.handle, t.type, t.customer, t.at_day, r.data"


def _interactions(book: Book, words: Asked, limit: int) -> list[tuple[Any, ...]]:
    """The newest interactions that have every word; for a common word far back in time, some that have it."""
    if words.match and len(rows := _some(book, words)) <= MANY:
        return _newest(book, rows, limit)
    recent = _recent(book, words, limit)
    further = _newest(book, _some(book, words), limit) if len(recent) < limit else []
    return list({row[0]: row for row in (*recent, *further)}.values())[:limit]


def _some(book: Book, words: Asked) -> list[int]:
    """The rows of interactions that have every word; no more than one above MANY."""
    inner, params = _matching("interactions", words)
    return [row[0] for row in book.index.rows(f"{inner} LIMIT ?", (*params, MANY + 1))]


def _newest(book: Book, rows: Sequence[int], limit: int) -> list[tuple[Any, ...]]:
    sql = (
        f"{_HAPPENED} FROM interactions t JOIN interactions_raw r ON r.row_id = t.row_id "
        f"WHERE t.row_id IN ({', '.join(map(str, rows))}) ORDER BY t.at_time DESC, t.handle DESC LIMIT ?"
    )
    return book.index.rows(sql, (limit,))


def _recent(book: Book, words: Asked, limit: int) -> list[tuple[Any, ...]]:
    """Going back in time through the texts themselves; CROSS JOIN keeps that order, and stops when there is enough."""
    conditions = " AND ".join(f"({' OR '.join('instr(w.body, ?) > 0' for _ in forms)})" for forms in words.words)
    sql = (
        f"{_HAPPENED} FROM (SELECT * FROM interactions ORDER BY at_time DESC, handle DESC LIMIT {BACK}) t "
        "CROSS JOIN interactions_words w ON w.rowid = t.row_id CROSS JOIN interactions_raw r ON r.row_id = t.row_id "
        f"WHERE {conditions} LIMIT ?"
    )
    return book.index.rows(sql, (*(form for forms in words.words for form in forms), limit))


def _hit(book: Book, kind: Kind, row: tuple[Any, ...], words: Asked) -> Hit:
    handle, title, customer = row
    data = book.index.data(kind, handle) or {}
    known = fold(title or "")
    texts = [(name, text) for name, text in _texts(kind, data) if fold(text) not in known]
    return Hit(str(handle), kind.name, str(title or ""), _snippet(texts, words), None, customer)


def _happened(book: Book, row: tuple[Any, ...], words: Asked) -> Hit:
    import json

    handle, type_, customer, day, data = row
    texts = [("", text) for _, text in _texts(book.schema.require("interaction"), json.loads(data))]
    when = day_of(day).isoformat() if day is not None else None
    return Hit(str(handle), "interaction", str(type_ or ""), _snippet(texts, words), when, customer)


def _texts(kind: Kind, data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(field, text) of everything in a record that is searched."""
    for field in kind.stored:
        value = data.get(field.name)
        if field.type == "group" and isinstance(value, dict):
            parts = {part.name for part in field.fields if part.search}
            yield from ((name, text) for name, text in value.items() if name in parts and isinstance(text, str))
        elif field.search and value:
            values = value if isinstance(value, list) else [value]
            yield from ((field.name, text) for text in values if isinstance(text, str))


def _snippet(texts: Sequence[tuple[str, str]], words: Asked) -> str:
    """The part of the first text that has one of the words, with the field's name before it."""
    forms = [form for alternatives in words.words for form in alternatives]
    for name, text in texts:
        plain, places = _folded(text)
        at = next((plain.find(form) for form in forms if form in plain), None)
        if at is None and not (words.digits and words.digits in re.sub("[^0-9]", "", plain)):
            continue
        shown = _around(text, places[at] if at is not None else 0)
        return f"{name.replace('_', ' ')}: {shown}" if name else shown
    return ""


def _folded(text: str) -> tuple[str, list[int]]:
    """``text`` as it is compared, and where each of its letters stands in ``text``."""
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        plain = " " if letter.isspace() else fold(letter)
        letters.append(plain)
        places += [place] * len(plain)
    return "".join(letters), places


def _around(text: str, place: int) -> str:
    """A piece of ``text`` in one line, with ``place`` in it and whole words at its ends."""
    start = max(0, place - SNIPPET // 3)
    if start:
        start = text.find(" ", start, place) + 1 or start
    end = start + SNIPPET
    if end < len(text):
        end = text.rfind(" ", place + 1, end) if text.rfind(" ", place + 1, end) > 0 else end
    piece = " ".join(text[start:end].split())
    return ("…" if start else "") + piece + ("…" if end < len(text) else "")
