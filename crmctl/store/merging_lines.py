"""Merge a JSON Lines file: the history of a customer. Lines that say what they said keep their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.merge.interactions import merge_history
from crmctl.merge.interactions import merge_line
from crmctl.store import jsonl
from crmctl.store import markers
from crmctl.store.filemerge import FileMerge

if TYPE_CHECKING:
    from crmctl.merge.interactions import Line
    from crmctl.merge.outcome import Answers
    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.store.filemerge import Sides


def merge_lines(kind: Kind, sides: Sides, answers: Answers, *, of_one: bool = False) -> FileMerge:
    """The merged history; ``of_one`` says that all sides are known to be of one customer."""
    states: list[list[RawMap]] = []
    raws: dict[int, bytes] = {}
    for words, data in sides.versions:
        lines, problems = jsonl.read_lines(data, sides.path)
        if problems:
            return sides.refused(f"{words} cannot be read: {problems[0].message}")
        states.append([line.value for line in lines])
        raws.update((id(line.value), line.raw) for line in lines)
    base, ours, theirs = states
    history = merge_history(kind, base, ours, theirs, answers, of_one=of_one)
    if history.refused:
        return sides.refused(history.refused)
    writer = _Writer(kind, answers, sides, raws)
    data = b"".join(map(writer.written, history.lines))
    if writer.longest > jsonl.MAX_LINE or len(data) > jsonl.MAX_FILE:
        return sides.refused("the merged history would be more than a file may hold")
    return FileMerge(data, tuple(clash for line in history.lines for clash in line.clashes))


class _Writer:
    """Turns merged lines into bytes: those they were read from, whenever they say the same."""

    def __init__(self, kind: Kind, answers: Answers, sides: Sides, raws: dict[int, bytes]) -> None:
        self.kind = kind
        self.answers = answers
        self.raws = raws  # by the identity of what was read from them
        self.size = sides.marker_size
        self.newline = "\r\n" if b"\r\n" in sides.ours else "\n"
        self.longest = 0

    def written(self, line: Line) -> bytes:
        """The line with its line feed; its versions between markers when something is asked."""
        if not line.clashes:
            return self._line(line)
        ours, base, theirs = (self._version(line, side).decode("utf-8") for side in ("ours", "base", "theirs"))
        return markers.block(ours, base, theirs, self.size, self.newline).encode("utf-8")

    def _version(self, line: Line, side: str) -> bytes:
        """The line as it would be with the value of one side wherever there is a question."""
        given = {clash.path: getattr(clash, side) for clash in line.clashes}
        return self._line(merge_line(self.kind, line, {**self.answers, **given}))

    def _line(self, line: Line) -> bytes:
        if line.data is None:
            return b""
        same = [self.raws[id(side)] for side in (line.ours, line.theirs) if side is not None and side == line.data]
        if same:
            return min([raw for raw in same if raw != self.raws.get(id(line.base))] or same) + b"\n"
        known = [field.name for field in self.kind.stored if field.name in line.data]
        data = {name: line.data[name] for name in (*known, *line.data)}
        fresh = jsonl.write_line(data).removesuffix(b"\n")
        self.longest = max(self.longest, len(fresh))
        return fresh + self.newline.encode()
