"""Holding a record against its declaration: everything that is wrong with it, not just the first thing."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import TypeAlias

from crmctl.model import money
from crmctl.model import values

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.values import Context

KeyPath: TypeAlias = "tuple[str | int, ...]"

# Kinds of ours whose ``window`` is one of hours, and whose ``starts`` and ``ends`` belong together.
_WITH_WINDOW = frozenset({"campaign", "sequence"})
_WITH_SPAN = frozenset({"campaign"})


class Finding(NamedTuple):
    """Something wrong in a record: at which key path, a stable code, the message and what to do."""

    at: KeyPath
    code: str
    message: str
    hint: str = ""


class Reference(NamedTuple):
    """A record named by another one."""

    at: KeyPath
    kind: str
    handle: str


def check_record(kind: Kind, data: RawMap, context: Context, only: Iterable[str] | None = None) -> list[Finding]:
    """All findings of a record. ``only`` restricts the checks of values to the top-level fields named.

    References are listed by ``references``; whether they lead anywhere only the book knows.
    """
    findings = [
        Finding((), "missing-field", f"{kind.one} has no {name}", f"Add a line `{name}: ...`.")
        for name in kind.required
        if not data.get(name) and not _is_derived(kind, name)
    ]
    wanted = None if only is None else set(only)
    for name, value in data.items():
        field = kind.field(name)
        if field is None:
            advice = f"Declare it in crm.yaml (fields: {kind.name}: {name}: text)."
            findings.append(_unknown((name,), kind.name, [f.name for f in kind.stored], advice))
        elif field.derived:
            hint = "Take the line out; the figure is counted from the other records."
            findings.append(Finding((name,), "derived-field", f"{name} is counted, it cannot be written", hint))
        elif wanted is None or name in wanted:
            findings += _check_field(field, value, (name,), context)
    findings += _check_amounts(kind, data, context, wanted)
    return [*findings, *check_times(kind, data, wanted)]


def _check_amounts(kind: Kind, data: RawMap, context: Context, wanted: set[str] | None) -> Iterator[Finding]:
    """Amounts with more decimals than their currency has, which depends on two fields at once."""
    for field in kind.fields:
        if field.type != "money" and not any(part.type == "money" for part in field.fields):
            continue
        around = {field.name, *(part.currency for part in (field, *field.fields) if part.type == "money")}
        if wanted is not None and wanted.isdisjoint(around):
            continue
        for at, item in _items(field, data.get(field.name, ""), (field.name,)):
            parts = item if isinstance(item, dict) else {}
            for part in field.fields or (field,):
                amount = parts.get(part.name, "") if field.fields else item
                stated = parts.get(part.currency) or data.get(part.currency) or context.currency
                if part.type == "money" and isinstance(amount, str) and isinstance(stated, str):
                    yield from _check_amount((*at, part.name) if field.fields else at, amount, stated.upper())


def _check_amount(at: KeyPath, text: str, currency: str) -> Iterator[Finding]:
    try:
        amount = money.parse_amount(text)
    except ValueError:
        return  # It is no amount at all, which has been said.
    try:
        money.to_minor(amount, currency)
    except ValueError as exc:
        yield Finding(at, "bad-money", f"{_last(at)}: {exc}")


def check_times(kind: Kind, data: RawMap, wanted: set[str] | None) -> Iterator[Finding]:
    """What is wrong with hours in which mail goes out, and with a beginning and its end, of the fields ``wanted``."""
    window = data.get("window")
    if kind.name in _WITH_WINDOW and isinstance(window, str) and window and (wanted is None or "window" in wanted):
        from crmctl.model.settings_reading import WINDOW_FORM
        from crmctl.model.settings_reading import window_problem

        wrong = window_problem(window.strip())
        if wrong:
            yield Finding(("window",), "bad-window", wrong, f"Write it as {WINDOW_FORM}.")
    starts, ends = data.get("starts"), data.get("ends")
    if kind.name in _WITH_SPAN and (wanted is None or wanted & {"starts", "ends"}) and _before(ends, starts):
        hint = "Put ends on the day it starts, or later."
        yield Finding(("ends",), "bad-span", f"it ends on {ends}, before it starts on {starts}", hint)


def _before(one: Raw | None, other: Raw | None) -> bool:
    """Whether one day comes before another; not when either is none, which is told where values are looked at."""
    if not (isinstance(one, str) and isinstance(other, str)):
        return False
    try:
        return date.fromisoformat(one) < date.fromisoformat(other)
    except ValueError:
        return False


def _is_derived(kind: Kind, name: str) -> bool:
    field = kind.field(name)
    return field is not None and field.derived


def _unknown(at: KeyPath, where: str, known: list[str], advice: str) -> Finding:
    from difflib import get_close_matches

    near = get_close_matches(str(at[-1]), known, 1)
    hint = f"Did you mean {near[0]}?" if near else advice
    return Finding(at, "unknown-field", f"there is no field {at[-1]!r} for a {where}", hint)


def _check_field(field: Field, value: Raw, at: KeyPath, context: Context) -> Iterator[Finding]:
    if field.shape == "list":
        if isinstance(value, list):
            for position, item in enumerate(value):
                yield from _check_one(field, item, (*at, position), context)
            yield from _repeats(field, value, at)
        elif value != "":
            yield Finding(
                at, "wrong-shape", f"{at[-1]} is a list", f"Write each on its own line: `  - {_shown(value)}`."
            )
    elif field.shape == "map":
        if isinstance(value, dict):
            for key, item in value.items():
                yield from _check_one(field, item, (*at, key), context)
        elif value != "":
            yield Finding(at, "wrong-shape", f"{at[-1]} is a map", "Write each on its own line: `  name: value`.")
    else:
        yield from _check_one(field, value, at, context)


def _repeats(field: Field, value: list[Raw], at: KeyPath) -> Iterator[Finding]:
    seen: set[str] = set()
    for position, item in enumerate(value):
        if isinstance(item, str) and field.type != "group":
            if item in seen:
                yield Finding(
                    (*at, position), "repeated", f"{item!r} stands in {at[-1]} twice", "Take one of them out."
                )
            seen.add(item)


def _check_one(field: Field, value: Raw, at: KeyPath, context: Context) -> Iterator[Finding]:
    if field.type == "group":
        yield from _check_group(field, value, at, context)
    elif not isinstance(value, str):
        yield Finding(at, "wrong-shape", f"{_last(at)} is a single value", f"Write it on one line: `{_last(at)}: ...`.")
    elif value:
        try:
            values.check(field, value, context)
        except ValueError as exc:
            message = values.in_words(_last(at), field, str(exc))
            yield Finding(at, f"bad-{field.type}", message, _advice(field, value))


def _check_group(field: Field, value: Raw, at: KeyPath, context: Context) -> Iterator[Finding]:
    if not isinstance(value, dict):
        if value != "":
            yield Finding(at, "wrong-shape", f"{_last(at)} has parts of its own", f"It has {_names(field)}.")
        return
    parts = {part.name: part for part in field.fields}
    for name, item in value.items():
        part = parts.get(name)
        if part is None:
            yield _unknown((*at, name), _last(at), list(parts), f"It has {_names(field)}.")
        else:
            yield from _check_field(part, item, (*at, name), context)
    for part in field.fields:
        if part.required and not value.get(part.name):
            yield Finding(at, "missing-field", f"{_last(at)} has no {part.name}", f"Add a line `{part.name}: ...`.")


def references(kind: Kind, data: RawMap) -> Iterator[Reference]:
    """Every record that a record names."""
    for field in kind.stored:
        value = data.get(field.name)
        if value:
            yield from _references(field, value, (field.name,))


def _references(field: Field, value: Raw, at: KeyPath) -> Iterator[Reference]:
    for where, item in _items(field, value, at):
        yield from _reference(field, item, where)


def _items(field: Field, value: Raw, at: KeyPath) -> Iterator[tuple[KeyPath, Raw]]:
    """The single values of a field with their key paths; none when it has not the shape that was declared."""
    if field.shape == "list" and isinstance(value, list):
        yield from (((*at, position), item) for position, item in enumerate(value))
    elif field.shape == "map" and isinstance(value, dict):
        yield from (((*at, key), item) for key, item in value.items())
    elif field.shape == "one":
        yield at, value


def _reference(field: Field, value: Raw, at: KeyPath) -> Iterator[Reference]:
    if field.type == "ref" and isinstance(value, str) and value:
        yield Reference(at, field.kind, value)
    elif field.type == "group" and isinstance(value, dict):
        for part in field.fields:
            item = value.get(part.name)
            if item:
                yield from _references(part, item, (*at, part.name))


def _advice(field: Field, value: str) -> str:
    if field.type == "choice" and field.choices:
        from difflib import get_close_matches

        near = get_close_matches(value.lower(), field.choices, 1)
        return f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(field.choices)}."
    return ""


def _last(at: KeyPath) -> str:
    """The name people know a key path by: the last name in it."""
    return next((part for part in reversed(at) if isinstance(part, str)), "value")


def _names(field: Field) -> str:
    return ", ".join(part.name for part in field.fields)


def _shown(value: Raw) -> str:
    return value if isinstance(value, str) else "..."
