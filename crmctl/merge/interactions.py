"""Merge the history of a customer: lines by their id, each one by its fields."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.merge.outcome import NO_ANSWERS
from crmctl.merge.outcome import Clash
from crmctl.merge.outcome import Three
from crmctl.merge.policies import words
from crmctl.merge.records import merge_record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence
    from datetime import datetime
    from typing import TypeAlias

    from crmctl.merge.outcome import Answers
    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap

    Key: TypeAlias = tuple[str, str, int]


class Line(NamedTuple):
    """A line of a history: its id ("" when it has none), its three states, and what became of it (None: removed)."""

    name: str
    base: RawMap | None
    ours: RawMap | None
    theirs: RawMap | None
    data: RawMap | None = None
    clashes: tuple[Clash, ...] = ()


class History(NamedTuple):
    """All lines in order; or why they were not merged, in words."""

    lines: tuple[Line, ...]
    refused: str = ""


def merge_history(
    kind: Kind,
    base: Sequence[RawMap],
    ours: Sequence[RawMap],
    theirs: Sequence[RawMap],
    answers: Answers = NO_ANSWERS,
    *,
    of_one: bool = False,
) -> History:
    """The lines that either side added, without those that either side removed, in the order of time.

    A side that kept no line of the base may be the history of somebody else, unless ``of_one`` says that all three are
    known to be of one customer.
    """
    try:
        sides = [_by_key(lines) for lines in (base, ours, theirs)]
    except ValueError as error:
        return History((), str(error))
    old = sides[0]
    if old and not of_one and any(old.keys().isdisjoint(side) for side in sides[1:]):
        return History((), "one side kept no line of the history")
    lines = []
    for key in {**sides[1], **sides[2]}:
        old_line, our_line, their_line = (side.get(key) for side in sides)
        line = merge_line(kind, Line(key[0], old_line, our_line, their_line), answers)
        if line.data is not None or line.clashes:
            lines.append(line)
    return History(tuple(sorted(lines, key=_order)))


def _by_key(lines: Iterable[RawMap]) -> dict[Key, RawMap]:
    """Lines by their id; those without one by what they say and which of several alike they are."""
    found: dict[Key, RawMap] = {}
    alike: Counter[str] = Counter()
    for line in lines:
        name, text = _name(line), ""
        if not name:
            text = words(line)
            alike[text] += 1
        elif (name, "", 0) in found:
            raise ValueError(f"the id {name} stands twice in one history")
        found[name, text, alike[text]] = line
    return found


def merge_line(kind: Kind, line: Line, answers: Answers = NO_ANSWERS) -> Line:
    """One line merged; ``answers`` are those for the whole history."""
    name, base, ours, theirs = line[:4]
    three = Three(base, ours, theirs)
    if three.settled:
        return line._replace(data=theirs if ours == base else ours)
    if ours is None or theirs is None:
        answer = answers.get((name,), "")
        if answer is None or isinstance(answer, dict):
            return line._replace(data=answer)
        return line._replace(data=ours, clashes=(Clash((name,), (), base, ours, theirs),))
    inner = {path[1:]: value for path, value in answers.items() if path[0] == name and len(path) > 1}
    merged = merge_record(kind, base or {}, ours, theirs, inner)
    clashes = tuple(clash._replace(path=(name, *clash.path)) for clash in merged.clashes)
    return line._replace(data=merged.data, clashes=clashes)


def _order(line: Line) -> tuple[bool, datetime | int, str, str]:
    data = line.data or line.theirs or {}
    moment, name = _moment(data.get("at")), _name(data)
    return moment is not None, moment or 0, name, "" if name else words(data)


def _name(line: RawMap) -> str:
    """The id of a line, "" when it has none."""
    name = line.get("id")
    return name if isinstance(name, str) else ""


def _moment(at: object) -> datetime | None:
    """The moment of a line, None when it has none."""
    from datetime import UTC
    from datetime import datetime

    try:
        found = datetime.fromisoformat(str(at))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
