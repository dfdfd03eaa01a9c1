"""What a merge must not leave without what it names: one side removed a record, the other named it meanwhile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.joining.conflict_rename import Rename
from crmctl.services.joining.conflict_rename import rewritten
from crmctl.services.joining.treemerge_units import Outcome
from crmctl.services.joining.treemerge_units import question
from crmctl.services.joining.treemerge_valid import settings_of
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.schema import Schema
    from crmctl.services.joining.treemerge_units import Contents
    from crmctl.services.joining.treemerge_units import Unit
    from crmctl.services.joining.treemerge_units import Version
    from crmctl.store.layout import Place
    from crmctl.vcs.repository import Repository

_WORDS = re.compile(rb"[a-z0-9][a-z0-9_-]*")


class _Removed(NamedTuple):
    """A record that a side (0: ours, 1: theirs) removed, or that would go together with one."""

    place: Place
    side: int
    about: str


def named_meanwhile(
    repository: Repository, ours: str, units: Mapping[str, Unit], outcomes: Mapping[str, Outcome], contents: Contents
) -> dict[str, Outcome]:
    """What has to be asked because one side removed a record, and what the other side wrote names it.

    The removed record, a customer's history, and records that the other side added are one question: they stay, or go,
    together. What the other side had before and only changed cannot go; that is said (``Question.stuck``).
    """
    if not any(_gone_on(unit) is not None for unit in units.values()):
        return {}
    schema = settings_of(repository, ours).schema
    removed = {
        key: _Removed(place, side, unit.path)
        for key, unit in units.items()
        if (side := _gone_on(unit)) is not None
        and (place := _place(unit, schema)) is not None
        and all(known.what == "deleted" for known in outcomes[key].questions)
    }
    contents.load(units.values())
    return _Asking(schema, units, contents).ask(removed)


def _gone_on(unit: Unit) -> int | None:
    """The side that removed a record which the base has; None when both have it, or neither."""
    if unit.base is None or unit.crowded or (unit.ours is None) == (unit.theirs is None):
        return None
    return 0 if unit.ours is None else 1


def _place(unit: Unit, schema: Schema) -> Place | None:
    place = layout.place_of(unit.path, schema)
    return place if place is not None and place.kind.storage == "yaml" else None


class _Asking:
    def __init__(self, schema: Schema, units: Mapping[str, Unit], contents: Contents) -> None:
        self._schema = schema
        self._units = units
        self._contents = contents
        self._words = [self._new_words(side) for side in range(2)]

    def ask(self, removed: Mapping[str, _Removed]) -> dict[str, Outcome]:
        """The questions about each of ``removed`` that is named."""
        found: dict[str, Outcome] = {}
        for key, record in removed.items():
            names, along, stuck = self._naming(record)
            if not names:
                continue
            reason = f"{'we' if record.side == 0 else 'they'} removed it, and {_few(names)} names it meanwhile"
            history = f"records/interactions/{record.place.handle}.jsonl"
            more = [history] if record.place.kind.name == "customer" and history in self._units else []
            for one in (key, *more, *along):
                whole = question(self._units[one], self._contents, "deleted", reason)
                whole = whole._replace(about=record.about, named=tuple(names), stuck=tuple(stuck))
                found.setdefault(one, Outcome({}, (whole,)))
        return found

    def _naming(self, record: _Removed) -> tuple[list[str], list[str], list[str]]:
        """What names the record, in words; the units of it that would go along; and in words those that cannot."""
        names: list[str] = []
        along: list[str] = []
        stuck: list[str] = []
        going = [record.place]
        for place in going:  # It grows: what would go along may be named, too.
            for key in self._words[1 - record.side].get(place.handle.encode(), ()):
                unit, here = self._units[key], layout.place_of(self._units[key].path, self._schema)
                if here is None or key in along or not self._names(unit, here, place, 1 - record.side):
                    continue
                words = f"{'the history of' if here.kind.storage == 'jsonl' else here.kind.name} {here.handle}"
                names.append(words)
                if unit.base is None and here.kind.storage == "yaml" and here.kind.name != "customer":
                    along.append(key)
                    going.append(here)
                else:
                    stuck.append(words)
        return names, along, stuck

    def _new_words(self, side: int) -> dict[bytes, list[str]]:
        """The units that a side wrote, by the words in them."""
        found: dict[bytes, list[str]] = {}
        for key, unit in self._units.items():
            version = _side(unit, side)
            if version is not None and (unit.theirs_changed if side else unit.ours_changed):
                for word in set(_WORDS.findall(self._contents.of(version) or b"")):
                    found.setdefault(word, []).append(key)
        return found

    def _names(self, unit: Unit, here: Place, place: Place, side: int) -> bool:
        """Whether a field of what a side wrote names a record, and did not in the base."""
        own = here.kind.name == place.kind.name or (here.kind.storage == "jsonl" and place.kind.name == "customer")
        if own and here.handle == place.handle:
            return False
        data = self._contents.of(_side(unit, side)) or b""
        other = Rename(place.kind, place.handle, f"{place.handle}..x", original=False)
        return rewritten(here, unit.path, data, self._contents.of(unit.base), other) != data


def _side(unit: Unit, side: int) -> Version | None:
    return unit.theirs if side else unit.ours


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
