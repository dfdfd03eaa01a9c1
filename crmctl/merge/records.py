"""Merge one record, or the settings: three states in, one state and the questions out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.merge import money
from crmctl.merge.outcome import NO_ANSWERS
from crmctl.merge.outcome import Merged
from crmctl.merge.outcome import Questions
from crmctl.merge.outcome import Three
from crmctl.merge.policies import merge_field
from crmctl.model.fields import Field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmctl.merge.outcome import Answers
    from crmctl.merge.outcome import Clash
    from crmctl.merge.outcome import Path
    from crmctl.merge.outcome import Value
    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap


def merge_record(
    kind: Kind | None, base: RawMap, ours: RawMap, theirs: RawMap, answers: Answers = NO_ANSWERS
) -> Merged:
    """``base`` with the changes of both sides. ``kind`` None: the settings of a book.

    ``answers`` are values by the path of a clash: with one, the clash is none. Nothing depends on the order of keys;
    clashes come in the order of the schema, then of their paths.
    """
    questions = Questions(answers)
    if kind is None:
        data = _merge_map((), base, ours, theirs, questions)
        return Merged(data, tuple(sorted(questions.clashes, key=lambda clash: clash.path)))
    fields = {field.name: field for field in kind.stored}
    values = _merge_money(kind, base, ours, theirs, questions)
    for name in {**ours, **theirs}:
        if name not in values:
            three = Three(base.get(name), ours.get(name), theirs.get(name))
            values[name] = merge_field(fields.get(name) or Field(name), (name,), three, questions)
    ranks = {name: rank for rank, name in enumerate(fields)}

    def order(clash: Clash) -> tuple[int, Path]:
        return ranks.get(clash.path[0], len(ranks)), clash.path

    return Merged(_present(values, {**ours, **theirs}), tuple(sorted(questions.clashes, key=order)))


def _present(values: dict[str, Value], order: Iterable[str]) -> RawMap:
    """The values that are there, those named in ``order`` first."""
    found = {name: values[name] for name in (*order, *values)}
    return {name: value for name, value in found.items() if value is not None}


def _merge_money(kind: Kind, base: RawMap, ours: RawMap, theirs: RawMap, questions: Questions) -> dict[str, Value]:
    """The values of the fields in a currency that a side changed."""
    values: dict[str, Value] = {}
    for unit in money.units(kind):
        if base.get(unit.currency) == ours.get(unit.currency) == theirs.get(unit.currency):
            continue
        names = tuple(name for name in unit.names if name in base or name in ours or name in theirs)
        if len(names) == 1:  # The currency, and nothing that is in it: a value like any other.
            plain = Three(*(side.get(unit.currency) for side in (base, ours, theirs)))
            values[unit.currency] = plain.value if plain.settled else questions.ask((unit.currency,), plain)
            continue
        three = Three(*({name: side[name] for name in names if name in side} or None for side in (base, ours, theirs)))
        merged = three.value if three.settled else questions.ask((unit.currency,), three, names)
        chosen = merged if isinstance(merged, dict) else {}
        values.update({name: chosen.get(name) for name in unit.names})
    return values


def _merge_map(path: Path, base: RawMap, ours: RawMap, theirs: RawMap, questions: Questions) -> RawMap:
    """A map merged key by key at every depth."""
    found: RawMap = {}
    for key in {**ours, **theirs}:
        three = Three(base.get(key), ours.get(key), theirs.get(key))
        value = three.value if three.settled else _merge_setting((*path, key), three, questions)
        if value is not None:
            found[key] = value
    return found


def _merge_setting(path: Path, three: Three, questions: Questions) -> Value:
    base = {} if three.base is None else three.base
    if isinstance(base, dict) and isinstance(three.ours, dict) and isinstance(three.theirs, dict):
        return _merge_map(path, base, three.ours, three.theirs, questions)
    return questions.ask(path, three)
