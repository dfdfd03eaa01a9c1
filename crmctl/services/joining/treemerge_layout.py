"""The settings of a merged tree, and the records of it that one side put where they do not belong any more."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.model.settings import FILE
from crmctl.model.settings_reading import read_settings
from crmctl.services.joining.treemerge_units import from_top
from crmctl.store import layout
from crmctl.store.merging import merge_file
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping

    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings
    from crmctl.services.joining.treemerge_units import Base
    from crmctl.services.joining.treemerge_units import Contents
    from crmctl.services.joining.treemerge_units import Outcome
    from crmctl.services.joining.treemerge_units import Unit
    from crmctl.vcs.repository import Repository


class Joined(NamedTuple):
    """The settings of both sides together (ours, where they cannot be), and whether a side changed the layout."""

    settings: Settings
    laid_anew: bool


def joined(repository: Repository, bases: Iterable[Base]) -> Joined:
    """The settings of a merge of base, ours and theirs."""
    base, ours, theirs = (_file(repository, one) for one in bases)
    data = ours or theirs
    if ours is not None and theirs is not None:
        merged = merge_file(FILE, base, ours, theirs)
        data = merged.data if merged.clean else ours
    settings = read_settings(_read(data))
    return Joined(settings, base is not None and read_settings(_read(base)).layout != settings.layout)


def in_their_places(
    units: Mapping[str, Unit], outcomes: Mapping[str, Outcome], settings: Settings, contents: Contents
) -> dict[str, Outcome]:
    """The outcomes that have to be others so that what stands in the place of the other layout comes to its own."""
    wrong: dict[str, tuple[str, bytes | None]] = {}
    for key, unit in units.items():
        place = layout.place_of(key, settings.schema)
        outcome = outcomes[key]
        if place is None or unit.crowded or outcome.questions:
            continue
        right = layout.path_of(place.kind, place.handle, sharded=settings.layout == "sharded")
        puts = {path: data for path, data in outcome.files.items() if data is not None}
        if not puts and unit.ours is not None and unit.ours.path not in outcome.files:
            puts = {unit.ours.path: b""}
        if puts and right not in puts:
            wrong[key] = right, next(iter(puts.values()))
    contents.load_versions(unit.ours for key in wrong if (unit := units[key]).ours is not None)
    return {key: _at(right, data, units[key], outcomes[key], contents) for key, (right, data) in wrong.items()}


def _at(right: str, data: bytes | None, unit: Unit, outcome: Outcome, contents: Contents) -> Outcome:
    """The same outcome at another place; ``data`` is what comes out, b"" for what we have already."""
    away: dict[str, bytes | None] = {} if unit.ours is None else {unit.ours.path: None}
    return outcome._replace(files={**away, right: data or contents.of(unit.ours)})


def _file(repository: Repository, base: Base) -> bytes | None:
    full = from_top(FILE, repository.places.prefix)
    oid = repository.blobs(base.tree, [FILE]).get(FILE)
    if full in base.overlay:
        file = base.overlay[full][1]
        oid = None if file is None else file.oid
    return next(repository.contents([oid])) if oid else None


def _read(data: bytes | None) -> RawMap:
    try:
        return read_yaml(data or b"", FILE).data
    except InvalidData:
        return {}
