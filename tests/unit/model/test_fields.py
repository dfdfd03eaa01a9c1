"""Declarations: what a field and a kind say about themselves."""

from __future__ import annotations

import pytest

from crmctl.model.fields import Field
from crmctl.model.fields import Kind

KIND = Kind(
    "thing",
    "things",
    (Field("id", "id"), Field("name", required=True), Field("seen", "date", derived=True), Field("text", "note")),
)


@pytest.mark.parametrize(
    ("field", "policy"),
    [
        (Field("a"), "scalar"),
        (Field("a", "note"), "lines"),
        (Field("a", "group"), "unit"),
        (Field("a", shape="list"), "set"),
        (Field("a", "group", "list"), "unit"),
        (Field("a", "group", "list", key="name"), "keyed"),
        (Field("a", shape="map"), "keyed"),
        (Field("a", "group", "map", merge="tighten"), "tighten"),
    ],
)
def test_every_field_has_a_way_to_be_merged(field: Field, policy: str) -> None:
    assert field.merge_policy == policy


def test_derived_fields_are_known_but_stand_in_no_file() -> None:
    assert [field.name for field in KIND.stored] == ["id", "name", "text"]
    seen = KIND.field("seen")
    assert seen is not None
    assert seen.derived


def test_a_kind_knows_its_fields() -> None:
    assert KIND.field("nothing") is None
    assert KIND.required == ("name",)
    assert (KIND.title, KIND.columns, KIND.storage, KIND.sort) == ("name", ("handle", "name"), "yaml", "handle")
