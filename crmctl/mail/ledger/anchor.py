"""How far the ledger reached, kept beside it: what shows that its end was cut off, or that an older copy was put back.

Two slots are written in turn, each in a sector of its own with a digest of its own, so that a write that is cut short
leaves the one before. An anchor that is behind its ledger is what a power cut leaves and does no harm; one that is
ahead of it means that lines are missing.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import StorageFailed
from crmctl.mail.ledger.durable import FLAGS
from crmctl.mail.ledger.durable import PRIVATE
from crmctl.mail.ledger.durable import failed
from crmctl.mail.ledger.durable import replace
from crmctl.mail.ledger.lines import NOTHING
from crmctl.mail.ledger.lines import digest_of

if TYPE_CHECKING:
    from pathlib import Path

_SLOT = 512
_SYNC_EVERY = 64
_TEXT = re.compile(rb"crmctl ledger ([0-9]{15}) ([0-9a-f]{32}) ([0-9a-f]{32})\n")


class Mark(NamedTuple):
    """The last line of a ledger: its number and its digest; 0 for a ledger without lines."""

    seq: int
    digest: str


START = Mark(0, NOTHING)


class Anchor:
    """The anchor file at ``path``, open for as long as its ledger is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._unsynced = 0

    def open(self) -> None:
        """Make ready to ``set``.

        Raises:
            StorageFailed: the file is not there or cannot be written.
        """
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | FLAGS, PRIVATE)
        except OSError as exc:
            raise failed(self._path, exc, "write") from exc

    def set(self, mark: Mark, lines: int) -> None:
        """Note that the ledger has reached ``mark``, which is on the disk, with ``lines`` more.

        A killed process loses nothing of this. A power cut can: it is synced every 64 lines, so that a line costs one
        wait for the disk and not two.

        Raises:
            StorageFailed: it cannot be written.
        """
        try:
            if os.pwrite(self._descriptor, _slot(mark), _SLOT * (mark.seq % 2)) != _SLOT:
                raise StorageFailed(f"{self._path}: cannot write: the disk is full")
            self._unsynced += lines
            if self._unsynced >= _SYNC_EVERY:
                os.fsync(self._descriptor)
                self._unsynced = 0
        except OSError as exc:
            raise failed(self._path, exc, "write") from exc

    def close(self) -> None:
        """Let go of the file, with what it holds on the disk."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        try:
            if self._unsynced:
                os.fsync(descriptor)
        except OSError as exc:
            raise failed(self._path, exc, "write") from exc
        finally:
            os.close(descriptor)


def read_mark(path: Path) -> Mark | None:
    """What the anchor at ``path`` says; None when there is no file, or none that can be made out.

    Raises:
        StorageFailed: the system refuses to read it.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise failed(path, exc, "read") from exc
    marks = [_mark(data[start : start + _SLOT]) for start in (0, _SLOT)]
    return max((mark for mark in marks if mark is not None), default=None)


def write_mark(path: Path, mark: Mark) -> None:
    """Have an anchor at ``path`` that says ``mark`` and nothing else, on the disk.

    Raises:
        StorageFailed: it cannot be written.
    """
    slots = [bytes(_SLOT), bytes(_SLOT)]
    slots[mark.seq % 2] = _slot(mark)
    replace(path, b"".join(slots))


def _slot(mark: Mark) -> bytes:
    text = f"crmctl ledger {mark.seq:015d} {mark.digest}"
    return f"{text} {digest_of(text.encode())}\n".encode().ljust(_SLOT, b"\0")


def _mark(slot: bytes) -> Mark | None:
    match = _TEXT.match(slot)
    if match is None or digest_of(slot[: match.start(3) - 1]) != match[3].decode():
        return None
    return Mark(int(match[1]), match[2].decode())
