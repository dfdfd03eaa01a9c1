"""A second merge, written from ``docs/merging.md`` alone: slow, simple, and by somebody else than the first.

Where the page leaves room (two ways to line up a text with repeated lines, the order inside a list with a question),
the oracle lists every outcome it would take. Nothing here is imported from the merge of the program.
"""

from __future__ import annotations

import datetime
import json
import re
from itertools import product
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator

Path = tuple[str, ...]
Record = dict[str, Any]
Value = Any
"""A value as it reads: a text, a list, a map, or None where there is none."""

_COMMON = {"tags": "set", "external": "map", "notes": "lines"}
RULES: dict[str, dict[str, str]] = {
    "customer": {
        **_COMMON,
        "emails": "set",
        "phones": "set",
        "consent": "consent",
        "do_not_contact": "union",
        "relations": "list by customer",
    },
    "interaction": {"tags": "set", "external": "map", "text": "lines", "lines": "list by product"},
    "deal": {**_COMMON, "stage_log": "append", "lines": "list by product"},
    "case": {**_COMMON, "status": "status"},
    "followup": {**_COMMON, "done": "day", "outcome": "both"},
    "sequence": {**_COMMON, "stop_on": "set", "weekdays": "set"},
    "enrolment": {**_COMMON, "state": "state", "reason": "strongest", "log": "append"},
    "campaign": {**_COMMON, "weekdays": "set"},
    "segment": {**_COMMON, "customers": "set"},
    "product": _COMMON,
    "member": _COMMON,
    "article": {**_COMMON, "text": "lines"},
    "own kind": _COMMON,
}
"""Rule by kind and field; a field that is not named is a scalar (``address``, ``steps`` and ``arms`` are units, which
is the same thing)."""

MONEY = {
    "interaction": ("amount", "currency", "lines"),
    "deal": ("amount", "currency", "lines"),
    "campaign": ("budget", "cost", "currency"),
    "product": ("price", "cost", "currency"),
}
"""Fields that are one value as soon as a side changes the currency."""


class Outcome(NamedTuple):
    """What may come of some fields: their values (those that are there) and the questions."""

    values: Record
    clashes: frozenset[Path]


class Part(NamedTuple):
    """Fields that are decided together, and every outcome that is right."""

    names: tuple[str, ...]
    outcomes: list[Outcome]


# --- records -----------------------------------------------------------------------------------------------------


def merge(kind: str, base: Record, ours: Record, theirs: Record) -> list[Part]:
    """The merge of one record, part by part; ``kind`` "" is the settings."""
    if not kind:
        return list(_settings(base, ours, theirs, ()))
    names = [*base, *(n for n in ours if n not in base)]
    names += [n for n in theirs if n not in names]
    parts = []
    money = MONEY.get(kind, ())
    if money and not base.get("currency") == ours.get("currency") == theirs.get("currency"):
        parts.append(_money(money, base, ours, theirs))
    else:
        money = ()
    for name in names:
        if name not in money:
            rule = RULES[kind].get(name, "scalar")
            values = base.get(name), ours.get(name), theirs.get(name)
            found = [
                Outcome({} if value is None else {name: value}, frozenset((name, *path) for path in paths))
                for value, paths in field(rule, *values)
            ]
            parts.append(Part((name,), found))
    return parts


def simple(parts: Iterable[Part]) -> tuple[Record, set[Path]]:
    """One right outcome of a merge: its record, and the paths of its questions."""
    data: Record = {}
    clashes: set[Path] = set()
    for part in parts:
        data.update(part.outcomes[0].values)
        clashes |= part.outcomes[0].clashes
    return data, clashes


def _money(names: tuple[str, ...], base: Record, ours: Record, theirs: Record) -> Part:
    """The currency changed: all that is in it is one value."""
    o, a, b = ({n: side[n] for n in names if side.get(n) is not None} for side in (base, ours, theirs))
    if a == b or b == o:
        return Part(names, [Outcome(a, frozenset())])
    if a == o:
        return Part(names, [Outcome(b, frozenset())])
    return Part(names, [Outcome(a, frozenset([("currency",)]))])


