"""Records whose two versions are valid and whose joined one is not: a stage of one pipeline, and another pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.model.settings import FILE
from crmctl.model.settings_reading import read_settings
from crmctl.services.checking.records import Checker
from crmctl.services.joining.treemerge_units import asked
from crmctl.store import layout
from crmctl.store.jsonl import read_lines
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings
    from crmctl.model.validate import Finding
    from crmctl.services.joining.treemerge_units import Contents
    from crmctl.services.joining.treemerge_units import Outcome
    from crmctl.services.joining.treemerge_units import Unit
    from crmctl.vcs.repository import Repository


def kept_valid(
    repository: Repository, ours: str, units: Mapping[str, Unit], outcomes: Mapping[str, Outcome], contents: Contents
) -> dict[str, Outcome]:
    """What has to be asked because joining the sides would make a record invalid that neither side has so."""
    joined = {key: data for key, outcome in outcomes.items() if (data := _joined(units[key], outcome)) is not None}
    if not joined:
        return {}
    settings = _settings(repository, ours, outcomes[FILE].files.get(FILE) if FILE in outcomes else None)
    found = {}
    checker = Checker(settings, {}, (), clock.now())
    for key, data in joined.items():
        unit = units[key]
        sides = (contents.of(unit.ours) or b"", contents.of(unit.theirs) or b"")
        reason = _new_problem(key, data, sides, settings, checker)
        if reason:
            found[key] = asked(unit, contents, "file", f"each side is valid, both together are not: {reason}")
    return found


def _joined(unit: Unit, outcome: Outcome) -> bytes | None:
    """The new content of a file that both sides changed."""
    if outcome.questions or not (unit.ours and unit.theirs and unit.ours_changed and unit.theirs_changed):
        return None
    return next((data for data in outcome.files.values() if data is not None), None)


def _settings(repository: Repository, ours: str, data: bytes | None) -> Settings:
    """Those of the merged tree; defaults where they cannot be read."""
    if data is None:
        oids = repository.blobs(ours, [FILE])
        data = next(iter(repository.contents(oids.values())), b"")
    return read_settings(_read(data))


def _new_problem(key: str, data: bytes, sides: tuple[bytes, bytes], settings: Settings, checker: Checker) -> str:
    """What is wrong with ``data`` and with neither of the sides; "" when nothing is."""
    if key == FILE:
        known = {problem for side in sides for problem in read_settings(_read(side)).problems}
        return next((message for at, message in read_settings(_read(data)).problems if (at, message) not in known), "")
    place = layout.place_of(key, settings.schema)
    if place is None:
        return ""
    known_findings = [finding for side in sides for finding in _findings(place.kind, side, checker)]
    for finding in _findings(place.kind, data, checker):
        if finding not in known_findings:
            return f"{'.'.join(map(str, finding.at))}: {finding.message}"
    return ""


def _findings(kind: Kind, data: bytes, checker: Checker) -> list[Finding]:
    if kind.storage == "jsonl":
        return [finding for line in read_lines(data, "")[0] for finding in checker.findings(kind, line.value)]
    return checker.findings(kind, _read(data))


def _read(data: bytes) -> RawMap:
    try:
        return read_yaml(data, "").data
    except InvalidData:
        return {}
