"""What the names of fields in a filter, a sort or a list of fields mean, or what they could have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.model import columns
from crmctl.model.fields import Field
from crmctl.query.problems import NOWHERE
from crmctl.query.problems import BadFilter
from crmctl.query.problems import did_you_mean

if TYPE_CHECKING:
    from crmctl.model.columns import Target
    from crmctl.model.fields import Kind
    from crmctl.query.problems import Place

# An interaction's handle is its id, in upper case.
_ID_AS_HANDLE = Field("handle", "id", help=columns.HANDLE.help)


def field_target(kind: Kind, name: str, place: Place = NOWHERE) -> Target:
    """What ``name`` means for ``kind``; case does not matter, and ``next-step`` is ``next_step``.

    Raises:
        BadFilter: there is no such field, with the names that are like it; ``place`` is where it was typed.
    """
    name = name.lower()
    target = columns.resolve(kind, name) or columns.resolve(kind, _underscored(name))
    if target is None:
        raise _unknown(kind, name, place)
    if target.field.shape != "one" and target.column != "value":
        raise BadFilter(f'"{name}" is a list inside a list and cannot be asked for', place, _see(kind))
    if target.column == "handle" and kind.storage == "jsonl":
        return target._replace(field=_ID_AS_HANDLE)
    return target


def _underscored(name: str) -> str:
    """``name`` with the hyphens of an option as underscores; keys of maps stay as they are."""
    head, dot, rest = name.partition(".")
    return head.replace("-", "_") + dot + rest


def _unknown(kind: Kind, name: str, place: Place) -> BadFilter:
    field = kind.field(_underscored(name))
    if field is not None:
        parts = ", ".join(f"{field.name}.{part.name}" for part in field.fields)
        return BadFilter(f'"{name}" has parts', place, f"Ask for one of {parts}.")
    known = [known for known in columns.names(kind) if columns.resolve(kind, known) is not None]
    return BadFilter(
        f'there is no field "{name}" for {kind.plural}',
        place,
        did_you_mean(name, known) or f"{_see(kind)} To search for words, put them in quotes.",
    )


def _see(kind: Kind) -> str:
    return f"The fields are listed by: crmctl schema {kind.name}."
