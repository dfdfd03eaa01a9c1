"""The kinds of one book: the built-in ones with the book's words and fields, and the kinds it declares itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model import columns
from crmctl.model.fields import TYPES
from crmctl.model.fields import Field
from crmctl.model.fields import Kind
from crmctl.model.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Container
    from collections.abc import Mapping
    from typing import TypeAlias

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

    Problems: TypeAlias = list[tuple[tuple[str, ...], str]]

_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
_FIELD_KEYS = ("type", "shape", "required", "help", "choices", "kind", "currency", "search", "aliases", "fields")
_FOLDERS = frozenset({"sends", "suppressions"})
"""Names of folders under ``records`` that hold no records."""
COMMANDS = frozenset(
    "batch brief check clone completion conflicts consent diff doctor email export find fmt help history hook hooks"
    " host import ingest init key log mail news outbox phone report resolve schedule schema suppress sync template"
    " timeline today trust undo unsub why".split()
)
"""Words of the command line: a kind that is called so could not be reached there."""
_COMMON = ("id", "external", "tags", "notes")
_YES = frozenset({"yes", "true", "on", "1"})
_NO = frozenset({"", "no", "false", "off", "0"})


class Schema(NamedTuple):
    """The kinds of a book, in the order commands and ``check`` go through them."""

    kinds: tuple[Kind, ...]

    def kind(self, name: str) -> Kind | None:
        """The kind called ``name`` in the singular or the plural, or None."""
        for kind in self.kinds:
            if name in (kind.name, kind.plural):
                return kind
        return None

    def require(self, name: str) -> Kind:
        """The kind called ``name``, which must be one."""
        kind = self.kind(name)
        if kind is None:
            raise KeyError(name)
        return kind

    @property
    def yaml_kinds(self) -> tuple[Kind, ...]:
        """The kinds that are stored as one YAML file a record."""
        return tuple(kind for kind in self.kinds if kind.storage == "yaml")


def build(
    vocabularies: Mapping[str, tuple[str, ...]],
    extra_fields: Raw = "",
    extra_kinds: Raw = "",
) -> tuple[Schema, list[tuple[tuple[str, ...], str]]]:
    """The schema of a book, and what is wrong with its declarations.

    ``vocabularies`` are the allowed words by name (stages, purposes ...). ``extra_fields`` and ``extra_kinds`` are the
    parts ``fields`` and ``kinds`` of ``crm.yaml`` as read. Problems are (key path, message) pairs; what they name is
    left out of the schema and everything else still works.
    """
    problems: Problems = []
    kinds = {kind.name: kind for kind in KINDS}
    for name, declared in _map(extra_kinds, ("kinds",), problems).items():
        kind = _declared_kind(name, declared, kinds, problems)
        if kind is not None:
            kinds[name] = kind
    for name, fields in _map(extra_fields, ("fields",), problems).items():
        if name not in kinds:
            problems.append((("fields", name), f"there is no kind {name!r} to add fields to"))
            continue
        tables = {table for kind in kinds.values() if kind.name != name for table, _ in columns.column_names(kind)}
        kinds[name] = _with_fields(kinds[name], fields, ("fields", name), tables, problems)
    known = frozenset(kinds)
    filled = tuple(_fill(_without_lost(kind, known, problems), vocabularies) for kind in kinds.values())
    return Schema(filled), problems


def _map(raw: Raw, path: tuple[str, ...], problems: Problems) -> RawMap:
    if isinstance(raw, dict):
        return raw
    if raw != "":
        problems.append((path, f"{path[-1]!r} should be a map"))
    return {}


def _insert_before_common(fields: tuple[Field, ...], added: tuple[Field, ...]) -> tuple[Field, ...]:
    """New fields stand before ``external`` and ``notes``, where a reader of the file expects them."""
    for position, field in enumerate(fields):
        if field.name in ("external", "notes"):
            return (*fields[:position], *added, *fields[position:])
    return (*fields, *added)


def _with_fields(kind: Kind, raw: Raw, path: tuple[str, ...], tables: set[str], problems: Problems) -> Kind:
    """``kind`` with the fields declared in ``raw``; those that the index could not tell from others are left out."""
    for field in _declared_fields(raw, path, {field.name for field in kind.fields}, problems):
        wider = kind._replace(fields=_insert_before_common(kind.fields, (field,)))
        names = list(columns.column_names(wider))
        if len(set(names)) < len(names) or not tables.isdisjoint(table for table, _ in names):
            message = f"{field.name!r} cannot be told from another field in the index (choose another name)"
            problems.append(((*path, field.name), message))
        else:
            kind = wider
    return kind._replace(fields=tuple(_in_currency(field, kind.fields, path, problems) for field in kind.fields))


def _in_currency(field: Field, beside: tuple[Field, ...], path: tuple[str, ...], problems: Problems) -> Field:
    """``field`` with its amounts in the currency that stands beside them, or in the book's when none does."""
    if field.fields:
        parts = tuple(
            _in_currency(part, (*field.fields, *beside), (*path, field.name), problems) for part in field.fields
        )
        return field._replace(fields=parts)
    if field.type != "money" or field.derived:
        return field
    if any(other.type == "currency" and other.name == (field.currency or "currency") for other in beside):
        return field._replace(currency=field.currency or "currency")
    if field.currency:
        problems.append(((*path, field.name), f"there is no field {field.currency!r} of the type currency beside it"))
    return field._replace(currency="")


