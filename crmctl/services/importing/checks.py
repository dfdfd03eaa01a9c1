"""What a whole record must be like before an import makes or changes it; single cells have been checked by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.model import validate
from crmctl.model import values
from crmctl.services.importing.cells import Refused
from crmctl.services.importing.mapping import CUSTOMER
from crmctl.services.importing.mapping import HANDLE
from crmctl.services.importing.mapping import ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.importing.mapping import Target
    from crmctl.services.importing.match import Match

_STRICTER = {"granted": 0, "withdrawn": 1, "objected": 2, "erased": 3}
"""An import may go up here, never down."""


class Checks:
    """The checks of one import; every method raises ``Refused`` with the reason."""

    def __init__(self, book: Book, kind: Kind, targets: Mapping[tuple[str, ...], Target]) -> None:
        self._book = book
        self._kind = kind
        self._context = book.context
        self._required = [name for name in kind.required if not self._derived(name)]
        self._groups = {found.top.name for found in targets.values() if found.top.type == "group"}
        self._consents = [field for field in kind.stored if field.merge == "tighten" and field.name in self._groups]
        self._refused = self._refused_addresses() if self._consents else {}
        self._emails = [field for field in kind.stored if field.type == "email"]
        self._ids: set[str] = set()

    def new_id(self, value: Raw | None) -> None:
        """An id that a new record brings along must be nobody else's."""
        if not isinstance(value, str):
            return
        if value in self._ids or self._book.index.row(f"SELECT 1 FROM {self._kind.plural} WHERE id = ?", (value,)):
            raise Refused(f"the id {value} is another record's")
        self._ids.add(value)

    def new_record(self, data: RawMap) -> None:
        """A new record has all it must have, and nobody's consent who took it back at the same address."""
        missing = [name for name in self._required if not data.get(name)]
        if missing:
            raise Refused(f"there is no {' and no '.join(missing)}")
        self._check_groups(data, self._groups)
        for field in self._consents:
            self._check_addresses(field, {}, data)

    def changed_record(self, before: RawMap, after: RawMap, names: tuple[str, ...]) -> None:
        """Parts fit together, and consent only ever tightens."""
        self._check_groups(after, self._groups.intersection(names))
        for field in self._consents:
            if field.name in names:
                _check_tightens(field, before.get(field.name), after.get(field.name))
            self._check_addresses(field, before, after)

    def fixed(self, read: Mapping[tuple[str, ...], Raw], match: Match) -> None:
        """Handle, id and an interaction's customer never change."""
        has = {HANDLE: match.handle, ID: match.data.get("id", ""), CUSTOMER: match.customer}
        for path, old in has.items():
            new = read.get(path)
            if new and old and new != old and (path != CUSTOMER or self._kind.storage == "jsonl"):
                raise Refused(f"its {path[0]} is {old} in the book, not {new}, and never changes")

    def _derived(self, name: str) -> bool:
        field = self._kind.field(name)
        return field is not None and field.derived

    def _check_groups(self, data: RawMap, names: set[str]) -> None:
        if not names:
            return
        for finding in validate.check_record(self._kind, data, self._context, names):
            if finding.at and finding.at[0] in names:
                raise Refused(finding.message)

    def _check_addresses(self, field: Field, before: RawMap, after: RawMap) -> None:
        """Consent is not given anew for an address whose owner took it back, on whatever record that stands."""
        for purpose in _granted(after.get(field.name)) - _granted(before.get(field.name)):
            refused = self._refused.get(purpose, frozenset())
            for text in self._addresses(after):
                if text in refused:
                    raise Refused(f"{field.name}.{purpose}: {text} has taken it back; an import never gives it again")

    def _addresses(self, data: RawMap) -> list[str]:
        found: list[str] = []
        for field in self._emails:
            value = data.get(field.name, "")
            texts = value if isinstance(value, list) else [value]
            found += [str(values.normal(field, text, self._context)) for text in texts if isinstance(text, str)]
        return found

    def _refused_addresses(self) -> dict[str, frozenset[str]]:
        """The e-mail addresses of those who took a consent back, by purpose."""
        sql = (
            "SELECT c.key, e.value_key FROM customers_consent c JOIN customers_emails e ON e.owner = c.owner "
            "WHERE c.state <> 'granted'"
        )
        found: dict[str, set[str]] = {}
        for purpose, address in self._book.index.connection.execute(sql):
            found.setdefault(purpose, set()).add(address)
        return {purpose: frozenset(addresses) for purpose, addresses in found.items()}


def _entries(value: Raw | None) -> dict[str, RawMap]:
    entries = value.items() if isinstance(value, dict) else ()
    return {purpose: item for purpose, item in entries if isinstance(item, dict)}


def _state(entry: RawMap) -> str:
    return str(entry.get("state", "")).lower()


def _granted(value: Raw | None) -> set[str]:
    return {purpose for purpose, entry in _entries(value).items() if _state(entry) == "granted"}


def _check_tightens(field: Field, before: Raw | None, after: Raw | None) -> None:
    """Nobody who took a consent back has it given again, and none is stretched to more channels, by an import."""
    new = _entries(after)
    for purpose, old in _entries(before).items():
        now = new.get(purpose, {})
        name = f"{field.name}.{purpose}"
        if _STRICTER.get(_state(now), 0) < _STRICTER.get(_state(old), 0):
            raise Refused(f"{name} is {_state(old)} in the book; an import never makes that {_state(now) or 'blank'}")
        channels, more = old.get("channels"), now.get("channels")
        if isinstance(channels, list) and isinstance(more, list) and not set(map(str, more)) <= set(map(str, channels)):
            raise Refused(f"{name} is for {', '.join(map(str, channels))} only; an import never widens it")
