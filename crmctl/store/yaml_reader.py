"""Read a record file strictly: every value is text as typed, and what could surprise is refused.

Tags, anchors, aliases, duplicate keys, a second document, more than 8 levels and more than 5,000 events are refused
as the events arrive, so a hostile file costs milliseconds whatever its size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple
from typing import NoReturn

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.store import yaml_events

if TYPE_CHECKING:
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

MAX_DEPTH = 8
MAX_EVENTS = 5_000


class Mark(NamedTuple):
    """Where a key or a list item begins, both from 1."""

    line: int
    column: int


KeyPath = tuple[str | int, ...]


class YamlDocument(NamedTuple):
    """A record as read, and (if asked for) where each key and list item stands."""

    data: RawMap
    marks: dict[KeyPath, Mark]


def read_yaml(data: bytes, path: str, *, marks: bool = False, parser: str = "auto") -> YamlDocument:
    """Read one record file.

    ``path`` is for messages only. ``parser`` (``auto``, ``c``, ``pure``) is there for tests. Raises ``InvalidData``
    with exactly one ``Problem`` when the file cannot be taken as it is.
    """
    text = yaml_events.decode(data, path)
    tree = _Tree(path, marks=marks)
    scalar, mapping, mapping_end, sequence, sequence_end, document, alias = yaml_events.kinds()
    events = yaml_events.events(text, parser)
    count = 0
    try:
        for event in events:
            kind = type(event)
            count += 1
            if count > MAX_EVENTS:
                tree.refuse(event, "too-many", f"the file holds more than {MAX_EVENTS:,} names and values", "split it")
            if kind is scalar:
                tree.scalar(event)
            elif kind is mapping:
                tree.open(event, {})
            elif kind is sequence:
                tree.open(event, [])
            elif kind is mapping_end or kind is sequence_end:
                tree.close()
            elif kind is document:
                tree.document(event)
            elif kind is alias:
                tree.refuse(event, "alias", "a value cannot start with *: aliases are not used", "write the value out")
    except CrmError:
        raise
    except Exception as error:  # noqa: BLE001 - two parsers, each with its own family of errors
        from crmctl.store.yaml_errors import syntax_problem

        problem = syntax_problem(error, text, path)
        raise InvalidData(str(problem), hint=problem.hint, problems=(problem,)) from None
    return YamlDocument(tree.result(), tree.marks)


class _Tree:
    """The record being built from events."""

    def __init__(self, path: str, *, marks: bool) -> None:
        self.path = path
        self.marks: dict[KeyPath, Mark] = {}
        self.want_marks = marks
        self.root: RawMap | None = None
        self.documents = 0
        self.stack: list[Any] = []
        self.current: Any = None  # the map or list being filled
        self.key: str | None = None  # the key that waits for its value, in a map
        self.keys: list[str | None] = []

    def refuse(self, event: Any, code: str, message: str, hint: str) -> NoReturn:
        mark = event.start_mark
        yaml_events.refuse(self.path, mark.line + 1, mark.column + 1, code, message, hint)

    def document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self.refuse(event, "second-document", "a second record starts here (---)", "one file is one record")

    def scalar(self, event: Any) -> None:
        value: str = event.value
        if event.ctag is not None or event.anchor is not None:
            self._refuse_properties(event)
        plain = not event.style
        if plain and value == "~":
            value = ""
        current = self.current
        if current is None:
            self._refuse_top(event, empty=plain and not value)
        if type(current) is list:
            if self.want_marks:
                self._mark(event, len(current))
            current.append(value)
        elif self.key is None:
            self._begin_key(event, value, plain=plain)
        else:
            current[self.key] = value
            self.key = None

    def _begin_key(self, event: Any, value: str, *, plain: bool) -> None:
        if value in self.current:
            self.refuse(event, "duplicate-key", f'"{value}" is there twice', "keep one of the two")
        if plain and not value:
            self.refuse(event, "no-key", "a colon without a name before it", "write `name: value`")
        self.key = value
        if self.want_marks:
            self._mark(event, value)

    def open(self, event: Any, container: Raw) -> None:
        if event.ctag is not None or event.anchor is not None:
            self._refuse_properties(event)
        current = self.current
        if current is None:
            if type(container) is list:
                self._refuse_top(event, empty=False)
            self.root = container  # type: ignore[assignment]
        elif type(current) is list:
            if self.want_marks:
                self._mark(event, len(current))
            current.append(container)
        elif self.key is None:
            self.refuse(event, "complex-key", "a list or a map stands where a name is expected", "write `name: value`")
        else:
            current[self.key] = container
        if len(self.stack) >= MAX_DEPTH:
            self.refuse(event, "too-deep", f"lists and maps go deeper than {MAX_DEPTH} levels", "make it flatter")
        self.stack.append(current)
        self.keys.append(self.key)
        self.current, self.key = container, None

    def close(self) -> None:
        self.current = self.stack.pop()
        self.keys.pop()
        self.key = None

    def result(self) -> RawMap:
        if self.root is None:
            yaml_events.refuse(self.path, 0, 0, "empty", "the file is empty", "fill it, or delete it with crmctl")
        return self.root

    def _mark(self, event: Any, last: str | int) -> None:
        """Note where ``last`` of the current container begins; list items on the way count by their position."""
        steps: list[str | int] = []
        for outer, key in zip(self.stack, self.keys, strict=True):
            if outer is not None:
                steps.append(len(outer) - 1 if key is None else key)
        mark = event.start_mark
        self.marks[(*steps, last)] = Mark(mark.line + 1, mark.column + 1)

    def _refuse_properties(self, event: Any) -> NoReturn:
        if event.anchor is not None:
            self.refuse(event, "anchor", "a value cannot start with &: anchors are not used", yaml_hint("&"))
        self.refuse(event, "tag", "a value cannot start with !: tags are not used", yaml_hint("!"))

    def _refuse_top(self, event: Any, *, empty: bool) -> NoReturn:
        if empty:
            yaml_events.refuse(self.path, 0, 0, "empty", "the file is empty", "fill it, or delete it with crmctl")
        self.refuse(
            event, "not-a-map", "a record is lines of `name: value`, and this is something else", "write `name: value`"
        )


def yaml_hint(sign: str) -> str:
    """What to do about a value that starts with a sign YAML uses for something else."""
    return f"if the value begins with {sign}, put it in double quotes; otherwise take it out"
