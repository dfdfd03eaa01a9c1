"""What a text becomes in the index, by the type of its field."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from typing import TypeAlias

from crmctl.model import money
from crmctl.model import values
from crmctl.model.columns import day_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.index.rows import Encoder
    from crmctl.model.fields import Field
    from crmctl.model.raw import RawMap

Cell: TypeAlias = "str | int | None"
Read: TypeAlias = "Callable[[Encoder, Field, str, RawMap], tuple[Cell, ...]]"


def reader(type_: str) -> Read:
    """How the texts of fields of a type are read; what it gives has a cell for each of the type's columns."""
    return _BY_TYPE.get(type_, _as_normal)


def typed_and_key(_encoder: Encoder, field: Field, text: str, _owner: RawMap) -> tuple[Cell, ...]:
    """A text, and the key that it is found and sorted by."""
    return text, values.sort_key(field, text)


def _phone(encoder: Encoder, field: Field, text: str, _owner: RawMap) -> tuple[Cell, ...]:
    return text, str(values.normal(field, text, encoder.context))


def _date(encoder: Encoder, field: Field, text: str, _owner: RawMap) -> tuple[Cell, ...]:
    day = values.normal(field, text, encoder.context)
    assert isinstance(day, date)
    return text, day_number(day), text[:7]


def _datetime(encoder: Encoder, _field: Field, text: str, _owner: RawMap) -> tuple[Cell, ...]:
    return encoder.moment_cells(text)


def _money(encoder: Encoder, field: Field, text: str, owner: RawMap) -> tuple[Cell, ...]:
    return (money.minor_units(text, encoder.currency(field, owner)),)


def _number(encoder: Encoder, field: Field, text: str, _owner: RawMap) -> tuple[Cell, ...]:
    value = values.normal(field, text, encoder.context)
    return (int(value * 1000),)  # type: ignore[operator]


def _as_normal(encoder: Encoder, field: Field, text: str, _owner: RawMap) -> tuple[Cell, ...]:
    value = values.normal(field, text, encoder.context)
    return (int(value) if isinstance(value, (bool, int)) else str(value),)


def _id(_encoder: Encoder, _field: Field, text: str, _owner: RawMap) -> tuple[Cell, ...]:
    return (text.upper(),)


_BY_TYPE: dict[str, Read] = {
    "id": _id,
    **dict.fromkeys(("text", "url", "email", "template"), typed_and_key),
    "phone": _phone,
    "date": _date,
    "datetime": _datetime,
    "money": _money,
    "number": _number,
}
