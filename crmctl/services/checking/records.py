"""Holding the content of record files against the declaration of their kind and against the rest of the book."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.model import validate
from crmctl.model.ids import handle_problem
from crmctl.model.validate import Finding
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterator
    from collections.abc import Mapping
    from datetime import datetime

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings
    from crmctl.model.validate import KeyPath
    from crmctl.store.layout import Place
    from crmctl.store.yaml_reader import Mark

# Types whose values mean something only in this book.
_BOUND = frozenset({"ref", "template", "filter"})
_MANY = 5_000
_ID = re.compile(rb"^id\s*:", re.MULTILINE)


class Checked(NamedTuple):
    """What is wrong in a file, and the ids in it with their lines."""

    problems: list[Problem]
    ids: list[tuple[str, int]]


def without_customer(path: str, handle: str, hint: str) -> Problem:
    """The problem of a history whose customer is not in the book."""
    return Problem(path, 0, 0, "unknown-reference", f"there is no customer {handle!r} whose history this is", hint)


class Checker:
    """Checks files of one book, one after the other.

    ``handles`` are the names of the records there are, by kind; references to a kind that is not in it are not
    followed. ``templates`` are the names of templates. Filters are read at ``now``, an aware moment.
    """

    def __init__(
        self, settings: Settings, handles: Mapping[str, Collection[str]], templates: Collection[str], now: datetime
    ) -> None:
        self._settings = settings
        self._context = settings.context
        self._handles = handles
        self._templates = templates
        self._now = now
        self._bound = {kind.name: _bound_fields(kind) for kind in settings.schema.kinds}
        self._near: dict[tuple[str, str], str] = {}

    def file(self, path: str, place: Place, data: bytes) -> Checked:
        """Everything that is wrong in the file at ``path``, whose content is ``data``."""
        if place.kind.storage == "jsonl":
            return self._lines(path, place, data)
        try:
            record = read_yaml(data, path).data
        except InvalidData as exc:
            return Checked(list(exc.problems), [])
        findings = self.findings(place.kind, record)
        marks = read_yaml(data, path, marks=True).marks if findings else {}
        problems = [_problem(path, finding, marks) for finding in findings]
        identity = record.get("id")
        if not isinstance(identity, str) or not identity:
            return Checked(problems, [])
        found = _ID.search(data)
        return Checked(problems, [(identity.upper(), data.count(b"\n", 0, found.start()) + 1 if found else 0)])

    def findings(self, kind: Kind, data: RawMap) -> list[Finding]:
        """Everything that is wrong with one record, in the order of its fields."""
        findings = validate.check_record(kind, data, self._context)
        told = {finding.at for finding in findings}
        for field in self._bound[kind.name]:
            value = data.get(field.name)
            if value:
                for at, leaf, text in _leaves(field, value, (field.name,)):
                    if at not in told:
                        findings += self._bound_value(at, leaf, text)
        if kind.name == "deal" and not told & {("stage",), ("pipeline",)}:
            findings += self._stage(data)
        if kind.name == "sequence":
            from crmctl.services.following.step_findings import step_findings

            findings += step_findings(data)
        return findings

    def _lines(self, path: str, place: Place, data: bytes) -> Checked:
        from crmctl.services.checking.json_places import place_in
        from crmctl.store.jsonl import read_lines

        lines, problems = read_lines(data, path)
        if place.handle not in self._handles.get("customer", ()):
            problems.append(without_customer(path, place.handle, self._nearest("customer", place.handle)))
        ids = []
        for line in lines:
            for finding in self.findings(place.kind, line.value):
                column = place_in(line.raw.decode(), finding.at) + 1 if finding.at else 1
                problems.append(Problem(path, line.number, column, finding.code, finding.message, finding.hint))
            identity = line.value.get("id")
            if isinstance(identity, str) and identity:
                ids.append((identity.upper(), line.number))
        return Checked(problems, ids)

    def _bound_value(self, at: KeyPath, field: Field, text: str) -> Iterator[Finding]:
        if field.type == "ref":
            known = self._handles.get(field.kind)
            if known is not None and text not in known and not handle_problem(text):
                hint = self._nearest(field.kind, text)
                yield Finding(at, "unknown-reference", f"there is no {field.kind} {text!r}", hint)
        elif field.type == "template":
            if text not in self._templates:
                yield Finding(at, "unknown-template", f"there is no template {text!r}", self._nearest_template(text))
        else:
            yield from self._filter(at, text)

    def _filter(self, at: KeyPath, text: str) -> Iterator[Finding]:
        from crmctl import query

        try:
            query.compile_filter(query.parse(text), self._settings.schema.require("customer"), self._context, self._now)
        except CrmError as exc:
            advice = exc.hint.partition("\n")[0]
            yield Finding(at, "bad-filter", exc.message, "" if advice.startswith(" ") else advice)

    def _stage(self, data: RawMap) -> Iterator[Finding]:
        """A stage has to be one of the deal's own pipeline, not just of any."""
        pipeline, stage = str(data.get("pipeline") or "").lower(), str(data.get("stage") or "").lower()
        if pipeline and stage and self._settings.stage(pipeline, stage) is None:
            stages = ", ".join(known.name for known in self._settings.pipelines[pipeline])
            message = f"the pipeline {pipeline} has no stage {stage!r}"
            yield Finding(("stage",), "bad-choice", message, f"Its stages are {stages}.")

    def _nearest(self, kind: str, handle: str) -> str:
        key = (kind, handle)
        if key not in self._near:
            from difflib import get_close_matches

            known = self._handles.get(kind, ())
            if len(known) > _MANY:
                known = [name for name in known if name[:2] == handle[:2]][:_MANY]
            near = get_close_matches(handle, known, 2)
            removed = f"If it was removed, crmctl history {kind} {handle} says by whom."
            self._near[key] = f"Did you mean {' or '.join(near)}?" if near else removed
        return self._near[key]

    def _nearest_template(self, name: str) -> str:
        from difflib import get_close_matches

        near = get_close_matches(name, [known for known in self._templates if "." not in known], 1)
        return f"Did you mean {near[0]}?" if near else f"Write one: templates/{name}.md"


def _problem(path: str, finding: Finding, marks: Mapping[tuple[str | int, ...], Mark]) -> Problem:
    at = finding.at
    while at and at not in marks:
        at = at[:-1]
    line, column = marks.get(at, (0, 0))
    return Problem(path, line, column, finding.code, finding.message, finding.hint)


def _bound_fields(kind: Kind) -> tuple[Field, ...]:
    return tuple(
        field for field in kind.stored if field.type in _BOUND or any(part.type in _BOUND for part in field.fields)
    )


def _leaves(field: Field, value: Raw, at: KeyPath) -> Iterator[tuple[KeyPath, Field, str]]:
    """Every text in a field whose meaning depends on the book, with its key path."""
    if field.shape == "list" and isinstance(value, list):
        for position, item in enumerate(value):
            yield from _leaf(field, item, (*at, position))
    elif field.shape == "map" and isinstance(value, dict):
        for key, item in value.items():
            yield from _leaf(field, item, (*at, key))
    elif field.shape == "one":
        yield from _leaf(field, value, at)


def _leaf(field: Field, value: Raw, at: KeyPath) -> Iterator[tuple[KeyPath, Field, str]]:
    if isinstance(value, str):
        if value and field.type in _BOUND:
            yield at, field, value
    elif field.type == "group" and isinstance(value, dict):
        for part in field.fields:
            item = value.get(part.name)
            if item and (part.type in _BOUND):
                yield from _leaves(part, item, (*at, part.name))
