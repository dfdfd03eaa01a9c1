"""What the logs of all hosts say together, and whether each is whole: the side of the ledger that only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import NOT_SENT
from crmctl.errors import CrmError
from crmctl.errors import Problem
from crmctl.mail.ledger.anchor import START
from crmctl.mail.ledger.anchor import Mark
from crmctl.mail.ledger.anchor import read_mark
from crmctl.mail.ledger.durable import read
from crmctl.mail.ledger.lines import NOTHING
from crmctl.mail.ledger.lines import Line
from crmctl.mail.ledger.lines import checked

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Sequence
    from pathlib import Path

ADOPTED = "adopted"
"""What a note says (``why``) with which a host goes on after its log was damaged."""

_ADOPTED = b'"why":"adopted"'
_ADOPT = (
    "Put the file back as it was, from a backup. Or run crmctl outbox adopt: it goes on from what can still be read, "
    "and holds back whoever may have got the mail already."
)
_MIRROR = "Put the file back as it was: git restore, or git log -p to see who changed it."
_UPDATE = "A newer crmctl has written this; update crmctl here."
_SAYS = {
    "edited": "this line was changed after it was written",
    "unknown-version": "this line has a version that is not known here",
    "unknown-event": "this line tells of an event that is not known here",
}


class LedgerDamaged(CrmError):
    """The ledger cannot be relied on, so nothing may be sent; reports can still be made from it."""

    code = NOT_SENT


class Own(NamedTuple):
    """The log of this host: what stands in its file, its unfinished last line, and what its anchor says."""

    path: Path
    lines: dict[int, Line]
    tail: bytes
    mark: Mark | None

    @property
    def last(self) -> Mark:
        """The last line."""
        if not self.lines:
            return START
        line = self.lines[max(self.lines)]
        return Mark(line.seq, line.digest)


class History:
    """The lines of all hosts, each once, by host and number, with all that is wrong with them."""

    def __init__(self) -> None:
        self.lines: dict[str, dict[int, Line]] = {}
        self.twins: list[Line] = []
        self.damaged: list[bytes] = []
        self.problems: list[Problem] = []
        self._twin_problems: list[tuple[Line, Problem]] = []
        self._seen: set[bytes] = set()

    def take_log(self, path: Path) -> tuple[dict[int, Line], bytes]:
        """Add a log of this clone; gives its lines, and what stands behind the last line end.

        That was never finished, so that nobody relies on it.
        """
        *raws, tail = read(path).split(b"\n")
        return self._take(path, raws, _ADOPT), tail

    def take_other_log(self, path: Path) -> None:
        """Add a log of this clone that another program writes, or wrote once; its anchor is looked at if it has one."""
        # The anchor first: it may be behind its log, and never ahead of it.
        mark = read_mark(path.with_suffix(".anchor"))
        lines, tail = self.take_log(path)
        if mark is not None:
            self._check(lines, Own(path, lines, tail, mark))

    def take_mirror(self, path: Path) -> None:
        """Add a tracked file, which may hold some of a host's lines only, with line ends as git has made them."""
        if not self._seen:
            # Most mirrors are copies of what the logs of this clone say: no need to check those lines twice.
            self._seen.update(line.raw for lines in self.lines.values() for line in lines.values())
        raws = [raw[:-1] if raw.endswith(b"\r") else raw for raw in read(path).split(b"\n")]
        self._seen.update(line.raw for line in self._take(path, raws, _MIRROR).values())

    def _take(self, path: Path, raws: Iterable[bytes], hint: str) -> dict[int, Line]:
        found: dict[int, Line] = {}
        for number, raw in enumerate(raws, 1):
            if not raw or raw in self._seen:
                continue
            line = checked(raw)
            if isinstance(line, str):
                self.damaged.append(raw)
                say = Problem(str(path), number, 0, line, _SAYS[line], hint if line == "edited" else _UPDATE)
                self.problems.append(say)
                continue
            host = self.lines.get(line.host)
            if host is None:
                host = self.lines[line.host] = {}
            known = host.setdefault(line.seq, line)
            if known is not line and known.digest != line.digest and line not in self.twins:
                message = f"host {line.host} has written two different lines {line.seq}"
                hint_two = f"Two clones send as one host. Give one of them an id of its own. {_ADOPT}"
                self.twins.append(line)
                self._twin_problems.append((line, Problem(str(path), number, 0, "two-lines", message, hint_two)))
            found[line.seq] = line
        return found

    def check_links(self) -> None:
        """Look at how the lines of each host hang together; what an adoption has settled is settled."""
        settled = {host: _settled(lines) for host, lines in self.lines.items()}
        for line, problem in self._twin_problems:
            if line.seq > settled[line.host]:
                self.problems.append(problem)
        for host, lines in self.lines.items():
            before = Line(0, host, "", "", NOTHING, b"")
            for seq in sorted(lines):
                line = lines[seq]
                if seq == before.seq + 1 and line.prev != before.digest and seq > settled[host]:
                    message = f"line {seq} of host {host} does not follow from the one before it"
                    self.problems.append(Problem(host, seq, 0, "broken-chain", message, _ADOPT))
                before = line

    def check_own(self, host: str, own: Own) -> None:
        """Look whether the log of this host is all that it ever wrote."""
        self._check(self.lines.get(host, {}), own)

    def _check(self, lines: dict[int, Line], own: Own) -> None:
        for code, message in _own_faults(lines, own):
            self.problems.append(Problem(str(own.path), 0, 0, code, message, _ADOPT))

    def lines_of(self, host: str) -> list[Line]:
        """All lines of a host by number, also where there are two with one number."""
        return sorted([*self.lines.get(host, {}).values(), *(line for line in self.twins if line.host == host)])

    def problems_of(self, host: str, own: Own) -> list[Problem]:
        """What is wrong with the lines of ``host`` or with its log, and not with a tracked file."""
        twins = [problem for line, problem in self._twin_problems if line.host == host]
        return [found for found in self.problems if found.path in (host, str(own.path)) or found in twins]

    def raw_lines(self, *, host: str = "", containing: bytes = b"") -> Iterator[bytes]:
        """The lines of one host, or of all, in the order of their numbers, host after host."""
        for name in [host] if host else sorted(self.lines):
            for line in self.lines_of(name):
                if containing in line.raw:
                    yield line.raw

    def refuse(self) -> None:
        """Raise what is wrong, if anything is.

        Raises:
            LedgerDamaged: with all problems.
        """
        if not self.problems:
            return
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        raise LedgerDamaged(f"nothing is sent: {first}{more}", hint=first.hint, problems=self.problems)


