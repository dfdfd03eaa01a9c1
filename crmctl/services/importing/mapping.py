"""Which column of a file goes into which field of a record, and what every record of the file gets besides."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import UsageProblem
from crmctl.model import columns
from crmctl.model import entry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind

HANDLE = ("handle",)
ID = ("id",)
CUSTOMER = ("customer",)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Target(NamedTuple):
    """Where a value goes: the keys that lead to it in the record, and the declaration of what stands there.

    ``top`` is the field of the record it is in. The handle, and the customer of an interaction, have paths too, though
    they stand in the file's name.
    """

    name: str
    path: tuple[str, ...]
    field: Field
    top: Field

    @property
    def listed(self) -> bool:
        """Whether several values can stand there."""
        return self.field.shape == "list" and self.field.type != "group"


class Mapped(NamedTuple):
    """A column, by its position, and where it goes."""

    target: Target
    column: int


class Mapping(NamedTuple):
    """All mapped columns, and the names of those that are not."""

    mapped: tuple[Mapped, ...]
    unmapped: tuple[str, ...]


def mapping(kind: Kind, header: Sequence[str], maps: Iterable[tuple[str, str]]) -> Mapping:
    """What ``--map FIELD=COLUMN`` says; without any, columns go where their names say.

    Raises:
        UsageProblem: there is no such field or column, or two columns are to go into one value.
    """
    asked = list(maps)
    if asked:
        mapped = [Mapped(target(kind, field), column(header, name)) for field, name in asked]
    else:
        mapped = [Mapped(found, at) for at, name in enumerate(header) if (found := _by_name(kind, name)) is not None]
        if not mapped:
            names = ", ".join(header)
            hint = f"Say which is which: --map FIELD=COLUMN. The columns are {names}."
            raise UsageProblem(f"no column is called like a field of a {kind.name}", hint=hint)
    seen: dict[tuple[str, ...], str] = {}
    for item in mapped:
        other = seen.setdefault(item.target.path, header[item.column])
        if other != header[item.column] and not item.target.listed:
            raise UsageProblem(f"{other!r} and {header[item.column]!r} are both to become {item.target.name}")
    taken = {item.column for item in mapped}
    return Mapping(tuple(mapped), tuple(name for at, name in enumerate(header) if at not in taken))


def target(kind: Kind, name: str) -> Target:
    """What ``name`` means as a place to put values: ``field``, ``group.part``, ``map.key``, ``map.key.part``.

    Raises:
        UsageProblem: there is no such field, or nothing can be put there.
    """
    head, _, rest = name.partition(".")
    if name == "handle":
        if kind.storage == "jsonl":
            raise UsageProblem(f"a {kind.name} has no handle of its own; its id stands for it")
        return Target(name, HANDLE, columns.HANDLE, columns.HANDLE)
    field = kind.field(head) or next((field for field in kind.fields if head in field.aliases), None)
    if field is None:
        return _part_alone(kind, name)
    if field.derived and not (kind.storage == "jsonl" and field.name == "customer"):
        raise UsageProblem(f"{field.name} cannot be set: it is counted")
    if field.shape == "map":
        return _in_map(field, name, rest)
    if field.type == "group" and field.shape == "one":
        return _in_group(field, (field.name,), field, rest, name)
    if rest:
        raise entry.unknown_field(kind, name)
    return Target(field.name, (field.name,), field, field)


def column(header: Sequence[str], name: str) -> int:
    """The position of the column called ``name``, without regard to case, spaces and ``_`` if need be.

    Raises:
        UsageProblem: there is none, or there are several.
    """
    name = name.strip()
    if name in header:
        return header.index(name)
    alike = [at for at, other in enumerate(header) if _plain(other) == _plain(name)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise UsageProblem(f"{name!r} can be {' or '.join(repr(header[at]) for at in alike)}")
    near = get_close_matches(_plain(name), [_plain(other) for other in header], 1)
    meant = next((other for other in header if near and _plain(other) == near[0]), "")
    hint = f"Did you mean {meant!r}?" if meant else f"The columns are {', '.join(header)}."
    raise UsageProblem(f"there is no column {name!r}", hint=hint)


class Pattern:
    """Handles made from the cells of a row: ``cdnow-{customer_id}``."""

    def __init__(self, text: str, header: Sequence[str]) -> None:
        parts = _PLACEHOLDER.split(text)
        if len(parts) == 1 or "{" in "".join(parts[::2]) or "}" in "".join(parts[::2]):
            raise UsageProblem(f"{text!r} has no {{COLUMN}} in it", hint="For example --handle 'shop-{customer_id}'.")
        self._texts = parts[::2]
        self._columns = [column(header, name) for name in parts[1::2]]

    def handle_text(self, cells: Sequence[str]) -> str:
        """The pattern filled in; "" when one of its cells is blank."""
        words = [cells[at].strip() for at in self._columns]
        if not all(words):
            return ""
        return self._texts[0] + "".join(word + text for word, text in zip(words, self._texts[1:], strict=True))


def _by_name(kind: Kind, name: str) -> Target | None:
    """The target that a column's own name says, if it says one."""
    head, dot, rest = name.partition(".")
    for text in (name, f"{_plain(head)}{dot}{rest}", _plain(name), _plain(name).replace("_", "")):
        try:
            return target(kind, text)
        except UsageProblem:
            continue
    return None


def _plain(name: str) -> str:
    return "_".join(re.split(r"[\s_-]+", name.strip().strip("*").casefold())).strip("_")


def _part_alone(kind: Kind, name: str) -> Target:
    """``city`` for ``address.city``."""
    for field in kind.stored:
        if field.type == "group" and field.shape == "one":
            for part in field.fields:
                if part.name == name:
                    return Target(f"{field.name}.{name}", (field.name, name), part, field)
    raise entry.unknown_field(kind, name)


def _in_map(field: Field, name: str, key: str) -> Target:
    if not key:
        hint = f"Say which entry: {field.name}.NAME"
        raise UsageProblem(f"{field.name} is a map of entries", hint=hint)
    if field.type != "group":
        return Target(name, (field.name, key), field._replace(shape="one"), field)
    before, _, last = key.rpartition(".")
    if before and any(part.name == last for part in field.fields):
        return _in_group(field, (field.name, before), field, last, name)
    return _in_group(field, (field.name, key), field, field.fields[0].name, name)


def _in_group(field: Field, path: tuple[str, ...], top: Field, part_name: str, name: str) -> Target:
    for part in field.fields:
        if part.name == part_name:
            return Target(".".join((*path, part.name)), (*path, part.name), part, top)
    near = get_close_matches(part_name, [part.name for part in field.fields], 1)
    hint = f"Did you mean {path[0]}.{near[0]}?" if near else f"It has {', '.join(p.name for p in field.fields)}."
    said = f"{'.'.join(path)} has no part {part_name!r}" if part_name else f"{name} has parts; say which"
    raise UsageProblem(said, hint=hint)
