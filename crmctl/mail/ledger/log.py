"""The ledger of sends: what was about to happen is on the disk before it happens, and what became of it right after.

Each host appends to a log of its own, ``wal/<host>.jsonl``, and to no other. Lines are chained by digests, and an
anchor beside the log says how far it reached; tracked files mirror the lines for other clones, and for this one when
its log is lost. Whatever is wrong with any of these, nothing may be sent; reports can be made all the same.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING
from typing import Self

from crmctl.errors import NOT_SENT
from crmctl.errors import StorageFailed
from crmctl.mail.ledger.anchor import START
from crmctl.mail.ledger.anchor import Anchor
from crmctl.mail.ledger.anchor import Mark
from crmctl.mail.ledger.anchor import read_mark
from crmctl.mail.ledger.anchor import write_mark
from crmctl.mail.ledger.chain import History
from crmctl.mail.ledger.chain import LedgerDamaged
from crmctl.mail.ledger.chain import Own
from crmctl.mail.ledger.chain import read_history
from crmctl.mail.ledger.durable import failed
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import sync_folder
from crmctl.mail.ledger.entries import fit_about
from crmctl.mail.ledger.entries import fit_kind
from crmctl.mail.ledger.entries import fit_sid
from crmctl.mail.ledger.lines import KINDS
from crmctl.mail.ledger.lines import Event
from crmctl.mail.ledger.lines import event_of
from crmctl.mail.ledger.lines import event_perhaps
from crmctl.mail.ledger.lines import is_host
from crmctl.mail.ledger.lines import naming
from crmctl.mail.ledger.lines import written
from crmctl.mail.ledger.opening import boot
from crmctl.mail.ledger.opening import move_torn
from crmctl.mail.ledger.opening import open_locked
from crmctl.mail.ledger.opening import stamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path

    from crmctl.errors import Problem
    from crmctl.mail.ledger.states import Row

__all__ = ["KINDS", "Event", "Ledger", "LedgerDamaged", "LedgerFailed"]

_UNSURE = "it is not known whether the last lines are on the disk"


class LedgerFailed(StorageFailed):
    """The ledger could not be written, so that what comes next could not be known again: nothing more may be sent."""

    code = NOT_SENT


class Ledger:
    """One host's append-only log under ``folder/wal``, with those of other hosts to read.

    ``mirrors`` are the tracked files of all hosts (or folders of them). ``notes`` says what ``open`` has put in order,
    ``problems`` what was wrong when the logs were last read.
    """

    def __init__(self, folder: Path, host: str, *, mirrors: Sequence[Path] = ()) -> None:
        if not is_host(host):
            raise ValueError(f"no id of a host: {host!r}")
        self.folder = folder / "wal"
        self.host = host
        self.path = self.folder / f"{host}.jsonl"
        self.notes: list[str] = []
        self.problems: Sequence[Problem] = ()
        self._anchor_path = self.folder / f"{host}.anchor"
        self._anchor = Anchor(self._anchor_path)
        self._mirrors = tuple(mirrors)
        self._descriptor = -1
        self._broken = "it is not open"
        self._size = 0
        self._unsettled = 0
        self._last = START
        self._boot = ""
        self._history: History | None = None
        self._folded: tuple[tuple[str, bool, Mark] | None, dict[str, Row]] | None = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def open(self) -> None:
        """Check all that is there, and make ready to append; to read only, ``events`` is enough and changes nothing.

        A last line that a crash left unfinished is moved to a file beside the log (``*.torn``), and ``notes`` says so.

        Raises:
            LedgerDamaged: a line was changed, taken away, or is not understood: nothing may be sent.
            Locked: another process appends to this log.
            StorageFailed: the files cannot be read or written.
        """
        make_folder(self.folder)
        with ExitStack() as stack:
            self._descriptor = open_locked(self.path)
            stack.callback(self._let_go)
            try:
                history, own = self._read()
                history.refuse()
                if own.tail:
                    self.notes.append(move_torn(self._descriptor, self.path, own.tail))
                self._prepare(own)
            except OSError as exc:
                raise failed(self.path, exc, "write", LedgerFailed) from exc
            self._history = history
            stack.pop_all()
        self._broken = ""

    def _prepare(self, own: Own) -> None:
        """Have an anchor that says where the log ends, and all of both on the disk."""
        # What a process wrote that was killed before its fsync is seen by us, and has to outlast a power cut too.
        os.fsync(self._descriptor)
        self._size = os.fstat(self._descriptor).st_size
        self._last = own.last
        if own.mark != own.last:
            write_mark(self._anchor_path, own.last)
        sync_folder(self.folder)
        self._anchor.open()
        self._boot = boot()

    def close(self) -> None:
        """Let the log go; ``open`` takes it up again.

        Raises:
            StorageFailed: the anchor could not be written; the log itself is whole.
        """
        try:
            if self._broken != _UNSURE:
                self.settle()
            self._anchor.close()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        self._broken = self._broken or "it is not open"
        self._history = self._folded = None
        self._unsettled = 0
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def append(self, ev: str, sid: str = "", camp: str = "", **about: str | int) -> Event:
        """Write one event; it is on the disk when this returns.

        Raises:
            LedgerFailed: it is not known to be there (a full disk, say): stop sending at once.
            ValueError: the event or what is told about it may not stand in a ledger; a mistake in the program.
        """
        return self.append_many([(ev, sid, camp, about)])[0]

    def append_many(
        self, rows: Iterable[tuple[str, str, str, Mapping[str, str | int]]], *, wait: bool = True
    ) -> list[Event]:
        """Write many events, each as (ev, sid, camp, about), with one wait for the disk.

        Without ``wait`` they outlive this process at once, and a power cut from the next ``settle`` on: that is waited
        for by the next append, and before anything is read here.

        Raises:
            LedgerFailed, ValueError: as for ``append``; after a crash the first of them may be there without the rest.
        """
        if self._broken:
            raise LedgerFailed(f"{self.path}: cannot append: {self._broken}")
        seq, digest = self._last
        now = stamp()
        events, lines = [], []
        for ev, sid, camp, about in rows:
            seq += 1
            event = Event(seq, now, self.host, self._boot, fit_kind(ev), fit_sid(sid), camp, fit_about(about))
            line = written(event, digest)
            digest = line.digest
            events.append(event)
            lines.append(line)
        if lines:
            self._write(b"".join([b"%s\n" % line.raw for line in lines]))
            self._last = Mark(seq, digest)
            self._unsettled += len(lines)
            if self._history is not None:
                self._history.lines.setdefault(self.host, {}).update((line.seq, line) for line in lines)
        if wait:
            self.settle()
        return events

    def _write(self, data: bytes) -> None:
        state = os.fstat(self._descriptor)
        if state.st_size != self._size or state.st_nlink == 0:
            self._broken = "another program has changed or replaced the file"
            raise LedgerFailed(f"{self.path}: {self._broken}", hint="Let one crmctl at a time send for this book.")
        # Until it is known to be on the disk; also when Ctrl-C comes in between.
        self._broken = "the last line was not written"
        try:
            count = os.write(self._descriptor, data)
            if count != len(data):
                # ENOSPC shows as a short count first.
                os.ftruncate(self._descriptor, self._size)
                message = f"{self.path}: cannot append: the disk took {count:,} of {len(data):,} bytes"
                raise LedgerFailed(message, hint="The disk is full; make room before you go on.")
        except OSError as exc:
            raise failed(self.path, exc, "append", LedgerFailed) from exc
        self._size += count
        self._broken = ""

    def settle(self) -> None:
        """Have everything that was written on the disk.

        Raises:
            LedgerFailed: it is not known to be there: stop sending at once.
        """
        if not self._unsettled:
            return
        if self._broken == _UNSURE:  # The system tells only once of what it lost.
            raise LedgerFailed(f"{self.path}: {_UNSURE}")
        broken, self._broken = self._broken, _UNSURE
        try:
            os.fsync(self._descriptor)
        except OSError as exc:
            raise failed(self.path, exc, "append", LedgerFailed) from exc
        self._broken = broken
        # Only now: an anchor that is ahead of its log means that lines are missing.
        lines, self._unsettled = self._unsettled, 0
        try:
            self._anchor.set(self._last, lines)
        except StorageFailed as exc:
            self._broken = "its anchor was not written"
            raise LedgerFailed(exc.message, hint=exc.hint) from exc

    def events(self, *, tolerant: bool = False) -> Iterator[Event]:
        """All events of all hosts, each once: host after host, each in the order of its lines.

        With ``tolerant`` a damaged ledger is read as far as it goes, for reports; ``problems`` says what is wrong.

        Raises:
            LedgerDamaged: something is, and ``tolerant`` was not asked for.
            StorageFailed: a file cannot be read.
        """
        return self._events(b"", tolerant)

    def of_campaign(self, camp: str, *, tolerant: bool = False) -> Iterator[Event]:
        """The events of one campaign, as ``events`` gives them."""
        return self._events(naming(camp), tolerant)

    def _events(self, containing: bytes, tolerant: bool) -> Iterator[Event]:
        history = self._known()
        if not tolerant:
            history.refuse()
        for raw in history.raw_lines(containing=containing):
            yield event_of(raw)
        for raw in history.damaged:
            event = event_perhaps(raw) if containing in raw else None
            if event is not None:
                yield event

    def lines(self, camp: str) -> Iterator[bytes]:
        """This host's lines about a campaign as they stand in its log, for the tracked mirror; each with its line end.

        Raises:
            LedgerDamaged, StorageFailed: as for ``events``.
        """
        history = self._known()
        history.refuse()
        for raw in history.raw_lines(host=self.host, containing=naming(camp)):
            yield raw + b"\n"

    def rows(self, camp: str = "", *, tolerant: bool = False) -> dict[str, Row]:
        """The states of all sends, or of those of one campaign, as this host may rely on them."""
        from crmctl.mail.ledger.states import fold

        # While it is open nobody else appends to it, and what others wrote was read when it was opened.
        key = (camp, tolerant, self._last) if self._history is not None else None
        if key is None or self._folded is None or self._folded[0] != key:
            events = self.of_campaign(camp, tolerant=tolerant) if camp else self.events(tolerant=tolerant)
            self._folded = key, fold(events, self.host)
        return dict(self._folded[1])

    def _known(self) -> History:
        """What all logs say, and of ours what is on the disk: nobody is told what a power cut could take back."""
        self.settle()
        return self._history or self._read()[0]

    def _read(self) -> tuple[History, Own]:
        history, own = read_history(self.folder, self.host, self._mirrors, read_mark(self._anchor_path))
        self.problems = history.problems
        return history, own