def read_history(folder: Path, host: str, mirrors: Sequence[Path], mark: Mark | None) -> tuple[History, Own]:
    """All logs under ``folder``, all ``mirrors`` (files, or folders of them), and the log of ``host`` by itself.

    Raises:
        StorageFailed: a file cannot be read.
    """
    history = History()
    path = folder / f"{host}.jsonl"
    lines, tail = history.take_log(path)
    own = Own(path, lines, tail, mark)
    for log in sorted(folder.glob("*.jsonl")):
        if log != path:
            history.take_other_log(log)
    for mirror in mirrors:
        for file in sorted(mirror.rglob("*.jsonl")) if mirror.is_dir() else [mirror]:
            history.take_mirror(file)
    history.check_links()
    history.check_own(host, own)
    return history, own


def is_adoption(line: Line) -> bool:
    """Whether a host has gone on anew with this line."""
    return line.ev == "note" and _ADOPTED in line.raw


def _settled(lines: dict[int, Line]) -> int:
    """Up to which line somebody has looked at what was wrong, and had the host go on."""
    return max((line.seq for line in lines.values() if is_adoption(line)), default=0)


def _own_faults(all_lines: dict[int, Line], own: Own) -> Iterator[tuple[str, str]]:
    """What is missing from the log of this host, as code and message; ``all_lines`` are those of its mirrors too."""
    last, mark = own.last, own.mark
    if mark is None and own.lines:
        yield "no-anchor", "the file that says how far this log reached is missing or cannot be read"
    elif mark is not None and mark.seq > last.seq:
        yield "cut", f"this log ends with line {last.seq} but has reached line {mark.seq} before"
    elif mark is not None and mark.seq:
        line = own.lines.get(mark.seq)
        if line is None or line.digest != mark.digest:
            yield "replaced", f"line {mark.seq} of this log is not the one that was written"
    if own.lines:
        first = own.lines[min(own.lines)]
        if len(own.lines) != last.seq - first.seq + 1:
            yield "gap", "lines are missing inside this log"
        if first.seq != 1 and not is_adoption(first):
            yield "cut", f"this log begins with line {first.seq}"
    ahead = max(all_lines, default=0)
    if ahead > last.seq:
        yield "behind", f"this log ends with line {last.seq}, but the tracked copy of it has line {ahead}"