def _declared_kind(name: str, raw: Raw, known: Mapping[str, Kind], problems: Problems) -> Kind | None:
    path = ("kinds", name)
    if not _is_name(name):
        problems.append((path, f"{name!r} cannot name a kind (use a-z, 0-9 and _)"))
        return None
    declaration = _map(raw, path, problems)
    plural = _text(declaration.get("plural", f"{name}s"))
    taken = {word for kind in known.values() for word in (kind.name, kind.plural)} | _FOLDERS | COMMANDS
    if not taken.isdisjoint((name, plural)) or plural == name or not _is_name(plural) or plural in columns.RESERVED:
        problems.append((path, f"{name!r} or its plural {plural!r} is taken or is no name (say another `plural:`)"))
        return None
    for key in declaration:
        if key not in ("plural", "fields", "help"):
            problems.append(((*path, key), f"a kind has no {key!r} (it has plural, fields, help)"))
    base = {field.name: field for kind in KINDS if kind.name == "article" for field in kind.fields}
    text = _text(declaration.get("help", "")) or f"records of this book's own kind {name}"
    bare = Kind(name, plural, (base["id"], *(base[common] for common in ("tags", "external", "notes"))), help=text)
    tables = {table for kind in known.values() for table, _ in columns.column_names(kind)}
    if not tables.isdisjoint(table for table, _ in columns.column_names(bare)):
        problems.append((path, f"the plural {plural!r} cannot be told from another kind in the index"))
        return None
    kind = _with_fields(bare, declaration.get("fields", ""), (*path, "fields"), tables, problems)
    own = [field for field in kind.fields if field.name not in _COMMON]
    title = next((field for field in own if field.name == "name"), None)
    if title is not None and (title.type != "text" or title.shape != "one"):
        problems.append(((*path, "fields", "name"), "the name of a record is a single text"))
        own.remove(title)
        title = None
    if title is None:
        own.insert(0, base["name"]._replace(help=""))
    shown = [field.name for field in own if field.shape == "one" and field.type not in ("note", "filter", "group")]
    return kind._replace(
        fields=(bare.fields[0], *own, *bare.fields[1:]),
        columns=("handle", *shown[:6]),
    )


def _declared_fields(raw: Raw, path: tuple[str, ...], taken: set[str], problems: Problems) -> tuple[Field, ...]:
    fields = []
    for name, declared in _map(raw, path, problems).items():
        where = (*path, name)
        if not _is_name(name) or name == "handle":
            problems.append((where, f"{name!r} cannot name a field (use a-z, 0-9 and _)"))
        elif name in taken:
            problems.append((where, f"{name!r} is a field already"))
        else:
            field = _declared_field(name, declared, where, problems)
            if field is not None:
                fields.append(field)
                taken.add(name)
    return tuple(fields)


