"""What an import needs to know before its first row: readers of cells, finders of references, constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.model import entry
from crmctl.services import refs
from crmctl.services.importing import mapping
from crmctl.services.importing.cells import CellReader
from crmctl.services.importing.cells import Refused
from crmctl.services.importing.cells import typed
from crmctl.services.importing.lookup import Finder
from crmctl.services.importing.mapping import CUSTOMER
from crmctl.services.importing.mapping import HANDLE
from crmctl.services.importing.mapping import ID
from crmctl.services.importing.match import Matcher

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmctl.model.raw import Raw
    from crmctl.services.book import Book
    from crmctl.services.importing.mapping import Target
    from crmctl.services.importing.plan import Request
    from crmctl.services.importing.source import Source
    from crmctl.services.importing.values import Path


class Setup:
    """A request held against a file and a book.

    ``targets`` are all places where values can go, by their path; ``aside`` the paths of what stands in no record.
    Raises ``UsageProblem`` when the request does not fit the file or the kind, ``InvalidData`` when a constant is no
    value of its field.
    """

    def __init__(self, book: Book, source: Source, request: Request) -> None:
        self.book = book
        self.kind = request.kind
        self.context = book.context
        self._now = book.now()
        self._request = request
        self.mapping = mapping.mapping(self.kind, source.header, request.maps)
        found = [item.target for item in self.mapping.mapped]
        self.pattern = mapping.Pattern(request.handle, source.header) if request.handle else None
        self.matcher = Matcher(book, self.kind, request.key, found, self.pattern)
        self.finders = self._finders(found)
        self.own_finders = [finder for finder in self.finders.values() if finder.kind.name == self.kind.name]
        self.readers = [(item.target, item.column, self._reader(item.target)) for item in self.mapping.mapped]
        self.constants = self._constants({target.path for target in found if not target.listed})
        self.currencies = {target.path: value for target, value in self.constants if target.field.type == "currency"}
        self.targets = {target.path: target for target in (*found, *(target for target, _ in self.constants))}
        self.aside = (HANDLE, CUSTOMER) if self.kind.storage == "jsonl" else (HANDLE,)
        self._check_complete()

    def _reader(self, target: Target) -> CellReader:
        return CellReader(target.name, target.field, self.context, self._now, self._request.dates)

    def _check_complete(self) -> None:
        """A file that can make no record at all is told so at once, not once a row."""
        kind, given = self.kind, {path[0] for path in self.targets}
        needed = [name for name in kind.required if name not in given]
        if kind.storage == "jsonl" and CUSTOMER not in self.targets and ID not in self.targets:
            needed.insert(0, "customer")
        if needed and not self.matcher.key:
            hint = f"Map a column to it: --map {needed[0]}=COLUMN, or say --set {needed[0]}=VALUE."
            raise UsageProblem(f"a {kind.name} needs {' and '.join(needed)}", hint=hint)

    def _finders(self, targets: list[Target]) -> dict[Path, Finder]:
        """How the values of each reference are found."""
        wanted = [found for found in targets if found.field.type == "ref"]
        by = _lookups(self._request.lookups, wanted)
        made: dict[tuple[str, str], Finder] = {}
        finders = {}
        for found in wanted:
            name = by.get(found.name, "")
            kind = self.book.schema.require(found.field.kind)
            if (kind.name, name) not in made:
                made[kind.name, name] = Finder(self.book, kind, name)
            finders[found.path] = made[kind.name, name]
        return finders

    def _constants(self, mapped: set[Path]) -> list[tuple[Target, Raw]]:
        constants: list[tuple[Target, Raw]] = []
        currency = next((said.value for said in self._request.sets if said.name == "currency"), "")
        for said in self._request.sets:
            found = mapping.target(self.kind, said.name)
            if found.path in (HANDLE, ID):
                raise UsageProblem(f"{said.name} cannot be the same for every record")
            if found.path in mapped:
                raise UsageProblem(f"{said.name} is mapped to a column and set as well", hint="Say one of the two.")
            constants.append((found, self._constant(found, said.value, currency)))
        return constants

    def _constant(self, found: Target, text: str, currency: str) -> Raw:
        """Typed by a person, so dates may be words and references anything that names a record."""
        if found.field.type == "ref":
            kind = self.book.schema.require(found.field.kind)
            handles: list[Raw] = [refs.find(self.book, kind, part) for part in text.split(",")]
            return handles if found.listed else handles[0]
        if found.field.type in ("date", "datetime"):
            return entry.read_text(found.field, text, self.context, self._now)
        try:
            return CellReader(found.name, found.field, self.context, self._now)(typed(text), currency)
        except Refused as reason:
            raise InvalidData(str(reason)) from None


def _lookups(asked: Iterable[str], wanted: list[Target]) -> dict[str, str]:
    """By which field the values of each reference are found: ``FIELD`` for the one in the file, or ``REF=FIELD``."""
    by: dict[str, str] = {}
    names = [found.name for found in wanted]
    for text in asked:
        left, equals, right = text.partition("=")
        if equals and left.strip() in names:
            by[left.strip()] = right.strip()
        elif equals:
            raise UsageProblem(f"{left.strip()!r} is not a mapped reference", hint=_references(names))
        elif "customer" in names or len(names) == 1:
            by["customer" if "customer" in names else names[0]] = text.strip()
        else:
            raise UsageProblem(f"--lookup {text}: say for which reference", hint=_references(names))
    return by


def _references(names: list[str]) -> str:
    shown = " or ".join(f"--lookup {name}=FIELD" for name in names)
    return f"Say {shown}." if names else "No column is mapped to a field that names another record."
