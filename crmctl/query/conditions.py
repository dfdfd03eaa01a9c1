"""What a term means in SQL for texts, codes and plain numbers."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

from crmctl.model.columns import KEY_ONLY
from crmctl.query import sql
from crmctl.query.problems import did_you_mean

if TYPE_CHECKING:
    from crmctl.query.asked import Asked
    from crmctl.query.sql import Sql
    from crmctl.query.tree import Value

_NO_PREFIX = frozenset({"country", "currency"})
_BY_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def condition(asked: Asked) -> Sql:
    """The condition that a term makes on one row with the field; never NULL.

    Raises:
        BadFilter: a value is not one of the field's type, or the operator does not fit it.
    """
    field = asked.field
    if field.derived and field.shape == "list":
        return _counted_list(asked)
    if field.type in ("date", "datetime"):
        from crmctl.query.dates import on_days

        return on_days(asked)
    if field.type == "money":
        from crmctl.query.amounts import on_amounts

        return on_amounts(asked)
    return _BY_TYPE.get(field.type, _code)(asked)


def _text(asked: Asked) -> Sql:
    """Folded text: ``:`` is somewhere in it, or the whole of an entry in a list, such as a tag."""
    key = asked.column("_key")
    if asked.op not in (":", "="):
        if asked.field.type in KEY_ONLY:
            raise asked.unordered()
        return sql.compared(key, asked.op, _folded(asked, asked.values[0], asked.values[0].literal))
    if asked.op == "=":
        return sql.one_of(key, [_folded(asked, value, value.literal) for value in asked.values])
    entries = asked.field.shape == "list" and asked.field.type == "text"
    exact = [_folded(asked, value, value.text) for value in asked.values if entries and not value.wild]
    parts = [sql.one_of(key, exact)] if exact else []
    for value in asked.values:
        if value.wild:
            parts.append(sql.begins(key, _folded(asked, value, value.text)))
        elif not entries:
            parts.append(sql.contains(key, _folded(asked, value, value.text)))
    return sql.joined(parts, "OR")


def _folded(asked: Asked, value: Value, text: str) -> str:
    from crmctl.model.values import sort_key

    key = sort_key(asked.field, text)
    if not key:
        raise asked.refused(value, "the value has nothing to search for", f"{asked.target.name}: asks for its absence.")
    return key


def _phone(asked: Asked) -> Sql:
    """Digits: ``:`` finds them anywhere in a number, so that an extension or a national number does."""
    key = asked.column("_key")
    if asked.op not in (":", "="):
        raise asked.unordered()
    parts = []
    for value in asked.values:
        text = asked.plain(value)
        digits = phone_digits(text)
        if not digits:
            raise asked.refused(value, f"{text!r} is not a phone number", "Write digits, as phone:7946.")
        if asked.op == ":":
            parts.append(sql.contains(key, digits))
            continue
        from crmctl.model.values import normal

        international = re.sub(r"\A\s*00", "+", text)
        parts.append(sql.one_of(key, [str(normal(asked.field, international, asked.context))]))
    return sql.joined(parts, "OR")


def phone_digits(text: str) -> str:
    """The digits of a number as far as any notation has them: without ``+``, ``00``, ``(0)`` and a single leading 0."""
    digits = re.sub("[^0-9]", "", text.replace("(0)", ""))
    return digits.removeprefix("00" if digits.startswith("00") else "0") or digits


def _code(asked: Asked) -> Sql:
    """A value that is one of a list of codes or names: choice, reference, id, country, language ..."""
    column = asked.column()
    if asked.op not in (":", "="):
        return _in_order(asked, column)
    loose = f"{column} COLLATE NOCASE" if _any_case(asked) else column
    exact: list[str] = []
    parts = []
    for value in asked.values:
        if value.wild and asked.op == ":" and asked.field.type not in _NO_PREFIX:
            parts.append(_prefix(asked, column, value))
        else:
            exact += _forms(asked, value)
    if exact:
        parts.append(sql.one_of(loose, list(dict.fromkeys(exact))))
    return sql.joined(parts, "OR")


def _any_case(asked: Asked) -> bool:
    """Time zones and keys of maps are stored as they were written."""
    return asked.field.type == "timezone" or asked.target.whole_map


def _forms(asked: Asked, value: Value) -> list[str]:
    """The forms in which a code may be stored: the normal one; a reference may stand in a file as it was typed."""
    from crmctl.model.values import normal

    field = asked.field
    text = value.literal if field.type not in _NO_PREFIX else asked.plain(value)
    try:
        form = str(normal(field, text.strip(), asked.context))
    except ValueError as exc:
        raise asked.refused(value, str(exc)) from None
    if field.choices and form not in field.choices:
        reason = f'"{value.literal}" is not a {field.name}'
        raise asked.refused(value, reason, _choices(asked, form))
    return [form, form.lower()] if field.type == "ref" else [form]


def _choices(asked: Asked, form: str) -> str:
    choices = asked.field.choices
    return did_you_mean(form, choices) or f"It is one of {', '.join(choices)}."


def _prefix(asked: Asked, column: str, value: Value) -> Sql:
    field = asked.field
    text = value.text.upper() if field.type == "id" else value.text.lower()
    if field.choices and not any(choice.startswith(text) for choice in field.choices):
        raise asked.refused(value, f'no {field.name} begins with "{value.text}"', _choices(asked, text))
    if field.type == "language":
        return _language_prefix(column, value)
    if _any_case(asked):
        return sql.Sql(f"({column} IS NOT NULL AND substr(lower({column}), 1, ?) = ?)", (len(text), text))
    return sql.begins(column, text)


def _language_prefix(column: str, value: Value) -> Sql:
    """``pt*`` and ``pt-B*``: the first part is stored in lower case, the second in upper case."""
    head, dash, rest = value.text.partition("-")
    return sql.begins(column, head.lower() + dash + rest.upper())


def _in_order(asked: Asked, column: str) -> Sql:
    """A choice is ordered as its values are declared, ids by time, handles by letters; the others are not."""
    value = asked.values[0]
    if asked.field.type == "id" or asked.target.column == "handle":
        return sql.compared(column, asked.op, _forms(asked, value)[0])
    choices = asked.field.choices
    if not choices:
        raise asked.unordered()
    limit = choices.index(_forms(asked, value)[0])
    fits = _BY_ORDER[asked.op]
    return sql.one_of(column, [choice for place, choice in enumerate(choices) if fits(place, limit)])


def _number(asked: Asked) -> Sql:
    """Whole numbers, percent, spans of days, yes and no; a number with decimals in thousandths."""
    from crmctl.model.values import normal

    field = asked.field
    column = asked.column("_milli" if field.type == "number" else "")
    if field.type == "boolean" and asked.op not in (":", "="):
        raise asked.unordered()
    numbers = []
    for value in asked.values:
        try:
            read = normal(field, asked.plain(value).strip(), asked.context)
        except ValueError as exc:
            raise asked.refused(value, str(exc)) from None
        # Never a date: an integer, a truth value, or a Decimal with at most three places.
        numbers.append(int(read * 1000) if field.type == "number" else int(read))  # type: ignore[arg-type,operator]
    if asked.op in (":", "="):
        return sql.one_of(column, numbers)
    return sql.compared(column, asked.op, numbers[0])


def _counted_list(asked: Asked) -> Sql:
    """A list that the index counts (``bought``): ``:`` is a handle, or text in any of the names kept with it."""
    found = _code(asked)
    if asked.op != ":":
        return found
    from crmctl.model.text import fold

    texts = [fold(value.text) for value in asked.values]
    parts = [sql.contains(asked.column("_key"), text) for text in texts if text]
    return sql.joined([found, *parts], "OR")


_BY_TYPE = {
    **dict.fromkeys(("text", "note", "url", "email", "filter", "template"), _text),
    **dict.fromkeys(("integer", "number", "percent", "boolean", "days"), _number),
    "phone": _phone,
}
