"""One row of an import as it is read: its values, and the record that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.services.importing.cells import Refused
from crmctl.services.importing.cells import typed
from crmctl.services.importing.mapping import HANDLE
from crmctl.services.importing.values import Path
from crmctl.services.importing.values import Values
from crmctl.services.importing.values import extend

if TYPE_CHECKING:
    from crmctl.model.fields import Kind
    from crmctl.services.importing.cells import CellReader
    from crmctl.services.importing.handles import Handles
    from crmctl.services.importing.lookup import Finder
    from crmctl.services.importing.mapping import Target
    from crmctl.services.importing.match import Match
    from crmctl.services.importing.setup import Setup
    from crmctl.services.importing.source import Row


_ONE, _MONEY, _REFERENCE, _LIST, _NOTE = range(5)


class Read(NamedTuple):
    """A row that has been read and matched, and the values that may refer to other rows of the file."""

    line: int
    values: Values
    money: dict[Path, str]
    match: Match | None
    handle: str
    open: dict[Path, list[str]]


class Reader:
    """Reads the rows of one file."""

    def __init__(self, setup: Setup, kind: Kind, handles: Handles) -> None:
        self._setup = setup
        self._kind = kind
        self._handles = handles
        self._columns = [(target, column, reader, _way(target, setup)) for target, column, reader in setup.readers]

    def read(self, row: Row) -> Read:
        """The values of a row, and the record that it is about.

        Raises:
            Refused: a cell cannot be read, or names what is not there.
        """
        values: Values = {}
        amounts: dict[Path, str] = {}
        unfound: dict[Path, list[str]] = {}
        wrong: list[str] = []
        for target, column, reader, way in self._columns:
            text = typed(row.cells[column])
            if not text:
                continue
            try:
                if way == _ONE:
                    values[target.path] = reader(text)
                elif way == _MONEY:
                    amounts[target.path] = text
                elif way == _REFERENCE:
                    self._refer(target, reader, text, values, unfound)
                elif way == _LIST:
                    extend(values, target.path, reader(text))
                else:
                    read = reader(text)
                    values[target.path] = f"{text}\n" if row.cells[column].endswith("\n") else read
            except Refused as reason:
                wrong.append(str(reason))
        if wrong:
            raise Refused("; ".join(wrong))
        match = self._setup.matcher.match(row.line, values, row.cells)
        handle = match.handle if match is not None else self._new_handle(row, values)
        return Read(row.line, values, amounts, match, handle, unfound)

    def _refer(
        self, target: Target, reader: CellReader, text: str, values: Values, unfound: dict[Path, list[str]]
    ) -> None:
        finder = self._setup.finders[target.path]
        for part in text.replace(";", ",").split(",") if target.listed else [text]:
            handle = sought(finder, reader.name, part.strip())
            if handle:
                put(values, target, handle)
            elif finder.kind.name == self._kind.name:
                unfound.setdefault(target.path, []).append(part.strip())
            else:
                raise Refused(f"{reader.name}: {finder.missing(part.strip())}")

    def _new_handle(self, row: Row, values: Values) -> str:
        if self._kind.storage == "jsonl":
            return ""
        if HANDLE in values:
            return self._handles.take(str(values[HANDLE]))
        title = str(values.get((self._kind.title,), ""))
        if self._setup.pattern is not None:
            title = self._setup.pattern.handle_text(row.cells)
            if not title:
                raise Refused("the cells that its handle is made of are blank")
        return self._handles.free(title, said=self._setup.pattern is not None)


def _way(target: Target, setup: Setup) -> int:
    """How the cells of a column are read, which is the same in all rows."""
    if target.field.type == "money":
        return _MONEY
    if target.path in setup.finders:
        return _REFERENCE
    if target.listed:
        return _LIST
    return _NOTE if target.field.type == "note" else _ONE


def sought(finder: Finder, name: str, text: str) -> str:
    """What ``finder`` finds for the text of a column, "" for nothing; a refusal names the column."""
    try:
        return finder.find(text)
    except Refused as reason:
        raise Refused(f"{name}: {reason}") from None


def put(values: Values, target: Target, handle: str) -> None:
    """Have ``values`` refer to ``handle``."""
    if target.listed:
        extend(values, target.path, [handle])
    else:
        values[target.path] = handle
