"""Random merges: a base and two edits of it, realistic and nasty, made from a seed and fast.

One seed is one case, for ever: a failing test names its seed, and ``case(seed)`` makes it again.
"""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.model.kinds import KINDS
from helpers.merge_edits import Maker
from helpers.merge_edits import SettingsMaker

if TYPE_CHECKING:
    from crmctl.model.fields import Kind
    from helpers.merge_edits import Record

_BY_NAME = {kind.name: kind for kind in KINDS}
_OFTEN = ("customer", "customer", "customer", "customer", "deal", "deal", "case", "followup", "product")


class Case(NamedTuple):
    """One merge of records. ``kind`` is "" for the settings; ``base`` is None when both sides added the file."""

    seed: int
    kind: str
    base: Record | None
    ours: Record
    theirs: Record


class HistoryCase(NamedTuple):
    """One merge of histories, each a list of lines."""

    seed: int
    base: list[Record]
    ours: list[Record]
    theirs: list[Record]


def case(seed: int) -> Case:
    """The merge of records that belongs to a seed."""
    rng = random.Random(seed)
    name = "" if rng.random() < 0.07 else rng.choice(_OFTEN if rng.random() < 0.6 else list(_BY_NAME))
    maker = SettingsMaker(rng) if not name else Maker(rng, _BY_NAME[name])
    base = maker.record()
    ours, theirs = _two_sides(rng, maker, base)
    if rng.random() < 0.04:
        return Case(seed, name, None, ours, theirs)
    return Case(seed, name, base, ours, theirs)


def kind_named(name: str) -> Kind | None:
    """The kind of a case; None is the settings."""
    return _BY_NAME.get(name)


def path_of(found: Case) -> str:
    """Where a file that holds a case stands in a book.

    Interactions have no files of their own: theirs are taken for records of a kind that only the book knows.
    """
    if not found.kind:
        return "crm.yaml"
    return f"records/{'vendors' if found.kind == 'interaction' else _BY_NAME[found.kind].plural}/ada.yaml"


def kind_in_file(found: Case) -> str:
    """What the oracle calls the kind of the record in that file."""
    return "own kind" if found.kind == "interaction" else found.kind


def _two_sides(rng: random.Random, maker: Maker | SettingsMaker, base: Record) -> tuple[Record, Record]:
    """Two edits. Both work on few fields, so that they meet; now and then both do the very same."""
    hot = maker.hot(base)
    ours, theirs = copy.deepcopy(base), copy.deepcopy(base)
    for side in (ours, theirs):
        if rng.random() < 0.93:
            for _ in range(rng.choice((1, 1, 2, 3, 5))):
                maker.edit(side, rng.choice(hot) if rng.random() < 0.75 else maker.any_name(side))
    if rng.random() < 0.2:
        name = rng.choice(hot)
        maker.edit(ours, name)
        if name in ours:
            theirs[name] = copy.deepcopy(ours[name])
        else:
            theirs.pop(name, None)
    maker.finish(base, ours, theirs)
    return ours, theirs


def apart(seed: int, people: int) -> tuple[str, Record, list[Record]]:
    """A kind, a record, and edits of it by several people, none of whom touches a field of another."""
    rng = random.Random(f"apart {seed}")
    name = rng.choice(_OFTEN)
    maker = Maker(rng, _BY_NAME[name])
    base = maker.record()
    names = [field.name for field in maker.fields.values() if field.type not in ("money", "currency")]
    names = [n for n in names if n != "lines"]
    rng.shuffle(names)
    sides = []
    for number in range(people):
        side = copy.deepcopy(base)
        for changed in names[number::people][: rng.randint(1, 4)]:
            maker.edit(side, changed)
        sides.append(side)
    return name, base, sides


# --- histories ---------------------------------------------------------------------------------------------------


def history_case(seed: int) -> HistoryCase:
    """The merge of histories that belongs to a seed."""
    rng = random.Random(f"history {seed}")
    maker = Maker(rng, _BY_NAME["interaction"])
    base = [_line(maker, n) for n in range(rng.choice((0, 1, 2, 4, 7)))]
    if rng.random() < 0.9:
        base.sort(key=lambda line: str(line.get("at")))
    sides = []
    shared = [_line(maker, 50 + n) for n in range(rng.choice((0, 0, 0, 1)))]
    for number in (10, 20):
        side = copy.deepcopy(base)
        for n in range(rng.choice((0, 1, 1, 2, 3))):
            _edit_history(maker, side, number + n)
        side += copy.deepcopy(shared)
        sides.append(side)
    if shared and rng.random() < 0.5:
        maker.edit(sides[0][-1], "text")
    for side in (base, *sides):
        _make_distinct(side)
    return HistoryCase(seed, base, sides[0], sides[1])


def _line(maker: Maker, number: int) -> Record:
    rng = maker.rng
    data = maker.record()
    data["id"] = f"01J9ZK3T8QWERTYPASDFGH{rng.randrange(8)}{number:03}"
    if rng.random() < 0.12:
        del data["id"]
    if rng.random() < 0.5:
        data["at"] = (
            f"2026-0{rng.randint(1, 9)}-11T0{rng.randint(0, 9)}:00:00{rng.choice(['', 'Z', '+02:00', '-06:00'])}"
        )
    return data


def _edit_history(maker: Maker, side: list[Record], number: int) -> None:
    rng = maker.rng
    roll = rng.random()
    if not side or roll < 0.5:
        side.insert(rng.choice((len(side), len(side), rng.randint(0, len(side)))), _line(maker, number))
    elif roll < 0.6:
        del side[rng.randrange(len(side))]
    else:
        line = side[rng.randrange(min(2, len(side)))]
        name = rng.choice(["text", "amount", "currency", "tags", "lines", "outcome", "at"])
        kept = line.get("id")
        maker.edit(line, name)
        if kept is not None:
            line["id"] = kept


def _make_distinct(side: list[Record]) -> None:
    """No line twice: what two lines with one id mean, the page does not say."""
    seen: list[Any] = []
    for line in list(side):
        key = line.get("id") or line
        if key in seen:
            side.remove(line)
        else:
            seen.append(key)