def _settings(base: Value, ours: Value, theirs: Value, path: Path) -> Iterator[Part]:
    """Key by key at every depth; sections are told apart by their whole path, with NUL between the keys."""
    for key in dict.fromkeys([*base, *ours, *theirs]):
        here = (*path, key)
        o, a, b = base.get(key), ours.get(key), theirs.get(key)
        if isinstance(a, dict) and isinstance(b, dict) and isinstance(o, dict | None) and a != b:
            yield from _settings(o or {}, a, b, here)
        else:
            name = "\0".join(here)
            yield Part(
                (name,),
                [
                    Outcome({} if value is None else {name: value}, frozenset({here} if paths else ()))
                    for value, paths in field("scalar", o, a, b)
                ],
            )


# --- fields ------------------------------------------------------------------------------------------------------

Found = tuple[Value, frozenset[Path]]
CLEAN: frozenset[Path] = frozenset()
ASKED: frozenset[Path] = frozenset([()])


def field(rule: str, o: Value, a: Value, b: Value) -> list[Found]:
    """What may come of one field, by the three steps and then by its rule."""
    settled = _three_steps(o, a, b)
    if settled is not None:
        return [settled]
    rule, _, key = rule.partition(" by ")
    if rule == "list":
        return [_keyed_list(o, a, b, key)]
    decide = _DECIDE.get(rule)
    return decide(o, a, b) if decide else [(a, ASKED)]


def _three_steps(o: Value, a: Value, b: Value) -> Found | None:
    if a == b or b == o:
        return a, CLEAN
    return (b, CLEAN) if a == o else None


def _set(o: Value, a: Value, b: Value) -> list[Found]:
    if not all(side is None or _distinct_texts(side) for side in (o, a, b)):
        return [(a, ASKED)]
    order = _order(o or [], a or [], b or [])
    return [(a, ASKED)] if order is None else [(order or None, CLEAN)]


def _texts(side: Value) -> bool:
    return isinstance(side, list) and all(isinstance(x, str) for x in side)


def _distinct_texts(side: Value) -> bool:
    return _texts(side) and len(set(side)) == len(side)


def _order(o: list[str], a: list[str], b: list[str]) -> list[str] | None:
    """The entries that stay and those added, in order; None when both sides put those that stay in another order."""
    stays = [x for x in o if x in a and x in b]
    in_a, in_b = ([x for x in side if x in stays] for side in (a, b))
    if stays != in_a != in_b != stays:
        return None
    return _with_runs(o, a, b, stays, in_b if in_a == stays else in_a)


def _with_runs(o: list[str], a: list[str], b: list[str], stays: list[str], kept: list[str]) -> list[str]:
    runs: list[dict[str | None, list[str]]] = []
    for side in (a, b):
        found: dict[str | None, list[str]] = {}
        behind: str | None = None
        for x in side:
            if x in stays:
                behind = x
            elif x not in o:
                found.setdefault(behind, []).append(x)
        runs.append(found)
    result: list[str] = []
    for anchor in (None, *kept):
        if anchor is not None:
            result.append(anchor)
        for run in sorted(found.get(anchor, []) for found in runs):
            result += [x for x in run if x not in result]
    return result


def _map(o: Value, a: Value, b: Value) -> list[Found]:
    """A map, entry by entry."""
    if not all(isinstance(side, dict | None) for side in (o, a, b)):
        return [(a, ASKED)]
    data, clashes = _entries(o or {}, a or {}, b or {}, lambda *_: None)
    return [(data or None, clashes)]


def _entries(o: Record, a: Record, b: Record, decide: Callable[[Value, Value, Value], Found | None]) -> Found:
    data: Record = {}
    clashes: set[Path] = set()
    for key in dict.fromkeys([*o, *a, *b]):
        three = o.get(key), a.get(key), b.get(key)
        value, paths = _three_steps(*three) or decide(*three) or (a.get(key), ASKED)
        if value is not None:
            data[key] = value
        clashes |= {(key, *path) for path in paths}
    return data, frozenset(clashes)


