"""Messages put into the spool some at a time, a little ahead of their turn: many files, one wait for their folder.

The ledger does not know of them before it is their turn, so that whoever is refused in the meantime was never tried,
and what they would have got is taken away again.
"""

from __future__ import annotations

import contextlib
from itertools import islice
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.errors import StorageFailed
from crmctl.mail.ledger import spool

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Protocol

    from crmctl.services.campaigns.running.triage import Item

    class Source(Protocol):
        """Where the bytes come from."""

        def take(self, item: Item) -> bytes:
            """The bytes of one message, once."""


AHEAD = 32
"""Messages that are put into the spool together."""

_MOST = 4 * 1024 * 1024
"""Bytes after which no further message is put there with them."""


class Spooled(NamedTuple):
    """The bytes of a message, on the disk, and what the ledger calls them."""

    data: bytes
    eml: str


class Spooler:
    """The messages of ``source``, in the spool at ``folder`` before they are handed out."""

    def __init__(self, folder: Path, source: Source) -> None:
        self._folder = folder
        self._source = source
        self._ready: dict[str, Spooled] = {}
        self._strays: set[str] = set()

    def take(self, item: Item, upcoming: Iterable[Item]) -> Spooled:
        """The message of ``item``, whose turn it is; ``upcoming`` are those that are expected to follow.

        Raises:
            StorageFailed: the spool cannot be written.
            CrmError: the message cannot be made any more.
        """
        sid = item.entry.sid
        if sid not in self._ready:
            self._fill(item, upcoming)
        self._strays.discard(sid)
        return self._ready.pop(sid)

    def _fill(self, item: Item, upcoming: Iterable[Item]) -> None:
        batch = [(item.entry.sid, self._source.take(item))]
        known = {item.entry.sid: item.row.eml}
        size = len(batch[0][1])
        for other in islice(upcoming, AHEAD - 1):
            sid = other.entry.sid
            if sid in self._ready or sid in known or size >= _MOST:
                continue
            try:
                data = self._source.take(other)
            except StorageFailed:
                raise
            except CrmError:
                continue  # That is told when it is their turn.
            batch.append((sid, data))
            known[sid] = other.row.eml
            size += len(data)
        # What was there before has been tried once, and is to stay.
        self._strays.update(sid for sid, eml in known.items() if not eml)
        digests = spool.put_many(self._folder, batch)
        self._ready |= {sid: Spooled(data, eml) for (sid, data), eml in zip(batch, digests, strict=True)}

    def drop(self, item: Item) -> None:
        """Take away what was put there for a message that does not go out now."""
        self._ready.pop(item.entry.sid, None)
        self._remove(item.entry.sid)

    def clear(self) -> None:
        """Take away everything whose turn has not come."""
        self._ready.clear()
        for sid in list(self._strays):
            self._remove(sid)

    def _remove(self, sid: str) -> None:
        if sid in self._strays:
            self._strays.remove(sid)
            with contextlib.suppress(StorageFailed):  # It is written over, or taken away, in a later run.
                spool.remove(self._folder, sid)
