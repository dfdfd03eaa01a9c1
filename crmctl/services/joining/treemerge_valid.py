"""Records whose two versions are valid and whose joined one is not: a stage of one pipeline, and another pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.model.settings import FILE
from crmctl.model.settings_reading import read_settings
from crmctl.services.checking.merge_compare import read_record
from crmctl.services.checking.records import Checker
from crmctl.services.joining.treemerge_units import Outcome
from crmctl.services.joining.treemerge_units import question
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings
    from crmctl.services.joining.treemerge_units import Contents
    from crmctl.services.joining.treemerge_units import Unit
    from crmctl.vcs.repository import Repository


def kept_valid(
    repository: Repository, ours: str, units: Mapping[str, Unit], outcomes: Mapping[str, Outcome], contents: Contents
) -> dict[str, Outcome]:
    """What has to be asked because joining the sides would make a record invalid that neither side has so."""
    joined = {key: data for key, outcome in outcomes.items() if (data := _joined(units[key], outcome)) is not None}
    if not joined:
        return {}
    judge = Judge(settings_of(repository, ours, outcomes[FILE].files.get(FILE) if FILE in outcomes else None))
    found = {}
    for key, data in joined.items():
        unit = units[key]
        sides = [read_record(key, contents.of(version) or b"") or {} for version in (unit.ours, unit.theirs)]
        reason = judge.problem(key, read_record(key, data) or {}, sides)
        if reason:
            what = "joint" if key.endswith(".yaml") and key != FILE else "file"
            words = f"each side is valid, both together are not: {reason}"
            found[key] = Outcome({}, (question(unit, contents, what, words)._replace(joined=data),))
    return found


class Judge:
    """Tells whether what both sides of a file come to is right, by the settings of the merge."""

    def __init__(self, settings: Settings) -> None:
        self._schema = settings.schema
        self._checker = Checker(settings, {}, (), clock.now())

    def problem(self, path: str, data: RawMap, sides: Sequence[RawMap]) -> str:
        """The first thing that is wrong with ``data`` and with none of ``sides``; "" when nothing is."""
        known = {found for side in sides for found in self._problems(path, side)}
        new = (found for found in self._problems(path, data) if found not in known)
        at, message = next(new, ("", ""))
        return message if message.startswith(at) else f"{at}: {message}"

    def closest(self, path: str, joined: RawMap, wanted: RawMap) -> RawMap:
        """``wanted`` with all the fields (of a history: lines) of ``joined`` that it can have and be right.

        What is wrong with ``wanted`` as it is does not count.
        """
        found, before = wanted, None
        while found != before:
            before = found
            for name in dict.fromkeys([*joined, *wanted]):
                tried = _with(found, name, joined)
                if tried != found and not self.problem(path, tried, [found]):
                    found = tried
        return found

    def _problems(self, path: str, data: RawMap) -> Iterator[tuple[str, str]]:
        """What is wrong, in words, each with its field: by names alone, because entries of lists move."""
        if path == FILE:
            yield from ((".".join(at), message) for at, message in read_settings(data).problems)
            return
        place = layout.place_of(path, self._schema)
        if place is None:
            return
        lines = data.values() if place.kind.storage == "jsonl" else [data]
        for line in lines:
            for finding in self._checker.findings(place.kind, line) if isinstance(line, dict) else ():
                yield ".".join(part for part in finding.at if isinstance(part, str)), finding.message


def _with(data: RawMap, name: str, other: RawMap) -> RawMap:
    """``data`` with the field ``name`` as ``other`` has it."""
    rest = {key: value for key, value in data.items() if key != name}
    return {**rest, name: other[name]} if name in other else rest


def settings_of(repository: Repository, tree: str, data: bytes | None = None) -> Settings:
    """The settings of a commit (or tree), or those that ``data`` has; defaults where they cannot be read."""
    if data is None:
        oids = repository.blobs(tree, [FILE])
        data = next(iter(repository.contents(oids.values())), b"")
    return read_settings(read_record(FILE, data) or {})


def _joined(unit: Unit, outcome: Outcome) -> bytes | None:
    """The new content of a file that both sides changed."""
    if outcome.questions or not (unit.ours and unit.theirs and unit.ours_changed and unit.theirs_changed):
        return None
    return next((data for data in outcome.files.values() if data is not None), None)
