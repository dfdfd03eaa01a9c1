"""How a field that both sides changed is merged: one rule for each policy that a field can declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.merge import sequences
from crmctl.merge.consent import stricter
from crmctl.merge.outcome import Three

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from crmctl.merge.outcome import Path
    from crmctl.merge.outcome import Questions
    from crmctl.merge.outcome import Value
    from crmctl.model.fields import Field
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

    Policy: TypeAlias = Callable[[Field, Path, Three, Questions], Value]
    Rule: TypeAlias = Callable[[Path, Three], Value]


def merge_field(field: Field, path: Path, three: Three, questions: Questions) -> Value:
    """The merged value of a field, None for none."""
    if three.settled:
        return three.value
    return _POLICIES[field.merge_policy](field, path, three, questions)


def _scalar(_field: Field, path: Path, three: Three, questions: Questions) -> Value:
    return questions.ask(path, three)


def _set(_field: Field, path: Path, three: Three, questions: Questions) -> Value:
    base, ours, theirs = (_texts(value) for value in three)
    if base is None or ours is None or theirs is None:
        return questions.ask(path, three)
    order = sequences.common(base, ours, theirs)
    if order is None:
        return questions.ask(path, three)
    return [*sequences.arranged(sequences.members(base, ours, theirs), order, ours, theirs)] or None


def _keyed(field: Field, path: Path, three: Three, questions: Questions) -> Value:
    return (_keyed_map if field.shape == "map" else _keyed_list)(field, path, three, questions)


def _keyed_map(_field: Field, path: Path, three: Three, questions: Questions) -> Value:
    return _by_entry(path, three, questions, questions.ask)


def _keyed_list(field: Field, path: Path, three: Three, questions: Questions) -> Value:
    base, ours, theirs = (_entries(value, field.key) for value in three)
    if base is None or ours is None or theirs is None:
        return questions.ask(path, three)
    order = sequences.common([*base], [*ours], [*theirs])
    if order is None:
        return questions.ask(path, three)
    found = _entry_by_entry(path, base, ours, theirs, questions.ask)
    return [found[key] for key in sequences.arranged(found, order, [*ours], [*theirs])] or None


def _lines(_field: Field, path: Path, three: Three, questions: Questions) -> Value:
    base, ours, theirs = three
    if isinstance(base, str) and isinstance(ours, str) and isinstance(theirs, str):
        from crmctl.merge.texts import take_apart

        merged = take_apart(base, ours, theirs).merged()
        if merged is not None:
            return merged
    return questions.ask(path, three)


def _append(field: Field, path: Path, three: Three, questions: Questions) -> Value:
    base, ours, theirs = (_groups(value) for value in three)
    if base is None or ours is None or theirs is None:
        return questions.ask(path, three)
    places = {text: number for number, text in enumerate(base)}
    keep = sequences.members([*base], [*ours], [*theirs])
    groups = {**base, **ours, **theirs}
    dated = next((part.name for part in field.fields if part.type in ("date", "datetime")), "")

    def order(text: str) -> tuple[str, int, str]:
        date = groups[text].get(dated)
        return date if isinstance(date, str) else "", places.get(text, len(places)), text

    return [groups[text] for text in sorted(keep, key=order)] or None


def _done(field: Field, path: Path, three: Three, questions: Questions) -> Value:
    if field.type == "date":
        days = [value for value in (three.ours, three.theirs) if value is not None]
        if all(_is_day(field, day) for day in days):
            return min(days, key=str)
    else:
        left, right = _rank(field, three.ours), _rank(field, three.theirs)
        if left != right and -1 not in (left, right):
            return three.ours if left > right else three.theirs
    return questions.ask(path, three)


def _strongest(field: Field, path: Path, three: Three, questions: Questions) -> Value:
    texts = [value for value in (three.ours, three.theirs) if isinstance(value, str)]
    if len(texts) != sum(value is not None for value in (three.ours, three.theirs)):
        return questions.ask(path, three)
    return min(texts, key=lambda text: (-_strength(field, text), text))


def _both(_field: Field, path: Path, three: Three, questions: Questions) -> Value:
    texts = [value for value in (three.ours, three.theirs) if isinstance(value, str)]
    if len(texts) != sum(value is not None for value in (three.ours, three.theirs)):
        return questions.ask(path, three)
    return _BETWEEN.join(sorted({part for text in texts for part in text.split(_BETWEEN) if part}))


_BETWEEN = "; "


def _tighten(field: Field, path: Path, three: Three, questions: Questions) -> Value:
    if field.shape == "map":
        return _by_entry(path, three, questions, lambda inner, entry: _tighter(inner, entry, questions))
    ours, theirs = _items(three.ours), _items(three.theirs)
    if ours is None or theirs is None or not all(isinstance(item, str) for item in (*ours, *theirs)):
        return questions.ask(path, three)
    return [*sorted({str(item) for item in (*ours, *theirs)})] or None


def _tighter(path: Path, three: Three, questions: Questions) -> Value:
    wins, entry = stricter(three)
    return entry if wins else questions.ask(path, three)


_POLICIES: dict[str, Policy] = {
    "scalar": _scalar,
    "unit": _scalar,
    "set": _set,
    "keyed": _keyed,
    "lines": _lines,
    "append": _append,
    "done": _done,
    "strongest": _strongest,
    "both": _both,
    "tighten": _tighten,
}


def _by_entry(path: Path, three: Three, questions: Questions, rule: Rule) -> Value:
    """A map merged entry by entry, each one that both sides changed by ``rule``."""
    base, ours, theirs = ({} if value is None else value for value in three)
    if isinstance(base, dict) and isinstance(ours, dict) and isinstance(theirs, dict):
        return _entry_by_entry(path, base, ours, theirs, rule) or None
    return questions.ask(path, three)


def _entry_by_entry(path: Path, base: RawMap, ours: RawMap, theirs: RawMap, rule: Rule) -> RawMap:
    found: RawMap = {}
    for key in {**ours, **theirs}:
        entry = Three(base.get(key), ours.get(key), theirs.get(key))
        value = entry.value if entry.settled else rule((*path, key), entry)
        if value is not None:
            found[key] = value
    return found


def _items(value: Value) -> list[Raw] | None:
    """The entries of a list, which is empty where there is none; None for what is no list."""
    return [] if value is None else value if isinstance(value, list) else None


def _texts(value: Value) -> list[str] | None:
    """The entries of a list of different texts, None for anything else."""
    items = _items(value)
    found = [item for item in items or () if isinstance(item, str)]
    return found if items is not None and len(items) == len(set(found)) else None


def _entries(value: Value, key: str) -> RawMap | None:
    """The groups of a list by the text under ``key``, None when one has none or two have the same."""
    items = _items(value)
    found: RawMap = {}
    for item in items or ():
        name = item.get(key) if isinstance(item, dict) else None
        if isinstance(name, str) and name:
            found[name] = item
    return found if items is not None and len(items) == len(found) else None


def words(data: RawMap) -> str:
    """What a group or a line says, whatever the order of its keys: JSON with the keys in order."""
    import json

    return json.dumps(data, ensure_ascii=False, sort_keys=True)


def _groups(value: Value) -> dict[str, RawMap] | None:
    """The groups of a list by what they say, None when it is no list of different groups."""
    items = _items(value)
    found = {words(item): item for item in items or () if isinstance(item, dict)}
    return found if items is not None and len(items) == len(found) else None


def _is_day(field: Field, value: Value) -> bool:
    from crmctl.model import values

    try:
        return isinstance(value, str) and bool(values.normal(field, value, values.Context()))
    except ValueError:
        return False


def _rank(field: Field, value: Value) -> int:
    """How far a status has come: 0 when it is open, -1 when it is none at all."""
    word = value.lower() if isinstance(value, str) else ""
    if word not in field.choices:
        return -1
    return field.done.index(word) + 1 if word in field.done else 0


def _strength(field: Field, text: str) -> int:
    """How strong a reason is, by the word before its colon."""
    word = text.partition(":")[0].strip().lower()
    return field.done.index(word if word in field.done else "")