def _declared_field(name: str, raw: Raw, path: tuple[str, ...], problems: Problems) -> Field | None:
    declaration: RawMap = {"type": raw} if isinstance(raw, str) and raw else _map(raw, path, problems)
    type_name = _text(declaration.get("type", "text"))
    shape = _text(declaration.get("shape", "one"))
    if type_name not in TYPES or type_name == "id":
        problems.append((path, f"there is no type {type_name!r} (types: {', '.join(t for t in TYPES if t != 'id')})"))
        return None
    if shape not in ("one", "list", "map"):
        problems.append((path, f"there is no shape {shape!r} (shapes: one, list, map)"))
        return None
    for key in declaration:
        if key not in _FIELD_KEYS:
            problems.append(((*path, key), f"a field has no {key!r} (it has {', '.join(_FIELD_KEYS)})"))
    parts: tuple[Field, ...] = ()
    if type_name == "group":
        parts = _declared_parts(declaration.get("fields", ""), (*path, "fields"), problems)
        if not parts:
            problems.append((path, "a group needs `fields:`"))
            return None
    return Field(
        name,
        type_name,
        shape=shape,
        required=_yes(declaration, "required", path, problems),
        help=_text(declaration.get("help", "")),
        choices=tuple(choice.lower() for choice in _texts(declaration.get("choices", ""))),
        kind=_text(declaration.get("kind", "")),
        fields=parts,
        currency=_text(declaration.get("currency", "")),
        search=_yes(declaration, "search", path, problems),
        aliases=_texts(declaration.get("aliases", "")),
    )


def _declared_parts(raw: Raw, path: tuple[str, ...], problems: Problems) -> tuple[Field, ...]:
    parts = _declared_fields(raw, path, set(), problems)
    problems += [((*path, part.name), "a group cannot stand in a group") for part in parts if part.type == "group"]
    return tuple(part for part in parts if part.type != "group")


def _yes(declaration: RawMap, key: str, path: tuple[str, ...], problems: Problems) -> bool:
    word = _text(declaration.get(key, "")).lower()
    if word not in _YES | _NO:
        problems.append(((*path, key), f"{key!r} is yes or no, not {word!r}"))
    return word in _YES


def _without_lost(kind: Kind, known: Container[str], problems: Problems) -> Kind:
    """``kind`` without the fields that refer to kinds that do not exist."""
    lost = [field for field in kind.fields if _is_lost(field, known)]
    for field in lost:
        named = next(part.kind for part in (field, *field.fields) if part.type == "ref" and part.kind not in known)
        problems.append(((kind.name, field.name), f"{field.name!r} refers to a kind {named!r} that does not exist"))
    return kind._replace(fields=tuple(field for field in kind.fields if field not in lost)) if lost else kind


def _is_lost(field: Field, known: Container[str]) -> bool:
    return (field.type == "ref" and field.kind not in known) or any(_is_lost(part, known) for part in field.fields)


def _fill(kind: Kind, vocabularies: Mapping[str, tuple[str, ...]]) -> Kind:
    """The kind with the book's words put in where its declaration names a vocabulary."""
    return kind._replace(fields=tuple(_fill_field(field, vocabularies) for field in kind.fields))


def _fill_field(field: Field, vocabularies: Mapping[str, tuple[str, ...]]) -> Field:
    if field.fields:
        field = field._replace(fields=tuple(_fill_field(part, vocabularies) for part in field.fields))
    if field.vocabulary and not field.choices:
        field = field._replace(choices=vocabularies.get(field.vocabulary, ()))
    return field


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 40 and text[0].isalpha() and set(text) <= _NAME_LETTERS


def _text(raw: Raw) -> str:
    return raw if isinstance(raw, str) else ""


def _texts(raw: Raw) -> tuple[str, ...]:
    if isinstance(raw, str):
        return (raw,) if raw else ()
    return tuple(item for item in raw if isinstance(item, str))
