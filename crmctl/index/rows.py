"""Records as rows: the raw texts of one record become the cells of the tables that ``ddl`` declares."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.index import ddl
from crmctl.index.cells import reader
from crmctl.index.cells import typed_and_key
from crmctl.model import columns
from crmctl.model import values
from crmctl.model.columns import FIRST_DAY
from crmctl.model.text import fold

if TYPE_CHECKING:
    from crmctl.index.cells import Cell
    from crmctl.index.cells import Read
    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings


# Types with few different values in a book; what they mean is worked out once for each.
_FEW = frozenset("date choice ref country currency language timezone integer percent boolean days".split())
_CACHED = 50_000


class Row(NamedTuple):
    """One record for the index: cells of its table, of its side table, its full text, and rows of child tables."""

    cells: list[Cell]
    raw: list[Cell]
    words: str
    children: list[tuple[str, list[list[Cell]]]]


class _Slot(NamedTuple):
    """Where the values of one field go: the position of the first cell and how a text is read.

    ``beside`` says that its currency stands in the same group, not in the record.
    """

    field: Field
    at: int
    width: int
    read: Read
    cache: dict[str, tuple[Cell, ...]] | None
    side: int | None
    beside: bool


class Encoder:
    """Turns the records of one kind into rows; made once and used for many.

    What cannot be told (a date that is none) is NULL in the index; ``check`` is the one that complains.
    """

    def __init__(self, kind: Kind, settings: Settings) -> None:
        self.kind = kind
        self.context = settings.context
        self._settings = settings
        self._zone = self.context.zone
        names = [name for name, _, _ in ddl.row_columns(kind)]
        self._empty: list[Cell] = [None] * len(names)
        self._at = {name: position for position, name in enumerate(names)}
        self._raw_at = {name: position for position, (name, _) in enumerate(ddl.raw_columns(kind))}
        self._lists = {field.name: (table, field) for table, field in columns.child_fields(kind)}
        self._groups = {field.name: field for field in kind.stored if field.shape == "one" and field.type == "group"}
        self._plain = {
            stem: self._slot(stem, field, self._groups.get(stem.removesuffix(f"_{field.name}")))
            for stem, field in columns.plain_fields(kind)
            if not field.derived
        }
        self._parts = {
            field.name: [self._slot("", part, field) for part in field.fields if part.shape == "one"]
            if field.type == "group"
            else [self._slot("", field)]
            for _, field in self._lists.values()
        }
        self._currencies = self._currency_columns()
        self._months: dict[int, str] = {}
        self.insert = _insert(kind.plural, ["row_id", "handle", "path", *names])
        self.insert_raw = _insert(f"{kind.plural}_raw", ["row_id", "data", *self._raw_at])
        self.insert_words = f"INSERT INTO {kind.plural}_words (rowid, body) VALUES (?, ?)"
        self.insert_children = {
            table: _insert(table, ["owner", "position", "key", *[name for name, _, _ in ddl.value_columns(field)]])
            for table, field in self._lists.values()
        }

    def _slot(self, stem: str, field: Field, group: Field | None = None) -> _Slot:
        beside = group is not None and any(part.name == field.currency for part in group.fields)
        if field.type in columns.KEY_ONLY:
            return _Slot(field, 0, 2, typed_and_key, None, self._raw_at.get(f"{stem}_key"), beside)
        suffixes = columns.suffixes(field)
        cache: dict[str, tuple[Cell, ...]] | None = {} if field.type in _FEW else None
        read = reader(field.type)
        return _Slot(field, self._at.get(stem + suffixes[0], 0), len(suffixes), read, cache, None, beside)

    def _currency_columns(self) -> dict[int, tuple[list[int], list[str]]]:
        """For every currency column, the amounts it is for: the positions of their cells, and lists that hold some."""
        found: dict[int, tuple[list[int], list[str]]] = {}
        for stem, slot in self._plain.items():
            if slot.field.type == "money" and slot.field.currency:
                column = f"{stem.removesuffix(slot.field.name) if slot.beside else ''}{slot.field.currency}"
                found.setdefault(self._at[column], ([], []))[0].append(slot.at)
        for name, slots in self._parts.items():
            for slot in slots:
                if slot.field.type == "money" and slot.field.currency and not slot.beside:
                    found.setdefault(self._at[slot.field.currency], ([], []))[1].append(name)
        return found

    def encode(self, data: RawMap) -> Row:
        """The row of a record's raw ``data``."""
        cells = self._empty.copy()
        raw: list[Cell] = [None] * len(self._raw_at)
        words: list[str] = []
        children: list[tuple[str, list[list[Cell]]]] = []
        plain = self._plain
        for name, value in data.items():
            if isinstance(value, str):
                slot = plain.get(name)
                if slot is not None and value:
                    self._put(cells, raw, words, slot, value, data)
            elif isinstance(value, dict) and name in self._groups:
                self._put_group(cells, raw, words, self._groups[name], value, data)
            elif value and name in self._lists:
                table, field = self._lists[name]
                rows = self._child_rows(field, value, data, words)
                if rows:
                    children.append((table, rows))
        self._tell_currencies(cells, data)
        if self.kind.name == "deal":
            self._tell_deal(cells, data)
        return Row(cells, raw, " ".join(words), children)

    def column(self, name: str) -> int:
        """The position of a column among the cells."""
        return self._at[name]

    def currency(self, field: Field, owner: RawMap) -> str:
        """The currency of an amount: the one that stands beside it in ``owner``, or the book's.

        Raises:
            ValueError: what stands there is none, so that the amount cannot be told.
        """
        stated = owner.get(field.currency, "")
        if stated == "":
            return self.context.currency
        if not isinstance(stated, str) or len(stated) != 3:
            raise ValueError(f"{stated!r} is not a currency")
        return stated.upper()

    def _tell_currencies(self, cells: list[Cell], data: RawMap) -> None:
        """Amounts that name no currency are in the book's."""
        for at, (amounts, lists) in self._currencies.items():
            if cells[at] is None and (any(cells[n] is not None for n in amounts) or any(data.get(n) for n in lists)):
                cells[at] = self.context.currency

    def _put(self, cells: list[Cell], raw: list[Cell], words: list[str], slot: _Slot, text: str, owner: RawMap) -> None:
        field, at, width, _, cache, side, _ = slot
        folded = ""
        if side is not None:
            folded = raw[side] = fold(text)
        else:
            found = cache.get(text) if cache is not None else None
            if found is None:
                found = self._cells(slot, text, owner)
            if width == 1:
                cells[at] = found[0]
            else:
                cells[at : at + width] = found
        if field.search:
            words.append(folded or fold(text))

    def _put_group(
        self, cells: list[Cell], raw: list[Cell], words: list[str], group: Field, value: RawMap, data: RawMap
    ) -> None:
        for name, text in value.items():
            slot = self._plain.get(f"{group.name}_{name}")
            if slot is not None and isinstance(text, str) and text:
                self._put(cells, raw, words, slot, text, value if slot.beside else data)

    def _child_rows(self, field: Field, value: Raw, data: RawMap, words: list[str]) -> list[list[Cell]]:
        entries: list[tuple[str | None, Raw]]
        entries = list(value.items()) if isinstance(value, dict) else [(None, item) for item in value]
        slots = self._parts[field.name]
        rows: list[list[Cell]] = []
        for position, (key, item) in enumerate(entries):
            if field.type == "group":
                rows.append([position, key, *self._group_cells(slots, item, data)])
            elif isinstance(item, str) and item:
                cells = self._cells(slots[0], item, data)
                rows.append([position, key, *cells])
                if field.search:
                    words.append(fold(item))
                    if field.type == "phone":
                        words.append(str(cells[1] or ""))
        return rows

    def _group_cells(self, slots: list[_Slot], item: Raw, data: RawMap) -> list[Cell]:
        cells: list[Cell] = []
        parts = item if isinstance(item, dict) else {}
        for slot in slots:
            text = parts.get(slot.field.name)
            if isinstance(text, str) and text:
                cells += self._cells(slot, text, parts if slot.beside else data)
            else:
                cells += [None] * slot.width
        return cells

    def _cells(self, slot: _Slot, text: str, owner: RawMap) -> tuple[Cell, ...]:
        cache = slot.cache
        try:
            cells = slot.read(self, slot.field, text, owner)
        except ValueError:
            empty: tuple[Cell, ...] = (None,) * slot.width
            return (text, *empty[1:]) if slot.width > 1 else empty
        if cache is not None and len(cache) < _CACHED:
            cache[text] = cells
        return cells

    def _tell_deal(self, cells: list[Cell], data: RawMap) -> None:
        """Status and, where the record says none, probability follow from the stage."""
        pipeline, stage_name = (str(data.get(name) or "").lower() for name in ("pipeline", "stage"))
        stage = self._settings.stage(pipeline, stage_name)
        cells[self._at["status"]] = self._settings.deal_status(pipeline, stage_name)
        if cells[self._at["probability"]] is None and stage is not None:
            cells[self._at["probability"]] = stage.probability

    def moment_cells(self, text: str) -> tuple[Cell, ...]:
        """(as typed, local day number, local month, seconds since 1970) of a time."""
        moment = values.moment(text, self.context)
        local = moment.astimezone(self._zone)
        day = local.toordinal()
        month = self._months.get(day)
        if month is None:
            month = self._months[day] = f"{local.year:04}-{local.month:02}"
        return text, day - FIRST_DAY, month, int(moment.timestamp() // 1)


def _insert(table: str, names: list[str]) -> str:
    quoted = ", ".join(name if name in ("row_id", "handle", "path") else f'"{name}"' for name in names)
    return f"INSERT INTO {table} ({quoted}) VALUES ({', '.join('?' * len(names))})"
