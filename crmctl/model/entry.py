"""Taking in what people type or import: words become the raw texts that a record's file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.model import columns
from crmctl.model import validate
from crmctl.model import values

if TYPE_CHECKING:
    from datetime import datetime

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.values import Context

_FORWARD = frozenset({"due", "closes", "next", "starts", "ends", "respond_by", "resolve_by"})
"""Dates that lie ahead as a rule: `due=fri` is the coming Friday."""


class NotInList(UsageProblem):
    """What shall be taken out of a list is not in it."""


def read_text(field: Field, text: str, context: Context, now: datetime, currency: str = "") -> str:
    """The raw text to store for what was typed into ``field``: date words become dates, ``1.234,50`` an amount.

    Everything else is kept as typed, once it has passed the checks of its type.

    Raises:
        InvalidData, UsageProblem: it is not a value of that type.
    """
    text = text.strip()
    if not text:
        return ""
    try:
        stored = _stored(field, text, now, currency or context.currency)
        values.check(field, stored, context)
    except ValueError as exc:
        raise InvalidData(values.in_words(field.name, field, str(exc)), hint=_choices(field, text)) from None
    return stored


def _choices(field: Field, text: str) -> str:
    if field.type != "choice" or not field.choices:
        return ""
    from difflib import get_close_matches

    near = get_close_matches(text.lower(), field.choices, 1)
    return f"Did you mean {near[0]}?" if near else ""


def _stored(field: Field, text: str, now: datetime, currency: str) -> str:
    if field.type == "date":
        from crmctl.model.when import parse_day

        return parse_day(text, now, "future" if field.name in _FORWARD else "past").isoformat()
    if field.type == "datetime":
        from crmctl.model.when import parse_moment

        return parse_moment(text, now, "future" if field.name in _FORWARD else "past").isoformat()
    if field.type == "money":
        from crmctl.model import money

        amount = money.read_amount(text)
        money.to_minor(amount, currency)
        return money.amount_text(amount, currency)
    if field.type == "choice":
        return text.lower()
    if field.type == "currency":
        return text.upper()
    if field.type == "percent":
        return text.removesuffix("%").strip()
    return text


def assign(kind: Kind, data: RawMap, name: str, typed: str, context: Context, now: datetime) -> RawMap:
    """A copy of ``data`` with the field ``name`` set to what was typed.

    ``name`` may be ``field``, ``field+`` or ``field-`` (add to or take from a list), ``group.part``, ``map.key`` or
    ``map.key.part``. An empty text takes the field out. A list takes several values with commas between them.

    Raises:
        UsageProblem: there is no such field, or it is counted and cannot be set.
        InvalidData: the value does not fit.
    """
    sign = name[-1:] if name[-1:] in "+-" else ""
    name = name.removesuffix(sign)
    if name == "handle":
        raise UsageProblem("a handle never changes", hint="Names may change; the handle is what other records know.")
    field, rest = _meant(kind, name)
    if field.derived or field.name == "id":
        raise UsageProblem(f"{field.name} cannot be set: {'it is counted' if field.derived else 'it never changes'}")
    head = field.name
    new = dict(data)
    reader = _Reader(context, now, data, typed, sign)
    if field.shape == "list":
        new[head] = reader.items(field, data.get(head, ""))
    elif field.shape == "map":
        new[head] = reader.entry(field, data.get(head, ""), rest)
    elif field.type == "group":
        new[head] = reader.part(field, data.get(head, ""), rest)
    elif rest:
        raise unknown_field(kind, name)
    else:
        new[head] = reader.single(field)
    if head == "window":
        for wrong in validate.check_times(kind, new, {head}):
            raise InvalidData(wrong.message, hint=wrong.hint)
    if not new[head]:
        del new[head]
    return new


class _Reader(NamedTuple):
    """What was typed for a field of ``record``; ``sign`` is "+" or "-" when a list is to be added to or taken from."""

    context: Context
    now: datetime
    record: RawMap
    typed: str
    sign: str

    def single(self, field: Field, beside: RawMap | None = None) -> str:
        """The one value of ``field``; ``beside`` are the other parts of its group."""
        if self.sign:
            raise UsageProblem(f"{field.name} is no list: say {field.name}=VALUE")
        return self._text(field, self.typed, beside)

    def _text(self, field: Field, text: str, beside: RawMap | None = None) -> str:
        currency = ""
        if field.currency:
            currency = str((beside or {}).get(field.currency) or self.record.get(field.currency) or "")
        return read_text(field, text, self.context, self.now, currency)

    def items(self, field: Field, before: Raw) -> list[Raw]:
        """The values of a list, changed or new."""
        if field.type == "group":
            raise UsageProblem(f"{field.name} has parts of its own; change it with `edit`")
        items = [self._text(field, part) for part in self.typed.split(",") if part.strip()]
        old = list(before) if isinstance(before, list) else [before] if before else []
        if self.sign == "+":
            return [*old, *(item for item in dict.fromkeys(items) if item not in old)]
        if self.sign == "-":
            missing = [item for item in items if item not in old]
            if missing:
                raise NotInList(f"{field.name} has no {missing[0]!r} to take out")
            return [item for item in old if item not in items]
        return list(dict.fromkeys(items))

    def entry(self, field: Field, before: Raw, key: str) -> RawMap:
        """A map with its entry ``key`` changed."""
        new = dict(before) if isinstance(before, dict) else {}
        if not key:
            if self.typed or self.sign:
                raise UsageProblem(f"{field.name} is a map; say which entry: {field.name}.NAME=VALUE")
            return {}
        if field.type == "group":
            key, _, part = key.partition(".")
            if not part and not self.typed:
                new.pop(key, None)
                return new
            new[key] = self.part(field, new.get(key, ""), part or field.fields[0].name)
        else:
            new[key] = self.single(field)
        if not new[key]:
            del new[key]
        return new

    def part(self, field: Field, before: Raw, name: str) -> RawMap:
        """A group with its part ``name`` changed."""
        new = dict(before) if isinstance(before, dict) else {}
        if not name:
            if self.typed or self.sign:
                raise UsageProblem(f"{field.name} has parts: {_names(field)}", hint=f"Set one: {field.name}.PART=VALUE")
            return {}
        part = next((part for part in field.fields if part.name == name), None)
        if part is None:
            from difflib import get_close_matches

            near = get_close_matches(name, [part.name for part in field.fields], 1)
            hint = f"Did you mean {field.name}.{near[0]}?" if near else f"It has {_names(field)}."
            raise UsageProblem(f"{field.name} has no part {name!r}", hint=hint)
        new[name] = self.items(part, new.get(name, "")) if part.shape == "list" else self.single(part, new)
        if not new[name]:
            del new[name]
        return new


def _meant(kind: Kind, name: str) -> tuple[Field, str]:
    """The field that ``name`` is about, and which part or key of it; a part of a group may stand alone.

    Raises:
        UsageProblem: there is no such field.
    """
    head, _, rest = name.partition(".")
    field = _field(kind, head)
    if field is None:
        target = columns.resolve(kind, name)
        if target is None or target.table or "_" not in target.column:
            raise unknown_field(kind, name)
        head, rest = target.column.removesuffix(f"_{target.field.name}"), target.field.name
        field = _field(kind, head)
        assert field is not None
    return field, rest


def _names(field: Field) -> str:
    return ", ".join(part.name for part in field.fields)


def unknown_field(kind: Kind, name: str) -> UsageProblem:
    """The error for a field that a kind does not have, with the nearest one it has."""
    from difflib import get_close_matches

    near = get_close_matches(name, columns.names(kind), 1)
    hint = f"Did you mean {near[0]}?" if near else f"crmctl schema {kind.name} lists the fields."
    return UsageProblem(f"there is no field {name!r} for a {kind.one}", hint=hint)


def _field(kind: Kind, name: str) -> Field | None:
    found = kind.field(name)
    if found is not None:
        return found
    return next((field for field in kind.fields if name in field.aliases), None)


def ordered(kind: Kind, data: RawMap) -> RawMap:
    """``data`` in canonical order: fields as declared, groups too, unknown ones kept behind them in their order."""
    names = [field.name for field in kind.stored]
    result: RawMap = {}
    for field in kind.stored:
        if field.name in data and data[field.name] not in ("", [], {}):
            result[field.name] = _ordered_value(field, data[field.name])
    result.update((name, value) for name, value in data.items() if name not in names)
    return result


def _ordered_value(field: Field, value: Raw) -> Raw:
    if field.type != "group":
        return value
    if field.shape == "one":
        return _ordered_group(field, value)
    if isinstance(value, list):
        return [_ordered_group(field, item) for item in value]
    if isinstance(value, dict):
        return {key: _ordered_group(field, item) for key, item in value.items()}
    return value


def _ordered_group(field: Field, value: Raw) -> Raw:
    if not isinstance(value, dict):
        return value
    names = [part.name for part in field.fields]
    result: RawMap = {name: value[name] for name in names if name in value}
    result.update((name, item) for name, item in value.items() if name not in names)
    return result
