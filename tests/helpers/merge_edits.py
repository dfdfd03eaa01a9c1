"""Records made at random, and edits of them: as people and crmctl make them, and now and then as nobody should."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind

Record = dict[str, Any]

ID = "01J9ZK3T8QWERTYPASDFGHJKMN"
_WORDS = [
    "Ada",
    "Bob",
    "Zoë",
    "Łódź 😀",
    "two words",
    "a: b",
    "x # y",
    "it's",
    "NO",
    "1e3",
    "007",
    "",
    "-",
    "~",
    "\u202e",
]
_TAGS = ["vip", "a", "b", "c", "d", "late", "zürich", "Vip", "", "x y"]
_HANDLES = ["ada", "bob", "cleo", "dan", "eve", "fay"]
_DATES = ["2026-01-05", "2026-02-28", "2026-03-01", "2026-03-02", "2026-12-31"]
_MOMENTS = ["2026-03-01T10:00:00+01:00", "2026-03-01T09:30:00", "2026-03-01T09:00:00Z", "2026-03-02T00:00:00-06:00"]
_LINES = [
    "Called.",
    "Likes tea",
    "",
    "  indented",
    "- a dash",
    "# no comment",
    "<<<<<<< ours",
    "=======",
    "é: 1",
    "Bye",
]
_ODD: list[Any] = ["", "text", [], ["x"], {}, {"k": "v"}, [["x"]], [{"a": "b"}], ["x", "x"]]
_STATES = ["granted", "granted", "withdrawn", "withdrawn", "objected", "erased"]


class Maker:
    """Makes and edits records of one kind."""

    def __init__(self, rng: random.Random, kind: Kind) -> None:
        self.rng = rng
        self.kind = kind
        self.fields = {field.name: field for field in kind.stored if field.name != "id"}

    def record(self) -> Record:
        rng = self.rng
        full = rng.random() * 0.7
        data: Record = {"id": ID}
        for field in self.fields.values():
            if field.required or rng.random() < full:
                data[field.name] = self.value(field)
        if rng.random() < 0.3:
            data[f"x-{rng.randrange(3)}"] = rng.choice(_WORDS)
        if rng.random() < 0.05:
            data[rng.choice(list(data))] = copy.deepcopy(rng.choice(_ODD))
            data["id"] = ID
        return data

    def hot(self, base: Record) -> list[str]:
        """The fields that both sides like to change in this case: mostly there, mostly with a rule of their own."""
        rng = self.rng
        names = list(self.fields)
        special = [n for n in _SPECIAL if n in names]
        found = [
            rng.choice(special if special and rng.random() < 0.8 else names) for _ in range(rng.choice((1, 1, 2, 3)))
        ]
        for name in found:
            # Something to work on must be there, as a rule.
            if name not in base and rng.random() < 0.8:
                base[name] = self.value(self.fields[name])
        if "currency" in self.fields and rng.random() < 0.4:
            found += ["currency", *(n for n in names if self.fields[n].type == "money" or n == "lines")]
        return found

    def any_name(self, side: Record) -> str:
        rng = self.rng
        roll = rng.random()
        if roll < 0.08:
            return f"x-{rng.randrange(3)}"
        names = [n for n in side if n != "id"]
        return rng.choice(names) if roll < 0.5 and names else rng.choice(list(self.fields))

    def edit(self, side: Record, name: str) -> None:
        """One change of one field, in place."""
        rng = self.rng
        field = self.fields.get(name)
        roll = rng.random()
        old = side.get(name)
        if roll < 0.06:
            side.pop(name, None)
        elif roll < 0.08:
            side[name] = copy.deepcopy(rng.choice(_ODD))
        elif field is None:
            side[name] = rng.choice(_WORDS) if roll < 0.8 else copy.deepcopy(rng.choice(_ODD))
        elif old is None or roll < 0.11:
            side[name] = self.value(field)
        else:
            side[name] = self.changed(field, old)

    def value(self, field: Field) -> Any:
        """A value such as stands in a field, mostly."""
        rng = self.rng
        if field.name == "consent":
            return {purpose: _entry(rng) for purpose in _some(rng, ["newsletter", "birthday", "service"])}
        if field.name == "stage_log":
            return [{"stage": stage, "at": rng.choice(_DATES)} for stage in _some(rng, ["lead", "proposal", "won"])]
        if field.name == "lines":
            return [self.line(handle) for handle in _some(rng, _HANDLES)]
        if field.name == "relations":
            return [{"customer": handle, "role": rng.choice(_WORDS)} for handle in _some(rng, _HANDLES)]
        if field.shape == "map":
            return {system: rng.choice(_WORDS) for system in _some(rng, ["chinook", "cdnow", "erp", "a b"])}
        if field.type == "group":
            group = {inner.name: self.value(inner) for inner in field.fields if rng.random() < 0.6}
            return [group, {"what": "call", "wait": "3d"}][: rng.randint(0, 2)] if field.shape == "list" else group
        if field.shape == "list":
            return _some(rng, list(field.choices) or _TAGS)
        return self.text(field)

    def line(self, product: str) -> Record:
        line = {"product": product, "text": self.rng.choice(_WORDS), "price": self.rng.choice(["1.00", "2.50"])}
        if self.rng.random() < 0.06:
            del line["product"]
        return line

    def text(self, field: Field) -> str:
        rng = self.rng
        if field.type == "note":
            size = rng.choice((0, 1, 2, 4, 6, 8))
            lines = [rng.choice(_LINES) + (f" {n}" if rng.random() < 0.9 else "") for n in range(size)]
            return "\n".join(lines) + rng.choice(["", "", "\n"])
        if field.choices:
            return rng.choice(field.choices)
        pool = {
            "date": [*_DATES, *_DATES, "soon", "2026-02-30"],
            "datetime": _MOMENTS,
            "money": ["1.00", "20.00", "20.0", "abc", "99"],
            "currency": ["EUR", "USD", "CHF"],
            "ref": _HANDLES,
        }.get(field.type, _WORDS)
        return rng.choice(pool)

    def changed(self, field: Field, old: Any) -> Any:
        """An edit of a value that is there."""
        rng = self.rng
        if isinstance(old, list):
            return _edited_list(rng, old, lambda: _item(self, field))
        if isinstance(old, dict):
            return self.changed_map(field, old)
        if field.type == "note" and isinstance(old, str):
            return _edited_text(rng, old)
        return self.value(field)

    def changed_map(self, field: Field, old: Record) -> Record:
        rng = self.rng
        new = copy.deepcopy(old)
        if not new or rng.random() < 0.3:
            fresh = self.value(field)
            return {**new, **fresh} if isinstance(fresh, dict) else new
        key = rng.choice(list(new))
        if rng.random() < 0.3:
            del new[key]
        elif field.name == "consent":
            entry = new[key]
            if isinstance(entry, dict) and rng.random() < 0.3:
                new[key] = {**entry, "how": rng.choice(_WORDS)}
            else:
                new[key] = _entry(rng)
        else:
            new[key] = rng.choice(_WORDS)
        if rng.random() < 0.1:
            new = dict(reversed(new.items()))
        return new

    def finish(self, base: Record, ours: Record, theirs: Record) -> None:
        """Grants that name the withdrawal they follow: rightly, and a little wrong."""
        rng = self.rng
        a, b = ours.get("consent"), theirs.get("consent")
        if isinstance(a, dict) and isinstance(b, dict):
            for purpose in a.keys() & b.keys():
                for mine, other in ((a[purpose], b[purpose]), (b[purpose], a[purpose])):
                    states = [side.get("state") if isinstance(side, dict) else "" for side in (mine, other)]
                    if states[0] == "granted" and states[1] in _STATES[2:] and rng.random() < 0.6:
                        named = f"{other['state']} {other.get('date')}"
                        mine["follows"] = rng.choice([named, named, named + " ", f"withdrawn {rng.choice(_DATES)}"])
        for side in (base, ours, theirs):
            side["id"] = ID


_SPECIAL = (
    "tags emails phones consent consent do_not_contact relations external notes text lines stage_log done status "
    "currency amount stop_on customers address steps".split()
)


class SettingsMaker:
    """Makes and edits settings: maps in maps."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def record(self) -> Record:
        return {"name": "Book", "currency": "EUR", **self._tree(3)}

    def _tree(self, depth: int) -> Record:
        rng = self.rng
        return {
            key: self._leaf(depth) for key in _some(rng, ["fields", "kinds", "purposes", "name", "lifecycles", "a"])
        }

    def _leaf(self, depth: int) -> Any:
        rng = self.rng
        if depth and rng.random() < 0.6:
            return self._tree(depth - 1)
        return rng.choice(_WORDS) if rng.random() < 0.8 else copy.deepcopy(rng.choice(_ODD))

    def hot(self, base: Record) -> list[str]:
        return [self.any_name(base)]

    def any_name(self, side: Record) -> str:
        return self.rng.choice([*side, "fields"])

    def edit(self, side: Record, name: str, depth: int = 3) -> None:
        """One change of one setting, in place; no file may hold more than eight levels."""
        rng = self.rng
        value = side.get(name)
        if depth and isinstance(value, dict) and value and rng.random() < 0.8:
            self.edit(value, rng.choice(list(value)), depth - 1)
        elif rng.random() < 0.25:
            side.pop(name, None)
        elif depth and isinstance(value, dict) and rng.random() < 0.7:
            value[rng.choice(_TAGS)] = self._leaf(depth - 1)
        else:
            side[name] = self._leaf(min(depth, 2))

    def finish(self, base: Record, ours: Record, theirs: Record) -> None:
        for side in (base, ours, theirs):
            side["name"] = side.get("name", "Book")