def _keyed_list(o: Value, a: Value, b: Value, key: str) -> Found:
    """A list of groups: entries by key, order as in a set."""
    sides = []
    for side in (o, a, b):
        entries = [] if side is None else side
        if not isinstance(entries, list) or not all(_has_key(x, key) for x in entries):
            return a, ASKED
        by_key = {x[key]: x for x in entries}
        if len(by_key) != len(entries):
            return a, ASKED
        sides.append(by_key)
    base, ours, theirs = sides
    order = _order(list(base), list(ours), list(theirs))
    if order is None:
        return a, ASKED
    data, clashes = _entries(base, ours, theirs, lambda *_: None)
    # With a question, our entry stands somewhere; where, is nobody's concern.
    order += [k for k in data if k not in order]
    return [data[k] for k in order if k in data] or None, clashes


def _has_key(entry: Value, key: str) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get(key), str) and bool(entry[key])


def _union(_: Value, a: Value, b: Value) -> list[Found]:
    """``do_not_contact``: whatever stands on either side, whatever the base had."""
    if not all(side is None or _texts(side) for side in (a, b)):
        return [(a, ASKED)]
    return [(list(dict.fromkeys([*(a or []), *(b or [])])), CLEAN)]


_STRICT = {"withdrawn": 1, "objected": 2, "erased": 3}


def _consent(o: Value, a: Value, b: Value) -> list[Found]:
    if not all(isinstance(side, dict | None) for side in (o, a, b)):
        return [(a, ASKED)]
    data, clashes = _entries(o or {}, a or {}, b or {}, _stricter)
    return [(data or None, clashes)]


def _stricter(_: Value, a: Value, b: Value) -> Found | None:
    """Of two entries that both changed: the stricter, or None for a question. What is no group has no state at all."""
    if not isinstance(a, dict | None) or not isinstance(b, dict | None):
        return None
    rank_a, rank_b = (_STRICT.get(state_of(side), 0) for side in (a, b))
    if rank_a == rank_b:
        return None
    strict, other = (a, b) if rank_a > rank_b else (b, a)
    if state_of(strict) != "withdrawn" or state_of(other) != "granted" or strict is None or other is None:
        return strict, CLEAN
    if isinstance(strict.get("date"), str) and other.get("follows") == f"withdrawn {strict['date']}":
        return other, CLEAN
    return strict, CLEAN


def state_of(entry: Value) -> str:
    """The state of a consent; "" when it has none."""
    state = entry.get("state") if isinstance(entry, dict) else None
    return state if isinstance(state, str) else ""


def _day(_: Value, a: Value, b: Value) -> list[Found]:
    days = [side for side in (a, b) if side is not None]
    if not all(_is_day(day) for day in days):
        return [(a, ASKED)]
    return [(min(days), CLEAN)]


def _is_day(value: Value) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return False
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        return False
    return True


_CASE = {"closed": 3, "solved": 2, "open": 1, "waiting": 1}
_ENROLMENT = {"stopped": 3, "finished": 2, "active": 1}


def _status(_: Value, a: Value, b: Value) -> list[Found]:
    return _further(_CASE, a, b)


def _state(_: Value, a: Value, b: Value) -> list[Found]:
    return _further(_ENROLMENT, a, b)


def _further(known: dict[str, int], a: Value, b: Value) -> list[Found]:
    ranks = [known.get(side.lower(), 0) if isinstance(side, str) else 0 for side in (a, b)]
    if 0 in ranks or ranks[0] == ranks[1]:
        return [(a, ASKED)]
    return [(a if ranks[0] > ranks[1] else b, CLEAN)]


_REASONS = "opt-out bounce complaint erased left reply colleague meeting purchase won lost owner sequence".split()


def _strongest(_: Value, a: Value, b: Value) -> list[Found]:
    """The reason whose first word comes first in the list; those of one's own come behind it, "finished" last."""
    if not all(isinstance(side, str | None) for side in (a, b)):
        return [(a, ASKED)]
    if a is None or b is None:
        return [(b if a is None else a, CLEAN)]
    words = [side.split(":")[0].strip().lower() for side in (a, b)]
    places = [_REASONS.index(w) if w in _REASONS else len(_REASONS) + (w == "finished") for w in words]
    return [(min((places[0], a), (places[1], b))[1], CLEAN)]


def _both(_: Value, a: Value, b: Value) -> list[Found]:
    if not all(isinstance(side, str | None) for side in (a, b)):
        return [(a, ASKED)]
    parts = {part for side in (a, b) if side for part in side.split("; ")} - {""}
    return [("; ".join(sorted(parts)), CLEAN)]


