"""Messages as bytes, ready before anything is connected: all are made and verified once, and each is there when it is
its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.mail.ledger import spool
from crmctl.services.campaigns.messages.judging import lacks_benefit
from crmctl.services.campaigns.messages.rendering import Renderer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from crmctl.services.book import Book
    from crmctl.services.campaigns.audience import Recipient
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.messages.rendering import Made
    from crmctl.services.campaigns.messages.rendering import Wording
    from crmctl.services.campaigns.running.triage import Item
    from crmctl.services.mailing.config import MailServer

KEPT = 64 * 1024 * 1024
"""Bytes of messages that are kept in memory; what is beyond is made again when it is needed."""

_AHEAD = 500


class Prepared:
    """The messages of ``items``. Those that were handed over once, as far as they may have been, are the same bytes.

    ``bad`` has those that could not be made, ``lost`` those whose bytes are gone and must not be made anew; ``size`` is
    how much room all of them take.
    """

    def __init__(self, renderer: Renderer, items: Sequence[Item], folder: Path, dotted: frozenset[str]) -> None:
        self._renderer = renderer
        self._folder = folder
        self._bytes: dict[str, bytes] = {}
        self._subjects: dict[str, str] = {}
        self.bad: list[Made] = []
        self.lost: set[str] = set()
        self.size = 0
        fresh = []
        for item in items:
            sid = item.entry.sid
            if item.row.eml and (data := self._spooled(item)) is not None:
                self.size += len(data)
            elif sid in dotted or item.row.state == "unknown":
                # Also what was taken over from another machine: what it may have sent, it made of its own bytes.
                self.lost.add(sid)
            else:
                fresh.append(item)
        self._fresh = {item.entry.sid: item for item in fresh}
        self._make(fresh)

    def _make(self, items: Sequence[Item]) -> None:
        by_handle = {item.entry.handle: item.entry.sid for item in items}
        kept = 0
        for made in self._renderer.messages([item.entry.recipient for item in items]):
            sid = by_handle[made.person.handle]
            if made.code:
                self.bad.append(made)
                continue
            self.size += len(made.content)
            self._subjects[sid] = made.subject
            if kept < KEPT:
                self._bytes[sid] = made.content
                kept += len(made.content)

    def take(self, item: Item) -> bytes:
        """The bytes of one message, once.

        Raises:
            CrmError: it can no longer be made: a record was changed meanwhile.
        """
        sid = item.entry.sid
        if sid not in self._fresh:
            data = self._spooled(item)
            if data is None:
                raise CrmError("the message that waited to go out is gone")
            return data
        if sid not in self._bytes:
            rest = list(self._fresh.values())
            start = next(place for place, other in enumerate(rest) if other.entry.sid == sid)
            before = len(self.bad)
            self._make(rest[start : start + _AHEAD])
            if sid not in self._bytes:
                reason = self.bad[before].reason if len(self.bad) > before else "it cannot be made"
                raise CrmError(reason)
        return self._bytes.pop(sid)

    def subject(self, sid: str) -> str:
        """The subject of a message, "" when it is not known here."""
        return self._subjects.get(sid, "") or _subject_of(self._folder, sid)

    def _spooled(self, item: Item) -> bytes | None:
        return spooled(self._folder, item.entry.sid, item.row.eml)


def lacks(
    book: Book, campaign: Campaign, words: Wording, people: Sequence[Recipient], mail: MailServer | None
) -> list[str]:
    """What a campaign has to say, and what the law wants its messages to ``people`` to say, and they do not."""
    if not people:
        return []
    renderer = Renderer(book, campaign, words, book.now(), mail.sender if mail else None, mail, judging=True)
    messages = (lacking for made in renderer.messages(people) for lacking in made.lacks)
    return list(dict.fromkeys((*lacks_benefit(campaign), *messages)))


def spooled(folder: Path, sid: str, eml: str) -> bytes | None:
    """A message that waits in the spool, None when it is not there, or is not the one that ``eml`` names."""
    try:
        return spool.get(folder, sid, eml)
    except CrmError:
        return None


def _subject_of(folder: Path, sid: str) -> str:
    """The subject of a message in the spool, by its header."""
    from email.header import decode_header
    from email.header import make_header
    from email.parser import BytesHeaderParser

    try:
        data = (folder / f"{sid}.eml").read_bytes()
        return str(make_header(decode_header(str(BytesHeaderParser().parsebytes(data)["Subject"] or ""))))
    except (OSError, ValueError, LookupError):
        return ""
