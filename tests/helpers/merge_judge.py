"""Whether what a merge gave is one of the outcomes that the oracle takes: for records and for histories."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from helpers import merge_oracle as oracle

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

    from helpers.merge_oracle import Part
    from helpers.merge_oracle import Path
    from helpers.merge_oracle import Record

_UNORDERED = frozenset({"do_not_contact"})
"""Lists for which the page gives no order."""


def faults(parts: Iterable[Part], data: Record | None, clashes: Iterable[Path]) -> list[str]:
    """What is wrong with a merged record (None: not known, look at the questions only); nothing when it is right."""
    left = list(clashes)
    found = [f"{path} is asked twice" for path in {path for path in left if left.count(path) > 1}]
    rest = dict(data or {})
    for part in parts:
        mine = frozenset(path for path in left if _belongs(path, part))
        left = [path for path in left if path not in mine]
        got = {name: rest.pop(name) for name in part.names if name in rest}
        if not any(_fits(outcome, None if data is None else got, mine) for outcome in part.outcomes):
            wanted = " or ".join(f"{o.values} asking {sorted(o.clashes)}" for o in part.outcomes[:3])
            found.append(f"{'/'.join(part.names)}: got {got} asking {sorted(mine)}, want {wanted}")
    found += [f"{path} is asked, and nobody changed it" for path in left]
    return found + [f"{name} is there, and no side has it" for name, value in rest.items() if value not in ([], {})]


def _belongs(path: Path, part: Part) -> bool:
    return bool(path) and path[0] in part.names


def _fits(outcome: oracle.Outcome, got: Record | None, clashes: frozenset[Path]) -> bool:
    if clashes != outcome.clashes:
        return False
    return got is None or _same(got, outcome.values, asked=bool(clashes))


def _same(got: Record, wanted: Record, *, asked: bool) -> bool:
    """Equal, but for an empty list or map against none, and for an order that nobody promised."""
    got, wanted = ({k: v for k, v in side.items() if v not in ([], {})} for side in (got, wanted))
    if got.keys() != wanted.keys():
        return False
    return all(got[name] == wanted[name] or _same_entries(name, got[name], wanted[name], asked) for name in got)


def _same_entries(name: str, got: Any, wanted: Any, asked: bool) -> bool:
    if not (asked or name in _UNORDERED) or not isinstance(got, list) or not isinstance(wanted, list):
        return False
    return sorted(map(oracle.as_text, got)) == sorted(map(oracle.as_text, wanted))


def settings_faults(parts: Iterable[Part], data: Record | None, clashes: Iterable[Path]) -> list[str]:
    """What is wrong with merged settings, where every part is one key at some depth."""
    wanted: Record = {}
    asked: set[Path] = set()
    for part in parts:
        for name, value in part.outcomes[0].values.items():
            inner = wanted
            *sections, key = name.split("\0")
            for section in sections:
                inner = inner.setdefault(section, {})
            inner[key] = value
        asked |= part.outcomes[0].clashes
    found = [] if set(clashes) == asked else [f"asks {sorted(clashes)}, want {sorted(asked)}"]
    if data is not None and without_empty(data) != without_empty(wanted):
        found.append(f"got {data}, want {wanted}")
    return found


def without_empty(value: Any) -> Any:
    """A section that lost all its keys may stand there empty, or not at all."""
    if not isinstance(value, dict):
        return value
    inner = {key: without_empty(item) for key, item in value.items()}
    return {key: item for key, item in inner.items() if item != {}}


# --- histories ---------------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """What may come of one line: its parts, or that it is gone; ``asked`` when the whole line is a question."""

    parts: list[Part]
    gone: bool = False
    asked: bool = False


def key_of(line: Record) -> str:
    """What a line is matched by: its id, or its text."""
    name = line.get("id")
    return f"id {name}" if isinstance(name, str) and name else f"text {oracle.as_text(line)}"


def history(base: Sequence[Record], ours: Sequence[Record], theirs: Sequence[Record]) -> dict[str, Line] | None:
    """What becomes of every line; None when it is another history, which is not joined."""
    o, a, b = ({key_of(line): line for line in side} for side in (base, ours, theirs))
    if o and (not o.keys() & a.keys() or not o.keys() & b.keys()):
        return None
    found = {}
    for key in dict.fromkeys([*o, *a, *b]):
        old, mine, other = o.get(key), a.get(key), b.get(key)
        if mine == other or other == old:
            found[key] = _settled(mine)
        elif mine == old:
            found[key] = _settled(other)
        elif mine is None or other is None:
            found[key] = Line([], asked=True)
        else:
            found[key] = Line(oracle.merge("interaction", old or {}, mine, other))
    return found


def _settled(line: Record | None) -> Line:
    if line is None:
        return Line([], gone=True)
    return Line([oracle.Part((n,), [oracle.Outcome({n: v}, oracle.CLEAN)]) for n, v in line.items()])


def history_faults(wanted: dict[str, Line], lines: list[Record] | None, clashes: Sequence[Path]) -> list[str]:
    """What is wrong with a merged history; ``lines`` is None when it has questions and cannot be read."""
    found = []
    by_key = {key_of(line): line for line in lines or ()}
    left = set(clashes)
    for key, line in wanted.items():
        mine = {path for path in left if path and f"id {path[0]}" == key}
        left -= mine
        got = by_key.pop(key, None)
        if line.asked or line.gone:
            asked = {path[1:] for path in mine} == {()}
            if asked != line.asked or (got is not None) or len(mine) > line.asked:
                found.append(f"{key}: got {got} asking {sorted(mine)}, want {'a question' if line.asked else 'none'}")
        elif lines is not None and got is None:
            found.append(f"{key}: the line is lost")
        else:
            found += [f"{key}: {fault}" for fault in faults(line.parts, got, [path[1:] for path in mine])]
    found += [f"{path} is asked, and nobody changed it" for path in left]
    found += [f"{key}: got a line that should not be" for key in by_key]
    if lines is not None:
        found += disorder(lines)
        if len(lines) != len({key_of(line) for line in lines}):
            found.append("a line is there twice")
    return found


def disorder(lines: list[Record]) -> list[str]:
    """What is wrong with the order of lines; where one has no time or id, nothing is said."""
    places = [_moment(line) for line in lines]
    known = [place for place in places if place is not None]
    right = len(known) < len(places) or known == sorted(known)
    return [] if right else ["the lines are not in the order of time and id"]


def _moment(line: Record) -> tuple[datetime.datetime, str] | None:
    at, name = line.get("at"), line.get("id")
    try:
        moment = datetime.datetime.fromisoformat(at if isinstance(at, str) else "")
    except ValueError:
        return None
    if not isinstance(name, str):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)), name
