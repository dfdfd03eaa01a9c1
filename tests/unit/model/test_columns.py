"""Which columns and tables a field has, and what a name means."""

from __future__ import annotations

import pytest

from crmctl.model import columns
from crmctl.model.columns import Target
from crmctl.model.fields import Field
from crmctl.model.fields import Kind
from crmctl.model.kinds import CUSTOMER
from crmctl.model.kinds import DEAL
from crmctl.model.kinds import INTERACTION

THING = Kind(
    "thing",
    "things",
    (
        Field("id", "id"),
        Field("name"),
        Field("fees", "money", "map"),
        Field("stories", "note", "list"),
        Field("terms", "group", "map", fields=(Field("state"), Field("since", "date"), Field("ways", shape="list"))),
        Field("plain", "group", fields=(Field("text", "note"), Field("list", shape="list"))),
    ),
)


@pytest.mark.parametrize(
    ("type_name", "endings"),
    [
        ("text", ("", "_key")),
        ("phone", ("", "_key")),
        ("note", ("_key",)),
        ("date", ("", "_day", "_month")),
        ("datetime", ("", "_day", "_month", "_time")),
        ("money", ("_minor",)),
        ("number", ("_milli",)),
        ("integer", ("",)),
        ("choice", ("",)),
    ],
)
def test_columns_by_type(type_name: str, endings: tuple[str, ...]) -> None:
    assert columns.suffixes(Field("f", type_name)) == endings


def test_numbers_are_kept_as_numbers() -> None:
    assert columns.is_number(Field("f", "date"), "_day")
    assert not columns.is_number(Field("f", "date"), "_month")
    assert columns.is_number(Field("f", "boolean"), "")
    assert not columns.is_number(Field("f", "ref"), "")


def test_long_texts_stand_aside_in_the_kinds_own_table_only() -> None:
    note = Field("notes", "note")
    assert columns.in_side_table(note, "")
    assert not columns.in_side_table(note, "things_stories")
    assert columns.child_suffixes(note) == ("", "_key")
    assert columns.child_suffixes(Field("a")) == ("", "_key")


def test_all_columns_of_a_kind() -> None:
    assert list(columns.column_names(THING)) == [
        ("things", "row_id"),
        ("things", "handle"),
        ("things", "path"),
        ("things_raw", "row_id"),
        ("things_raw", "data"),
        ("things_words", "body"),
        ("things", "id"),
        ("things", "name"),
        ("things", "name_key"),
        ("things_raw", "plain_text_key"),
        ("things", "plain_list"),
        ("things", "plain_list_key"),
        ("things_fees", "owner"),
        ("things_fees", "position"),
        ("things_fees", "key"),
        ("things_fees", "value_minor"),
        ("things_stories", "owner"),
        ("things_stories", "position"),
        ("things_stories", "key"),
        ("things_stories", "value"),
        ("things_stories", "value_key"),
        ("things_terms", "owner"),
        ("things_terms", "position"),
        ("things_terms", "key"),
        ("things_terms", "state"),
        ("things_terms", "state_key"),
        ("things_terms", "since"),
        ("things_terms", "since_day"),
        ("things_terms", "since_month"),
    ]


@pytest.mark.parametrize(
    ("kind", "name", "field", "column", "table", "key"),
    [
        (CUSTOMER, "handle", "handle", "handle", "", ""),
        (CUSTOMER, "customer", "handle", "handle", "", ""),
        (CUSTOMER, "name", "name", "name", "", ""),
        (CUSTOMER, "email", "emails", "value", "customers_emails", ""),
        (CUSTOMER, "address.city", "city", "address_city", "", ""),
        (CUSTOMER, "city", "city", "address_city", "", ""),
        (CUSTOMER, "last", "last", "last", "", ""),
        (CUSTOMER, "consent.newsletter", "state", "state", "customers_consent", "newsletter"),
        (CUSTOMER, "consent.newsletter.date", "date", "date", "customers_consent", "newsletter"),
        (CUSTOMER, "relations", "customer", "customer", "customers_relations", ""),
        (CUSTOMER, "relations.role", "role", "role", "customers_relations", ""),
        (CUSTOMER, "external.cdnow", "external", "value", "customers_external", "cdnow"),
        (CUSTOMER, "external.a.b", "external", "value", "customers_external", "a.b"),
        (CUSTOMER, "bought", "bought", "value", "customers_bought", ""),
        (DEAL, "value", "amount", "amount", "", ""),
        (DEAL, "lines.price", "price", "price", "deals_lines", ""),
        (INTERACTION, "customer", "customer", "customer", "", ""),
    ],
)
def test_names_mean_something(kind: Kind, name: str, field: str, column: str, table: str, key: str) -> None:
    target = columns.resolve(kind, name)
    # A kind that has a field of its own name means the field; "customer" of a customer is the customer.
    if (kind, name) == (INTERACTION, "customer"):
        assert target is not None
        assert target.field.type == "ref"
    assert target is not None
    assert (target.field.name, target.column, target.table, target.key) == (field, column, table, key)
    assert target.name == name
    assert not target.whole_map


def test_the_keys_of_a_map_can_be_asked() -> None:
    target = columns.resolve(CUSTOMER, "consent")
    assert target == Target("consent", Field("key", "choice"), "key", "customers_consent", whole_map=True)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (CUSTOMER, "nothing"),
        (CUSTOMER, "name.first"),
        (CUSTOMER, "address"),
        (CUSTOMER, "address.planet"),
        (CUSTOMER, "tags.first"),
        (CUSTOMER, "nothing.at.all"),
        (CUSTOMER, "consent.newsletter.planet"),
        (CUSTOMER, "relations.planet"),
        (THING, "terms.a.planet"),
    ],
)
def test_names_that_mean_nothing(kind: Kind, name: str) -> None:
    assert columns.resolve(kind, name) is None


def test_every_suggested_name_can_be_used_except_groups_as_a_whole() -> None:
    for kind in (CUSTOMER, DEAL, INTERACTION):
        names = columns.names(kind)
        assert len(set(names)) == len(names)
        groups = {field.name for field in kind.fields if field.type == "group" and field.shape == "one"}
        assert {name for name in names if columns.resolve(kind, name) is None} == groups
    assert {"handle", "email", "address.city", "city", "lines.price"} <= {
        *columns.names(CUSTOMER),
        *columns.names(DEAL),
    }