def _append(o: Value, a: Value, b: Value) -> list[Found]:
    sides = [[] if side is None else side for side in (o, a, b)]
    for side in sides:
        if not isinstance(side, list) or not all(isinstance(x, dict) and side.count(x) == 1 for x in side):
            return [(a, ASKED)]
    base, ours, theirs = sides
    entries = [x for x in base if x in ours and x in theirs] + [x for x in ours if x not in base]
    entries += [x for x in theirs if x not in base and x not in entries]

    def place(entry: Value) -> tuple[str, int, str]:
        date = entry.get("at") if isinstance(entry, dict) else None
        known = base.index(entry) if entry in base else len(base)
        return date if isinstance(date, str) else "", known, as_text(entry)

    return [(sorted(entries, key=place) or None, CLEAN)]


def as_text(value: Value) -> str:
    """A value as one text, whatever the order of its keys."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


# --- texts of several lines --------------------------------------------------------------------------------------


def _lines(o: Value, a: Value, b: Value) -> list[Found]:
    if not all(isinstance(side, str) for side in (o, a, b)):
        return [(a, ASKED)]
    base, ours, theirs = (re.findall(r"[^\n]*\n|[^\n]+", side) for side in (o, a, b))
    found: dict[str | None, Found] = {}
    for mine, other in product(_changes(base, ours), _changes(base, theirs)):
        text = _joined(base, mine, other)
        found.setdefault(text, (a, ASKED) if text is None else (text, CLEAN))
    return list(found.values())


Change = tuple[int, int, tuple[str, ...]]
"""Lines of the base from here to there, and what stands in their place."""


def _changes(base: list[str], side: list[str]) -> Iterator[list[Change]]:
    """Every way to tell how ``side`` came from ``base`` that says of no line it changed when it could have stayed."""
    head = 0
    while head < min(len(base), len(side)) and base[head] == side[head]:
        head += 1
    tail = 0
    while tail < min(len(base), len(side)) - head and base[-1 - tail] == side[-1 - tail]:
        tail += 1
    unique = len(set(base)) == len(base) and len(set(side)) == len(side)
    if unique and not set(base[head : len(base) - tail]) & set(side[head : len(side) - tail]):
        yield [(head, len(base) - tail, tuple(side[head : len(side) - tail]))]
        return
    seen = set()
    for pairs in _alignments(base, side, 0, 0):
        if pairs not in seen:
            seen.add(pairs)
            yield _between(pairs, base, side)


def _alignments(base: list[str], side: list[str], i: int, j: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """All sets of pairs of equal lines, in order, to which no pair can be added."""
    firsts = [(x, y) for x in range(i, len(base)) for y in range(j, len(side)) if base[x] == side[y]]
    if not firsts:
        yield ()
    for x, y in firsts:
        # No pair may fit in front of this one, or the set would not be full.
        if not any(p < x and q < y for p, q in firsts):
            for rest in _alignments(base, side, x + 1, y + 1):
                yield ((x, y), *rest)


def _between(pairs: tuple[tuple[int, int], ...], base: list[str], side: list[str]) -> list[Change]:
    changes: list[Change] = []
    i = j = 0
    for x, y in (*pairs, (len(base), len(side))):
        if x > i or y > j:
            changes.append((i, x, tuple(side[j:y])))
        i, j = x + 1, y + 1
    return changes


def _joined(base: list[str], mine: list[Change], other: list[Change]) -> str | None:
    """The text with the changes of both sides; None when two of them meet."""
    if any(p[0] <= q[1] and q[0] <= p[1] and p != q for p in mine for q in other):
        return None
    lines = list(base)
    for start, end, new in sorted({*mine, *other}, reverse=True):
        lines[start:end] = new
    return "".join(lines)


_DECIDE: dict[str, Callable[[Value, Value, Value], list[Found]]] = {
    "set": _set,
    "map": _map,
    "union": _union,
    "consent": _consent,
    "day": _day,
    "status": _status,
    "state": _state,
    "strongest": _strongest,
    "both": _both,
    "append": _append,
    "lines": _lines,
}
