"""Which messages were filed before: known by their Message-ID, and told from others that use the same one.

Programs use an identifier twice, and so may whoever wants to keep a message from being read. The same message in
another folder or through a mailing list has another way behind it and a footer below it; its date and what else it
says are the same. So another date or other words under a known identifier are another message.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.inbound import reading
from crmctl.services.ingest import entries

if TYPE_CHECKING:
    from crmctl.mail.inbound.classify import Kind
    from crmctl.mail.inbound.reading import Mail
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.ingest.decisions import Decision

_REPORTS = ("bounce", "complaint", "receipt")
_SHORTEST = 30
"""Letters that a text has at least, for telling that it stands somewhere in another one."""
_OURS = ("Attached: ", "(The message ", "(nothing in it)", "Invitation ")


class _Filed(NamedTuple):
    """What the book has of a message: when it was written (seconds since 1970), and the words that were kept of it."""

    at: int
    text: str


class Known:
    """The messages that a book has, and those that this run files."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._rows = _rows(book, "interactions")
        self._tasks = _rows(book, "followups")
        self._new: dict[str, list[_Filed]] = {}

    def has(self, mail: Mail, kind: Kind) -> bool:
        """Whether this very message was filed before."""
        if not self.has_key(mail):
            return False
        if not mail.message_id:
            return True  # Its key is a hash of all of it.
        filed = self._all(mail.key)
        if not filed:  # There is but a follow-up, which says who wrote about what.
            return any(self._is_about(row, mail) for row in self._tasks.get(mail.key, ()))
        return any(_is_same(one, mail, kind) for one in filed)

    def has_key(self, mail: Mail) -> bool:
        """Whether a message with this identifier was filed before."""
        return mail.key in self._new or mail.key in self._rows or mail.key in self._tasks

    def key(self, mail: Mail) -> str:
        """What makes a message what it is, for all that comes of it beside its entry in a history; its identifier is
        not enough where another one has it."""
        if not self.has_key(mail):
            return mail.key
        told = entries.digest(mail.sender, *(stamp.isoformat() for stamp in mail.dates[:1]), mail.subject, mail.text)
        return f"{mail.key} {told[:16]}"

    def add(self, mail: Mail, decision: Decision) -> None:
        """Count a message that is about to be filed."""
        said = next((str(entry.data.get("text", "")) for entry in decision.entries), entries.clean(mail.text))
        filed = _Filed(int(decision.at.timestamp()), said)
        self._new.setdefault(mail.message_id or mail.key, []).append(filed)

    def _all(self, key: str) -> list[_Filed]:
        found = list(self._new.get(key, ()))
        for row in self._rows.get(key, ()):
            at = self._book.index.row("SELECT at_time FROM interactions WHERE row_id = ?", (row,))
            found.append(_Filed(int(at[0] or 0) if at else 0, str(self._data("interactions", row).get("text", ""))))
        return found

    def _is_about(self, row: int, mail: Mail) -> bool:
        data = self._data("followups", row)
        at = reading.written(mail)
        if at is not None and data.get("due") != entries.next_day(at.astimezone(self._book.context.zone)):
            return False
        told = (f"From: {entries.clean(mail.sender)}", f"Subject: {entries.clean(mail.subject)}")
        return bool(_lines(str(data.get("notes", ""))) & _lines("\n".join(told)))

    def _data(self, table: str, row: int) -> RawMap:
        """A record as it stands in its file."""
        found = self._book.index.row(f"SELECT data FROM {table}_raw WHERE row_id = ?", (row,))
        data: RawMap = json.loads(str(found[0])) if found else {}
        return data


def _rows(book: Book, table: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for value, owner in book.index.rows(f"SELECT value, owner FROM {table}_external WHERE key = 'message-id'"):
        found.setdefault(str(value), []).append(int(owner))
    return found


def _is_same(filed: _Filed, mail: Mail, kind: Kind) -> bool:
    at = reading.written(mail)
    if at is not None and filed.at != int(at.timestamp()):
        return False
    # What is filed of a report is not in its own words.
    return kind.name in _REPORTS or _is_related(filed.text, mail, kind)


def _is_related(text: str, mail: Mail, kind: Kind) -> bool:
    """Whether one of two texts is the other one with something added, such as the footer of a mailing list."""
    before = _lines(text)
    whole = _lines(entries.of_mail(mail, kind.text))
    new = _lines(entries.clean(kind.text))
    # Lists write their name into the subject, which is the first thing that is kept.
    body = before - _lines(text.split("\n", 1)[0]) or before
    parts = (new or whole) <= before or body <= whole
    return bool(new or whole) and (parts or _is_within(_flow(text), _flow(entries.of_mail(mail, kind.text))))


def are_related(one: str, other: str) -> bool:
    """The same of two texts that were kept of messages."""
    mine, its = _below(one), _below(other)
    return mine <= its or its <= mine or _is_within(_flow(one), _flow(other))


def _below(text: str) -> set[str]:
    """The lines below the first one, which is the subject; that one where there is no other."""
    lines = _lines(text)
    return lines - _lines(text.split("\n", 1)[0]) or lines


def _flow(text: str) -> str:
    """The words below the subject, however long the lines are that they were broken into."""
    below = text.partition("\n")[2].split("\n")
    return " ".join(word for line in below if not line.startswith(_OURS) for word in line.split())


def _is_within(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= _SHORTEST and shorter in longer


def _lines(text: str) -> set[str]:
    """The lines of a text, without blanks that may differ, and without what we wrote below it."""
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return {line for line in lines if line and not line.startswith(_OURS) and not line.endswith("[...]")}
