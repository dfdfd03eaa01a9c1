"""Going on after a ledger was lost, cut, changed, or put back from an older copy.

What can still be read of this host's lines, in its log and in the tracked mirrors, is kept in a file of its own. The
log starts anew behind it, with numbers far above, so that lines which turn up later still find their place. Whatever
may have happened in lines that nobody has any more is taken to have happened: those sends become unknown, and are held.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.mail.ledger.anchor import START
from crmctl.mail.ledger.anchor import Mark
from crmctl.mail.ledger.anchor import read_mark
from crmctl.mail.ledger.anchor import write_mark
from crmctl.mail.ledger.chain import ADOPTED
from crmctl.mail.ledger.chain import is_adoption
from crmctl.mail.ledger.chain import read_history
from crmctl.mail.ledger.durable import failed
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import prepare
from crmctl.mail.ledger.durable import replace
from crmctl.mail.ledger.durable import sync_folder
from crmctl.mail.ledger.durable import temporary_of
from crmctl.mail.ledger.lines import Event
from crmctl.mail.ledger.lines import event_of
from crmctl.mail.ledger.lines import written
from crmctl.mail.ledger.opening import open_locked
from crmctl.mail.ledger.opening import stamp
from crmctl.mail.ledger.states import PENDING
from crmctl.mail.ledger.states import fold

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path

    from crmctl.mail.ledger.chain import History
    from crmctl.mail.ledger.lines import Line

STEP = 1_000_000
"""Numbers that are left free for lines that turn up later."""


class Adopted(NamedTuple):
    """What came of it: how many lines were kept, whether others may be missing, and which sends are held for that."""

    kept: int
    lost: bool
    held: tuple[str, ...]


def adopt_mirror(
    folder: Path,
    host: str,
    *,
    mirrors: Sequence[Path] = (),
    planned: Iterable[tuple[str, str]] = (),
    tried: Iterable[tuple[str, str]] = (),
    noted: Collection[str] = (),
    hold: bool = True,
) -> Adopted:
    """Have ``host`` go on from what can be read of its lines; ``folder`` and ``mirrors`` as for ``Ledger``.

    ``planned`` are sends (sid, camp) that frozen plans know of: where the ledger has lost all it knew of one, it is
    held too. ``tried`` are sends that are known from elsewhere to have been tried: where the ledger does not know that,
    lines are missing. In the camps ``noted`` they are all that were tried, as long as no line tells of another one:
    only those are held there. Without ``hold`` no send is held: for whoever knows that nothing was sent in such lines.

    Raises:
        LedgerDamaged: what is wrong is in a tracked file; git has it as it was.
        Conflict: the log is whole; there is nothing to adopt.
        Locked: another process writes to it.
        StorageFailed: the files cannot be read or written; run it again.
    """
    wal, known = folder / "wal", dict(tried)
    make_folder(wal)
    path, anchor = wal / f"{host}.jsonl", wal / f"{host}.anchor"
    descriptor = open_locked(path)
    try:
        mark = read_mark(anchor)
        history, own = read_history(wal, host, mirrors, mark)
        lines = history.lines_of(host)
        strange = _untold(history, host, known)
        if not history.problems_of(host, own) and not strange:
            history.refuse()
            raise Conflict("the ledger of this machine is whole; there is nothing to adopt")
        lost = bool(strange) or not _is_whole(lines, mark)
        doubtful = dict(_doubtful(history, host, planned))
        untried = _untried(history, host, doubtful, known, noted)
        doubtful = {sid: camp for sid, camp in doubtful.items() if sid not in untried}
        held = [*{**doubtful, **strange}.items()] if lost and hold else []
        top = max(lines[-1].seq if lines else 0, (mark or START).seq)
        new = _begin(host, Mark(top // STEP * STEP + STEP, lines[-1].digest if lines else START.digest), held)
        if lines:
            replace(wal / f"{host}.upto-{top}.jsonl", b"".join([b"%s\n" % line.raw for line in lines]))
        _put(path, anchor, new, wal / f"{host}.{top}.damaged")
    except OSError as exc:
        raise failed(path, exc, "write") from exc
    finally:
        os.close(descriptor)
    return Adopted(len(lines), lost, tuple(sid for sid, _camp in held))


def _put(path: Path, anchor: Path, new: Sequence[Line], damaged: Path) -> None:
    """Put the new log in the place of the old one, which goes to ``damaged``."""
    # From here until the new log is in its place, the anchor is ahead of the old one: nothing is sent in between.
    write_mark(anchor, Mark(new[-1].seq, new[-1].digest))
    prepare(path, b"".join([b"%s\n" % line.raw for line in new]))
    path.replace(damaged)
    temporary_of(path).replace(path)
    sync_folder(path.parent)


def _is_whole(lines: list[Line], mark: Mark | None) -> bool:
    """Whether these are all lines that the host ever wrote."""
    if mark is None:
        return False
    last = START
    for line in lines:
        if not is_adoption(line) and (line.seq != last.seq + 1 or line.prev != last.digest):
            return False
        last = Mark(line.seq, line.digest)
    return last == mark


def _untried(
    history: History, host: str, doubtful: Mapping[str, str], tried: Mapping[str, str], noted: Collection[str]
) -> set[str]:
    """Those of ``doubtful`` of which it is known from elsewhere that nothing was tried.

    The notes of a camp do not tell that when they lack a send that this host has tried by its lines: they are then of
    another machine, whose place this one took.
    """
    events = (event_of(raw) for raw in history.raw_lines())
    lacking = {one.camp for one in events if one.ev == "attempt" and one.host == host and one.sid not in tried}
    return {sid for sid, camp in doubtful.items() if camp in noted and camp not in lacking and sid not in tried}


def _untold(history: History, host: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of ``wanted`` of which no line says that anything was tried."""
    rows = fold((event_of(raw) for raw in history.raw_lines()), host) if wanted else {}
    known = {sid for sid, row in rows.items() if row.attempts or row.doubts or row.state in ("accepted", "rejected")}
    return {sid: camp for sid, camp in wanted.items() if sid not in known}


def _doubtful(history: History, host: str, planned: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The sends (sid, camp) that this host had to do with and that are not known to be done."""
    events = [event_of(raw) for raw in history.raw_lines()]
    own = {event.sid for event in events if event.host == host}
    rows = fold(events, host)
    found = {row.sid: row.camp for row in rows.values() if row.sid in own and row.state in PENDING - {"unknown"}}
    return list({**{sid: camp for sid, camp in planned if sid not in rows}, **found}.items())


def _begin(host: str, before: Mark, held: list[tuple[str, str]]) -> list[Line]:
    """The first lines of the new log: that it was adopted, and which sends nobody can know about."""
    wanted = [("note", "", ""), *(("unknown", sid, camp) for sid, camp in held)]
    lines: list[Line] = []
    digest = before.digest
    for seq, (ev, sid, camp) in enumerate(wanted, before.seq + 1):
        line = written(Event(seq, stamp(), host, "", ev, sid, camp, {"why": ADOPTED}), digest)
        digest = line.digest
        lines.append(line)
    return lines
