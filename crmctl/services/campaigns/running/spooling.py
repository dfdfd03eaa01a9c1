"""Messages put into the spool some at a time, ahead of their turn: the next ones are written while others go out.

The ledger does not know of them before it is their turn, so that whoever is refused in the meantime was never tried,
and what they would have got is taken away again.
"""

from __future__ import annotations

import contextlib
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.errors import StorageFailed
from crmctl.mail.ledger import spool

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
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


class _Batch(Thread):
    """Messages on their way to the disk, by the ids of their sends."""

    def __init__(self, folder: Path, messages: dict[str, bytes]) -> None:
        super().__init__()
        self._folder = folder
        self._messages = messages
        self._digests: dict[str, str] = {}
        self._error: Exception | None = None
        self.start()

    def run(self) -> None:
        """Write them, and wait until they are there."""
        try:
            found = spool.put_many(self._folder, self._messages.items())
            self._digests = dict(zip(self._messages, found, strict=True))
        except Exception as error:  # noqa: BLE001 - it is told where they are asked for
            self._error = error

    def get(self, sid: str) -> Spooled:
        """One of them, as soon as it is on the disk.

        Raises:
            StorageFailed: they could not be written.
        """
        self.join()
        if self._error is not None:
            raise self._error
        return Spooled(self._messages.pop(sid), self._digests[sid])


class Spooler:
    """The messages of ``source``, in the spool at ``folder`` before they are handed out."""

    def __init__(self, folder: Path, source: Source) -> None:
        self._folder = folder
        self._source = source
        self._batches: dict[str, _Batch] = {}
        self._latest: _Batch | None = None
        self._strays: set[str] = set()

    def take(self, item: Item, upcoming: Iterable[Item]) -> Spooled:
        """The message of ``item``, whose turn it is; ``upcoming`` are those that are expected to follow.

        Raises:
            StorageFailed: the spool cannot be written.
            CrmError: the message cannot be made any more.
        """
        sid = item.entry.sid
        rest = iter(upcoming)
        if sid not in self._batches:
            self._begin([(item, self._source.take(item))], rest)
        batch = self._batches.pop(sid)
        found = batch.get(sid)
        self._strays.discard(sid)
        if batch is not self._latest and len(self._batches) < AHEAD:
            self._latest = batch
            self._begin([], rest)
        return found

    def _begin(self, messages: list[tuple[Item, bytes]], upcoming: Iterator[Item]) -> None:
        """Begin to write ``messages``, and with them those of ``upcoming`` that are not on their way yet."""
        size = sum(len(data) for _, data in messages)
        for other in islice(upcoming, 2 * AHEAD):
            if len(messages) >= AHEAD or size >= _MOST:
                break
            if other.entry.sid not in self._batches:
                try:
                    data = self._source.take(other)
                except StorageFailed:
                    raise
                except CrmError:
                    continue  # That is told when it is their turn.
                messages.append((other, data))
                size += len(data)
        if messages:
            # What was there before has been tried once, and is to stay.
            self._strays.update(item.entry.sid for item, _ in messages if not item.row.eml)
            batch = _Batch(self._folder, {item.entry.sid: data for item, data in messages})
            self._batches.update((item.entry.sid, batch) for item, _ in messages)

    def drop(self, item: Item) -> None:
        """Take away what was put there for a message that does not go out now."""
        batch = self._batches.pop(item.entry.sid, None)
        if batch is not None:
            batch.join()
        self._remove(item.entry.sid)

    def clear(self) -> None:
        """Take away everything whose turn has not come."""
        for batch in set(self._batches.values()):
            batch.join()
        self._batches.clear()
        for sid in list(self._strays):
            self._remove(sid)

    def _remove(self, sid: str) -> None:
        if sid in self._strays:
            self._strays.remove(sid)
            with contextlib.suppress(StorageFailed):  # It is written over, or taken away, in a later run.
                spool.remove(self._folder, sid)
