"""One line of the list of suppressions, and what it keeps from going out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.consenting.permission import TRANSACTIONAL

if TYPE_CHECKING:
    from crmctl.model.settings import Purpose

FOLDER = "records/suppressions"
ALL = "all"
GONE = "a purpose that is gone"
"""What stands, once read, for a scope that the book has no more; it keeps back all promotion."""
OPT_OUTS = frozenset({"unsubscribed", "complaint"})
"""What is about promotion when it is about all of it: a bill still goes out."""

_HASH = re.compile(r"h:[0-9a-f]{32}")


class Entry(NamedTuple):
    """One line: ``to`` is the keyed hash; ``scope`` "all" or a purpose; ``channel`` "" for all of them.

    ``lifts`` is the id of the entry that it takes back, "" for one that suppresses. ``source`` says in words how it
    came about, and holds nothing about anybody.
    """

    id: str
    to: str
    key: str
    scope: str
    channel: str
    why: str
    at: str
    source: str = ""
    lifts: str = ""

    def concerns(self, purpose: Purpose, channel: str) -> bool:
        """Whether it keeps a message for this purpose on this channel from going out."""
        if self.channel and self.channel != channel:
            return False
        if self.scope == purpose.name.casefold():
            return True
        if self.scope == GONE:
            return purpose.basis not in TRANSACTIONAL
        if self.scope != ALL:
            return False
        return not (self.why in OPT_OUTS and purpose.basis in TRANSACTIONAL)

    @property
    def words(self) -> str:
        """What it says, for people."""
        scope = "everything" if self.scope == ALL else self.scope
        day = self.at[:10]
        return {
            "unsubscribed": f"unsubscribed from {scope} on {day}",
            "hard-bounce": f"the address does not exist any more (since {day})",
            "complaint": f"complained about being written to on {day}",
            "erased": f"asked to be erased on {day}",
        }.get(self.why, f"suppressed for {scope} on {day}")


def is_hash(text: str) -> bool:
    """Whether a text is the keyed hash of an address."""
    return _HASH.fullmatch(text) is not None