def _some(rng: random.Random, pool: list[str]) -> list[str]:
    """A few of them, in any order, each once."""
    return rng.sample(pool, min(rng.choice((0, 1, 2, 3, 4, 6)), len(pool)))


def _entry(rng: random.Random) -> Any:
    """A consent, mostly well-formed."""
    if rng.random() < 0.03:
        return copy.deepcopy(rng.choice(_ODD))
    entry: Record = {"state": rng.choice(_STATES), "basis": "consent", "date": rng.choice(_DATES)}
    if rng.random() < 0.1:
        del entry[rng.choice(list(entry))]
    if rng.random() < 0.05:
        entry["state"] = rng.choice(["maybe", "", ["granted"]])
    return entry


def _item(maker: Maker, field: Field) -> Any:
    """One more entry for a list."""
    if field.name == "stage_log":
        return {"stage": maker.rng.choice(["lead", "qualified", "won"]), "at": maker.rng.choice(_DATES)}
    if field.type == "group":
        found = maker.value(field)
        return found[0] if isinstance(found, list) and found else maker.line("ada")
    return maker.rng.choice(list(field.choices) or _TAGS)


def _edited_list(rng: random.Random, old: list[Any], item: Callable[[], Any]) -> list[Any]:
    new = copy.deepcopy(old)
    for _ in range(rng.choice((1, 1, 2, 3))):
        roll = rng.random()
        if not new or roll < 0.4:
            fresh = item()
            if fresh not in new or rng.random() < 0.04:
                new.insert(rng.choice((0, len(new), rng.randint(0, len(new)))), fresh)
        elif roll < 0.6:
            del new[rng.randrange(len(new))]
        elif roll < 0.75:
            new.insert(rng.randint(0, len(new) - 1), new.pop(rng.randrange(len(new))))
        elif roll < 0.8:
            rng.shuffle(new)
        elif roll < 0.82:
            new.clear()
        else:
            place = rng.randrange(len(new))
            entry = new[place]
            if isinstance(entry, dict) and entry and rng.random() < 0.9:
                key = rng.choice(list(entry))
                if rng.random() < 0.1:
                    del entry[key]
                else:
                    entry[key] = rng.choice(_WORDS)
            else:
                new[place] = item()
    return new


def _edited_text(rng: random.Random, old: str) -> str:
    lines = old.split("\n")
    for _ in range(rng.choice((1, 1, 2))):
        roll = rng.random()
        line = rng.choice(_LINES) + (f" {rng.randrange(10, 99)}" if rng.random() < 0.8 else "")
        place = rng.randint(0, len(lines))
        if roll < 0.5 or not lines:
            lines.insert(rng.choice((0, len(lines), place)), line)
        elif roll < 0.7:
            del lines[rng.randrange(len(lines))]
        elif roll < 0.95:
            lines[rng.randrange(len(lines))] = line
        else:
            rng.shuffle(lines)
    return "\n".join(lines)
