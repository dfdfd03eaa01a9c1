"""What is written into the book: entries in a customer's history, and follow-ups, with names that two clones agree on.

Whoever files the same message, on whichever machine, makes the same entry with the same id: joining two clones then
finds one thing, not two.
"""

from __future__ import annotations

import re
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model import ids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.mail.inbound.reading import Attachment
    from crmctl.mail.inbound.reading import Mail
    from crmctl.model.raw import RawMap

UNDATED = datetime(2000, 1, 1, tzinfo=UTC)
"""The moment of a message that says none and answers none of ours: the same whenever and wherever it is read."""
LONGEST_TEXT = 20_000
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)


class Entry(NamedTuple):
    """One interaction to be written into a customer's history."""

    customer: str
    data: RawMap


class Task(NamedTuple):
    """One follow-up to be made: ``key`` makes its handle; it is due ``days`` after ``at``; ``customer`` may be ""."""

    key: str
    what: str
    customer: str
    notes: str
    at: datetime
    days: int = 1
    external: Mapping[str, str] = {}

    @property
    def handle(self) -> str:
        """The handle of the follow-up; it says nothing about anybody."""
        return f"inbox-{digest(self.key, self.what)[:12]}"

    @property
    def due(self) -> str:
        """The day it is due: the same in every clone that reads the same message."""
        return next_day(self.at, self.days)


def digest(*parts: str) -> str:
    """A hash of some texts."""
    return sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def same_id(at: datetime, *parts: str) -> str:
    """The ULID of something that happened at a moment, decided by what it is."""
    number = int(digest(*parts)[:20], 16)
    milliseconds = max(0, min(int(at.timestamp() * 1000), (1 << 47) - 1))
    return ids.encode_ulid((milliseconds << 80) | number)


def clean(text: str) -> str:
    """A text from elsewhere as it may stand in a record: without control characters and trailing blanks."""
    plain = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\t", " "))
    return "\n".join(line.rstrip() for line in plain.split("\n")).strip()


def shorter(text: str, longest: int = LONGEST_TEXT) -> str:
    """``text``, cut with a mark when it is very long."""
    return text if len(text) <= longest else f"{text[:longest].rstrip()} [...]"


def of_mail(mail: Mail, text: str) -> str:
    """What an entry says of a message: its subject, its new text, and what was attached, by size and hash."""
    pieces = [clean(mail.subject), shorter(clean(text)), attached(mail.attachments)]
    if mail.cut:
        pieces.append("(The message was too large, so only its headers were read.)")
    if mail.sealed:
        pieces.append("(The message is encrypted, or signed in a form that is not read here.)")
    if not mail.dates:
        pieces.append("(The message does not say when it was written.)")
    return "\n\n".join(piece for piece in pieces if piece) or "(nothing in it)"


def attached(attachments: Sequence[Attachment]) -> str:
    """Attachments in words, a line each."""
    lines = [
        f"Attached: {clean(one.name) or one.type} ({one.size:,} bytes, sha256 {one.sha256})" for one in attachments[:50]
    ]
    if len(attachments) > 50:
        lines.append(f"Attached: {len(attachments) - 50} more")
    return "\n".join(lines)


def stamp(at: datetime) -> str:
    """A moment as records have it, with its offset."""
    return at.replace(microsecond=0).isoformat()


def next_day(at: datetime, days: int = 1) -> str:
    """The day so many days after a moment, in the zone that the moment has."""
    return (at.date() + timedelta(days=days)).isoformat()


def utc_day(at: datetime) -> str:
    """The day of a moment in UTC: the same in every clone, whatever zone its mail came in."""
    return at.astimezone(UTC).date().isoformat()
