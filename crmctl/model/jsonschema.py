"""A kind's declaration as JSON Schema (draft-07), so that editors complete fields and mark what does not fit.

Source: https://json-schema.org/draft-07/schema. The schema is a little more forgiving than ``check``: an editor reads
YAML by type (``probability: 50`` is a number to it), while crmctl takes every value as the text it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind

DRAFT = "http://json-schema.org/draft-07/schema#"

_HANDLE = "^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"
_MOMENT = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[-+]\d{2}:\d{2})?)?$"
_AMOUNT = r"^[-+]?\d+(\.\d+)?$"
_BY_TYPE: dict[str, dict[str, Any]] = {
    "boolean": {"enum": ["yes", "no", "true", "false", "on", "off", "1", "0", True, False]},
    "country": {"type": "string", "minLength": 2},
    "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$"},
    "date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    "datetime": {"type": "string", "pattern": _MOMENT},
    "days": {"type": ["string", "integer"], "pattern": r"^\d{1,5} ?([dwmyDWMY]|days?|weeks?|months?|years?)?$"},
    "email": {"type": "string", "pattern": "^[^@\\s]+@[^@\\s]+$"},
    "id": {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"},
    "integer": {"type": ["integer", "string"], "pattern": r"^[-+]?\d{1,15}$"},
    "language": {"type": "string", "pattern": "^[A-Za-z]{2}([-_][A-Za-z]{2,4})?$"},
    "money": {"type": ["string", "number"], "pattern": _AMOUNT},
    "number": {"type": ["number", "string"], "pattern": r"^[-+]?\d{1,12}(\.\d{1,3})?$"},
    "percent": {"type": ["integer", "string"], "pattern": r"^\d{1,3} ?%?$", "minimum": 0, "maximum": 100},
    "phone": {"type": ["string", "integer"]},
    "ref": {"type": "string", "pattern": _HANDLE, "maxLength": 64},
}


def json_schema(kind: Kind) -> dict[str, Any]:
    """The schema of one record of ``kind`` (of one line, for interactions), with the words of the book it is from."""
    schema: dict[str, Any] = {
        "$schema": DRAFT,
        "title": kind.name,
        "description": kind.help,
        **_object(kind.stored),
    }
    if kind.storage == "jsonl":
        schema["description"] += "; one object a line"
    return schema


def _object(fields: tuple[Field, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {field.name: _field(field) for field in fields}}
    required = [field.name for field in fields if field.required]
    if required:
        schema["required"] = required
    # Unknown fields are kept; check tells of them.
    schema["additionalProperties"] = True
    return schema


def _field(field: Field) -> dict[str, Any]:
    schema = _value(field)
    if field.shape == "list":
        schema = {"type": "array", "items": schema}
        if field.type != "group":
            schema["uniqueItems"] = True
    elif field.shape == "map":
        schema = {"type": "object", "additionalProperties": schema}
    description = _description(field)
    return {"description": description, **schema} if description else schema


def _value(field: Field) -> dict[str, Any]:
    if field.type == "group":
        return _object(field.fields)
    if field.choices:
        return {"type": "string", "enum": list(field.choices)}
    return dict(_BY_TYPE.get(field.type, {"type": "string"}))


def _description(field: Field) -> str:
    parts = [field.help]
    if field.type == "ref":
        parts.append(f"handle of a {field.kind}")
    elif field.type == "template":
        parts.append("name of a file in templates/")
    elif field.type == "filter":
        parts.append("a filter; see crmctl help filters")
    return "; ".join(part for part in parts if part)
