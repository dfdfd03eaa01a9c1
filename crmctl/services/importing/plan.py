"""What an import was asked to do, and what it would do: values that the planning makes and the writing takes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.services.importing.mapping import Mapping
    from crmctl.services.records import Assignment


SHOWN = 5
"""So many of the first rows are shown as they would become."""


class Request(NamedTuple):
    """What was asked for: see ``docs/import.md`` for what each of these is."""

    kind: Kind
    maps: tuple[tuple[str, str], ...] = ()
    sets: tuple[Assignment, ...] = ()
    handle: str = ""
    key: str = ""
    lookups: tuple[str, ...] = ()
    dates: str = ""


class Change(NamedTuple):
    """A record that is in the book and would become another: as it is, as it will be, and which fields differ."""

    handle: str
    before: RawMap
    after: RawMap
    names: tuple[str, ...]


class Line(NamedTuple):
    """A new interaction, ready to be written, with what its place in the file is told by."""

    order: tuple[float, str]
    content: bytes


class Shown(NamedTuple):
    """One of the first rows as it would become: its line, what happens, the handle, and the values by name."""

    line: int
    what: str
    handle: str
    values: dict[str, Raw]


class Plan:
    """What would be done. Counts are of rows; ``rejected`` says for each line why it is put aside."""

    def __init__(self, request: Request, mapped: Mapping, key: str) -> None:
        self.kind = request.kind
        self.mapping = mapped
        self.key = key
        self.columns = [item.target.name for item in mapped.mapped] + [said.name for said in request.sets]
        self.new = self.changed = self.same = 0
        self.rejected: dict[int, str] = {}
        self.shown: list[Shown] = []
        self.files: dict[str, bytes] = {}
        self.changes: dict[str, Change] = {}
        self.lines: dict[str, list[Line]] = {}
        self.line_changes: dict[str, dict[str, Change]] = {}

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """New, changed, same, rejected."""
        return self.new, self.changed, self.same, len(self.rejected)

    @property
    def paths(self) -> list[str]:
        """The files that would be written."""
        return [*self.files, *self.changes, *dict.fromkeys((*self.lines, *self.line_changes))]
