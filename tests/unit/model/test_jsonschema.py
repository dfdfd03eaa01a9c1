"""JSON Schema from a declaration: it is draft-07, it takes what crmctl takes, and marks what it does not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import Any

import pytest

from crmctl.model.fields import TYPES
from crmctl.model.fields import Field
from crmctl.model.fields import Kind
from crmctl.model.jsonschema import json_schema
from crmctl.model.kinds import CUSTOMER
from crmctl.model.kinds import DEAL
from crmctl.model.kinds import KINDS
from crmctl.model.settings_reading import read_settings
from crmctl.store.jsonl import read_lines
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEYWORDS = {
    "$schema",
    "title",
    "description",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "uniqueItems",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
}
_TYPES: dict[str, Any] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
    "number": (int, float),
    "object": dict,
}


def wrong(schema: Any, value: Any, at: str = "") -> Iterator[str]:
    """The problems of ``value`` by the rules of draft-07, for the keywords that we use."""
    if schema is True:
        return
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(kind, value) for kind in kinds):
        yield f"{at}: type"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: enum"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{at}: pattern"
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{at}: length"
    if _is("number", value) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{at}: range"
    if isinstance(value, dict):
        yield from (f"{at}.{name}: required" for name in schema.get("required", []) if name not in value)
        for name, item in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", True))
            yield from wrong(inner, item, f"{at}.{name}")
    if isinstance(value, list):
        for item in value:
            yield from wrong(schema.get("items", True), item, f"{at}[]")
        if schema.get("uniqueItems") and len({repr(item) for item in value}) < len(value):
            yield f"{at}: unique"


def _is(kind: str, value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str)
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for inner in schema.get("properties", {}).values():
            yield from subschemas(inner)
        yield from subschemas(schema.get("items"))
        yield from subschemas(schema.get("additionalProperties"))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_the_schema_of_every_kind_is_draft_07(kind: Kind) -> None:
    schema = json_schema(kind)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert (schema["type"], schema["additionalProperties"]) == ("object", True)
    for part in subschemas(schema):
        assert set(part) <= _KEYWORDS
        names = part.get("type", [])
        assert {names} if isinstance(names, str) else set(names) <= {*_TYPES, "string"}
        re.compile(part.get("pattern", ""))
        assert len(part.get("enum", ["x"])) == len({repr(value) for value in part.get("enum", ["x"])}) > 0
        assert set(part.get("required", [])) <= set(part.get("properties", {}))
        assert part.get("description", "x").strip()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_every_stored_field_is_in_it_and_no_counted_one(kind: Kind) -> None:
    assert list(json_schema(kind)["properties"]) == [field.name for field in kind.stored]


def test_every_record_of_the_sample_fits(sample_dir: Path) -> None:
    settings = read_settings(read_yaml((sample_dir / "crm.yaml").read_bytes(), "crm.yaml").data)
    count = 0
    for kind in settings.schema.kinds:
        schema = json_schema(kind)
        for path in sorted((sample_dir / "records" / kind.plural).glob("*.*")):
            data = path.read_bytes()
            found = (
                [line.value for line in read_lines(data, "")[0]]
                if kind.storage == "jsonl"
                else [read_yaml(data, "").data]
            )
            for record in found:
                assert list(wrong(schema, record, path.name)) == []
                count += 1
    assert count > 500


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 5),
        ("birthday", "1.2.1990"),
        ("emails", "ada@example.com"),
        ("emails", ["ada"]),
        ("tags", ["a", "a"]),
        ("type", "alien"),
        ("owner", "Jane Doe"),
        ("consent", {"news": {}}),
        ("consent", {"news": {"state": "maybe"}}),
        ("address", "Rome"),
        ("relations", [{"role": "friend"}]),
        ("cadence", "often"),
        ("language", "english"),
        ("id", "1"),
    ],
)
def test_what_does_not_fit_a_customer_is_marked(field: str, value: object) -> None:
    assert len(list(wrong(json_schema(CUSTOMER), {"name": "Ada", field: value}))) == 1


def test_values_may_be_written_without_quotes_where_yaml_sees_numbers() -> None:
    schema = json_schema(DEAL)
    record = {"name": "X", "customer": "ada", "amount": 12.5, "probability": 50}
    assert list(wrong(schema, record)) == []
    assert list(wrong(schema, {**record, "probability": 150})) == [".probability: range"]
    assert list(wrong(schema, {**record, "amount": "12,50"})) == [".amount: pattern"]
    assert list(wrong(schema, {"own": 1})) == [".name: required", ".customer: required"]


def test_the_words_and_fields_of_the_book_are_in_it() -> None:
    raw = {
        "lifecycles": ["new", "old"],
        "fields": {"customer": {"size": {"type": "choice", "choices": ["s", "m"], "help": "of the shirt"}}},
        "kinds": {"vendor": {"plural": "vendors", "fields": {"since": "date"}}},
    }
    known = read_settings(raw).schema  # type: ignore[arg-type]
    customer = json_schema(known.require("customer"))
    assert customer["properties"]["lifecycle"]["enum"] == ["new", "old"]
    assert customer["properties"]["size"] == {"description": "of the shirt", "type": "string", "enum": ["s", "m"]}
    assert "since" in json_schema(known.require("vendor"))["properties"]


@pytest.mark.parametrize("type_name", TYPES)
def test_every_type_and_shape_can_be_told(type_name: str) -> None:
    parts = (Field("part", required=True),)
    fields = tuple(
        Field(f"f_{shape}", type_name, shape, fields=parts, kind="customer") for shape in ("one", "list", "map")
    )
    properties = json_schema(Kind("thing", "things", fields))["properties"]
    assert properties["f_list"]["type"] == "array"
    assert properties["f_map"]["type"] == "object"
    for part in subschemas(properties["f_one"]):
        assert "type" in part or "enum" in part
