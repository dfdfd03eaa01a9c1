"""The values of a row as parts of a record: put together, laid over a record that is there, compared with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.services.importing.cells import same

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Mapping

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.values import Context
    from crmctl.services.importing.mapping import Target

Path = tuple[str, ...]
Values = dict[Path, "Raw"]


def extend(values: Values, path: Path, items: Raw) -> None:
    """Put the items that are not there yet behind those that are."""
    old = values.get(path, [])
    assert isinstance(old, list) and isinstance(items, list)
    values[path] = [*old, *(item for item in items if item not in old)]


def nested(values: Mapping[Path, Raw], aside: Collection[Path]) -> RawMap:
    """The record that the values make, without those at the paths ``aside``."""
    data: RawMap = {}
    for path, value in values.items():
        if len(path) == 2 and path[0] not in data:
            data[path[0]] = {path[1]: value}
        elif len(path) > 1:
            data = changed(data, path, value)
        elif path not in aside:
            data[path[0]] = value
    return data


def at(data: RawMap, path: Path) -> Raw:
    """What stands at ``path``, "" for nothing."""
    value: Raw = data
    for step in path:
        value = value.get(step, "") if isinstance(value, dict) else ""
    return value


def changed(data: RawMap, path: Path, value: Raw) -> RawMap:
    """A copy of ``data`` with ``value`` at ``path``."""
    if len(path) == 1:
        return {**data, path[0]: value}
    inner = data.get(path[0])
    return {**data, path[0]: changed(inner if isinstance(inner, dict) else {}, path[1:], value)}


def laid_over(data: RawMap, target: Target, value: Raw, context: Context, *, keep: bool) -> RawMap:
    """``data`` with ``value`` where ``target`` says; the very ``data`` when it says the same already.

    A list gets what it lacks and loses nothing. With ``keep`` a value that is there is not replaced.
    """
    old = at(data, target.path)
    if target.listed:
        items: list[Raw] = list(old) if isinstance(old, list) else [old] if old else []
        fresh = [
            item
            for item in (value if isinstance(value, list) else [value])
            if not any(same(target.field, other, item, context) for other in items)
        ]
        return changed(data, target.path, [*items, *fresh]) if fresh else data
    if (keep and old) or same(target.field, old, value, context):
        return data
    return changed(data, target.path, value)
