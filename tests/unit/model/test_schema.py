"""The kinds of one book: its own words, fields and kinds, and what is wrong with its declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmctl.model import columns
from crmctl.model import schema as schemas
from crmctl.model.kinds import KINDS

if TYPE_CHECKING:
    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.schema import Schema

VENDOR: Raw = {
    "plural": "vendors",
    "help": "who we buy from",
    "fields": {
        "name": {"type": "text", "required": "True", "search": "on"},
        "country": "country",
        "address": {"type": "group", "fields": {"city": "", "since": "date"}},
        "supplies": {"type": "ref", "kind": "product", "shape": "list"},
        "grade": {"type": "choice", "choices": ["A", "B"], "aliases": "class"},
        "memo": "note",
    },
}


def problems(fields: Raw = "", kinds: Raw = "") -> list[tuple[str, str]]:
    """What is said about declarations, each with its key path."""
    _, found = schemas.build({}, fields, kinds)
    return [(".".join(path), message) for path, message in found]


def only_problem(fields: Raw = "", kinds: Raw = "") -> tuple[str, str]:
    (found,) = problems(fields, kinds)
    return found


def schema(fields: Raw = "", kinds: Raw = "") -> Schema:
    made, found = schemas.build({}, fields, kinds)
    assert found == []
    return made


def field(kind: Kind, name: str) -> Field:
    found = kind.field(name)
    assert found is not None
    return found


def test_a_book_that_declares_nothing_has_the_built_in_kinds() -> None:
    made = schema()
    assert [kind.name for kind in made.kinds] == [kind.name for kind in KINDS]
    assert made.kind("customers") is made.kind("customer") is made.require("customer")
    assert made.kind("vendor") is None
    assert [kind.name for kind in made.kinds if kind not in made.yaml_kinds] == ["interaction"]
    with pytest.raises(KeyError):
        made.require("vendor")


def test_words_of_the_book_become_choices() -> None:
    made, _ = schemas.build({"stages": ("first", "won"), "lifecycles": ("friend",)})
    assert field(made.require("deal"), "stage").choices == ("first", "won")
    assert field(made.require("deal"), "stage_log").fields[0].choices == ("first", "won")
    assert field(made.require("customer"), "lifecycle").choices == ("friend",)
    assert field(made.require("case"), "priority").choices == ("low", "normal", "high", "urgent")


def test_a_kind_of_the_books_own() -> None:
    vendor = schema(kinds={"vendor": VENDOR}).require("vendors")
    assert (vendor.plural, vendor.help) == ("vendors", "who we buy from")
    own = ["name", "country", "address", "supplies", "grade", "memo"]
    assert [f.name for f in vendor.fields] == ["id", *own, "tags", "external", "notes"]
    assert vendor.columns == ("handle", "name", "country", "grade")
    assert vendor.required == ("name",)
    assert field(vendor, "name").search
    assert field(vendor, "supplies").kind == "product"
    assert [part.type for part in field(vendor, "address").fields] == ["text", "date"]


def test_choices_are_compared_in_lower_case_however_they_are_declared() -> None:
    grade = field(schema(kinds={"vendor": VENDOR}).require("vendor"), "grade")
    assert grade.choices == ("a", "b")
    assert grade.aliases == ("class",)


def test_a_kind_needs_no_more_than_a_name() -> None:
    made = schema(kinds={"vendor": {}}).require("vendor")
    assert made.plural == "vendors"
    assert [f.name for f in made.fields] == ["id", "name", "tags", "external", "notes"]
    assert made.required == ("name",)
    assert "own kind vendor" in made.help


def test_own_fields_stand_before_the_notes() -> None:
    customer = schema({"customer": {"shoe_size": "integer"}}).require("customer")
    names = [f.name for f in customer.stored]
    assert names.index("shoe_size") == names.index("external") - 1


def test_fields_can_be_added_to_an_own_kind() -> None:
    vendor = schema({"vendor": {"rating": "integer"}}, {"vendor": {}}).require("vendor")
    assert field(vendor, "rating").type == "integer"


def test_own_fields_go_last_where_there_are_no_notes() -> None:
    bare = KINDS[0]._replace(fields=KINDS[0].fields[:2])
    assert [f.name for f in schemas._insert_before_common(bare.fields, KINDS[0].fields[2:3])] == ["id", "name", "type"]


def test_a_group_of_own_parts() -> None:
    made = schema({"customer": {"car": {"type": "group", "shape": "list", "fields": {"plate": "", "built": "date"}}}})
    car = field(made.require("customer"), "car")
    assert (car.shape, [part.name for part in car.fields]) == ("list", ["plate", "built"])


@pytest.mark.parametrize(
    ("fields", "currency"),
    [
        ({"customer": {"budget": "money"}}, ""),
        ({"customer": {"budget": "money", "currency": "currency"}}, "currency"),
        ({"customer": {"coin": "currency", "budget": {"type": "money", "currency": "coin"}}}, "coin"),
        ({"deal": {"budget": "money"}}, "currency"),
    ],
)
def test_amounts_are_in_the_currency_beside_them_or_in_the_books(fields: dict[str, Raw], currency: str) -> None:
    (kind,) = fields
    assert field(schema(fields).require(kind), "budget").currency == currency


def test_amounts_in_a_group_look_in_the_group_first_and_then_in_the_record() -> None:
    parts: Raw = {"net": {"type": "money", "currency": "coin"}, "coin": "currency", "tax": "money"}
    fee = field(schema({"deal": {"fee": {"type": "group", "fields": parts}}}).require("deal"), "fee")
    assert [part.currency for part in fee.fields] == ["coin", "", "currency"]


def test_what_customers_spent_stays_in_the_books_currency() -> None:
    made = schema({"customer": {"currency": "currency"}})
    assert field(made.require("customer"), "spent").currency == ""


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ("words", "fields", "'fields' should be a map"),
        ({"person": {}}, "fields.person", "there is no kind 'person' to add fields to"),
        ({"customer": "words"}, "fields.customer", "'customer' should be a map"),
        ({"customer": {"Size": "text"}}, "fields.customer.Size", "cannot name a field"),
        ({"customer": {"9lives": "text"}}, "fields.customer.9lives", "cannot name a field"),
        ({"customer": {"x" * 41: "text"}}, f"fields.customer.{'x' * 41}", "cannot name a field"),
        ({"customer": {"handle": "text"}}, "fields.customer.handle", "cannot name a field"),
        ({"customer": {"name": "text"}}, "fields.customer.name", "'name' is a field already"),
        ({"customer": {"last": "date"}}, "fields.customer.last", "'last' is a field already"),
        ({"customer": {"a": "float"}}, "fields.customer.a", "there is no type 'float'"),
        ({"customer": {"a": "id"}}, "fields.customer.a", "there is no type 'id'"),
        ({"customer": {"a": ["text"]}}, "fields.customer.a", "'a' should be a map"),
        ({"customer": {"a": {"shape": "tree"}}}, "fields.customer.a", "there is no shape 'tree'"),
        ({"customer": {"a": {"colour": "red"}}}, "fields.customer.a.colour", "a field has no 'colour'"),
        ({"customer": {"a": {"required": "maybe"}}}, "fields.customer.a.required", "'required' is yes or no"),
        ({"customer": {"a": "group"}}, "fields.customer.a", "a group needs `fields:`"),
        ({"customer": {"a": "ref"}}, "customer.a", "'a' refers to a kind '' that does not exist"),
        (
            {"customer": {"a": {"type": "group", "fields": {"b": {"type": "ref", "kind": "ghost"}}}}},
            "customer.a",
            "'a' refers to a kind 'ghost' that does not exist",
        ),
        (
            {"customer": {"a": {"type": "money", "currency": "coin"}}},
            "fields.customer.a",
            "there is no field 'coin' of the type currency beside it",
        ),
        ({"customer": {"path": "text"}}, "fields.customer.path", "cannot be told from another field"),
        ({"customer": {"row_id": "text"}}, "fields.customer.row_id", "cannot be told from another field"),
        ({"customer": {"address_city": "text"}}, "fields.customer.address_city", "cannot be told from another field"),
        ({"customer": {"name_key": "text"}}, "fields.customer.name_key", "cannot be told from another field"),
        (
            {"customer": {"a": {"type": "group", "shape": "list", "fields": {"owner": "text"}}}},
            "fields.customer.a",
            "cannot be told from another field",
        ),
    ],
)
def test_what_is_wrong_with_a_field_is_said(fields: Raw, path: str, message: str) -> None:
    where, what = only_problem(fields)
    assert where == path
    assert message in what


@pytest.mark.parametrize("bad", ["float", "ref", {"shape": "tree"}, {"type": "group"}])
def test_a_field_that_cannot_be_used_does_not_take_the_others_along(bad: Raw) -> None:
    made, found = schemas.build({}, {"customer": {"bad": bad, "good": "text"}})
    assert len(found) == 1
    customer = made.require("customer")
    assert customer.field("bad") is None
    assert field(customer, "good").type == "text"


def test_a_group_cannot_stand_in_a_group() -> None:
    deep: Raw = {"type": "group", "fields": {"c": "text"}}
    found = problems({"customer": {"a": {"type": "group", "fields": {"b": deep, "d": "text"}}}})
    assert found == [("fields.customer.a.fields.b", "a group cannot stand in a group")]


@pytest.mark.parametrize(
    ("kinds", "path", "message"),
    [
        (["vendor"], "kinds", "'kinds' should be a map"),
        ({"Vendor": {}}, "kinds.Vendor", "cannot name a kind"),
        ({"vendor": "words"}, "kinds.vendor", "'vendor' should be a map"),
        ({"customer": {}}, "kinds.customer", "is taken"),
        ({"vendor": {"plural": "customers"}}, "kinds.vendor", "is taken"),
        ({"vendor": {"plural": "vendor"}}, "kinds.vendor", "is taken"),
        ({"vendor": {"plural": "suppressions"}}, "kinds.vendor", "is taken"),
        ({"send": {}}, "kinds.send", "is taken"),
        ({"vendor": {"plural": "../../x"}}, "kinds.vendor", "is no name"),
        ({"vendor": {"plural": "select"}}, "kinds.vendor", "is no name"),
        ({"sync": {}}, "kinds.sync", "is taken"),  # `crmctl sync` would never be that kind.
        ({"vendor": {"plural": "help"}}, "kinds.vendor", "is taken"),
        ({"file": {}}, "kinds.file", "is taken"),
        ({"problem": {}}, "kinds.problem", "is taken"),
        ({"vendor": {"plural": "customers_tags"}}, "kinds.vendor", "cannot be told from another kind"),
        ({"vendor": {"plural": "deals_raw"}}, "kinds.vendor", "cannot be told from another kind"),
        ({"vendor": {"colour": "red"}}, "kinds.vendor.colour", "a kind has no 'colour'"),
        ({"vendor": {"fields": {"tags": "text"}}}, "kinds.vendor.fields.tags", "is a field already"),
        ({"vendor": {"fields": {"name": "date"}}}, "kinds.vendor.fields.name", "is a single text"),
    ],
)
def test_what_is_wrong_with_a_kind_is_said(kinds: Raw, path: str, message: str) -> None:
    where, what = only_problem(kinds=kinds)
    assert where == path
    assert message in what


def test_a_kind_whose_name_field_is_no_text_gets_one_that_is() -> None:
    made, _ = schemas.build({}, "", {"vendor": {"fields": {"name": {"shape": "list"}}}})
    assert field(made.require("vendor"), "name").shape == "one"


def test_a_field_whose_table_would_be_that_of_a_kind_is_left_out() -> None:
    found = problems({"customer": {"friends": {"shape": "list"}}}, {"friend": {"plural": "customers_friends"}})
    assert [path for path, _ in found] == ["fields.customer.friends"]


def test_no_two_tables_or_columns_of_any_schema_are_the_same() -> None:
    made = schema({"customer": {"budget": "money"}}, {"vendor": VENDOR})
    seen: set[tuple[str, str]] = set()
    tables: set[str] = set()
    for kind in made.kinds:
        names = list(columns.column_names(kind))
        assert len(set(names)) == len(names)
        assert seen.isdisjoint(names)
        assert tables.isdisjoint(table for table, _ in names)
        seen.update(names)
        tables.update(table for table, _ in names)
