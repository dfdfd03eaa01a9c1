"""Amounts and the currency they are in: one value as soon as a side changes the currency."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind


class Unit(NamedTuple):
    """A field that holds a currency, and all fields it decides with those that are in it, in the schema's order."""

    currency: str
    names: tuple[str, ...]


def units(kind: Kind) -> Iterator[Unit]:
    """The currencies of a kind."""
    for field in kind.stored:
        if field.type == "currency":
            yield Unit(field.name, tuple(other.name for other in kind.stored if _in_currency(other, field.name)))


def _in_currency(field: Field, currency: str) -> bool:
    if field.name == currency:
        return True
    return any(part.currency == currency for part in (field, *field.fields))
